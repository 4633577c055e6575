"""``flask qunclub points standings``: how everybody stood at a date."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import update

from qunclub import points
from qunclub.kernel import Actor, Invalid
from qunclub.points.models import Standing
from qunclub.points.reckoning import moment_of

ADMIN = Actor.system("test")


def run(app, *words):
    return app.test_cli_runner().invoke(args=["qunclub", "points", "standings", *words])


def test_a_day_is_meant_to_its_end_in_the_clubs_time():
    zone = dt.timezone(dt.timedelta(hours=8))
    end = moment_of("2026-03-31", zone)
    assert end < dt.datetime(2026, 3, 31, 16, tzinfo=dt.UTC) <= end + dt.timedelta(microseconds=1)
    assert moment_of("2026-03-31T18:00", zone) == dt.datetime(2026, 3, 31, 10, tzinfo=dt.UTC)
    assert moment_of("2026-03-31T18:00+00:00", zone) == dt.datetime(2026, 3, 31, 18, tzinfo=dt.UTC)
    for nonsense in ("soon", "2026-02-30", "9999-12-31"):
        with pytest.raises(Invalid):
            moment_of(nonsense, zone)


def test_the_standings_of_a_date_and_those_of_now(app, make, site_db, now):
    assert run(app).output.splitlines() == ["place,number,points,featured,last_day"]
    one, _two, _three = make.ranking([50, 20, 20])
    with site_db.uow() as session:
        line = points.award(
            session, member_id=one.id, kind="granted", source="x", amount=5, occurred_at=now, now=now, actor=ADMIN
        )  # fmt: skip
        assert line is not None
        points.reverse(session, entry_id=line.id, reason="x", actor=ADMIN, now=now + dt.timedelta(days=2))
    first = run(app, "--at", "2026-04-15")
    assert first.exit_code == 0
    assert first.output.splitlines()[1:] == [
        "1,1,55,0,2026-04-15",
        "2,2,20,0,2026-04-15",
        "2,3,20,0,2026-04-15",
    ]
    assert "1,1,50,0" in run(app, "--at", "2026-04-17").output
    assert run(app, "--at", "2026-04-01").output.count("\n") == 1
    assert run(app, "--season", "nowhere").exit_code == 1
    assert run(app, "--at", "soon").exit_code == 1
    with site_db.uow() as session:
        session.execute(update(Standing).where(Standing.member_id == one.id).values(points=51))
    assert run(app).exit_code == 1
