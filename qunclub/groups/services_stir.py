"""Pages of a group's board that stand open are shown anew when the group itself changes."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from qunclub.kernel import outbox

TASK = "board_stir"
"""The outbox kind; the board carries it out after the commit."""


def stir(session: Session, group_id: int, why: str, now: dt.datetime) -> None:
    """Have the board of a group show what became of the group; once for each *why*."""
    outbox.put(session, kind=TASK, key=f"{TASK}:{group_id}:{why}", payload={"group": group_id}, now=now)
