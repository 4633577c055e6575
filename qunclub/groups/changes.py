"""Telling the rooms above that a seat in a group was given or has ended, in the transaction that does it."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from sqlalchemy.orm import Session

from qunclub.kernel import watch

from .models import Seat

What = Literal["admitted", "left", "removed"]


def changed(session: Session, seat: Seat, what: What, now: dt.datetime) -> None:
    """Tell it; called wherever a seat becomes ``admitted``, or an admitted seat ends. Without a group: nothing."""
    if seat.group_id is not None:
        change = watch.SeatChange(seat.id, seat.group_id, seat.member_id, what, seat.end_reason or "", now)
        watch.seats.tell(session, change)
