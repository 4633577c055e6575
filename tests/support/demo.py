"""The demo club as it is on a Wednesday noon, told once a run: telling its story takes seconds, a copy none."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

from tests.support import run
from tests.support.clock import FakeClock
from tests.support.databases import Db, engine_for, migrated_instance

NOON = dt.datetime(2026, 4, 15, 4, 0, tzinfo=dt.UTC)


def demo_copy(folder: Path) -> Db:
    """Put the demo club of :data:`NOON` into the new instance *folder*; gives its database, to be disposed of."""
    shutil.copytree(_told(), folder)
    url = f"sqlite:///{folder / 'club.db'}"
    return Db("sqlite", url, engine_for(url))


def _told() -> Path:
    from app import create_app, db

    place = run.folder() / "demo-of-noon"
    with run.one_at_a_time("demo-of-noon") as marker:
        if not marker.exists():
            migrated_instance(place)
            app = create_app(
                {
                    "TESTING": True,
                    "QUNCLUB_DATABASE_URL": f"sqlite:///{place / 'club.db'}",
                    "QUNCLUB_INSTANCE": str(place),
                    "QUNCLUB_LOG_LEVEL": "ERROR",
                }
            )
            app.extensions["qunclub"].clock = FakeClock(NOON)
            made = app.test_cli_runner().invoke(args=["qunclub", "demo"], catch_exceptions=False)
            assert made.exit_code == 0, made.output
            with app.app_context():
                # Everything into the one file that is copied.
                db.session.remove()
                with db.engine.connect() as connection:
                    connection.exec_driver_sql("COMMIT")
                    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
                    connection.exec_driver_sql("BEGIN")
                db.engine.dispose()
            marker.touch()
    return place
