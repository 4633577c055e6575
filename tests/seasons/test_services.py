"""A season's life: step by step, from a frozen snapshot, once, and readable by whoever it concerns (promise 8)."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import func, select, update

from qunclub import groups, points, seasons
from qunclub.groups.models import Group, Seat
from qunclub.kernel import Actor, Conflict, Invalid, Stale
from qunclub.kernel.outbox import OutboxMessage
from qunclub.kernel.store import AuditEntry
from qunclub.seasons import doctor, explain, lists, queries, services, snapshot
from qunclub.seasons.models import CoreSeat, Decision, SnapshotRow
from qunclub.seasons.rules import snapshot_hash

ADMIN = Actor("test:admin", "Admin", roles=frozenset({"admin"}))


def outcomes(session, season):
    found: dict[str, list[int]] = {"promoted": [], "kept": [], "eliminated": []}
    for one in seasons.decisions(session, season.id):
        found[one.decision.outcome].append(one.number)
    return found


def next_season(make, before, **values):
    return make.season(starts_at=before.ends_at, **values)


def core(session):
    return [member.number for member in seasons.core_members(session)]


def test_three_seasons_fill_protect_and_then_eliminate(session, make):
    members = make.ranking([0] * 6)
    one, two, three, four, five, _six = members
    first = make.season(seats=3, eliminate=1)
    for member, amount in ((one, 50), (two, 40), (three, 30), (four, 20)):
        make.earn(member, amount, at=first.starts_at)
    make.closed(first)
    assert outcomes(session, first) == {"promoted": [1, 2, 3], "kept": [], "eliminated": []}
    assert core(session) == [1, 2, 3]

    second = next_season(make, first)
    make.earn(four, 99, at=second.starts_at)
    make.closed(second)
    assert outcomes(session, second) == {"promoted": [], "kept": [1, 2, 3], "eliminated": []}
    assert {d.decision.reason for d in seasons.decisions(session, second.id)} == {"protected"}

    third = next_season(make, second)
    make.earn(five, 10, at=third.starts_at)
    make.earn(one, 5, at=third.starts_at)
    make.earn(three, 5, at=third.starts_at + dt.timedelta(days=1))
    make.closed(third)
    assert outcomes(session, third) == {"promoted": [5], "kept": [1, 3], "eliminated": [2]}
    assert core(session) == [1, 3, 5]
    gone = session.scalars(select(CoreSeat).where(CoreSeat.member_id == two.id)).one()
    assert (gone.left_season_id, gone.left_reason, gone.left_at) == (third.id, "lowest", third.ends_at)
    assert doctor.check(session, third.ends_at) == []


def test_the_formula_is_locked_once_the_season_is_open(session, make, now):
    season = make.season(opened=False)
    values = dict(
        slug=season.slug,
        name="Renamed",
        starts_at=season.starts_at,
        ends_at=season.ends_at,
        seats=5,
        eliminate=2,
        protection=1,
        min_points=1,
        group_id=None,
    )
    changed = seasons.update_season(
        session, season_id=season.id, version=season.version, actor=ADMIN, now=now, **values
    )
    assert (changed.name, changed.seats) == ("Renamed", 5)
    with pytest.raises(Stale):
        seasons.update_season(session, season_id=season.id, version=1, actor=ADMIN, now=now, **values)
    seasons.open_season(session, season_id=season.id, actor=ADMIN, now=now)
    with pytest.raises(Conflict):
        seasons.update_season(
            session, season_id=season.id, version=season.version, actor=ADMIN, now=now, **values
        )


@pytest.mark.parametrize(
    ("field_name", "value"), [("slug", "Bad Slug"), ("name", " "), ("seats", 0), ("group_id", 999)]
)
def test_a_season_that_cannot_be_is_refused_by_field_and_leaves_nothing(session, now, field_name, value):
    values = dict(slug="s", name="S", starts_at=now, ends_at=now + dt.timedelta(days=1), seats=3, eliminate=1)
    with pytest.raises(Invalid) as refused, session.begin_nested():
        seasons.create_season(session, **(values | {field_name: value}), actor=ADMIN, now=now)
    assert refused.value.field == field_name
    assert seasons.latest(session) is None


def test_two_seasons_have_two_addresses_and_one_time(session, make, now):
    season = make.season(slug="spring")
    with pytest.raises(Invalid) as refused, session.begin_nested():
        make.season(slug="spring", opened=False)
    assert refused.value.field == "slug"
    overlapping = make.season(opened=False, starts_at=season.ends_at - dt.timedelta(seconds=1))
    with pytest.raises(Conflict), session.begin_nested():
        seasons.open_season(session, season_id=overlapping.id, actor=ADMIN, now=now)
    next_season(make, season)


def test_a_running_season_is_not_frozen_and_an_earlier_one_comes_first(session, make):
    first = make.season()
    second = next_season(make, first)
    with pytest.raises(Conflict, match="still running"):
        seasons.freeze(session, season_id=first.id, actor=ADMIN, now=first.ends_at - dt.timedelta(seconds=1))
    with pytest.raises(Conflict, match="comes first"):
        seasons.freeze(session, season_id=second.id, actor=ADMIN, now=second.ends_at)
    make.closed(first)
    seasons.freeze(session, season_id=second.id, actor=ADMIN, now=second.ends_at)


def test_what_is_earned_after_the_freeze_changes_nothing(session, make):
    low, high = make.ranking([0, 0])
    season = make.season(seats=1, eliminate=0)
    make.earn(low, 1, at=season.starts_at)
    make.earn(high, 2, at=season.starts_at)
    make.closed(season, steps=("freeze",))
    make.earn(low, 100, at=season.starts_at)
    late = points.standing(session, season.window_id, low.id)
    assert late is not None and late.points == 1
    make.closed(season, steps=("publish",))
    assert outcomes(session, season)["promoted"] == [high.number]


def test_the_snapshot_has_everybody_in_order_and_its_hash_sees_a_change(session, make):
    members = make.ranking([0] * 5)
    before = make.season(seats=2, eliminate=0)
    make.earn(members[0], 5, at=before.starts_at)
    make.closed(before)
    season = next_season(make, before, seats=2)
    make.earn(members[3], 7, at=season.starts_at)
    make.earn(members[4], 7, at=season.starts_at)
    make.earn(members[2], 9, at=season.starts_at)
    make.closed(season, steps=("freeze",))
    rows = list(snapshot.by_place(session, season.id))
    assert [(r.position, r.number, r.points, r.core, r.safe_closings) for r in rows] == [
        (1, 3, 9, False, 0),
        (2, 4, 7, False, 0),
        (3, 5, 7, False, 0),
        (4, 1, 0, True, 1),
    ]
    rows.sort(key=lambda row: row.member)
    assert snapshot_hash(rows) == season.snapshot_hash and len(season.snapshot_hash) == 64
    session.execute(update(SnapshotRow).where(SnapshotRow.position == 2).values(points=8))
    assert any("snapshot" in finding.message for finding in doctor.check(session, season.ends_at))
    with pytest.raises(Conflict, match="not what was frozen"):
        make.closed(season, steps=("publish",))
    assert season.state == "frozen"


def test_a_core_that_changed_after_the_freeze_stops_the_publishing(session, make):
    member = make.ranking([0])[0]
    first = make.season(seats=2, eliminate=0)
    make.earn(member, 5, at=first.starts_at)
    make.closed(first)
    second = next_season(make, first)
    make.closed(second, steps=("freeze",))
    session.execute(update(CoreSeat).values(left_at=second.ends_at))
    with pytest.raises(Conflict, match="core group changed"):
        make.closed(second, steps=("publish",))


def test_publishing_again_does_nothing_and_says_so(session, make):
    member = make.ranking([0])[0]
    season = make.season(seats=2, eliminate=0)
    make.earn(member, 5, at=season.starts_at)
    make.closed(season, steps=("freeze",))
    given = dict(season_id=season.id, actor=ADMIN, now=season.ends_at)
    first, again = seasons.publish(session, **given), seasons.publish(session, **given)
    assert (first.first, first.promoted) == (True, 1)
    assert (again.first, again.promoted) == (False, 1)
    assert session.scalar(select(func.count()).select_from(CoreSeat)) == 1
    acts = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert acts.count("season.publish") == 1


def test_steps_out_of_order_are_refused(session, make, now):
    season = make.season(opened=False)
    given = dict(season_id=season.id, actor=ADMIN, now=season.ends_at)
    for step in (seasons.freeze, seasons.publish, seasons.close):
        with pytest.raises(Conflict):
            step(session, **given)
    seasons.open_season(session, **given)
    for step in (seasons.open_season, seasons.publish, seasons.close):
        with pytest.raises(Conflict):
            step(session, **given)


def test_a_preview_says_what_publishing_then_does(session, make, now):
    members = make.ranking([0] * 8)
    first = make.season(seats=4, eliminate=2, protection=0)
    for index, member in enumerate(members[:4]):
        make.earn(member, 10 + index, at=first.starts_at)
    make.closed(first)
    second = next_season(make, first, seats=4, eliminate=2)
    for index, member in enumerate(members):
        if index != 1:
            make.earn(member, 100 - index, at=second.starts_at)
    before = seasons.preview(session, second, now)
    make.closed(second, steps=("freeze",))
    frozen = seasons.preview(session, second, now)
    assert frozen == before
    make.closed(second, steps=("publish",))
    plan = seasons.preview(session, second, now)
    said = {name: [o.number for o in getattr(plan, name)] for name in ("promoted", "kept", "eliminated")}
    assert outcomes(session, second) == said
    assert said == {"promoted": [5, 6], "kept": [1, 3], "eliminated": [4, 2]}
    assert plan == frozen


def test_the_core_group_follows_the_season(session, make, now):
    line = make.group_line(slug="core", kind="core", capacities=[2], posting="all")
    group = session.scalars(select(Group).where(Group.line_id == line.id)).one()
    one, two, three = make.ranking([0, 0, 0])
    with pytest.raises(Invalid):
        make.season(seats=3, group_id=group.id, opened=False)
    first = make.season(seats=2, eliminate=1, protection=0, group_id=group.id)
    for member in (one, two):
        make.earn(member, 10, at=first.starts_at)
    make.closed(first)
    second = next_season(make, first, seats=2, eliminate=1, group_id=group.id)
    make.earn(three, 30, at=second.starts_at)
    make.earn(one, 3, at=second.starts_at)
    make.closed(second)
    seated = session.scalars(
        select(Seat.member_id).where(Seat.group_id == group.id, Seat.state == "admitted")
    )
    assert set(seated) == {one.id, three.id}
    assert core(session) == [one.number, three.number]
    # Elimination takes the core role only.
    session.refresh(two)
    assert two.number == 2 and points.standing(session, first.window_id, two.id) is not None
    assert groups.live_seat(session, line_id=line.id, member_id=two.id) is None


def test_who_rises_or_leaves_gets_a_letter_in_their_language_and_nobody_else(session, make):
    one, two, three = make.ranking([0, 0, 0])
    first = make.season(seats=2, eliminate=1, protection=0)
    for member in (one, two):
        make.earn(member, 10, at=first.starts_at)
    make.closed(first)
    second = next_season(make, first, seats=2, eliminate=1)
    make.earn(three, 30, at=second.starts_at)
    make.earn(one, 3, at=second.starts_at)
    three.locale, two.email = "zh", ""
    make.closed(second)
    letters = session.scalars(select(OutboxMessage).where(OutboxMessage.key.contains(f":{second.id}:"))).all()
    assert [(m.payload["to"], m.payload["locale"]) for m in letters] == [(three.email, "zh")]
    assert letters[0].payload["context"]["outcome"] == "promoted"


def test_every_decision_can_be_read_as_sentences(session, make):
    members = make.ranking([0] * 4)
    first = make.season(seats=2, eliminate=1, protection=0)
    for member in members[:2]:
        make.earn(member, 10, at=first.starts_at)
    make.closed(first)
    second = next_season(make, first, seats=2, eliminate=1, protection=2)
    make.earn(members[2], 30, at=second.starts_at)
    make.earn(members[0], 3, at=second.starts_at)
    make.closed(second)
    read: dict[int, str] = {}
    for one in seasons.decisions(session, second.id):
        told = explain.of_decision(one.decision, second)
        read[one.number] = " ".join(s.message % s.params if s.params else s.message for s in told)
    assert "place 1 of the season" in read[3] and "next 2 closings" in read[3]
    assert "place 1 of 2, above the line of elimination at 0 points" in read[1]
    assert "All 2 seats were taken" in read[2] and "your number, your passes" in read[2]


@pytest.mark.parametrize("key", sorted(explain.REASONS))
def test_every_sentence_finds_its_numbers(key):
    facts = dict(
        points=1,
        position=2,
        place=3,
        free=4,
        seats=5,
        core=6,
        line=7,
        left=8,
        protection=1,
        min_points=9,
        min_works=2,
        min_days=3,
        safe=0,
    )
    later = explain.sentences(key[0], key[1], {**facts, "reentry": 2})
    for one in (*explain.sentences(key[0], key[1], facts), *later):
        assert "%(" not in (one.message % one.params if one.params else one.message)
    for reason in explain.NOT_RISEN:
        told = explain.not_risen(reason, facts)
        assert "%(" not in told.message % told.params


def test_which_season_members_live_in(session, make, now):
    assert seasons.current(session, now) is None and seasons.latest(session) is None
    draft = make.season(opened=False)
    assert seasons.current(session, now) is None and seasons.latest(session) == draft
    running = make.season(starts_at=now - dt.timedelta(days=5))
    coming = next_season(make, running)
    assert seasons.current(session, now) == running
    assert seasons.current(session, running.ends_at) == coming
    make.closed(running)
    assert seasons.current(session, now) == running
    assert queries.recent(session) == [running]
    assert [s.id for s in lists.listed(session, state="open").items] == [coming.id]


def test_the_doctor_sees_broken_stories(session, make, now):
    one, _two = make.ranking([0, 0])
    season = make.season(seats=2, eliminate=0)
    make.earn(one, 5, at=season.starts_at)
    make.closed(season, steps=("freeze", "publish"))
    assert doctor.check(session, now) == []
    session.execute(update(CoreSeat).values(since_season_id=None))
    assert any("moved no core seat" in f.message for f in doctor.check(session, now))
    session.execute(update(CoreSeat).values(since_season_id=season.id, left_at=now - dt.timedelta(days=999)))
    assert any("the core has 0 members" in f.message for f in doctor.check(session, now))
    session.execute(update(CoreSeat).values(left_at=None))
    session.execute(update(Decision).values(outcome="kept"))
    messages = " ".join(f.message for f in doctor.check(session, now))
    assert "do not fit" in messages and "do not follow from its snapshot" in messages
    season.state = "open"
    session.flush()
    assert any("do not fit their state" in f.message for f in doctor.check(session, now))


def test_closing_sends_one_signal_after_the_commit(db, make):
    from qunclub.kernel import signals

    season = make.season(seats=2, eliminate=0)
    make.closed(season, steps=("freeze", "publish"))
    heard: list[dict[str, object]] = []

    def listen(_sender: object, **facts: object) -> None:
        heard.append(facts)

    with signals.season_closed.connected_to(listen):
        with db.uow() as session:
            services.close(session, season_id=season.id, actor=ADMIN, now=season.ends_at)
            assert heard == []
        with db.uow() as session, pytest.raises(Conflict):
            services.close(session, season_id=season.id, actor=ADMIN, now=season.ends_at)
    assert [fact["slug"] for fact in heard] == [season.slug]


def test_leaving_of_ones_own_will_is_no_broken_promise_but_waits_while_a_season_is_decided(session, make):
    from qunclub.seasons.leaving import leave_core

    one, two = make.ranking([0, 0])
    first = make.season(seats=2, eliminate=0)
    for member in (one, two):
        make.earn(member, 5, at=first.starts_at)
    make.closed(first)
    second = next_season(make, first)
    later = second.starts_at + dt.timedelta(days=1)
    assert leave_core(session, member_id=one.id, now=later)
    assert not leave_core(session, member_id=one.id, now=later)
    assert doctor.check(session, later) == []
    make.closed(second, steps=("freeze",))
    with pytest.raises(Conflict):
        leave_core(session, member_id=two.id, now=second.ends_at)
    make.closed(second, steps=("publish",))
    assert leave_core(session, member_id=two.id, now=second.ends_at)
    assert doctor.check(session, second.ends_at) == []
