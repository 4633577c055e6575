"""Posts as a reader sees them, and who stands behind them: bounded by an index, a constant number of statements."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, false, or_, select
from sqlalchemy.orm import Session

from qunclub.groups.models import Seat
from qunclub.kernel import NotFound, Page
from qunclub.kernel.unindexed import unindexed
from qunclub.members import beginning
from qunclub.members.models import Member

from . import rules
from .models import BoardPicture, BoardPost, BoardReceipt, BoardVersion
from .queries import PER_PAGE, Place

ANSWERS = 50
PEOPLE = 8


def _seated_in(group_id: int) -> ColumnElement[bool]:
    # Few members are asked about, each by an index of their own.
    return and_(
        Seat.member_id == Member.id,
        unindexed(Seat.group_id) == group_id,
        unindexed(Seat.state) == "admitted",
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """A post as one reader sees it: *html* is empty where they may not see it, *gone* says why."""

    id: int
    n: int
    kind: str
    title: str
    html: str
    author: str
    number: int | None
    by_staff: bool
    mine: bool
    created_at: dt.datetime
    edited_at: dt.datetime | None
    pinned: bool
    replies: int
    reads: int
    open_answers: bool
    gone: str
    hidden: bool
    hidden_reason: str
    new: bool
    version: int
    pictures: list[tuple[int, str]] = field(default_factory=list)
    kept_back: int = 0
    names: dict[int, str] = field(default_factory=dict)
    received: bool = False


def _posts() -> Select[BoardPost, str, str, int | None]:
    return select(BoardPost, Member.nickname, Member.name, Member.number).join(
        Member, Member.id == BoardPost.member_id
    )


def posts(
    session: Session, here: Place, *, before: int | None = None, announcements: bool = False
) -> Page[Shown]:
    """A page of posts, the newest first, with numbers under *before*."""
    query = _posts().where(BoardPost.group_id == here.group_id)
    query = query.where(BoardPost.kind == "announcement" if announcements else BoardPost.parent_id.is_(None))
    if before is not None:
        query = query.where(BoardPost.n < before)
    rows = session.execute(query.order_by(BoardPost.n.desc()).limit(PER_PAGE + 1)).all()
    items = _dressed(session, here, rows[:PER_PAGE])
    more = str(items[-1].n) if len(rows) > PER_PAGE else ""
    return Page(items, page=1 if before is None else 2, per_page=PER_PAGE, has_next=bool(more), more=more)


def pinned(session: Session, here: Place) -> list[Shown]:
    """What stands on top, the latest pinned first."""
    query = _posts().where(BoardPost.group_id == here.group_id, BoardPost.pinned_at.is_not(None))
    rows = session.execute(query.order_by(BoardPost.pinned_at.desc()).limit(rules.MOST_PINNED)).all()
    return _dressed(session, here, rows)


def thread(session: Session, here: Place, n: int, *, after: int | None = None) -> tuple[Shown, Page[Shown]]:
    """A post and a page of its answers, in order, with numbers above *after*.

    Raises:
        NotFound: when the group has no post with this number.
    """
    root = post_row(session, here, n)
    if root.parent_id is not None:
        raise NotFound()
    query = _posts().where(BoardPost.parent_id == root.id)
    if after is not None:
        query = query.where(BoardPost.n > after)
    rows = session.execute(query.order_by(BoardPost.n).limit(ANSWERS + 1)).all()
    first = session.execute(_posts().where(BoardPost.id == root.id)).one()
    shown = _dressed(session, here, [first, *rows[:ANSWERS]])
    more = str(shown[-1].n) if len(rows) > ANSWERS else ""
    page = Page(shown[1:], page=1 if after is None else 2, per_page=ANSWERS, has_next=bool(more), more=more)
    return shown[0], page


def post_row(session: Session, here: Place, n: int) -> BoardPost:
    """The row with a number in this very group.

    Raises:
        NotFound: when there is none.
    """
    row = session.scalars(
        select(BoardPost).where(BoardPost.group_id == here.group_id, BoardPost.n == n)
    ).one_or_none()
    if row is None:
        raise NotFound()
    return row


def last_post_at(session: Session, *, group_id: int, member_id: int) -> dt.datetime | None:
    """When a member last wrote in a group, None when they never did: one statement along an index."""
    return session.scalar(
        select(BoardPost.created_at)
        .where(BoardPost.member_id == member_id, BoardPost.group_id == group_id)
        .order_by(BoardPost.n.desc())
        .limit(1)
    )


def root_of(session: Session, row: BoardPost) -> BoardPost:
    """The post an answer belongs to; itself, of a post."""
    return row if row.parent_id is None else session.get_one(BoardPost, row.parent_id)


def _dressed(session: Session, here: Place, rows: Sequence[Any]) -> list[Shown]:
    """Rows with their pictures, receipts and the names they mention: three statements."""
    if not rows:
        return []
    ids = [row[0].id for row in rows]
    pictures: dict[int, list[tuple[int, str]]] = {}
    for post_id, ident, name in session.execute(
        select(BoardPicture.post_id, BoardPicture.id, BoardPicture.name)
        .where(BoardPicture.post_id.in_(ids))
        .order_by(BoardPicture.id)
    ):
        pictures.setdefault(post_id, []).append((ident, name))
    received = set(
        session.scalars(
            select(BoardReceipt.post_id).where(
                BoardReceipt.post_id.in_(ids), BoardReceipt.member_id == here.member_id
            )
        )
    )
    names = names_of(session, {number for row in rows for number in row[0].mentions})
    found = []
    for post, nickname, name, number in rows:
        mine = post.member_id == here.member_id
        gone = "deleted" if post.deleted_at else "hidden" if post.hidden_at else ""
        seen = not gone or (gone == "hidden" and (mine or here.staff))
        found_here, shows = pictures.get(post.id, []), seen and (here.sees_pictures or mine)
        found.append(
            Shown(
                id=post.id,
                n=post.n,
                kind=post.kind,
                title=post.title if seen else "",
                html=post.body_html if seen else "",
                author=nickname or name,
                number=number,
                by_staff=post.by_staff,
                mine=mine,
                created_at=post.created_at,
                edited_at=post.edited_at if seen else None,
                pinned=post.pinned_at is not None,
                replies=post.replies,
                reads=post.reads,
                open_answers=post.open_answers,
                gone=gone,
                hidden=post.hidden_at is not None,
                hidden_reason=post.hidden_reason if seen else "",
                new=here.read_n is not None and post.n > here.read_n and not mine,
                version=post.version,
                pictures=found_here if shows else [],
                kept_back=0 if shows or not seen else len(found_here),
                names=names,
                received=post.id in received,
            )
        )
    return found


def names_of(session: Session, numbers: Iterable[int]) -> dict[int, str]:
    """What members with these numbers are called now."""
    rows = session.execute(
        select(Member.number, Member.nickname, Member.name).where(Member.number.in_(sorted(numbers)))
    )
    return {number: nickname or name for number, nickname, name in rows if number is not None}


def picture(session: Session, here: Place, picture_id: int) -> BoardPicture:
    """A picture that the reader may see.

    Raises:
        NotFound: for one of another group, of a post that was taken back, of a hidden one of somebody else's, and for
            hosts of other groups only.
    """
    row = session.execute(
        select(BoardPicture, BoardPost)
        .join(BoardPost, BoardPost.id == BoardPicture.post_id)
        .where(BoardPicture.id == picture_id, BoardPost.group_id == here.group_id)
    ).one_or_none()
    if row is None:
        raise NotFound()
    found: BoardPicture = row[0]
    post: BoardPost = row[1]
    closed = post.hidden_at is not None and not (here.staff or post.member_id == here.member_id)
    mine = post.member_id == here.member_id
    if post.deleted_at is not None or closed or not (here.sees_pictures or mine):
        raise NotFound()
    return found


def people(session: Session, here: Place, q: str) -> list[tuple[int, str]]:
    """(number, name) of members of the group whose number is, or whose name begins with *q*: one statement."""
    q = q.strip()[:60]
    number = int(q) if q.isascii() and q.isdecimal() and len(q) <= 9 else None
    means = Member.number == number if number is not None else false()
    if q:
        means = or_(means, Member.id.in_(beginning(session, q)))
    rows = session.execute(
        select(Member.number, Member.nickname, Member.name)
        .join(Seat, _seated_in(here.group_id))
        .where(means, Member.number.is_not(None))
        .order_by(Member.number)
        .limit(PEOPLE)
    )
    return [(found, nickname or name) for found, nickname, name in rows if found is not None]


@dataclass(frozen=True, slots=True)
class Receipt:
    """Who has taken note of an announcement, and when; None for who has not yet."""

    id: int
    name: str
    number: int | None
    read_at: dt.datetime | None


def receipts(session: Session, post_id: int, *, after: int | None = None) -> Page[Receipt]:
    """Who has taken note, in order: one statement."""
    query = (
        select(BoardReceipt.id, Member.nickname, Member.name, Member.number, BoardReceipt.read_at)
        .join(Member, Member.id == BoardReceipt.member_id)
        .where(BoardReceipt.post_id == post_id)
        .order_by(BoardReceipt.id)
        .limit(ANSWERS + 1)
    )
    if after is not None:
        query = query.where(BoardReceipt.id > after)
    rows = session.execute(query).all()
    items = [Receipt(ident, nick or name, number, at) for ident, nick, name, number, at in rows[:ANSWERS]]
    more = str(items[-1].id) if len(rows) > ANSWERS else ""
    return Page(items, page=1 if after is None else 2, per_page=ANSWERS, has_next=bool(more), more=more)


def missing(session: Session, here: Place, post_id: int, *, after: int | None = None) -> Page[Receipt]:
    """Who in the group has not taken note, in the order of their seats: one statement along the group's seats."""
    noted = exists().where(BoardReceipt.post_id == post_id, BoardReceipt.member_id == Seat.member_id)
    query = (
        select(Seat.id, Member.nickname, Member.name, Member.number)
        .join(Member, Member.id == Seat.member_id)
        .where(Seat.group_id == here.group_id, Seat.state == "admitted", ~noted)
        .order_by(Seat.id)
        .limit(ANSWERS + 1)
    )
    if after is not None:
        query = query.where(Seat.id > after)
    rows = session.execute(query).all()
    items = [
        Receipt(ident, nickname or name, number, None) for ident, nickname, name, number in rows[:ANSWERS]
    ]
    more = str(items[-1].id) if len(rows) > ANSWERS else ""
    return Page(items, page=1 if after is None else 2, per_page=ANSWERS, has_next=bool(more), more=more)


def versions(session: Session, post_id: int) -> list[tuple[BoardVersion, str]]:
    """What was done to a post, the newest first, each with the name of who did it."""
    rows = session.execute(
        select(BoardVersion, Member.nickname, Member.name)
        .outerjoin(Member, Member.id == BoardVersion.by_id)
        .where(BoardVersion.post_id == post_id)
        .order_by(BoardVersion.version.desc())
        .limit(ANSWERS)
    )
    return [(version, nickname or name or "") for version, nickname, name in rows]


def seated_among(
    session: Session, group_id: int, *, numbers: Iterable[int], member_id: int | None = None
) -> list[tuple[int, int | None]]:
    """(member id, number) of those seated in a group among members with these *numbers*, and *member_id*."""
    wanted = Member.number.in_(sorted(numbers))
    rows = session.execute(
        select(Member.id, Member.number)
        .join(Seat, _seated_in(group_id))
        .where(wanted if member_id is None else or_(wanted, Member.id == member_id))
    )
    return [(ident, number) for ident, number in rows]
