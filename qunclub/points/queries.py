"""Reads of the ledger: a member's own lines, the admin's list, the export."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, aliased

from qunclub.kernel import Marked, NotFound, Page, paginate_by_mark
from qunclub.members.models import Member

from .models import LedgerEntry


@dataclass(frozen=True, slots=True)
class Line:
    """A ledger line as it is shown.

    Attributes:
        undone: why it was taken back; None when it stands.
        number: of the member whose it is.
        name: of the member whose it is.
        undone_id: the line that took it back.
        by: what the member who wrote it is called; None for a process, or somebody who is gone.
    """

    entry: LedgerEntry
    undone: str | None
    number: int | None = None
    name: str = ""
    undone_id: int | None = None
    by: str | None = None


NEWEST = Marked(LedgerEntry.occurred_at, LedgerEntry.id, True, lambda row: (row[0].occurred_at, row[0].id))


def _mine(member_id: int) -> Select[*tuple[Any, ...]]:
    back, writer = aliased(LedgerEntry), aliased(Member)
    return (
        select(LedgerEntry, back.reason, back.id, writer.nickname, writer.name)
        .outerjoin(back, back.reverses_id == LedgerEntry.id)
        .outerjoin(writer, writer.user_key == LedgerEntry.actor)
        .where(LedgerEntry.member_id == member_id)
    )


def _my_line(row: Any) -> Line:
    entry, undone, undone_id, nickname, name = row
    return Line(entry, undone, undone_id=undone_id, by=nickname or name)


def my_lines(session: Session, member_id: int, after: str = "") -> Page[Line]:
    """A member's own lines, newest first, each with who wrote it and what took it back: one statement."""
    found = paginate_by_mark(session, _mine(member_id), NEWEST, after=after)
    items = [_my_line(row) for row in found.items]
    return Page(items, found.page, found.per_page, found.has_next, found.more)


def my_line(session: Session, member_id: int, entry_id: int) -> Line:
    """One line of a member's own.

    Raises:
        NotFound: when there is none, or it is somebody else's.
    """
    row = session.execute(_mine(member_id).where(LedgerEntry.id == entry_id)).one_or_none()
    if row is None:
        raise NotFound()
    return _my_line(row)


@dataclass(frozen=True, slots=True)
class LineFilter:
    """What the admin's list of lines is narrowed to."""

    q: str = ""
    kind: str = ""

    def query(self) -> Select[*tuple[Any, ...]]:
        """The lines with why they were taken back and whose they are."""
        back = aliased(LedgerEntry)
        query = (
            select(LedgerEntry, back.reason, Member.number, Member.nickname, Member.name)
            .join(Member, Member.id == LedgerEntry.member_id)
            .outerjoin(back, back.reverses_id == LedgerEntry.id)
        )
        if self.kind:
            query = query.where(LedgerEntry.kind == self.kind)
        words = self.q.strip().removeprefix("No.").strip()
        if words.isdecimal() and len(words) < 10:
            query = query.where(Member.number == int(words))
        elif words:
            query = query.where(
                Member.name.startswith(words, autoescape=True)
                | Member.nickname.startswith(words, autoescape=True)
            )
        return query


def _writers(session: Session, keys: set[str]) -> dict[str, str]:
    rows = session.execute(
        select(Member.user_key, Member.nickname, Member.name).where(Member.user_key.in_(keys))
    )
    return {key: nickname or name for key, nickname, name in rows}


def lines(session: Session, wanted: LineFilter, after: str = "") -> Page[Line]:
    """One page of the ledger for an admin, each line with who wrote it: two statements."""
    found = paginate_by_mark(session, wanted.query(), NEWEST, after=after)
    called = _writers(session, {row[0].actor for row in found.items})
    items = [
        Line(entry, undone, number, nickname or name, by=called.get(entry.actor))
        for entry, undone, number, nickname, name in found.items
    ]
    return Page(items, found.page, found.per_page, found.has_next, found.more)


def line(session: Session, entry_id: int) -> Line:
    """One line.

    Raises:
        NotFound: when there is none.
    """
    row = session.execute(LineFilter().query().where(LedgerEntry.id == entry_id)).one_or_none()
    if row is None:
        raise NotFound()
    entry, undone, number, nickname, name = row
    return Line(entry, undone, number, nickname or name)


def export(session: Session, wanted: LineFilter) -> Iterator[Line]:
    """Every line of the filter, streamed."""
    query = wanted.query().order_by(*NEWEST.order())
    rows = session.execute(query, execution_options={"yield_per": 500})
    for entry, undone, number, nickname, name in rows:
        yield Line(entry, undone, number, nickname or name)
