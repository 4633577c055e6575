"""Verbs of a season's life: draft, open, frozen, published, closed."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from qunclub import points
from qunclub.groups.models import Group
from qunclub.kernel import N_, Actor, Conflict, Invalid, Stale, locks, signals, store

from . import (
    closing,
    field,
    fingerprint,
    services_appeals,
    services_offers,
    services_review,
    services_seats,
    services_undo,
    signs,
    snapshot,
)
from .models import Decision, Season
from .models_undo import SeasonJournal
from .rules import Plan, check_step
from .rules_formula import COLUMNS, Formula, check_formula, terms_of

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Published:
    """What a publishing did; *first* is False when somebody else had published already and nothing was done."""

    season: Season
    first: bool
    promoted: int
    kept: int
    eliminated: int


def create_season(
    session: Session,
    *,
    slug: str,
    name: str,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
    group_id: int | None = None,
    actor: Actor,
    now: dt.datetime,
    **formula: Any,
) -> Season:
    """A new season in draft; *formula* as :class:`.rules_formula.Formula` names it: ``seats``, ``eliminate``, ….

    Raises:
        Invalid: naming the field.
    """
    season = Season(state="draft", version=0)
    _fill(
        session, season, slug=slug, name=name, starts_at=starts_at, ends_at=ends_at, group_id=group_id, **formula
    )  # fmt: skip
    session.add(season)
    session.flush()
    store.record(
        session, actor=actor, action="season.create", target=f"season:{season.id}", now=now,
        summary=season.name, details=_formula(season),
    )  # fmt: skip
    return season


def update_season(
    session: Session, *, season_id: int, version: int, actor: Actor, now: dt.datetime, **values: Any
) -> Season:
    """Change a draft; *values* as for :func:`create_season`, all of them.

    Raises:
        Invalid: naming the field.
        Conflict: when it is no draft any more: an open season's formula is a promise.
        Stale: when somebody else saved first.
    """
    season = locks.lock(session, Season, season_id)
    if season.state != "draft":
        raise Conflict(N_("This season is public; its formula is promised and cannot change."))
    if season.version != version:
        raise Stale(N_("Somebody else changed this season while you were writing. Nothing was overwritten."))
    before = _formula(season)
    _fill(session, season, **values)
    session.flush()
    store.record(
        session, actor=actor, action="season.update", target=f"season:{season.id}", now=now,
        summary=season.name, details={"before": before, "after": _formula(season)},
    )  # fmt: skip
    return season


def _fill(
    session: Session,
    season: Season,
    *,
    slug: str,
    name: str,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
    group_id: int | None = None,
    **formula: Any,
) -> None:
    if not SLUG.fullmatch(slug):
        raise Invalid(N_("Use lower-case letters, digits and hyphens, such as 2026-spring."), field="slug")
    taken = session.scalar(select(Season.id).where(Season.slug == slug, Season.id != (season.id or 0)))
    if taken is not None:
        raise Invalid(N_("Another season has this address."), field="slug")
    if not name.strip():
        raise Invalid(N_("Give the season a name."), field="name")
    value = Formula(**formula)
    check_formula(value, starts_at=starts_at, ends_at=ends_at, capacity=_capacity(session, group_id))
    season.slug, season.name = slug, name.strip()
    season.starts_at, season.ends_at = starts_at, ends_at
    for column in COLUMNS:
        setattr(season, column, getattr(value, column))
    season.terms, season.group_id = terms_of(value), group_id
    season.version += 1


def _capacity(session: Session, group_id: int | None) -> int | None:
    if group_id is None:
        return None
    capacity = session.scalar(select(Group.capacity).where(Group.id == group_id))
    if capacity is None:
        raise Invalid(N_("Choose a group from the list."), field="group_id")
    return capacity


def _formula(season: Season) -> dict[str, Any]:
    return {
        "slug": season.slug, "starts_at": season.starts_at.isoformat(), "ends_at": season.ends_at.isoformat(),
        **season.formula.as_json(), "group_id": season.group_id,
    }  # fmt: skip


def open_season(session: Session, *, season_id: int, actor: Actor, now: dt.datetime) -> Season:
    """Begin to count what is earned since its start; whatever was not announced before is published now.

    Raises:
        Conflict: when it is open already, announced and not yet begun, or overlaps another season.
    """
    season = locks.lock(session, Season, season_id)
    check_step(season.state, "open")
    if season.state == "announced" and now < season.starts_at:
        raise Conflict(N_("This season has not begun; it opens by itself at its start."))
    if season.state == "draft":
        check_ready(session, season)
        season.announced_at = now
        season.withdrawn_at, season.withdrawn_note = None, ""
    # Opening a window closes the ledger's gate: two seasons opened at once come here one after the other.
    window = points.open_window(
        session, key=f"season:{season.slug}", starts_at=season.starts_at, ends_at=season.ends_at
    )
    check_alone(session, season)
    season.window_id = window.id
    step(session, season, "open", actor, now, details=_formula(season))
    return season


def check_ready(session: Session, season: Season) -> None:
    """Refuse to publish a formula that cannot be kept.

    Raises:
        Invalid: naming the field.
    """
    check_formula(
        season.formula, starts_at=season.starts_at, ends_at=season.ends_at,
        capacity=_capacity(session, season.group_id),
    )  # fmt: skip


def check_alone(session: Session, season: Season) -> None:
    """Refuse a season beside another one that members know of.

    Raises:
        Conflict: naming the other.
    """
    other = session.scalar(
        select(Season.name)
        .where(
            Season.id != season.id,
            Season.state != "draft",
            Season.starts_at < season.ends_at,
            Season.ends_at > season.starts_at,
        )
        .limit(1)
    )
    if other is not None:
        raise Conflict(N_("This season overlaps %(other)s; there is one season at a time."), other=other)


def freeze(session: Session, *, season_id: int, actor: Actor, now: dt.datetime) -> Season:
    """Write down how everybody stands, once the season has ended; whatever is earned later changes nothing.

    Raises:
        Conflict: when it is not open, still runs, or an earlier season waits to be published.
    """
    season = locks.lock(session, Season, season_id)
    check_step(season.state, "frozen")
    if now < season.ends_at:
        raise Conflict(N_("This season is still running; it can be frozen once it has ended."))
    earlier = session.scalar(
        select(Season.name)
        .where(Season.starts_at < season.starts_at, Season.state.in_(("announced", "open", "frozen")))
        .order_by(Season.starts_at)
        .limit(1)
    )
    if earlier is not None:
        raise Conflict(N_("%(earlier)s comes first: seasons are published in order."), earlier=earlier)
    session.flush()
    services_seats.end_due(session, now=now)
    services_offers.end_open(session, now=now)
    if season.window_id is not None:
        # Nobody writes a line between this and the copy; what comes later counts in what runs then.
        points.close_window(session, window_id=season.window_id, now=now)
    snapshot.freeze(session, season)
    season.snapshot_hash = fingerprint.of(session, season.id)
    season.frozen_at = now
    step(session, season, "frozen", actor, now, details={"snapshot_hash": season.snapshot_hash})
    return season


def publish(session: Session, *, season_id: int, actor: Actor, now: dt.datetime) -> Published:
    """Decide from the snapshot, move the core group, tell those concerned: all of it, once.

    A season that is published already is left as it is, and the result says so.

    Raises:
        Conflict: when it is not frozen, the snapshot or the core group is not what was frozen, an exception changes
            nothing, or nobody proposed this result where the formula asks for two admins.
        Forbidden: where it asks for two, for whoever proposed it.
    """
    season = locks.lock(session, Season, season_id)
    if season.state in ("published", "closed"):
        return _published(session, season, first=False)
    check_step(season.state, "published")
    if not fingerprint.holds(session, season):
        raise Conflict(
            N_("The snapshot is not what was frozen. Nothing was published; ask who maintains the site.")
        )
    services_seats.end_due(session, now=now)
    rows, said = services_review.considered(session, season)
    closing.check_core(session, rows, said)
    plan = field.plan_of(season, rows, said)
    services_review.check_review(session, season, rows, said, plan, actor)
    before = services_undo.image(session, season)
    services_review.keep_facts(session, season, said, now)
    closing.decide(session, season, plan, now=now)
    closing.move_core(session, season, plan, now=now)
    services_undo.keep(session, season, before, by_key=actor.key)
    services_offers.keep_runners(session, season)
    closing.tell(session, season, plan, now=now)
    season.published_at = now
    step(session, season, "published", actor, now, details=_effect(plan))
    signs.published(session, season, plan)
    return _published(session, season, first=True)


def _published(session: Session, season: Season, *, first: bool) -> Published:
    counted: dict[str, int] = {
        outcome: int(many)
        for outcome, many in session.execute(
            select(Decision.outcome, func.count())
            .where(Decision.season_id == season.id)
            .group_by(Decision.outcome)
        )
    }
    return Published(
        season, first, counted.get("promoted", 0), counted.get("kept", 0), counted.get("eliminated", 0)
    )


def _effect(plan: Plan) -> dict[str, Any]:
    return {
        "core_before": plan.core_before,
        "promoted": [outcome.number for outcome in plan.promoted],
        "eliminated": [outcome.number for outcome in plan.eliminated],
        "core_after": plan.core_after,
    }


def close(session: Session, *, season_id: int, actor: Actor, now: dt.datetime) -> Season:
    """Put a published season away.

    Raises:
        Conflict: when it is not published, or closed already.
    """
    season = locks.lock(session, Season, season_id)
    check_step(season.state, "closed")
    services_appeals.check_close(session, season, now)
    season.closed_at = now
    session.execute(delete(SeasonJournal).where(SeasonJournal.season_id == season.id))
    step(session, season, "closed", actor, now)
    done = _published(session, season, first=True)
    signals.after_commit(
        session, signals.season_closed, season_id=season.id, slug=season.slug,
        promoted=done.promoted, kept=done.kept, eliminated=done.eliminated,
    )  # fmt: skip
    return season


def step(
    session: Session,
    season: Season,
    to: str,
    actor: Actor,
    now: dt.datetime,
    details: dict[str, Any] | None = None,
) -> None:
    """Bring a locked season into the state *to*, with a line in the audit log."""
    verbs = {
        "announced": "announce",
        "draft": "withdraw",
        "open": "open",
        "frozen": "freeze",
        "published": "publish",
        "closed": "close",
    }
    season.state = to
    season.version += 1
    store.record(
        session, actor=actor, action=f"season.{verbs[to]}", target=f"season:{season.id}", now=now,
        summary=season.name, details=details,
    )  # fmt: skip
    session.flush()
