"""The webhook inbox: each notification kept once, and handled in one transaction with its effect."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import Actor, NotFound, insert_for, locks, store
from qunclub.kernel.payments import (
    CheckoutSession,
    DisputeNotice,
    Invoice,
    Notification,
    RecurringState,
    RefundNotice,
)

from . import services, services_disputes, services_payments, services_refunds, services_renewals
from .models import GatewayEvent, Order, Payment

GATEWAY = "stripe"
WAITING = "waiting"
# How long an order is kept for money that is on its way; then it expires, and what comes later is a late payment.
DELAYED = dt.timedelta(days=7)
# A refund of a payment that never arrived here is somebody else's on the same gateway account.
GIVE_UP = dt.timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Found:
    """How that stands at the gateway now which a notification tells of, asked before the transaction.

    Attributes:
        refunds: all of the payment, the newest first.
    """

    checkout: CheckoutSession | None = None
    invoice: Invoice | None = None
    recurring: RecurringState | None = None
    dispute: DisputeNotice | None = None
    refunds: tuple[RefundNotice, ...] = ()


NOTHING = Found()


def gateway_actor(provider: str = GATEWAY) -> Actor:
    """Who acts when the gateway told us."""
    return Actor.system(provider)


def handle_notification(
    session: Session,
    *,
    notification: Notification,
    payload: str,
    now: dt.datetime,
    provider: str = GATEWAY,
    found: Found = NOTHING,
) -> str:
    """Keep a notification and carry out what it says, once however often it comes.

    Args:
        found: how that stands now which it tells of; of memberships only this counts, so their order of arrival
            does not matter.

    Returns:
        What came of it, such as ``fulfilled``, ``expired`` or ``ignored``; ``repeated`` when it was handled before;
        ``waiting`` when it names a payment that has not arrived yet (the sweeper tries again).

    Raises:
        Exception: whatever went wrong; nothing is kept then, and the caller notes it with :func:`keep_failure`.
    """
    event = _kept(session, notification, payload, now, provider)
    if event.handled_at is not None:
        return "repeated"
    outcome = _carry_out(session, notification, found, now=now, provider=provider)
    event.attempts += 1
    event.outcome, event.error = outcome, ""
    event.order_code = _order_code(session, notification, found, provider)
    if outcome != WAITING or now - event.received_at > GIVE_UP:
        event.handled_at = now
    session.flush()
    return outcome


def _order_code(session: Session, told: Notification, found: Found, provider: str) -> str:
    """The order that a notification is about, for the order's page: of its payment, invoice or checkout."""
    dispute, invoice = found.dispute or told.dispute, found.invoice
    payment = told.payment_ref or (dispute and dispute.payment_ref) or (invoice and invoice.payment_ref)
    queries = []
    if payment:
        paid = select(Order.code).join(Payment, Payment.order_id == Order.id)
        queries.append(paid.where(Payment.provider == provider, Payment.ref == payment))
    if invoice is not None:
        queries.append(select(Order.code).where(Order.invoice_ref == invoice.ref))
    for query in queries:
        code = session.scalars(query).first()
        if code is not None:
            return code
    checkout = found.checkout or told.session
    said = next((one.order_code for one in (checkout, invoice, found.recurring) if one is not None), "")
    return said[:20]


def keep_failure(
    session: Session,
    *,
    notification: Notification,
    payload: str,
    error: str,
    now: dt.datetime,
    provider: str = GATEWAY,
) -> None:
    """Keep a notification whose handling failed, for the admin's list; the gateway and the sweeper try again."""
    event = _kept(session, notification, payload, now, provider)
    if event.handled_at is None:
        event.attempts += 1
        event.outcome, event.error = "failed", error[:2000]
        session.flush()


def _kept(
    session: Session, notification: Notification, payload: str, now: dt.datetime, provider: str
) -> GatewayEvent:
    """The inbox row, locked: two deliveries of one event at once handle it one after the other."""
    insert = insert_for(session, GatewayEvent)
    session.execute(
        insert.values(
            provider=provider,
            event_id=notification.id,
            kind=notification.kind[:80],
            payload=payload,
            received_at=now,
            outcome="",
            error="",
            attempts=0,
        ).on_conflict_do_nothing(index_elements=[GatewayEvent.provider, GatewayEvent.event_id])
    )
    ident = session.execute(
        select(GatewayEvent.id).where(
            GatewayEvent.provider == provider, GatewayEvent.event_id == notification.id
        )
    ).scalar_one()
    return locks.lock(session, GatewayEvent, ident)


def _carry_out(session: Session, told: Notification, found: Found, *, now: dt.datetime, provider: str) -> str:
    actor = gateway_actor(provider)
    if told.outcome == "refund" and told.refund is not None and told.payment_ref:
        return _refunds(
            session, told.payment_ref, told.refund, found, provider=provider, actor=actor, now=now
        )
    if told.outcome == "dispute":
        dispute = found.dispute or told.dispute
        if dispute is None:
            return "ignored"
        return services_disputes.notice(session, told=dispute, provider=provider, actor=actor, now=now)
    if told.outcome in ("invoice", "subscription"):
        return _recurring(session, found, provider=provider, actor=actor, now=now)
    checkout = found.checkout or told.session
    if checkout is None or told.outcome in ("other", "refund"):
        return "ignored"
    try:
        order = services.locked(session, checkout.order_code)
    except NotFound:
        # Several sites may share one gateway account; what names no order of ours is kept and left alone.
        return "unknown_order"
    if told.outcome == "paid":
        return services_payments.settle_checkout(
            session, provider=provider, checkout=checkout, now=now, actor=actor
        ).kind
    if order.checkout_ref not in (None, checkout.id):
        return "ignored"
    if told.outcome == "pending":
        until = now + DELAYED
        kept = services.postpone(session, order_code=order.code, until=until, actor=actor, now=now)
        return "on_its_way" if kept else "ignored"
    text = services.PAYMENT_FAILED if told.outcome == "failed" else services.TIME_RAN_OUT
    ended = services.expire_order(session, order_code=order.code, now=now, actor=actor, text=text)
    return "expired" if ended else "ignored"


def _refunds(
    session: Session,
    payment_ref: str,
    told: RefundNotice,
    found: Found,
    *,
    provider: str,
    actor: Actor,
    now: dt.datetime,
) -> str:
    if not found.refunds:
        return services_refunds.notice(
            session, provider=provider, payment_ref=payment_ref, told=told, actor=actor, now=now
        )
    return services_refunds.reconcile(
        session, provider=provider, payment_ref=payment_ref, told=found.refunds, actor=actor, now=now
    )


def _recurring(session: Session, found: Found, *, provider: str, actor: Actor, now: dt.datetime) -> str:
    if found.recurring is None and found.invoice is not None and found.invoice.first:
        # The first charge is the checkout's: whichever of the two is told first, the checkout settles it.
        if found.checkout is None:
            return "unknown_order"
        if not found.checkout.settled:
            return "ignored"
        return _settle(session, found.checkout, provider=provider, actor=actor, now=now)
    if found.recurring is None:
        return "ignored" if found.invoice is not None else WAITING
    return services_renewals.sync(
        session, state=found.recurring, invoice=found.invoice, provider=provider, actor=actor, now=now
    )


def _settle(
    session: Session, checkout: CheckoutSession, *, provider: str, actor: Actor, now: dt.datetime
) -> str:
    try:
        return services_payments.settle_checkout(
            session, provider=provider, checkout=checkout, now=now, actor=actor
        ).kind
    except NotFound:
        return "unknown_order"


def note_failure(session: Session, *, event_id: int, error: str) -> None:
    """Keep why a notification could not even be read again."""
    event = locks.lock(session, GatewayEvent, event_id)
    if event.handled_at is None:
        event.attempts += 1
        event.outcome, event.error = "failed", error[:2000]
        session.flush()


def audit_replay(session: Session, *, event_id: int, outcome: str, actor: Actor, now: dt.datetime) -> None:
    """One line of the audit log: an admin handled a notification again."""
    store.record(
        session,
        actor=actor,
        action="gateway_event.replay",
        target=f"gateway_event:{event_id}",
        now=now,
        details={"outcome": outcome},
    )


def audit_replay_failed(session: Session, *, counts: dict[str, int], actor: Actor, now: dt.datetime) -> None:
    """One line of the audit log: an admin handled all failed notifications again."""
    store.record(
        session,
        actor=actor,
        action="gateway_event.replay_failed",
        target="gateway_event:failed",
        now=now,
        details=dict(counts),
    )
