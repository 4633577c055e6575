"""Orders: placed with a hold on the stock, and ended without money. Money itself is in ``services_payments``."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import passes
from qunclub.kernel import N_, Actor, NotFound, ids, locks, outbox, store
from qunclub.passes.models import Plan

from . import rules
from .models import Order, OrderEvent, OrderLine, Payment

CODE_LENGTH = 10
PLACED = N_("Order placed; the stock is held for it.")
CHECKOUT_OPENED = N_("The pay page was opened.")
TIME_RAN_OUT = N_("The time to pay ran out; the stock is back on sale.")
CALLED_OFF = N_("Cancelled; the stock is back on sale.")
PAYMENT_FAILED = N_("The payment failed; the stock is back on sale.")


def place(
    session: Session,
    *,
    member_id: int,
    plan_id: int,
    email: str,
    locale: str,
    now: dt.datetime,
    actor: Actor,
    hold_minutes: int,
) -> Order:
    """Order one pass and hold it in stock; who has an open order for it at today's price gets that one back.

    Raises:
        Conflict: when the plan is not on sale or sold out.
    """
    # The plan's lock comes first: two clicks at once then find one order, not two holds.
    plan = locks.lock(session, Plan, plan_id)
    order = _open_order(session, member_id, plan, now)
    if order is not None:
        return order
    return new_order(
        session,
        member_id=member_id,
        plan_id=plan_id,
        email=email,
        locale=locale,
        now=now,
        actor=actor,
        expires_at=now + dt.timedelta(minutes=hold_minutes),
    )


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
) -> Order:
    """A new order with its stock held, whatever else the member has open."""
    plan = passes.hold(session, plan_id=plan_id, quantity=1, now=now)
    line = OrderLine(plan_id=plan.id, title=plan.title, quantity=1, unit_price=plan.price)
    order = Order(
        code=ids.code(CODE_LENGTH),
        member_id=member_id,
        state=rules.PENDING,
        currency=plan.currency,
        total=plan.price,
        email=email,
        locale=locale,
        holds_stock=True,
        created_at=now,
        expires_at=expires_at,
        lines=[line],
    )
    session.add(order)
    session.flush()
    note(session, order, actor=actor, now=now, text=PLACED, before="")
    session.flush()
    return order


def _open_order(session: Session, member_id: int, plan: Plan, now: dt.datetime) -> Order | None:
    return session.scalars(
        select(Order)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(
            Order.member_id == member_id,
            Order.state == rules.PENDING,
            Order.expires_at > now,
            Order.total == plan.price,
            Order.currency == plan.currency,
            OrderLine.plan_id == plan.id,
        )
        .order_by(Order.id.desc())
        .limit(1)
    ).one_or_none()


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
    if order.state != rules.PENDING:
        # It ended while the gateway was answering: nobody is to pay for it now.
        close_checkout(session, order, now=now)
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
    """Put what the order holds back on sale; a no-op when it holds nothing."""
    if order.holds_stock:
        for line in lines:
            passes.release(session, plan_id=line.plan_id, quantity=line.quantity, now=now)
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
    move(session, order, to, actor=actor, now=now, text=text)
    release_hold(session, order, lines_of(session, order), now=now)
    close_checkout(session, order, now=now)
    session.flush()
    return True


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
