"""The board of a running season: both lines, my distance, and the same plan as the admin's preview."""

from __future__ import annotations

import datetime as dt

from qunclub import seasons
from tests.support.statements import count_statements


def next_season(make, before, **values):
    return make.season(starts_at=before.ends_at, **values)


def test_the_live_board_shows_lines_and_my_distance_at_constant_cost(session, make, db):
    members = make.ranking([0] * 30)
    first = make.season(seats=3, eliminate=1, protection=0)
    for member in members[:3]:
        make.earn(member, 10, at=first.starts_at)
    make.closed(first)
    second = next_season(make, first, seats=3, eliminate=1)
    for index, member in enumerate(members):
        if index != 1:
            make.earn(member, 100 - index, at=second.starts_at)
    with count_statements(db.engine) as seen:
        board = seasons.live_season(session, second, members[20].id)
    assert seen.count <= 7, seen
    assert [s.row.number for s in board.core] == [1, 3, 2]
    assert [s.row.number for s in board.others] == list(range(4, 15))
    assert board.ranked == 29
    assert (board.plan.rise_above, board.plan.leave_below) == (97, 0)
    mine = board.mine
    assert mine is not None
    assert (mine.row.points, mine.place, mine.distance.side, mine.distance.points) == (80, 20, "below", 18)
    stranger = seasons.live_season(session, second, make.member().id)
    assert stranger.mine is None
    quiet = seasons.live_season(session, second, make.member(number=500).id)
    assert quiet.mine is not None and quiet.mine.place is None and quiet.mine.distance.points == 98
    last = seasons.live_season(session, second, members[1].id).mine
    assert last is not None and last.distance.side == "leaves" and last.distance.points == 99


def test_the_live_board_and_the_preview_agree(session, make, now):
    members = make.ranking([0] * 25)
    season = make.season(seats=4, eliminate=2)
    for index, member in enumerate(members):
        make.earn(member, 1 + index % 7, at=season.starts_at + dt.timedelta(days=index % 3))
    live = seasons.live_season(session, season).plan
    plan = seasons.preview(session, season, now)
    assert [o.number for o in live.outcomes] == [o.number for o in plan.outcomes]
    assert (live.rise_above, live.leave_below, live.free) == (plan.rise_above, plan.leave_below, plan.free)
