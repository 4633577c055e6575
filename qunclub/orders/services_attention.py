"""What an admin may do with an order that needs attention: fulfil it, or write a note; giving back is a refund."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Conflict, Invalid
from qunclub.passes.models import Pass

from . import rules, services
from .models import Order, Payment
from .services_fulfil import fulfil

FULFILLED_NOTE = N_("An admin fulfilled the order; the passes are issued.")


def fulfil_attention(session: Session, *, order_code: str, now: dt.datetime, actor: Actor) -> list[Pass]:
    """An admin's decision to give what was ordered for the money that is here, whatever was odd about it.

    A renewal whose pass has ended gives a new one; an upgrade whose pass has ended is given nevertheless; claim codes
    that a failed refund had revoked open again.

    Raises:
        Conflict: when the order does not wait for a decision, has its passes already, no money is left of it, or the
            stock is gone (raise the plan's stock first).
    """
    order = services.locked(session, order_code)
    if order.state != rules.ATTENTION:
        raise Conflict(rules.BLOCKED[order.state])
    if order.disputed:
        raise Conflict(N_("A payment of this order is disputed. Wait until that has ended."))
    payments = list(
        session.scalars(
            select(Payment)
            .where(Payment.order_id == order.id)
            .order_by(Payment.id)
            .execution_options(populate_existing=True)
        )
    )
    if rules.entitled(services.money_of(session, order)):
        raise Conflict(
            N_("This order has its passes. Give the extra money back, or keep it and say why in a note.")
        )
    unspent = [payment for payment in payments if payment.refunded < payment.amount]
    if not unspent:
        raise Conflict(N_("All money of this order was given back; there is nothing to fulfil it for."))
    for payment in unspent:
        payment.fulfils = True
    services.close_checkout(session, order, now=now)
    lines = services.lines_of(session, order)
    issued = fulfil(session, order, lines, text=FULFILLED_NOTE, now=now, actor=actor)
    given: dict[str, object] = {"passes": [held.id for held in issued]}
    services.audit(session, order, "order.fulfil", actor=actor, now=now, details=given)
    session.flush()
    return issued


def add_note(
    session: Session, *, order_code: str, text: str, close: bool, actor: Actor, now: dt.datetime
) -> Order:
    """An admin's word on an order; *close* also ends its need for attention when nothing is owed to the buyer.

    Raises:
        Invalid: without a text.
        Conflict: when money is here that nothing was given for.
    """
    if not text.strip():
        raise Invalid(N_("Write the note."), field="text")
    order = services.locked(session, order_code)
    if close and order.state == rules.ATTENTION:
        if not rules.entitled(services.money_of(session, order)):
            raise Conflict(
                N_("Money came that nothing was given for: fulfil the order or give the money back.")
            )
        services.move(session, order, rules.PAID, actor=actor, now=now, text=text.strip())
    else:
        services.note(session, order, actor=actor, now=now, text=text.strip())
    services.audit(
        session, order, "order.note", actor=actor, now=now, details={"text": text.strip(), "close": close}
    )
    session.flush()
    return order
