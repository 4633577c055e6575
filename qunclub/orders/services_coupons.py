"""Coupons: held by an order, used when it is paid, given back when it ends; and shaped by admins.

Every change of a coupon's counters happens under the lock of its row, which is taken after the plan's.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Conflict, Invalid, NotFound, Stale, locks, store
from qunclub.passes.models import Plan

from . import rules_selling, services
from .models import Order
from .models_selling import Coupon, CouponPlan, CouponUse
from .rules_selling import Discount

HELD, USED, OVERSHOT, RELEASED = "held", "used", "overshot", "released"
COUNTED = (HELD, USED, OVERSHOT)
OVERSHOT_NOTE = N_(
    "A coupon of this order was used up by others before its late payment came. The discount is honoured and counted "
    "as overshot."
)
FIELDS = (
    "code", "title", "kind", "percent", "amount", "currency", "starts_at", "ends_at", "max_uses", "per_member",
    "stackable", "active",
)  # fmt: skip
MOST_USES = 1_000_000_000


def for_purchase(
    session: Session,
    *,
    codes: Sequence[str],
    plan: Plan,
    member_id: int | None,
    now: dt.datetime,
    lock: bool = False,
) -> list[Coupon]:
    """The coupons of these codes, when this member can use them together for this plan now.

    Args:
        codes: as :func:`rules_selling.coupon_codes` gives them.
        lock: hold them for what follows; the plan is locked already then.

    Raises:
        Invalid: on ``coupon``, saying which one cannot be used, and why.
    """
    if not codes:
        return []
    found = session.execute(select(Coupon.code, Coupon.id).where(Coupon.code.in_(codes)))
    idents = {code: ident for code, ident in found}
    for code in codes:
        if code not in idents:
            raise Invalid(rules_selling.NO_COUPON, field="coupon", code=code)
    if lock:
        coupons = [locks.lock(session, Coupon, ident) for ident in sorted(idents.values())]
    else:
        query = select(Coupon).where(Coupon.id.in_(idents.values())).order_by(Coupon.id)
        coupons = list(session.scalars(query.execution_options(populate_existing=True)))
    chosen: dict[int, set[int]] = {coupon.id: set() for coupon in coupons}
    pairs = select(CouponPlan.coupon_id, CouponPlan.plan_id).where(CouponPlan.coupon_id.in_(chosen))
    for coupon_id, plan_id in session.execute(pairs):
        chosen[coupon_id].add(plan_id)
    mine = _uses_by(session, member_id, chosen)
    for coupon in coupons:
        rules_selling.check_coupon(
            coupon,
            plan_id=plan.id,
            plan_ids=frozenset(chosen[coupon.id]),
            currency=plan.currency,
            by_member=mine.get(coupon.id, 0),
            now=now,
        )
    rules_selling.check_together(coupons)
    return coupons


def _uses_by(session: Session, member_id: int | None, coupon_ids: Collection[int]) -> dict[int, int]:
    if member_id is None:
        return {}
    query = (
        select(CouponUse.coupon_id, func.count())
        .where(
            CouponUse.member_id == member_id,
            CouponUse.coupon_id.in_(coupon_ids),
            CouponUse.state.in_(COUNTED),
        )
        .group_by(CouponUse.coupon_id)
    )
    return {coupon_id: n for coupon_id, n in session.execute(query)}


def hold(session: Session, order: Order, discounts: Iterable[Discount], *, now: dt.datetime) -> None:
    """Keep one use of each coupon for an order that is being placed; they are locked and were checked."""
    for one in discounts:
        coupon = locks.lock(session, Coupon, one.coupon_id)
        coupon.held += 1
        session.add(
            CouponUse(
                coupon_id=coupon.id,
                order_id=order.id,
                member_id=order.member_id,
                amount=one.amount,
                state=HELD,
                created_at=now,
            )
        )


def uses_of(session: Session, order: Order) -> list[CouponUse]:
    """The order's uses by coupon, which is the order their coupons are locked in."""
    if order.discount == 0:
        return []
    query = select(CouponUse).where(CouponUse.order_id == order.id).order_by(CouponUse.coupon_id)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def lock_all(session: Session, order: Order) -> None:
    """Lock the order's coupons, by id: before a pass is locked that comes after them."""
    for use in uses_of(session, order):
        locks.lock(session, Coupon, use.coupon_id)


def release(session: Session, order: Order) -> None:
    """The order ended unpaid: what it held can be used by others. A no-op when it holds nothing."""
    for use in uses_of(session, order):
        if use.state == HELD:
            locks.lock(session, Coupon, use.coupon_id).held -= 1
            use.state = RELEASED


def use(session: Session, order: Order, *, now: dt.datetime, actor: Actor) -> list[CouponUse]:
    """The order is paid: its coupons are used. One that was given back meanwhile is taken again when a use is left,
    and else overshot: the buyer paid the lower price, so it is honoured, and counted apart."""
    uses = uses_of(session, order)
    overshot = False
    for one in uses:
        coupon = locks.lock(session, Coupon, one.coupon_id)
        if one.state == HELD:
            coupon.held -= 1
            coupon.used += 1
            one.state = USED
        elif one.state == RELEASED:
            mine = _uses_by(session, order.member_id, [coupon.id]).get(coupon.id, 0)
            if rules_selling.has_use(coupon, by_member=mine):
                coupon.used += 1
                one.state = USED
            else:
                coupon.overshot += 1
                one.state, overshot = OVERSHOT, True
            session.flush()
    if overshot:
        services.note(session, order, actor=actor, now=now, text=OVERSHOT_NOTE)
    return uses


@dataclass(frozen=True, slots=True)
class CouponDraft:
    """What an admin says of a coupon; *plan_ids* empty means every plan."""

    code: str
    kind: str
    title: str = ""
    percent: int | None = None
    amount: int | None = None
    currency: str = ""
    starts_at: dt.datetime | None = None
    ends_at: dt.datetime | None = None
    max_uses: int | None = None
    per_member: int | None = None
    stackable: bool = False
    active: bool = True
    plan_ids: tuple[int, ...] = ()


def checked(draft: CouponDraft) -> CouponDraft:
    """The draft as it can be kept.

    Raises:
        Invalid: naming the field that cannot be taken.
    """
    code = rules_selling.coupon_code(draft.code)
    if not rules_selling.COUPON_CODE.fullmatch(code):
        raise Invalid(N_("Use 2 to 40 letters (A to Z), digits and dashes."), field="code")
    if draft.kind == rules_selling.PERCENT:
        if draft.percent is None or not 1 <= draft.percent <= 100:
            raise Invalid(N_("Write how many percent, from 1 to 100."), field="percent")
        draft = replace(draft, amount=None, currency="")
    elif draft.kind == rules_selling.FIXED:
        if draft.amount is None or draft.amount <= 0:
            raise Invalid(N_("Write how much it takes off."), field="amount")
        if len(draft.currency) != 3 or not draft.currency.isascii() or not draft.currency.isalpha():
            raise Invalid(N_("Write the three letters of a currency, such as CNY."), field="currency")
        draft = replace(draft, percent=None, currency=draft.currency.upper())
    else:
        raise Invalid(N_("Choose one of the kinds."), field="kind")
    if draft.starts_at and draft.ends_at and draft.ends_at <= draft.starts_at:
        raise Invalid(N_("It has to end after it begins."), field="ends_at")
    for name in ("max_uses", "per_member"):
        most = getattr(draft, name)
        if most is not None and not 1 <= most <= MOST_USES:
            raise Invalid(N_("Write a number from 1, or nothing for no limit."), field=name)
    return replace(draft, code=code, title=draft.title.strip()[:160])


def create(session: Session, *, draft: CouponDraft, actor: Actor, now: dt.datetime) -> Coupon:
    """Make a coupon.

    Raises:
        Invalid: naming the field that cannot be taken.
    """
    draft = checked(draft)
    _check_references(session, draft, None)
    coupon = Coupon(
        held=0, used=0, overshot=0, version=1, created_at=now, **{key: getattr(draft, key) for key in FIELDS}
    )
    session.add(coupon)
    session.flush()
    _set_plans(session, coupon, draft.plan_ids)
    details = {"after": facts(coupon, draft.plan_ids)}
    _record(session, coupon, "coupon.create", details, actor=actor, now=now)
    return coupon


def update(
    session: Session, *, coupon_id: int, version: int, draft: CouponDraft, actor: Actor, now: dt.datetime
) -> Coupon:
    """Change a coupon. Orders keep the discount of their moment.

    Raises:
        Stale: when somebody else saved it since *version* was read.
        Invalid: naming the field that cannot be taken.
    """
    coupon = locks.lock(session, Coupon, coupon_id)
    if coupon.version != version:
        raise Stale(N_("Somebody else saved this in the meantime. Look at the new state, then save again."))
    draft = checked(draft)
    _check_references(session, draft, coupon_id)
    if draft.code != coupon.code and coupon.held + coupon.used + coupon.overshot:
        raise Invalid(
            N_("It was given to buyers already; make another coupon for another code."), field="code"
        )
    plans = tuple(session.scalars(select(CouponPlan.plan_id).where(CouponPlan.coupon_id == coupon_id)))
    before = facts(coupon, plans)
    for key in FIELDS:
        setattr(coupon, key, getattr(draft, key))
    coupon.version += 1
    _set_plans(session, coupon, draft.plan_ids)
    after = facts(coupon, draft.plan_ids)
    changed = [key for key in after if before[key] != after[key]]
    details = {"before": {key: before[key] for key in changed}, "after": {key: after[key] for key in changed}}
    _record(session, coupon, "coupon.update", details, actor=actor, now=now)
    return coupon


def switch(session: Session, *, coupon_id: int, active: bool, actor: Actor, now: dt.datetime) -> Coupon:
    """Take a coupon out of use, or into it again. Open orders keep their discount."""
    coupon = locks.lock(session, Coupon, coupon_id)
    if coupon.active != active:
        coupon.active = active
        coupon.version += 1
        action = "coupon.switch_on" if active else "coupon.switch_off"
        _record(session, coupon, action, {"code": coupon.code}, actor=actor, now=now)
    return coupon


def delete_unused(session: Session, *, coupon_id: int, actor: Actor, now: dt.datetime) -> None:
    """Delete a coupon that no order ever named.

    Raises:
        Conflict: when one did.
    """
    coupon = locks.lock(session, Coupon, coupon_id)
    if session.scalar(select(CouponUse.id).where(CouponUse.coupon_id == coupon_id).limit(1)) is not None:
        raise Conflict(N_("Orders name this coupon, so it stays. Switch it off instead."))
    session.execute(delete(CouponPlan).where(CouponPlan.coupon_id == coupon_id))
    _record(session, coupon, "coupon.delete", {"code": coupon.code}, actor=actor, now=now)
    session.delete(coupon)
    session.flush()


def facts(coupon: Coupon, plan_ids: Iterable[int]) -> dict[str, Any]:
    """A coupon as the audit log keeps it."""
    shown = {key: getattr(coupon, key) for key in FIELDS}
    shown = {
        key: value.isoformat() if isinstance(value, dt.datetime) else value for key, value in shown.items()
    }
    return {**shown, "plan_ids": sorted(set(plan_ids))}


def _check_references(session: Session, draft: CouponDraft, coupon_id: int | None) -> None:
    taken = session.scalar(select(Coupon.id).where(Coupon.code == draft.code))
    if taken is not None and taken != coupon_id:
        raise Invalid(N_("There is a coupon with this code."), field="code")
    if draft.plan_ids:
        known = set(session.scalars(select(Plan.id).where(Plan.id.in_(draft.plan_ids))))
        if set(draft.plan_ids) - known:
            raise NotFound()


def _set_plans(session: Session, coupon: Coupon, plan_ids: Iterable[int]) -> None:
    session.flush()
    session.execute(delete(CouponPlan).where(CouponPlan.coupon_id == coupon.id))
    rows = [{"coupon_id": coupon.id, "plan_id": plan_id} for plan_id in sorted(set(plan_ids))]
    if rows:
        session.execute(insert(CouponPlan), rows)
    session.expire(coupon, ["plans"])


def _record(
    session: Session, coupon: Coupon, action: str, details: dict[str, Any], *, actor: Actor, now: dt.datetime
) -> None:
    store.record(
        session,
        actor=actor,
        action=action,
        target=f"coupon:{coupon.id}",
        now=now,
        summary=coupon.code,
        details=details,
    )
    session.flush()
