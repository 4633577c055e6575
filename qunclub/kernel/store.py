"""Small tables that every capability may use: counters, settings kept in the database, the audit log."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, String, Text, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from .actor import Actor
from .base import Base, UTCDateTime, pk
from .upsert import insert_for


class Counter(Base):
    """A gapless counter: incremented in the transaction that uses the number."""

    __tablename__ = "qunclub_counter"
    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger, default=0)


class KeyValue(Base):
    """A named JSON value: the club's own settings and the checkpoints of long work."""

    __tablename__ = "qunclub_key_value"
    name: Mapped[str] = mapped_column(String(120), primary_key=True)
    value: Mapped[Any] = mapped_column(JSON)


class AuditEntry(Base):
    """One administrative act: who did what to what, and how it stood before."""

    __tablename__ = "qunclub_audit"
    id: Mapped[pk]
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    actor_key: Mapped[str] = mapped_column(String(120))
    actor_name: Mapped[str] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(String(60))
    target: Mapped[str] = mapped_column(String(120))
    summary: Mapped[str] = mapped_column(Text, default="")
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    __table_args__ = (Index(None, "at"), Index(None, "target"), Index(None, "action"))


def next_value(session: Session, name: str) -> int:
    """The next number of counter *name*, from 1, without gaps or doubles under concurrency.

    The increment is one statement, so writers queue on the row until each other's commit; a rollback gives the
    number back.
    """
    step = (
        update(Counter).where(Counter.name == name).values(value=Counter.value + 1).returning(Counter.value)
    )
    value = session.execute(step).scalar_one_or_none()
    if value is None:
        insert = insert_for(session, Counter)
        session.execute(insert.values(name=name, value=0).on_conflict_do_nothing())
        value = session.execute(step).scalar_one()
    return value


def get_value(session: Session, name: str, default: Any = None) -> Any:
    """The JSON value kept under *name*, or *default*."""
    row = session.execute(select(KeyValue.value).where(KeyValue.name == name)).one_or_none()
    return default if row is None else row[0]


def set_value(session: Session, name: str, value: Any) -> None:
    """Keep a JSON *value* under *name*."""
    insert = insert_for(session, KeyValue)
    session.execute(
        insert.values(name=name, value=value).on_conflict_do_update(
            index_elements=[KeyValue.name], set_={"value": value}
        )
    )


def record(
    session: Session,
    *,
    actor: Actor,
    action: str,
    target: str,
    now: dt.datetime,
    summary: str = "",
    details: dict[str, Any] | None = None,
) -> None:
    """Write one line of the audit log in the caller's transaction.

    Args:
        action: ``thing.verb`` such as ``plan.update``.
        target: ``thing:id``.
        details: JSON values before and after; never passwords or payment secrets.
    """
    session.add(
        AuditEntry(
            at=now,
            actor_key=actor.key,
            actor_name=actor.name,
            action=action,
            target=target,
            summary=summary,
            details=details or {},
        )
    )
