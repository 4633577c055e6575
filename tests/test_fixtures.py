"""The fixtures themselves: what they promise the other tests."""

from __future__ import annotations

import datetime as dt
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, render_template, url_for
from flask.testing import FlaskClient
from jinja2 import DictLoader
from playwright.sync_api import Browser
from sqlalchemy import func, literal, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from qunclub import migrate
from qunclub.devtools import migrations
from qunclub.kernel import locks, store
from qunclub.members.models import Member
from tests.factories import Make
from tests.support import postgres, recycled
from tests.support.browser import Pages
from tests.support.clock import FakeClock
from tests.support.concurrency import concurrently, failed, succeeded
from tests.support.databases import Db, engine_for, fresh, postgres_template
from tests.support.network import OutsideWorld
from tests.support.pages import post, sign_in
from tests.support.statements import count_statements


def test_the_database_is_migrated_and_ones_own(db: Db, make: Make) -> None:
    make.member()
    with db.session() as session:
        assert not migrate.pending(session.connection())
        # A second test in the same run finds one member too, not two.
        assert len(session.scalars(select(Member)).all()) == 1


def test_again_the_database_is_ones_own(db: Db, make: Make) -> None:
    test_the_database_is_migrated_and_ones_own(db, make)


class TestUsedAgain:
    """A PostgreSQL database that another test had is as new, or is not given out."""

    @pytest.fixture(autouse=True)
    def none_idle(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(recycled, "_idle", [])

    def test_rows_and_numbers_are_gone(self, tmp_path: Path, now: dt.datetime) -> None:
        with fresh("postgres", tmp_path) as first, first.uow() as session:
            make = Make(session, now)
            made = make.pass_(member=make.member())
            ident = made.id
        with fresh("postgres", tmp_path) as second, second.uow() as session:
            assert second.url == first.url
            assert session.scalars(select(Member)).all() == []
            make = Make(session, now)
            assert make.pass_(member=make.member()).id == ident

    def test_one_that_a_test_made_anew_is_looked_at_anew(self, tmp_path: Path, now: dt.datetime) -> None:
        for _time in range(2):
            with fresh("postgres", tmp_path) as first, first.uow() as session:
                Make(session, now).member()
        with fresh("postgres", tmp_path) as second:
            assert second.url == first.url
            name = second.engine.url.database or ""
            postgres.drop(name)
            postgres.create(name, postgres_template())
            with second.uow() as session:
                Make(session, now).member()
        with fresh("postgres", tmp_path) as third, third.session() as session:
            assert third.url == first.url
            assert session.scalars(select(Member)).all() == []

    def test_it_may_be_copied_once_nobody_looks(self, tmp_path: Path) -> None:
        for _time in range(2):
            with fresh("postgres", tmp_path) as first:
                name = first.engine.url.database or ""
        recycled.leave(name)
        postgres.create(f"{name}_copy", name)
        postgres.drop(f"{name}_copy")

    def test_whoever_is_still_connected_is_sent_away(self, tmp_path: Path, now: dt.datetime) -> None:
        with fresh("postgres", tmp_path) as first:
            left = engine_for(first.url).connect()
            left.execute(text("LOCK TABLE qunclub_member"))
        with fresh("postgres", tmp_path) as second, second.uow() as session:
            assert second.url == first.url
            Make(session, now).member()
        with pytest.raises(DBAPIError):
            left.execute(text("SELECT 1"))

    @pytest.mark.parametrize(
        "change",
        [
            "DROP INDEX ix_qunclub_pass_plan_id_state",
            "ALTER TABLE qunclub_member DROP COLUMN bio",
            "CREATE TABLE more (id int)",
            "UPDATE qunclub_alembic_version SET version_num = '0001'",
            "ALTER TABLE qunclub_payment DROP CONSTRAINT ck_qunclub_payment_refund",
        ],
    )
    def test_a_changed_one_is_not_given_out(self, tmp_path: Path, change: str) -> None:
        with fresh("postgres", tmp_path) as first, first.engine.begin() as connection:
            connection.exec_driver_sql(change)
        with fresh("postgres", tmp_path) as second:
            assert second.url != first.url


@pytest.mark.parametrize("empty_db", ["sqlite", "postgres"], indirect=True)
def test_models_and_migrations_agree(empty_db: Db) -> None:
    assert migrations.problems(empty_db.engine) == []


class TestQuick:
    """What many apps and engines share is work, not what they know."""

    def test_engines_share_statements_not_rows(self, tmp_path: Path, now: dt.datetime) -> None:
        statement = select(Member.name, literal("only here"))
        with fresh("sqlite", tmp_path) as first, fresh("sqlite", tmp_path) as second:
            for database, name in ((first, "A"), (second, "B")):
                with database.uow() as session:
                    Make(session, now).member(name=name)
            with first.session() as session:
                before = session.execute(statement)
                assert before.all() == [("A", "only here")]
            with second.session() as session, second.engine.connect() as connection:
                assert session.execute(statement).all() == [("B", "only here")]
                found = connection.execute(statement)
                assert found.context.cache_hit is connection.dialect.CACHE_HIT

    def test_each_kind_of_database_has_statements_of_its_own(self, tmp_path: Path) -> None:
        with fresh("sqlite", tmp_path) as one, fresh("postgres", tmp_path) as other:
            assert one.engine.dialect != other.engine.dialect
            assert one.engine.dialect == engine_for(one.url).dialect
            statement = select(func.strpos("abc", "b"))
            with other.session() as session:
                assert session.execute(statement).scalar() == 2
            with one.session() as session, pytest.raises(DBAPIError):
                session.execute(statement)

    def test_a_template_of_another_app_is_compiled_when_it_is_another(self) -> None:
        def shown(text: str, **options: Any) -> str:
            made = Flask("club")
            made.jinja_options = {**made.jinja_options, "loader": DictLoader({"it.html": text}), **options}
            with made.app_context():
                return render_template("it.html")

        assert [shown("{{ 1 + 1 }}"), shown("{{ 1 + 1 }}"), shown("{{ 1 + 2 }}")] == ["2", "2", "3"]
        spaced = "a\n  {% if 1 %}\nb{% endif %}"
        assert shown(spaced) == "a\n  \nb" and shown(spaced, trim_blocks=True, lstrip_blocks=True) == "a\nb"

    def test_apps_share_addresses_not_views(self) -> None:
        def club(answer: str) -> Flask:
            made = Flask("club")
            made.add_url_rule("/a/<int:n>/<path:rest>", "it", lambda n, rest: f"{answer} {n + 1} {rest}")
            return made

        for answer in ("one", "two"):
            made = club(answer)
            assert made.test_client().get("/a/3/x/y").text == f"{answer} 4 x/y"
            assert made.test_client().get("/a/x/y").status_code == 404
            with made.test_request_context():
                assert url_for("it", n=1, rest="z", more=2) == "/a/1/z?more=2"


def test_a_unit_of_work_commits_or_rolls_back(db: Db, now: dt.datetime) -> None:
    with db.uow() as session:
        kept = Make(session, now).member(name="Kept")
    with pytest.raises(ZeroDivisionError), db.uow() as session:
        Make(session, now).member(name="Lost")
        _ = 1 // 0
    with db.session() as session:
        assert session.scalars(select(Member.name)).all() == ["Kept"]
    assert kept.name == "Kept"


def test_the_session_fixture_is_a_writing_unit(session: Session, make: Make) -> None:
    row = make.member()
    assert locks.lock(session, Member, row.id) is row


def test_threads_take_gapless_numbers(db: Db) -> None:
    outcomes = concurrently(db, 16, lambda session: store.next_value(session, "test"))
    assert sorted(outcomes) == list(range(1, 17))


def _count_up(session: Session) -> int:
    """What a naive counter does: read, think, write."""
    value = int(store.get_value(session, "naive", 0))
    session.execute(text("SELECT 1"))
    store.set_value(session, "naive", value + 1)
    return value


def test_threads_really_collide(db: Db) -> None:
    """The negative control of the helper: with the locks off, the naive counter loses updates or fails."""
    with db.uow() as session:
        store.set_value(session, "naive", 0)
    met = threading.Barrier(16, timeout=30)

    def read_meet_write(session: Session) -> int:
        value = int(store.get_value(session, "naive", 0))
        # Everybody has read before anybody writes: the race does not wait for luck.
        met.wait()
        store.set_value(session, "naive", value + 1)
        return value

    with locks.disabled():
        outcomes = concurrently(db, 16, read_meet_write)
    with db.session() as session:
        final = int(store.get_value(session, "naive"))
    assert final < 16
    assert all(isinstance(error, DBAPIError) for error in failed(outcomes))
    assert final <= len(succeeded(outcomes))


def test_threads_are_told_apart(db: Db) -> None:
    def fail_on_odd(_session: Session, index: int) -> int:
        if index % 2:
            raise ValueError(index)
        return index

    outcomes = concurrently(db, 4, fail_on_odd)
    assert succeeded(outcomes) == [0, 2]
    assert [error.args for error in failed(outcomes)] == [(1,), (3,)]


def test_statements_are_counted(db: Db) -> None:
    with count_statements(db.engine) as seen, db.uow() as session:
        session.scalars(select(Member)).all()
        session.scalars(select(Member.id)).all()
    assert seen.count == 2, seen


def test_the_outside_world_is_out_of_reach() -> None:
    with pytest.raises(OutsideWorld), socket.socket() as out:
        out.connect(("192.0.2.1", 80))
    with pytest.raises(OutsideWorld):
        socket.getaddrinfo("example.com", 443)
    with socket.socket() as here, pytest.raises(ConnectionRefusedError):
        here.connect(("127.0.0.1", 1))


def test_the_clock_stands_still(clock: FakeClock, now: dt.datetime) -> None:
    assert clock() == clock() == now
    assert clock.advance(days=1) == clock() == now + dt.timedelta(days=1)


def test_valkey_answers_and_is_empty(valkey_url: str) -> None:
    import redis

    with redis.Redis.from_url(valkey_url) as connection:
        assert connection.dbsize() == 0
        connection.set("a", "b")


def test_valkey_is_empty_again(valkey_url: str) -> None:
    test_valkey_answers_and_is_empty(valkey_url)


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 1280])
def test_the_browser_has_the_width_asked_for(page_factory: Pages, width: int) -> None:
    page = page_factory(width)
    page.set_content("<p>你好</p>")
    assert page.evaluate("window.innerWidth") == width


@pytest.mark.browser
def test_pages_complain(browser: Browser) -> None:
    pages = Pages(browser)
    page = pages()
    page.set_content("<script>throw new Error('broken')</script>")
    page.wait_for_timeout(50)
    pages.close()
    assert any("broken" in problem for problem in pages.problems)


@pytest.mark.browser
def test_the_browser_stays_here(page_factory: Pages) -> None:
    page = page_factory()
    with pytest.raises(Exception, match="ERR_NAME_NOT_RESOLVED"):
        page.goto("http://example.com/")


def test_the_site_uses_the_fixtures(app: Any, site_db: Db, clock: FakeClock) -> None:
    assert app.extensions["qunclub"].clock is clock
    with app.app_context():
        session = app.extensions["qunclub"].session()
        assert session.get_bind().url.database == site_db.engine.url.database


def test_signing_in_and_posting(client: FlaskClient, make: Make) -> None:
    account = make.account()
    assert client.get("/account/").status_code == 303
    sign_in(client, account)
    assert client.get("/account/").status_code == 200
    assert client.post("/account/sign-out").status_code == 403
    assert post(client, "/account/sign-out").status_code == 303
    assert client.get("/account/").status_code == 303
