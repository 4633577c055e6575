"""What may be sold and for how much, how long a pass lasts, who passes the door: pure functions."""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from qunclub.kernel import N_

SOLD_PREFIX = "order:"
"""Sources that begin so were bought: each counts in ``Plan.sold`` until it is revoked. Gifts have other sources."""
LIVE = ("active", "suspended")
"""The states in which a pass keeps its seat and can be extended; only an active one opens anything."""
MONTHS = {"month": 1, "year": 12}

SaleReason = Literal["draft", "closed", "not_yet", "ended", "sold_out"]
SALE_REASONS: dict[SaleReason, str] = {
    "draft": N_("This pass is not published yet."),
    "closed": N_("This pass is no longer on sale."),
    "not_yet": N_("The sale has not begun yet."),
    "ended": N_("The sale has ended."),
    "sold_out": N_("Sold out."),
}


class Sellable(Protocol):
    """The facts of a plan that decide whether it can be bought now."""

    @property
    def state(self) -> str: ...
    @property
    def stock(self) -> int | None: ...
    @property
    def held(self) -> int: ...
    @property
    def sold(self) -> int: ...
    @property
    def sale_starts_at(self) -> dt.datetime | None: ...
    @property
    def sale_ends_at(self) -> dt.datetime | None: ...
    @property
    def valid_until(self) -> dt.datetime | None: ...


def stock_left(plan: Sellable) -> int | None:
    """How many can still be sold; None when there is no limit."""
    return None if plan.stock is None else max(0, plan.stock - plan.held - plan.sold)


def can_sell(plan: Sellable, now: dt.datetime, *, quantity: int = 1) -> SaleReason | None:
    """Why the plan cannot be bought now, or None when it can."""
    if plan.state == "draft":
        return "draft"
    if plan.state != "on_sale":
        return "closed"
    if plan.sale_starts_at is not None and now < plan.sale_starts_at:
        return "not_yet"
    if any(end is not None and now >= end for end in (plan.sale_ends_at, plan.valid_until)):
        return "ended"
    left = stock_left(plan)
    return "sold_out" if left is not None and left < quantity else None


class Priced(Protocol):
    """An early price: it holds until a moment, until so many are sold, or until the first of both."""

    @property
    def price(self) -> int: ...
    @property
    def until_at(self) -> dt.datetime | None: ...
    @property
    def until_sold(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class PriceNow:
    """What a plan costs now, and what comes of it.

    Attributes:
        list_price: what it costs when every early price is over.
        until_at: until when *price* holds at most; None when no date ends it.
        left: how many more are sold at *price* at most; None when no count ends it.
        next_price: what it costs then; None when *price* is the list price.
    """

    price: int
    list_price: int
    until_at: dt.datetime | None = None
    left: int | None = None
    next_price: int | None = None

    @property
    def early(self) -> bool:
        """Whether an early price holds."""
        return self.next_price is not None


def _holds(step: Priced, sold: int, now: dt.datetime) -> bool:
    return (step.until_at is None or now < step.until_at) and (
        step.until_sold is None or sold < step.until_sold
    )


def price_at(price: int, steps: Sequence[Priced], *, sold: int, now: dt.datetime) -> PriceNow:
    """The price that holds now: that of the first step that still does, else *price* itself.

    Args:
        steps: in their order.
        sold: how many are sold or held for open orders.
    """
    for at, step in enumerate(steps):
        if _holds(step, sold, now):
            then, many = step.until_at or now, step.until_sold or sold
            after = next((one.price for one in steps[at + 1 :] if _holds(one, many, then)), price)
            left = None if step.until_sold is None else step.until_sold - sold
            return PriceNow(step.price, price, step.until_at, left, after)
    return PriceNow(price, price)


class Timed(Protocol):
    """The facts of a plan that decide how long its pass lasts."""

    @property
    def validity_days(self) -> int | None: ...
    @property
    def valid_until(self) -> dt.datetime | None: ...
    @property
    def interval(self) -> str: ...


def add_months(moment: dt.datetime, months: int) -> dt.datetime:
    """The same day so many months later; the last day of that month when it has no such day."""
    years, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    day = min(moment.day, calendar.monthrange(years, month + 1)[1])
    return moment.replace(year=years, month=month + 1, day=day)


def end_of(plan: Timed, starts_at: dt.datetime) -> dt.datetime | None:
    """When a pass of *plan* that begins at *starts_at* ends; None for life."""
    if plan.interval:
        return add_months(starts_at, MONTHS[plan.interval])
    if plan.valid_until is not None:
        return plan.valid_until
    return None if plan.validity_days is None else starts_at + dt.timedelta(days=plan.validity_days)


@dataclass(frozen=True, slots=True)
class Held:
    """A pass as the access rule sees it."""

    state: str
    ends_at: dt.datetime | None
    grace_until: dt.datetime | None = None
    starts_at: dt.datetime | None = None


class Lasting(Protocol):
    """The facts of a pass that decide whether its time is up."""

    @property
    def ends_at(self) -> dt.datetime | None: ...
    @property
    def grace_until(self) -> dt.datetime | None: ...


def closes_at(held: Lasting) -> dt.datetime | None:
    """When its time is up, days of grace for a late renewal included; None for life."""
    if held.ends_at is None or held.grace_until is None:
        return held.ends_at
    return max(held.ends_at, held.grace_until)


def is_over(held: Lasting, now: dt.datetime) -> bool:
    """Whether its time is up, whether or not the sweeper has said so."""
    end = closes_at(held)
    return end is not None and end <= now


Door = Literal["admit", "used", "void", "waiting", "left", "removed", "suspended", "suspended_payment"]


def admission(*, ticket: str, seat: str, suspended: bool = False, disputed: bool = False) -> Door:
    """What a host is told at the door about a ticket whose signature is right.

    Args:
        disputed: whether every pass that keeps the seat is suspended because its payment is disputed.
    """
    if seat in ("left", "removed"):
        return "left" if seat == "left" else "removed"
    if ticket == "void":
        return "void"
    if ticket == "used":
        return "used"
    if suspended:
        return "suspended"
    if disputed:
        return "suspended_payment"
    return "admit" if seat == "admitted" else "waiting"
