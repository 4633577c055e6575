"""The inbox at work: the gateway is asked how things stand now, then one transaction carries a notification out."""

from __future__ import annotations

import datetime as dt
import logging

from sqlalchemy import select

from qunclub.kernel import NotFound
from qunclub.kernel.payments import (
    CheckoutSession,
    GatewayDeclined,
    GatewayUnavailable,
    Notification,
    RefundNotice,
)
from qunclub.web.state import ClubState
from qunclub.web.uow import retrying, transaction

from . import services_inbox
from .models import GatewayEvent, Order
from .services_inbox import Found

log = logging.getLogger("qunclub.orders")

BATCH = 200
# So many tries come with every sweep; after them the pauses grow.
AT_ONCE = 3
PAUSE = dt.timedelta(minutes=1)


def whole(state: ClubState, checkout: CheckoutSession) -> CheckoutSession:
    """The checkout with all that belongs to it: of a recurring one, notifications tell neither payment nor period."""
    if checkout.subscription_ref is None and checkout.invoice_ref is None:
        return checkout
    if checkout.payment_ref is not None and checkout.period_ends_at is not None:
        return checkout
    state.session().rollback()
    return state.gateway.retrieve_checkout(checkout.id)


def look_up(state: ClubState, told: Notification) -> Found:
    """Ask the gateway how that stands now which a notification tells of; no transaction is open meanwhile.

    Raises:
        GatewayError: when it does not answer; the notification is then handled later.
    """
    gateway = state.gateway
    state.session().rollback()
    if told.outcome == "paid" and told.session is not None:
        return Found(checkout=whole(state, told.session))
    if told.outcome == "invoice" and told.invoice_ref:
        invoice = gateway.retrieve_invoice(told.invoice_ref)
        if invoice.first:
            return Found(invoice=invoice, checkout=_checkout_of(state, invoice.order_code))
        ref = invoice.subscription_ref or told.subscription_ref
        return Found(invoice=invoice, recurring=gateway.retrieve_subscription(ref) if ref else None)
    if told.outcome == "subscription" and told.subscription_ref:
        recurring = gateway.retrieve_subscription(told.subscription_ref)
        latest = recurring.latest_invoice_ref
        return Found(recurring=recurring, invoice=gateway.retrieve_invoice(latest) if latest else None)
    if told.outcome == "dispute" and told.dispute is not None:
        try:
            return Found(dispute=gateway.retrieve_dispute(told.dispute.ref))
        except GatewayDeclined:
            return Found(dispute=told.dispute)
    if told.outcome == "refund" and told.refund is not None and told.payment_ref:
        # What was told may be old: a refund that was made and then failed is told twice, in any order.
        return Found(refunds=_refunds_of(state, told.payment_ref))
    return Found()


def _checkout_of(state: ClubState, order_code: str) -> CheckoutSession | None:
    session = state.session()
    ref = session.execute(select(Order.checkout_ref).where(Order.code == order_code)).scalar_one_or_none()
    session.rollback()
    return None if ref is None else state.gateway.retrieve_checkout(ref)


def _refunds_of(state: ClubState, payment_ref: str) -> tuple[RefundNotice, ...]:
    try:
        return tuple(state.gateway.refunds_of(payment_ref))
    except GatewayDeclined:
        return ()


def receive(state: ClubState, notification: Notification, payload: str) -> tuple[str, Exception | None]:
    """Handle a notification in one transaction with its effect; a failure is noted in another and given back."""
    session = state.session()
    now = state.clock()
    try:
        found = look_up(state, notification)
        outcome = retrying(
            session,
            lambda work: services_inbox.handle_notification(
                work,
                notification=notification,
                payload=payload,
                now=now,
                provider=state.gateway.name,
                found=found,
            ),
            wake=state.wake,
        )
    except Exception as error:
        session.rollback()
        log.exception("notification not handled", extra={"facts": {"event": notification.id}})
        with transaction(session):
            services_inbox.keep_failure(
                session,
                notification=notification,
                payload=payload,
                error=f"{type(error).__name__}: {error}",
                now=now,
                provider=state.gateway.name,
            )
        return "failed", error
    return outcome, None


def replay_event(state: ClubState, event_id: int) -> str:
    """Handle a kept notification again; ``failed`` when it fails again (the row says why).

    Raises:
        NotFound: when there is none.
    """
    return _replay(state, event_id)[0]


def _replay(state: ClubState, event_id: int) -> tuple[str, Exception | None]:
    session = state.session()
    event = session.get(GatewayEvent, event_id)
    if event is None:
        raise NotFound()
    payload = event.payload
    if event.handled_at is not None:
        session.rollback()
        return "repeated", None
    session.rollback()
    try:
        notification = state.gateway.read_notification(payload.encode())
    except Exception as error:
        log.exception("notification not read", extra={"facts": {"event": event_id}})
        with transaction(session):
            services_inbox.note_failure(session, event_id=event_id, error=f"{type(error).__name__}: {error}")
        return "failed", error
    return receive(state, notification, payload)


def replay_failed(state: ClubState) -> dict[str, int]:
    """Handle what failed again, the oldest first; how many came to what. It stops when the gateway does not answer."""
    session = state.session()
    idents = session.scalars(
        select(GatewayEvent.id)
        .where(
            GatewayEvent.handled_at.is_(None),
            GatewayEvent.outcome == "failed",
            GatewayEvent.provider == state.gateway.name,
        )
        .order_by(GatewayEvent.id)
        .limit(BATCH)
    ).all()
    session.rollback()
    counts = {"handled": 0, "failed": 0, "left": len(idents)}
    for ident in idents:
        outcome, error = _replay(state, ident)
        counts["left"] -= 1
        counts["failed" if outcome == "failed" else "handled"] += 1
        if isinstance(error, GatewayUnavailable):
            break
    return counts


def sweep(state: ClubState) -> int:
    """Try what is not handled again, what was tried least first; returns how many were handled."""
    session = state.session()
    now = state.clock()
    rows = session.execute(
        select(GatewayEvent.id, GatewayEvent.attempts, GatewayEvent.received_at)
        .where(GatewayEvent.handled_at.is_(None), GatewayEvent.provider == state.gateway.name)
        .order_by(GatewayEvent.attempts, GatewayEvent.id)
        .limit(5 * BATCH)
    ).all()
    session.rollback()
    due = [ident for ident, attempts, received in rows if now - received >= pause(attempts)]
    handled = 0
    for ident in due[:BATCH]:
        try:
            outcome, error = _replay(state, ident)
        except Exception:
            session.rollback()
            log.exception("notification not swept", extra={"facts": {"event": ident}})
            continue
        handled += outcome not in ("failed", services_inbox.WAITING)
        if isinstance(error, GatewayUnavailable):
            # Nobody answers: asking for the others would only keep the sweep waiting.
            break
    return handled


def pause(attempts: int) -> dt.timedelta:
    """How long after its arrival a notification is tried once more, when it was tried so often."""
    return max(0, attempts - AT_ONCE) ** 2 * PAUSE
