"""Clubs with a season of many members, written by the database itself: ten million lines take a few minutes.

Members, lines and standings grow; the core's seats do not. The lines lie in the order in which they were earned, so a
member's are far apart, and what the standings say is summed from them.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Connection, select

from benchmarks import bulk
from benchmarks.bulk import Speech
from qunclub import groups, points, seasons
from qunclub.kernel import Actor
from qunclub.points.models import Window
from qunclub.points.rules import SPANS
from qunclub.seasons.models import CoreSeat
from tests.support.databases import Db

ACTOR = Actor.system("measuring")
LINES_EACH = 10
SEATS = 60
LEAVE = 6
DAYS = 30
ARREARS = 100
"""Every so many members, one is suspended: somebody whom the closing has to pass over."""
FIRST = 1_000
"""The id and the number of the first member."""
TABLES = ("member", "ledger_entry", "core_seat")


def fill(
    database: Db,
    members: int,
    *,
    now: dt.datetime,
    ends_at: dt.datetime,
    each: int = LINES_EACH,
    **formula: Any,
) -> int:
    """Write *members* with *each* lines in an open season of :data:`DAYS` days into an empty database.

    Args:
        ends_at: of the season (UTC); its lines were earned before *now* and before this.
        formula: what is not usual in the season's formula.

    Returns:
        the season's id.
    """
    starts_at = ends_at - dt.timedelta(days=DAYS)
    with database.uow() as session:
        points.ensure_rules(session, now=starts_at)
        line = groups.create_line(
            session, slug="core", name="Core", kind="core", capacities=[SEATS], actor=ACTOR, now=starts_at
        )
        group = groups.first_group(session, line, now=starts_at)
        season = seasons.create_season(
            session, slug="season", name="Season", starts_at=starts_at, ends_at=ends_at, seats=SEATS,
            eliminate=LEAVE, group_id=group.id, actor=ACTOR, now=starts_at, **formula,
        )  # fmt: skip
        seasons.open_season(session, season_id=season.id, actor=ACTOR, now=starts_at)
        # All time and the season; a group's window counts its members only.
        windows = list(session.scalars(select(Window.id).where(Window.scope == "").order_by(Window.id)))
        season_id, group_id = season.id, group.id
    with bulk.writing(database, STATEMENTS) as (connection, say):
        last = min(ends_at, now) - dt.timedelta(minutes=1)
        _write(connection, say, members, each, starts_at, last, windows)
        bulk.count_on(connection, say, TABLES)
    with database.uow() as session:
        # Spread over the whole ranking, and few of them at its end.
        step = max(1, members // SEATS)
        for place in range(min(SEATS, members)):
            ident = FIRST + place * step
            session.add(
                CoreSeat(member_id=ident, number=ident, joined_at=starts_at, safe_closings=int(place < 5))
            )
            groups.enter_core(session, group_id=group_id, member_id=ident, now=starts_at)
    return season_id


def _write(
    connection: Connection,
    say: Speech,
    members: int,
    each: int,
    first: dt.datetime,
    last: dt.datetime,
    windows: list[int],
) -> None:
    lines, begin = members * each, int(first.timestamp())
    place, turn = f"((n - 1) % {members})", f"((n - 1) / {members})"
    here = {
        "people": say.numbers(members),
        "series": say.numbers(lines),
        "pad": say.padded("n"),
        "now": say.moment(str(begin)),
        "first": FIRST - 1,
        "arrears": ARREARS,
        "step": max(1, members // SEATS),
        "member": f"({FIRST} + {place})",
        "at": say.moment(
            f"({begin} + CAST(n AS bigint) * {int(last.timestamp()) - begin} / {lines})"
        ),
        "amount": f"(1 + (CAST({place} AS bigint) * 7919 + {turn} * 104729) % 1009 % 60)",
        "honours": "(CASE WHEN n % 50 = 0 THEN 1 ELSE 0 END)",
        "kind": f"(CASE {turn} % 3 WHEN 0 THEN 'granted' WHEN 1 THEN 'homework_accepted' ELSE 'answer_best' END)",
        "day": "date(max(counts_at))" if say.kind == "sqlite" else "(max(counts_at) AT TIME ZONE 'UTC')::date",
    }  # fmt: skip
    one, *others = windows
    bulk.fill(connection, STATEMENTS, lambda statement: statement.format(window=one, **here))
    bulk.fill(connection, [COPY.format(window=window, one=one) for window in others], str)
    counts = [COUNT.format(window=window, span=span) for window in windows for span in SPANS]
    bulk.fill(connection, counts, str)


STATEMENTS = (
    "INSERT INTO qunclub_member (id, user_key, name, email, number, nickname, city, bio, locale, roles, joined_at, "
    "numbered_at, suspend_reason, suspended_at) SELECT {first} + n, 'measured-' || n, 'Member ' || {pad}, "
    "'member' || {pad} || '@example.com', {first} + n, '', '', '', 'zh', '[]', {now}, {now}, '', "
    "CASE WHEN n % {arrears} = 0 AND (n - 1) % {step} <> 0 THEN {now} END FROM {people}",
    "INSERT INTO qunclub_ledger_entry (id, member_id, kind, source, amount, honours, reason, actor, occurred_at, "
    "counts_at, created_at, rule_version, lost, lost_why) SELECT n, {member}, {kind}, 'm' || n, {amount}, {honours}, "
    "'', 'measured', {at}, {at}, {at}, 1, 0, '' FROM {series}",
    "INSERT INTO qunclub_standing (window_id, member_id, number, points, honours, last_day) SELECT {window}, "
    "member_id, member_id, SUM(amount), SUM(honours), {day} FROM qunclub_ledger_entry GROUP BY member_id",
)
COPY = (
    "INSERT INTO qunclub_standing (window_id, member_id, number, points, honours, last_day) SELECT {window}, "
    "member_id, number, points, honours, last_day FROM qunclub_standing WHERE window_id = {one}"
)
COUNT = (
    "INSERT INTO qunclub_score_count (window_id, span, points, members) SELECT {window}, {span}, points - points % "
    "{span} AS low, count(*) FROM qunclub_standing WHERE window_id = {window} GROUP BY low"
)
