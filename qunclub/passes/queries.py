"""Reads of plans and passes for visitors and members, each in a constant number of statements."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from qunclub import groups
from qunclub.courses.models import Course
from qunclub.groups import LineView, ShelfLine
from qunclub.groups.models import Group, GroupLine, Seat
from qunclub.kernel import NotFound, reads
from qunclub.members.models import Tier

from . import rules
from .models import EntryTicket, Pass, Plan, PlanCourse
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


@dataclass(frozen=True, slots=True)
class Offer:
    """A plan on the shelf: a value of its own, so that what is made of it can be kept.

    Attributes:
        tier: the name of its tier, empty without one.
        courses: the titles of what it opens.
        reason: why it cannot be bought now, None when it can.
        left: stock left, None without a limit.
        line: the group line it leads into.
    """

    slug: str
    title: str
    summary: str
    price: int
    currency: str
    validity_days: int | None
    sale_starts_at: dt.datetime | None
    sale_ends_at: dt.datetime | None
    tier: str
    courses: tuple[str, ...]
    reason: SaleReason | None
    left: int | None
    line: ShelfLine | None

    @property
    def reason_text(self) -> str:
        """Why it cannot be bought now, as a msgid."""
        return rules.SALE_REASONS[self.reason] if self.reason else ""


@cache
def _shelf() -> Select[*tuple[Any, ...]]:
    columns: list[Any] = [
        Plan.id, Plan.slug, Plan.title, Plan.summary, Plan.price, Plan.currency, Plan.validity_days,
        Plan.sale_starts_at, Plan.sale_ends_at, Plan.state, Plan.stock, Plan.held, Plan.sold,
        Plan.group_line_id, Tier.name.label("tier"),
    ]  # fmt: skip
    return (
        select(*columns)
        .outerjoin(Tier, Tier.id == Plan.tier_id)
        .where(Plan.state == "on_sale")
        .order_by(Plan.position, Plan.price, Plan.id)
        .limit(MOST_PLANS)
    )


@cache
def _opened() -> Select[*tuple[Any, ...]]:
    return (
        select(PlanCourse.plan_id, Course.title)
        .join(Course, Course.id == PlanCourse.course_id)
        .where(PlanCourse.plan_id.in_(bindparam("plans", expanding=True)), Course.state == "published")
        .order_by(Course.position)
    )


def catalogue(session: Session, now: dt.datetime) -> list[Offer]:
    """What is on the shelf, in the admin's order, in three statements; what cannot be bought now comes last."""
    plans = reads.rows(session, _shelf())
    opened: dict[int, list[str]] = defaultdict(list)
    for plan_id, title in reads.rows(session, _opened(), plans=[plan.id for plan in plans]):
        opened[plan_id].append(title)
    lines = groups.shelf_lines(session, [plan.group_line_id for plan in plans if plan.group_line_id])
    offers = [
        Offer(
            slug=plan.slug,
            title=plan.title,
            summary=plan.summary,
            price=plan.price,
            currency=plan.currency,
            validity_days=plan.validity_days,
            sale_starts_at=plan.sale_starts_at,
            sale_ends_at=plan.sale_ends_at,
            tier=plan.tier or "",
            courses=tuple(opened[plan.id]),
            reason=rules.can_sell(plan, now),
            left=rules.stock_left(plan),
            line=lines.get(plan.group_line_id),
        )
        for plan in plans
    ]
    return [one for one in offers if one.reason is None] + [one for one in offers if one.reason is not None]


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
