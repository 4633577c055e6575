"""Engines as the club needs them, above all SQLite that survives concurrent writers."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.pool import ConnectionPoolEntry

PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "busy_timeout=30000",
    "foreign_keys=ON",
    # In KiB, for each connection: the 2 MB it has by itself hold a small club's tables, and not a large one's indexes.
    "cache_size=-16000",
    # In pages: a checkpoint with its fsync falls on whoever commits; by itself on one check at the door in a hundred.
    "wal_autocheckpoint=10000",
)


def _connect(dbapi: Any, _record: ConnectionPoolEntry) -> None:
    # Python's own transaction guessing would begin DEFERRED behind our back and lose updates.
    dbapi.isolation_level = None
    for pragma in PRAGMAS:
        dbapi.execute("PRAGMA " + pragma)


def _begin(connection: Connection) -> None:
    mode = connection.get_execution_options().get("sqlite_begin", "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {mode}")


def configure_engine(engine: Engine) -> Engine:
    """Install the SQLite recipe on *engine* (a no-op for other databases and on a second call)."""
    if engine.dialect.name == "sqlite" and not event.contains(engine, "connect", _connect):
        event.listen(engine, "connect", _connect)
        event.listen(engine, "begin", _begin)
        # Connections pooled before the listener was there would keep the old manners.
        engine.dispose()
    return engine


def normalise_url(url: str) -> str:
    """Name the psycopg 3 driver for a bare ``postgresql://`` URL, which SQLAlchemy would give to psycopg2."""
    parsed = make_url(url)
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed.render_as_string(hide_password=False)


def create_club_engine(url: str, **options: Any) -> Engine:
    """An engine for *url* with the club's SQLite recipe; *options* go to ``create_engine``."""
    return configure_engine(create_engine(normalise_url(url), **options))
