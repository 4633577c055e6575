"""``flask qunclub …`` as an operator types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import select, text

from qunclub.adapters import accounts
from qunclub.groups.models import GroupLine, Seat
from qunclub.house.models import Sanction, SanctionAppeal
from qunclub.members.models import Member
from qunclub.passes.models import Pass
from qunclub.passes.models_door import TicketCheck
from tests.support.clock import FakeClock
from tests.support.databases import Db
from tests.support.demo import NOON, demo_copy

PASSWORD = "a-long-enough-one"


def run(app: Flask, *words: str) -> Any:
    """The result of ``flask qunclub <words>``."""
    return app.test_cli_runner().invoke(args=["qunclub", *words])


def test_db_upgrade_and_check(make_app: Callable[..., Flask], empty_db: Db) -> None:
    app = make_app(QUNCLUB_DATABASE_URL=empty_db.url)
    behind = run(app, "db", "check")
    assert behind.exit_code == 1
    assert "db upgrade" in behind.output
    assert run(app, "db", "upgrade").exit_code == 0
    assert run(app, "db", "check").exit_code == 0
    with empty_db.engine.begin() as connection:
        connection.execute(text("ALTER TABLE qunclub_member ADD COLUMN stray INTEGER"))
    drifted = run(app, "db", "check")
    assert drifted.exit_code == 1
    assert "stray" in drifted.output


def test_admin_create_makes_an_admin_who_can_sign_in(app: Flask, site_db: Db) -> None:
    words = ["admin", "create", "--email", "Boss@Example.com", "--name", "老板", "--password", PASSWORD]
    assert run(app, *words).exit_code == 0
    assert run(app, *words).exit_code == 0, "a second time changes nothing"
    with site_db.session() as session:
        assert session.scalars(select(Member.roles)).all() == [["admin"]]
        found = accounts.services.authenticate(session, email="boss@example.com", password=PASSWORD)
        assert found is not None and found.verified_at is not None


def test_admin_create_refuses_a_bad_address(app: Flask) -> None:
    result = run(app, "admin", "create", "--email", "nobody", "--name", "x", "--password", PASSWORD)
    assert result.exit_code == 1
    assert "e-mail address" in result.output


def test_doctor_is_clean_on_an_empty_club(app: Flask) -> None:
    result = run(app, "doctor")
    assert result.exit_code == 0, result.output
    assert "All promises hold" in result.output


def test_doctor_says_what_is_broken_and_exits_1(
    make_app: Callable[..., Flask], tmp_path: Path, clock: FakeClock
) -> None:
    demo = demo_copy(tmp_path / "demo")
    assert clock() == NOON
    app = make_app(QUNCLUB_DATABASE_URL=demo.url, QUNCLUB_INSTANCE=str(tmp_path / "demo"))
    assert run(app, "doctor").exit_code == 0
    with demo.engine.begin() as connection:
        connection.execute(text("UPDATE qunclub_group SET seated = seated - 1 WHERE seated > 0"))
        connection.execute(text("UPDATE qunclub_standing SET points = points + 5 WHERE number = 1"))
    plain = run(app, "doctor")
    assert plain.exit_code == 1
    assert "promise 2" in plain.output
    assert "promise 7" in plain.output
    told = json.loads(run(app, "doctor", "--json").output)
    assert told["ok"] is False
    assert {finding["promise"] for finding in told["findings"]} >= {2, 7}
    demo.engine.dispose()


def test_demo_fills_an_empty_club_and_only_that(app: Flask, site_db: Db, clock: FakeClock) -> None:
    # Late in the evening by the club's clock: what happens "at this hour, days ago" still comes in time.
    clock.now = clock.now.replace(hour=15, minute=40)
    first = run(app, "demo")
    assert first.exit_code == 0, first.output
    assert "wenshuhuai@example.com" in first.output
    with site_db.session() as session:
        # Everybody holds a pass; two of them bought an upgrade beside it, ten a seat at a table in their city.
        held = session.scalars(select(Pass.member_id)).all()
        assert (len(set(held)), len(held)) == (60, 72)
        # Every state of a seat and of a case has something to look at.
        seats = select(Seat.state).join(GroupLine).where(GroupLine.slug == "city-table").distinct()
        assert set(session.scalars(seats)) == {"admitted", "left", "offered", "waiting"}
        assert set(session.scalars(select(Sanction.kind))) == {"warning", "mute", "removal", "overturned"}
        assert set(session.scalars(select(SanctionAppeal.state))) == {"open", "upheld"}
        assert session.scalar(select(TicketCheck.id).where(TicketCheck.reason != "").limit(1)) is not None
    again = run(app, "demo")
    assert again.exit_code == 0
    assert "inhabited" in again.output


def test_demo_keeps_every_promise_on_both_databases(db: Db, app: Flask) -> None:
    assert run(app, "demo").exit_code == 0
    result = run(app, "doctor")
    assert result.exit_code == 0, result.output


def test_jobs_empties_the_outbox(app: Flask) -> None:
    result = run(app, "jobs")
    assert result.exit_code == 0
    assert "outbox: 0" in result.output


def test_a_wrong_setting_stops_the_start_with_a_sentence(make_app: Callable[..., Flask]) -> None:
    from qunclub.config import ConfigError

    for name, value in {"PORT": "many", "QUNCLUB_TIMEZONE": "Moon/Sea", "QUNCLUB_ENV": "prod"}.items():
        try:
            make_app(**{name: value})
        except ConfigError as error:
            assert name in str(error) and str(error).endswith(".")
        else:
            raise AssertionError(f"{name}={value} was taken")
