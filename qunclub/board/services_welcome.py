"""Welcoming a newcomer on the board of their group, once."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from qunclub.groups.models import Group, Seat
from qunclub.groups.models_welcome import OFF, LineWelcome
from qunclub.kernel import insert_for, locks

from .models import Board
from .models_welcome import BoardWelcome, BoardWelcomeDay


def welcome(session: Session, *, group_id: int, member_id: int, now: dt.datetime, zone: dt.tzinfo) -> bool:
    """Put the newcomer on the board under its lock; False when they are there already, or their seat has ended.

    Args:
        now: aware UTC.
        zone: the club's, in which days are days.
    """
    board = _board(session, group_id)
    seated = select(Seat.id).where(
        Seat.group_id == group_id, Seat.member_id == member_id, Seat.state == "admitted"
    )
    known = select(BoardWelcome.id).where(
        BoardWelcome.group_id == group_id, BoardWelcome.member_id == member_id
    )
    mode = session.scalar(
        select(LineWelcome.mode).join(Group, Group.line_id == LineWelcome.line_id).where(Group.id == group_id)
    )
    if mode in (None, OFF) or session.scalar(known) or session.scalar(seated) is None:
        return False
    day = now.astimezone(zone).date()
    row = session.get(BoardWelcomeDay, (group_id, day), populate_existing=True)
    if row is None:
        row = BoardWelcomeDay(group_id=group_id, day=day, came=0, first_at=now)
        session.add(row)
    row.came += 1
    session.add(BoardWelcome(group_id=group_id, member_id=member_id, day=day, nth=row.came, at=now))
    board.changed += 1
    session.flush()
    return True


def touch(session: Session, group_id: int) -> None:
    """Say that the board reads differently now."""
    _board(session, group_id).changed += 1
    session.flush()


def _board(session: Session, group_id: int) -> Board:
    """The board of a group under its lock, made when nobody has written there yet."""
    session.execute(
        insert_for(session, Board).values(group_id=group_id, last_n=0, changed=0).on_conflict_do_nothing()
    )
    return locks.lock(session, Board, group_id)


def forget_welcomes(session: Session, *, member_id: int) -> None:
    """Who leaves the club is no longer among those who came."""
    session.execute(delete(BoardWelcome).where(BoardWelcome.member_id == member_id))
