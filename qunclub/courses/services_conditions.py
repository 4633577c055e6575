"""What a course asks beside a pass is read and set by names; groups and seasons are asked through their ports."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Invalid, locks, store
from qunclub.kernel.ports import GroupBook, SeasonBook
from qunclub.members.models import Tier

from . import rules_conditions
from .models import Course
from .models_access import CourseCondition
from .rules_conditions import Asks

NO_BOOKS = "the course names groups or seasons: give the books of both"
UNKNOWN = {
    "tier": N_("There is no tier %(name)s in this club."),
    "groups": N_("There is no group %(name)s in this club."),
    "season": N_("There is no season %(name)s in this club."),
}


@dataclass(frozen=True, slots=True)
class Books:
    """Who knows groups and seasons."""

    groups: GroupBook
    seasons: SeasonBook


def asks_of(session: Session, course_id: int, books: Books | None) -> Asks:
    """What a course asks: at most three statements.

    Raises:
        LookupError: when it names groups or seasons and there are no *books*.
    """
    rows = session.execute(
        select(
            Tier.code,
            CourseCondition.group_id,
            CourseCondition.role,
            CourseCondition.season_id,
            CourseCondition.window.label("season_window"),
        )
        .outerjoin(Tier, Tier.id == CourseCondition.tier_id)
        .where(CourseCondition.course_id == course_id)
        .order_by(CourseCondition.id)
    ).all()
    group_ids = [row.group_id for row in rows if row.group_id is not None]
    season = next((row for row in rows if row.season_id is not None), None)
    slugs: dict[int, str] = {}
    slug = ""
    if group_ids or season is not None:
        if books is None:
            raise LookupError(NO_BOOKS)
        slugs = books.groups.slugs(session, group_ids) if group_ids else {}
        if season is not None:
            slug = books.seasons.times(session, [season.season_id])[season.season_id].slug
    return Asks(
        tier=next((row.code for row in rows if row.code is not None), ""),
        groups=tuple(slugs[one] for one in group_ids),
        roles=tuple(one for one in rules_conditions.ROLES if any(row.role == one for row in rows)),
        season=slug,
        season_window=season.season_window if season is not None else "",
    )


def _ids(
    session: Session, asks: Asks, books: Books | None
) -> tuple[int | None, dict[str, int], int | None, list[tuple[str, str]]]:
    """The ids of what *asks* names, and (field, name) of what there is not."""
    lacking: list[tuple[str, str]] = []
    if (asks.groups or asks.season) and books is None:
        raise LookupError(NO_BOOKS)
    tier = session.scalar(select(Tier.id).where(Tier.code == asks.tier)) if asks.tier else None
    if asks.tier and tier is None:
        lacking.append(("tier", asks.tier))
    groups = books.groups.by_slugs(session, asks.groups) if books is not None and asks.groups else {}
    lacking += [("groups", one) for one in asks.groups if one not in groups]
    seasons = books.seasons.by_slugs(session, [asks.season]) if books is not None and asks.season else {}
    if asks.season and not seasons:
        lacking.append(("season", asks.season))
    return tier, groups, seasons.get(asks.season), lacking


def unknown(session: Session, asks: Asks, books: Books | None) -> list[tuple[str, str]]:
    """(field, name) of every tier, group and season in *asks* that the club does not have.

    Raises:
        LookupError: when there are names to look up and no *books*.
    """
    return _ids(session, asks, books)[3]


def set_asks(
    session: Session, *, course_id: int, asks: Asks, books: Books | None, now: dt.datetime, actor: Actor
) -> bool:
    """Make the course ask exactly *asks*; False when it did so already. Holds from the next page on, for everybody.

    Raises:
        Invalid: on the field with a name that the club does not have.
        LookupError: when there are names to look up and no *books*.
    """
    asks = rules_conditions.checked(asks)
    tier, groups, season, lacking = _ids(session, asks, books)
    if lacking:
        field, name = lacking[0]
        raise Invalid(UNKNOWN[field], field=field, name=name)
    course = locks.lock(session, Course, course_id)
    before = asks_of(session, course_id, books)
    if before == asks:
        return False
    session.execute(delete(CourseCondition).where(CourseCondition.course_id == course_id))
    rows = [
        *([CourseCondition(course_id=course_id, tier_id=tier)] if tier is not None else []),
        *(CourseCondition(course_id=course_id, group_id=groups[one]) for one in asks.groups),
        *(CourseCondition(course_id=course_id, role=one) for one in asks.roles),
    ]
    if season is not None:
        rows.append(CourseCondition(course_id=course_id, season_id=season, window=asks.season_window))
    session.add_all(rows)
    course.version += 1
    course.updated_at = now
    session.flush()
    store.record(
        session,
        actor=actor,
        action="course.conditions",
        target=f"course:{course_id}",
        now=now,
        summary=course.title,
        details={"before": _plain(before), "after": _plain(asks)},
    )
    return True


def _plain(asks: Asks) -> dict[str, str | list[str]]:
    return {
        "tier": asks.tier,
        "groups": list(asks.groups),
        "roles": list(asks.roles),
        "season": asks.season,
        "season_window": asks.season_window,
    }
