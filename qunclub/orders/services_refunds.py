"""Money goes back. A refund is reserved and its effect carried out here; the gateway is asked after the commit.

One effect for all: the desk, buyers themselves, the gateway's own dashboard and lost disputes. A coupon that an order
used stays used: its money goes back, the discount was had.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Conflict, NotFound, Stale, outbox
from qunclub.kernel.payments import RefundNotice

from . import queries_refunds, rules, rules_refunds, services
from . import services_refund_books as books
from . import services_refund_effects as effects
from .models import Order, Payment, Refund
from .services_payments import FREE, OFFLINE
from .services_refund_effects import passes_of

__all__ = [
    "ASK_AGAIN",
    "answer",
    "give_back",
    "notice",
    "passes_of",
    "reconcile",
    "refund",
    "refuse",
    "sent",
    "take_back_for_dispute",
]

SENT_NOTE = N_("The transfer was sent back.")
GATEWAY_REASON = N_("Given back at the payment service.")
DISPUTE_REASON = N_("The bank took the money back after a dispute.")
# Gateways forget an idempotency key after a day: a refund without an answer is asked for again only before that.
ASK_AGAIN = dt.timedelta(hours=20)


def refund(
    session: Session,
    *,
    payment_id: int,
    amount: int,
    reason: str,
    key: str,
    actor: Actor,
    now: dt.datetime,
    code_ids: Collection[int] = (),
) -> Refund:
    """Give back part or all of one payment; the same *key* again changes nothing. See :func:`give_back`."""
    order_id = session.execute(select(Payment.order_id).where(Payment.id == payment_id)).scalar_one_or_none()
    if order_id is None:
        raise NotFound()
    return give_back(
        session,
        order_id=order_id,
        taken={payment_id: amount},
        reason=reason,
        key=key,
        actor=actor,
        now=now,
        code_ids=code_ids,
    )[0]


def give_back(
    session: Session,
    *,
    order_id: int,
    taken: Mapping[int, int],
    reason: str,
    key: str,
    actor: Actor,
    now: dt.datetime,
    code_ids: Collection[int] = (),
    seen: str = "",
    send_later: bool = False,
) -> list[Refund]:
    """Give back *taken* (payment id → amount) of one order's payments, and revoke the codes chosen with it.

    What is asked for is reserved at once, so that all refunds together never exceed a payment. When all that bought
    something goes back, exactly that ends. An offline transfer is settled at once; a gateway is asked from the outbox,
    and when it cannot, the order is put before an admin. The same *key* again changes nothing.

    Args:
        seen: the digest of the preview that was looked at; empty when nobody looked.
        send_later: nobody has sent a transfer back yet: an admin is asked to, and says so with :func:`sent`.

    Raises:
        Invalid: when an amount is nothing, or more than is left.
        Conflict: when an upgrade stands on a pass that would end, a code is no longer open, or a dispute about one of
            the payments is.
        Stale: when the effect is no longer the one that was looked at.
    """
    order, payments = books.locked_payments(session, order_id, taken)
    keys = {payment.id: key if len(taken) == 1 else f"{key}:{payment.id}" for payment in payments}
    known = session.scalars(
        select(Refund)
        .where(Refund.payment_id.in_(list(taken)), Refund.key.in_(list(keys.values())))
        .order_by(Refund.id)
    ).all()
    if known:
        return list(known)
    for payment in payments:
        rules.check_refund(taken[payment.id], payment.amount - payment.refunded)
    effects.check_disputes(session, taken)
    shown = queries_refunds.preview(
        session, order, taken=dict(taken), code_ids=code_ids, now=now, locked=True
    )
    effects.check_upgrades(shown.reach)
    if seen and seen != shown.digest:
        raise Stale(rules_refunds.STALE)
    made = [
        books.written(
            session, payment, taken[payment.id], keys[payment.id], reason=reason, actor=actor, now=now
        )
        for payment in payments
    ]
    books.take_back(session, order, shown, actor=actor, now=now)
    books.tell(session, order, shown, key=key, reason=reason, actor=actor, now=now)
    for payment, one in zip(payments, made, strict=True):
        if payment.provider not in (OFFLINE, FREE):
            outbox.put(session, kind="refund", key=f"refund:{one.key}", payload={"refund": one.key}, now=now)
        elif send_later:
            one.provider_ref = f"hand:{one.key}"
            services.move(session, order, rules.ATTENTION, actor=actor, now=now, text=rules_refunds.TO_SEND)
        else:
            books.settle(session, order, payment, one, now=now)
    session.flush()
    return made


def sent(session: Session, *, refund_id: int, actor: Actor, now: dt.datetime) -> Order:
    """An admin has sent the transfer back that a buyer's own refund asks for; the second time changes nothing.

    Raises:
        NotFound: when there is no such refund, or it is not for people to send.
    """
    row = session.execute(
        select(Refund.key)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Refund.id == refund_id, Payment.provider == OFFLINE)
    ).one_or_none()
    if row is None:
        raise NotFound()
    order, payment, made = books.locked_refund(session, row.key)
    if made.state != "requested":
        return order
    books.settle(session, order, payment, made, now=now)
    state = rules.settled_state(services.money_of(session, order))
    if order.state == rules.ATTENTION and state is not None and not books.to_send(session, order):
        services.move(session, order, state, actor=actor, now=now, text=SENT_NOTE)
    else:
        services.note(session, order, actor=actor, now=now, text=SENT_NOTE)
    services.audit(session, order, "order.refund_sent", actor=actor, now=now, details={"refund_id": made.id})
    session.flush()
    return order


def answer(session: Session, *, key: str, ref: str, status: str, actor: Actor, now: dt.datetime) -> str:
    """What the gateway says of a refund we asked for: the refund's state afterwards.

    Answers may come twice, by the call and by webhook, in any order; a failure may follow a success.
    """
    order, payment, made = books.locked_refund(session, key)
    made.provider_ref = made.provider_ref or ref or None
    if status in ("failed", "canceled"):
        if made.state != "failed":
            _fail(session, order, payment, made, error=status, text=rules.REFUND_FAILED, actor=actor, now=now)
    elif status == "succeeded" and made.state == "requested":
        books.settle(session, order, payment, made, now=now)
    session.flush()
    return made.state


def refuse(session: Session, *, key: str, error: str, actor: Actor, now: dt.datetime, text: str = "") -> None:
    """The gateway will not carry a refund out: the money is the club's to give again, and an admin decides."""
    order, payment, made = books.locked_refund(session, key)
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
    made.state, made.error, made.settled_at, made.to_book = "failed", error[:2000], now, True
    payment.refunded -= made.amount
    order.refunded -= made.amount
    if payment.fulfils and not was_entitled:
        # The passes ended with the request and stay ended until an admin decides: this money buys nothing now.
        _unspend(session, order)
    if order.state == rules.ATTENTION:
        services.note(session, order, actor=actor, now=now, text=text)
    else:
        services.move(session, order, rules.ATTENTION, actor=actor, now=now, text=text)
    from . import services_disputes  # a lost dispute comes here

    services_disputes.settle_up(session, payment, actor=actor, now=now)


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
    order, payment = books.locked(session, payment_id)
    known = session.scalars(
        select(Refund).where(Refund.payment_id == payment_id, Refund.provider_ref == told.ref)
    ).one_or_none()
    if known is not None:
        return answer(session, key=known.key, ref=told.ref, status=told.status, actor=actor, now=now)
    if told.status in ("failed", "canceled"):
        return "ignored"
    left = payment.amount - payment.refunded
    if told.amount > left:
        from . import services_disputes  # a lost dispute comes here

        left += services_disputes.make_room(session, order, payment, told.amount - left, actor=actor, now=now)
    if told.amount > left:
        raise Conflict(N_("The payment service gave back more than is left of this payment here."))
    made = _from_outside(
        session,
        order,
        payment,
        told.amount,
        f"{provider}:{told.ref}",
        reason=GATEWAY_REASON,
        provider_ref=told.ref,
        actor=actor,
        now=now,
    )
    if told.status == "succeeded":
        books.settle(session, order, payment, made, now=now)
    session.flush()
    return "recorded"


def _from_outside(
    session: Session,
    order: Order,
    payment: Payment,
    amount: int,
    key: str,
    *,
    reason: str,
    provider_ref: str | None,
    actor: Actor,
    now: dt.datetime,
) -> Refund:
    """Money that went back without our asking: nobody can be refused, so whatever stood on it is told to an admin."""
    made = books.written(
        session, payment, amount, key[:80], reason=reason, actor=actor, now=now, provider_ref=provider_ref
    )
    shown = queries_refunds.preview(session, order, taken={payment.id: amount}, now=now, locked=True)
    books.take_back(session, order, shown, actor=actor, now=now)
    books.tell(session, order, shown, key=made.key, reason=reason, actor=actor, now=now)
    return made


# What reconciling came to is the weightiest of what came of each refund.
WEIGHTS = ("ignored", "known", "requested", "settled", "failed", "recorded", "waiting")


def reconcile(
    session: Session,
    *,
    provider: str,
    payment_ref: str,
    told: Sequence[RefundNotice],
    actor: Actor,
    now: dt.datetime,
) -> str:
    """Bring a payment's refunds in line with all that the gateway lists of it (the newest first): those that are
    missing here are recorded, once, with the effect of any refund.

    Returns:
        What came of it, as :func:`notice` says it; ``known`` when nothing was new.
    """
    outcomes = ["known"]
    for one in reversed(told):
        before = _state(session, one)
        after = notice(session, provider=provider, payment_ref=payment_ref, told=one, actor=actor, now=now)
        outcomes.append("known" if after == before else after)
    return max(outcomes, key=WEIGHTS.index)


def _state(session: Session, told: RefundNotice) -> str:
    query = select(Refund.state).where(Refund.provider_ref == told.ref).limit(1)
    return (told.ref and session.execute(query).scalar_one_or_none()) or ""


def take_back_for_dispute(
    session: Session, *, payment_id: int, amount: int, ref: str, now: dt.datetime, actor: Actor
) -> Refund | None:
    """A dispute is lost: the bank has taken the money back. What is left of the payment, up to *amount*, is written
    down as given back, with the effect of any refund; None when nothing was left. Once for each *ref*.
    """
    order, payment = books.locked(session, payment_id)
    key = f"dispute:{ref}"[:80]
    known = session.scalars(select(Refund).where(Refund.key == key)).one_or_none()
    amount = min(amount, payment.amount - payment.refunded)
    if known is not None or amount <= 0:
        return known
    made = _from_outside(
        session, order, payment, amount, key, reason=DISPUTE_REASON, provider_ref=None, actor=actor, now=now
    )
    made.state, made.settled_at = "settled", now
    session.flush()
    return made
