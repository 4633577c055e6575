"""Memberships and disputes after the commit: the gateway learns what the club wants, and is asked what was missed."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from qunclub.kernel import Actor, locks, outbox
from qunclub.kernel.payments import (
    GatewayDeclined,
    GatewayError,
    GatewayUnavailable,
    Invoice,
    RecurringState,
)
from qunclub.passes.models import Pass
from qunclub.web.state import ClubState
from qunclub.web.uow import retrying, transaction

from . import rules as orders
from . import rules_disputes, services_disputes, services_renewals, services_subscriptions
from . import rules_subscriptions as rules
from .models import Order
from .models_money import Dispute
from .models_selling import Subscription

log = logging.getLogger("qunclub.orders")

SWEEPER = Actor.system("sweeper")
BATCH = 200
# A membership whose period has ended is asked for again after so long.
AGAIN = dt.timedelta(hours=1)
# How long after its grace a membership waits for a gateway that does not answer before it is ended.
SILENT = dt.timedelta(days=1)
DISPUTE_AGE = dt.timedelta(days=1)
# A wish that changes while the gateway is being told is told once more, at most so often.
TIMES = 3


def carry_out_wish(state: ClubState, payload: dict[str, Any], key: str) -> None:
    """Tell the gateway what the club wants of a membership *now*, whatever it was when the message was written.

    No answer raises, and the outbox asks again.
    """
    if "ref" in payload:
        state.session().rollback()
        _end_stray(state, str(payload["ref"]), key)
        return
    ident = int(payload["subscription"])
    told: rules.Wish = "none"
    for _time in range(TIMES):
        ref, wish = _wish_of(state, ident)
        if ref is None or wish in ("none", told):
            return
        told = wish
        try:
            answer = _tell(state, ref, wish, f"{key}:{wish}")
        except GatewayDeclined:
            # It may have ended there already: that is then how it stands here too.
            answer = state.gateway.retrieve_subscription(ref)
            if answer.status != "ended":
                raise
        if answer.status == "ended":
            _sync(state, answer, None)


def _wish_of(state: ClubState, ident: int) -> tuple[str | None, rules.Wish]:
    session = state.session()
    row = session.execute(
        select(Subscription.ref, Subscription.state, Subscription.cancel_at_end).where(
            Subscription.id == ident
        )
    ).one_or_none()
    session.rollback()
    if row is None:
        return None, "none"
    return row.ref, rules.wish(state=row.state, cancel_at_end=row.cancel_at_end)


def _tell(state: ClubState, ref: str, wish: rules.Wish, key: str) -> RecurringState:
    if wish == "go_on":
        return state.gateway.resume_subscription(ref, idempotency_key=key)
    return state.gateway.cancel_subscription(ref, at_end=wish == "end_later", idempotency_key=key)


def _end_stray(state: ClubState, ref: str, key: str) -> None:
    try:
        state.gateway.cancel_subscription(ref, at_end=False, idempotency_key=key)
    except GatewayDeclined:
        if state.gateway.retrieve_subscription(ref).status != "ended":
            raise


def _sync(state: ClubState, recurring: RecurringState, invoice: Invoice | None) -> str:
    return retrying(
        state.session(),
        lambda session: services_renewals.sync(
            session,
            state=recurring,
            invoice=invoice,
            provider=state.gateway.name,
            actor=SWEEPER,
            now=state.clock(),
        ),
        wake=state.wake,
    )


def sweep(state: ClubState) -> int:
    """Memberships that events missed, notices that are due, disputes that are old."""
    mended = 0
    for part in (_ended_passes, _unbegun, _asked, _closed, _reminded, _lapsed, _disputes):
        try:
            mended += part(state)
        except Exception:
            state.session().rollback()
            log.exception("a part of the sweep failed", extra={"facts": {"part": part.__name__}})
    return mended


def _asked(state: ClubState) -> int:
    """Ask the gateway for memberships whose period is over: renewals and ends whose notifications never came."""
    session = state.session()
    now = state.clock()
    over = or_(Subscription.period_ends_at <= now, Subscription.state == rules.PAST_DUE)
    stale = or_(
        Subscription.checked_at.is_(None),
        Subscription.checked_at <= now - AGAIN,
        and_(Subscription.grace_until <= now, Subscription.checked_at < Subscription.grace_until),
    )
    rows = session.execute(
        select(Subscription.id, Subscription.ref)
        .where(
            Subscription.state.in_(rules.LIVE),
            Subscription.ref.is_not(None),
            Subscription.provider == state.gateway.name,
            over,
            stale,
        )
        .order_by(func.coalesce(Subscription.checked_at, Subscription.created_at), Subscription.id)
        .limit(BATCH)
    ).all()
    session.rollback()
    mended = 0
    for ident, ref in rows:
        try:
            mended += ask(state, ident, str(ref))
        except GatewayUnavailable:
            session.rollback()
            log.warning("the payment service does not answer", extra={"facts": {"subscription": ident}})
            break
        except Exception:
            session.rollback()
            log.exception("membership not swept", extra={"facts": {"subscription": ident}})
            _looked_at(state, ident)
    return mended


def ask(state: ClubState, ident: int, ref: str) -> int:
    """Bring one membership in line with the gateway; 1 when that changed something."""
    recurring = state.gateway.retrieve_subscription(ref)
    latest = recurring.latest_invoice_ref
    invoice = state.gateway.retrieve_invoice(latest) if latest else None
    outcome = _sync(state, recurring, invoice)
    if outcome in ("already", "updated", "past_due") and recurring.status != "active":
        outcome = "ended" if _lapse(state, ident) else outcome
    return int(outcome in ("renewed", "past_due", "ended", "attention"))


def _looked_at(state: ClubState, ident: int) -> None:
    with transaction(state.session()) as session:
        locks.lock(session, Subscription, ident).checked_at = state.clock()


def _lapse(state: ClubState, ident: int) -> bool:
    with transaction(state.session(), wake=state.wake) as session:
        return services_renewals.lapse(session, subscription_id=ident, now=state.clock(), actor=SWEEPER)


def _lapsed(state: ClubState) -> int:
    """End memberships whose grace has long passed while the gateway did not answer."""
    return _each(
        state,
        select(Subscription.id).where(
            Subscription.state == rules.PAST_DUE, Subscription.grace_until <= state.clock() - SILENT
        ),
        lambda session, ident: services_renewals.lapse(
            session, subscription_id=ident, now=state.clock(), actor=SWEEPER
        ),
    )


def _ended_passes(state: ClubState) -> int:
    """End memberships whose pass an admin revoked: nobody is charged for what is closed."""

    def end(session: Session, ident: int) -> bool:
        found = services_subscriptions.locked(session, ident)
        services_subscriptions.end(session, found, reason=rules.END_REVOKED, now=state.clock(), actor=SWEEPER)
        return True

    query = (
        select(Subscription.id)
        .join(Pass, Pass.id == Subscription.pass_id)
        .where(Subscription.state.in_(rules.LIVE), Pass.state == "revoked")
    )
    return _each(state, query, end)


def _closed(state: ClubState) -> int:
    """End memberships whose pass has expired though the gateway, asked since, calls them active: nothing was paid."""

    def end(session: Session, ident: int) -> bool:
        found = services_subscriptions.locked(session, ident)
        services_subscriptions.end(session, found, reason=rules.END_LAPSED, now=state.clock(), actor=SWEEPER)
        return True

    query = (
        select(Subscription.id)
        .join(Pass, Pass.id == Subscription.pass_id)
        .where(
            Subscription.state == rules.ACTIVE,
            Subscription.cancel_at_end.is_(False),
            Pass.state == "expired",
            or_(Subscription.checked_at >= Pass.ended_at, Pass.ended_at <= state.clock() - SILENT),
        )
    )
    return _each(state, query, end)


def _unbegun(state: ClubState) -> int:
    """End memberships whose first money went back before it bought anything: the gateway must not charge again."""

    def end(session: Session, ident: int) -> bool:
        found = services_subscriptions.locked(session, ident)
        if found.state != rules.PENDING:
            return False
        services_subscriptions.end(
            session, found, reason=rules.END_REFUNDED, now=state.clock(), actor=SWEEPER
        )
        return True

    query = (
        select(Subscription.id)
        .join(Order, Order.subscription_id == Subscription.id)
        .where(
            Subscription.state == rules.PENDING, Subscription.ref.is_not(None), Order.state == orders.REFUNDED
        )
    )
    return _each(state, query, end)


def _reminded(state: ClubState) -> int:
    """Send the notices that are due to members whose renewal failed."""
    session = state.session()
    now = state.clock()
    rows = session.execute(
        select(Subscription.id, Subscription.past_due_since, Subscription.grace_until).where(
            Subscription.state == rules.PAST_DUE, Subscription.grace_until > now
        )
    ).all()
    wanted = {}
    for ident, since, until in rows:
        if since is not None and until is not None:
            step, _next = rules.notice_due(past_due_since=since, grace_until=until, now=now)
            wanted[ident] = services_renewals.notice_key(ident, since, step)
    sent: set[str] = set()
    keys = [f"mail:{key}" for key in wanted.values()]
    for at in range(0, len(keys), 500):
        message = outbox.OutboxMessage
        sent.update(session.scalars(select(message.key).where(message.key.in_(keys[at : at + 500]))))
    session.rollback()
    due = [ident for ident, key in wanted.items() if f"mail:{key}" not in sent]

    def remind(session: Session, ident: int) -> bool:
        found = services_subscriptions.locked(session, ident)
        return services_renewals.remind(session, found, now=now)

    return _one_by_one(state, due, remind)


def _each(state: ClubState, query: Select[Any], command: Callable[[Session, int], bool]) -> int:
    session = state.session()
    idents = session.scalars(query.order_by(Subscription.id).limit(BATCH)).all()
    session.rollback()
    return _one_by_one(state, idents, command)


def _bound(command: Callable[[Session, int], bool], ident: int) -> Callable[[Session], bool]:
    return lambda session: command(session, ident)


def _one_by_one(state: ClubState, idents: Iterable[int], command: Callable[[Session, int], bool]) -> int:
    """Each in a transaction of its own; one that fails must not keep the others waiting."""
    mended = 0
    for ident in idents:
        try:
            mended += retrying(state.session(), _bound(command, ident), wake=state.wake)
        except Exception:
            state.session().rollback()
            log.exception("membership not swept", extra={"facts": {"subscription": ident}})
    return mended


def _disputes(state: ClubState) -> int:
    """Have old open disputes looked up at the gateway, once a day each."""
    session = state.session()
    now = state.clock()
    refs = session.scalars(
        select(Dispute.ref)
        .where(
            Dispute.state.in_((rules_disputes.INQUIRY, rules_disputes.OPEN)),
            Dispute.provider == state.gateway.name,
            Dispute.opened_at <= now - DISPUTE_AGE,
        )
        .order_by(Dispute.id)
    ).all()
    keys = {f"dispute:{ref}:{now:%Y%m%d}": ref for ref in refs}
    message = outbox.OutboxMessage
    known = set(session.scalars(select(message.key).where(message.key.in_(list(keys))))) if keys else set()
    session.rollback()
    new = {key: ref for key, ref in keys.items() if key not in known}
    if new:
        with transaction(session, wake=state.wake):
            for key, ref in new.items():
                outbox.put(session, kind="dispute_look", key=key, payload={"ref": ref}, now=now)
    return len(new)


def look_at_dispute(state: ClubState, payload: dict[str, Any], key: str) -> None:
    """Ask the gateway how a dispute stands and write it down."""
    state.session().rollback()
    told = state.gateway.retrieve_dispute(str(payload["ref"]))
    if told.payment_ref is None:
        return
    retrying(
        state.session(),
        lambda session: services_disputes.notice(
            session, told=told, provider=state.gateway.name, actor=SWEEPER, now=state.clock()
        ),
        wake=state.wake,
    )


def tell_now(state: ClubState, ident: int, key: str) -> bool:
    """Tell the gateway at once what was just wished; False when it does not answer and the outbox goes on trying."""
    if not key:
        return True
    try:
        carry_out_wish(state, {"subscription": ident}, key)
    except GatewayError:
        state.session().rollback()
        log.warning("the payment service was not told", extra={"facts": {"subscription": ident}})
        return False
    with transaction(state.session()) as session:
        message = session.scalars(
            select(outbox.OutboxMessage).where(
                outbox.OutboxMessage.key == key, outbox.OutboxMessage.done_at.is_(None)
            )
        ).one_or_none()
        if message is not None:
            outbox.done(session, message.id, now=state.clock())
    return True
