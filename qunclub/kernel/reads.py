"""Reading columns for pages: the statement is made once and kept, and runs past what the ORM does for entities.

Making a ``select`` costs several times what running it does, so a query that a busy page asks is built by a cached
function with ``bindparam``s, and only its values change.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session
from sqlalchemy.sql import Executable


def rows(session: Session, statement: Executable, **values: Any) -> list[Any]:
    """All rows of a kept *statement* that selects columns, not entities."""
    session.flush()
    return list(session.connection().execute(statement, values))


def one(session: Session, statement: Executable, **values: Any) -> Any:
    """The one row of *statement*, or None."""
    session.flush()
    return session.connection().execute(statement, values).one_or_none()


def scalar(session: Session, statement: Executable, **values: Any) -> Any:
    """The first column of the first row of *statement*, or None."""
    session.flush()
    return session.connection().execute(statement, values).scalar()
