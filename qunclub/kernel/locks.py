"""Explicit row locks, held until the transaction ends.

One place per transaction, as late as possible, ordered by table then id. On SQLite the unit of work's BEGIN
IMMEDIATE already holds the only write lock there is; on PostgreSQL this is SELECT … FOR UPDATE.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from .base import Base
from .errors import NotFound

T = TypeVar("T", bound=Base)
_enabled: ContextVar[bool] = ContextVar("qunclub_locks", default=True)
_disabled_everywhere = False


class NoTransaction(RuntimeError):
    """A lock was asked for outside a writing unit of work, where it would protect nothing."""


def enabled() -> bool:
    """Whether locks are taken; only a negative control ever turns them off."""
    return _enabled.get() and not _disabled_everywhere


@contextmanager
def disabled() -> Iterator[None]:
    """For negative controls: no row locks and no BEGIN IMMEDIATE, in every thread, until the block ends."""
    global _disabled_everywhere
    _disabled_everywhere = True
    try:
        yield
    finally:
        _disabled_everywhere = False


def demand(session: Session, model: type[Base]) -> None:
    """Refuse a lock that would protect nothing: for statements that lock by themselves.

    Raises:
        NoTransaction: outside a writing unit of work.
    """
    if enabled() and not session.info.get("qunclub_writing"):
        raise NoTransaction(f"lock on {model.__tablename__} outside a unit of work")


def lock(session: Session, model: type[T], ident: int | str, by: Any = None) -> T:
    """Lock one row and read it afresh.

    Args:
        ident: its primary key, or its value in *by*.
        by: another column of its table that is unique; the primary key when None.

    Raises:
        NoTransaction: when called outside a writing unit of work.
        NotFound: when the row does not exist.
    """
    demand(session, model)
    key = model.__mapper__.primary_key[0] if by is None else by
    row: T | None = session.scalars(_query(model, key, enabled()), {"ident": ident}).one_or_none()
    if row is None:
        raise NotFound()
    return row


# Made once for each column and kept: making it costs several times what running it does.
@cache
def _query(model: type[T], key: Any, locking: bool) -> Select[T]:
    query = select(model).where(key == bindparam("ident")).execution_options(populate_existing=True)
    return query.with_for_update() if locking else query
