"""What a plan costs now: its list price and the early prices that still hold."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from qunclub.kernel import reads
from qunclub.kernel.ports import CourseOffer

from . import rules
from .models import Plan, PriceStep
from .queries_access import plans_that_open
from .rules import PriceNow


@dataclass(frozen=True, slots=True)
class Step:
    """An early price, as the rule sees it."""

    price: int
    until_at: dt.datetime | None
    until_sold: int | None


@cache
def _steps() -> Select[*tuple[Any, ...]]:
    return (
        select(PriceStep.plan_id, PriceStep.price, PriceStep.until_at, PriceStep.until_sold)
        .where(PriceStep.plan_id.in_(bindparam("plans", expanding=True)))
        .order_by(PriceStep.plan_id, PriceStep.position, PriceStep.id)
    )


def steps_of(session: Session, plan_ids: Sequence[int]) -> dict[int, list[Step]]:
    """The early prices of each plan, in their order, in one statement."""
    found: dict[int, list[Step]] = defaultdict(list)
    if plan_ids:
        for plan_id, price, until_at, until_sold in reads.rows(session, _steps(), plans=list(plan_ids)):
            found[plan_id].append(Step(price, until_at, until_sold))
    return found


def price_of(session: Session, plan: Plan, now: dt.datetime) -> PriceNow:
    """What *plan* costs now. An order asks under the lock of the plan's row: nobody is sold in between."""
    steps = steps_of(session, [plan.id])[plan.id]
    return rules.price_at(plan.price, steps, sold=plan.held + plan.sold, now=now)


def cheapest_for(session: Session, *, course_id: int, now: dt.datetime) -> CourseOffer | None:
    """The pass on sale that opens a course for the least money now, early prices counted: three statements."""
    slugs = plans_that_open(session, [course_id], now).get(course_id, ())
    if not slugs:
        return None
    plans = session.scalars(select(Plan).where(Plan.slug.in_(slugs))).all()
    steps = steps_of(session, [plan.id for plan in plans])
    prices = [
        (rules.price_at(plan.price, steps[plan.id], sold=plan.held + plan.sold, now=now).price, plan.id, plan)
        for plan in plans
    ]
    price, _ident, plan = min(prices, key=lambda one: one[:2])
    return CourseOffer(plan.slug, plan.title, price, plan.currency, plan.interval)
