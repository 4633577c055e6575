"""Seasons planned ahead, announced before they begin, opened at their start, and asked for at their end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Conflict, Invalid, locks

from . import letters, rules_calendar, services, services_leave
from .models import Season
from .rules import check_step
from .rules_calendar import Slot
from .rules_formula import Formula

SWEEPER = Actor.system("season calendar")
MOST_NAME = 120
MOST_WORDS = 500


def plan_ahead(
    session: Session,
    slots: Sequence[Slot],
    *,
    formula: Formula,
    group_id: int | None,
    pattern: str,
    first_number: int,
    actor: Actor,
    now: dt.datetime,
) -> list[Season]:
    """A draft for each of *slots*, all of them with *formula*, or none at all.

    Args:
        pattern: of the names; ``{n}`` is a running number from *first_number*, ``{when}`` the slot's word.

    Raises:
        Invalid: on ``first`` when one would begin in the past or overlap a season, on ``pattern`` when names are not
            told apart or too long, and as :func:`.services.create_season`.
    """
    _alone(session)
    named = proposed(session, slots, pattern=pattern, first_number=first_number, now=now)
    values = formula.as_json() | {"weights": formula.weights, "ties": formula.ties}
    return [
        services.create_season(
            session, slug=slot.word, name=name, starts_at=slot.starts_at, ends_at=slot.ends_at,
            group_id=group_id, actor=actor, now=now, **values,
        )
        for slot, name in named
    ]  # fmt: skip


def proposed(
    session: Session, slots: Sequence[Slot], *, pattern: str, first_number: int, now: dt.datetime
) -> list[tuple[Slot, str]]:
    """Each of *slots* with its name, as :func:`plan_ahead` would make it.

    Raises:
        Invalid: as :func:`plan_ahead`, for dates and names.
    """
    if slots and slots[0].starts_at < now:
        raise Invalid(N_("The first of them would begin in the past; choose a later day."), field="first")
    there = session.execute(select(Season.starts_at, Season.ends_at, Season.name).order_by(Season.starts_at))
    found = rules_calendar.clash(slots, [(row[0], row[1], row[2]) for row in there])
    if found is not None:
        raise Invalid(
            N_("%(when)s would overlap %(other)s; there is one season at a time."),
            field="first",
            when=found[0].word,
            other=found[1],
        )
    names = [rules_calendar.named(pattern, first_number + index, slot) for index, slot in enumerate(slots)]
    if len(set(names)) != len(names) or not all(names):
        raise Invalid(N_("Write {n} or {when} into the name, so that the seasons differ."), field="pattern")
    if max(map(len, names), default=0) > MOST_NAME:
        raise Invalid(N_("These names get too long."), field="pattern")
    return list(zip(slots, names, strict=True))


def announce(session: Session, *, season_id: int, actor: Actor, now: dt.datetime) -> Season:
    """Publish a draft's formula before the season begins; from here on it cannot change, and it opens by itself.

    Raises:
        Conflict: when it is no draft, its start is past, or it overlaps another season.
        Invalid: naming the field, when the formula cannot be kept.
    """
    _alone(session)
    season = locks.lock(session, Season, season_id)
    check_step(season.state, "announced")
    if season.starts_at <= now:
        raise Conflict(
            N_(
                "The start of this season is past, so nobody could read its formula in time. Choose a later one."
            )
        )
    services.check_ready(session, season)
    services.check_alone(session, season)
    season.announced_at = now
    season.withdrawn_at, season.withdrawn_note = None, ""
    services.step(session, season, "announced", actor, now, details=season.formula.as_json())
    return season


def withdraw(session: Session, *, season_id: int, reason: str, actor: Actor, now: dt.datetime) -> Season:
    """Make a draft again of an announced season, before it begins: nothing was earned by its formula yet.

    Everybody reads the *reason* until it is announced again. Leave that was taken for it counts as not taken.

    Raises:
        Invalid: on ``reason``, without one or with too long a one.
        Conflict: when it is not announced, or has begun.
    """
    words = " ".join(reason.split())
    if not words or len(words) > MOST_WORDS:
        raise Invalid(
            N_("Write the reason in up to %(most)s characters; everybody reads it."),
            field="reason",
            most=MOST_WORDS,
        )
    season = locks.lock(session, Season, season_id)
    if season.state != "announced" or season.starts_at <= now:
        raise Conflict(N_("Only an announced season that has not begun can be withdrawn."))
    season.announced_at = None
    season.withdrawn_at, season.withdrawn_note = now, words
    services_leave.forget_season(session, season, now=now)
    services.step(session, season, "draft", actor, now, details={"reason": words})
    return season


def open_late(session: Session, *, season_id: int, actor: Actor, now: dt.datetime) -> Season:
    """Open a season whose start is past; its page says that the formula came later.

    Raises:
        Conflict: when it has not begun, and as :func:`.services.open_season`.
    """
    season = locks.lock(session, Season, season_id)
    if now < season.starts_at:
        raise Conflict(N_("This season has not begun. Announce it, and it opens by itself at its start."))
    return services.open_season(session, season_id=season_id, actor=actor, now=now)


def _alone(session: Session) -> None:
    """Let one at a time look whether seasons overlap: whoever plans or announces holds every season that is ahead."""
    ahead = select(Season.id).where(Season.state.in_(("draft", "announced", "open"))).order_by(Season.id)
    if locks.enabled():
        ahead = ahead.with_for_update()
    session.execute(ahead).all()


def to_open(session: Session, now: dt.datetime) -> list[int]:
    """Announced seasons whose start has come, the first one first."""
    query = select(Season.id).where(Season.state == "announced", Season.starts_at <= now)
    return list(session.scalars(query.order_by(Season.starts_at)))


def to_tell(session: Session, now: dt.datetime) -> list[int]:
    """Open seasons that have ended and whose admins were not asked yet."""
    ended = (Season.state == "open", Season.ends_at <= now, Season.end_told_at.is_(None))
    return list(session.scalars(select(Season.id).where(*ended).order_by(Season.ends_at)))


def open_due(session: Session, *, season_id: int, now: dt.datetime) -> bool:
    """Open an announced season whose start has come; False when somebody else did or withdrew it."""
    season = locks.lock(session, Season, season_id)
    if season.state != "announced" or now < season.starts_at:
        return False
    services.open_season(session, season_id=season_id, actor=SWEEPER, now=now)
    return True


def tell_end(session: Session, *, season_id: int, now: dt.datetime) -> bool:
    """Ask every admin, once, to freeze a season that has ended; False when they were asked or it is frozen."""
    season = locks.lock(session, Season, season_id)
    if season.state != "open" or now < season.ends_at or season.end_told_at is not None:
        return False
    season.end_told_at = now
    about = {"season": season.name, "season_id": season.id, "ended": season.ends_at.isoformat()}
    letters.to_admins(
        session, template="season_ended", key=f"season_ended:{season.id}", about=lambda _admin: about, now=now
    )
    return True
