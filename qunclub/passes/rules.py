"""What may be sold, what a pass opens, who passes the door: pure functions."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from qunclub.kernel import N_, Access, Invalid

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
CURRENCY = re.compile(r"[A-Z]{3}")
MAX_PRICE = 10**12
SOLD_PREFIX = "order:"
"""Sources that begin so were bought: each counts in ``Plan.sold`` until it is revoked. Gifts have other sources."""

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
    if plan.sale_ends_at is not None and now >= plan.sale_ends_at:
        return "ended"
    left = stock_left(plan)
    return "sold_out" if left is not None and left < quantity else None


def ends_at(starts_at: dt.datetime, validity_days: int | None) -> dt.datetime | None:
    """When a pass that begins at *starts_at* ends; None for life."""
    return None if validity_days is None else starts_at + dt.timedelta(days=validity_days)


@dataclass(frozen=True, slots=True)
class Held:
    """A pass as the access rule sees it."""

    state: str
    ends_at: dt.datetime | None
    starts_at: dt.datetime | None = None


def access(
    held: Iterable[Held],
    now: dt.datetime,
    *,
    staff: bool = False,
    signed_in: bool = True,
    suspended: bool = False,
    plan_slugs: Sequence[str] = (),
) -> Access:
    """Whether a course is open, and why; the one access rule of the club.

    Args:
        held: the passes the member ever held that open the course.
        plan_slugs: plans on sale that would open it, told only when it is locked.
    """
    if staff:
        return Access(True, "staff")
    if not signed_in:
        return Access(False, "sign_in", plan_slugs=tuple(plan_slugs))
    if suspended:
        return Access(False, "suspended")
    passes = list(held)
    live = [one for one in passes if one.state == "active" and (one.ends_at is None or now < one.ends_at)]
    if live:
        ends = [one.ends_at for one in live]
        known = [end for end in ends if end is not None]
        begun = min((one.starts_at for one in live if one.starts_at is not None), default=None)
        until = max(known) if len(known) == len(ends) else None
        return Access(True, "pass", until=until, since=begun)
    states = {one.state for one in passes}
    # A pass whose time is up is expired from that moment, whether or not the sweeper has said so.
    reason = "expired" if states & {"expired", "active"} else "revoked" if states else "no_pass"
    return Access(False, reason, plan_slugs=tuple(plan_slugs))


Door = Literal["admit", "used", "void", "waiting", "left", "removed", "suspended"]


def admission(*, ticket: str, seat: str, suspended: bool = False) -> Door:
    """What a host is told at the door about a ticket whose signature is right."""
    if seat in ("left", "removed"):
        return "left" if seat == "left" else "removed"
    if ticket == "void":
        return "void"
    if ticket == "used":
        return "used"
    if suspended:
        return "suspended"
    return "admit" if seat == "admitted" else "waiting"


@dataclass(frozen=True, slots=True)
class PlanDraft:
    """What an admin says of a plan; :func:`checked` makes it fit to be kept."""

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
    position: int = 0


def checked(draft: PlanDraft, *, gone: int = 0) -> PlanDraft:
    """The draft, when it can be kept.

    Args:
        gone: how many are sold or held already: the stock cannot be less.

    Raises:
        Invalid: naming the field that cannot be taken.
    """
    if not SLUG.fullmatch(draft.slug) or len(draft.slug) > 80:
        raise Invalid(N_("Use small letters, digits and single dashes."), field="slug")
    if not draft.title.strip():
        raise Invalid(N_("Give it a name."), field="title")
    if not CURRENCY.fullmatch(draft.currency):
        raise Invalid(N_("Write the three letters of a currency, such as CNY."), field="currency")
    if not 0 <= draft.price <= MAX_PRICE:
        raise Invalid(N_("This price cannot be charged."), field="price")
    if draft.state not in ("draft", "on_sale", "closed"):
        raise Invalid(N_("Choose one of the states."), field="state")
    if draft.stock is not None and draft.stock < gone:
        raise Invalid(
            N_("%(gone)s are sold or held already; the stock cannot be less."), field="stock", gone=gone
        )
    if draft.sale_starts_at and draft.sale_ends_at and draft.sale_ends_at <= draft.sale_starts_at:
        raise Invalid(N_("The sale has to end after it begins."), field="sale_ends_at")
    if draft.validity_days is not None and not 1 <= draft.validity_days <= 36_500:
        raise Invalid(N_("A pass is valid for 1 to 36500 days, or without end."), field="validity_days")
    return draft
