"""The one access rule over the database: which courses are open to somebody, and why."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, func, or_, select
from sqlalchemy.orm import Session

from qunclub.kernel import Access, Actor, UTCDateTime, reads
from qunclub.members.models import Member

from . import rules
from .models import Pass, Plan, PlanCourse

NO_PURCHASE_HELPS = ("suspended", "suspended_payment")
"""What another pass would not mend."""


def _of(courses: int) -> ColumnElement[bool]:
    # A list of unknown length is written anew into each statement; one course, the usual case, is not.
    if courses == 1:
        return PlanCourse.course_id == bindparam("course")
    return PlanCourse.course_id.in_(bindparam("courses", expanding=True))


def _which(course_ids: Sequence[int]) -> dict[str, Any]:
    return {"course": course_ids[0]} if len(course_ids) == 1 else {"courses": list(course_ids)}


@cache
def _held(courses: int) -> Select[*tuple[Any, ...]]:
    return (
        select(
            PlanCourse.course_id,
            Pass.state,
            Pass.ends_at,
            Pass.grace_until,
            Pass.starts_at,
            Member.suspended_at,
        )
        .join(Pass, Pass.plan_id == PlanCourse.plan_id)
        .join(Member, Member.id == Pass.member_id)
        .where(Pass.member_id == bindparam("member"), _of(courses))
    )


@cache
def _openers(courses: int) -> Select[*tuple[Any, ...]]:
    now = bindparam("now", type_=UTCDateTime)
    return (
        select(PlanCourse.course_id, Plan.slug)
        .join(Plan, Plan.id == PlanCourse.plan_id)
        .where(
            _of(courses),
            Plan.state == "on_sale",
            Plan.hidden.is_(False),
            or_(Plan.sale_starts_at.is_(None), Plan.sale_starts_at <= now),
            or_(Plan.sale_ends_at.is_(None), Plan.sale_ends_at > now),
            or_(Plan.valid_until.is_(None), Plan.valid_until > now),
            or_(Plan.stock.is_(None), func.coalesce(Plan.stock, 0) > Plan.held + Plan.sold),
        )
        .order_by(Plan.price, Plan.position, Plan.id)
    )


def course_access(
    session: Session, *, actor: Actor | None, course_ids: Sequence[int], now: dt.datetime
) -> dict[int, Access]:
    """Access of *actor* to each course, in at most two statements."""
    if actor is not None and (actor.has("instructor") or actor.has("admin")):
        return {course_id: rules.access((), now, staff=True) for course_id in course_ids}
    held: dict[int, list[rules.Held]] = defaultdict(list)
    suspended = False
    if actor is not None and actor.member_id is not None and course_ids:
        rows = reads.rows(
            session, _held(min(len(course_ids), 2)), member=actor.member_id, **_which(course_ids)
        )
        for course_id, state, ends_at, grace_until, starts_at, suspended_at in rows:
            held[course_id].append(rules.Held(state, ends_at, grace_until, starts_at))
            suspended = suspended or suspended_at is not None
    found = {
        course_id: rules.access(
            held[course_id], now, signed_in=actor is not None, suspended=suspended and bool(held[course_id])
        )
        for course_id in course_ids
    }
    locked = [
        course_id
        for course_id, one in found.items()
        if not one.allowed and one.reason not in NO_PURCHASE_HELPS
    ]
    if locked:
        slugs = plans_that_open(session, locked, now)
        for course_id in locked:
            one = found[course_id]
            found[course_id] = Access(False, one.reason, plan_slugs=slugs.get(course_id, ()))
    return found


def plans_that_open(
    session: Session, course_ids: Sequence[int], now: dt.datetime
) -> dict[int, tuple[str, ...]]:
    """For each course the slugs of plans that can be bought now, cheapest first."""
    rows = reads.rows(session, _openers(min(len(course_ids), 2)), now=now, **_which(course_ids))
    slugs: dict[int, list[str]] = defaultdict(list)
    for course_id, slug in rows:
        slugs[course_id].append(slug)
    return {course_id: tuple(found) for course_id, found in slugs.items()}
