"""What limits leave of new lines: counted in the ledger itself, under a lock on each member concerned.

Counts that are kept beside the ledger would be a second truth; a member's lines of a day and a season are few, and the
index finds them. Four or five statements however many lines there are, and none when no rule has limits.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from qunclub.kernel import locks
from qunclub.members.models import Member

from .ledger import Span
from .models import LedgerEntry
from .rules import Rule
from .rules_limits import Had, allowed, returns
from .sums import utc_day

DAY = dt.timedelta(days=1)


def apply(
    session: Session, lines: list[dict[str, Any]], in_force: dict[str, Rule], windows: Sequence[Span]
) -> None:
    """Lower the amounts of *lines* to what the limits of their kinds leave; each says what it lost and why."""
    for line in lines:
        if line["from_member_id"] == line["member_id"]:
            _lose(line, 0, "self")
    limited = [
        line
        for line in lines
        if line["amount"] and (in_force[line["kind"]].limits.counting or _may_ring(line, in_force))
    ]
    if not limited:
        return
    _lock(session, limited)
    used = set(
        session.scalars(
            select(LedgerEntry.source).where(LedgerEntry.source.in_([x["source"] for x in limited]))
        )
    )
    limited = [line for line in limited if line["source"] not in used]
    rings = _given_back(session, limited, in_force)
    # A ring is no matter of counts.
    counting = [line for line in limited if in_force[line["kind"]].limits.counting]
    days, seasons = _had(session, counting, windows)
    for line in limited:
        limits = in_force[line["kind"]].limits
        who, moment = (line["member_id"], line["kind"]), line["counts_at"]
        pair = (line["from_member_id"], line["member_id"])
        asked = line["amount"]
        if returns(limits, moment, rings.get(pair)):
            _lose(line, 0, "ring")
        else:
            day, season = (*who, moment.astimezone(dt.UTC).date()), _season(windows, moment)
            had = Had(*days.get(day, (0, 0)), None if season is None else seasons.get((*who, season.id), 0))
            given, why = allowed(limits, asked, had)
            _lose(line, given, why)
            after = had.after(given)
            days[day] = (after.day_points, after.day_lines)
            if season is not None and after.season_points is not None:
                seasons[(*who, season.id)] = after.season_points
        if line["amount"] and line["from_member_id"] is not None:
            rings[pair[::-1]] = moment


def _lose(line: dict[str, Any], given: int, why: str) -> None:
    line["lost"], line["lost_why"] = line["amount"] - given, why
    line["amount"] = given
    if not given:
        line["honours"] = 0


def _may_ring(line: dict[str, Any], in_force: dict[str, Rule]) -> bool:
    return bool(in_force[line["kind"]].limits.ring_days) and line["from_member_id"] is not None


def _lock(session: Session, lines: list[dict[str, Any]]) -> None:
    people = {line["member_id"] for line in lines} | {line["from_member_id"] for line in lines}
    query = select(Member.id).where(Member.id.in_(people - {None})).order_by(Member.id)
    if locks.enabled():
        # Not against those who only name the member by a foreign key.
        query = query.with_for_update(key_share=True)
    session.execute(query).all()


def _season(windows: Sequence[Span], moment: dt.datetime) -> Span | None:
    return next((w for w in windows if w.kind == "season" and w.holds(moment)), None)


def _standing_lines(lines: list[dict[str, Any]]) -> Any:
    undone = aliased(LedgerEntry)
    return (
        select(LedgerEntry.member_id, LedgerEntry.kind)
        .where(
            LedgerEntry.member_id.in_({line["member_id"] for line in lines}),
            LedgerEntry.kind.in_({line["kind"] for line in lines}),
            LedgerEntry.reverses_id.is_(None),
            ~select(undone.id).where(undone.reverses_id == LedgerEntry.id).exists(),
        )
        .group_by(LedgerEntry.member_id, LedgerEntry.kind)
    )


def _had(
    session: Session, lines: list[dict[str, Any]], windows: Sequence[Span]
) -> tuple[dict[tuple[int, str, dt.date], tuple[int, int]], dict[tuple[int, str, int], int]]:
    """Points and lines by member, kind and UTC day; points by member, kind and season."""
    if not lines:
        return {}, {}
    moments = [line["counts_at"] for line in lines]
    day = utc_day(session, LedgerEntry.counts_at)
    by_day = (
        _standing_lines(lines)
        .add_columns(day.label("day"), func.sum(LedgerEntry.amount), func.count())
        .where(LedgerEntry.counts_at > min(moments) - DAY, LedgerEntry.counts_at < max(moments) + DAY)
        .group_by(day)
    )
    days = {(m, kind, on): (int(points), many) for m, kind, on, points, many in session.execute(by_day)}
    seasons: dict[tuple[int, str, int], int] = {}
    for window in {
        w.id: w for w in (_season(windows, moment) for moment in moments) if w is not None
    }.values():
        by_season = (
            _standing_lines(lines)
            .add_columns(func.sum(LedgerEntry.amount))
            .where(LedgerEntry.counts_at >= window.starts_at)
        )
        if window.ends_at is not None:
            by_season = by_season.where(LedgerEntry.counts_at < window.ends_at)
        for member, kind, points in session.execute(by_season):
            seasons[(member, kind, window.id)] = int(points)
    return days, seasons


def _given_back(
    session: Session, lines: list[dict[str, Any]], in_force: dict[str, Rule]
) -> dict[tuple[int, int], dt.datetime]:
    """When each member last gave points to whoever gives them points now, by (giver now, member)."""
    asked = [line for line in lines if _may_ring(line, in_force)]
    if not asked:
        return {}
    undone = aliased(LedgerEntry)
    query = (
        select(LedgerEntry.member_id, LedgerEntry.from_member_id, func.max(LedgerEntry.counts_at))
        .where(
            LedgerEntry.member_id.in_({line["from_member_id"] for line in asked}),
            LedgerEntry.from_member_id.in_({line["member_id"] for line in asked}),
            LedgerEntry.amount > 0,
            ~select(undone.id).where(undone.reverses_id == LedgerEntry.id).exists(),
        )
        .group_by(LedgerEntry.member_id, LedgerEntry.from_member_id)
    )
    return {(giver, member or 0): moment for giver, member, moment in session.execute(query)}
