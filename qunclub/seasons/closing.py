"""What publishing a season does: decisions, seats of the core, the core group, mail. Called under the season's lock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from qunclub import groups, notices
from qunclub.groups.models import Seat
from qunclub.kernel import N_, Conflict
from qunclub.members.models import Member

from . import explain
from .models import CoreSeat, Decision, Season
from .rules import Outcome, Plan, Row, Ruling

SEASON_OVER = N_("The season was decided: the last places leave the core group.")


def check_core(session: Session, rows: Iterable[Row], said: Iterable[Ruling] = ()) -> None:
    """Refuse to publish when the core group is not the one that was frozen.

    Raises:
        Conflict: somebody joined or left in between.
    """
    live = select(CoreSeat.member_id, CoreSeat.safe_closings).where(CoreSeat.left_at.is_(None))
    now = {(member, safe) for member, safe in session.execute(live)}
    gone = {one.member for one in said if one.kind == "gone"}
    if now != {(row.member, row.safe_closings) for row in rows if row.core and row.member not in gone}:
        raise Conflict(
            N_(
                "The core group changed since the season was frozen. Nothing was published; ask who maintains the site."
            )
        )


def decide(session: Session, season: Season, plan: Plan, *, now: dt.datetime) -> None:
    """Write everybody's decision."""
    rows = [
        {
            "season_id": season.id,
            "member_id": outcome.row.member,
            "outcome": outcome.outcome,
            "place": outcome.place,
            "position": outcome.position,
            "points": outcome.row.points,
            "reason": outcome.reason,
            "facts": {**outcome.facts, "honours": outcome.row.honours, "safe": outcome.row.safe_closings},
            "decided_at": now,
        }
        for outcome in plan.outcomes
    ]
    if rows:
        session.execute(insert(Decision), rows)


def move_core(session: Session, season: Season, plan: Plan, *, now: dt.datetime) -> None:
    """End, keep and begin core seats; then the same in the season's group."""
    leaving = [outcome.row.member for outcome in plan.eliminated]
    live = CoreSeat.left_at.is_(None)
    quiet = {"synchronize_session": False}
    if leaving:
        session.execute(
            update(CoreSeat)
            .where(live, CoreSeat.member_id.in_(leaving))
            .values(left_at=now, left_season_id=season.id, left_reason="lowest"),
            execution_options=quiet,
        )
    # Whoever is still in was here before this closing, and it used up one closing of their protection.
    session.execute(
        update(CoreSeat)
        .where(live, CoreSeat.safe_closings > 0)
        .values(safe_closings=CoreSeat.safe_closings - 1),
        execution_options=quiet,
    )
    if plan.promoted:
        session.execute(
            insert(CoreSeat),
            [
                {
                    "member_id": outcome.row.member,
                    "number": outcome.row.number,
                    "since_season_id": season.id,
                    "joined_at": now,
                    "safe_closings": season.protection,
                    "left_reason": "",
                }
                for outcome in plan.promoted
            ],
        )
    for seat in [row for row in session.identity_map.values() if isinstance(row, CoreSeat)]:
        session.expire(seat)
    if season.group_id is not None:
        _move_group(session, season.group_id, leaving, [*plan.kept, *plan.promoted], now)


def _move_group(
    session: Session, group_id: int, leaving: list[int], staying: list[Outcome], now: dt.datetime
) -> None:
    for member_id in leaving:
        groups.leave_core(session, group_id=group_id, member_id=member_id, reason=SEASON_OVER, now=now)
    seated = set(
        session.scalars(select(Seat.member_id).where(Seat.group_id == group_id, Seat.state == "admitted"))
    )
    for outcome in staying:
        if outcome.row.member not in seated:
            groups.enter_core(session, group_id=group_id, member_id=outcome.row.member, now=now)


def tell(session: Session, season: Season, plan: Plan, *, now: dt.datetime) -> None:
    """A letter to everybody who rises or leaves; it is told anew when the result is taken back and published again."""
    concerned = {outcome.row.member: outcome for outcome in (*plan.promoted, *plan.eliminated)}
    if not concerned:
        return
    people = session.execute(select(Member.id, Member.nickname, Member.name).where(Member.id.in_(concerned)))
    letters = []
    for ident, nickname, name in people:
        outcome = concerned[ident]
        told = explain.sentences(
            outcome.outcome,
            outcome.reason,
            {
                **outcome.facts,
                "place": outcome.place,
                "position": outcome.position,
                "protection": season.protection,
                "reentry": season.formula.reentry,
            },
        )
        context = {
            "name": nickname or name,
            "season": season.name,
            "slug": season.slug,
            "appeal_days": season.formula.appeal_days,
            "outcome": outcome.outcome,
            "sentences": [[one.message, one.params] for one in told],
        }
        key = f"season:{season.id}:{ident}"
        letters.append(notices.Letter(ident, context, key, source=told_source(season, now)))
    notices.letters(session, letters, template="season_decision", now=now)


def told_source(season: Season, published_at: dt.datetime) -> str:
    """The source of the notices of one publishing: taken back and published again, a result is told anew."""
    return f"season:{season.id}:{published_at.isoformat()}"
