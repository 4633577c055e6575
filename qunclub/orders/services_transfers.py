"""Money that no gateway reports: transfers an admin saw arrive, and orders that cost nothing."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Conflict, Invalid
from qunclub.passes.models import Pass

from . import rules, services
from .models import OrderLine, Payment
from .services_payments import FREE, OFFLINE, Outcome, pass_source, payment_row, receive, record_payment


def buy_offline(
    session: Session,
    *,
    member_id: int,
    plan_id: int,
    ref: str,
    now: dt.datetime,
    actor: Actor,
    email: str = "",
) -> Pass:
    """Order and pay by transfer in one go; *ref* names the transfer, and the same one again gives the same pass."""
    line_id = session.execute(
        select(OrderLine.id)
        .join(Payment, Payment.order_id == OrderLine.order_id)
        .where(Payment.provider == OFFLINE, Payment.ref == ref)
    ).scalar_one_or_none()
    if line_id is not None:
        return session.scalars(select(Pass).where(Pass.source == pass_source(line_id, 1))).one()
    order = services.new_order(
        session,
        member_id=member_id,
        plan_id=plan_id,
        email=email,
        locale="",
        now=now,
        actor=actor,
        expires_at=None,
    )
    payment = payment_row(
        order,
        provider=OFFLINE,
        ref=ref,
        method="transfer",
        amount=order.total,
        currency=order.currency,
        now=now,
        actor=actor,
    )
    # Nobody else sees this order before the commit: it needs no lock.
    return receive(session, order, order.lines, payment, now=now, actor=actor).passes[0]


def take_free(session: Session, *, order_code: str, now: dt.datetime, actor: Actor) -> Outcome:
    """Fulfil an order that costs nothing.

    Raises:
        Conflict: when it does cost something.
    """
    order = services.locked(session, order_code)
    if order.total != 0:
        raise Conflict(rules.BLOCKED[rules.PENDING])
    return record_payment(
        session,
        order_code=order_code,
        provider=FREE,
        ref=order_code,
        method=FREE,
        amount=0,
        currency=order.currency,
        now=now,
        actor=actor,
    )


def record_transfer(
    session: Session,
    *,
    order_code: str,
    ref: str,
    method: str,
    amount: int,
    now: dt.datetime,
    actor: Actor,
) -> Outcome:
    """An admin's word that a transfer came for an order, in the order's currency.

    Raises:
        Invalid: without a reference, without money, or for a reference that is recorded already.
    """
    ref = ref.strip()
    if not ref or len(ref) > 100:
        raise Invalid(N_("Write the transfer's reference, as the bank or the app shows it."), field="ref")
    if amount <= 0:
        raise Invalid(N_("Write how much arrived."), field="amount")
    order = services.locked(session, order_code)
    known = session.scalars(
        select(Payment.id).where(Payment.provider == OFFLINE, Payment.ref == ref)
    ).one_or_none()
    if known is not None:
        raise Invalid(N_("A transfer with this reference is recorded already."), field="ref")
    outcome = record_payment(
        session,
        order_code=order_code,
        provider=OFFLINE,
        ref=ref,
        method=method,
        amount=amount,
        currency=order.currency,
        now=now,
        actor=actor,
    )
    details: dict[str, object] = {"ref": ref, "amount": amount, "outcome": outcome.kind}
    services.audit(session, order, "order.transfer", actor=actor, now=now, details=details)
    session.flush()
    return outcome
