"""What somebody was told and how they wish to be told, as their own data."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

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


PARTS: dict[str, Callable[[Session, int], Rows]] = {"notices": _notices, "notice_choices": _choices}
