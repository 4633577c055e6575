"""The club's own Alembic environment and version table, apart from a host's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from qunclub.kernel import append_only

VERSION_TABLE = "qunclub_alembic_version"
PREFIX = "qunclub_"


def _config() -> Config:
    from qunclub.web.assets import folder

    config = Config()
    config.set_main_option("script_location", str(folder("migrations")).replace("%", "%%"))
    return config


def ours(name: str | None, kind: str, parents: Any = None) -> bool:
    """Alembic's ``include_name`` for us: only ``qunclub_*`` tables (and whatever stands inside them)."""
    return kind != "table" or (name or "").startswith(PREFIX)


def exclude_qunclub_tables(name: str | None, kind: str, parents: Any = None) -> bool:
    """``include_name`` for a host's Flask-Migrate, which would else emit DROP TABLE for every table of the club."""
    return not (kind == "table" and (name or "").startswith(PREFIX))


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the club's tables on *engine* up to *revision*."""
    config = _config()
    with engine.connect() as connection, _without_foreign_keys(connection):
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()


@contextmanager
def _without_foreign_keys(connection: Connection) -> Iterator[None]:
    """SQLite changes a table by making it anew; with foreign keys on, dropping the old one would refuse or cascade."""
    if connection.dialect.name != "sqlite":
        yield
        return
    raw = connection.connection.dbapi_connection
    assert raw is not None
    raw.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
        broken = raw.execute("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise RuntimeError(f"rows without the row they name, after the migrations: {broken[:5]}")
    finally:
        raw.execute("PRAGMA foreign_keys=ON")


def head() -> str | None:
    """The newest revision this version of the club knows."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def pending(connection: Connection) -> bool:
    """Whether the database behind *connection* lacks migrations."""
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision() != head()


def differences(engine: Engine) -> list[Any]:
    """What a migrated database and the models disagree on; empty when the migrations are complete."""
    from qunclub.models import metadata

    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "include_name": ours, "compare_type": True}
        )
        missing = append_only.unguarded(connection, metadata)
        return [*compare_metadata(context, metadata), *(f"trigger {name} is missing" for name in missing)]


def revision(engine: Engine, message: str, rev_id: str) -> None:
    """Write a new migration from the difference between *engine*'s database and the models."""
    config = _config()
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.revision(config, message, autogenerate=True, rev_id=rev_id)
