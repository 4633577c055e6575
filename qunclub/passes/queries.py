"""Reads of plans and passes for visitors and members, each in a constant number of statements."""

from __future__ import annotations

import datetime as dt
import hmac
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, case, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from qunclub import groups
from qunclub.courses.models import Course
from qunclub.groups import LineView, ShelfLine
from qunclub.groups.models import Group, GroupLine, Seat
from qunclub.kernel import NotFound, reads
from qunclub.members.models import Tier

from . import rules
from .models import EntryTicket, Pass, Plan, PlanCourse, PlanUpgrade
from .queries_prices import price_of, steps_of
from .rules import PriceNow, SaleReason

MOST_PLANS = 60


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan as a visitor sees it before paying.

    Attributes:
        reason: why it cannot be bought now, None when it can.
        left: stock left, None without a limit.
        line: the group line it leads into, with its rules and room.
        price: what it costs now, and what comes of it.
        sources: the plans that it is an upgrade from, by id.
        targets: what is on the shelf as an upgrade from it, by address.
    """

    plan: Plan
    tier: Tier | None
    courses: Sequence[Course]
    line: LineView | None
    reason: SaleReason | None
    left: int | None
    price: PriceNow
    sources: dict[int, str]
    targets: dict[str, str]

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
        return self.held.state == "active" and not rules.is_over(self.held, now)

    def suspended(self, now: dt.datetime) -> bool:
        """Whether it is closed only because its payment is disputed."""
        return self.held.state == "suspended" and not rules.is_over(self.held, now)

    def late(self, now: dt.datetime) -> bool:
        """Whether its renewal is late, so that it is open only for its days of grace."""
        return self.live(now) and self.held.ends_at is not None and self.held.ends_at <= now

    def extendable(self, now: dt.datetime) -> bool:
        """Whether buying its plan again adds to its time."""
        plan = self.plan
        if not self.live(now) or self.held.ends_at is None or plan.interval:
            return False
        if rules.can_sell(plan, now, quantity=0) is not None:
            return False
        return plan.valid_until is None or plan.valid_until > self.held.ends_at


@dataclass(frozen=True, slots=True)
class Offer:
    """A plan on the shelf: a value of its own, so that what is made of it can be kept.

    Attributes:
        tier: the name of its tier, empty without one.
        courses: the titles of what it opens.
        reason: why it cannot be bought now, None when it can.
        left: stock left, None without a limit.
        line: the group line it leads into.
        price_now: what it costs now, and what comes of it.
    """

    slug: str
    title: str
    summary: str
    price_now: PriceNow
    currency: str
    validity_days: int | None
    valid_until: dt.datetime | None
    interval: str
    gift_max: int
    sale_starts_at: dt.datetime | None
    sale_ends_at: dt.datetime | None
    tier: str
    courses: tuple[str, ...]
    reason: SaleReason | None
    left: int | None
    line: ShelfLine | None

    @property
    def price(self) -> int:
        """What it costs now."""
        return self.price_now.price

    @property
    def reason_text(self) -> str:
        """Why it cannot be bought now, as a msgid."""
        return rules.SALE_REASONS[self.reason] if self.reason else ""


@cache
def _shelf() -> Select[*tuple[Any, ...]]:
    columns: list[Any] = [
        Plan.id, Plan.slug, Plan.title, Plan.summary, Plan.price, Plan.currency, Plan.validity_days,
        Plan.sale_starts_at, Plan.sale_ends_at, Plan.state, Plan.stock, Plan.held, Plan.sold, Plan.valid_until,
        Plan.interval, Plan.gift_max, Plan.group_line_id, Tier.name.label("tier"),
    ]  # fmt: skip
    return (
        select(*columns)
        .outerjoin(Tier, Tier.id == Plan.tier_id)
        .where(Plan.state == "on_sale", Plan.hidden.is_(False))
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
    """What is on the shelf, in the admin's order, in four statements; what cannot be bought now comes last."""
    plans = reads.rows(session, _shelf())
    opened: dict[int, list[str]] = defaultdict(list)
    for plan_id, title in reads.rows(session, _opened(), plans=[plan.id for plan in plans]):
        opened[plan_id].append(title)
    steps = steps_of(session, [plan.id for plan in plans])
    lines = groups.shelf_lines(session, [plan.group_line_id for plan in plans if plan.group_line_id])
    offers = [
        Offer(
            slug=plan.slug,
            title=plan.title,
            summary=plan.summary,
            price_now=rules.price_at(plan.price, steps[plan.id], sold=plan.held + plan.sold, now=now),
            currency=plan.currency,
            validity_days=plan.validity_days,
            valid_until=plan.valid_until,
            interval=plan.interval,
            gift_max=plan.gift_max,
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


def opens(plan: Plan, key: str) -> bool:
    """Whether *key* is that of a hidden plan's link; compared in constant time."""
    return bool(plan.link_key) and hmac.compare_digest(plan.link_key.encode(), key.encode())


def may_see(
    session: Session, plan: Plan, *, key: str = "", member_id: int | None = None, admin: bool = False
) -> bool:
    """Whether somebody may see and order *plan*: a draft is for admins, a hidden one for its link and its holders."""
    if admin:
        return True
    if plan.state == "draft":
        return False
    if not plan.hidden or opens(plan, key):
        return True
    if member_id is None:
        return False
    mine = select(Pass.id).where(
        Pass.member_id == member_id, Pass.plan_id == plan.id, Pass.state.in_(rules.LIVE)
    )
    return session.scalar(mine.limit(1)) is not None


def plan_by_slug(
    session: Session,
    slug: str,
    now: dt.datetime,
    *,
    key: str = "",
    member_id: int | None = None,
    admin: bool = False,
) -> PlanView:
    """One plan, for those who may see it.

    Raises:
        NotFound: when there is none at this address.
    """
    plan = session.scalars(
        select(Plan).where(Plan.slug == slug).options(joinedload(Plan.tier), selectinload(Plan.courses))
    ).one_or_none()
    if plan is None or not may_see(session, plan, key=key, member_id=member_id, admin=admin):
        raise NotFound()
    lines = groups.line_views(session, [plan.group_line_id] if plan.group_line_id else [])
    sources, targets = _upgrades(session, plan)
    return PlanView(
        plan=plan,
        tier=plan.tier,
        courses=[course for course in plan.courses if course.state == "published"],
        line=lines.get(plan.group_line_id) if plan.group_line_id else None,
        reason=rules.can_sell(plan, now),
        left=rules.stock_left(plan),
        price=price_of(session, plan, now),
        sources=sources,
        targets=targets,
    )


def _upgrades(session: Session, plan: Plan) -> tuple[dict[int, str], dict[str, str]]:
    """What *plan* is an upgrade from, by id; what on the shelf is an upgrade from it, by address: one statement."""
    other = case((PlanUpgrade.plan_id == plan.id, PlanUpgrade.from_plan_id), else_=PlanUpgrade.plan_id)
    rows = session.execute(
        select(PlanUpgrade.plan_id, Plan.id, Plan.slug, Plan.title, Plan.state, Plan.hidden)
        .join(Plan, Plan.id == other)
        .where(or_(PlanUpgrade.plan_id == plan.id, PlanUpgrade.from_plan_id == plan.id))
        .order_by(Plan.position, Plan.price, Plan.id)
    ).all()
    sources = {row.id: row.title for row in rows if row.plan_id == plan.id}
    targets = {
        row.slug: row.title
        for row in rows
        if row.plan_id != plan.id and row.state == "on_sale" and not row.hidden
    }
    return sources, targets


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
