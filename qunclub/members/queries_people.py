"""What admins read of people: the list, one person, the numbers kept back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, Text, cast, func, or_, select
from sqlalchemy.orm import Session

from qunclub.kernel import Marked, NotFound, Page, paginate_by_mark
from qunclub.kernel.store import AuditEntry

from .models import Member, ReservedNumber, Tier
from .rules import ERASED, GRANTABLE

STATES = ("numbered", "guest", "suspended", "gone")


@dataclass(frozen=True, slots=True)
class Person:
    """A member row with the name of its tier."""

    member: Member
    tier: str

    @property
    def erased(self) -> bool:
        """Whether this person deleted their account."""
        return self.member.user_key.startswith(ERASED)


@dataclass(frozen=True, slots=True)
class PersonView:
    """One person with what admins did about them."""

    person: Person
    acts: list[AuditEntry]


def _people(q: str, role: str, state: str) -> Select[*tuple[Any, ...]]:
    query: Select[*tuple[Any, ...]] = select(Member, Tier.name).outerjoin(Tier, Tier.id == Member.tier_id)
    word = q.strip()
    if word:
        digits = word.lower().removeprefix("no.").lstrip("#").strip()
        found = [
            column.icontains(word, autoescape=True)
            for column in (Member.name, Member.nickname, Member.email)
        ]  # fmt: skip
        if digits.isdecimal() and len(digits) <= 9:
            found.append(Member.number == int(digits))
        query = query.where(or_(*found))
    if role in GRANTABLE:
        query = query.where(cast(Member.roles, Text).contains(f'"{role}"'))
    if state == "numbered":
        query = query.where(Member.number.is_not(None))
    elif state == "guest":
        query = query.where(Member.number.is_(None), Member.user_key.not_like(ERASED + "%"))
    elif state == "suspended":
        query = query.where(Member.suspended_at.is_not(None))
    elif state == "gone":
        query = query.where(Member.user_key.like(ERASED + "%"))
    return query


def people(
    session: Session, *, q: str = "", role: str = "", state: str = "", after: str = ""
) -> Page[Person]:
    """People, the newest first, in one statement."""
    marked = Marked(Member.id, Member.id, True, lambda row: (row[0].id, row[0].id), number=True)
    found = paginate_by_mark(session, _people(q, role, state), marked, after=after)
    items = [Person(member, tier or "") for member, tier in found.items]
    return Page(items, found.page, found.per_page, found.has_next, found.more)


def people_rows(session: Session, *, q: str = "", role: str = "", state: str = "") -> Iterator[list[Any]]:
    """The same people as rows for a table, read while they are sent."""
    query = _people(q, role, state).order_by(Member.id).execution_options(yield_per=500)
    for member, tier in session.execute(query):
        yield [
            member.id, member.number, member.name, member.nickname, member.email, member.city, tier or "",
            " ".join(member.roles), member.joined_at, member.numbered_at, member.suspended_at,
            member.suspend_reason,
        ]  # fmt: skip


PEOPLE_HEADER = (
    "id", "number", "name", "nickname", "email", "city", "tier", "roles", "joined_at", "numbered_at",
    "suspended_at", "suspend_reason",
)  # fmt: skip


def person(session: Session, member_id: int) -> PersonView:
    """One person and the last acts about them, in two statements.

    Raises:
        NotFound: when there is none.
    """
    row = session.execute(
        select(Member, Tier.name).outerjoin(Tier, Tier.id == Member.tier_id).where(Member.id == member_id)
    ).one_or_none()
    if row is None:
        raise NotFound()
    acts = session.scalars(
        select(AuditEntry)
        .where(AuditEntry.target == f"member:{member_id}")
        .order_by(AuditEntry.id.desc())
        .limit(50)
    )
    return PersonView(Person(row[0], row[1] or ""), list(acts))


@dataclass(frozen=True, slots=True)
class Kept:
    """A number kept back, and who has it by now."""

    number: int
    reason: str
    by: str
    holder_id: int | None
    holder: str


def reserved(session: Session, *, after: str = "") -> Page[Kept]:
    """Numbers kept back, in order, with whom they were given to; one statement."""
    query = select(ReservedNumber, Member.id, Member.nickname, Member.name).outerjoin(
        Member, Member.number == ReservedNumber.number
    )
    at = ReservedNumber.number
    marked = Marked(at, at, False, lambda row: (row[0].number, row[0].number), number=True)
    found = paginate_by_mark(session, query, marked, after=after)
    items = [
        Kept(kept.number, kept.reason, kept.reserved_by, ident, nickname or name or "")
        for kept, ident, nickname, name in found.items
    ]
    return Page(items, found.page, found.per_page, found.has_next, found.more)


def free_reserved(session: Session, *, limit: int = 200) -> list[int]:
    """Numbers kept back that nobody has yet, the lowest first."""
    query = (
        select(ReservedNumber.number)
        .outerjoin(Member, Member.number == ReservedNumber.number)
        .where(Member.id.is_(None))
        .order_by(ReservedNumber.number)
        .limit(limit)
    )
    return list(session.scalars(query))


def admins(session: Session) -> int:
    """How many people are admins by the club's own roles and not suspended."""
    query = select(func.count(Member.id)).where(
        cast(Member.roles, Text).contains('"admin"'), Member.suspended_at.is_(None)
    )
    return session.execute(query).scalar_one()
