"""What a purchase would come to for this member at this moment: asked by pages without a lock, by orders under it."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from qunclub import passes
from qunclub.kernel import N_, Conflict, Invalid, NotFound, locks
from qunclub.passes.models import Pass, PassTerm, Plan, PlanUpgrade

from . import rules, rules_selling, services_coupons
from .models import Order, OrderLine, Payment
from .models_selling import Subscription
from .rules_selling import GIFT, NEW, RENEWAL, UPGRADE, Discount, Purchase

# An upgrade in one of these states has used up its base pass.
LIVE_UPGRADE = (rules.PENDING, rules.ATTENTION, rules.PAID)

NOT_A_GIFT = N_("This pass is not sold as a gift.")
FOR_LIFE = N_("You hold this pass for life already; there is nothing more to buy.")
UNTIL_THEN = N_("You hold this pass already, for as long as it lasts; there is nothing more to buy.")
SUSPENDED = N_("You hold this pass; it is suspended while its payment is looked into.")
SUBSCRIBED = N_(
    "You have this membership already, and it renews by itself. Look at it under “My memberships”."
)
PER_MEMBER = N_("One member may buy this pass %(most)s times; you have reached that.")
BASE_USED = N_("The pass you hold is part of another upgrade already.")


@dataclass(frozen=True, slots=True)
class Quote:
    """What a purchase comes to.

    Attributes:
        kind: ``new``, ``renewal`` (more time for *pass_id*), ``upgrade`` (for the difference to *pass_id*) or ``gift``.
        unit_price: of one; *price* says what else there is to know of it.
        reduction: what the pass that is upgraded is still worth, at most the price.
        discounts: (coupon_id, code, amount) in the order in which they were taken off.
        total: what is to be paid now; of a recurring membership only the first time.
        interval: ``month`` or ``year`` for a recurring membership, whose later charges are *unit_price* each.
    """

    kind: str
    plan: Plan
    unit_price: int
    quantity: int
    reduction: int
    discounts: tuple[Discount, ...]
    total: int
    currency: str
    pass_id: int | None
    price: passes.PriceNow
    interval: str

    @property
    def subtotal(self) -> int:
        """Before anything is taken off."""
        return self.unit_price * self.quantity

    @property
    def discount(self) -> int:
        """All coupons together."""
        return sum(one.amount for one in self.discounts)

    @property
    def free(self) -> bool:
        """Whether it needs no payment service; a recurring membership always does, for its later charges."""
        return self.total == 0 and not self.interval


def quote(
    session: Session, *, member_id: int | None, purchase: Purchase, now: dt.datetime, lock: bool = False
) -> Quote:
    """What *purchase* comes to for this member, or for a visitor.

    Args:
        lock: lock the coupons and the pass that is upgraded; the caller has locked the plan.

    Raises:
        NotFound: when there is no such plan.
        Conflict: when it cannot be bought (now, by this member).
        Invalid: on ``quantity``, ``recipients``, ``pay_by`` or ``coupon``.
    """
    plan = session.get(Plan, purchase.plan_id)
    if plan is None:
        raise NotFound()
    _check_shape(plan, purchase)
    kind, base, worth = (GIFT, None, 0) if purchase.gift else _kind(session, plan, member_id, now)
    # More time for a pass takes nothing out of the stock.
    reason = passes.can_sell(plan, now, quantity=0 if kind == RENEWAL else purchase.quantity)
    if reason is not None:
        raise Conflict(passes.SALE_REASONS[reason])
    price = passes.price_of(session, plan, now)
    # Renewing is no second pass; but what costs nothing cannot be renewed for ever against the limit.
    if member_id is not None and (kind in (NEW, UPGRADE) or (kind == RENEWAL and price.price == 0)):
        _check_per_member(session, plan, member_id)
    coupons = services_coupons.for_purchase(
        session,
        codes=rules_selling.coupon_codes(purchase.coupon_codes),
        plan=plan,
        member_id=member_id,
        now=now,
        lock=lock,
    )
    if lock and kind == UPGRADE and base is not None:
        base = locks.lock(session, Pass, base.id)
        if base.state != "active" or base.id in upgraded(session, [base.id]):
            raise Conflict(BASE_USED)
        worth = worth_of(session, [base], now)[base.id]
    summed = rules_selling.sum_up(
        unit_price=price.price, quantity=purchase.quantity, worth=worth, coupons=coupons
    )
    rules_selling.check_worked(summed.discounts)
    return Quote(
        kind=kind,
        plan=plan,
        unit_price=price.price,
        quantity=purchase.quantity,
        reduction=summed.reduction,
        discounts=summed.discounts,
        total=summed.total,
        currency=plan.currency,
        pass_id=base.id if base else None,
        price=price,
        interval=plan.interval,
    )


def _check_shape(plan: Plan, purchase: Purchase) -> None:
    if purchase.gift:
        if plan.gift_max < 1 or plan.interval:
            raise Conflict(NOT_A_GIFT)
        if not 1 <= purchase.quantity <= plan.gift_max:
            raise Invalid(N_("Choose from 1 to %(most)s."), field="quantity", most=plan.gift_max)
        if len(purchase.recipients) > purchase.quantity:
            raise Invalid(N_("There are more people than passes."), field="recipients")
    elif purchase.quantity != 1:
        raise Invalid(N_("For yourself one is enough; buy the others as a gift."), field="quantity")
    if purchase.pay_by not in (rules_selling.GATEWAY, rules_selling.TRANSFER):
        raise Invalid(N_("Choose how to pay."), field="pay_by")
    if purchase.pay_by == rules_selling.TRANSFER and plan.interval:
        raise Invalid(
            N_("A membership that renews by itself is paid through the payment service."), field="pay_by"
        )


def _kind(
    session: Session, plan: Plan, member_id: int | None, now: dt.datetime
) -> tuple[str, Pass | None, int]:
    """What buying the plan means for somebody who holds what they hold: the kind, the pass it is about, its worth."""
    if member_id is None:
        return NEW, None, 0
    held = _held(session, plan, member_id, now)
    own = [one for one, of in held if of.id == plan.id]
    if plan.interval:
        _check_not_subscribed(session, plan, member_id)
        return NEW, None, 0
    if own:
        if any(one.state == "suspended" for one in own):
            raise Conflict(SUSPENDED)
        if any(one.ends_at is None for one in own):
            raise Conflict(FOR_LIFE)
        last = max(own, key=lambda one: (one.ends_at or now, one.id))
        if plan.valid_until is not None and (last.ends_at or now) >= plan.valid_until:
            raise Conflict(UNTIL_THEN)
        if plan.validity_days is not None or plan.valid_until is not None:
            return RENEWAL, last, 0
        # The plan is for life now, and the pass is from a time when it was not: another one gives more.
        return NEW, None, 0
    bases = [
        one
        for one, of in held
        if one.state == "active" and not of.interval and not one.renews and of.currency == plan.currency
    ]
    if bases:
        taken = upgraded(session, [one.id for one in bases])
        worths = worth_of(session, [one for one in bases if one.id not in taken], now)
        best = max(worths, key=lambda ident: (worths[ident], -ident), default=None)
        if best is not None and worths[best] > 0:
            return UPGRADE, next(one for one in bases if one.id == best), worths[best]
    return NEW, None, 0


def _held(session: Session, plan: Plan, member_id: int, now: dt.datetime) -> list[tuple[Pass, Plan]]:
    """What the member holds now of this plan and of those that it upgrades."""
    bases = select(PlanUpgrade.from_plan_id).where(PlanUpgrade.plan_id == plan.id).scalar_subquery()
    rows = session.execute(
        select(Pass, Plan)
        .join(Plan, Plan.id == Pass.plan_id)
        .where(
            Pass.member_id == member_id,
            Pass.state.in_(("active", "suspended")),
            or_(Pass.plan_id == plan.id, Pass.plan_id.in_(bases)),
        )
        .order_by(Pass.id)
    )
    return [(held, of) for held, of in rows if not passes.is_over(held, now)]


def _check_not_subscribed(session: Session, plan: Plan, member_id: int) -> None:
    query = select(Subscription.id).where(
        Subscription.member_id == member_id,
        Subscription.plan_id == plan.id,
        Subscription.state.in_(("active", "past_due")),
    )
    if session.execute(query.limit(1)).first() is not None:
        raise Conflict(SUBSCRIBED)


def _check_per_member(session: Session, plan: Plan, member_id: int) -> None:
    if plan.per_member is None:
        return
    own = (
        select(func.count())
        .select_from(Pass)
        .where(Pass.member_id == member_id, Pass.plan_id == plan.id, Pass.state != "revoked")
    )
    waiting = (
        select(func.coalesce(func.sum(OrderLine.quantity), 0))
        .join(Order, Order.id == OrderLine.order_id)
        .where(
            Order.member_id == member_id,
            Order.state.in_((rules.PENDING, rules.ATTENTION)),
            Order.holds_stock.is_(True),
            OrderLine.plan_id == plan.id,
            OrderLine.kind.in_((NEW, UPGRADE)),
        )
    )
    have, wait = session.execute(select(own.scalar_subquery(), waiting.scalar_subquery())).one()
    if have + wait >= plan.per_member:
        raise Conflict(PER_MEMBER, most=plan.per_member)


def upgraded(
    session: Session, pass_ids: Collection[int], *, but: int | None = None, waiting: bool = True
) -> set[int]:
    """Which of these passes a live upgrade stands on already.

    Args:
        but: an order that does not count.
        waiting: whether one counts that was never fulfilled and waits for an admin's decision.
    """
    query = (
        select(OrderLine.pass_id)
        .join(Order, Order.id == OrderLine.order_id)
        .where(OrderLine.kind == UPGRADE, OrderLine.pass_id.in_(pass_ids), Order.state.in_(LIVE_UPGRADE))
    )
    if but is not None:
        query = query.where(Order.id != but)
    if not waiting:
        query = query.where(or_(Order.state != rules.ATTENTION, Order.paid_at.is_not(None)))
    return {ident for ident in session.scalars(query) if ident is not None}


def worth_of(session: Session, held: Sequence[Pass], now: dt.datetime) -> dict[int, int]:
    """What each of these passes is still worth when it is upgraded, by its id."""
    return {ident: rules_selling.worth_of(terms, now) for ident, terms in paid_terms(session, held).items()}


def paid_terms(session: Session, held: Sequence[Pass]) -> dict[int, list[rules_selling.PaidTerm]]:
    """Each pass's terms that count, with what was paid for them and has not been given back.

    What was paid for a pass that is an upgrade itself includes what its own base was taken for.
    """
    found: dict[int, list[rules_selling.PaidTerm]] = {one.id: [] for one in held}
    if not held:
        return found
    query = select(PassTerm).where(PassTerm.pass_id.in_(found), PassTerm.revoked_at.is_(None))
    terms = [(term, _line_of(term.source)) for term in session.scalars(query.order_by(PassTerm.id))]
    costs = _unit_costs(session, {line for _, line in terms if line is not None})
    for term, line in terms:
        paid = costs.get(line, 0) if line is not None else 0
        found[term.pass_id].append(rules_selling.PaidTerm(paid, term.starts_at, term.ends_at))
    return found


def _line_of(source: str) -> int | None:
    kind, _, rest = source.partition(":")
    line = rest.partition(":")[0]
    return int(line) if kind == "order" and line.isdecimal() else None


def _unit_costs(session: Session, line_ids: Iterable[int]) -> dict[int, int]:
    """What one unit of each order line cost, after discounts and refunds."""
    wanted = sorted(line_ids)
    if not wanted:
        return {}
    orders = select(OrderLine.order_id).where(OrderLine.id.in_(wanted))
    left = (
        select(Payment.order_id, func.sum(Payment.amount - Payment.refunded).label("left"))
        .where(Payment.order_id.in_(orders), Payment.fulfils.is_(True))
        .group_by(Payment.order_id)
        .subquery()
    )
    rows = session.execute(
        select(OrderLine, Order.currency, func.coalesce(left.c.left, 0), Plan.currency, Pass.state)
        .join(Order, Order.id == OrderLine.order_id)
        .join(Plan, Plan.id == OrderLine.plan_id)
        .join(left, left.c.order_id == Order.id, isouter=True)
        .join(Pass, and_(Pass.id == OrderLine.pass_id, OrderLine.kind == UPGRADE), isouter=True)
        .where(OrderLine.order_id.in_(orders))
    ).all()
    whole: defaultdict[int, int] = defaultdict(int)
    for line, *_ in rows:
        whole[line.order_id] += line.quantity * line.unit_price - line.reduction
    costs = {}
    for line, currency, paid, plan_currency, base_state in rows:
        if line.id not in wanted or currency != plan_currency:
            continue
        net = line.quantity * line.unit_price - line.reduction
        share = rules_selling.share_of_line(
            int(paid), line=net, lines=whole[line.order_id], quantity=line.quantity
        )
        standing = line.kind == UPGRADE and base_state not in (None, "revoked")
        costs[line.id] = share + (line.reduction if standing else 0)
    return costs
