"""What the sandbox remembers, in one SQLite file: Stripe objects, answers by idempotency key, deliveries, switches."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS object (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
    due INTEGER, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS object_kind ON object (kind, seq);
CREATE INDEX IF NOT EXISTS object_due ON object (due) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS answer (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    answer TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS delivery_state ON delivery (state, id);
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

Row = tuple[Any, ...]


class Store:
    """One connection under one lock: the sandbox is small, and its transactions are whole."""

    def __init__(self, path: str | Path) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(str(path), check_same_thread=False, isolation_level=None, timeout=30)
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + SCHEMA)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside happens or nothing does; nested use joins the outer one."""
        with self._lock:
            if self._depth == 0:
                self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._db.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._db.execute("COMMIT")

    def rows(self, sql: str, *values: Any) -> list[Row]:
        """Run one statement and give all its rows."""
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    # -- objects -------------------------------------------------------------------------------------------------

    def add(self, kind: str, body: dict[str, Any], *, due: int | None = None) -> None:
        """Keep a new object; *due* is when it wants to be looked at."""
        self.rows(
            "INSERT INTO object (id, kind, due, body) VALUES (?, ?, ?, ?)",
            body["id"],
            kind,
            due,
            json.dumps(body),
        )

    def save(self, body: dict[str, Any], *, due: int | None = None) -> None:
        """Replace a kept object."""
        self.rows("UPDATE object SET body = ?, due = ? WHERE id = ?", json.dumps(body), due, body["id"])

    def get(self, kind: str, object_id: str) -> dict[str, Any] | None:
        """The object of that kind and id."""
        rows = self.rows("SELECT body FROM object WHERE id = ? AND kind = ?", object_id, kind)
        return json.loads(rows[0][0]) if rows else None

    def due(self, moment: int, *, limit: int) -> list[tuple[str, str]]:
        """Kinds and ids of objects that wanted to be looked at by *moment*, the earliest first."""
        sql = "SELECT kind, id FROM object WHERE due <= ? ORDER BY due, seq LIMIT ?"
        return [(row[0], row[1]) for row in self.rows(sql, moment, limit)]

    def newest(
        self,
        kind: str,
        *,
        after: str | None,
        limit: int,
        where: str = "",
        values: tuple[Any, ...] = (),
    ) -> list[dict[str, Any]]:
        """Objects newest first, as Stripe lists them; *where* is a fixed condition of ours on the body."""
        sql = "SELECT body FROM object WHERE kind = ?"
        args: list[Any] = [kind]
        if after is not None:
            sql, args = sql + " AND seq < (SELECT seq FROM object WHERE id = ?)", [*args, after]
        if where:
            sql, args = f"{sql} AND {where}", [*args, *values]
        return [json.loads(row[0]) for row in self.rows(sql + " ORDER BY seq DESC LIMIT ?", *args, limit)]

    # -- settings ------------------------------------------------------------------------------------------------

    def setting(self, name: str, default: Any) -> Any:
        """A kept JSON value."""
        rows = self.rows("SELECT value FROM setting WHERE name = ?", name)
        return json.loads(rows[0][0]) if rows else default

    def set(self, name: str, value: Any) -> None:
        """Keep a JSON value."""
        self.rows("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", name, json.dumps(value))
