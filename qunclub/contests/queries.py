"""What the pages of contests show, each in a constant number of statements."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, and_, func, select
from sqlalchemy.orm import Session

from qunclub.kernel import NotFound, Page, paginate
from qunclub.kernel.text import plain
from qunclub.members.models import Member

from .models import Contest, ContestEntry, ContestVote, Juror, JuryScore, Prize, PrizeGiven

Rows = list[Row[Any]]
SHOWN = ("voting", "judging", "results")
"""The phases in which everybody sees the entries: not before nobody can copy them."""
PER_PAGE = 24


@dataclass(frozen=True, slots=True)
class Card:
    """An entry in the gallery; *author* is empty until the results."""

    id: int
    title: str
    excerpt: str
    has_picture: bool
    author: str
    place: int | None
    result: int | None
    mine: bool


@dataclass(frozen=True, slots=True)
class Reader:
    """What a contest knows of whoever looks at it."""

    juror: bool = False
    given: int = 0
    voted: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Running:
    """A contest that takes entries, or votes when *voting*, until a moment."""

    slug: str
    title: str
    voting: bool
    until: dt.datetime


def listed() -> Select[*tuple[Any, ...]]:
    taking = and_(ContestEntry.contest_id == Contest.id, ContestEntry.state == "entered")
    entries = select(func.count()).where(taking).scalar_subquery()
    prizes = (
        select(func.coalesce(func.sum(Prize.stock), 0))
        .where(Prize.contest_id == Contest.id)
        .scalar_subquery()
    )
    return select(
        Contest.id,
        Contest.slug,
        Contest.title,
        Contest.summary,
        Contest.state,
        Contest.opens_at,
        Contest.closes_at,
        Contest.votes_until,
        Contest.results_at,
        entries.label("entries"),
        prizes.label("prizes"),
    )


def current(session: Session) -> Rows:
    """Published contests without results, whose entering ends soonest first."""
    query = listed().where(Contest.state == "published").order_by(Contest.closes_at, Contest.id)
    return list(session.execute(query.limit(50)))


def past(session: Session, *, page: int) -> Page[Any]:
    """Contests with results, the latest first."""
    query = listed().where(Contest.state == "results").order_by(Contest.results_at.desc(), Contest.id.desc())
    return paginate(session, query, page=page, per_page=PER_PAGE)


def running(session: Session, now: dt.datetime) -> Running | None:
    """The contest a member can do something in now, for their home: one statement."""
    row = session.execute(
        select(Contest.slug, Contest.title, Contest.closes_at, Contest.votes_until)
        .where(Contest.state == "published", Contest.opens_at <= now, Contest.votes_until > now)
        .order_by(Contest.closes_at, Contest.id)
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    voting = row.closes_at <= now
    return Running(row.slug, row.title, voting, row.votes_until if voting else row.closes_at)


def by_slug(session: Session, slug: str, *, staff: bool) -> Contest:
    """A contest.

    Raises:
        NotFound: also for a draft that the reader may not see.
    """
    row = session.scalars(select(Contest).where(Contest.slug == slug)).one_or_none()
    if row is None or (row.state == "draft" and not staff):
        raise NotFound()
    return row


def by_id(session: Session, contest_id: int) -> Contest:
    """A contest, for admins."""
    row = session.get(Contest, contest_id)
    if row is None:
        raise NotFound()
    return row


def prizes(session: Session, contest_id: int) -> Rows:
    """The prizes in the order they are given out."""
    query = select(Prize.id, Prize.title, Prize.first_place, Prize.stock, Prize.given)
    return list(
        session.execute(query.where(Prize.contest_id == contest_id).order_by(Prize.position, Prize.id))
    )


def reader(session: Session, *, contest_id: int, member_id: int | None) -> Reader:
    """Whether somebody is on the jury, and which entries have their votes: two statements, none for strangers."""
    if member_id is None:
        return Reader()
    juror = is_juror(session, contest_id=contest_id, member_id=member_id)
    voted = session.execute(
        select(ContestVote.entry_id, ContestEntry.state)
        .join(ContestEntry, ContestEntry.id == ContestVote.entry_id)
        .where(ContestVote.contest_id == contest_id, ContestVote.member_id == member_id)
    ).all()
    return Reader(
        juror, sum(row.state == "entered" for row in voted), frozenset(row.entry_id for row in voted)
    )


def is_juror(session: Session, *, contest_id: int, member_id: int) -> bool:
    """Whether somebody is on the jury, and not suspended."""
    query = (
        select(Juror.member_id)
        .join(Member, Member.id == Juror.member_id)
        .where(Juror.contest_id == contest_id, Juror.member_id == member_id, Member.suspended_at.is_(None))
    )
    return session.scalar(query) is not None


def mine(session: Session, *, contest_id: int, member_id: int | None) -> Rows:
    """One's own entries of a contest, withdrawn ones too."""
    if member_id is None:
        return []
    return list(
        session.execute(
            select(
                ContestEntry.id,
                ContestEntry.title,
                ContestEntry.state,
                ContestEntry.reason,
                ContestEntry.place,
            )
            .where(ContestEntry.contest_id == contest_id, ContestEntry.member_id == member_id)
            .order_by(ContestEntry.id)
        )
    )


def taking_part(session: Session, contest_id: int) -> int:
    """How many entries take part."""
    return (
        session.scalar(
            select(func.count())
            .select_from(ContestEntry)
            .where(ContestEntry.contest_id == contest_id, ContestEntry.state == "entered")
        )
        or 0
    )


def gallery(session: Session, contest: Contest, *, member_id: int | None, page: int) -> Page[Card]:
    """The entries that take part: as they were entered, and by place after the results."""
    done = contest.state == "results"
    query = (
        select(
            ContestEntry.id,
            ContestEntry.title,
            ContestEntry.body_html,
            ContestEntry.image_key,
            ContestEntry.member_id,
            ContestEntry.place,
            ContestEntry.result,
            Member.nickname,
            Member.name,
        )
        .join(Member, Member.id == ContestEntry.member_id)
        .where(ContestEntry.contest_id == contest.id, ContestEntry.state == "entered")
    )
    order = (ContestEntry.place,) if done else (ContestEntry.entered_at, ContestEntry.id)
    found = paginate(session, query.order_by(*order), page=page, per_page=PER_PAGE)
    cards = [
        Card(
            id=row.id,
            title=row.title,
            excerpt=plain(row.body_html, 120),
            has_picture=bool(row.image_key),
            author=(row.nickname or row.name) if done else "",
            place=row.place,
            result=row.result,
            mine=row.member_id == member_id,
        )
        for row in found.items
    ]
    return Page(items=cards, page=found.page, per_page=found.per_page, has_next=found.has_next)


def results(session: Session, contest_id: int, *, page: int) -> Page[Any]:
    """The places with what led to them, and the prizes."""
    query = (
        select(
            ContestEntry.id,
            ContestEntry.title,
            ContestEntry.place,
            ContestEntry.result,
            ContestEntry.jury,
            ContestEntry.votes,
            Member.nickname,
            Member.name,
            Prize.title.label("prize"),
        )
        .join(Member, Member.id == ContestEntry.member_id)
        .outerjoin(PrizeGiven, PrizeGiven.entry_id == ContestEntry.id)
        .outerjoin(Prize, Prize.id == PrizeGiven.prize_id)
        .where(ContestEntry.contest_id == contest_id, ContestEntry.place.is_not(None))
        .order_by(ContestEntry.place)
    )
    return paginate(session, query, page=page)


def winners(session: Session, contest_id: int) -> Rows:
    """The entries that won a prize, with what became of it: by place."""
    return list(
        session.execute(
            select(
                PrizeGiven.id,
                PrizeGiven.handed_over_at,
                PrizeGiven.note,
                ContestEntry.id.label("entry_id"),
                ContestEntry.title,
                ContestEntry.place,
                ContestEntry.result,
                ContestEntry.image_key,
                ContestEntry.body_html,
                Prize.title.label("prize"),
                Member.nickname,
                Member.name,
                Member.number,
            )
            .join(ContestEntry, ContestEntry.id == PrizeGiven.entry_id)
            .join(Prize, Prize.id == PrizeGiven.prize_id)
            .join(Member, Member.id == ContestEntry.member_id)
            .where(ContestEntry.contest_id == contest_id)
            .order_by(ContestEntry.place)
            .limit(200)
        )
    )


def entry(session: Session, *, contest_id: int, entry_id: int) -> Any:
    """One entry with its author and prize.

    Raises:
        NotFound: when the contest has no such entry.
    """
    row = session.execute(
        select(
            ContestEntry.id,
            ContestEntry.member_id,
            ContestEntry.title,
            ContestEntry.body_md,
            ContestEntry.body_html,
            ContestEntry.image_key,
            ContestEntry.image_type,
            ContestEntry.state,
            ContestEntry.reason,
            ContestEntry.votes,
            ContestEntry.jury,
            ContestEntry.result,
            ContestEntry.place,
            ContestEntry.entered_at,
            ContestEntry.version,
            Member.nickname,
            Member.name,
            Member.number,
            Prize.title.label("prize"),
        )
        .join(Member, Member.id == ContestEntry.member_id)
        .outerjoin(PrizeGiven, PrizeGiven.entry_id == ContestEntry.id)
        .outerjoin(Prize, Prize.id == PrizeGiven.prize_id)
        .where(ContestEntry.id == entry_id, ContestEntry.contest_id == contest_id)
    ).one_or_none()
    if row is None:
        raise NotFound()
    return row


def said(session: Session, entry_id: int) -> list[str]:
    """What jurors wrote about an entry, without their names."""
    query = select(JuryScore.comment).where(JuryScore.entry_id == entry_id, JuryScore.comment != "")
    return list(session.scalars(query.order_by(JuryScore.id)))


def to_score(session: Session, *, contest_id: int, juror_id: int) -> Rows:
    """Every entry that takes part with the juror's own score; no author: one statement."""
    own = and_(JuryScore.entry_id == ContestEntry.id, JuryScore.juror_id == juror_id)
    return list(
        session.execute(
            select(
                ContestEntry.id,
                ContestEntry.title,
                ContestEntry.member_id,
                ContestEntry.image_key,
                JuryScore.score,
                JuryScore.comment,
            )
            .outerjoin(JuryScore, own)
            .where(ContestEntry.contest_id == contest_id, ContestEntry.state == "entered")
            .order_by(ContestEntry.id)
        )
    )
