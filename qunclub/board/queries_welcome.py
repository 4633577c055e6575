"""The welcomes among the posts of a page of a board: at most five statements along indexes, whatever has come."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from qunclub.groups.models import Group, Seat
from qunclub.groups.models_welcome import EACH, OFF, LineWelcome
from qunclub.kernel.unindexed import unindexed
from qunclub.members.models import Member

from .models import BoardPost
from .models_welcome import BoardWelcome, BoardWelcomeDay
from .queries import Place
from .queries_posts import Shown

MOST_DAYS = 30
NAMED = 12
"""So many of a day are named."""
MOST_EACH = 60
END = 0
"""Where the cards stand that come after every post of the page."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Who came, as they are called now."""

    number: int | None
    nickname: str
    city: str


@dataclass(frozen=True, slots=True)
class Card:
    """A welcome among the posts: of one newcomer, or with *day* of all who came on it; *more* are not named."""

    at: dt.datetime
    people: list[Newcomer]
    day: dt.date | None = None
    more: int = 0


@dataclass(frozen=True, slots=True)
class Welcomes:
    """The welcomes of a page: which cards stand before which post (its number or :data:`END`), and the words."""

    words_zh: str = ""
    words_en: str = ""
    before: dict[int, list[Card]] = field(default_factory=dict)


def welcomes(
    session: Session,
    here: Place,
    posts: Sequence[Shown],
    *,
    pinned: Collection[int] = (),
    older_than: int | None = None,
    more: bool = False,
) -> Welcomes:
    """The welcomes that belong between these posts, the newest first.

    Args:
        pinned: ids of posts that stand elsewhere.
        older_than: the number of the post before the page; None for the first page.
        more: whether there are older posts: then what came before the last of these belongs to a later page.
    """
    setting = session.scalars(
        select(LineWelcome).join(Group, Group.line_id == LineWelcome.line_id).where(Group.id == here.group_id)
    ).one_or_none()
    if setting is None or setting.mode == OFF:
        return Welcomes()
    since = posts[-1].created_at if more and posts else None
    until = None
    if older_than is not None:
        until = session.scalar(
            select(BoardPost.created_at).where(BoardPost.group_id == here.group_id, BoardPost.n == older_than)
        )
    cards = (_each if setting.mode == EACH else _days)(session, here.group_id, since, until)
    before: dict[int, list[Card]] = {}
    stay = [one for one in posts if one.id not in pinned]
    for card in cards:
        place = next((one.n for one in stay if one.created_at < card.at), END)
        before.setdefault(place, []).append(card)
    return Welcomes(setting.words_zh, setting.words_en, before)


def _people() -> object:
    return and_(
        Seat.member_id == BoardWelcome.member_id,
        unindexed(Seat.group_id) == BoardWelcome.group_id,
        unindexed(Seat.state) == "admitted",
    )


def _each(
    session: Session, group_id: int, since: dt.datetime | None, until: dt.datetime | None
) -> list[Card]:
    w = BoardWelcome
    query = (
        select(w.at, Member)
        .join(Member, Member.id == w.member_id)
        .join(Seat, _people())  # type: ignore[arg-type]  # an expression
        .where(w.group_id == group_id, Member.suspended_at.is_(None))
        .order_by(w.at.desc(), w.id.desc())
        .limit(MOST_EACH)
    )
    if since is not None:
        query = query.where(w.at > since)
    if until is not None:
        query = query.where(w.at <= until)
    return [Card(at, [_newcomer(member)]) for at, member in session.execute(query)]


def _days(
    session: Session, group_id: int, since: dt.datetime | None, until: dt.datetime | None
) -> list[Card]:
    d, w = BoardWelcomeDay, BoardWelcome
    query = select(d).where(d.group_id == group_id).order_by(d.first_at.desc()).limit(MOST_DAYS)
    if since is not None:
        query = query.where(d.first_at > since)
    if until is not None:
        query = query.where(d.first_at <= until)
    days = session.scalars(query).all()
    if not days:
        return []
    rows = session.execute(
        select(w.day, Member)
        .join(Member, Member.id == w.member_id)
        .join(Seat, _people())  # type: ignore[arg-type]  # an expression
        .where(w.group_id == group_id, w.day.in_([one.day for one in days]), w.nth <= NAMED)
        .where(Member.suspended_at.is_(None))
        .order_by(w.day.desc(), w.nth)
    )
    people: dict[dt.date, list[Newcomer]] = {}
    for day, member in rows:
        people.setdefault(day, []).append(_newcomer(member))
    # A day whose newcomers have all gone again has nothing to say.
    return [
        Card(one.first_at, people[one.day], day=one.day, more=max(0, one.came - NAMED))
        for one in days
        if one.day in people
    ]


def _newcomer(member: Member) -> Newcomer:
    return Newcomer(member.number, member.shown_name, member.city)
