"""Reads of certificates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, and_, bindparam, or_, select
from sqlalchemy.orm import Session

from qunclub.kernel import Page, ids, paginate, reads
from qunclub.members.models import Member

from .models import Certificate, Course

HEADER = ("code", "name", "number", "course", "issued_at", "revoked_at", "revoke_reason")


@dataclass(frozen=True, slots=True)
class Mine:
    """What a reader has of a course's certificate.

    Attributes:
        given: whether the course gives one at present.
        code: of the reader's own, when there is one.
    """

    given: bool
    code: str | None
    issued_at: dt.datetime | None
    revoked_at: dt.datetime | None


def grouped(code: str) -> str:
    """A code in groups of four, as it is printed.

    >>> grouped("7K3M9QX2ABCD")
    '7K3M-9QX2-ABCD'
    """
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


def by_code(session: Session, code: str) -> tuple[Certificate, int | None] | None:
    """A certificate and its member's number, however the code was typed."""
    found = session.execute(
        select(Certificate, Member.number)
        .join(Member, Member.id == Certificate.member_id)
        .where(Certificate.code == ids.normalise_code(code[:40]))
    ).one_or_none()
    return None if found is None else (found[0], found[1])


def of_course(session: Session, course_id: int, member_id: int | None) -> Mine:
    """What a course page says of its certificate."""
    return Mine(*reads.one(session, _of_course(), course=course_id, member=member_id or 0))


def of_member(session: Session, member_id: int) -> list[Row[Any]]:
    """(code, course_title, issued_at, revoked_at) of one's own certificates, the newest first."""
    found = select(
        Certificate.code, Certificate.course_title, Certificate.issued_at, Certificate.revoked_at
    ).where(Certificate.member_id == member_id)
    return list(session.execute(found.order_by(Certificate.issued_at.desc(), Certificate.id.desc())))


def admin_list(session: Session, *, q: str, course: int | None, state: str, page: int) -> Page[Any]:
    """Certificates for the admin's list: (certificate, number), the newest first."""
    return paginate(session, _found(q, course, state).add_columns(Member.number), page=page)


def rows(session: Session, *, q: str, course: int | None, state: str) -> Iterator[tuple[Any, ...]]:
    """The same list for a spreadsheet."""
    query = _found(q, course, state).add_columns(Member.number)
    for row, number in session.execute(query.execution_options(yield_per=500)):
        yield (
            grouped(row.code),
            row.name,
            number,
            row.course_title,
            row.issued_at,
            row.revoked_at,
            row.revoke_reason,
        )


@cache
def _of_course() -> Select[*tuple[Any, ...]]:
    own = and_(Certificate.course_id == Course.id, Certificate.member_id == bindparam("member"))
    return (
        select(Course.certificate, Certificate.code, Certificate.issued_at, Certificate.revoked_at)
        .outerjoin(Certificate, own)
        .where(Course.id == bindparam("course"))
    )


def _found(q: str, course: int | None, state: str) -> Select[*tuple[Any, ...]]:
    query: Select[*tuple[Any, ...]] = select(Certificate).join(Member, Member.id == Certificate.member_id)
    if q:
        words = [Certificate.name.icontains(q, autoescape=True), Certificate.code == ids.normalise_code(q)]
        if q.isdecimal() and len(q) <= 9:
            words.append(Member.number == int(q))
        query = query.where(or_(*words))
    if course is not None:
        query = query.where(Certificate.course_id == course)
    if state == "revoked":
        query = query.where(Certificate.revoked_at.is_not(None))
    elif state == "good":
        query = query.where(Certificate.revoked_at.is_(None))
    return query.order_by(Certificate.issued_at.desc(), Certificate.id.desc())
