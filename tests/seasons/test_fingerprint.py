"""The fingerprint of a snapshot: what the database says of each row is what the rules say; older ones still hold."""

from __future__ import annotations

import datetime as dt
import hashlib

import pytest
from sqlalchemy import select, text, update

from qunclub.seasons import doctor, fingerprint, snapshot
from qunclub.seasons.models import SnapshotRow
from qunclub.seasons.rules import Row, snapshot_hash, snapshot_line

DAY = dt.date(2026, 3, 9)
ROWS = (
    Row(7, 70, 12, 1, DAY, position=3),
    Row(9, 11, 2_000_000_000, 0, DAY, core=True, safe_closings=2, position=1),
    Row(2, 12, 0, 0, None, core=True, position=5, on_leave=True),
    Row(30, 13, 12, 0, DAY, position=4, bar="no_pass"),
    Row(4, 14, 12, 2, DAY, core=True, position=2, bar="suspended", on_leave=True),
)


def keep(session, season_id, rows=ROWS):
    session.add_all(
        SnapshotRow(
            season_id=season_id, member_id=row.member,
            **{name: getattr(row, name) for name in snapshot.COLUMNS if name != "member_id"},
        )
        for row in rows
    )  # fmt: skip
    session.flush()


def by_member(rows):
    return sorted(rows, key=lambda row: row.member)


def by_place(rows):
    return sorted(rows, key=lambda row: row.position)


def test_the_database_says_each_line_as_the_rules_do(session, make):
    season = make.season()
    keep(session, season.id)
    query = select(fingerprint.line(session.get_bind().dialect.name)).order_by(SnapshotRow.member_id)
    said = [f"[{line.strip('[]')}]\n" for line in session.scalars(query)]
    assert said == [snapshot_line(row) for row in by_member(ROWS)]
    assert fingerprint.of(session, season.id) == snapshot_hash(by_member(ROWS))


def test_a_snapshot_without_rows_has_one_too(session, make):
    assert fingerprint.of(session, make.season().id) == snapshot_hash([])


def test_more_rows_than_are_read_at_once(session, make, monkeypatch):
    monkeypatch.setattr(fingerprint, "AT_ONCE", 2)
    season = make.season()
    keep(session, season.id)
    assert fingerprint.of(session, season.id) == snapshot_hash(by_member(ROWS))


def said_before(row):
    day = row.last_day.isoformat() if row.last_day else "-"
    more = f",{row.bar},{int(row.on_leave)}" if row.bar or row.on_leave else ""
    scores = f"{row.position},{row.member},{row.number},{row.points},{row.honours},{day}"
    return f"{scores},{int(row.core)},{row.safe_closings}{more}\n"


def hashed_before(rows):
    return hashlib.sha256("".join(map(said_before, rows)).encode()).hexdigest()


@pytest.mark.parametrize(
    "kept",
    [
        snapshot_hash(by_member(ROWS)),
        hashed_before(by_member(ROWS)),
        hashed_before(by_place(ROWS)),
    ],
    ids=["now", "before", "by place"],
)
def test_a_season_holds_in_whatever_words_it_was_frozen_and_a_change_is_seen(session, make, kept):
    season = make.season()
    keep(session, season.id)
    season.snapshot_hash = kept
    assert fingerprint.holds(session, season)
    session.execute(update(SnapshotRow).where(SnapshotRow.position == 4).values(bar="few_days"))
    assert not fingerprint.holds(session, season)


def test_a_database_that_writes_its_dates_otherwise_says_the_same(session, make):
    season = make.season()
    keep(session, season.id)
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL datestyle = 'German'"))
    assert fingerprint.of(session, season.id) == snapshot_hash(by_member(ROWS))


def test_the_doctor_sees_a_row_of_nobody(session, make):
    season = make.season()
    member = make.member(number=True)
    keep(session, season.id, [Row(member.id, member.number, position=1)])
    assert doctor.check(session, make.now) == []
    keep(session, season.id, [Row(member.id + 10_000, 5, position=2)])
    keep(session, season.id + 10_000, [Row(member.id, member.number, position=1)])
    (found,) = doctor.check(session, make.now)
    assert "season or member is gone" in found.message and len(found.details["rows"]) == 2
