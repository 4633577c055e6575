"""What a closed season decided cannot change, not even by raw SQL, on either database."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from qunclub.seasons import snapshot

CHANGES = (
    "UPDATE qunclub_season SET state = 'published' WHERE id = :season",
    "UPDATE qunclub_season SET seats = 99 WHERE id = :season",
    "UPDATE qunclub_decision SET outcome = 'kept' WHERE season_id = :season",
    "DELETE FROM qunclub_decision WHERE season_id = :season",
    "UPDATE qunclub_season_snapshot SET points = 0 WHERE season_id = :season",
    "DELETE FROM qunclub_season_snapshot WHERE season_id = :season",
    "UPDATE qunclub_season_snapshot_sheet SET lines = '' WHERE season_id = :season",
    "DELETE FROM qunclub_season_snapshot_sheet WHERE season_id = :season",
)


@pytest.fixture
def season(session, make, monkeypatch):
    monkeypatch.setattr(snapshot, "HEAD", 1)
    made = make.season(seats=1, eliminate=0)
    for points, member in enumerate(make.ranking([0] * 2), start=1):
        make.earn(member, points, at=made.starts_at)
    return make.closed(made, steps=("freeze", "publish"))


@pytest.mark.parametrize("change", CHANGES)
def test_the_database_refuses_to_change_a_closed_season(session, make, season, change):
    with session.begin_nested() as step:
        assert session.execute(text(change), {"season": season.id}).rowcount == 1, (
            "before it is closed it may"
        )
        step.rollback()
    session.refresh(season)
    make.closed(season, steps=("close",))
    session.flush()
    with pytest.raises(DBAPIError, match="closed season cannot change"), session.begin_nested():
        session.execute(text(change), {"season": season.id})
