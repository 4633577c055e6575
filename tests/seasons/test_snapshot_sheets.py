"""Whoever is far down in a snapshot stands on a sheet with others: whatever is asked of it comes out the same."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, func, select, text, update
from sqlalchemy.orm import Session

from qunclub import seasons
from qunclub.home.export import export
from qunclub.kernel import Actor, Conflict
from qunclub.seasons import (
    doctor,
    field,
    fingerprint,
    queries_appeals,
    services_appeals,
    services_review,
    sheets,
    snapshot,
)
from qunclub.seasons.models import Decision, SnapshotRow, SnapshotSheet
from qunclub.seasons.rules import Row, snapshot_hash, snapshot_line, snapshot_row
from tests.support.pages import sign_in, text_of

ADMIN = Actor("test:admin", "Admin", roles=frozenset({"admin"}))
MANY = 90


@pytest.fixture
def story(session, make):
    """A season that has ended: the core far down and without points among its members, some of the others barred."""
    people = make.ranking([0] * MANY)
    first = make.season(seats=4, eliminate=1, protection=0)
    for member in people[:4]:
        make.earn(member, 5, at=first.starts_at)
    make.closed(first)
    season = make.season(starts_at=first.ends_at, seats=4, eliminate=2, appeal_days=14, need_pass=False)
    chance = random.Random(7)
    for member in people[2:]:
        make.earn(member, chance.randrange(2, 20), at=season.starts_at)
    # Of the core the first two earned nothing, and the third is last.
    make.earn(people[1], 1, at=season.starts_at)
    for member in chance.sample(people[4:], 20):
        member.suspended_at = season.starts_at
    session.flush()
    return people, season


def freeze(session, make, monkeypatch, season, head):
    monkeypatch.setattr(snapshot, "HEAD", head)
    return make.closed(season, steps=("freeze",))


def seen(session, season, people):
    """All that is asked of a snapshot."""
    session.expire_all()
    rows = list(snapshot.by_place(session, season.id))
    each = [snapshot.row_of(session, season.id, member.id) for member in people]
    together = snapshot.rows_of(session, season.id, [member.id for member in people])
    assert (
        together == {row.member: row for row in each if row is not None} == {row.member: row for row in rows}
    )
    able = [row.member for row in snapshot.best_able(session, season.id, 40)]
    plan = field.plan_of(season, snapshot.deciding(session, season, [people[60].id]))
    return rows, each, able, plan


@pytest.mark.parametrize("head", [1, 7, 40])
def test_it_says_the_same_on_sheets(session, make, monkeypatch, story, head):
    people, season = story
    with session.begin_nested() as step:
        freeze(session, make, monkeypatch, season, 25_000)
        wanted = seen(session, season, people)
        assert session.scalar(select(func.count()).select_from(SnapshotSheet)) == 0
        step.rollback()
    session.expire_all()
    freeze(session, make, monkeypatch, season, head)
    monkeypatch.setattr(sheets, "PLACES", 10)
    assert seen(session, season, people) == wanted
    rows = session.execute(
        select(SnapshotRow.position, SnapshotRow.core).where(SnapshotRow.season_id == season.id)
    ).all()
    assert all(position <= head or core for position, core in rows)
    assert sum(core for _position, core in rows) == 4
    on_sheets = list(sheets.every(session, season.id))
    assert len(rows) + len(on_sheets) == len(wanted[0]) and not any(row.core for row in on_sheets)
    assert doctor.check(session, season.ends_at) == []


def test_the_fingerprint_is_over_the_rows_and_then_the_sheets(session, make, monkeypatch, story):
    _people, season = story
    freeze(session, make, monkeypatch, season, 7)
    every = list(snapshot.by_place(session, season.id))
    kept = set(session.scalars(select(SnapshotRow.member_id)))
    rows = sorted((row for row in every if row.member in kept), key=lambda row: row.member)
    rest = sorted(
        (row for row in every if row.member not in kept),
        key=lambda row: (row.member // sheets.EACH, row.position),
    )
    assert len({row.member // sheets.EACH for row in rest}) > 2
    monkeypatch.setattr(fingerprint, "AT_ONCE", sheets.EACH)
    assert season.snapshot_hash == fingerprint.of(session, season.id) == snapshot_hash([*rows, *rest])
    assert fingerprint.holds(session, season)


@pytest.mark.parametrize("change", [{"lines": "[9,9,9,9,9,9]"}, {"sheet": 10_000}], ids=["words", "place"])
def test_a_sheet_that_was_changed_is_seen_and_nothing_published(session, make, monkeypatch, story, change):
    _people, season = story
    freeze(session, make, monkeypatch, season, 7)
    last = session.scalar(select(func.min(SnapshotSheet.sheet)))
    session.execute(update(SnapshotSheet).where(SnapshotSheet.sheet == last).values(**change))
    assert not fingerprint.holds(session, season)
    with pytest.raises(Conflict, match="not what was frozen"):
        seasons.publish(session, season_id=season.id, actor=ADMIN, now=season.ends_at)


def test_with_weights_everybody_is_a_row_and_the_ledger_is_read_once(session, make, monkeypatch, story):
    _people, season = story
    season.terms = {**season.terms, "weights": {"granted": 50}}
    session.flush()
    said = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *args: said.append(args[2]))
    freeze(session, make, monkeypatch, season, 1)
    assert sum("qunclub_ledger_entry" in statement for statement in said) == 1
    assert session.scalar(select(func.count()).select_from(SnapshotSheet)) == 0
    kept = select(func.count()).select_from(SnapshotRow).where(SnapshotRow.season_id == season.id)
    assert session.scalar(kept) == MANY


def test_whoever_rose_from_a_sheet_by_an_exception_is_in_order(session, make, monkeypatch, story):
    _people, season = story
    freeze(session, make, monkeypatch, season, 1)
    far = [row for row in sheets.every(session, season.id) if not row.bar][-1]
    services_review.add_exception(
        session,
        season_id=season.id,
        number=far.number,
        kind="promote",
        reason="Led it.",
        actor=ADMIN,
        now=season.ends_at,
    )
    assert export(session, far.member, now=season.ends_at)["season_exceptions"] == [], "read with the result"
    make.closed(season, steps=("publish",))
    told = export(session, far.member, now=season.ends_at)
    assert [(one["kind"], one["reason"]) for one in told["season_exceptions"]] == [("promote", "Led it.")]
    assert "by_name" not in told["season_exceptions"][0]
    assert [(one["place"], one["points"]) for one in told["season_places"]] == [(far.position, far.points)]
    first = next(snapshot.by_place(session, season.id))
    assert export(session, first.member, now=season.ends_at)["season_places"][-1]["place"] == 1
    assert far.number in [
        one.number for one in seasons.decisions(session, season.id) if one.decision.outcome == "promoted"
    ]
    assert doctor.check(session, season.ends_at) == []
    # On a sheet is nobody of the core: nobody there is kept.
    with session.begin_nested() as step:
        session.execute(update(Decision).where(Decision.member_id == far.member).values(outcome="kept"))
        assert any("do not fit" in one.message for one in doctor.check(session, season.ends_at))
        step.rollback()
    # A decision about somebody of whom the snapshot says nothing is none.
    session.execute(text("DELETE FROM qunclub_season_snapshot_sheet"))
    assert any("do not fit" in one.message for one in doctor.check(session, season.ends_at))


def test_the_doctor_sees_a_line_of_nobody(session, make, monkeypatch, story):
    people, season = story
    freeze(session, make, monkeypatch, season, 1)
    assert doctor.check(session, season.ends_at) == []
    stranger = people[-1].id + 10_000
    line = snapshot_line(Row(stranger, 5, position=500)).strip()
    session.add(SnapshotSheet(season_id=season.id, sheet=stranger // sheets.EACH, lines=line))
    session.add(
        SnapshotSheet(season_id=season.id + 50, sheet=0, lines=snapshot_line(Row(people[0].id, 1)).strip())
    )
    session.flush()
    (found,) = [one for one in doctor.check(session, season.ends_at) if "is gone" in one.message]
    assert found.details["rows"] == [(season.id, stranger), (season.id + 50, people[0].id)]


def test_an_appeal_of_somebody_far_down_is_heard(session, make, monkeypatch, story):
    _people, season = story
    freeze(session, make, monkeypatch, season, 1)
    make.closed(season, steps=("publish",))
    far = [row for row in sheets.every(session, season.id) if not row.bar][-1]
    actor = Actor("test:far", "Far", member_id=far.member)
    services_appeals.open_appeal(
        session,
        season_id=season.id,
        member_id=far.member,
        reason="My lesson is missing.",
        actor=actor,
        now=season.ends_at,
    )
    (one,) = queries_appeals.of_season(session, season.id)
    assert (one.points, one.position) == (far.points, far.position)


def test_the_page_of_a_result_tells_whoever_is_far_down_their_place(client, db, make, monkeypatch):
    others = [make.member(number=True) for _each in range(3)]
    account, member = make.person(number=True)
    season = make.season(seats=1, eliminate=0)
    for points, other in enumerate(others, start=2):
        make.earn(other, points, at=season.starts_at)
    make.earn(member, 1, at=season.starts_at)
    monkeypatch.setattr(snapshot, "HEAD", 1)
    make.closed(season)
    with db.session() as session:
        assert member.id in {row.member for row in sheets.every(session, season.id)}
    page = text_of(sign_in(client, account).get(f"/season/{season.slug}"))
    assert "你得了 1 分，位列本赛季第 4 名" in page


@given(
    st.integers(1, 12), st.lists(st.tuples(st.sampled_from(["", "suspended"]), st.booleans()), max_size=10)
)
def test_the_best_who_may_rise_are_told_by_their_words(most, told):
    rows = [
        Row(at, at, position=at * 7 % 11, bar=bar, on_leave=away)
        for at, (bar, away) in enumerate(told, start=1)
    ]
    texts = [
        "\n".join(snapshot_line(row).strip() for row in rows[at : at + 3]) for at in range(0, len(rows), 3)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sheets, "_texts", lambda _session, _season_id: iter(texts))
        found = sheets.best_able(Session(), 1, most)
    able = sorted((row for row in rows if not row.bar), key=lambda row: row.position)
    assert found == able[:most]


def test_who_is_taken_out_leaves_the_others_in_their_order(session, make):
    season = make.season()
    rows = [Row(member, member, position=place) for place, member in ((3, 9), (4, 2), (5, 40), (6, 7))]
    for sheet in (0, 1):
        lines = "".join(snapshot_line(row) for row in rows if row.member // sheets.EACH == sheet)
        session.add(SnapshotSheet(season_id=season.id, sheet=sheet, lines=lines.rstrip()))
    session.flush()
    assert sheets.take_out(session, season.id, {2, 40, 77}) == [rows[1], rows[2]]
    assert list(sheets.every(session, season.id)) == [rows[0], rows[3]]
    assert session.scalars(select(SnapshotSheet.sheet)).all() == [0]
    assert sheets.take_out(session, season.id, set()) == []


@given(
    st.builds(
        Row,
        *[st.integers(1, 2**40), st.integers(1, 2**31), st.integers(0, 2**31), st.integers(0, 2**31)],
        last_day=st.none() | st.dates(dt.date(1970, 1, 1), dt.date(2200, 1, 1)),
        core=st.booleans(),
        safe_closings=st.integers(0, 9),
        position=st.integers(1, 2**31),
        bar=st.sampled_from(["", "suspended", "no_pass", "few_days"]),
        on_leave=st.booleans(),
    )
)
def test_a_line_says_the_whole_row(row):
    assert snapshot_row(snapshot_line(row)) == row
