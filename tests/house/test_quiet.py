"""Schedules, mutes and the question every writing route asks, on both databases."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from qunclub import groups
from qunclub import house as room
from qunclub.groups.models import Group
from qunclub.house import posting
from qunclub.house.rules_windows import Window
from qunclub.kernel import Actor, Conflict, Forbidden, Invalid, NotFound, Stale
from qunclub.members.models import Member
from tests.support.statements import count_statements

SHANGHAI = ZoneInfo("Asia/Shanghai")
WINDOW = Window(2, 20 * 60, 22 * 60)


def ask(session, house, now, *, member=None, **values):
    return room.may_post(
        session, group=house.group, member=member or house.member, now=now, zone=SHANGHAI, **values
    )


def schedule(session, house, now, *, own=True, version=0, slow=0, windows=(WINDOW,), actor=None):
    return room.set_schedule(
        session, line_id=house.line.id, group_id=house.group.id if own else None, windows=windows,
        slow_seconds=slow, version=version, actor=actor or house.host, now=now,
    )  # fmt: skip


def mute(session, house, now, **values):
    facts = {"role": "", "reason": "Rest.", "starts_at": now, "until": now + dt.timedelta(hours=2)}
    return room.mute(session, group_id=house.group.id, now=now, **{**facts, "actor": house.host, **values})


def test_the_facts_are_read(session, make, now):
    house = make.house(posting="all", covenant_md="Be kind.")
    assert ask(session, house, now).code == "covenant"
    groups.accept_covenant(session, member_id=house.member.id, line_id=house.line.id, version=1, now=now)
    assert ask(session, house, now).allowed
    groups.publish_covenant(
        session, line_id=house.line.id, body_md="Be kinder.", actor=Actor.system("test"), now=now
    )
    assert ask(session, house, now).code == "covenant", "a new version asks again"
    stranger = make.member(number=True)
    assert ask(session, house, now, member=stranger).code == "no_seat"
    full = make.house(capacities=(2,), posting="all")
    late = make.member(number=True)
    make.seat(full.line, late)
    assert ask(session, full, now, member=late).code == "waiting"
    assert ask(session, full, now, member=house.member).code == "no_seat", "a seat elsewhere is none here"


def test_a_group_of_its_own_goes_before_the_line(session, make, now):
    house = make.house(posting="all")
    schedule(session, house, now, own=False)
    assert ask(session, house, now).code == "window"
    own = schedule(session, house, now, windows=(), slow=30)
    assert ask(session, house, now).allowed
    assert ask(session, house, now, last_post_at=now).code == "slow"
    assert ask(session, house, now, last_post_at=lambda: now).code == "slow"
    with pytest.raises(Stale):
        room.follow_line(session, group_id=house.group.id, version=own.version + 1, actor=house.host, now=now)
    room.follow_line(session, group_id=house.group.id, version=own.version, actor=house.host, now=now)
    assert ask(session, house, now).code == "window"


def test_last_post_is_asked_only_in_slow_mode(session, make, now):
    house = make.house(posting="all")

    def never():
        raise AssertionError

    assert ask(session, house, now, last_post_at=never).allowed


def test_a_schedule_is_checked(session, make, now):
    house = make.house()
    with pytest.raises(Forbidden):
        schedule(session, house, now, actor=make.actor(house.member))
    with pytest.raises(Invalid) as error:
        schedule(session, house, now, slow=-1)
    assert error.value.field == "slow_seconds"
    with pytest.raises(Invalid) as error:
        schedule(session, house, now, windows=(Window(9, 0, 0),))
    assert error.value.field == "windows"
    first = schedule(session, house, now)
    with pytest.raises(Stale):
        schedule(session, house, now)
    assert schedule(session, house, now, version=first.version).version == 2
    other = make.house()
    with pytest.raises(NotFound):
        room.set_schedule(
            session, line_id=other.line.id, group_id=house.group.id, windows=(), slow_seconds=0, version=0,
            actor=house.host, now=now,
        )  # fmt: skip


def test_mutes_of_roles_and_of_all(session, make, now):
    house = make.house(posting="all")
    teacher = make.member(number=True, roles=("instructor",))
    make.seat(house.line, teacher)
    one = mute(session, house, now, role="member")
    assert ask(session, house, now).code == "role_muted"
    assert ask(session, house, now, member=teacher).allowed
    room.lift(session, mute_id=one.id, actor=house.host, now=now)
    assert ask(session, house, now).allowed
    mute(session, house, now)
    assert ask(session, house, now, member=teacher).code == "group_muted"
    assert ask(session, house, now + dt.timedelta(hours=2)).allowed, "nothing has to run for it to end"
    with pytest.raises(Conflict):
        room.lift(session, mute_id=one.id, actor=house.host, now=now)


def test_a_mute_is_checked(session, make, now):
    house = make.house()
    for field, wrong in (
        ("role", {"role": "king"}),
        ("reason", {"reason": "  "}),
        ("until", {"until": now}),
        ("until", {"starts_at": now + dt.timedelta(days=1), "until": now + dt.timedelta(hours=1)}),
    ):
        with pytest.raises(Invalid) as error:
            mute(session, house, now, **wrong)
        assert error.value.field == field
    with pytest.raises(Forbidden):
        mute(session, house, now, role="host")
    with pytest.raises(Forbidden):
        mute(session, house, now, actor=make.actor(house.member))
    hosts = mute(session, house, now, role="host", actor=house.admin)
    with pytest.raises(Forbidden):
        room.lift(session, mute_id=hosts.id, actor=house.host, now=now)


def test_the_question_costs_the_same_in_a_full_house(db, make, now):
    house = make.house(posting="all", capacities=(50,), covenant_md="Be kind.")

    ids = house.group.id, house.member.id

    def cost():
        with db.session() as session:
            group, member = session.get_one(Group, ids[0]), session.get_one(Member, ids[1])
            with count_statements(db.engine) as sent:
                room.may_post(session, group=group, member=member, now=now, zone=SHANGHAI)
            return sent.count

    cost()
    before = cost()
    for _ in range(5):
        make.seat(house.line)
        with db.uow() as session:
            mute(session, house, now)
            mute(session, house, now, role="instructor")
    assert cost() == before == 3


def test_offices_carry_what_goes_with_them(make, session):
    assert posting.offices_of(make.member(roles=("admin",))) == {"admin", "host", "instructor"}
    assert posting.offices_of(make.member(roles=("host",))) == {"host"}
    assert posting.offices_of(make.member()) == frozenset()
