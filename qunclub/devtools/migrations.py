"""Whether the migrations are complete: one head, and an upgraded empty database has exactly the models' tables."""

from __future__ import annotations

import tempfile
from pathlib import Path

from alembic.script.revision import MultipleHeads
from sqlalchemy import Engine, MetaData

from qunclub import migrate
from qunclub.kernel.engine import create_club_engine


def problems(engine: Engine) -> list[str]:
    """Upgrade the empty database of *engine* and say what is wrong with the migrations, one line each."""
    try:
        migrate.head()
    except MultipleHeads as error:
        return [f"more than one head ({error.heads}): give the newer one the other as its down_revision"]
    migrate.upgrade(engine)
    found = [f"models and migrations differ: {difference}" for difference in migrate.differences(engine)]
    tables = MetaData()
    tables.reflect(engine)
    strangers = sorted(name for name in tables.tables if not name.startswith(migrate.PREFIX))
    return found + [f"table {name} lacks the prefix {migrate.PREFIX}" for name in strangers]


def main() -> int:
    """Check on a throw-away SQLite database; 1 when something is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        engine = create_club_engine(f"sqlite:///{Path(folder) / 'empty.db'}")
        found = problems(engine)
        engine.dispose()
    for line in found:
        print(line)
    if found:
        print("Write the missing migration: flask --app app qunclub db revision")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
