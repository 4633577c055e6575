"""Reads of plans, passes and tiers for admins."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from qunclub import groups
from qunclub.courses.models import Course
from qunclub.groups.models import Group, GroupLine, Seat
from qunclub.kernel import Marked, NotFound, Page, paginate, paginate_by_mark
from qunclub.members.models import Member, Tier

from . import rules
from .models import Pass, PassTerm, Plan

MOST_CHOICES = 500
LONGEST_NUMBER = 9
HELD_HEADER = (
    "pass", "state", "number", "name", "email", "plan", "source", "starts_at", "ends_at", "ended_at", "end_reason",
    "renews", "grace_until", "extended",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class HeldRow:
    """One line of the list of passes."""

    held: Pass
    member: Member
    plan: Plan
    terms: int = 1

    @property
    def extended(self) -> int:
        """How many times its time was added to."""
        return max(0, self.terms - 1)


@dataclass(frozen=True, slots=True)
class Effect:
    """What revoking a pass does, exactly.

    Attributes:
        courses: courses that close, because no other active pass of the member opens them.
        seat_ends: whether the seat (or waiting place) goes; it stays when another active pass keeps it.
        waiting: how many wait for the seat that would be freed.
        tier_after: the tier the member has then.
        bought: whether it was bought, so that its place returns to the stock.
    """

    row: HeldRow
    courses: list[Course]
    seat: Seat | None
    group: Group | None
    line: GroupLine | None
    seat_ends: bool
    waiting: int
    tier_now: Tier | None
    tier_after: Tier | None
    bought: bool


def plans(session: Session, *, q: str = "", state: str = "", page: int = 1) -> Page[Plan]:
    """The admin's list of plans."""
    query = (
        select(Plan)
        .options(joinedload(Plan.tier), joinedload(Plan.group_line))
        .order_by(Plan.position, Plan.id)
    )
    if q:
        query = query.where(or_(Plan.title.contains(q, autoescape=True), Plan.slug == q))
    if state:
        query = query.where(Plan.state == state)
    return paginate(session, query, page=page)


def plan(session: Session, plan_id: int) -> Plan:
    """One plan with its courses.

    Raises:
        NotFound: when there is none.
    """
    row = session.scalars(
        select(Plan).where(Plan.id == plan_id).options(selectinload(Plan.courses))
    ).one_or_none()
    if row is None:
        raise NotFound()
    return row


def choices(session: Session, plan_id: int | None = None) -> dict[str, list[tuple[int, str]]]:
    """What a plan can name: tiers, courses, group lines, other plans that it may be an upgrade from."""
    tier_rows = session.execute(select(Tier.id, Tier.name).order_by(Tier.rank).limit(MOST_CHOICES))
    course_rows = session.execute(
        select(Course.id, Course.title).order_by(Course.position).limit(MOST_CHOICES)
    )
    line_rows = session.execute(
        select(GroupLine.id, GroupLine.name)
        .where(GroupLine.kind != "core")
        .order_by(GroupLine.id)
        .limit(MOST_CHOICES)
    )
    plan_rows = session.execute(
        select(Plan.id, Plan.title)
        .where(Plan.interval == "", Plan.id != (plan_id or 0))
        .order_by(Plan.position, Plan.id)
        .limit(MOST_CHOICES)
    )
    return {
        "plans": [(ident, title) for ident, title in plan_rows],
        "tiers": [(ident, name) for ident, name in tier_rows],
        "courses": [(ident, title) for ident, title in course_rows],
        "lines": [(ident, name) for ident, name in line_rows],
    }


def plan_names(session: Session) -> list[tuple[int, str]]:
    """Plans by id and title, for choosing one."""
    rows = session.execute(select(Plan.id, Plan.title).order_by(Plan.position, Plan.id).limit(MOST_CHOICES))
    return [(ident, title) for ident, title in rows]


def held_query(*, q: str = "", state: str = "", plan_id: int | None = None) -> Select[Pass, Member, Plan]:
    """The query behind the list of passes and its CSV."""
    query = (
        select(Pass, Member, Plan)
        .join(Member, Member.id == Pass.member_id)
        .join(Plan, Plan.id == Pass.plan_id)
    )
    if state:
        query = query.where(Pass.state == state)
    if plan_id is not None:
        query = query.where(Pass.plan_id == plan_id)
    if q.isdecimal() and len(q) <= LONGEST_NUMBER:
        query = query.where(Member.number == int(q))
    elif q:
        query = query.where(
            or_(
                Member.name.startswith(q, autoescape=True),
                Member.nickname.startswith(q, autoescape=True),
                Member.email == q.lower(),
            )
        )
    return query


def held(
    session: Session, *, q: str = "", state: str = "", plan_id: int | None = None, after: str = ""
) -> Page[HeldRow]:
    """Passes that members hold or held, the newest first."""
    marked = Marked(Pass.id, Pass.id, True, lambda row: (row[0].id, row[0].id), number=True)
    query = held_query(q=q, state=state, plan_id=plan_id)
    found = paginate_by_mark(session, query, marked, after=after)
    live = select(PassTerm.pass_id, func.count()).where(
        PassTerm.pass_id.in_([one.id for one, _member, _plan in found.items]), PassTerm.revoked_at.is_(None)
    )
    terms: dict[int, int] = {
        ident: count for ident, count in session.execute(live.group_by(PassTerm.pass_id))
    }
    rows = [HeldRow(one, member, sold, terms.get(one.id, 0)) for one, member, sold in found.items]
    return replace(found, items=rows)


def held_rows(session: Session, **filters: Any) -> Iterator[tuple[Any, ...]]:
    """The same list as a table of record."""
    terms = (
        select(func.count(PassTerm.id))
        .where(PassTerm.pass_id == Pass.id, PassTerm.revoked_at.is_(None))
        .correlate(Pass)
        .scalar_subquery()
    )
    query = held_query(**filters).add_columns(terms).order_by(Pass.id.desc())
    for one, member, sold, count in session.execute(query.execution_options(yield_per=500)):
        extended = max(0, count - 1)
        yield (
            one.id, one.state, member.number, member.name, member.email, sold.title, one.source, one.starts_at,
            one.ends_at, one.ended_at, one.end_reason, one.renews, one.grace_until, extended,
        )  # fmt: skip


def effect_of_revoking(session: Session, pass_id: int, now: dt.datetime) -> Effect:
    """What would happen; nothing changes.

    Raises:
        NotFound: when there is no such pass.
    """
    row = session.execute(
        select(Pass, Member, Plan)
        .join(Member, Member.id == Pass.member_id)
        .join(Plan, Plan.id == Pass.plan_id)
        .where(Pass.id == pass_id)
        .options(selectinload(Plan.courses))
    ).one_or_none()
    if row is None:
        raise NotFound()
    one, member, sold = row
    others = session.scalars(
        select(Pass)
        .where(
            Pass.member_id == member.id,
            Pass.state.in_(rules.LIVE),
            Pass.id != one.id,
            or_(Pass.ends_at.is_(None), Pass.ends_at > now, Pass.grace_until > now),
        )
        .options(
            joinedload(Pass.plan).selectinload(Plan.courses), joinedload(Pass.plan).joinedload(Plan.tier)
        )
    ).all()
    open_elsewhere = {
        course.id for other in others if other.state == "active" for course in other.plan.courses
    }
    tiers = [other.plan.tier for other in others if other.plan.tier is not None]
    mine = groups.seat_of(session, one.seat_id) if one.seat_id else None
    kept = any(other.seat_id == one.seat_id for other in others)
    return Effect(
        row=HeldRow(one, member, sold),
        courses=[course for course in sold.courses if course.id not in open_elsewhere],
        seat=mine.seat if mine else None,
        group=mine.group if mine else None,
        line=mine.line if mine else None,
        seat_ends=bool(mine and mine.seat.state in groups.LIVE and not kept),
        waiting=mine.line.waiting_count if mine else 0,
        tier_now=session.get(Tier, member.tier_id) if member.tier_id else None,
        tier_after=max(tiers, key=lambda tier: tier.rank) if tiers else None,
        bought=one.source.startswith(rules.SOLD_PREFIX),
    )


def tiers(session: Session) -> list[Tier]:
    """Every tier, the highest last."""
    return list(session.scalars(select(Tier).order_by(Tier.rank, Tier.id).limit(MOST_CHOICES)))


def member_by(session: Session, text: str) -> Member | None:
    """The member with this number or e-mail."""
    query = select(Member)
    text = text.strip()
    if text.isdecimal() and len(text) <= LONGEST_NUMBER:
        return session.scalars(query.where(Member.number == int(text))).one_or_none()
    return session.scalars(query.where(func.lower(Member.email) == text.lower()).limit(1)).one_or_none()
