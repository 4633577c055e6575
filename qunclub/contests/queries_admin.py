"""What the admins' pages of contests show, each in a constant number of statements."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, or_, select
from sqlalchemy.orm import Session

from qunclub.kernel import Page, paginate
from qunclub.members.models import Member

from .models import Contest, ContestEntry, Juror, JuryScore, Prize, PrizeGiven
from .queries import Rows, listed


def admin_list(session: Session, *, q: str, state: str, page: int) -> Page[Any]:
    """Every contest, the newest first."""
    query = listed().order_by(Contest.opens_at.desc(), Contest.id.desc())
    if q:
        like = f"%{_escaped(q)}%"
        query = query.where(
            or_(Contest.title.ilike(like, escape="\\"), Contest.slug.ilike(like, escape="\\"))
        )
    if state:
        query = query.where(Contest.state == state)
    return paginate(session, query, page=page)


def admin_entries(
    session: Session, contest_id: int, *, q: str = "", state: str = "", page: int = 1
) -> Page[Any]:
    """The entries of a contest with votes and scores, in the order they came."""
    query = _entries(contest_id)
    if state:
        query = query.where(ContestEntry.state == state)
    if q:
        like = f"%{_escaped(q)}%"
        columns = (ContestEntry.title, Member.nickname, Member.name)
        found: list[ColumnElement[bool]] = [column.ilike(like, escape="\\") for column in columns]
        if q.isdecimal() and len(q) < 10:
            found.append(Member.number == int(q))
        query = query.where(or_(*found))
    return paginate(session, query.order_by(ContestEntry.id), page=page)


def all_entries(session: Session, contest_id: int) -> Rows:
    """The same, whole, for the table of record."""
    return list(session.execute(_entries(contest_id).order_by(ContestEntry.place, ContestEntry.id)))


def _entries(contest_id: int) -> Select[*tuple[Any, ...]]:
    mine = JuryScore.entry_id == ContestEntry.id
    return (
        select(
            ContestEntry.id,
            ContestEntry.title,
            ContestEntry.state,
            ContestEntry.reason,
            ContestEntry.votes,
            ContestEntry.jury,
            ContestEntry.result,
            ContestEntry.place,
            ContestEntry.entered_at,
            Member.number,
            case((Member.nickname != "", Member.nickname), else_=Member.name).label("author"),
            select(func.count()).select_from(JuryScore).where(mine).scalar_subquery().label("scored"),
            select(func.sum(JuryScore.score)).where(mine).scalar_subquery().label("scores"),
            Prize.title.label("prize"),
            PrizeGiven.handed_over_at,
        )
        .join(Member, Member.id == ContestEntry.member_id)
        .outerjoin(PrizeGiven, PrizeGiven.entry_id == ContestEntry.id)
        .outerjoin(Prize, Prize.id == PrizeGiven.prize_id)
        .where(ContestEntry.contest_id == contest_id)
    )


def jury(session: Session, contest_id: int) -> Rows:
    """The jurors with how many entries each has scored."""
    scored = (
        select(func.count())
        .select_from(JuryScore)
        .join(ContestEntry, ContestEntry.id == JuryScore.entry_id)
        .where(
            JuryScore.juror_id == Juror.member_id,
            ContestEntry.contest_id == Juror.contest_id,
            ContestEntry.state == "entered",
        )
        .scalar_subquery()
    )
    name = case((Member.nickname != "", Member.nickname), else_=Member.name)
    return list(
        session.execute(
            select(Member.id, Member.number, name.label("name"), scored.label("scored"))
            .join(Juror, Juror.member_id == Member.id)
            .where(Juror.contest_id == contest_id)
            .order_by(Member.number, Member.id)
        )
    )


def names(session: Session, contest_id: int) -> dict[int, Any]:
    """Title and author of every entry that takes part, for the preview of the results."""
    name = case((Member.nickname != "", Member.nickname), else_=Member.name)
    rows = session.execute(
        select(ContestEntry.id, ContestEntry.title, name.label("author"), Member.number)
        .join(Member, Member.id == ContestEntry.member_id)
        .where(ContestEntry.contest_id == contest_id, ContestEntry.state == "entered")
    )
    return {row.id: row for row in rows}


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
