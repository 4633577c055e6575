"""Boards on the live database: numbers without gaps, and every kept number equal to its rows."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from qunclub.kernel import Finding

from .models import Board, BoardPost, BoardReader, BoardReceipt
from .models_welcome import BoardWelcome, BoardWelcomeDay

LIMIT = 50


def check(session: Session, now: dt.datetime) -> list[Finding]:
    """Numbers, answers, receipts and readers against the rows."""
    return [
        *_numbers(session), *_answers(session), *_receipts(session), *_readers(session), *_welcomes(session),
    ]  # fmt: skip


def _welcomes(session: Session) -> list[Finding]:
    w, d = BoardWelcome, BoardWelcomeDay
    counted = (
        select(w.group_id, w.day, func.count().label("n"), func.max(w.nth).label("last"))
        .group_by(w.group_id, w.day)
        .subquery()
    )
    # Who left the club is among the rows no more: there may be fewer, never more.
    rows = session.execute(
        select(counted.c.group_id, counted.c.day, counted.c.n, func.coalesce(d.came, 0))
        .outerjoin(d, and_(d.group_id == counted.c.group_id, d.day == counted.c.day))
        .where(or_(counted.c.n > func.coalesce(d.came, 0), counted.c.last > func.coalesce(d.came, 0)))
        .limit(LIMIT)
    )
    return [
        Finding(
            9,
            f"on {day} the board of group {group} welcomed {came}; it names {count}",
            {"group_id": group, "came": came, "welcomes": count},
        )
        for group, day, count, came in rows
    ]


def _numbers(session: Session) -> list[Finding]:
    counted = (
        select(BoardPost.group_id, func.count().label("n"), func.max(BoardPost.n).label("last"))
        .group_by(BoardPost.group_id)
        .subquery()
    )
    n, last = func.coalesce(counted.c.n, 0), func.coalesce(counted.c.last, 0)
    rows = session.execute(
        select(Board.group_id, Board.last_n, n, last)
        .outerjoin(counted, counted.c.group_id == Board.group_id)
        .where(or_(Board.last_n != n, Board.last_n != last))
        .limit(LIMIT)
    )
    return [
        Finding(
            9,
            f"the board of group {group} has given the numbers to {kept}; it has {count} posts, the last is {top}",
            {"group_id": group, "last_n": kept, "posts": count},
        )
        for group, kept, count, top in rows
    ]


def _answers(session: Session) -> list[Finding]:
    answer = aliased(BoardPost)
    counted = (
        select(answer.parent_id, func.count().label("n"))
        .where(answer.parent_id.is_not(None))
        .group_by(answer.parent_id)
        .subquery()
    )
    n = func.coalesce(counted.c.n, 0)
    rows = session.execute(
        select(BoardPost.id, BoardPost.replies, n)
        .outerjoin(counted, counted.c.parent_id == BoardPost.id)
        .where(BoardPost.replies != n)
        .limit(LIMIT)
    )
    return [
        Finding(
            9,
            f"post {post} says it has {kept} answers; there are {count}",
            {"post_id": post, "replies": kept, "answers": count},
        )
        for post, kept, count in rows
    ]


def _receipts(session: Session) -> list[Finding]:
    counted = select(BoardReceipt.post_id, func.count().label("n")).group_by(BoardReceipt.post_id).subquery()
    n = func.coalesce(counted.c.n, 0)
    rows = session.execute(
        select(BoardPost.id, BoardPost.reads, n)
        .outerjoin(counted, counted.c.post_id == BoardPost.id)
        .where(BoardPost.reads != n)
        .limit(LIMIT)
    )
    return [
        Finding(
            9,
            f"announcement {post} says {kept} have taken note; there are {count} receipts",
            {"post_id": post, "reads": kept, "receipts": count},
        )
        for post, kept, count in rows
    ]


def _readers(session: Session) -> list[Finding]:
    rows = session.execute(
        select(BoardReader.group_id, BoardReader.member_id, BoardReader.read_n, Board.last_n)
        .outerjoin(Board, Board.group_id == BoardReader.group_id)
        .where(BoardReader.read_n > func.coalesce(Board.last_n, 0))
        .limit(LIMIT)
    )
    return [
        Finding(
            9,
            f"member {member} has read the board of group {group} to {read}, which ends at {last or 0}",
            {"group_id": group, "member_id": member, "read_n": read},
        )
        for group, member, read, last in rows
    ]
