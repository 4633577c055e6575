"""The season as it runs, what a season decided and why, and who sits in the core."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from sqlalchemy.orm import Session

from qunclub import points
from qunclub.kernel import Actor
from qunclub.kernel.ports import Made
from qunclub.web import (
    NavItem,
    _l,
    allow,
    club,
    current_actor_or_none,
    current_me,
    now,
    reading,
    register,
    render,
    see_other,
)

from . import (
    explain,
    field,
    queries,
    queries_appeals,
    queries_core,
    queries_floor,
    queries_hints,
    queries_offers,
    queries_review,
    rules_floor,
    services_leave,
    services_profile,
    services_review,
    snapshot,
)
from . import views_words as words
from .models import Season
from .queries_live import Mine, live_season
from .rules import last_risen, why_not

bp = Blueprint("seasons", __name__)
register(
    NavItem("main", _l("Season"), "qunclub.seasons.index", "flag", 70, menu="season"),
    NavItem("main", _l("Core"), "qunclub.seasons.core", "star", 80, menu="season"),
)


def sees_names(actor: Actor | None) -> bool:
    """Names are for members and staff; a visitor sees numbers."""
    me = current_me()
    return (me is not None and me.number is not None) or (actor is not None and actor.has("host"))


def _shared(actor: Actor | None) -> dict[str, Any]:
    return {
        "sees_names": sees_names(actor),
        "my_id": actor.member_id if actor is not None else None,
        "nominates": actor is not None and actor.has("instructor") and actor.member_id is not None,
        "states": words.STATES,
        "kinds": points.KINDS,
        "reasons": words.REASONS,
        "outcomes": words.OUTCOMES,
    }


@bp.get("/season")
@allow("anyone")
def index() -> Any:
    """The season that runs: its formula, the board with both lines, my distance."""
    actor = current_actor_or_none()
    with reading() as session:
        season = queries.current(session, now())
        context: dict[str, Any] = {"season": season, "live": None, "past": queries.recent(session)}
        context["coming"] = queries.coming(session, now())
        if season is not None and season.state == "open":
            live = live_season(session, season, actor.member_id if actor is not None else None)
            context["live"], context["over"] = live, now() >= season.ends_at
            context["hint"] = live.mine and queries_hints.hint(session, season, live.plan, live.mine, now())
            context["floor"] = _floor(session, season, live.mine)
            context["leaving_from"] = live.plan.eliminated[0].row.member if live.plan.eliminated else None
        return render("seasons/index.html", **context, **_shared(actor))


def _floor(session: Session, season: Season, mine: Mine | None) -> list[rules_floor.Asked]:
    """What the formula asks of the reader beside points, if they might rise."""
    formula = season.formula
    if mine is None or mine.row.core or not formula.has_floor:
        return []
    facts = queries_floor.facts_of(session, season, formula, mine.row.member)
    return rules_floor.asked(formula, facts, season.ends_at)


@bp.get("/season/<slug>")
@allow("anyone")
def show(slug: str) -> Any:
    """What a season decided; mine first, with why."""
    actor = current_actor_or_none()
    with reading() as session:
        season = queries.by_slug(session, slug)
        if season.state in ("announced", "open", "frozen"):
            running = queries.current(session, now())
            if running is not None and running.id == season.id:
                return see_other("qunclub.seasons.index")
            mine = actor.member_id if actor is not None else None
            return render(
                "seasons/coming.html",
                season=season,
                may_leave=bool(season.formula.leaves) and mine is not None and queries.is_core(session, mine),
                away=mine is not None and services_leave.on_leave(session, season.id, mine) is not None,
                **_shared(actor),
            )
        decided = queries.decisions(session, season.id)
        grouped = {
            outcome: [one for one in decided if one.decision.outcome == outcome] for outcome in words.OUTCOMES
        }
        return render(
            "seasons/show.html",
            season=season,
            grouped=grouped,
            excepted=queries_review.published(session, season.id),
            rulings=words.RULINGS,
            corrections=queries_appeals.corrections(session, season.id),
            appeal=_appeal(session, season, actor),
            came_in=queries_offers.came_in(session, season.id),
            mine=_mine(session, season, actor.member_id if actor is not None else None),
            **_shared(actor),
        )


def _appeal(session: Session, season: Season, actor: Actor | None) -> queries_appeals.Mine | None:
    me = current_me()
    if actor is None or actor.member_id is None or me is None or me.number is None:
        return None
    return queries_appeals.mine(session, season, actor.member_id, now())


def _mine(session: Session, season: Season, member_id: int | None) -> dict[str, Any] | None:
    """What the season decided about me, or why I did not rise."""
    me = current_me()
    if member_id is None or me is None or me.number is None:
        return None
    decision = queries.decision_of(session, season.id, member_id)
    if decision is not None:
        told = explain.of_decision(decision, season)
        return {"outcome": decision.outcome, "sentences": words.spoken(told)}
    row = snapshot.row_of(session, season.id, member_id)
    rows, said = services_review.considered(session, season)
    plan = field.plan_of(season, rows, said)
    if row is None:
        told = [explain.not_risen("no_points", {})]
    else:
        facts = {
            "points": row.points,
            "position": row.position,
            "min_points": season.min_points,
            "min_works": season.formula.min_works,
            "min_days": season.formula.min_days,
            "line": last_risen(plan),
        }
        told = [explain.not_risen(why_not(row, plan, season.formula, said), facts)]
    return {"outcome": "none", "sentences": words.spoken(told)}


@bp.get("/core")
@allow("anyone")
def core() -> Any:
    """Who sits in the core group, since when, and how one gets there."""
    actor = current_actor_or_none()
    mine = actor.member_id if actor is not None else None
    shared = _shared(actor)
    with reading() as session:
        season = queries.current(session, now())
        cards = queries_core.core_cards(session, names=shared["sees_names"])
        inside = any(card.member_id == mine for card in cards) or (actor is not None and actor.has("admin"))
        shown = [card.member_id for card in cards if card.name]
        reader = "core" if inside else "member" if shared["sees_names"] else "visitor"
        return render(
            "seasons/core.html",
            members=cards,
            taken=queries_core.seats_taken(session),
            made=made_by(session, shown, reader),
            may_write=mine is not None and services_profile.may_write(session, mine),
            profile=queries_core.profile(session, mine) if mine is not None else None,
            season=season,
            offer=queries_offers.mine(session, mine, now()) if mine is not None else None,
            **shared,
        )


def made_by(session: Session, member_ids: list[int], reader: str) -> dict[int, list[Made]]:
    """What members made, told by every room that knows, the newest first."""
    found: dict[int, list[Made]] = {}
    for ask in club().made_books:
        for ident, things in ask(session, member_ids=member_ids, reader=reader).items():
            found.setdefault(ident, []).extend(things)
    return {ident: sorted(things, key=lambda one: one.at, reverse=True) for ident, things in found.items()}
