"""The one access rule over the database: which courses are open to somebody, and why.

However many courses are asked about, it takes two statements for a member where nothing but passes opens them (what
courses ask, the passes held), one more where one is locked (what is on sale), and at most four more for the facts that
conditions ask for: the member with their tier, their seats, the core, the seasons.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session, aliased

from qunclub import groups
from qunclub.courses.models import Course
from qunclub.courses.models_access import CourseCondition
from qunclub.groups.models import Group, Seat
from qunclub.kernel import Access, Actor, reads
from qunclub.kernel.ports import SeasonBook
from qunclub.members.models import Member, Tier

from . import rules_access
from .models import Pass, Plan, PlanCourse
from .queries_prices import of_courses, offers_that_open, which
from .rules import Held
from .rules_access import NOTHING_ASKED, Conditions, GroupAsked, Reader, TierAsked


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
        .where(Pass.member_id == bindparam("member"), of_courses(courses))
    )


@cache
def _asked(courses: int) -> Select[*tuple[Any, ...]]:
    one = CourseCondition
    mine = (
        one.course_id == bindparam("course")
        if courses == 1
        else one.course_id.in_(bindparam("courses", expanding=True))
    )
    return (
        select(
            one.course_id, Tier.name, Tier.rank, one.group_id, Group.name, Group.slug, one.role, one.season_id,
            one.window.label("season_window"),
        )
        .outerjoin(Tier, Tier.id == one.tier_id)
        .outerjoin(Group, Group.id == one.group_id)
        .where(mine)
        .order_by(one.course_id, one.id)
    )  # fmt: skip


@cache
def _person() -> Select[*tuple[Any, ...]]:
    given = aliased(Tier)
    return (
        select(
            Member.suspended_at, Member.numbered_at, Member.joined_at, Tier.rank, given.rank, Pass.state,
            Pass.ends_at, Pass.grace_until, Pass.starts_at,
        )
        .select_from(Member)
        .outerjoin(Tier, Tier.id == Member.tier_id)
        .outerjoin(Pass, Pass.member_id == Member.id)
        .outerjoin(Plan, Plan.id == Pass.plan_id)
        .outerjoin(given, given.id == Plan.tier_id)
        .where(Member.id == bindparam("member"))
    )  # fmt: skip


@cache
def _seats() -> Select[*tuple[Any, ...]]:
    return select(Seat.group_id, Seat.admitted_at).where(
        Seat.member_id == bindparam("member"), Seat.state == "admitted", Seat.group_id.is_not(None)
    )


def course_access(
    session: Session,
    *,
    actor: Actor | None,
    course_ids: Sequence[int],
    now: dt.datetime,
    seasons: SeasonBook | None = None,
) -> dict[int, Access]:
    """Access of *actor* to each course, in a constant number of statements.

    Args:
        seasons: who knows seasons and the core; without one, a course that asks for either cannot be judged.

    Raises:
        LookupError: when a course asks for a season or the core, and nobody knows them.
    """
    if actor is not None and (actor.has("instructor") or actor.has("admin")):
        return {
            course_id: rules_access.access(Reader(staff=True), NOTHING_ASKED, now) for course_id in course_ids
        }
    asked = conditions(session, course_ids, seasons)
    readers = _readers(session, actor, course_ids, asked, seasons)
    found = {
        course_id: rules_access.access(readers[course_id], asked.get(course_id, NOTHING_ASKED), now)
        for course_id in course_ids
    }
    locked = [course_id for course_id, one in found.items() if not one.allowed and _purchase_helps(one)]
    if locked:
        offers = offers_that_open(session, locked, now)
        for course_id in locked:
            found[course_id] = rules_access.access(
                readers[course_id],
                asked.get(course_id, NOTHING_ASKED),
                now,
                offers=offers.get(course_id, ()),
            )
    return found


def _purchase_helps(access: Access) -> bool:
    return access.reason not in ("suspended", "suspended_payment", "not_yet", "over")


def conditions(
    session: Session, course_ids: Sequence[int], seasons: SeasonBook | None
) -> dict[int, Conditions]:
    """What courses ask, without those that ask nothing but a pass: one statement, and one for the seasons."""
    if not course_ids:
        return {}
    rows = reads.rows(session, _asked(min(len(course_ids), 2)), **which(course_ids))
    if not rows:
        return {}
    wanted = {row.season_id for row in rows if row.season_id is not None}
    if seasons is None and (wanted or any(row.role == "core" for row in rows)):
        raise LookupError("a course asks for a season or the core: give course_access a SeasonBook")
    times = seasons.times(session, wanted) if seasons is not None and wanted else {}
    by_course: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        by_course[row.course_id].append(row)
    found: dict[int, Conditions] = {}
    for course_id, mine in by_course.items():
        tier = next((TierAsked(row[1], row.rank) for row in mine if row.rank is not None), None)
        season = next((row for row in mine if row.season_id is not None), None)
        found[course_id] = Conditions(
            tier=tier,
            groups=tuple(GroupAsked(row.group_id, row[4], row.slug) for row in mine if row.group_id),
            roles=tuple(row.role for row in mine if row.role),
            season=times[season.season_id] if season else None,
            window=season.season_window if season else "from",
        )
    return found


def seen_from_outside(
    session: Session, course_ids: Sequence[int], now: dt.datetime, seasons: SeasonBook
) -> dict[int, Access]:
    """What a season holds back, for the page of a pass that names the courses; without those that are not held back."""
    found = {
        course_id: rules_access.access(Reader(signed_in=False), one, now)
        for course_id, one in conditions(session, course_ids, seasons).items()
    }
    return {ident: one for ident, one in found.items() if one.waits or one.reason == "over"}


def _readers(
    session: Session,
    actor: Actor | None,
    course_ids: Sequence[int],
    asked: Mapping[int, Conditions],
    seasons: SeasonBook | None,
) -> dict[int, Reader]:
    if actor is None or actor.member_id is None or not course_ids:
        someone = Reader(signed_in=actor is not None)
        return dict.fromkeys(course_ids, someone)
    ident = actor.member_id
    held: dict[int, list[Held]] = defaultdict(list)
    suspended = False
    rows = reads.rows(session, _held(min(len(course_ids), 2)), member=ident, **which(course_ids))
    for course_id, state, ends_at, grace_until, starts_at, suspended_at in rows:
        held[course_id].append(Held(state, ends_at, grace_until, starts_at))
        suspended = suspended or suspended_at is not None
    facts: dict[str, Any] = {"suspended": suspended, "host": actor.has("host")}
    if any(one.ways for one in asked.values()):
        facts |= _person_facts(session, ident)
    if any(one.groups for one in asked.values()):
        facts["seats"] = dict(tuple(row) for row in reads.rows(session, _seats(), member=ident))
    if seasons is not None and any("core" in one.roles for one in asked.values()):
        facts["core_since"] = seasons.core_since(session, ident)
    return {course_id: Reader(passes=held[course_id], **facts) for course_id in course_ids}


def _person_facts(session: Session, member_id: int) -> dict[str, Any]:
    rows = reads.rows(session, _person(), member=member_id)
    if not rows:
        return {}
    suspended_at, numbered_at, joined_at, rank = rows[0][:4]
    return {
        "suspended": suspended_at is not None,
        "member_since": numbered_at or joined_at,
        "tier_rank": rank,
        "tier_passes": [(row[4], Held(*row[5:])) for row in rows if row[4] is not None],
    }


def opened_by_group(session: Session, group_id: int) -> list[str]:
    """Titles of published courses that a seat in a group opens."""
    query = (
        select(Course.title)
        .join(CourseCondition, CourseCondition.course_id == Course.id)
        .where(CourseCondition.group_id == group_id, Course.state == "published")
        .order_by(Course.position)
    )
    return list(session.scalars(query))


groups.OPENED_BY.append(opened_by_group)
