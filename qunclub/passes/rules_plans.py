"""What an admin says of a plan, and whether it can be kept: pure functions."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from qunclub.kernel import N_, Invalid

from .rules import MONTHS

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
CURRENCY = re.compile(r"[A-Z]{3}")
MAX_PRICE = 10**12
MOST_STEPS = 12
MOST_GIFTS = 1000
ASKS = ("name", "phone", "address")
"""What a buyer can be asked for beside the e-mail address."""


@dataclass(frozen=True, slots=True)
class StepDraft:
    """An early price, as an admin says it: until a moment, until so many are sold, or the first of both."""

    price: int
    until_at: dt.datetime | None = None
    until_sold: int | None = None


@dataclass(frozen=True, slots=True)
class PlanDraft:
    """What an admin says of a plan; :func:`checked` makes it fit to be kept.

    At most one of *validity_days*, *valid_until* and *interval* is given; without any a pass is for life.
    """

    slug: str
    title: str
    price: int
    currency: str
    summary: str = ""
    description_md: str = ""
    tier_id: int | None = None
    group_line_id: int | None = None
    course_ids: tuple[int, ...] = ()
    state: str = "draft"
    stock: int | None = None
    sale_starts_at: dt.datetime | None = None
    sale_ends_at: dt.datetime | None = None
    validity_days: int | None = None
    valid_until: dt.datetime | None = None
    interval: str = ""
    grace_days: int = 7
    per_member: int | None = None
    hidden: bool = False
    gift_max: int = 0
    seat_priority: int = 0
    refund_days: int | None = None
    refund_progress: int = 100
    asks: tuple[str, ...] = ()
    steps: tuple[StepDraft, ...] = ()
    upgrades_from: tuple[int, ...] = ()
    position: int = 0


def checked(draft: PlanDraft, *, gone: int = 0) -> PlanDraft:
    """The draft, when it can be kept.

    Args:
        gone: how many are sold or held already: the stock cannot be less.

    Raises:
        Invalid: naming the field that cannot be taken; ``steps-1-price`` is the price of the second early price.
    """
    if not SLUG.fullmatch(draft.slug) or len(draft.slug) > 80:
        raise Invalid(N_("Use small letters, digits and single dashes."), field="slug")
    if not draft.title.strip():
        raise Invalid(N_("Give it a name."), field="title")
    if not CURRENCY.fullmatch(draft.currency):
        raise Invalid(N_("Write the three letters of a currency, such as CNY."), field="currency")
    _check_price(draft.price, "price")
    if draft.state not in ("draft", "on_sale", "closed"):
        raise Invalid(N_("Choose one of the states."), field="state")
    if draft.stock is not None and draft.stock < gone:
        raise Invalid(
            N_("%(gone)s are sold or held already; the stock cannot be less."), field="stock", gone=gone
        )
    if draft.sale_starts_at and draft.sale_ends_at and draft.sale_ends_at <= draft.sale_starts_at:
        raise Invalid(N_("The sale has to end after it begins."), field="sale_ends_at")
    _check_validity(draft)
    _check_recurring(draft)
    _check_limits(draft)
    _check_steps(draft)
    return draft


def _check_price(price: int, field: str) -> None:
    if not 0 <= price <= MAX_PRICE:
        raise Invalid(N_("This price cannot be charged."), field=field)


def _within(value: int | None, least: int, most: int, field: str) -> None:
    if value is not None and not least <= value <= most:
        raise Invalid(N_("Write a number from %(least)s to %(most)s."), field=field, least=least, most=most)


def _check_validity(draft: PlanDraft) -> None:
    ways = [draft.validity_days is not None, draft.valid_until is not None, bool(draft.interval)]
    if sum(ways) > 1 or (draft.interval and draft.interval not in MONTHS):
        raise Invalid(N_("Choose one way in which the pass is valid."), field="validity")
    if draft.validity_days is not None and not 1 <= draft.validity_days <= 36_500:
        raise Invalid(N_("A pass is valid for 1 to 36500 days, or without end."), field="validity_days")
    if draft.valid_until is not None:
        begins = [stamp for stamp in (draft.sale_starts_at, draft.sale_ends_at) if stamp is not None]
        if any(draft.valid_until <= stamp for stamp in begins):
            raise Invalid(N_("The pass has to be valid longer than it is on sale."), field="valid_until")
    _within(draft.grace_days, 0, 90, "grace_days")


def _check_recurring(draft: PlanDraft) -> None:
    if not draft.interval:
        return
    if draft.price == 0:
        raise Invalid(N_("A membership that renews has to cost something."), field="price")
    for at, step in enumerate(draft.steps):
        if step.price == 0:
            raise Invalid(N_("A membership that renews has to cost something."), field=f"steps-{at}-price")
    if draft.gift_max:
        raise Invalid(
            N_("A membership that renews cannot be given away: its payer renews it."), field="gift_max"
        )
    if draft.upgrades_from:
        raise Invalid(N_("A membership that renews cannot be an upgrade."), field="upgrades_from")


def _check_limits(draft: PlanDraft) -> None:
    _within(draft.per_member, 1, 10_000, "per_member")
    _within(draft.seat_priority, 0, 9, "seat_priority")
    _within(draft.gift_max, 0, MOST_GIFTS, "gift_max")
    _within(draft.refund_days, 1, 3650, "refund_days")
    _within(draft.refund_progress, 0, 100, "refund_progress")
    if set(draft.asks) - set(ASKS):
        raise Invalid(N_("Choose from what is offered."), field="asks")


def _check_steps(draft: PlanDraft) -> None:
    if len(draft.steps) > MOST_STEPS:
        raise Invalid(N_("At most %(most)s early prices."), field="steps", most=MOST_STEPS)
    last_at: dt.datetime | None = None
    last_sold = 0
    for at, step in enumerate(draft.steps):
        _check_price(step.price, f"steps-{at}-price")
        if step.until_at is None and step.until_sold is None:
            raise Invalid(
                N_("Say until when it holds, or until how many are sold."), field=f"steps-{at}-until_at"
            )
        if step.until_at is not None:
            if last_at is not None and step.until_at <= last_at:
                raise Invalid(N_("It has to end later than the one above."), field=f"steps-{at}-until_at")
            last_at = step.until_at
        if step.until_sold is not None:
            if step.until_sold <= last_sold:
                raise Invalid(N_("It has to be more than in the one above."), field=f"steps-{at}-until_sold")
            last_sold = step.until_sold
