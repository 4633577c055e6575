"""Forgetting who bought what, at their own wish: the books stay, with numbers and sums and without a person."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from qunclub.kernel import Actor

from . import rules, services_subscriptions
from . import rules_papers as papers
from . import rules_transfers as transfers
from .models import Order
from .models_money import TransferProof
from .models_selling import ClaimCode, Fapiao, Subscription

RENEWING = ("active", "past_due")


def unsettled(session: Session, *, member_id: int) -> bool:
    """Whether money of theirs waits for an admin: an odd payment, or a transfer that is being looked at."""
    looked_at = select(TransferProof.order_id).where(TransferProof.state == transfers.SUBMITTED)
    query = select(Order.id).where(
        Order.member_id == member_id, or_(Order.state == rules.ATTENTION, Order.id.in_(looked_at))
    )
    return session.execute(query.limit(1)).one_or_none() is not None


def renewing(session: Session, *, member_id: int) -> int:
    """How many memberships of theirs would be charged again or could still be paid."""
    query = select(func.count()).where(Subscription.member_id == member_id, Subscription.state.in_(RENEWING))
    return session.execute(query).scalar_one()


def end_memberships(session: Session, *, member_id: int, now: dt.datetime, actor: Actor) -> None:
    """End every membership of theirs at once: nothing is charged any more, the gateway is told after the commit."""
    live = select(Subscription.id).where(
        Subscription.member_id == member_id, Subscription.state.in_(RENEWING)
    )
    for ident in session.scalars(live.order_by(Subscription.id)).all():
        services_subscriptions.cancel(session, subscription_id=ident, at_end=False, now=now, actor=actor)


def forget_papers(session: Session, *, member_id: int) -> list[str]:
    """Take away proofs of transfers, details on orders, whom gifts were for, and fapiao that were never issued.

    An issued fapiao keeps title and tax number, as the books must. Returns the keys of the proofs' files; the caller
    has them deleted after the commit.
    """
    mine = select(Order.id).where(Order.member_id == member_id)
    keys = list(session.scalars(select(TransferProof.file_key).where(TransferProof.order_id.in_(mine))))
    session.execute(delete(TransferProof).where(TransferProof.order_id.in_(mine)))
    session.execute(delete(Fapiao).where(Fapiao.order_id.in_(mine), Fapiao.state != papers.ISSUED))
    session.execute(update(Fapiao).where(Fapiao.order_id.in_(mine)).values(email=""))
    session.execute(
        update(ClaimCode)
        .where(ClaimCode.order_id.in_(mine))
        .values(recipient_name="", recipient_email="", message="")
    )
    session.execute(
        update(Order)
        .where(Order.member_id == member_id)
        .values(buyer_name="", buyer_phone="", buyer_address="")
    )
    session.expire_all()
    return keys
