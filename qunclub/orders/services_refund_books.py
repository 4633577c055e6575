"""A refund in the books: its row, the money reserved, the effect carried out, the answer written down."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.kernel import N_, Actor, Invalid, NotFound, locks, signals

from . import queries_refunds, rules, services, services_referral
from . import services_refund_effects as effects
from .models import Order, Payment, Refund
from .models_selling import Subscription
from .services_payments import OFFLINE

FULL_NOTE = N_("All money is given back; the passes it bought have ended.")
PART_NOTE = N_("A part of the money is given back; the passes stay.")
CODES_NOTE = N_("Claim codes are revoked, and what was paid for them is given back.")
SHORTER_NOTE = N_("All money is given back; the time it bought is taken off the pass.")
EXTRA_NOTE = N_("Money that nothing was given for is given back.")


def locked_payments(session: Session, order_id: int, taken: Mapping[int, int]) -> tuple[Order, list[Payment]]:
    """An order and some of its payments, locked.

    Raises:
        Invalid: without any.
        NotFound: when one belongs to another order.
    """
    if not taken:
        raise Invalid(N_("Write how much is to be given back."), field="amount")
    order = _locked_order(session, order_id)
    payments = [locks.lock(session, Payment, ident) for ident in sorted(taken)]
    if any(payment.order_id != order.id for payment in payments):
        raise NotFound()
    return order, payments


def locked(session: Session, payment_id: int) -> tuple[Order, Payment]:
    """A payment with its order, both locked."""
    order_id = session.execute(select(Payment.order_id).where(Payment.id == payment_id)).scalar_one_or_none()
    if order_id is None:
        raise NotFound()
    order = _locked_order(session, order_id)
    return order, locks.lock(session, Payment, payment_id)


def _locked_order(session: Session, order_id: int) -> Order:
    order = locks.lock(session, Order, order_id)
    if order.subscription_id is not None:
        # Before its pass, as a renewal locks them.
        locks.lock(session, Subscription, order.subscription_id)
    return order


def locked_refund(session: Session, key: str) -> tuple[Order, Payment, Refund]:
    """A refund with its payment and order, these two locked."""
    payment_id = session.execute(select(Refund.payment_id).where(Refund.key == key)).scalar_one_or_none()
    if payment_id is None:
        raise NotFound()
    order, payment = locked(session, payment_id)
    query = select(Refund).where(Refund.key == key).execution_options(populate_existing=True)
    return order, payment, session.scalars(query).one()


def written(
    session: Session,
    payment: Payment,
    amount: int,
    key: str,
    *,
    reason: str,
    actor: Actor,
    now: dt.datetime,
    provider_ref: str | None = None,
) -> Refund:
    """A new refund, asked for and not answered yet."""
    made = Refund(
        payment_id=payment.id,
        key=key,
        amount=amount,
        state="requested",
        reason=reason,
        provider_ref=provider_ref,
        requested_by=actor.key[:120],
        created_at=now,
        to_book=True,
    )
    session.add(made)
    return made


def take_back(
    session: Session, order: Order, shown: queries_refunds.Preview, *, actor: Actor, now: dt.datetime
) -> None:
    """Reserve the money and carry out what giving it back means for the order: the one effect of every refund."""
    extra = True
    for ident, amount in shown.taken.items():
        payment = session.get_one(Payment, ident)
        payment.refunded += amount
        order.refunded += amount
        extra = extra and not payment.fulfils
    session.flush()
    effects.carry_out(session, order, shown.reach, actor=actor, now=now)
    if order.disputed:
        from . import services_disputes  # a lost dispute comes here

        services_disputes.reopen(session, order, now=now, actor=actor)
    text = EXTRA_NOTE if extra else _sentence(shown.reach)
    state = rules.settled_state(services.money_of(session, order))
    if state is None or state == order.state:
        services.note(session, order, actor=actor, now=now, text=text)
        return
    lines = services.lines_of(session, order) if order.holds_stock else []
    services.release_hold(session, order, lines, now=now)
    services.move(session, order, state, actor=actor, now=now, text=text)
    if state == rules.REFUNDED:
        services_referral.given_back(session, order, now=now, actor=actor)


def _sentence(reach: effects.Reach) -> str:
    if not reach.whole:
        return CODES_NOTE if reach.codes else PART_NOTE
    return SHORTER_NOTE if reach.shorter and not reach.ends else FULL_NOTE


def settle(session: Session, order: Order, payment: Payment, made: Refund, *, now: dt.datetime) -> None:
    """The money went back: the buyer gets a mail that says so and what ended with it."""
    made.state, made.settled_at, made.error, made.to_book = "settled", now, "", True
    session.flush()
    facts = queries_refunds.facts_of(session, order, made.key)
    notices.letter(
        session,
        member=order.member_id,
        to=order.email,
        template="refund",
        context={
            "code": order.code,
            "amount": made.amount,
            "currency": payment.currency,
            "ended": [one["plan"] for one in facts.get("ends", ())],
            "shorter": [[one["plan"], one["after"]] for one in facts.get("shorter", ())],
            "codes": len(facts.get("codes", ())),
            "renewals": bool(facts.get("renewals")),
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


def to_send(session: Session, order: Order) -> list[tuple[Refund, Payment]]:
    """Refunds of an order that a person has still to send, with their payments."""
    rows = session.execute(
        select(Refund, Payment)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Payment.order_id == order.id, Payment.provider == OFFLINE, Refund.state == "requested")
        .order_by(Refund.id)
    )
    return [(made, payment) for made, payment in rows]


def tell(
    session: Session,
    order: Order,
    shown: queries_refunds.Preview,
    *,
    key: str,
    reason: str,
    actor: Actor,
    now: dt.datetime,
) -> None:
    """Keep in the audit log what was done, as it was shown."""
    backs = shown.facts["backs"]
    details: dict[str, Any] = {
        "key": key,
        "payment_id": backs[0]["payment"],
        "amount": sum(back["amount"] for back in backs),
        "currency": backs[0]["currency"],
        "reason": reason,
        "facts": shown.facts,
    }
    services.audit(session, order, queries_refunds.ACTION, actor=actor, now=now, details=details)
