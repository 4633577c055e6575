"""The sheets of a snapshot: whoever is not among the first places nor core, some members a sheet, a line each."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from .models import SnapshotSheet
from .rules import Row, snapshot_line, snapshot_row

EACH = 32
"""Members a sheet, by their ids: about a kilobyte, which PostgreSQL keeps as it is.

Never to be changed: it says on which sheet somebody stands.
"""
AT_ONCE = 500
NO_BAR = ',"",'
"""What a line says of whoever has something rare to say and yet may rise; most lines have no word at all."""
PLACES = 100_000
"""Lines that are put in order at once."""


def rows(session: Session, season_id: int, members: Collection[int]) -> list[Row]:
    """Those of *members* who stand on a sheet: one statement."""
    wanted = {member // EACH for member in members}
    query = select(SnapshotSheet.lines).where(
        SnapshotSheet.season_id == season_id, SnapshotSheet.sheet.in_(sorted(wanted))
    )
    return [row for lines in session.scalars(query) for row in _read(lines) if row.member in members]


def of_member(session: Session, season_ids: Collection[int], member_id: int) -> dict[int, Row]:
    """How a member stands on the sheets of seasons, by season: one statement."""
    query = select(SnapshotSheet.season_id, SnapshotSheet.lines).where(
        SnapshotSheet.season_id.in_(season_ids), SnapshotSheet.sheet == member_id // EACH
    )
    return {
        season_id: row
        for season_id, lines in session.execute(query)
        for row in _read(lines)
        if row.member == member_id
    }


def every(session: Session, season_id: int) -> Iterator[Row]:
    """Everybody on a sheet, in order of the sheets, a few thousand at a time."""
    for lines in _texts(session, season_id):
        yield from _read(lines)


def best_able(session: Session, season_id: int, most: int) -> list[Row]:
    """The best on sheets who may rise, by place.

    Of a million lines only these become rows: whoever is barred is told by a look at the words.
    """
    able = (
        (_place(line), line)
        for lines in _texts(session, season_id)
        for line in lines.split("\n")
        if '"' not in line or NO_BAR in line
    )
    return [snapshot_row(line) for _at, line in heapq.nsmallest(most, able)]


def by_place(session: Session, season_id: int) -> Iterator[Row]:
    """Everybody on a sheet, by place.

    They are not kept in this order: the sheets are read once for every hundred thousand places, so that never more
    than these are held at once.
    """
    low = 0
    while True:
        near: list[tuple[int, str]] = []
        beyond = None
        for lines in _texts(session, season_id):
            for line in lines.split("\n"):
                place = _place(line)
                if place > low + PLACES:
                    beyond = min(place, beyond or place)
                elif place > low:
                    near.append((place, line))
        for _at, line in sorted(near):
            yield snapshot_row(line)
        if beyond is None:
            return
        low = beyond - 1


def take_out(session: Session, season_id: int, members: Collection[int]) -> list[Row]:
    """Take *members* off their sheets; those who stood on one."""
    gone = []
    wanted = {member // EACH for member in members}
    query = select(SnapshotSheet).where(
        SnapshotSheet.season_id == season_id, SnapshotSheet.sheet.in_(sorted(wanted))
    )
    for one in session.scalars(query).all():
        standing = list(_read(one.lines))
        gone += [row for row in standing if row.member in members]
        rest = "".join(snapshot_line(row) for row in standing if row.member not in members)
        if rest:
            one.lines = rest.removesuffix("\n")
        else:
            session.delete(one)
    session.flush()
    return gone


def _texts(session: Session, season_id: int) -> Iterator[str]:
    query = (
        select(SnapshotSheet.lines).where(SnapshotSheet.season_id == season_id).order_by(SnapshotSheet.sheet)
    )
    yield from session.scalars(query, execution_options={"yield_per": AT_ONCE})


def _place(line: str) -> int:
    return int(line[1 : line.index(",")])


def _read(lines: str) -> Iterator[Row]:
    return map(snapshot_row, lines.split("\n"))
