"""The season as members watch it: the core, the best of the others, both lines, my own distance.

Read along the ranking's index and the core's few seats: it costs the same with a thousand members and a million.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import false, select
from sqlalchemy.orm import Session

from qunclub import points
from qunclub.members.models import Member
from qunclub.points.models import Standing

from . import field
from .models import CoreSeat, Season
from .queries_floor import bars, on_leave
from .rules import Distance, Outcome, Plan, Row, distance, order

BELOW = 10
"""How many members under the line of promotion are shown."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of the season's board; *outcome* is what would happen if it closed now.

    *hidden*: outside the core and not on any ranking by their own wish; their line is shown to others without them.
    """

    row: Row
    name: str
    outcome: Outcome | None
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Mine:
    """Where I stand; *place* among all who have points is None while I have none."""

    row: Row
    place: int | None
    distance: Distance
    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class LiveSeason:
    """An open season as it stands: core members best first, others best first (risers, then a few below)."""

    season: Season
    plan: Plan
    core: list[Shown]
    others: list[Shown]
    ranked: int
    mine: Mine | None


def _core(session: Session, season: Season) -> list[Row]:
    away = on_leave(season, CoreSeat.member_id) if season.formula.leaves else false()
    rows = session.execute(
        select(
            CoreSeat.member_id,
            CoreSeat.number,
            CoreSeat.safe_closings,
            away,
            Standing.points,
            Standing.honours,
            Standing.last_day,
        )
        .outerjoin(
            Standing,
            (Standing.window_id == season.window_id) & (Standing.member_id == CoreSeat.member_id),
        )
        .where(CoreSeat.left_at.is_(None))
    )
    return [
        Row(ident, number, points or 0, honours or 0, last_day, True, safe, on_leave=bool(leave))
        for ident, number, safe, leave, points, honours, last_day in rows
    ]


def _weighed_core(session: Session, season: Season) -> list[Row]:
    return [row for row in field.live(session, season) if row.core]


def live_season(session: Session, season: Season, member_id: int | None = None) -> LiveSeason:
    """The board of an open season, for one member or a visitor, in at most seven statements."""
    window, formula = season.window_id or 0, season.formula
    core = _weighed_core(session, season) if formula.weighted else _core(session, season)
    best = field.best(session, season, limit=season.seats + BELOW)
    plan = field.plan_of(season, [*core, *best])
    decided = {outcome.row.member: outcome for outcome in plan.outcomes}
    core.sort(key=lambda row: order(row, formula.ties))
    others = best[: len(plan.promoted) + BELOW]
    called = _names(session, [row.member for row in (*core, *others)])

    def shown(row: Row) -> Shown:
        name, unseen = called.get(row.member, ("", False))
        unseen = unseen and not row.core and row.member != member_id
        return Shown(row, "" if unseen else name, decided.get(row.member), unseen)

    return LiveSeason(
        season,
        plan,
        [shown(row) for row in core],
        [shown(row) for row in others],
        points.total(session, window),
        None if member_id is None else _mine(session, season, plan, [*core, *best], member_id),
    )


def _names(session: Session, ids: list[int]) -> dict[int, tuple[str, bool]]:
    """What members are called, and whether they do not wish to be on rankings."""
    m = Member
    rows = session.execute(select(m.id, m.nickname, m.name, m.hidden_on_boards).where(m.id.in_(ids)))
    return {ident: (nickname or name, bool(hidden)) for ident, nickname, name, hidden in rows}


def _mine(session: Session, season: Season, plan: Plan, known: list[Row], member_id: int) -> Mine | None:
    window = season.window_id or 0
    row = next((one for one in known if one.member == member_id), None)
    if row is None and season.formula.weighted:
        row = field.live_row(session, season, member_id)
    if row is None:
        score = points.standing(session, window, member_id)
        if score is not None:
            row = Row(member_id, score.number, score.points, score.honours, score.last_day)
        else:
            number = session.scalar(select(Member.number).where(Member.id == member_id))
            if number is None:
                return None
            row = Row(member_id, number)
        row = replace(row, bar=bars(session, season, season.formula, [member_id]).get(member_id, ""))
    place = (row.position or points.rank_of(session, window, row.points)) if row.points else None
    outcome = next((one for one in plan.outcomes if one.row.member == member_id), None)
    return Mine(row, place, distance(row, plan), outcome)
