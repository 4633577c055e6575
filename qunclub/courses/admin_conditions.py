"""The course's form and what a course asks beside a pass: what can be chosen, what is kept, what was typed."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import Actor
from qunclub.members.models import Tier
from qunclub.web import _, club, now

from . import rules_conditions, services_conditions
from .forms_conditions import ConditionsForm
from .rules_conditions import Asks
from .services_conditions import Books

MOST_TIERS = 200


def books() -> Books:
    """Who knows the groups and seasons of this club."""
    return Books(club().group_book, club().season_book)


def offer(session: Session, form: ConditionsForm, course_id: int | None = None) -> Asks:
    """Fill what can be chosen, and on a fresh form what is kept; returns what is kept."""
    kept = services_conditions.asks_of(session, course_id, books()) if course_id is not None else Asks()
    if not form.is_submitted():
        form.tier.data, form.season.data = kept.tier, kept.season
        form.groups.data, form.roles.data = list(kept.groups), list(kept.roles)
        form.season_window.data = kept.season_window or "from"
    tiers = session.execute(select(Tier.code, Tier.name).order_by(Tier.rank, Tier.id).limit(MOST_TIERS))
    form.tier.choices = [("", _("None")), *((code, name) for code, name in tiers)]
    named = club().group_book.choices(session)
    slugs = club().group_book.slugs(session, [ident for ident, _name in named])
    groups = [(slugs[ident], name) for ident, name in named]
    there = {slug for slug, _name in groups}
    # What is chosen stays on the form, however many newer groups there are.
    form.groups.choices = [*groups, *((one, one) for one in kept.groups if one not in there)]
    seasons = club().season_book.choices(session)
    form.season.choices = [("", _("Always open")), *((one.slug, one.name) for one in seasons)]
    return kept


def keep(session: Session, form: ConditionsForm, *, course_id: int, actor: Actor) -> None:
    """Set what the form says.

    Raises:
        Invalid: on the field that cannot be taken.
    """
    asks = typed(form)
    seasons = {one.slug: one for one in club().season_book.choices(session)}
    kept = services_conditions.asks_of(session, course_id, books())
    chosen = (asks.season, asks.season_window)
    if asks.season in seasons and chosen != (kept.season, kept.season_window):
        rules_conditions.check_season(seasons[asks.season], asks.season_window, now())
    services_conditions.set_asks(
        session, course_id=course_id, asks=asks, books=books(), now=now(), actor=actor
    )


def typed(form: ConditionsForm) -> Asks:
    """What the form says."""
    season = form.season.data or ""
    return Asks(
        tier=form.tier.data or "",
        groups=tuple(form.groups.data or ()),
        roles=tuple(form.roles.data or ()),
        season=season,
        season_window=(form.season_window.data or "from") if season else "",
    )
