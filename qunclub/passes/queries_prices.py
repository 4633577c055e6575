"""What a plan costs now: its list price and the early prices that still hold."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, or_, select
from sqlalchemy.orm import Session

from qunclub.kernel import UTCDateTime, reads
from qunclub.kernel.ports import CourseOffer

from . import rules
from .models import Plan, PlanCourse, PriceStep
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


def of_courses(courses: int) -> ColumnElement[bool]:
    """Which rows belong to the courses of :func:`which`; *courses* is how many, two standing for more."""
    # A list of unknown length is written anew into each statement; one course, the usual case, is not.
    if courses == 1:
        return PlanCourse.course_id == bindparam("course")
    return PlanCourse.course_id.in_(bindparam("courses", expanding=True))


def which(course_ids: Sequence[int]) -> dict[str, Any]:
    """The values for :func:`of_courses`."""
    return {"course": course_ids[0]} if len(course_ids) == 1 else {"courses": list(course_ids)}


@cache
def _openers(courses: int) -> Select[*tuple[Any, ...]]:
    now = bindparam("now", type_=UTCDateTime)
    return (
        select(
            PlanCourse.course_id, Plan.id, Plan.slug, Plan.title, Plan.price, Plan.currency, Plan.interval,
            Plan.held + Plan.sold, PriceStep.price, PriceStep.until_at, PriceStep.until_sold,
        )
        .join(Plan, Plan.id == PlanCourse.plan_id)
        .outerjoin(PriceStep, PriceStep.plan_id == Plan.id)
        .where(
            of_courses(courses),
            Plan.state == "on_sale",
            Plan.hidden.is_(False),
            or_(Plan.sale_starts_at.is_(None), Plan.sale_starts_at <= now),
            or_(Plan.sale_ends_at.is_(None), Plan.sale_ends_at > now),
            or_(Plan.valid_until.is_(None), Plan.valid_until > now),
            or_(Plan.stock.is_(None), func.coalesce(Plan.stock, 0) > Plan.held + Plan.sold),
        )
        .order_by(Plan.position, Plan.id, PriceStep.position, PriceStep.id)
    )  # fmt: skip


def offers_that_open(
    session: Session, course_ids: Sequence[int], now: dt.datetime
) -> dict[int, tuple[CourseOffer, ...]]:
    """For each course the plans that can be bought now, the cheapest now first, early prices counted: one statement."""
    plans: dict[tuple[int, int], tuple[Any, list[Step]]] = {}
    if course_ids:
        for row in reads.rows(session, _openers(min(len(course_ids), 2)), now=now, **which(course_ids)):
            _row, steps = plans.setdefault((row[0], row[1]), (row, []))
            if row[8] is not None:
                steps.append(Step(*row[8:]))
    offers: dict[int, list[CourseOffer]] = defaultdict(list)
    for (course_id, _plan), (row, steps) in plans.items():
        price = rules.price_at(row[4], steps, sold=row[7], now=now).price
        offers[course_id].append(CourseOffer(row[2], row[3], price, row[5], row[6]))
    return {course_id: tuple(sorted(found, key=lambda one: one.price)) for course_id, found in offers.items()}


def cheapest_for(session: Session, *, course_id: int, now: dt.datetime) -> CourseOffer | None:
    """The pass on sale that opens a course for the least money now, early prices counted: one statement."""
    return next(iter(offers_that_open(session, [course_id], now).get(course_id, ())), None)
