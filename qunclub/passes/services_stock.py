"""The stock of a plan: held, released, sold and given back under the lock of the plan's row."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from qunclub.kernel import Conflict, locks

from . import rules
from .models import Plan


def hold(session: Session, *, plan_id: int, quantity: int, now: dt.datetime) -> Plan:
    """Keep *quantity* back for an order that waits for its money.

    Raises:
        Conflict: saying why the plan cannot be bought now.
    """
    plan = locks.lock(session, Plan, plan_id)
    reason = rules.can_sell(plan, now, quantity=quantity)
    if reason is not None:
        raise Conflict(rules.SALE_REASONS[reason])
    plan.held += quantity
    session.flush()
    return plan


def release(session: Session, *, plan_id: int, quantity: int, now: dt.datetime) -> Plan:
    """Give back what an order held: it ended unpaid."""
    plan = locks.lock(session, Plan, plan_id)
    plan.held -= quantity
    session.flush()
    return plan


def sell(session: Session, *, plan_id: int, quantity: int, now: dt.datetime, held: bool = True) -> Plan:
    """Count *quantity* as sold: out of what was held, or (*held* false, a late payment) out of what is left.

    Raises:
        Conflict: when nothing was held and not enough is left. A sale that has ended is no reason: the money is here.
    """
    plan = locks.lock(session, Plan, plan_id)
    if held:
        plan.held -= quantity
    else:
        left = rules.stock_left(plan)
        if left is not None and left < quantity:
            raise Conflict(rules.SALE_REASONS["sold_out"])
    plan.sold += quantity
    session.flush()
    return plan


def unsell(session: Session, *, plan_id: int, quantity: int, now: dt.datetime) -> Plan:
    """Count *quantity* as sold no longer: claim codes that were taken back before anybody used them."""
    plan = locks.lock(session, Plan, plan_id)
    plan.sold -= quantity
    session.flush()
    return plan
