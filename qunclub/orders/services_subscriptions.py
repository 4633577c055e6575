"""Recurring memberships: begun with an order, renewed by the gateway's invoices, ended once.

Locks, in order: the order that began it, the membership, then plan, pass and what follows.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import passes
from qunclub.kernel import N_, Actor, Conflict, NotFound, locks, outbox, store
from qunclub.passes.models import Pass, Plan

from . import rules_subscriptions as rules
from . import services
from .models import Order, OrderLine
from .models_selling import Subscription

GATEWAY = "stripe"
OUTBOX_KIND = "subscription_cancel"
# How often one membership may be cancelled and resumed.
MOST_WISHES = 50

CANCELLED_NOTE = N_("The membership was cancelled; it ends when the time paid for is over.")
CANCELLED_NOW_NOTE = N_("The membership was ended at once; it is not charged again.")
RESUMED_NOTE = N_("The cancellation was taken back; the membership renews again.")


def begin(session: Session, order: Order, plan: Plan, now: dt.datetime) -> Subscription:
    """Write a membership down with the order that begins it; its first payment makes it live."""
    if order.subscription_id is not None:
        return session.get_one(Subscription, order.subscription_id)
    price = session.execute(
        select(OrderLine.unit_price).where(OrderLine.order_id == order.id).order_by(OrderLine.id).limit(1)
    ).scalar_one_or_none()
    made = Subscription(
        member_id=order.member_id,
        plan_id=plan.id,
        provider=GATEWAY,
        state=rules.PENDING,
        amount=plan.price if price is None else price,
        currency=order.currency,
        interval=plan.interval,
        created_at=now,
    )
    session.add(made)
    session.flush()
    order.subscription_id = made.id
    session.flush()
    return made


def linked(
    session: Session,
    order: Order,
    *,
    ref: str,
    customer_ref: str = "",
    period_ends_at: dt.datetime | None = None,
    now: dt.datetime,
) -> Subscription | None:
    """The gateway opened the membership that *order* begins; *order* is locked. None when it begins none.

    A second one for the same order (two pay pages, both paid) is ended at the gateway: its money is put before an
    admin, and nobody is to be charged for it again.
    """
    if order.subscription_id is None:
        return None
    found = locks.lock(session, Subscription, order.subscription_id)
    if found.ref not in (None, ref):
        outbox.put(session, kind=OUTBOX_KIND, key=f"{OUTBOX_KIND}:{ref}", payload={"ref": ref}, now=now)
        return found
    found.ref = ref
    found.customer_ref = customer_ref or found.customer_ref
    found.period_ends_at = found.period_ends_at or period_ends_at
    session.flush()
    return found


def started(session: Session, order: Order, held: Pass, now: dt.datetime) -> None:
    """The first payment bought *held*: the membership lives as long as it is renewed. *order* is locked."""
    if order.subscription_id is None:
        return
    found = locks.lock(session, Subscription, order.subscription_id)
    found.pass_id = held.id
    found.period_ends_at = held.ends_at
    if found.state == rules.PENDING or (found.state == rules.PAST_DUE and not _over(held, now)):
        found.state = rules.ACTIVE
        found.past_due_since = found.grace_until = None
        found.pay_url = ""
    session.flush()
    tell_pass(session, found, now=now)


def _over(held: Pass, now: dt.datetime) -> bool:
    return held.ends_at is not None and held.ends_at <= now


def by_ref(session: Session, provider: str, ref: str) -> Subscription | None:
    """The membership that the gateway calls *ref*, locked; None when it is not ours."""
    ident = session.execute(
        select(Subscription.id).where(Subscription.provider == provider, Subscription.ref == ref)
    ).scalar_one_or_none()
    return None if ident is None else locked(session, ident)


def locked(session: Session, ident: int) -> Subscription:
    """The membership with the order that began it, both locked: its story is written there.

    Raises:
        NotFound: when there is none.
    """
    founding = session.execute(
        select(Order.id).where(Order.subscription_id == ident).order_by(Order.id).limit(1)
    ).scalar_one_or_none()
    if founding is None:
        raise NotFound()
    locks.lock(session, Order, founding)
    return locks.lock(session, Subscription, ident)


def tell_pass(session: Session, found: Subscription, *, now: dt.datetime) -> None:
    """Let the pass know whether it renews, and how long it waits for a renewal."""
    if found.pass_id is None:
        return
    renews = found.state in rules.LIVE and not found.cancel_at_end
    until = found.period_ends_at
    grace = None
    if found.state == rules.PAST_DUE:
        grace = found.grace_until
    elif renews and until is not None:
        grace = rules.grace_end(until, session.get_one(Plan, found.plan_id).grace_days)
    passes.set_renewal(session, pass_id=found.pass_id, grace_until=grace, renews=renews, now=now)


def founding_order(session: Session, found: Subscription) -> Order:
    """The order that began it."""
    return session.scalars(
        select(Order).where(Order.subscription_id == found.id).order_by(Order.id).limit(1)
    ).one()


def tell_story(session: Session, found: Subscription, *, text: str, actor: Actor, now: dt.datetime) -> None:
    """A line in the story of the order that began it."""
    services.note(session, founding_order(session, found), actor=actor, now=now, text=text)


def wish_pending(session: Session, found: Subscription) -> bool:
    """Whether the gateway has still to be told what the club wants."""
    return any(done is None for done in _wishes(session, found))


def _wishes(session: Session, found: Subscription) -> list[dt.datetime | None]:
    message = outbox.OutboxMessage
    keys = [_wish_key(found, number) for number in range(1, MOST_WISHES + 1)]
    return list(session.scalars(select(message.done_at).where(message.key.in_(keys))))


def _wish_key(found: Subscription, number: int) -> str:
    return f"{OUTBOX_KIND}:{found.id}:{number}"


def end(
    session: Session,
    found: Subscription,
    *,
    reason: str,
    now: dt.datetime,
    actor: Actor,
    at_gateway: bool = True,
    text: str = "",
) -> str:
    """End a membership, once; the pass runs to the end of what was paid, without grace. *found* is locked.

    Args:
        at_gateway: whether the gateway has still to be told.
        text: for the story, instead of *reason*.

    Returns:
        The key of the outbox message that tells the gateway; empty when there is none.
    """
    if found.state == rules.ENDED:
        return ""
    key = _end(session, found, reason, at_gateway=at_gateway, now=now)
    tell_story(session, found, text=text or reason, actor=actor, now=now)
    return key


def _end(session: Session, found: Subscription, reason: str, *, at_gateway: bool, now: dt.datetime) -> str:
    if found.state == rules.ENDED:
        return ""
    found.state, found.ended_at, found.end_reason = rules.ENDED, now, reason
    found.past_due_since = found.grace_until = None
    found.pay_url = ""
    key = put_wish(session, found, now=now) if at_gateway and found.ref is not None else ""
    session.flush()
    tell_pass(session, found, now=now)
    return key


def put_wish(session: Session, found: Subscription, *, now: dt.datetime) -> str:
    """Have the gateway told what the club wants, once this transaction has committed; gives the message's key."""
    number = len(_wishes(session, found)) + 1
    if number > MOST_WISHES:
        raise Conflict(N_("This membership was cancelled and resumed too often."))
    key = _wish_key(found, number)
    outbox.put(session, kind=OUTBOX_KIND, key=key, payload={"subscription": found.id}, now=now)
    return key


def cancel(
    session: Session, *, subscription_id: int, at_end: bool = True, now: dt.datetime, actor: Actor
) -> str:
    """End a membership with the time paid for, or (*at_end* false) at once: it is never charged again.

    Returns:
        The key of the outbox message that tells the gateway; empty when it was cancelled so already.

    Raises:
        Conflict: when it has ended, or has not begun.
    """
    found = _live(session, subscription_id)
    if at_end and found.cancel_at_end:
        return ""
    found.cancelled_at = found.cancelled_at or now
    if at_end and found.state == rules.ACTIVE:
        found.cancel_at_end = True
        key = put_wish(session, found, now=now)
        tell_pass(session, found, now=now)
        tell_story(session, found, text=CANCELLED_NOTE, actor=actor, now=now)
    else:
        # What is paid for is over already when a renewal has failed: there is no later end to wait for.
        key = end(session, found, reason=rules.END_CANCELLED, now=now, actor=actor, text=CANCELLED_NOW_NOTE)
    _audit(session, found, "subscription.cancel", actor=actor, now=now, details={"at_end": at_end})
    session.flush()
    return key


def resume(session: Session, *, subscription_id: int, now: dt.datetime, actor: Actor) -> str:
    """Take a cancellation back before it has come; gives the key of the outbox message, empty when there is none.

    Raises:
        Conflict: when the time paid for is over.
    """
    found = _live(session, subscription_id)
    if not found.cancel_at_end:
        return ""
    if not rules.may_resume(
        state=found.state, cancel_at_end=True, period_ends_at=found.period_ends_at, now=now
    ):
        raise Conflict(N_("The time paid for is over; take a new membership instead."))
    found.cancel_at_end, found.cancelled_at = False, None
    key = put_wish(session, found, now=now)
    tell_pass(session, found, now=now)
    tell_story(session, found, text=RESUMED_NOTE, actor=actor, now=now)
    _audit(session, found, "subscription.resume", actor=actor, now=now, details={})
    session.flush()
    return key


def _live(session: Session, subscription_id: int) -> Subscription:
    found = locked(session, subscription_id)
    if found.state == rules.ENDED:
        raise Conflict(N_("This membership has ended already."))
    if found.state == rules.PENDING:
        raise Conflict(N_("This membership has not begun."))
    return found


def end_with_refund(session: Session, *, subscription_id: int, now: dt.datetime, actor: Actor) -> None:
    """The money of a membership went back: it is never charged again. The order it went back from tells of it."""
    found = locks.lock(session, Subscription, subscription_id)
    _end(session, found, rules.END_REFUNDED, at_gateway=True, now=now)


def _audit(
    session: Session,
    found: Subscription,
    action: str,
    *,
    actor: Actor,
    now: dt.datetime,
    details: dict[str, object],
) -> None:
    if actor.member_id == found.member_id:
        return
    store.record(
        session,
        actor=actor,
        action=action,
        target=f"subscription:{found.id}",
        now=now,
        details={"member_id": found.member_id, "ref": found.ref or "", **details},
    )
