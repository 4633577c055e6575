"""The fixtures of every test. Whatever a test needs is real: migrations, both databases, Valkey, Chromium."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from sqlalchemy.orm import Session

from tests.support import network, postgres, quick, run, servers
from tests.support.clock import FakeClock
from tests.support.databases import Db, fresh

# How long an example takes says more of the machine than of the club: nothing here is timed.
settings.register_profile("club", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("club")

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.factories import Make
    from tests.support.browser import Pages


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--forbid-skips", action="store_true", help="a skipped test fails the run")


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    if not _is_worker(config):
        for folder in run.left_over():
            postgres.stop(folder)
            run.remove(folder)
        run.start()
    network.forbid()
    quick.start()


def pytest_collection_finish() -> None:
    quick.collected()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not _is_worker(config):
        postgres.stop(run.folder())
        run.remove(run.folder())


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _is_worker(session.config) or not session.config.getoption("--forbid-skips"):
        return
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and reporter.stats.get("skipped") and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line("Skipped tests are not allowed here.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(params=["sqlite", "postgres"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Db]:
    """A fresh migrated database; the test runs once on each kind."""
    with fresh(request.param, tmp_path) as database:
        yield database


@pytest.fixture
def empty_db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Db]:
    """A database without any table, SQLite unless parametrised indirectly."""
    with fresh(getattr(request, "param", "sqlite"), tmp_path, migrated=False) as database:
        yield database


@pytest.fixture
def session(db: Db) -> Iterator[Session]:
    """One open unit of work on ``db``, rolled back at the end."""
    with db.rolled_back() as opened:
        yield opened


@pytest.fixture
def now() -> dt.datetime:
    """A Wednesday noon in Shanghai; also where ``clock`` starts."""
    return dt.datetime(2026, 4, 15, 4, 0, tzinfo=dt.UTC)


@pytest.fixture
def clock(now: dt.datetime) -> FakeClock:
    """The clock of ``app``: it stands still until told to move."""
    return FakeClock(now)


@pytest.fixture
def make(request: pytest.FixtureRequest, now: dt.datetime) -> Make:
    """Tiny data: ``make.member()``, ``make.plan(price=…)``, on ``session`` or, in page tests, committed at once."""
    from tests.factories import Make

    if "session" in request.fixturenames:
        return Make(request.getfixturevalue("session"), now)
    if "db" in request.fixturenames:
        return Make(request.getfixturevalue("db"), now)
    return Make(request.getfixturevalue("site_db"), now)


@pytest.fixture
def site_db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Db]:
    """The database of ``app``: ``db`` where the test asks for that too, else a fresh SQLite one."""
    if "db" in request.fixturenames:
        yield request.getfixturevalue("db")
    else:
        with fresh("sqlite", tmp_path) as database:
            yield database


@pytest.fixture
def make_app(site_db: Db, tmp_path: Path, clock: FakeClock) -> Callable[..., Flask]:
    """Makes the standalone site with settings of its own: ``make_app(QUNCLUB_RATE_LIMITS="yes")``."""
    from app import create_app

    def build(**settings: Any) -> Flask:
        defaults = {
            "TESTING": True,
            "QUNCLUB_DATABASE_URL": site_db.url,
            "QUNCLUB_INSTANCE": str(tmp_path / "instance"),
            "QUNCLUB_RATE_LIMITS": "no",
            "QUNCLUB_LOG_LEVEL": "ERROR",
        }
        app = create_app({**defaults, **settings})
        app.extensions["qunclub"].clock = clock
        return app

    return build


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    """The standalone site, rate limits off, on ``site_db``."""
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A visitor who is not signed in."""
    return app.test_client()


@pytest.fixture
def live(app: Flask) -> Iterator[str]:
    """The address of ``app`` on a real server, for the browser."""
    with servers.serving(app) as address:
        yield address


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """The run's PostgreSQL server (its ``postgres`` database)."""
    return postgres.url()


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[str]:
    """One Valkey for the worker."""
    with servers.valkey() as address:
        yield address


@pytest.fixture
def valkey_url(valkey_server: str) -> str:
    """The address of an empty Valkey."""
    import redis

    with redis.Redis.from_url(valkey_server) as connection:
        connection.flushall()
    return valkey_server


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the worker."""
    from tests.support.browser import chromium

    with chromium() as started:
        yield started


@pytest.fixture
def page_factory(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Pages]:
    """``page_factory(360)`` opens a page on a phone, ``page_factory(1280)`` on a desk.

    Relative addresses lead to ``live`` where the test asks for it. A script error or something that the content
    security policy refused fails the test.
    """
    from tests.support.browser import Pages

    pages = Pages(browser, request.getfixturevalue("live") if "live" in request.fixturenames else None)
    yield pages
    pages.close()
    assert not pages.problems, "\n".join(pages.problems)
