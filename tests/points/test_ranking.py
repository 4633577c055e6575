"""The ranking: in order, with places that equal points share, at the same cost on every page and at every size."""

from __future__ import annotations

import datetime as dt
import random

from sqlalchemy import insert, select, text

from qunclub import points
from qunclub.members.models import Member
from qunclub.points import ledger
from qunclub.points import queries_ranking as ranking
from qunclub.points.models import LedgerEntry
from tests.support.statements import count_statements


def window_id(session):
    window = points.window_by_key(session, points.ALL_TIME)
    assert window is not None
    return window.id


def test_equal_points_share_a_place_and_stand_in_the_order_of_the_rule(session, make, now):
    members = make.ranking([50, 80, 50, 20, 80])
    board = points.board(session, window_id(session))
    assert [(row.place, row.number) for row in board.rows] == [(1, 2), (1, 5), (3, 1), (3, 3), (5, 4)]
    assert (board.has_prev, board.has_next) == (False, False)
    make.earn(members[2], 20, kind="homework_featured", at=now)
    make.earn(members[0], 20, at=now)
    board = points.board(session, window_id(session))
    assert [row.number for row in board.rows][2:4] == [3, 1], "featured work breaks the tie"


def test_the_earlier_last_day_breaks_the_tie(session, make, now):
    late = make.ranking([30], at=now)[0]
    early = make.ranking([30], first_number=9, at=now - dt.timedelta(days=3))[0]
    rows = points.board(session, window_id(session)).rows
    assert [row.member_id for row in rows] == [early.id, late.id]


def test_pages_forward_and_back_show_everybody_once_in_order(session, make):
    chance = random.Random(7)
    make.ranking([chance.choice([10, 10, 10, 40, 90, 5000]) for _ in range(83)])
    window = window_id(session)
    whole = points.board(session, window, limit=200).rows
    seen, after, pages = [], None, []
    while True:
        board = points.board(session, window, limit=10, after=after)
        pages.append(board)
        seen += board.rows
        if not board.has_next:
            break
        after = board.rows[-1].cursor
    assert seen == whole
    back = points.board(session, window, limit=10, before=pages[3].rows[0].cursor)
    assert back.rows == pages[2].rows and back.has_prev and back.has_next
    first = points.board(session, window, limit=10, before=whole[4].cursor)
    assert first.rows == whole[:10] and not first.has_prev


def test_the_page_around_me_begins_a_little_above(session, make):
    make.ranking(list(range(1, 101)))
    window = window_id(session)
    whole = points.board(session, window, limit=200).rows
    for place in (1, 4, 50, 99, 100):
        row = whole[place - 1]
        mine = points.standing(session, window, row.member_id)
        assert mine is not None
        board = points.around(session, window, mine, above=5, limit=20)
        start = max(0, place - 6)
        assert board.rows == whole[start : start + 20]
        assert (board.has_prev, board.has_next) == (start > 0, start + 20 < 100)


def test_my_place_and_how_many_there_are(session, make):
    make.ranking([4096, 4095, 64, 63, 63, 1, 0])
    window = window_id(session)
    places = [points.rank_of(session, window, value) for value in (4096, 4095, 64, 63, 1, 0)]
    assert places == [1, 2, 3, 4, 6, 7]
    assert points.total(session, window) == 6
    assert points.standpoint(session, window, 63) == points.Standpoint(4, 6, 64)
    assert points.standpoint(session, window, 4096) == points.Standpoint(1, 6, None)


def test_the_windows_of_now(session, make, now):
    assert points.windows_at(session, now) == (None, None)
    past = make.window(starts_at=now - dt.timedelta(days=60), ends_at=now - dt.timedelta(days=30))
    everything, season = points.windows_at(session, now)
    assert everything is not None and everything.id == window_id(session)
    assert season is not None and season.id == past.id
    running = make.window(starts_at=now - dt.timedelta(days=30), ends_at=now + dt.timedelta(days=1))
    make.window(starts_at=now + dt.timedelta(days=1), ends_at=now + dt.timedelta(days=31))
    season = points.windows_at(session, now)[1]
    assert season is not None and season.id == running.id


def many(session, now, size):
    """*size* members with scores from 1 to 20,000, written in bulk and rebuilt."""
    chance = random.Random(size)
    for first in range(0, size, 20_000):
        chunk = range(first, min(size, first + 20_000))
        session.execute(
            insert(Member),
            [
                {"user_key": f"k{i}", "name": f"N{i}", "number": i + 1, "roles": [], "joined_at": now}
                for i in chunk
            ],
        )
        ids = session.execute(select(Member.id, Member.number).where(Member.number > first)).all()
        session.execute(
            insert(LedgerEntry),
            [
                {
                    "member_id": ident,
                    "kind": "granted",
                    "source": f"bulk:{number}",
                    "amount": chance.randint(1, 20_000) if number % 2 else 10,
                    "honours": 0,
                    "reason": "",
                    "actor": "test",
                    "occurred_at": now - dt.timedelta(days=number % 30),
                    "created_at": now,
                }
                for ident, number in ids
            ],
        )
    ledger.ensure_all_time(session)
    window = window_id(session)
    points.rebuild(session, window)
    return window


def steps(session, statements):
    """How SQLite will run each statement: the query plan's lines."""
    plan = []
    for statement in statements:
        raw = session.connection().connection.dbapi_connection
        marks = statement.count("?")
        plan += [row[3] for row in raw.execute("EXPLAIN QUERY PLAN " + statement, ["2026-01-01"] * marks)]
    return plan


def test_every_read_of_the_ranking_is_a_search_in_an_index(session, make, now, db):
    if db.kind != "sqlite":
        session.execute(text("SELECT 1"))
        return
    window = many(session, now, 2000)
    middle = points.board(session, window, limit=1000).rows[900]
    mine = points.standing(session, window, middle.member_id)
    assert mine is not None
    with count_statements(db.engine) as seen:
        points.board(session, window)
        points.board(session, window, after=middle.cursor)
        points.board(session, window, before=middle.cursor)
        points.around(session, window, mine)
        points.rank_of(session, window, 10)
        points.standpoint(session, window, 10)
        points.total(session, window)
        points.standing(session, window, middle.member_id)
    lines = steps(session, seen.sent)
    scans = [line for line in lines if line.startswith("SCAN") and "CONSTANT ROW" not in line]
    # What is left are the joined stretches of at most 51 rows themselves.
    assert all("qunclub" not in line for line in scans), scans
    assert any("ix_qunclub_standing_rank" in line for line in lines)


def test_upwards_the_stretch_of_more_points_begins_at_the_cursor():
    # Two lower bounds of one column: SQLite takes the first it is told, and the other would be that of the cursor.
    up, down = (str(ranking._stretch(True, up, False)) for up in (True, False))
    assert up.count("qunclub_standing.points > ") == 4 and up.count("points_1") == 3
    assert down.count("qunclub_standing.points > ") == 4 and down.count("points_1") == 4


def test_a_page_of_the_ranking_is_a_constant_number_of_statements(session, make, now, db):
    window = many(session, now, 300)
    first = points.board(session, window, limit=50)
    for board in (
        lambda: points.board(session, window),
        lambda: points.board(session, window, after=first.rows[-1].cursor),
    ):
        with count_statements(db.engine) as seen:
            board()
        assert seen.count == 2, seen
