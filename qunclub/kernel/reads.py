"""Reading columns for pages, writing in a hurry: the statement is made once and kept, and runs past the ORM.

Making a ``select`` costs several times what running it does, so a query that a busy page asks is built by a cached
function with ``bindparam``s, and only its values change.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.sql import Executable

HELD = "qunclub_connection"


def _connection(session: Session) -> Connection:
    # A session asks its pool's books at each call of ``connection``; within one transaction the answer is the same.
    transaction = session.get_transaction()
    held: tuple[SessionTransaction, Connection] | None = session.info.get(HELD)
    if held is not None and held[0] is transaction and held[0].is_active:
        return held[1]
    connection = session.connection()
    session.info[HELD] = session.get_transaction(), connection
    return connection


def rows(session: Session, statement: Executable, **values: Any) -> list[Any]:
    """All rows of a kept *statement* that selects columns, not entities."""
    session.flush()
    return list(_connection(session).execute(statement, values).all())


def one(session: Session, statement: Executable, **values: Any) -> Any:
    """The one row of *statement*, or None."""
    session.flush()
    return _connection(session).execute(statement, values).one_or_none()


def scalar(session: Session, statement: Executable, **values: Any) -> Any:
    """The first column of the first row of *statement*, or None."""
    session.flush()
    return _connection(session).execute(statement, values).scalar()


def run(session: Session, statement: Executable, **values: Any) -> None:
    """Run a kept *statement* that writes; what the session holds of its rows is for the caller to keep true."""
    session.flush()
    _connection(session).execute(statement, values)
