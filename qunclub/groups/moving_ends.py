"""What ends with a seat: the wish to move it."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import update
from sqlalchemy.orm import Session

from .models import Seat
from .models_moving import MoveRequest


def close_request(session: Session, seat_id: int, state: str, now: dt.datetime) -> None:
    """End what was asked for the seat and is not answered."""
    session.execute(
        update(MoveRequest)
        .where(MoveRequest.seat_id == seat_id, MoveRequest.state == "open")
        .values(state=state, answered_at=now)
        .execution_options(synchronize_session="fetch")
    )


def close_ended(session: Session, seat: Seat, now: dt.datetime) -> None:
    """What was asked for a seat that has ended is over."""
    close_request(session, seat.id, "over", now)
