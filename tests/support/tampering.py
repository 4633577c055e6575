"""The door for tests that do what the database refuses: change or delete a row of an append-only table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from qunclub.kernel import append_only


@contextmanager
def tampering(session: Session, table: str = "qunclub_ledger_entry") -> Iterator[None]:
    """Within the block *table* is not guarded; afterwards it is again."""
    connection = session.connection()
    append_only.release(connection, table)
    yield
    session.flush()
    append_only.guard(connection, table)
