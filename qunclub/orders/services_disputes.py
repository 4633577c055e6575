"""Disputes: what a disputed payment bought is suspended, and opens again or ends with the dispute."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import notices, passes
from qunclub.kernel import N_, Actor, locks
from qunclub.kernel.payments import DisputeNotice
from qunclub.passes.models import Pass, PassTerm

from . import rules_disputes as rules
from . import services, services_refunds
from .models import Order, OrderLine, Payment, Refund
from .models_money import Dispute

REASON = N_("Its payment is disputed.")


def notice(
    session: Session,
    *,
    told: DisputeNotice,
    now: dt.datetime,
    actor: Actor,
    provider: str = "stripe",
) -> str:
    """What the gateway says of a dispute; repeated and belated notices change nothing.

    Locks, in order: the order, the payment, then what suspending and giving back lock.

    Returns:
        What became of it: ``inquiry``, ``disputed``, ``won``, ``lost``, ``already``; ``waiting`` when the payment has
        not arrived here.
    """
    row = session.execute(
        select(Payment.id, Payment.order_id).where(
            Payment.provider == provider, Payment.ref == (told.payment_ref or "")
        )
    ).one_or_none()
    if row is None:
        return "waiting"
    order = locks.lock(session, Order, row.order_id)
    payment = locks.lock(session, Payment, row.id)
    found = session.scalars(
        select(Dispute)
        .where(Dispute.provider == provider, Dispute.ref == told.ref)
        .execution_options(populate_existing=True)
    ).one_or_none()
    before = None if found is None else found.state
    after = rules.step(before, told.status)
    if found is None:
        found = Dispute(
            payment_id=payment.id,
            provider=provider,
            ref=told.ref,
            amount=told.amount,
            currency=told.currency.upper(),
            reason=told.reason[:60],
            state=told.status,
            opened_at=now,
        )
        session.add(found)
    if before not in rules.CLOSED:
        found.amount, found.due_at = told.amount, told.due_at or found.due_at
        found.reason = told.reason[:60] or found.reason
    if after is None:
        session.flush()
        return "already"
    found.state = after
    if after in rules.CLOSED:
        found.closed_at = now
    session.flush()
    order.disputed = _any_open(session, order)
    if after == rules.INQUIRY:
        services.note(session, order, actor=actor, now=now, text=rules.INQUIRY_NOTE)
        outcome = "inquiry"
    elif after == rules.OPEN:
        outcome = _open(session, order, found, now=now, actor=actor)
    elif after == rules.WON:
        outcome = _won(session, order, was=before, now=now, actor=actor)
    else:
        outcome = _lost(session, order, payment, found, now=now, actor=actor)
    session.flush()
    return outcome


def _any_open(session: Session, order: Order) -> bool:
    query = select(Dispute.id).join(Payment, Payment.id == Dispute.payment_id)
    query = query.where(Payment.order_id == order.id, Dispute.state == rules.OPEN)
    return session.execute(query.limit(1)).first() is not None


def _open(session: Session, order: Order, found: Dispute, *, now: dt.datetime, actor: Actor) -> str:
    services.note(session, order, actor=actor, now=now, text=rules.OPEN_NOTE)
    mine = [held.id for held in services_refunds.passes_of(session, order)]
    # Of a payment that was given back before, nothing is left to close.
    closed = passes.suspend(
        session, pass_ids=under_dispute(session, mine), reason=REASON, now=now, actor=actor
    )
    if closed:
        _mail(session, order, found, "dispute_opened", now=now)
    return "disputed"


def _won(session: Session, order: Order, *, was: str | None, now: dt.datetime, actor: Actor) -> str:
    text = rules.INQUIRY_OVER_NOTE if was == rules.INQUIRY else rules.WON_NOTE
    services.note(session, order, actor=actor, now=now, text=text)
    opened = reopen(session, order, now=now, actor=actor)
    if opened:
        notices.letter(
            session,
            member=order.member_id,
            to=order.email,
            template="dispute_over",
            context={"code": order.code},
            locale=order.locale,
            key=f"dispute_over:{order.code}:{now:%Y%m%d%H%M%S}",
            now=now,
        )
    return "won"


def _lost(
    session: Session, order: Order, payment: Payment, found: Dispute, *, now: dt.datetime, actor: Actor
) -> str:
    amount = rules.takes(found.amount, payment.amount - payment.refunded)
    twice = amount < found.amount
    text = rules.LOST_TWICE_NOTE if twice else rules.LOST_NOTE
    services.note(session, order, actor=actor, now=now, text=text)
    if amount:
        services_refunds.take_back_for_dispute(
            session, payment_id=payment.id, amount=amount, ref=found.ref, now=now, actor=actor
        )
    # A part of the money may be gone while the rest still pays for the passes.
    reopen(session, order, now=now, actor=actor)
    return "lost"


def settle_up(session: Session, payment: Payment, *, actor: Actor, now: dt.datetime) -> None:
    """A refund of *payment* failed: what a lost dispute took, but the refund had reserved, is gone all the same."""
    session.flush()
    lost = session.scalars(
        select(Dispute).where(Dispute.payment_id == payment.id, Dispute.state == rules.LOST)
    ).all()
    for found in lost:
        taken = [row for row in _taken(session, payment) if row.key.split(":")[1] == found.ref]
        gone = sum(row.amount for row in taken if row.state != "failed")
        missing = rules.takes(found.amount - gone, payment.amount - payment.refunded)
        if missing:
            services_refunds.take_back_for_dispute(
                session,
                payment_id=payment.id,
                amount=missing,
                ref=f"{found.ref}:{len(taken) + 1}",
                now=now,
                actor=actor,
            )


def make_room(
    session: Session, order: Order, payment: Payment, amount: int, *, actor: Actor, now: dt.datetime
) -> int:
    """A refund is told of money that a lost dispute is written down for: it left the club twice.

    The refund takes the dispute's place in the books, as it would have if it had been told first. Gives how much room
    that made, at most *amount*.
    """
    made = 0
    for row in reversed(_taken(session, payment)):
        part = min(row.amount, amount - made)
        if row.state == "failed" or part <= 0:
            continue
        if part == row.amount:
            row.state, row.error = "failed", "given back otherwise"
        else:
            row.amount -= part
        row.to_book = True
        payment.refunded -= part
        order.refunded -= part
        made += part
    if made:
        services.note(session, order, actor=actor, now=now, text=rules.LOST_TWICE_NOTE)
    session.flush()
    return made


def _taken(session: Session, payment: Payment) -> list[Refund]:
    """What lost disputes took of a payment, as it is written down, the oldest first."""
    query = select(Refund).where(Refund.payment_id == payment.id).order_by(Refund.id)
    rows = session.scalars(query.execution_options(populate_existing=True))
    return [row for row in rows if row.key.startswith("dispute:")]


def reopen(session: Session, order: Order, *, now: dt.datetime, actor: Actor) -> list[Pass]:
    """Open what *order* bought and nothing disputed keeps closed any more; gives the passes. *order* is locked."""
    mine = [held.id for held in services_refunds.passes_of(session, order) if held.state == "suspended"]
    still = under_dispute(session, mine)
    return passes.resume(
        session, pass_ids=[ident for ident in mine if ident not in still], now=now, actor=actor
    )


def under_dispute(session: Session, pass_ids: Iterable[int]) -> set[int]:
    """Which of the passes have time that was paid by an order with an open dispute."""
    wanted = list(pass_ids)
    if not wanted:
        return set()
    terms = session.execute(
        select(PassTerm.pass_id, PassTerm.source).where(
            PassTerm.pass_id.in_(wanted), PassTerm.revoked_at.is_(None)
        )
    ).all()
    lines: dict[int, set[int]] = defaultdict(set)
    for pass_id, source in terms:
        line = line_of(source)
        if line is not None:
            lines[line].add(pass_id)
    disputed = session.scalars(
        select(OrderLine.id)
        .join(Order, Order.id == OrderLine.order_id)
        .where(OrderLine.id.in_(list(lines)), Order.disputed.is_(True))
    )
    return {pass_id for line in disputed for pass_id in lines[line]}


def line_of(source: str) -> int | None:
    """The order line that a term's source names."""
    parts = source.split(":")
    return int(parts[1]) if parts[0] == "order" and len(parts) > 2 and parts[1].isdecimal() else None


def _mail(session: Session, order: Order, found: Dispute, template: str, *, now: dt.datetime) -> None:
    notices.letter(
        session,
        member=order.member_id,
        to=order.email,
        template=template,
        context={"code": order.code, "amount": found.amount, "currency": found.currency},
        locale=order.locale,
        key=f"{template}:{found.provider}:{found.ref}",
        now=now,
    )
