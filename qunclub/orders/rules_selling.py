"""What a purchase costs: coupons, the worth of a pass that is upgraded, and the sum of it all. Pure, no database.

Amounts are integers in minor units. Discounts round half up, never exceed what is left to pay, and do not depend on
the order in which the coupons were typed: percentages come first, then fixed amounts, each kind by its id.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from qunclub.kernel import N_, Invalid

from .rules_claims import Named

NEW, RENEWAL, UPGRADE, GIFT = "new", "renewal", "upgrade", "gift"
PERCENT, FIXED = "percent", "fixed"
GATEWAY, TRANSFER = "gateway", "transfer"
ASKS = ("name", "phone", "address")
MOST_COUPONS = 5
COUPON_CODE = re.compile(r"[A-Z0-9][A-Z0-9_-]{1,39}")
_LENGTHS = {"name": 120, "phone": 40, "address": 500}

NO_COUPON = N_("There is no coupon “%(code)s”.")
COUPON_OFF = N_("The coupon “%(code)s” is not in use.")
COUPON_EARLY = N_("The coupon “%(code)s” does not hold yet.")
COUPON_OVER = N_("The coupon “%(code)s” does not hold any more.")
COUPON_ELSEWHERE = N_("The coupon “%(code)s” is not for this pass.")
COUPON_CURRENCY = N_("The coupon “%(code)s” is for prices in another currency.")
COUPON_GONE = N_("The coupon “%(code)s” is used up.")
COUPON_YOURS_GONE = N_("You have used the coupon “%(code)s” as often as it allows.")
COUPON_ALONE = N_("The coupon “%(code)s” cannot be combined with another one.")
COUPON_IDLE = N_("There is nothing left to pay that the coupon “%(code)s” could lower.")
COUPON_MANY = N_("Use at most %(most)s coupons at once.")


@dataclass(frozen=True, slots=True)
class Details:
    """What a buyer was asked for beside the e-mail."""

    name: str = ""
    phone: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Purchase:
    """What somebody wants to buy.

    Attributes:
        gift: to give away: the order brings claim codes instead of a pass.
        recipients: whom the first of them are for.
        coupon_codes: as typed.
        pay_by: ``gateway`` or ``transfer``.
    """

    plan_id: int
    quantity: int = 1
    gift: bool = False
    recipients: Sequence[Named] = ()
    coupon_codes: Sequence[str] = ()
    details: Details = field(default_factory=Details)
    pay_by: str = GATEWAY


class Discount(NamedTuple):
    """What one coupon takes off."""

    coupon_id: int
    code: str
    amount: int


@dataclass(frozen=True, slots=True)
class Sum:
    """An order's arithmetic: ``total`` = ``subtotal`` − ``reduction`` − the discounts, never below zero."""

    subtotal: int
    reduction: int
    discounts: tuple[Discount, ...]

    @property
    def discount(self) -> int:
        """All coupons together."""
        return sum(one.amount for one in self.discounts)

    @property
    def total(self) -> int:
        """What is to be paid."""
        return self.subtotal - self.reduction - self.discount


class CouponTerms(Protocol):
    """The facts of a coupon that decide what it does."""

    @property
    def id(self) -> int: ...
    @property
    def code(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def percent(self) -> int | None: ...
    @property
    def amount(self) -> int | None: ...
    @property
    def currency(self) -> str: ...
    @property
    def starts_at(self) -> dt.datetime | None: ...
    @property
    def ends_at(self) -> dt.datetime | None: ...
    @property
    def max_uses(self) -> int | None: ...
    @property
    def per_member(self) -> int | None: ...
    @property
    def stackable(self) -> bool: ...
    @property
    def active(self) -> bool: ...
    @property
    def held(self) -> int: ...
    @property
    def used(self) -> int: ...


def coupon_code(text: str) -> str:
    """A coupon's code as it is kept, from what somebody typed."""
    return "".join(text.split()).upper()[:40]


def coupon_codes(typed: Iterable[str]) -> tuple[str, ...]:
    """Each code once, in a fixed order; empty fields are nothing.

    Raises:
        Invalid: on ``coupon``, when there are too many.
    """
    codes = tuple(sorted({coupon_code(text) for text in typed} - {""}))
    if len(codes) > MOST_COUPONS:
        raise Invalid(COUPON_MANY, field="coupon", most=MOST_COUPONS)
    return codes


def uses_left(coupon: CouponTerms) -> int | None:
    """How often it can still be used; None when there is no limit."""
    return None if coupon.max_uses is None else max(0, coupon.max_uses - coupon.held - coupon.used)


def has_use(coupon: CouponTerms, *, by_member: int) -> bool:
    """Whether one more use fits into its limits.

    Args:
        by_member: how many uses this member has, held ones too.
    """
    mine = coupon.per_member is None or by_member < coupon.per_member
    return mine and uses_left(coupon) != 0


def coupon_state(coupon: CouponTerms, now: dt.datetime) -> str:
    """Whether anybody can use it now: ``off``, ``early``, ``over``, ``used_up`` or ``live``."""
    if not coupon.active:
        return "off"
    if coupon.starts_at is not None and now < coupon.starts_at:
        return "early"
    if coupon.ends_at is not None and now >= coupon.ends_at:
        return "over"
    return "used_up" if uses_left(coupon) == 0 else "live"


_REFUSALS = {"off": COUPON_OFF, "early": COUPON_EARLY, "over": COUPON_OVER, "used_up": COUPON_GONE}


def check_coupon(
    coupon: CouponTerms,
    *,
    plan_id: int,
    plan_ids: frozenset[int],
    currency: str,
    by_member: int,
    now: dt.datetime,
) -> None:
    """Refuse a coupon that this member cannot use for this plan now.

    Args:
        plan_ids: the plans it is for; empty for all.

    Raises:
        Invalid: on ``coupon``, saying why.
    """
    refusal = _REFUSALS.get(coupon_state(coupon, now))
    if refusal is None and plan_ids and plan_id not in plan_ids:
        refusal = COUPON_ELSEWHERE
    if refusal is None and coupon.kind == FIXED and coupon.currency != currency:
        refusal = COUPON_CURRENCY
    if refusal is None and not has_use(coupon, by_member=by_member):
        refusal = COUPON_YOURS_GONE
    if refusal is not None:
        raise Invalid(refusal, field="coupon", code=coupon.code)


def check_together(coupons: Sequence[CouponTerms]) -> None:
    """Several coupons at once only when each of them allows it.

    Raises:
        Invalid: on ``coupon``, naming the one that does not.
    """
    if len(coupons) > 1:
        for coupon in coupons:
            if not coupon.stackable:
                raise Invalid(COUPON_ALONE, field="coupon", code=coupon.code)


def percent_of(amount: int, percent: int) -> int:
    """So many percent of *amount*, rounded half up."""
    return (amount * percent + 50) // 100


def discounts_of(amount: int, coupons: Iterable[CouponTerms]) -> tuple[Discount, ...]:
    """What each coupon takes off *amount*: percentages of what is left by then, after them the fixed ones."""
    left, found = amount, []
    for coupon in sorted(coupons, key=lambda one: (one.kind != PERCENT, one.id)):
        off = percent_of(left, coupon.percent or 0) if coupon.kind == PERCENT else coupon.amount or 0
        off = max(0, min(off, left))
        left -= off
        found.append(Discount(coupon.id, coupon.code, off))
    return tuple(found)


def sum_up(*, unit_price: int, quantity: int, worth: int = 0, coupons: Sequence[CouponTerms] = ()) -> Sum:
    """What so many at this price come to.

    Args:
        worth: of the pass that is upgraded; more than the price is not paid out.
    """
    subtotal = unit_price * quantity
    reduction = max(0, min(worth, subtotal))
    return Sum(subtotal, reduction, discounts_of(subtotal - reduction, coupons))


def check_worked(discounts: Iterable[Discount]) -> None:
    """Nobody spends a coupon that takes nothing off.

    Raises:
        Invalid: on ``coupon``.
    """
    for one in discounts:
        if one.amount == 0:
            raise Invalid(COUPON_IDLE, field="coupon", code=one.code)


@dataclass(frozen=True, slots=True)
class PaidTerm:
    """A stretch of a pass's time and what was paid for it; *ends_at* None is for life."""

    paid: int
    starts_at: dt.datetime
    ends_at: dt.datetime | None


def worth_of(terms: Iterable[PaidTerm], now: dt.datetime) -> int:
    """What is left of a pass when it is upgraded: all that was paid for a pass for life, else the share of the time
    still to come, rounded down."""
    return sum(_worth(term, now) for term in terms)


def _worth(term: PaidTerm, now: dt.datetime) -> int:
    if term.ends_at is None:
        return term.paid
    whole = term.ends_at - term.starts_at
    left = min(whole, max(dt.timedelta(), term.ends_at - max(now, term.starts_at)))
    # In whole microseconds: timedelta // timedelta is exact, a float would not be.
    tick = dt.timedelta(microseconds=1)
    return term.paid * (left // tick) // (whole // tick) if whole else 0


def share_of_line(paid: int, *, line: int, lines: int, quantity: int) -> int:
    """What one unit of a line cost of the *paid* for its order, rounded down.

    Args:
        line: what the line comes to before coupons; *lines*: what all lines do.
    """
    if lines <= 0 or quantity <= 0:
        return 0
    return paid * line // (lines * quantity)


def check_details(details: Details, asks: str) -> Details:
    """The details a plan asks for, and no others: what is not needed is not kept.

    Raises:
        Invalid: on the first field that is missing.
    """
    wanted = {ask.strip() for ask in asks.split(",")}
    kept = {}
    for name in ASKS:
        text = getattr(details, name).strip()
        if name in wanted and not text:
            raise Invalid(N_("This is needed for this order."), field=name)
        if len(text) > _LENGTHS[name]:
            raise Invalid(N_("This is too long."), field=name)
        kept[name] = text if name in wanted else ""
    return Details(**kept)
