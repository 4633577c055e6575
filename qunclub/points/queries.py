"""Reads of the ledger and its rules: a member's own lines, the admin's list, the export."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, aliased

from qunclub.kernel import NotFound, Page, paginate, reads
from qunclub.members.models import Member

from .models import LedgerEntry, PointRule
from .rules import KINDS, Rule, default_rule


@dataclass(frozen=True, slots=True)
class Line:
    """A ledger line as it is shown; *undone* names why it was taken back, *number* and *name* whose it is."""

    entry: LedgerEntry
    undone: str | None
    number: int | None = None
    name: str = ""


def my_lines(session: Session, member_id: int, page: int) -> Page[Line]:
    """A member's own lines, newest first."""
    back = aliased(LedgerEntry)
    query = (
        select(LedgerEntry, back.reason)
        .outerjoin(back, back.reverses_id == LedgerEntry.id)
        .where(LedgerEntry.member_id == member_id)
        .order_by(LedgerEntry.occurred_at.desc(), LedgerEntry.id.desc())
    )
    found = paginate(session, query, page=page)
    items = [Line(entry, undone) for entry, undone in found.items]
    return Page(items, found.page, found.per_page, found.has_next)


@dataclass(frozen=True, slots=True)
class LineFilter:
    """What the admin's list of lines is narrowed to."""

    q: str = ""
    kind: str = ""

    def query(self) -> Select[*tuple[Any, ...]]:
        """The lines, newest first, with why they were taken back and whose they are."""
        back = aliased(LedgerEntry)
        query = (
            select(LedgerEntry, back.reason, Member.number, Member.nickname, Member.name)
            .join(Member, Member.id == LedgerEntry.member_id)
            .outerjoin(back, back.reverses_id == LedgerEntry.id)
            .order_by(LedgerEntry.occurred_at.desc(), LedgerEntry.id.desc())
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


def lines(session: Session, wanted: LineFilter, page: int) -> Page[Line]:
    """One page of the ledger for an admin."""
    found = paginate(session, wanted.query(), page=page)
    items = [
        Line(entry, undone, number, nickname or name) for entry, undone, number, nickname, name in found.items
    ]
    return Page(items, found.page, found.per_page, found.has_next)


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
    rows = session.execute(wanted.query(), execution_options={"yield_per": 500})
    for entry, undone, number, nickname, name in rows:
        yield Line(entry, undone, number, nickname or name)


@cache
def _rules() -> Select[*tuple[Any, ...]]:
    return select(PointRule.kind, PointRule.amount, PointRule.honours, PointRule.active)


def rules_in_force(session: Session) -> dict[str, Rule]:
    """What every kind earns at present, for pages that say so."""
    found = {kind: default_rule(kind) for kind in KINDS}
    for kind, amount, honours, active in reads.rows(session, _rules()):
        found[kind] = Rule(amount, honours, active)
    return found


def all_rules(session: Session) -> list[PointRule]:
    """Every kind's rule in the order of the code, also of those nobody has touched."""
    found = {rule.kind: rule for rule in session.scalars(select(PointRule))}
    return [
        found.get(kind) or PointRule(kind=kind, amount=k.amount, honours=k.honours, active=True)
        for kind, k in KINDS.items()
    ]
