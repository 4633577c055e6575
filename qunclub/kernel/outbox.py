"""Work for the outside world, written in the transaction that causes it and done after the commit.

At least once: a crash between doing and marking does it again, so handlers use the message's key to stay
idempotent where the other side allows it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import JSON, Index, String, Text, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from .base import Base, UTCDateTime, pk
from .upsert import insert_for

LEASE = dt.timedelta(minutes=5)
MAX_ATTEMPTS = 12


class Later(Exception):
    """What a handler raises when the other side named a time to wait: it is no failure, and counts as no attempt."""

    def __init__(self, wait: dt.timedelta, why: str = "") -> None:
        super().__init__(why or f"asked to wait {wait}")
        self.wait = wait


class OutboxMessage(Base):
    """One piece of outside work: waiting, taken until a moment, done, or given up."""

    __tablename__ = "qunclub_outbox"
    id: Mapped[pk]
    kind: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(String(200), unique=True)
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    due_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    done_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[str] = mapped_column(Text, default="")
    __table_args__ = (
        # What waits for its turn; what is done stays, and is not in the way.
        Index(
            "ix_qunclub_outbox_due",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
        Index(
            "ix_qunclub_outbox_given_up",
            "id",
            sqlite_where=text("due_at IS NULL AND done_at IS NULL"),
            postgresql_where=text("due_at IS NULL AND done_at IS NULL"),
        ),
    )


def put_many(
    session: Session, rows: Sequence[tuple[str, dict[str, Any]]], *, kind: str, now: dt.datetime
) -> None:
    """Queue work for many keys (key, payload) in one statement; keys that are there already stay as they are."""
    if not rows:
        return
    common = {"kind": kind, "created_at": now, "due_at": now, "attempts": 0, "error": ""}
    values = [{"key": key, "payload": payload, **common} for key, payload in rows]
    session.execute(insert_for(session, OutboxMessage).on_conflict_do_nothing(), values)
    session.info["qunclub_outbox"] = True


def put(
    session: Session,
    *,
    kind: str,
    key: str,
    payload: dict[str, Any],
    now: dt.datetime,
    due: dt.datetime | None = None,
) -> None:
    """Queue outside work in this transaction; the same *key* twice is one piece of work.

    Args:
        due: when it is to be done (UTC); None: at once.
    """
    insert = insert_for(session, OutboxMessage)
    session.execute(
        insert.values(
            kind=kind, key=key, payload=payload, created_at=now, due_at=due or now, attempts=0, error=""
        ).on_conflict_do_nothing()
    )
    session.info["qunclub_outbox"] = True


def take(session: Session, *, now: dt.datetime, limit: int = 20) -> list[OutboxMessage]:
    """Take due messages for :data:`LEASE`; no two workers take the same one."""
    query = (
        select(OutboxMessage)
        .where(OutboxMessage.due_at <= now)
        .order_by(OutboxMessage.due_at, OutboxMessage.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    messages = list(session.scalars(query))
    for message in messages:
        message.due_at = now + LEASE
        message.attempts += 1
    session.flush()
    return messages


def done(session: Session, message_id: int, *, now: dt.datetime) -> None:
    """Mark a message as done; it leaves the queue and stays as a record."""
    session.execute(
        update(OutboxMessage).where(OutboxMessage.id == message_id).values(done_at=now, due_at=None, error="")
    )


def failed(session: Session, message_id: int, *, attempts: int, error: str, now: dt.datetime) -> None:
    """Put a message back with a growing pause (1, 2, 4 … minutes), or give it up after :data:`MAX_ATTEMPTS`."""
    pause = dt.timedelta(minutes=2 ** min(attempts - 1, 9))
    due = None if attempts >= MAX_ATTEMPTS else now + pause
    session.execute(
        update(OutboxMessage).where(OutboxMessage.id == message_id).values(due_at=due, error=error[:2000])
    )


def later(session: Session, message_id: int, *, attempts: int, wait: Later, now: dt.datetime) -> None:
    """Put a message back for as long as the other side asked for."""
    session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.id == message_id)
        .values(due_at=now + wait.wait, attempts=attempts - 1, error=str(wait)[:2000])
    )


def given_up(session: Session) -> int:
    """How many messages were given up: the admin's home shows it."""
    query = select(OutboxMessage.id).where(OutboxMessage.due_at.is_(None), OutboxMessage.done_at.is_(None))
    return len(session.execute(query.limit(100)).all())


def retry(session: Session, message_id: int, *, now: dt.datetime) -> bool:
    """Put a message that was given up back into the queue; False when it is not one of those."""
    back = session.execute(
        update(OutboxMessage)
        .where(
            OutboxMessage.id == message_id, OutboxMessage.due_at.is_(None), OutboxMessage.done_at.is_(None)
        )
        .values(due_at=now, attempts=0)
        .returning(OutboxMessage.id)
    ).scalar_one_or_none()
    if back is not None:
        session.info["qunclub_outbox"] = True
    return back is not None
