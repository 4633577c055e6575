"""The unit of work: the only place where a request's changes are committed.

A writing unit begins IMMEDIATE on SQLite, so that what it reads is what it writes against; a reading one begins
DEFERRED. Signals and the wake-up of the job worker follow the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from flask import current_app
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from qunclub.kernel import locks, signals

from .state import club

T = TypeVar("T")
WRITING = "qunclub_writing"
AHEAD = "qunclub_read_ahead"
ATTEMPTS = 3
# PostgreSQL: serialization_failure, deadlock_detected; SQLite names them in words.
RETRY_STATES = {"40001", "40P01"}


def begin_writing(session: Session) -> None:
    """Make *session* a writing unit of work; what it had pending from before is committed with its read transaction.

    A host that shares its session shares its pending rows: give the club a session of its own to keep them apart.
    """
    if session.in_transaction():
        if _goes_on(session):
            session.info[WRITING] = True
            return
        session.commit()
    mode = "IMMEDIATE" if locks.enabled() else "DEFERRED"
    connection = session.connection(execution_options={"sqlite_begin": mode})
    if connection.dialect.name == "sqlite" and locks.enabled():
        raw = connection.connection.dbapi_connection
        # A host's engine without our recipe leaves BEGIN to pysqlite, which would start DEFERRED at the first write.
        if raw is not None and not raw.in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
    session.info[WRITING] = True


def _goes_on(session: Session) -> bool:
    """Whether all that the open transaction did is what :func:`reading_ahead` read, and writing can go on in it."""
    ahead = session.info.pop(AHEAD, None)
    if ahead is None or ahead is not session.get_transaction() or session.new or len(session.identity_map):
        return False
    # SQLite has to know at the beginning that this will write.
    return session.get_bind().dialect.name != "sqlite"


def end_writing(session: Session) -> None:
    """Forget that *session* was writing."""
    session.info.pop(WRITING, None)


@contextmanager
def transaction(session: Session, *, wake: Callable[[], None] | None = None) -> Iterator[Session]:
    """Everything in the block is committed together, or nothing is.

    Raises:
        RuntimeError: when a writing unit is already open on the session: two commits are never one.
    """
    if session.info.get(WRITING):
        raise RuntimeError("a unit of work is already open on this session")
    begin_writing(session)
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        signals.pending(session)
        session.info.pop("qunclub_outbox", None)
        raise
    finally:
        end_writing(session)
    if session.info.pop("qunclub_outbox", None) and wake is not None:
        wake()
    for signal, facts in signals.pending(session):
        signal.send(_sender(), **facts)


def _sender() -> object:
    return current_app._get_current_object() if current_app else None  # type: ignore[attr-defined]  # a LocalProxy


def _take_write_lock(session: Session) -> None:
    """On SQLite, make the transaction that is open, or the next, a writing one before the club reads in it."""
    connection = session.connection()
    if connection.dialect.name != "sqlite" or not locks.enabled():
        return
    raw = connection.connection.dbapi_connection
    if raw is not None and not raw.in_transaction:
        # The host's engine leaves BEGIN to pysqlite, see begin_writing.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        # Begun by the host, for reading perhaps: the first write takes the lock, even one that changes nothing.
        connection.exec_driver_sql("UPDATE qunclub_counter SET value = value WHERE 0")


@contextmanager
def joined(session: Session) -> Iterator[Session]:
    """Club verbs inside a transaction that the host commits itself: nothing is committed or rolled back here.

    The host owns the outcome: no signal is sent, and mail waits for the next sweep.

    Raises:
        RuntimeError: when a unit of work of the club's is open on the session.
        OperationalError: on SQLite, when somebody wrote since the host began to read in this transaction.
    """
    if session.info.get(WRITING):
        raise RuntimeError("a unit of work is already open on this session")
    _take_write_lock(session)
    session.info[WRITING] = True
    try:
        yield session
        session.flush()
    finally:
        end_writing(session)
        signals.pending(session)
        session.info.pop("qunclub_outbox", None)


@contextmanager
def unit_of_work() -> Iterator[Session]:
    """A writing unit of work on the club's session."""
    state = club()
    with transaction(state.session(), wake=state.wake) as session:
        yield session


@contextmanager
def reading() -> Iterator[Session]:
    """The club's session for reading; nothing is committed."""
    yield club().session()


@contextmanager
def reading_ahead() -> Iterator[Session]:
    """:func:`reading` of columns by which it is decided whether a unit of work follows, as of a token.

    Where the database allows it, the one that follows goes on in the same transaction: two round trips fewer.
    """
    session = club().session()
    begins = not session.in_transaction()
    yield session
    if begins:
        session.info[AHEAD] = session.get_transaction()


def is_transient(error: BaseException) -> bool:
    """Whether running the same command again may well succeed."""
    if isinstance(error, IntegrityError):
        return True
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None)
        return state in RETRY_STATES or "database is locked" in str(error.orig)
    return False


def retrying(
    session: Session, command: Callable[[Session], T], *, wake: Callable[[], None] | None = None
) -> T:
    """Run an idempotent *command* in a transaction; a lost race rolls back and runs it again, three times in all."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with transaction(session, wake=wake):
                return command(session)
        except DBAPIError as error:
            if attempt == ATTEMPTS or not is_transient(error):
                raise
    raise AssertionError("unreachable")


def transact(command: Callable[[Session], T]) -> T:
    """:func:`retrying` on the club's session."""
    state = club()
    return retrying(state.session(), command, wake=state.wake)
