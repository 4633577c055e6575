"""What somebody wrote and read on boards, and what they were told, as their own data."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.board.models import BoardPicture, BoardPost, BoardReader, BoardReceipt, BoardVersion
from qunclub.board.models_welcome import BoardWelcome
from qunclub.groups.models import Group
from qunclub.notices import rules
from qunclub.notices.models import Notice, NoticeChoice

from .export_rows import Rows, plain


def _notices(session: Session, member_id: int) -> Rows:
    query = select(Notice).where(Notice.member_id == member_id).order_by(Notice.id)
    rows = []
    for one in session.scalars(query):
        row = plain(one)
        for name in ("said", "facts", "endpoint", "args", "by_id"):
            del row[name]
        text = one.said or rules.kind_of(one.kind).text
        rows.append({**row, "said": text % {"name": "…", **one.facts}})
    return rows


def _choices(session: Session, member_id: int) -> Rows:
    query = select(NoticeChoice).where(NoticeChoice.member_id == member_id).order_by(NoticeChoice.kind)
    return [plain(row) for row in session.scalars(query)]


def _posts(session: Session, member_id: int) -> Rows:
    query = (
        select(BoardPost, Group.name)
        .join(Group, Group.id == BoardPost.group_id)
        .where(BoardPost.member_id == member_id)
        .order_by(BoardPost.id)
    )
    return [plain(row, group=name) for row, name in session.execute(query)]


def _pictures(session: Session, member_id: int) -> Rows:
    query = select(BoardPicture).join(BoardPost, BoardPost.id == BoardPicture.post_id)
    mine = query.where(BoardPost.member_id == member_id).order_by(BoardPicture.id)
    return [plain(row) for row in session.scalars(mine)]


def _versions(session: Session, member_id: int) -> Rows:
    query = select(BoardVersion).join(BoardPost, BoardPost.id == BoardVersion.post_id)
    mine = query.where(BoardPost.member_id == member_id).order_by(BoardVersion.id)
    rows = [plain(row) for row in session.scalars(mine)]
    for row in rows:
        # Who of the hosts did it is theirs.
        del row["by_id"]
    return rows


def _readers(session: Session, member_id: int) -> Rows:
    query = (
        select(Group.name, BoardReader.read_n)
        .join(Group, Group.id == BoardReader.group_id)
        .where(BoardReader.member_id == member_id)
        .order_by(Group.id)
    )
    return [{"group": name, "read_to": read_n} for name, read_n in session.execute(query)]


def _receipts(session: Session, member_id: int) -> Rows:
    query = select(BoardReceipt).where(BoardReceipt.member_id == member_id).order_by(BoardReceipt.id)
    return [plain(row) for row in session.scalars(query)]


def _welcomes(session: Session, member_id: int) -> Rows:
    query = (
        select(Group.name, BoardWelcome.at)
        .join(Group, Group.id == BoardWelcome.group_id)
        .where(BoardWelcome.member_id == member_id)
        .order_by(BoardWelcome.id)
    )
    return [{"group": name, "welcomed_at": at.isoformat()} for name, at in session.execute(query)]


PARTS: dict[str, Callable[[Session, int], Rows]] = {
    "board_posts": _posts,
    "board_pictures": _pictures,
    "board_versions": _versions,
    "board_read": _readers,
    "board_receipts": _receipts,
    "board_welcomes": _welcomes,
    "notices": _notices,
    "notice_choices": _choices,
}
