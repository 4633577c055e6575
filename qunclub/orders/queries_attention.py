"""What an admin can decide about an order that needs attention, and what each decision does, before it is done."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from qunclub import groups, passes
from qunclub.groups.models import GroupLine
from qunclub.members.models import Member
from qunclub.passes.models import Pass, Plan

from . import rules, services
from . import services_refund_books as books
from .models import Order, OrderLine, Payment, Refund
from .models_selling import ClaimCode
from .rules_selling import GIFT, RENEWAL, UPGRADE

LIVE = ("active", "suspended")


@dataclass(frozen=True, slots=True)
class Gives:
    """What fulfilling one line would give.

    Attributes:
        kind: ``new``, ``gift``, ``renewal`` or ``upgrade``; a renewal whose pass has ended gives a ``new`` one.
        held: whether its stock is still set aside; *left*: what is in stock else, None without a limit.
        missing: by how much the stock has to be raised first.
        seat: ``keeps``, ``free``, ``waits`` or ``barred``, empty without a group; *place* on the waiting list.
        until: when the pass ends then, None for life; *since* when it ends now, of a renewal.
        base_ended: the pass that an upgrade stands on is gone.
        gave: it became a new pass because the old one ended.
    """

    kind: str
    plan_id: int
    plan: str
    quantity: int
    held: bool
    left: int | None
    missing: int
    courses: tuple[str, ...] = ()
    tier: str = ""
    line: str = ""
    seat: str = ""
    place: int = 0
    until: dt.datetime | None = None
    since: dt.datetime | None = None
    base_ended: bool = False
    gave: bool = False


@dataclass(frozen=True, slots=True)
class Choices:
    """The decisions that are open.

    Attributes:
        entitled: the buyer has what was ordered; money that is too much can go back or be kept with a note.
        money: currency → what is here that nothing was given for.
        gives: what fulfilling gives; empty when there is nothing to fulfil for.
        number: the member's, None when fulfilling gives the next one.
        backs: payments that have money left.
        sends: refunds that a person has still to send, with their payments.
    """

    order: Order
    entitled: bool
    money: dict[str, int]
    gives: Sequence[Gives]
    number: int | None
    backs: Sequence[Payment]
    sends: Sequence[tuple[Refund, Payment]] = ()

    @property
    def may_fulfil(self) -> bool:
        """Whether fulfilling is possible at this moment."""
        return bool(self.gives) and not any(one.missing for one in self.gives)

    @property
    def may_close(self) -> bool:
        """Whether a note can settle it: nothing is owed to the buyer."""
        return self.entitled


def choices(session: Session, order: Order, now: dt.datetime) -> Choices | None:
    """What can be decided; None for an order that needs no decision. A constant number of statements."""
    if order.state != rules.ATTENTION:
        return None
    payments = session.scalars(select(Payment).where(Payment.order_id == order.id).order_by(Payment.id)).all()
    entitled = rules.entitled([rules.Money(one.amount, one.refunded, one.fulfils) for one in payments])
    money: dict[str, int] = defaultdict(int)
    for one in payments:
        if not one.fulfils and one.refunded < one.amount:
            money[one.currency] += one.amount - one.refunded
    member = session.get_one(Member, order.member_id)
    gives = _gives(session, order, now) if money and not entitled else []
    left = [one for one in payments if one.refunded < one.amount]
    return Choices(order, entitled, dict(money), gives, member.number, left, books.to_send(session, order))


def _gives(session: Session, order: Order, now: dt.datetime) -> list[Gives]:
    lines = services.lines_of(session, order)
    plans = {
        plan.id: plan
        for plan in session.scalars(
            select(Plan)
            .where(Plan.id.in_([line.plan_id for line in lines]))
            .options(joinedload(Plan.tier), selectinload(Plan.courses), joinedload(Plan.group_line))
            .execution_options(populate_existing=True)
        )
    }
    bases = [line.pass_id for line in lines if line.pass_id is not None]
    held = {one.id: one for one in session.scalars(select(Pass).where(Pass.id.in_(bases)))} if bases else {}
    return [
        _line(session, order, line, plans[line.plan_id], held.get(line.pass_id or 0), now) for line in lines
    ]


def _line(
    session: Session, order: Order, line: OrderLine, plan: Plan, base: Pass | None, now: dt.datetime
) -> Gives:
    live = base is not None and base.state in LIVE
    quantity, from_stock = line.quantity, order.holds_stock
    kind, since, gave = line.kind, None, False
    if line.kind == GIFT:
        quantity = _codes_to_open(session, line)
    elif line.kind == RENEWAL:
        from_stock = False
        if live and base is not None and base.ends_at is not None:
            since = base.ends_at
        else:
            kind, gave = "new", True
    takes = 0 if since is not None else quantity
    left = passes.stock_left(plan)
    missing = max(0, takes - left) if left is not None and not from_stock else 0
    seat, place = _seat(session, order, plan.group_line, now) if kind not in (GIFT, RENEWAL) else ("", 0)
    return Gives(
        kind=kind,
        plan_id=plan.id,
        plan=plan.title,
        quantity=quantity,
        held=from_stock and takes > 0,
        left=left,
        missing=missing,
        courses=tuple(course.title for course in plan.courses),
        tier=plan.tier.name if plan.tier else "",
        line=plan.group_line.name if plan.group_line else "",
        seat=seat,
        place=place,
        until=plan.valid_until if since and plan.valid_until else passes.end_of(plan, since or now),
        since=since,
        base_ended=line.kind == UPGRADE and not live,
        gave=gave,
    )


def _codes_to_open(session: Session, line: OrderLine) -> int:
    """Codes that are not open, and not claimed for a pass that still stands: as fulfilling opens them."""
    return (
        session.scalar(
            select(func.count())
            .select_from(ClaimCode)
            .outerjoin(Pass, Pass.id == ClaimCode.pass_id)
            .where(
                ClaimCode.line_id == line.id,
                ClaimCode.state != "open",
                (ClaimCode.state != "claimed") | Pass.id.is_(None) | (Pass.state == "revoked"),
            )
        )
        or 0
    )


def _seat(session: Session, order: Order, line: GroupLine | None, now: dt.datetime) -> tuple[str, int]:
    if line is None:
        return "", 0
    if groups.live_seat(session, line_id=line.id, member_id=order.member_id) is not None:
        return "keeps", 0
    if groups.bar_in(session, line_id=line.id, member_id=order.member_id, now=now) is not None:
        return "barred", 0
    room = groups.seats_left(session, [line.id])[line.id]
    if room.waiting or room.free == 0:
        return "waits", room.waiting + 1
    return "free", 0
