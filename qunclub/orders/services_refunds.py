"""Money goes back. A refund is reserved and its effect carried out here; the gateway is asked after the commit."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import passes
from qunclub.kernel import N_, Actor, Conflict, NotFound, locks, mail, outbox, signals
from qunclub.kernel.payments import RefundNotice
from qunclub.passes.models import Pass

from . import rules, services
from .models import Order, OrderLine, Payment, Refund
from .services_payments import FREE, OFFLINE, pass_sources

FULL_NOTE = N_("All money is given back; the passes it bought have ended.")
PART_NOTE = N_("A part of the money is given back; the passes stay.")
EXTRA_NOTE = N_("Money that nothing was given for is given back.")
END_REASON = N_("The order was refunded.")
GATEWAY_REASON = N_("Given back at the payment service.")
# Gateways forget an idempotency key after a day: a refund without an answer is asked for again only before that.
ASK_AGAIN = dt.timedelta(hours=20)


def refund(
    session: Session, *, payment_id: int, amount: int, reason: str, key: str, actor: Actor, now: dt.datetime
) -> Refund:
    """Give back part or all of one payment; the same *key* again changes nothing.

    What is asked for is reserved at once, so that all refunds together never exceed the payment. When all that bought
    the passes goes back, exactly those passes end. An offline transfer is settled at once; a gateway is asked from the
    outbox, and when it cannot, the order is put before an admin.

    Raises:
        Invalid: when *amount* is nothing, or more than is left.
    """
    order, payment = _locked(session, payment_id)
    known = session.scalars(select(Refund).where(Refund.key == key)).one_or_none()
    if known is not None:
        return known
    rules.check_refund(amount, payment.amount - payment.refunded)
    made = Refund(
        payment_id=payment.id,
        key=key,
        amount=amount,
        state="requested",
        reason=reason,
        requested_by=actor.key[:120],
        created_at=now,
    )
    session.add(made)
    _take_back(session, order, payment, amount, actor=actor, now=now)
    if payment.provider in (OFFLINE, FREE):
        _settle(session, order, payment, made, now=now)
    else:
        outbox.put(session, kind="refund", key=f"refund:{key}", payload={"refund": key}, now=now)
    services.audit(
        session,
        order,
        "order.refund",
        actor=actor,
        now=now,
        details={"payment_id": payment.id, "amount": amount, "currency": payment.currency, "reason": reason},
    )
    session.flush()
    return made


def _locked(session: Session, payment_id: int) -> tuple[Order, Payment]:
    order_id = session.execute(select(Payment.order_id).where(Payment.id == payment_id)).scalar_one_or_none()
    if order_id is None:
        raise NotFound()
    order = locks.lock(session, Order, order_id)
    return order, locks.lock(session, Payment, payment_id)


def _locked_refund(session: Session, key: str) -> tuple[Order, Payment, Refund]:
    payment_id = session.execute(select(Refund.payment_id).where(Refund.key == key)).scalar_one_or_none()
    if payment_id is None:
        raise NotFound()
    order, payment = _locked(session, payment_id)
    query = select(Refund).where(Refund.key == key).execution_options(populate_existing=True)
    return order, payment, session.scalars(query).one()


def _take_back(
    session: Session, order: Order, payment: Payment, amount: int, *, actor: Actor, now: dt.datetime
) -> None:
    """Reserve the money and carry out what giving it back means for the order."""
    was_entitled = rules.entitled(services.money_of(session, order))
    payment.refunded += amount
    session.flush()
    money = services.money_of(session, order)
    still_entitled = rules.entitled(money)
    if was_entitled and not still_entitled:
        for held in passes_of(session, order):
            if held.state == "active":
                passes.revoke(session, pass_id=held.id, reason=END_REASON, now=now, actor=actor)
    text = EXTRA_NOTE if not payment.fulfils else PART_NOTE if still_entitled else FULL_NOTE
    state = rules.settled_state(money)
    if state is None or state == order.state:
        services.note(session, order, actor=actor, now=now, text=text)
        return
    lines = services.lines_of(session, order) if order.holds_stock else []
    services.release_hold(session, order, lines, now=now)
    services.move(session, order, state, actor=actor, now=now, text=text)


def passes_of(session: Session, order: Order) -> list[Pass]:
    """Every pass this order ever bought."""
    lines = session.execute(
        select(OrderLine.id, OrderLine.quantity).where(OrderLine.order_id == order.id)
    ).all()
    sources = [source for line_id, quantity in lines for source in pass_sources(line_id, quantity)]
    return list(session.scalars(select(Pass).where(Pass.source.in_(sources)).order_by(Pass.id)))


def _settle(session: Session, order: Order, payment: Payment, made: Refund, *, now: dt.datetime) -> None:
    made.state, made.settled_at, made.error = "settled", now, ""
    session.flush()
    if order.email:
        mail.send(
            session,
            to=order.email,
            template="refund",
            context={
                "code": order.code,
                "amount": made.amount,
                "currency": payment.currency,
                "ended": order.state == rules.REFUNDED and payment.fulfils,
            },
            locale=order.locale,
            key=f"refund:{made.id}",
            now=now,
        )
    signals.after_commit(
        session,
        signals.payment_refunded,
        order_code=order.code,
        member_id=order.member_id,
        amount=made.amount,
        currency=payment.currency,
    )


def answer(session: Session, *, key: str, ref: str, status: str, actor: Actor, now: dt.datetime) -> str:
    """What the gateway says of a refund we asked for: the refund's state afterwards.

    Answers may come twice, by the call and by webhook, in any order; a failure may follow a success.
    """
    order, payment, made = _locked_refund(session, key)
    made.provider_ref = made.provider_ref or ref or None
    if status in ("failed", "canceled"):
        if made.state != "failed":
            _fail(session, order, payment, made, error=status, text=rules.REFUND_FAILED, actor=actor, now=now)
    elif status == "succeeded" and made.state == "requested":
        _settle(session, order, payment, made, now=now)
    session.flush()
    return made.state


def refuse(session: Session, *, key: str, error: str, actor: Actor, now: dt.datetime, text: str = "") -> None:
    """The gateway will not carry a refund out: the money is the club's to give again, and an admin decides."""
    order, payment, made = _locked_refund(session, key)
    if made.state != "failed":
        text = text or rules.REFUND_FAILED
        _fail(session, order, payment, made, error=error, text=text, actor=actor, now=now)
        session.flush()


def _fail(
    session: Session,
    order: Order,
    payment: Payment,
    made: Refund,
    *,
    error: str,
    text: str,
    actor: Actor,
    now: dt.datetime,
) -> None:
    was_entitled = rules.entitled(services.money_of(session, order))
    made.state, made.error, made.settled_at = "failed", error[:2000], now
    payment.refunded -= made.amount
    if payment.fulfils and not was_entitled:
        # The passes ended with the request and stay ended until an admin decides: this money buys nothing now.
        _unspend(session, order)
    if order.state == rules.ATTENTION:
        services.note(session, order, actor=actor, now=now, text=text)
    else:
        services.move(session, order, rules.ATTENTION, actor=actor, now=now, text=text)


def _unspend(session: Session, order: Order) -> None:
    query = select(Payment).where(Payment.order_id == order.id, Payment.fulfils.is_(True))
    for payment in session.scalars(query):
        payment.fulfils = False


def notice(
    session: Session, *, provider: str, payment_ref: str, told: RefundNotice, actor: Actor, now: dt.datetime
) -> str:
    """What a notification says of money given back, ours or made in the gateway's own dashboard.

    Returns:
        What became of it: ``settled``, ``requested``, ``failed``, ``recorded``, ``known``, ``ignored``; or ``waiting``
        when the payment it names has not arrived here yet.
    """
    key = told.metadata.get("refund", "")
    if key and session.execute(select(Refund.id).where(Refund.key == key)).first() is not None:
        return answer(session, key=key, ref=told.ref or "", status=told.status, actor=actor, now=now)
    payment_id = session.execute(
        select(Payment.id).where(Payment.provider == provider, Payment.ref == payment_ref)
    ).scalar_one_or_none()
    if payment_id is None:
        return "waiting"
    if told.ref is None or told.amount is None:
        # Only the new total was told; the refund itself comes in a notification of its own.
        return "ignored"
    order, payment = _locked(session, payment_id)
    known = session.scalars(
        select(Refund).where(Refund.payment_id == payment_id, Refund.provider_ref == told.ref)
    ).one_or_none()
    if known is not None:
        return answer(session, key=known.key, ref=told.ref, status=told.status, actor=actor, now=now)
    if told.status in ("failed", "canceled"):
        return "ignored"
    left = payment.amount - payment.refunded
    if told.amount > left:
        raise Conflict(N_("The payment service gave back more than is left of this payment here."))
    made = Refund(
        payment_id=payment.id,
        key=f"{provider}:{told.ref}",
        amount=told.amount,
        state="requested",
        reason=GATEWAY_REASON,
        provider_ref=told.ref,
        requested_by=actor.key[:120],
        created_at=now,
    )
    session.add(made)
    _take_back(session, order, payment, told.amount, actor=actor, now=now)
    if told.status == "succeeded":
        _settle(session, order, payment, made, now=now)
    session.flush()
    return "recorded"


@dataclass(frozen=True, slots=True)
class Preview:
    """What giving back *amount* of a payment does, before it is done.

    Attributes:
        ends: the passes that would end, with what hangs on them.
    """

    payment: Payment
    amount: int
    left: int
    ends: list[Pass]


def preview(session: Session, *, payment_id: int, amount: int) -> Preview:
    """The exact effect of a refund.

    Raises:
        Invalid: as :func:`refund` does.
    """
    payment = session.get(Payment, payment_id)
    if payment is None:
        raise NotFound()
    left = payment.amount - payment.refunded
    rules.check_refund(amount, left)
    order = session.get_one(Order, payment.order_id)
    query = select(Payment.id, Payment.amount, Payment.refunded, Payment.fulfils).where(
        Payment.order_id == order.id
    )
    rows = session.execute(query).all()
    before = [rules.Money(row.amount, row.refunded, row.fulfils) for row in rows]
    after = [
        rules.Money(row.amount, row.refunded + (amount if row.id == payment_id else 0), row.fulfils)
        for row in rows
    ]
    ending = rules.entitled(before) and not rules.entitled(after)
    ends = [held for held in passes_of(session, order) if held.state == "active"] if ending else []
    return Preview(payment, amount, left, ends)
