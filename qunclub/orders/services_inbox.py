"""The webhook inbox: each notification kept once, and handled in one transaction with its effect."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import Actor, NotFound, insert_for, locks, store
from qunclub.kernel.payments import Notification

from . import services, services_payments, services_refunds
from .models import GatewayEvent

GATEWAY = "stripe"
WAITING = "waiting"
# How long an order is kept for money that is on its way; then it expires, and what comes later is a late payment.
DELAYED = dt.timedelta(days=7)
# A refund of a payment that never arrived here is somebody else's on the same gateway account.
GIVE_UP = dt.timedelta(days=3)


def gateway_actor(provider: str = GATEWAY) -> Actor:
    """Who acts when the gateway told us."""
    return Actor.system(provider)


def handle_notification(
    session: Session, *, notification: Notification, payload: str, now: dt.datetime, provider: str = GATEWAY
) -> str:
    """Keep a notification and carry out what it says, once however often it comes.

    Returns:
        What came of it, such as ``fulfilled``, ``expired`` or ``ignored``; ``repeated`` when it was handled before;
        ``waiting`` when it names a payment that has not arrived yet (the sweeper tries again).

    Raises:
        Exception: whatever went wrong; nothing is kept then, and the caller notes it with :func:`keep_failure`.
    """
    event = _kept(session, notification, payload, now, provider)
    if event.handled_at is not None:
        return "repeated"
    outcome = _carry_out(session, notification, now=now, provider=provider)
    event.attempts += 1
    event.outcome, event.error = outcome, ""
    if outcome != WAITING or now - event.received_at > GIVE_UP:
        event.handled_at = now
    session.flush()
    return outcome


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


def _carry_out(session: Session, told: Notification, *, now: dt.datetime, provider: str) -> str:
    actor = gateway_actor(provider)
    if told.outcome == "refund" and told.refund is not None and told.payment_ref:
        return services_refunds.notice(
            session, provider=provider, payment_ref=told.payment_ref, told=told.refund, actor=actor, now=now
        )
    checkout = told.session
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
