"""What the sweeper does about transfers: reminders a day before the end, and the end itself with a mail."""

from __future__ import annotations

import datetime as dt
import logging

from sqlalchemy import select

from qunclub.kernel import Actor
from qunclub.web.state import ClubState
from qunclub.web.uow import transaction

from . import rules, services_transfers
from . import rules_transfers as transfers
from .models import Order

log = logging.getLogger("qunclub.orders")

SWEEPER = Actor.system("sweeper")
BATCH = 200
AHEAD = dt.timedelta(days=1)


def sweep(state: ClubState) -> int:
    """Remind and end; returns how many orders were touched."""
    session = state.session()
    now = state.clock()
    waiting = (Order.state == rules.PENDING, Order.pay_by == transfers.TRANSFER)
    over = session.scalars(
        select(Order.code).where(*waiting, Order.expires_at <= now).order_by(Order.expires_at).limit(BATCH)
    ).all()
    soon = session.execute(
        select(Order.code, Order.created_at, Order.expires_at)
        .where(
            *waiting,
            Order.expires_at > now,
            Order.expires_at <= now + AHEAD,
            Order.reminded_at.is_(None),
        )
        .order_by(Order.expires_at)
        .limit(BATCH)
    ).all()
    session.rollback()
    due = [
        code
        for code, created, ends in soon
        if ends is not None and transfers.remind_from(created, ends) <= now
    ]
    steps = [(services_transfers.expire, code) for code in over]
    steps += [(services_transfers.remind, code) for code in due]
    done = 0
    for verb, code in steps:
        try:
            with transaction(session, wake=state.wake) as work:
                done += verb(work, order_code=code, now=now, actor=SWEEPER)
        except Exception:
            session.rollback()
            log.exception("transfer order not swept", extra={"facts": {"order": code}})
    return done
