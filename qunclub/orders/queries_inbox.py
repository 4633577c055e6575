"""Reads of the webhook inbox, for admins."""

from __future__ import annotations

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from qunclub.kernel import NotFound, Page, paginate

from .models import GatewayEvent

# Counting stops here.
COUNTED = 200


def events(session: Session, *, show: str = "", q: str = "", page: int = 1) -> Page[GatewayEvent]:
    """The inbox, the newest first.

    Args:
        show: ``open`` for what is not handled, ``failed`` for what went wrong, ``unknown`` for what names none of ours.
        q: an event's id, or how its kind begins, such as ``invoice`` or ``charge.dispute``.
    """
    query = select(GatewayEvent)
    if show in ("open", "failed"):
        # In the order of the small index of what is open.
        query = query.where(GatewayEvent.handled_at.is_(None)).order_by(GatewayEvent.id.desc())
        if show == "failed":
            query = query.where(GatewayEvent.outcome == "failed")
    else:
        query = query.order_by(GatewayEvent.received_at.desc(), GatewayEvent.id.desc())
        if show == "unknown":
            query = query.where(GatewayEvent.outcome == "unknown_order")
    if q:
        query = query.where(
            or_(GatewayEvent.event_id == q, GatewayEvent.kind.startswith(q.lower(), autoescape=True))
        )
    return paginate(session, query, page=page)


def failed(session: Session) -> int:
    """How many wait after a failure, at most :data:`COUNTED`."""
    some = (
        select(GatewayEvent.id)
        .where(GatewayEvent.handled_at.is_(None), GatewayEvent.outcome == "failed")
        .limit(COUNTED)
        .subquery()
    )
    return session.execute(select(func.count()).select_from(some)).scalar_one()


def event(session: Session, event_id: int) -> GatewayEvent:
    """One notification as it came.

    Raises:
        NotFound: when there is none.
    """
    found = session.get(GatewayEvent, event_id)
    if found is None:
        raise NotFound()
    return found
