"""What is done after the commit, and what the sweeper settles when events were missed. Callable without HTTP.

No transaction is open while the gateway is asked: its answer is written down in one of its own. The inbox's part is in
``jobs_inbox``, that of memberships and disputes in ``jobs_recurring``.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

from sqlalchemy import select, text

from qunclub.kernel import Actor, NotFound, outbox
from qunclub.kernel.payments import CheckoutSession, GatewayDeclined, GatewayError
from qunclub.web.state import ClubState
from qunclub.web.uow import retrying, transaction

from . import jobs_inbox, jobs_recurring, rules, services, services_inbox, services_payments, services_refunds
from .models import Order, Payment, Refund

log = logging.getLogger("qunclub.orders")

SWEEPER = Actor.system("sweeper")
BATCH = 200
# How long an expired order waits for a gateway that does not answer before its stock goes back on sale.
PATIENCE = dt.timedelta(minutes=15)
# A refund without an answer is asked for again after this long; the same key has one effect at the gateway.
UNANSWERED = dt.timedelta(minutes=30)


def carry_out_refund(state: ClubState, payload: dict[str, Any], key: str) -> None:
    """Ask the gateway for a refund and write its answer down; no answer raises, and the outbox asks again."""
    refund_key = str(payload["refund"])
    session = state.session()
    row = session.execute(
        select(Refund, Payment).join(Payment, Payment.id == Refund.payment_id).where(Refund.key == refund_key)
    ).one_or_none()
    if row is None or row[0].state != "requested" or row[0].provider_ref is not None:
        session.rollback()
        return
    made, payment = row
    ref, amount, currency, reason = payment.ref, made.amount, payment.currency, made.reason
    too_old = state.clock() - made.created_at > services_refunds.ASK_AGAIN
    session.rollback()
    if too_old:
        # The gateway may have forgotten the key, so asking again could pay twice: a person looks first.
        with transaction(session, wake=state.wake):
            services_refunds.refuse(
                session,
                key=refund_key,
                error="no answer",
                text=rules.REFUND_SILENT,
                actor=SWEEPER,
                now=state.clock(),
            )
        return
    try:
        answer = state.gateway.refund(
            ref, amount, currency, idempotency_key=refund_key, reason=reason, metadata={"refund": refund_key}
        )
    except GatewayDeclined as error:
        with transaction(session, wake=state.wake):
            services_refunds.refuse(
                session, key=refund_key, error=error.code or "declined", actor=SWEEPER, now=state.clock()
            )
        return
    with transaction(session, wake=state.wake):
        services_refunds.answer(
            session, key=refund_key, ref=answer.ref, status=answer.status, actor=SWEEPER, now=state.clock()
        )


def expire_checkout(state: ClubState, payload: dict[str, Any], key: str) -> None:
    """Close a pay page that nobody is to use any more; what was paid there in between is recorded."""
    state.session().rollback()
    found = state.gateway.expire_checkout(str(payload["ref"]))
    if found.settled:
        settle(state, found, actor=SWEEPER)


def settle(state: ClubState, checkout: CheckoutSession, *, actor: Actor) -> services_payments.Outcome | None:
    """Record a settled checkout's payment in a transaction of its own; None when the order is not ours."""
    whole = jobs_inbox.whole(state, checkout)
    try:
        return retrying(
            state.session(),
            lambda session: services_payments.settle_checkout(
                session, provider=state.gateway.name, checkout=whole, now=state.clock(), actor=actor
            ),
            wake=state.wake,
        )
    except NotFound:
        log.warning("a checkout names no order", extra={"facts": {"checkout": checkout.id}})
        return None


def sweep(state: ClubState) -> int:
    """Settle what events missed; returns how many things were mended. One part that fails does not stop the others."""
    mended = 0
    for part in (_expired_orders, _unanswered_refunds, jobs_inbox.sweep, jobs_recurring.sweep):
        try:
            mended += part(state)
        except Exception:
            state.session().rollback()
            log.exception("a part of the sweep failed", extra={"facts": {"part": part.__name__}})
    return mended


def _expired_orders(state: ClubState) -> int:
    session = state.session()
    now = state.clock()
    due = session.execute(
        select(Order.code, Order.checkout_ref, Order.expires_at)
        # Those that wait for a transfer have a sweep of their own, which also writes to the buyer.
        .where(Order.state == rules.PENDING, Order.expires_at <= now, Order.pay_by != "transfer")
        .order_by(Order.expires_at)
        .limit(BATCH)
    ).all()
    session.rollback()
    mended = 0
    for code, ref, expires_at in due:
        try:
            mended += _end_order(state, code, ref, now - (expires_at or now))
        except Exception:
            # One that cannot be settled must not keep the others waiting; the doctor tells of it.
            session.rollback()
            log.exception("order not swept", extra={"facts": {"order": code}})
    return mended


def _end_order(state: ClubState, code: str, ref: str | None, overdue: dt.timedelta) -> int:
    answer, found = _ask(state, ref)
    step = rules.sweep_step(answer=answer, overdue=overdue, patience=PATIENCE)
    if step == "ask_later":
        return 0
    if step == "fulfil" and found is not None:
        return 1 if settle(state, found, actor=SWEEPER) is not None else 0
    now = state.clock()
    with transaction(state.session(), wake=state.wake) as session:
        if step == "wait":
            until = now + services_inbox.DELAYED
            return int(services.postpone(session, order_code=code, until=until, actor=SWEEPER, now=now))
        return int(services.expire_order(session, order_code=code, now=now, actor=SWEEPER))


def _ask(state: ClubState, ref: str | None) -> tuple[str, CheckoutSession | None]:
    """How the pay page of an order whose time is up stands; it is closed by asking, so nobody pays meanwhile."""
    if ref is None:
        return "closed", None
    try:
        found = state.gateway.expire_checkout(ref)
    except GatewayDeclined:
        return "closed", None
    except GatewayError:
        return "silent", None
    if found.settled:
        return "settled", found
    return ("on_its_way" if found.status == "complete" else "closed"), found


def _unanswered_refunds(state: ClubState) -> int:
    session = state.session()
    now = state.clock()
    keys = session.scalars(
        select(Refund.key)
        .join(outbox.OutboxMessage, outbox.OutboxMessage.key == "refund:" + Refund.key, isouter=True)
        .where(
            Refund.state == "requested",
            # As the index of the open ones says it.
            text("qunclub_refund.state != 'settled'"),
            Refund.provider_ref.is_(None),
            Refund.created_at <= now - UNANSWERED,
            outbox.OutboxMessage.due_at.is_(None),
        )
        .limit(BATCH)
    ).all()
    session.rollback()
    for key in keys:
        # One more piece of work each hour, whatever became of the first.
        hourly = f"refund:{key}:{now:%Y%m%d%H}"
        with transaction(session, wake=state.wake):
            outbox.put(session, kind="refund", key=hourly, payload={"refund": key}, now=now)
    return len(keys)
