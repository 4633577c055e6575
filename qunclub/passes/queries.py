"""Reads of plans and passes for visitors and members, each in a constant number of statements."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from qunclub import groups
from qunclub.courses.models import Course
from qunclub.groups import LineView
from qunclub.groups.models import Group, GroupLine, Seat
from qunclub.kernel import NotFound
from qunclub.members.models import Tier

from . import rules
from .models import EntryTicket, Pass, Plan
from .rules import SaleReason

MOST_PLANS = 60


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan as a visitor sees it before paying.

    Attributes:
        reason: why it cannot be bought now, None when it can.
        left: stock left, None without a limit.
        line: the group line it leads into, with its rules and room.
    """

    plan: Plan
    tier: Tier | None
    courses: Sequence[Course]
    line: LineView | None
    reason: SaleReason | None
    left: int | None

    @property
    def reason_text(self) -> str:
        """Why it cannot be bought now, as a msgid."""
        return rules.SALE_REASONS[self.reason] if self.reason else ""


@dataclass(frozen=True, slots=True)
class Holding:
    """A pass its member holds or held, with what it brought."""

    held: Pass
    plan: Plan
    courses: Sequence[Course]
    seat: Seat | None
    line: GroupLine | None
    group: Group | None
    ticket: EntryTicket | None

    def live(self, now: dt.datetime) -> bool:
        """Whether it opens anything now."""
        return self.held.state == "active" and (self.held.ends_at is None or now < self.held.ends_at)


def catalogue(session: Session, now: dt.datetime) -> list[PlanView]:
    """What is on the shelf, in the admin's order; those that cannot be bought now come last."""
    plans = session.scalars(
        select(Plan)
        .where(Plan.state == "on_sale")
        .options(joinedload(Plan.tier), selectinload(Plan.courses))
        .order_by(Plan.position, Plan.price, Plan.id)
        .limit(MOST_PLANS)
    ).all()
    lines = groups.line_views(session, [plan.group_line_id for plan in plans if plan.group_line_id])
    views = [_view(plan, lines, now) for plan in plans]
    return [one for one in views if one.reason is None] + [one for one in views if one.reason is not None]


def plan_by_slug(session: Session, slug: str, now: dt.datetime, *, drafts: bool = False) -> PlanView:
    """One plan; drafts only for those who may see them.

    Raises:
        NotFound: when there is none at this address.
    """
    plan = session.scalars(
        select(Plan).where(Plan.slug == slug).options(joinedload(Plan.tier), selectinload(Plan.courses))
    ).one_or_none()
    if plan is None or (plan.state == "draft" and not drafts):
        raise NotFound()
    lines = groups.line_views(session, [plan.group_line_id] if plan.group_line_id else [])
    return _view(plan, lines, now)


def _view(plan: Plan, lines: dict[int, LineView], now: dt.datetime) -> PlanView:
    return PlanView(
        plan=plan,
        tier=plan.tier,
        courses=[course for course in plan.courses if course.state == "published"],
        line=lines.get(plan.group_line_id) if plan.group_line_id else None,
        reason=rules.can_sell(plan, now),
        left=rules.stock_left(plan),
    )


def holdings(session: Session, member_id: int, *, limit: int = 50) -> list[Holding]:
    """The member's passes, the newest first, in two statements."""
    return _holdings(session, Pass.member_id == member_id, limit)


def holding(session: Session, *, pass_id: int, member_id: int) -> Holding:
    """One pass of this very member.

    Raises:
        NotFound: when there is none, or it is somebody else's.
    """
    found = _holdings(session, (Pass.id == pass_id) & (Pass.member_id == member_id), 1)
    if not found:
        raise NotFound()
    return found[0]


def _holdings(session: Session, condition: object, limit: int) -> list[Holding]:
    rows = session.execute(
        select(Pass, Seat, GroupLine, Group, EntryTicket)
        .join(Plan, Plan.id == Pass.plan_id)
        .join(Seat, Seat.id == Pass.seat_id, isouter=True)
        .join(GroupLine, GroupLine.id == Seat.line_id, isouter=True)
        .join(Group, Group.id == Seat.group_id, isouter=True)
        .join(EntryTicket, EntryTicket.seat_id == Seat.id, isouter=True)
        .where(condition)  # type: ignore[arg-type]  # a column expression, whatever it compares
        .options(contains_eager(Pass.plan).selectinload(Plan.courses))
        .order_by(Pass.id.desc())
        .limit(limit)
    ).all()
    return [
        Holding(
            held=held,
            plan=held.plan,
            courses=held.plan.courses,
            seat=seat,
            line=line,
            group=group,
            ticket=ticket,
        )
        for held, seat, line, group, ticket in rows
    ]


def ticket(session: Session, ticket_id: int) -> EntryTicket:
    """A ticket by its id; whose it is, the caller decides on.

    Raises:
        NotFound: when there is none.
    """
    row = session.get(EntryTicket, ticket_id)
    if row is None:
        raise NotFound()
    return row
