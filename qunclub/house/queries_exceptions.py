"""What pages read of mutes of roles and of all, and of the wishes for an exception from them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, aliased

from qunclub.groups.models import Group, Seat
from qunclub.kernel import Marked, NotFound, Page, paginate_by_mark
from qunclub.members.models import Member

from . import services_exceptions
from .models import STILL_OPEN, Mute, MuteException

RECENT = 20


@dataclass(frozen=True, slots=True)
class Wish:
    """A wish for an exception, with the mute it is about; *setter* is who set that."""

    row: MuteException
    mute: Mute
    group: Group
    member: Member
    setter: str


@dataclass(frozen=True, slots=True)
class Silenced:
    """A mute of a role or of all that means a member where they sit, and what became of their wish, if any."""

    mute: Mute
    group: Group
    wish: MuteException | None

    def askable(self, now: dt.datetime) -> bool:
        """Whether they may ask for an exception."""
        return self.wish is None and not services_exceptions.over(self.mute, now)


def _wishes() -> Any:
    setter = aliased(Member)
    return (
        select(MuteException, Mute, Group, Member, setter)
        .join(Mute, Mute.id == MuteException.mute_id)
        .join(Group, Group.id == Mute.group_id)
        .join(Member, Member.id == MuteException.member_id)
        .outerjoin(setter, setter.id == Mute.set_by)
    )


def _wish(row: Any) -> Wish:
    return Wish(row[0], row[1], row[2], row[3], row[4].shown_name if row[4] is not None else "")


def waiting(session: Session, *, after: str) -> Page[Wish]:
    """Wishes that wait for an answer, the longest waiting first: one statement."""
    query = _wishes().where(MuteException.state == STILL_OPEN)
    marked = Marked(
        MuteException.opened_at, MuteException.id, False, lambda row: (row[0].opened_at, row[0].id)
    )
    found = paginate_by_mark(session, query, marked, after=after)
    return Page([_wish(row) for row in found.items], found.page, found.per_page, found.has_next, found.more)


def wish(session: Session, exception_id: int) -> Wish:
    """One of them.

    Raises:
        NotFound: when there is none.
    """
    row = session.execute(_wishes().where(MuteException.id == exception_id)).one_or_none()
    if row is None:
        raise NotFound()
    return _wish(row)


def silenced(session: Session, member_id: int, *, now: dt.datetime) -> list[Silenced]:
    """Mutes of a role or of all that mean a member now or soon where they sit, and their last wishes: two statements.

    Wishes whose mute has ended come last.
    """
    mine = and_(MuteException.mute_id == Mute.id, MuteException.member_id == member_id)
    live = (
        select(Mute, Group, MuteException, Member)
        .join(Group, Group.id == Mute.group_id)
        .join(
            Seat,
            and_(Seat.group_id == Mute.group_id, Seat.member_id == member_id, Seat.state == "admitted"),
        )
        .join(Member, Member.id == Seat.member_id)
        .outerjoin(MuteException, mine)
        .where(
            Mute.member_id.is_(None),
            Mute.lifted_at.is_(None),
            or_(Mute.until.is_(None), Mute.until > now),
        )
        .order_by(Mute.id.desc())
        .limit(RECENT)
    )
    rows: Any = session.execute(live)
    found = [
        Silenced(mute, group, asked)
        for mute, group, asked, member in rows
        if asked is not None or services_exceptions.means(mute, member)
    ]
    shown = {one.mute.id for one in found}
    past = (
        select(Mute, Group, MuteException)
        .select_from(MuteException)
        .join(Mute, Mute.id == MuteException.mute_id)
        .join(Group, Group.id == Mute.group_id)
        .where(MuteException.member_id == member_id)
        .order_by(MuteException.id.desc())
        .limit(RECENT)
    )
    return [*found, *(Silenced(*row) for row in session.execute(past) if row[0].id not in shown)]


def granted_in(session: Session, group_id: int, *, now: dt.datetime, limit: int = 50) -> list[Wish]:
    """Exceptions that hold in a group now: one statement along the live mutes of the group."""
    query = _wishes().where(
        Mute.group_id == group_id,
        Mute.lifted_at.is_(None),
        or_(Mute.until.is_(None), Mute.until > now),
        MuteException.state == "granted",
    )
    return [_wish(row) for row in session.execute(query.order_by(MuteException.id).limit(limit))]
