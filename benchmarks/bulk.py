"""Rows by the hundred thousand, written by the database itself into an empty club."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Index, text

from qunclub.models import metadata
from tests.support.databases import Db, engine_for


@dataclass(frozen=True, slots=True)
class Speech:
    """The few words in which the two databases differ."""

    kind: str

    def moment(self, seconds: str) -> str:
        """A moment from seconds since 1970."""
        if self.kind == "sqlite":
            return f"strftime('%Y-%m-%d %H:%M:%S.000000', {seconds}, 'unixepoch')"
        return f"to_timestamp({seconds})"

    def day(self, seconds: str) -> str:
        """The UTC day of a moment."""
        if self.kind == "sqlite":
            return f"date({seconds}, 'unixepoch')"
        return f"(to_timestamp({seconds}) AT TIME ZONE 'UTC')::date"

    def padded(self, number: str) -> str:
        """A number of nine digits as text."""
        return f"printf('%09d', {number})" if self.kind == "sqlite" else f"lpad(({number})::text, 9, '0')"

    def numbers(self, last: int) -> str:
        """The numbers from 1 to *last*, as a table ``s`` with a column ``n``."""
        if self.kind == "sqlite":
            return (
                "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c "
                f"WHERE n < {last}) SELECT n FROM c) s"
            )
        return f"(SELECT n FROM generate_series(1, {last}) AS g(n)) s"


@contextmanager
def writing(database: Db, statements: Sequence[str]) -> Iterator[tuple[Connection, Speech]]:
    """A connection for *statements*; what is set on it for speed, and the indexes it does without, end with it."""
    engine = engine_for(database.url)
    indexes = _plain_indexes(statements)
    with engine.connect() as connection:
        if database.kind == "sqlite":
            connection.exec_driver_sql("COMMIT")
            for setting in ("foreign_keys=OFF", "synchronous=OFF", "cache_size=-400000"):
                connection.exec_driver_sql(f"PRAGMA {setting}")
            connection.exec_driver_sql("BEGIN")
        else:
            # The rows fit each other by how they are made.
            connection.exec_driver_sql("SET session_replication_role = replica")
            connection.exec_driver_sql("SET synchronous_commit = off")
            connection.exec_driver_sql("SET maintenance_work_mem = '256MB'")
        for index in indexes:
            index.drop(connection)
        yield connection, Speech(database.kind)
        # Sorted once, instead of kept in order row by row.
        for index in indexes:
            index.create(connection)
        connection.commit()
    if database.kind == "postgres":
        # As its autovacuum would, which the tests' server leaves out.
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    engine.dispose()


def fill(connection: Connection, statements: Iterable[str], words: Callable[[str], str]) -> None:
    """Send each statement; *words* fills its gaps."""
    for statement in statements:
        connection.execute(text(words(statement).replace(":", r"\:")))


def count_on(connection: Connection, say: Speech, tables: Iterable[str]) -> None:
    """Let the ids of *tables* go on after those that were written by hand; SQLite does so by itself."""
    if say.kind == "postgres":
        for table in tables:
            connection.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('qunclub_{table}', 'id'), "
                    f"(SELECT max(id) FROM qunclub_{table}))"
                )
            )


def _plain_indexes(statements: Sequence[str]) -> list[Index]:
    tables = {statement.split()[2] for statement in statements}
    return [
        index
        for table in metadata.sorted_tables
        if table.name in tables
        for index in sorted(table.indexes, key=lambda one: str(one.name))
        if not index.unique
    ]
