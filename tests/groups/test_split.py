"""Splitting a group: nobody lost, nobody twice; announced to everybody, carried out once, or called off."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from qunclub import groups
from qunclub.groups import doctor, rules_split, services_split
from qunclub.groups.models import Group, GroupLine, Seat
from qunclub.groups.models_moving import SeatMove
from qunclub.groups.models_split import GroupSplit
from qunclub.groups.rules_split import Sitting, SplitRule, plan_split
from qunclub.kernel import Conflict, Invalid, Stale, locks, store
from qunclub.notices.models import Notice
from tests.support.concurrency import concurrently, failed

DAY = dt.timedelta(days=1)
NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
WHY = "Nobody is heard any more"


@st.composite
def sittings(draw):
    ids = draw(st.sets(st.integers(1, 10_000), min_size=1, max_size=40))
    return [
        Sitting(
            ident,
            NOON + dt.timedelta(hours=draw(st.integers(0, 5))),
            draw(st.sampled_from(["", "北京", "Berlin"])),
            draw(st.sampled_from(["", "charts"])),
        )
        for ident in ids
    ]


RULES = st.one_of(
    st.builds(SplitRule, st.just("newest")),
    st.builds(SplitRule, st.just("even"), seed=st.text(max_size=5)),
    st.builds(SplitRule, st.just("city"), key=st.sampled_from(["北京", " berlin ", "Oslo", ""])),
    st.builds(SplitRule, st.just("course"), key=st.sampled_from(["charts", "none"])),
    st.builds(SplitRule, st.just("hand"), chosen=st.frozensets(st.integers(1, 10_000))),
)


@given(sittings(), RULES, st.integers(1, 30), st.randoms(use_true_random=False))
def test_nobody_is_lost_and_nobody_twice_whatever_the_order(sitting, rule, capacity, chance):
    try:
        stay, move = plan_split(sitting, rule, capacity=capacity)
    except Invalid:
        stay, move = [], []
    else:
        assert sorted(stay + move) == sorted(one.id for one in sitting)
        assert stay and 0 < len(move) <= capacity
        assert stay == sorted(stay) and move == sorted(move)
        if rule.way in ("newest", "even"):
            assert len(move) == min(len(sitting) // 2, capacity)
    shuffled = list(sitting)
    chance.shuffle(shuffled)
    try:
        assert plan_split(shuffled, rule, capacity=capacity) == (stay, move)
    except Invalid:
        assert move == []


def test_the_newest_go_those_of_a_city_and_those_who_are_named():
    sitting = [
        Sitting(ident, NOON + DAY * ident, city) for ident, city in enumerate(["北京", "", "上海", "北京"])
    ]
    assert plan_split(sitting, SplitRule("newest"), capacity=9) == ([0, 1], [2, 3])
    assert plan_split(sitting, SplitRule("city", "北京 "), capacity=9) == ([1, 2], [0, 3])
    assert plan_split(sitting, SplitRule("hand", chosen=frozenset({1, 77})), capacity=9) == ([0, 2, 3], [1])
    for rule, field in (
        (SplitRule("city", "Oslo"), "key"),
        (SplitRule("hand"), "numbers"),
        (SplitRule("hand", chosen=frozenset(range(4))), "numbers"),
        (SplitRule("else"), "way"),
    ):
        with pytest.raises(Invalid) as refused:
            plan_split(sitting, rule, capacity=9)
        assert refused.value.field == field
    with pytest.raises(Invalid) as refused:
        plan_split(sitting, SplitRule("city", "北京"), capacity=1)
    assert refused.value.field == "capacity"


def test_numbers_are_read_and_a_strange_one_is_named():
    assert rules_split.chosen_by("7, 8，9\n7", {7: 70, 8: 80, 9: 90}) == {70, 80, 90}
    for text in ("7 12", "7 x"):
        with pytest.raises(Invalid) as refused:
            rules_split.chosen_by(text, {7: 70})
        assert refused.value.field == "numbers"


def full(make, seats=4, **line):
    """A full line of one group, somebody who waits, and the seats."""
    made = make.group_line(capacities=[seats], name_pattern="Class {index}", **line)
    return made, [make.seat(made) for _ in range(seats)], make.seat(made)


def of(session, line):
    return list(session.scalars(select(Group).where(Group.line_id == line.id).order_by(Group.index)))


def announce(session, make, group, rule, **more):
    values = {"capacity": 4, "days": 7, "reason": WHY, "numbers": "", **more}
    if "seal" not in values:
        move = services_split.planned(session, group.id, rule, values["numbers"], values["capacity"])[1]
        values["seal"] = rules_split.seal(move)
    if "actor" not in values:
        values["actor"] = make.actor()
    return services_split.announce(session, group_id=group.id, rule=rule, zone=dt.UTC, now=make.now, **values)


def carry_out(session, split, now):
    return services_split.carry_out(session, split_id=split.id, now=now)


def test_everybody_is_told_then_it_is_done_once_and_who_waits_comes_in(session, make, now):
    line, seats, waiting = full(make)
    (group,) = of(session, line)
    split = announce(session, make, group, SplitRule("even", seed="s"))
    told = {n.member_id: n.said for n in session.scalars(select(Notice))}
    assert {seat.member_id: seat.id in split.movers for seat in seats} == {
        ident: said == services_split.GOING for ident, said in told.items() if ident != waiting.member_id
    }
    assert session.scalars(select(Notice.facts).limit(1)).one()["when"] == f"{now + 7 * DAY:%Y-%m-%d %H:%M}"
    assert services_split.due(session, now) is None
    assert not carry_out(session, split, now + 6 * DAY)
    assert services_split.due(session, now + 7 * DAY) == split.id
    assert carry_out(session, split, now + 7 * DAY)
    assert not carry_out(session, split, now + 8 * DAY), "once"
    session.expire_all()
    first, second = of(session, line)
    assert (second.name, second.capacity, second.index) == ("Class 2", 4, 2) and line.capacities == [4, 4]
    assert {seat.id for seat in seats if seat.group_id == second.id} == set(split.movers)
    assert waiting.state == "admitted" and first.seated + second.seated == 5
    assert session.scalars(select(SeatMove.how)).all() == ["split"] * 2
    assert (split.state, split.made_id) == ("done", second.id)
    assert doctor.check(session, now) == []


def test_only_those_announced_go_and_who_left_is_left_out(session, make, now):
    line, seats, _waiting = full(make)
    (group,) = of(session, line)
    split = announce(session, make, group, SplitRule("newest"))
    gone = next(seat for seat in seats if seat.id in split.movers)
    admitted = groups.leave_seat(session, seat_id=gone.id, state="left", reason="", now=now)
    assert admitted[0].group_id == group.id
    carry_out(session, split, now + 7 * DAY)
    session.expire_all()
    assert [one.seated for one in of(session, line)] == [3, 1]
    assert doctor.check(session, now) == []


def test_when_all_who_were_to_go_left_nothing_opens(session, make, now):
    line, seats, _waiting = full(make)
    (group,) = of(session, line)
    number = session.scalar(select(func.max(Seat.id)).where(Seat.id == seats[0].id))
    assert number == seats[0].id
    split = announce(session, make, group, SplitRule("newest"))
    for ident in list(split.movers):
        groups.leave_seat(session, seat_id=ident, state="left", reason="", now=now)
    assert carry_out(session, split, now + 7 * DAY)
    assert (split.state, split.note, len(of(session, line))) == ("called_off", services_split.NOBODY_LEFT, 1)
    told = select(Notice.said).where(Notice.member_id == seats[0].member_id).order_by(Notice.id.desc())
    assert session.scalars(told).first() == services_split.NOBODY_LEFT, (
        "who stayed was told that it would be split"
    )
    acts = [row.action for row in session.scalars(select(store.AuditEntry))]
    assert "group.split_off" in acts


def test_it_may_be_called_off_before(session, make, now):
    line, seats, _waiting = full(make)
    (group,) = of(session, line)
    split, boss = announce(session, make, group, SplitRule("newest")), make.actor()
    with pytest.raises(Conflict, match="announced"):
        announce(session, make, group, SplitRule("newest"))
    services_split.call_off(session, split_id=split.id, reason="You wished it", actor=boss, now=now)
    told = select(Notice.said).where(Notice.member_id == seats[0].member_id).order_by(Notice.id.desc())
    assert session.scalars(told).first() == services_split.OFF
    assert not carry_out(session, split, now + 9 * DAY) and len(of(session, line)) == 1
    with pytest.raises(Conflict):
        services_split.call_off(session, split_id=split.id, reason="Again", actor=boss, now=now)


def test_what_is_refused(session, make, now):
    line, _seats, _waiting = full(make)
    (group,) = of(session, line)
    for field, values in (
        ("days", {"days": 0}),
        ("capacity", {"capacity": 0, "seal": ""}),
        ("reason", {"reason": " "}),
    ):
        with pytest.raises(Invalid) as refused:
            announce(session, make, group, SplitRule("newest"), **values)
        assert refused.value.field == field
    with pytest.raises(Stale):
        announce(session, make, group, SplitRule("newest"), seal="of another list")
    core = make.group_line(kind="core", capacities=[5])
    make.seat(core)
    with pytest.raises(Conflict):
        announce(session, make, of(session, core)[0], SplitRule("newest"), seal="x")


def test_a_group_to_be_split_is_not_merged(session, make, now):
    line = make.group_line(capacities=[9, 9], allocation="even", open_at_once=2)
    for _ in range(6):
        make.seat(line)
    one, other = of(session, line)
    announce(session, make, one, SplitRule("newest"))
    for source, target in ((one, other), (other, one)):
        with pytest.raises(Conflict, match="announced"):
            groups.merge(session, from_id=source.id, into_id=target.id, capacity=None, reason=WHY,
                         actor=make.actor(), now=now)  # fmt: skip


def test_a_city_gets_a_group_of_its_own_in_a_line_by_city(session, make, now):
    line = make.group_line(capacities=[9], repeat_last=True, allocation="city")
    for city in ("北京", "上海", "北京"):
        make.seat(line, make.member(number=True, city=city))
    (group,) = of(session, line)
    carry_out(session, announce(session, make, group, SplitRule("city", "北京")), now + 7 * DAY)
    session.expire_all()
    assert [(one.label, one.seated, one.capacity) for one in of(session, line)] == [
        ("", 1, 9),
        ("北京", 2, 4),
    ]
    assert make.seat(line, make.member(number=True, city="北京")).group_id == of(session, line)[1].id
    assert doctor.check(session, now) == []
    groups.update_line(
        session, line_id=line.id, version=line.version, actor=make.actor(), now=now,
        draft=groups.LineDraft(slug=line.slug, name="Cities", capacities=line.capacities, repeat_last=True,
                               allocation="city", labels=line.labels),
    )  # fmt: skip
    assert [(one.label, one.capacity) for one in of(session, line)] == [("", 9), ("北京", 4)]


def twice(db, make, now, *, retry=True):
    line, _seats, _waiting = full(make, 6)
    boss = make.actor(make.member(roles=("admin",)))
    with db.uow() as session:
        (group,) = of(session, line)
        split = announce(session, make, group, SplitRule("newest"), capacity=6, actor=boss).id
    later = now + 7 * DAY
    return line, concurrently(
        db, 4, lambda session: services_split.carry_out(session, split_id=split, now=later), retry=retry
    )


def test_four_sweepers_split_once(db, make, now):
    line, outcomes = twice(db, make, now)
    assert sorted(outcomes) == [False, False, False, True]
    with db.session() as session:
        assert [one.seated for one in of(session, line)] == [4, 3]
        assert session.get_one(GroupLine, line.id).waiting_count == 0
        assert session.scalars(select(GroupSplit.state)).one() == "done"
        assert doctor.check(session, now) == []


def test_control_without_the_lock_it_is_tried_more_than_once(db, make, now):
    with locks.disabled():
        outcomes = twice(db, make, now, retry=False)[1]
    with db.session() as session:
        findings = doctor.check(session, now)
    assert findings or failed(outcomes) or outcomes.count(True) > 1
