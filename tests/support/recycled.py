"""PostgreSQL databases used again: a copy of the template costs many times what a test leaves behind.

A database goes back only when it is as the template is: nobody connected, the same tables, columns, indexes,
constraints and triggers, no row in them, and every sequence at its beginning. In any doubt it is dropped.

Whoever looks stays connected between two tests: a new connection knows no table, and to open all of them costs it
a hundred times what looking into them does.
"""

from __future__ import annotations

import uuid
from collections import Counter
from functools import cache

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from tests.support import postgres, run

KEPT = "qunclub_alembic_version"
# Deleted rows stay in the files of a database; after so many tests it makes room for a new one.
MOST_USES = 40

_idle: list[str] = []
_uses: Counter[str] = Counter()
_looking: dict[str, psycopg.Connection[tuple[str, ...]]] = {}

SHAPE = """
SELECT md5(concat_ws('/',
  (SELECT string_agg(concat_ws(' ', c.relname, c.relkind, a.attname, a.atttypid, a.attnotnull), ',' ORDER BY c.relname,
     a.attnum) FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
     WHERE c.relnamespace = 'public'::regnamespace),
  (SELECT string_agg(concat_ws(' ', conname, conrelid::regclass, convalidated), ',' ORDER BY conname, conrelid)
     FROM pg_constraint WHERE connamespace = 'public'::regnamespace),
  (SELECT string_agg(concat_ws(' ', tgname, tgenabled), ',' ORDER BY tgname) FROM pg_trigger WHERE NOT tgisinternal),
  (SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace),
  (SELECT string_agg(nspname, ',' ORDER BY nspname) FROM pg_namespace WHERE nspname NOT LIKE 'pg_%'),
  (SELECT string_agg(version_num, ',') FROM qunclub_alembic_version)))
"""


def take(template: str) -> str:
    """The name of a database like *template* that nobody uses."""
    return _idle.pop() if _idle else _copy(template)


def give_back(name: str, template: str) -> None:
    """Make the database *name* as new for the next test, or drop it."""
    _uses[name] += 1
    if _uses[name] < MOST_USES and _as_new(name, template):
        _idle.append(name)
    else:
        leave(name)
        postgres.drop(name)


def leave(name: str) -> None:
    """Nobody of the recycling is connected to the database *name* any more; it may be copied or dropped."""
    connection = _looking.pop(name, None)
    if connection is not None:
        connection.close()


def _look(name: str) -> psycopg.Connection[tuple[str, ...]]:
    """The connection that stays with the database *name*; a new one when a test has ended it."""
    try:
        _looking[name].execute("SELECT 1")
    except (KeyError, psycopg.Error):
        leave(name)
        _looking[name] = _connected(name)
    return _looking[name]


def _as_new(name: str, template: str) -> bool:
    shape, tables = _facts(template)
    try:
        connection = _look(name)
        # A child that was killed may have left a transaction open.
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        if connection.execute(SHAPE).fetchone() != shape:
            return False
        filled = [row[0] for row in connection.execute(_filled(tables)).fetchall()]
        with connection.transaction():
            # No foreign key is asked: all rows go.
            connection.execute("SET LOCAL session_replication_role = replica")
            for table in filled:
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
        connection.execute(
            "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false) "
            "FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"
        )
    except psycopg.Error:
        return False
    return True


@cache
def _facts(template: str) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """What *template* looks like, and its tables that are empty in it."""
    # Looked at in a copy: a template may have no connections while somebody copies it.
    name = _copy(template)
    try:
        with _connected(name) as connection:
            query = (
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            )
            tables = tuple(row[0] for row in connection.execute(query) if row[0] != KEPT)
            assert connection.execute(_filled(tables)).fetchall() == []
            return connection.execute(SHAPE).fetchone(), tables
    finally:
        postgres.drop(name)


def _filled(tables: tuple[str, ...]) -> sql.Composed:
    """A statement that names those of *tables* with a row in them."""
    one = sql.SQL("(SELECT {} FROM {} LIMIT 1)")
    return sql.SQL(" UNION ALL ").join(one.format(sql.Literal(t), sql.Identifier(t)) for t in tables)


def _copy(template: str) -> str:
    name = f"club_{uuid.uuid4().hex[:12]}"
    # Two copies of one template at once are refused.
    with run.one_at_a_time("postgres-copy"):
        postgres.create(name, template)
    return name


def _connected(name: str) -> psycopg.Connection[tuple[str, ...]]:
    address = make_url(postgres.url(name)).set(drivername="postgresql")
    return psycopg.connect(address.render_as_string(hide_password=False), autocommit=True)
