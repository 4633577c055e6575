"""Orders: placed with a hold on the stock, and ended without money. Money itself is in ``services_payments``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from qunclub import passes
from qunclub.kernel import N_, Actor, Conflict, NotFound, ids, locks, outbox, store
from qunclub.passes.models import Plan

# These four stand on this module and it on them: as modules, not by their names.
from . import rules, rules_selling, services_claims, services_coupons, services_quote, services_subscriptions
from .models import Order, OrderEvent, OrderLine, Payment
from .models_selling import Coupon, CouponUse
from .rules_selling import Details, Purchase
from .services_quote import Quote

CODE_LENGTH = 10
ORDER_KIND = {rules_selling.GIFT: "gift", rules_selling.RENEWAL: "renewal"}
REPLACED = N_("Its buyer changed it before paying; a new order takes its place.")
IN_THE_WAY = N_("You have an open order for this pass, %(code)s. Pay it or cancel it first.")
PLACED = N_("Order placed; the stock is held for it.")
CHECKOUT_OPENED = N_("The pay page was opened.")
TIME_RAN_OUT = N_("The time to pay ran out; the stock is back on sale.")
CALLED_OFF = N_("Cancelled; the stock is back on sale.")
PAYMENT_FAILED = N_("The payment failed; the stock is back on sale.")


def place(
    session: Session,
    *,
    member_id: int,
    plan_id: int | None = None,
    purchase: Purchase | None = None,
    email: str,
    locale: str,
    now: dt.datetime,
    actor: Actor,
    hold_minutes: int,
) -> Order:
    """Order what *purchase* says (or one pass of *plan_id*) and hold its stock and its coupons.

    Who has an open order for the very same gets that one back, at the price of its moment, as long as today's is not
    lower. Another one of one's own for the same plan is replaced while nobody can have paid it; once its pay page is
    open, its buyer pays it or calls it off first. Orders to give away stand beside each other.

    Locks, in order: the member's open orders, the plan, the coupons, the pass that is upgraded.

    Raises:
        Conflict: when it cannot be bought now, or by this member; with ``code`` when an open order is in the way.
        Invalid: naming the field that cannot be taken.
    """
    if purchase is None:
        assert plan_id is not None  # one of the two says what is bought
        purchase = Purchase(plan_id)
    open_orders = [
        locks.lock(session, Order, ident)
        for ident in _open_ids(session, member_id, purchase.plan_id, purchase.gift, now)
    ]
    # The plan's lock comes before looking again: two clicks at once then find one order, not two holds.
    plan = locks.lock(session, Plan, purchase.plan_id)
    details = rules_selling.check_details(purchase.details, plan.asks)
    for ident in _open_ids(session, member_id, plan.id, purchase.gift, now):
        order = session.get_one(Order, ident)
        if _is_same(session, order, purchase, plan, now):
            if order in open_orders:
                _refresh(order, details)
                session.flush()
            return order
        if not purchase.gift:
            if order not in open_orders or order.checkout_ref or order.pay_by != rules_selling.GATEWAY:
                raise Conflict(IN_THE_WAY, code=order.code)
            _end_locked(session, order, rules.CANCELLED, actor=actor, now=now, text=REPLACED)
    offer = services_quote.quote(session, member_id=member_id, purchase=purchase, now=now, lock=True)
    return new_order(
        session,
        member_id=member_id,
        plan_id=plan.id,
        email=email,
        locale=locale,
        now=now,
        actor=actor,
        expires_at=now + dt.timedelta(minutes=hold_minutes),
        offer=offer,
        purchase=replace(purchase, details=details),
    )


def _open_ids(session: Session, member_id: int, plan_id: int, gift: bool, now: dt.datetime) -> Sequence[int]:
    """The member's open orders for the plan, for themselves or to give away; the newest last."""
    kind = OrderLine.kind == rules_selling.GIFT
    return session.scalars(
        select(Order.id)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(
            Order.member_id == member_id,
            Order.state == rules.PENDING,
            # Without an end: its transfer is being looked at.
            or_(Order.expires_at > now, Order.expires_at.is_(None)),
            OrderLine.plan_id == plan_id,
            kind if gift else ~kind,
        )
        .order_by(Order.id)
    ).all()


def _is_same(session: Session, order: Order, purchase: Purchase, plan: Plan, now: dt.datetime) -> bool:
    """Whether an open order is for the very same, at a price that is no worse than today's."""
    line = lines_of(session, order)[0]
    if line.quantity != purchase.quantity or order.currency != plan.currency:
        return False
    if line.unit_price > passes.price_of(session, plan, now).price:
        return False
    if purchase.gift and not services_claims.same_people(session, order, purchase.recipients):
        return False
    used: tuple[str, ...] = ()
    if order.discount:
        query = select(Coupon.code).join(CouponUse, CouponUse.coupon_id == Coupon.id)
        used = tuple(sorted(session.scalars(query.where(CouponUse.order_id == order.id))))
    return used == rules_selling.coupon_codes(purchase.coupon_codes)


def _refresh(order: Order, details: Details) -> None:
    """Take over what the buyer said anew of the same order. How it is paid is chosen apart: a transfer may be sent."""
    order.buyer_name, order.buyer_phone, order.buyer_address = details.name, details.phone, details.address


def new_order(
    session: Session,
    *,
    member_id: int,
    plan_id: int,
    email: str,
    locale: str,
    now: dt.datetime,
    actor: Actor,
    expires_at: dt.datetime | None,
    offer: Quote | None = None,
    purchase: Purchase | None = None,
) -> Order:
    """A new order with its stock and coupons held, whatever else the member has open.

    Args:
        offer: what it comes to, worked out under the locks; without it, a pass at the price of this moment.
    """
    kind = offer.kind if offer else rules_selling.NEW
    quantity = offer.quantity if offer else 1
    plan = offer.plan if offer else locks.lock(session, Plan, plan_id)
    price = offer.price if offer else passes.price_of(session, plan, now)
    if kind != rules_selling.RENEWAL:
        passes.hold(session, plan_id=plan_id, quantity=quantity, now=now)
    line = OrderLine(
        plan_id=plan.id,
        title=plan.title,
        quantity=quantity,
        unit_price=price.price,
        list_price=price.list_price,
        kind=kind,
        pass_id=offer.pass_id if offer else None,
        reduction=offer.reduction if offer else 0,
        refund_days=plan.refund_days,
        refund_progress=plan.refund_progress,
    )
    details = purchase.details if purchase else Details()
    order = Order(
        code=ids.code(CODE_LENGTH),
        member_id=member_id,
        state=rules.PENDING,
        currency=plan.currency,
        total=offer.total if offer else price.price,
        discount=offer.discount if offer else 0,
        refunded=0,
        kind=ORDER_KIND.get(kind, "purchase"),
        plan_id=plan.id,
        pay_by=purchase.pay_by if purchase else rules_selling.GATEWAY,
        buyer_name=details.name,
        buyer_phone=details.phone,
        buyer_address=details.address,
        email=email,
        locale=locale,
        holds_stock=True,
        created_at=now,
        expires_at=expires_at,
        lines=[line],
    )
    session.add(order)
    session.flush()
    if offer is not None:
        services_coupons.hold(session, order, offer.discounts, now=now)
    if kind == rules_selling.GIFT:
        services_claims.write_down(session, order, line, purchase.recipients if purchase else (), now)
    if plan.interval:
        services_subscriptions.begin(session, order, plan, now)
    note(session, order, actor=actor, now=now, text=PLACED, before="")
    session.flush()
    return order


def locked(session: Session, code: str) -> Order:
    """The order of *code*, locked and read afresh.

    Raises:
        NotFound: when there is none.
    """
    ident = session.execute(select(Order.id).where(Order.code == code)).scalar_one_or_none()
    if ident is None:
        raise NotFound()
    return locks.lock(session, Order, ident)


def lines_of(session: Session, order: Order) -> list[OrderLine]:
    """The order's lines by plan, which is the order their plans are locked in."""
    return list(
        session.scalars(
            select(OrderLine).where(OrderLine.order_id == order.id).order_by(OrderLine.plan_id, OrderLine.id)
        )
    )


def move(session: Session, order: Order, to: str, *, actor: Actor, now: dt.datetime, text: str) -> None:
    """Take one step of the life cycle and write it into the order's story.

    Raises:
        Conflict: when the table of transitions has no such step.
    """
    rules.check_move(order.state, to)
    before, order.state = order.state, to
    order.attention = text if to == rules.ATTENTION else ""
    note(session, order, actor=actor, now=now, text=text, before=before)


def note(
    session: Session, order: Order, *, actor: Actor, now: dt.datetime, text: str, before: str | None = None
) -> None:
    """Write a line into the order's story; without *before* its state is as it was."""
    session.add(
        OrderEvent(
            order_id=order.id,
            at=now,
            actor=actor.name[:200],
            from_state=order.state if before is None else before,
            to_state=order.state,
            note=text,
        )
    )


def attach_checkout(
    session: Session, *, order_id: int, ref: str, url: str, actor: Actor, now: dt.datetime
) -> None:
    """Remember the pay page that the gateway opened for this order."""
    order = locks.lock(session, Order, order_id)
    if order.checkout_ref == ref:
        order.checkout_url = url
        session.flush()
        return
    order.checkout_ref, order.checkout_url = ref, url
    note(session, order, actor=actor, now=now, text=CHECKOUT_OPENED)
    transfer = order.pay_by == rules_selling.TRANSFER
    if order.state != rules.PENDING or transfer:
        # It ended, or was to be paid otherwise, while the gateway was answering: nobody is to pay for it there.
        close_checkout(session, order, now=now)
        if transfer:
            order.checkout_ref, order.checkout_url = None, ""
    session.flush()


def close_checkout(session: Session, order: Order, *, now: dt.datetime) -> None:
    """Have the gateway close the order's pay page, once this transaction has committed."""
    if order.checkout_ref:
        payload = {"order": order.code, "ref": order.checkout_ref}
        outbox.put(
            session,
            kind="checkout_expire",
            key=f"checkout_expire:{order.checkout_ref}",
            payload=payload,
            now=now,
        )


def release_hold(session: Session, order: Order, lines: list[OrderLine], *, now: dt.datetime) -> None:
    """Put what the order holds back on sale, and give its coupons back; a no-op when it holds nothing."""
    if order.holds_stock:
        for line in lines:
            if line.kind != rules_selling.RENEWAL:
                passes.release(session, plan_id=line.plan_id, quantity=line.quantity, now=now)
        services_coupons.release(session, order)
        order.holds_stock = False


def expire_order(
    session: Session, *, order_code: str, now: dt.datetime, actor: Actor, text: str = TIME_RAN_OUT
) -> bool:
    """End a pending order and put its stock back on sale; False when it is no longer pending."""
    return _end(session, order_code, rules.EXPIRED, actor=actor, now=now, text=text)


def cancel(session: Session, *, order_code: str, now: dt.datetime, actor: Actor) -> bool:
    """Call an order off that nobody paid; False when it was called off already.

    One that expired is called off too: closing its pay page makes the gateway say so, often before this runs.

    Raises:
        Conflict: when it is paid or ended otherwise.
    """
    order = locked(session, order_code)
    if order.state == rules.CANCELLED:
        return False
    rules.check_move(order.state, rules.CANCELLED)
    if actor.member_id != order.member_id:
        audit(session, order, "order.cancel", actor=actor, now=now)
    if order.state == rules.EXPIRED:
        move(session, order, rules.CANCELLED, actor=actor, now=now, text=CALLED_OFF)
        session.flush()
        return True
    return _end(session, order_code, rules.CANCELLED, actor=actor, now=now, text=CALLED_OFF)


def _end(session: Session, order_code: str, to: str, *, actor: Actor, now: dt.datetime, text: str) -> bool:
    order = locked(session, order_code)
    if order.state != rules.PENDING:
        return False
    _end_locked(session, order, to, actor=actor, now=now, text=text)
    return True


def _end_locked(
    session: Session, order: Order, to: str, *, actor: Actor, now: dt.datetime, text: str
) -> None:
    move(session, order, to, actor=actor, now=now, text=text)
    release_hold(session, order, lines_of(session, order), now=now)
    close_checkout(session, order, now=now)
    session.flush()


def postpone(
    session: Session, *, order_code: str, until: dt.datetime, actor: Actor, now: dt.datetime
) -> bool:
    """Keep a pending order and its stock until *until*: its money is on the way."""
    order = locked(session, order_code)
    if order.state != rules.PENDING or (order.expires_at is not None and order.expires_at >= until):
        return False
    order.expires_at = until
    note(
        session, order, actor=actor, now=now, text=N_("The payment is on its way; the order is kept for it.")
    )
    session.flush()
    return True


def money_of(session: Session, order: Order) -> list[rules.Money]:
    """The order's payments as the rules see them."""
    query = select(Payment.amount, Payment.refunded, Payment.fulfils).where(Payment.order_id == order.id)
    return [rules.Money(*row) for row in session.execute(query)]


def audit(
    session: Session,
    order: Order,
    action: str,
    *,
    actor: Actor,
    now: dt.datetime,
    details: dict[str, object] | None = None,
) -> None:
    """One line of the audit log about this order."""
    store.record(
        session,
        actor=actor,
        action=action,
        target=f"order:{order.code}",
        now=now,
        summary=order.code,
        details=dict(details or {}),
    )
