"""Reads of notices, each in a constant number of statements along an index."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session, aliased

from qunclub.kernel import Page
from qunclub.members.models import Member

from . import rules
from .models import Notice, NoticeChoice

PER_PAGE = 30
BATCH = 500


@dataclass(frozen=True, slots=True)
class Told:
    """A notice as its member sees it; *facts* fill the msgid *text*."""

    id: int
    kind: str
    text: str
    facts: dict[str, Any]
    icon: str
    endpoint: str
    created_at: dt.datetime
    unread: bool


@dataclass(frozen=True, slots=True)
class Mailed:
    """A notice with what its mail needs."""

    member_id: int
    email: str
    locale: str
    shown_name: str
    kind: str
    text: str
    facts: dict[str, Any]
    endpoint: str
    values: dict[str, Any]


def listed(session: Session, member_id: int, *, before: int | None = None) -> Page[Told]:
    """A member's notices, the newest first, older than the one with the id *before*: one statement."""
    by = aliased(Member)
    query = (
        select(Notice, by.nickname, by.name)
        .outerjoin(by, by.id == Notice.by_id)
        .where(Notice.member_id == member_id)
        .order_by(Notice.id.desc())
        .limit(PER_PAGE + 1)
    )
    if before is not None:
        query = query.where(Notice.id < before)
    rows = session.execute(query).all()
    items = [_told(row, nickname or name or "") for row, nickname, name in rows[:PER_PAGE]]
    more = str(items[-1].id) if len(rows) > PER_PAGE else ""
    return Page(items, page=1 if before is None else 2, per_page=PER_PAGE, has_next=bool(more), more=more)


def _told(row: Notice, by: str) -> Told:
    kind = rules.kind_of(row.kind)
    return Told(
        row.id, row.kind, row.said or kind.text, {**row.facts, "name": by}, kind.icon, row.endpoint, row.created_at,
        row.read_at is None,
    )  # fmt: skip


def told(session: Session, *, members: Sequence[int], kind: str, source: str) -> set[int]:
    """Which of *members* were told of this *source*: one statement along the unique key for each batch of them."""
    found: set[int] = set()
    for start in range(0, len(members), BATCH):
        some = members[start : start + BATCH]
        query = select(Notice.member_id).where(
            Notice.member_id.in_(some), Notice.kind == kind, Notice.source == source
        )
        found.update(session.scalars(query))
    return found


def ways(session: Session, member_id: int) -> dict[str, str]:
    """How a member is told of each kind: one statement."""
    chosen = {
        kind: way
        for kind, way in session.execute(
            select(NoticeChoice.kind, NoticeChoice.way).where(NoticeChoice.member_id == member_id)
        )
    }
    return {kind: rules.way_of(kind, chosen.get(kind)) for kind in rules.KINDS}


def for_mail(session: Session, notice_id: int) -> Mailed | None:
    """The notice with its reader; None when it needs no mail any more: read, silenced, or its member has gone."""
    by = aliased(Member)
    row = session.execute(
        select(Notice, Member, by.nickname, by.name, NoticeChoice.way)
        .join(Member, Member.id == Notice.member_id)
        .outerjoin(by, by.id == Notice.by_id)
        .outerjoin(
            NoticeChoice,
            and_(NoticeChoice.member_id == Notice.member_id, NoticeChoice.kind == Notice.kind),
        )
        .where(Notice.id == notice_id)
    ).one_or_none()
    if row is None:
        return None
    notice, member, nickname, name, way = row
    kind = rules.kind_of(notice.kind)
    silenced = rules.way_of(notice.kind, way) != "all" or (notice.read_at is not None and not kind.always)
    if silenced or not member.email:
        return None
    return Mailed(
        member_id=member.id,
        email=member.email,
        locale=member.locale,
        shown_name=member.shown_name,
        kind=notice.kind,
        text=notice.said or kind.text,
        facts={**notice.facts, "name": nickname or name or ""},
        endpoint=notice.endpoint,
        values=notice.args,
    )
