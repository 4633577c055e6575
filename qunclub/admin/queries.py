"""What the admins' own pages read: the audit log and the messages that were given up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from qunclub.kernel import Marked, Page, paginate_by_mark
from qunclub.kernel.outbox import OutboxMessage
from qunclub.kernel.store import AuditEntry

ACTS = Marked(AuditEntry.id, AuditEntry.id, True, lambda row: (row[0].id, row[0].id), number=True)
MESSAGES = Marked(OutboxMessage.id, OutboxMessage.id, True, lambda row: (row[0].id, row[0].id), number=True)
AUDIT_HEADER = ("at", "actor", "actor_key", "action", "target", "summary", "details")


def _audit(q: str, thing: str) -> Select[AuditEntry]:
    query = select(AuditEntry)
    if thing:
        # A range instead of LIKE, so that the index on the action serves it on both databases.
        query = query.where(AuditEntry.action >= thing + ".", AuditEntry.action < thing + "/")
    if q.strip():
        word = q.strip()
        query = query.where(
            or_(
                AuditEntry.target == word,
                AuditEntry.action == word,
                AuditEntry.actor_name.icontains(word, autoescape=True),
                AuditEntry.summary.icontains(word, autoescape=True),
            )
        )
    return query


def audit(session: Session, *, q: str = "", thing: str = "", after: str = "") -> Page[AuditEntry]:
    """Administrative acts, the latest first; *thing* is the part of the action before its dot."""
    found = paginate_by_mark(session, _audit(q, thing), ACTS, after=after)
    return replace(found, items=[row[0] for row in found.items])


def audit_rows(session: Session, *, q: str = "", thing: str = "") -> Iterator[list[Any]]:
    """The same acts as rows, read while they are sent."""
    query = _audit(q, thing).order_by(AuditEntry.id).execution_options(yield_per=500)
    for entry in session.scalars(query):
        yield [
            entry.at, entry.actor_name, entry.actor_key, entry.action, entry.target, entry.summary, entry.details
        ]  # fmt: skip


def given_up(session: Session, *, after: str = "") -> Page[OutboxMessage]:
    """Messages that failed too often, the latest first."""
    query = select(OutboxMessage).where(OutboxMessage.due_at.is_(None), OutboxMessage.done_at.is_(None))
    found = paginate_by_mark(session, query, MESSAGES, after=after)
    return replace(found, items=[row[0] for row in found.items])


def queued(session: Session, *, limit: int = 50) -> list[OutboxMessage]:
    """Messages that wait for their turn or their next try, the most overdue first."""
    query = select(OutboxMessage).where(OutboxMessage.due_at.is_not(None)).order_by(OutboxMessage.due_at)
    return list(session.scalars(query.limit(limit)))
