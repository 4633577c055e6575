"""Reads of memberships and disputes: a member's own, and all of them for admins."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, joinedload

from qunclub.kernel import NotFound, Page, ids, paginate
from qunclub.members.models import Member
from qunclub.passes.models import Pass, Plan

from . import rules_disputes
from . import rules_subscriptions as rules
from .models import Order, OrderEvent, Payment
from .models_money import Dispute
from .models_selling import Subscription

HEADER = (
    "membership", "state", "ends_by_itself", "number", "name", "email", "plan", "amount", "currency", "interval",
    "began", "paid_until", "open_until", "ended", "why", "reference",
)  # fmt: skip
DISPUTES_HEADER = (
    "dispute", "state", "reason", "amount", "currency", "opened", "due", "closed", "order", "number", "name",
    "payment",
)  # fmt: skip
CANCELLING = "cancelling"
MOST_PEOPLE = 200
MOST_ORDERS = 200


@dataclass(frozen=True, slots=True)
class View:
    """One membership with what hangs on it."""

    found: Subscription
    plan: Plan
    held: Pass | None

    @property
    def label(self) -> str:
        """Its state in words, a msgid."""
        return rules.label(self.found.state, cancel_at_end=self.found.cancel_at_end)

    @property
    def kind(self) -> str:
        """How its badge looks."""
        return rules.kind(self.found.state, cancel_at_end=self.found.cancel_at_end)

    @property
    def live(self) -> bool:
        """Whether it may still be charged."""
        return self.found.state in rules.LIVE

    @property
    def open_until(self) -> dt.datetime | None:
        """Until when the pass is open if nothing more is paid; None when it is closed."""
        if self.held is None or self.held.state not in ("active", "suspended"):
            return None
        return rules.open_until(
            state=self.found.state, period_ends_at=self.held.ends_at, grace_until=self.found.grace_until
        )

    @property
    def suspended(self) -> bool:
        """Whether its pass is closed while a payment is disputed."""
        return self.held is not None and self.held.state == "suspended"

    def may_resume(self, now: dt.datetime) -> bool:
        """Whether the cancellation can be taken back."""
        found = self.found
        return rules.may_resume(
            state=found.state,
            cancel_at_end=found.cancel_at_end,
            period_ends_at=found.period_ends_at,
            now=now,
        )


@dataclass(frozen=True, slots=True)
class Whole:
    """One membership with its orders and, for admins, its story."""

    view: View
    member: Member
    orders: Sequence[Order]
    events: Sequence[tuple[OrderEvent, str]] = ()


def _query() -> Select[Subscription, Plan, Pass]:
    return (
        select(Subscription, Plan, Pass)
        .join(Plan, Plan.id == Subscription.plan_id)
        .join(Pass, Pass.id == Subscription.pass_id, isouter=True)
    )


def mine(session: Session, member_id: int) -> list[View]:
    """The memberships of a member that have begun, the live ones first."""
    query = _query().where(Subscription.member_id == member_id, Subscription.state != rules.PENDING)
    query = query.order_by(Subscription.ended_at.is_not(None), Subscription.id.desc()).limit(MOST_ORDERS)
    return [View(*row) for row in session.execute(query)]


def failing(session: Session, member_id: int) -> list[View]:
    """Those of a member's memberships whose renewal failed: for the notice on their pages."""
    query = _query().where(Subscription.member_id == member_id, Subscription.state == rules.PAST_DUE)
    return [View(*row) for row in session.execute(query.order_by(Subscription.id).limit(10))]


def one(session: Session, ident: int, *, member_id: int | None = None, story: bool = False) -> Whole:
    """One membership; with *member_id* only that member's own.

    Raises:
        NotFound: when there is none, or it is another's.
    """
    query = _query().where(Subscription.id == ident).execution_options(populate_existing=True)
    if member_id is not None:
        query = query.where(Subscription.member_id == member_id)
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound()
    view = View(*row)
    orders = session.scalars(
        select(Order)
        .where(Order.subscription_id == ident)
        .order_by(Order.created_at.desc(), Order.id.desc())
        .limit(MOST_ORDERS)
    ).all()
    events: list[tuple[OrderEvent, str]] = []
    if story:
        lines = session.execute(
            select(OrderEvent, Order.code)
            .join(Order, Order.id == OrderEvent.order_id)
            .where(Order.subscription_id == ident)
            .order_by(OrderEvent.id.desc())
            .limit(MOST_ORDERS)
        )
        events = [(event, code) for event, code in lines][::-1]
    return Whole(view, session.get_one(Member, view.found.member_id), orders, events)


def of_key(session: Session, ident: int) -> str | None:
    """What the gateway calls a membership."""
    return session.execute(select(Subscription.ref).where(Subscription.id == ident)).scalar_one_or_none()


@dataclass(frozen=True, slots=True)
class Filters:
    """What an admin looks for."""

    q: str = ""
    state: str = ""


def _people(q: str) -> Select[int]:
    if q.isdecimal():
        return select(Member.id).where(Member.number == int(q[:9]))
    means = [Member.email.startswith(q.lower(), autoescape=True)]
    means += [Member.name.startswith(q, autoescape=True), Member.nickname.startswith(q, autoescape=True)]
    return select(Member.id).where(or_(*means)).order_by(Member.id).limit(MOST_PEOPLE)


def _filtered(filters: Filters) -> Select[Subscription, Plan, Pass, Member]:
    query = (
        select(Subscription, Plan, Pass, Member)
        .join(Plan, Plan.id == Subscription.plan_id)
        .join(Member, Member.id == Subscription.member_id)
        .join(Pass, Pass.id == Subscription.pass_id, isouter=True)
        .order_by(Subscription.id.desc())
    )
    q = filters.q.strip()
    if q:
        begun = select(Order.subscription_id).where(Order.code == ids.normalise_code(q))
        query = query.where(
            or_(
                Subscription.ref == q,
                Subscription.customer_ref == q,
                Subscription.id.in_(begun.where(Order.subscription_id.is_not(None)).scalar_subquery()),
                Subscription.member_id.in_(_people(q).scalar_subquery()),
            )
        )
    if filters.state == CANCELLING:
        query = query.where(Subscription.state == rules.ACTIVE, Subscription.cancel_at_end.is_(True))
    elif filters.state == rules.ACTIVE:
        query = query.where(Subscription.state == rules.ACTIVE, Subscription.cancel_at_end.is_(False))
    elif filters.state:
        query = query.where(Subscription.state == filters.state)
    return query


def memberships(session: Session, filters: Filters, *, page: int = 1) -> Page[tuple[View, Member]]:
    """One page of those that match, the newest first."""
    rows = paginate(session, _filtered(filters), page=page)
    items = [(View(found, plan, held), member) for found, plan, held, member in rows.items]
    return Page(items, rows.page, rows.per_page, rows.has_next)


def memberships_rows(session: Session, filters: Filters) -> Iterator[tuple[Any, ...]]:
    """All that match as a table of record."""
    for found, plan, held, member in session.execute(_filtered(filters).execution_options(yield_per=500)):
        yield (
            found.id, found.state, "yes" if found.cancel_at_end else "", member.number, member.name, member.email,
            plan.title, found.amount, found.currency, found.interval, found.created_at, found.period_ends_at,
            View(found, plan, held).open_until, found.ended_at, found.end_reason, found.ref,
        )  # fmt: skip


def _disputes(state: str) -> Select[Dispute, Order, str]:
    query = (
        select(Dispute, Order, Payment.ref)
        .join(Payment, Payment.id == Dispute.payment_id)
        .join(Order, Order.id == Payment.order_id)
        .options(joinedload(Order.member))
    )
    if state:
        query = query.where(Dispute.state == state)
    if state in (rules_disputes.OPEN, rules_disputes.INQUIRY):
        # What has to be answered first.
        return query.order_by(Dispute.due_at.is_(None), Dispute.due_at, Dispute.id)
    return query.order_by(Dispute.opened_at.desc(), Dispute.id.desc())


@dataclass(frozen=True, slots=True)
class DisputeView:
    """A dispute in words, which are msgids but for a reason the club has none for."""

    found: Dispute

    @property
    def label(self) -> str:
        """Its state."""
        return rules_disputes.STATE_LABELS[self.found.state]

    @property
    def kind(self) -> str:
        """How its badge looks."""
        return rules_disputes.STATE_KINDS[self.found.state]

    @property
    def reason(self) -> str:
        """What the payer told the bank."""
        return rules_disputes.REASON_LABELS.get(self.found.reason, self.found.reason)


def disputes(session: Session, *, state: str = "", page: int = 1) -> Page[tuple[DisputeView, Order]]:
    """One page of disputes; open ones by the day until which they can be answered."""
    rows = paginate(session, _disputes(state), page=page)
    items = [(DisputeView(found), order) for found, order, _ref in rows.items]
    return Page(items, rows.page, rows.per_page, rows.has_next)


def disputes_rows(session: Session, *, state: str = "") -> Iterator[tuple[Any, ...]]:
    """All of them as a table of record."""
    for found, order, payment in session.execute(_disputes(state).execution_options(yield_per=500)):
        yield (
            found.ref, found.state, found.reason, found.amount, found.currency, found.opened_at, found.due_at,
            found.closed_at, order.code, order.member.number, order.member.name, payment,
        )  # fmt: skip


def disputes_of(session: Session, order_id: int) -> list[DisputeView]:
    """The disputes about one order's payments, the oldest first."""
    query = select(Dispute).join(Payment, Payment.id == Dispute.payment_id)
    found = session.scalars(query.where(Payment.order_id == order_id).order_by(Dispute.id))
    return [DisputeView(dispute) for dispute in found]
