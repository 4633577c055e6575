"""Who is barred from taking a seat, and until when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from qunclub.kernel import NotFound, Page
from qunclub.kernel.pages import PER_PAGE
from qunclub.members.models import Member

from .models import Group, GroupLine
from .models_bar import Bar


def stands(now: dt.datetime) -> ColumnElement[bool]:
    """SQL over ``Bar``: it was not lifted and its time is not up."""
    return Bar.lifted_at.is_(None) & or_(Bar.until.is_(None), Bar.until > now)


def bars_of(session: Session, member_id: int, now: dt.datetime) -> list[Bar]:
    """The bars of a member that stand: one statement along their index."""
    query = select(Bar).where(Bar.member_id == member_id, stands(now)).order_by(Bar.id)
    return list(session.scalars(query))


def bar_in(session: Session, *, line_id: int, member_id: int, now: dt.datetime) -> Bar | None:
    """What keeps the member from a seat in this line: the bar that lasts longest, None when nothing does."""
    found = [one for one in bars_of(session, member_id, now) if one.line_id in (None, line_id)]
    return max(found, key=lambda one: (one.until is None, one.until or now), default=None)


def barred_among(
    session: Session, *, group_id: int | None, member_ids: Iterable[int], now: dt.datetime
) -> set[int]:
    """Who of these may take no seat in this group (None: in no group at all)."""
    ids = list(member_ids)
    people, member = barred(group_id, now)
    return set(session.scalars(people.where(member.in_(ids)))) if ids else set()


def barred(group_id: int | None, at: dt.datetime) -> tuple[Select[int], ColumnElement[int]]:
    """SQL: who may take no seat in this group (None: in no group at all) at a moment, and the column naming them."""
    line = select(Group.line_id).where(Group.id == group_id).scalar_subquery()
    scope = Bar.line_id.is_(None) if group_id is None else or_(Bar.line_id.is_(None), Bar.line_id == line)
    return select(Bar.member_id).where(stands(at), scope), Bar.__table__.c.member_id


@dataclass(frozen=True, slots=True)
class BarRow:
    """A bar as an admin sees it."""

    bar: Bar
    member: Member
    line: GroupLine | None


def bar_rows(session: Session, *, number: int | None = None, before: int = 0) -> Page[BarRow]:
    """Bars, the newest first, from before an id on; of one member when *number* is given."""
    query = (
        select(Bar, Member, GroupLine)
        .join(Member, Member.id == Bar.member_id)
        .join(GroupLine, GroupLine.id == Bar.line_id, isouter=True)
        .order_by(Bar.id.desc())
        .limit(PER_PAGE + 1)
    )
    if number is not None:
        query = query.where(Member.number == number)
    if before:
        query = query.where(Bar.id < before)
    rows = [BarRow(*row) for row in session.execute(query)]
    more = str(rows[PER_PAGE - 1].bar.id) if len(rows) > PER_PAGE else ""
    return Page(items=rows[:PER_PAGE], has_next=bool(more), more=more)


def bar_row(session: Session, bar_id: int) -> BarRow:
    """One bar.

    Raises:
        NotFound: when there is none.
    """
    row = session.execute(
        select(Bar, Member, GroupLine)
        .join(Member, Member.id == Bar.member_id)
        .join(GroupLine, GroupLine.id == Bar.line_id, isouter=True)
        .where(Bar.id == bar_id)
    ).one_or_none()
    if row is None:
        raise NotFound()
    return BarRow(*row)
