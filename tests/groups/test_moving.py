"""Moving between groups, the wish to move, and merging: the seat stays one seat, and nothing is oversold."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from qunclub import groups, passes
from qunclub.board import doctor as board_doctor
from qunclub.groups import doctor, rules_moving, services_hosts
from qunclub.groups.models import Group, GroupLine, Seat
from qunclub.groups.models_hosts import GroupHost
from qunclub.groups.models_moving import MoveRequest, SeatMove
from qunclub.groups.rules import capacity_of
from qunclub.home.export import export
from qunclub.kernel import Conflict, Forbidden, Invalid, NotFound, locks, outbox, store
from qunclub.members.models import Member
from qunclub.notices.models import Notice
from qunclub.passes import doctor as passes_doctor
from qunclub.passes import jobs as passes_jobs
from qunclub.passes import queries_door, services_door, tickets
from qunclub.passes.models import EntryTicket
from qunclub.passes.rules_door import Doors
from qunclub.passes.services_door import Way
from qunclub.points.models_boards import BoardLook
from tests.support.concurrency import concurrently, failed, succeeded

HOUR = dt.timedelta(hours=1)
WHY = "Nearer to your friends"


@pytest.fixture
def two(session, make):
    """A line of two groups with two and one seated, and the three seats."""
    line = make.group_line(capacities=[3, 3], allocation="even", open_at_once=2, name_pattern="Class {index}")
    return line, [make.seat(line) for _ in range(3)]


def of(session, line):
    return list(session.scalars(select(Group).where(Group.line_id == line.id).order_by(Group.index)))


def counts(session, line):
    return [(one.capacity, one.seated) for one in of(session, line)]


def move(session, make, seat, to, **more):
    return groups.move(
        session, seat_id=seat.id, to_id=to.id, reason=WHY, now=make.now,
        **{"actor": make.actor(make.member(roles=("admin",))), **more},
    )  # fmt: skip


def ticket_of(session, seat_id):
    return session.scalars(select(EntryTicket).where(EntryTicket.seat_id == seat_id)).one()


def clean(session, now):
    session.flush()
    return [
        *doctor.check(session, now),
        *passes_doctor.check(session, now),
        *board_doctor.check(session, now),
    ]


def host(make, *hosted, session):
    member = make.member(roles=("host",))
    for group in hosted:
        session.add(GroupHost(group_id=group.id, member_id=member.id, since=make.now))
    session.flush()
    return make.actor(member)


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=5), st.booleans(), st.integers(1, 8), st.integers(1, 50)
)
def test_a_group_gets_its_seats_and_no_other_group_changes(capacities, repeats, index, wanted):
    if capacity_of(capacities, repeats, index) is None:
        return
    new = rules_moving.with_capacity(capacities, repeats, index, wanted)
    assert capacity_of(new, repeats, index) == wanted
    for other in range(1, 15):
        if other != index:
            assert capacity_of(new, repeats, other) == capacity_of(capacities, repeats, other)


def test_a_move_keeps_the_seat_and_says_why(session, make, two, now):
    line, (first, _second, _third) = two
    one, other = of(session, line)
    assert counts(session, line) == [(3, 2), (3, 1)]
    kept = (first.asked_at, first.admitted_at, first.turn)
    for _ in range(2):
        assert move(session, make, first, other).id == first.id
    assert counts(session, line) == [(3, 1), (3, 2)]
    assert (first.group_id, first.state) == (other.id, "admitted")
    assert (first.asked_at, first.admitted_at, first.turn) == kept
    history = session.scalars(select(SeatMove)).one()
    assert (history.from_id, history.to_id, history.reason, history.how) == (one.id, other.id, WHY, "hand")
    told = session.scalars(select(Notice).where(Notice.member_id == first.member_id)).one()
    assert told.facts == {"old": "Class 1", "group": "Class 2", "reason": WHY}
    mails = session.scalars(select(outbox.OutboxMessage).where(outbox.OutboxMessage.kind == "mail")).all()
    assert [m.payload["template"] for m in mails] == ["seat_moved"]
    looked = {(note.scope, note.member_id) for note in session.scalars(select(BoardLook))}
    assert {(f"group:{one.id}", first.member_id), (f"group:{other.id}", first.member_id)} <= looked
    assert session.scalars(select(store.AuditEntry.action)).all()[-1] == "seat.move"
    assert clean(session, now) == []


def test_what_cannot_be_moved(session, make, two, now):
    line, (first, *_rest) = two
    one, other = of(session, line)
    with pytest.raises(Invalid):
        groups.move(session, seat_id=first.id, to_id=other.id, reason=" ", actor=make.actor(), now=now)
    with pytest.raises(Conflict):
        move(session, make, first, groups.first_group(session, make.group_line(), now=now))
    for _ in range(3):
        make.seat(line)
    with pytest.raises(Conflict, match="free seat"):
        move(session, make, first, other)
    waiting = make.seat(line)
    assert waiting.state == "waiting"
    with pytest.raises(Conflict, match="seat in a group"):
        move(session, make, waiting, other)
    with pytest.raises(NotFound):
        groups.move(session, seat_id=99_999, to_id=other.id, reason=WHY, actor=make.actor(), now=now)
    core = make.group_line(kind="core", capacities=[5, 5])
    with pytest.raises(Conflict):
        move(session, make, make.seat(core), other)
    assert one.seated == 3


def test_hosts_move_between_their_groups_only(session, make, two):
    line, (first, *_rest) = two
    one, other = of(session, line)
    for stranger in (make.actor(make.member()), host(make, one, session=session)):
        with pytest.raises(Forbidden):
            move(session, make, first, other, actor=stranger)
    move(session, make, first, other, actor=host(make, one, other, session=session))
    move(session, make, first, one, actor=host(make, session=session))
    assert [m.to_id for m in session.scalars(select(SeatMove).order_by(SeatMove.id))] == [other.id, one.id]


def test_the_ticket_admits_at_the_new_door_once_more_and_at_the_old_no_more(session, make, now):
    line = make.group_line(capacities=[3, 3], open_at_once=2, allocation="even")
    held = make.pass_(make.plan(line=line))
    seat = session.get_one(Seat, held.seat_id)
    one, other = of(session, line)
    ticket = ticket_of(session, seat.id)
    admin = make.actor(make.member(roles=("admin",)))

    def at(group):
        found = services_door.check(
            session,
            text=ticket.code,
            secret="",
            doors=Doors(at=group.id),
            way=Way("typed"),
            actor=admin,
            now=now,
        )
        return found.outcome

    assert at(one) == "admitted"
    first = queries_door.first_entry(session, ticket)
    move(session, make, seat, other)
    assert ticket_of(session, seat.id).state == "valid"
    assert clean(session, now) == []
    assert [at(one), at(other), at(other)] == ["other_group", "admitted", "used"]
    used = queries_door.first_entry(session, ticket_of(session, seat.id))
    assert first is not None and used is not None
    assert (first.check.group_id, used.check.group_id) == (one.id, other.id), (
        "not when it was used before the move"
    )
    move(session, make, seat, one)
    assert at(one) == "admitted"
    passes_jobs.mend(session, now)
    assert clean(session, now + 2 * HOUR) == []


def test_a_restored_seat_is_let_in_a_second_time(session, make, now):
    """The ticket that is good again is good for one admission more, whatever its first one was."""
    held = make.pass_(make.plan(line=make.group_line()))
    ticket = ticket_of(session, held.seat_id)
    admin = make.actor(make.member(roles=("admin",)))
    for _ in range(2):
        assert tickets.check_in(session, text=ticket.code, secret="", actor=admin, now=now).admitted_now
        found = services_door.check(
            session, text=ticket.code, secret="", doors=Doors(), way=Way("typed"), actor=admin, now=now
        )
        assert found.outcome == "used"
        tickets.revive(session, seat_id=held.seat_id)
        found = services_door.check(
            session, text=ticket.code, secret="", doors=Doors(), way=Way("typed"), actor=admin, now=now
        )
        assert found.outcome == "admitted"
        tickets.revive(session, seat_id=held.seat_id)


def wish(session, seat, to, now, words="My brother is there", actor=None):
    return groups.ask_to_move(
        session, seat_id=seat.id, member_id=seat.member_id, to_id=to.id, words=words, now=now, actor=actor
    )


def test_a_wish_is_answered(session, make, two, now):
    line, (first, second, _third) = two
    one, other = of(session, line)
    me, boss = (
        make.actor(session.get_one(GroupLine, line.id) and make.member()),
        make.actor(make.member(roles=("admin",))),
    )
    with pytest.raises(Conflict):
        wish(session, first, other, now, actor=me)
    line.moving = "ask"
    with pytest.raises(Invalid) as refused:
        wish(session, first, other, now, words=" ", actor=me)
    assert refused.value.field == "words"
    with pytest.raises(NotFound):
        groups.ask_to_move(
            session,
            seat_id=first.id,
            member_id=second.member_id,
            to_id=other.id,
            words="x",
            now=now,
            actor=me,
        )
    wish(session, first, other, now, actor=me)
    asked = wish(session, first, other, now, actor=me)
    states = session.scalars(select(MoveRequest.state).order_by(MoveRequest.id)).all()
    assert states == ["withdrawn", "open"]
    with pytest.raises(Forbidden):
        groups.answer_wish(
            session,
            request_id=asked.id,
            grant=True,
            words="",
            actor=host(make, one, session=session),
            now=now,
        )
    with pytest.raises(Invalid):
        groups.answer_wish(session, request_id=asked.id, grant=False, words="", actor=boss, now=now)
    session.refresh(asked)
    groups.answer_wish(session, request_id=asked.id, grant=True, words="", actor=boss, now=now)
    assert first.group_id == other.id and asked.state == "granted"
    with pytest.raises(Conflict):
        groups.answer_wish(session, request_id=asked.id, grant=False, words="No", actor=boss, now=now)
    again = wish(session, first, one, now, actor=me)
    groups.answer_wish(session, request_id=again.id, grant=False, words="Not now", actor=boss, now=now)
    assert (first.group_id, again.state, again.answer) == (other.id, "declined", "Not now")
    told = [n.said for n in session.scalars(select(Notice).where(Notice.member_id == first.member_id))]
    assert told == [
        "You were moved from %(old)s to %(group)s, as you wished.",
        "Your wish to move to %(group)s was declined: %(answer)s",
    ]
    assert clean(session, now) == []


def test_a_wish_ends_with_the_seat_a_move_and_the_members_will(session, make, two, now):
    line, (first, second, third) = two
    one, other = of(session, line)
    line.moving = "ask"
    asked = [
        wish(session, first, other, now),
        wish(session, second, one, now),
        wish(session, third, other, now),
    ]
    groups.leave_seat(session, seat_id=first.id, state="left", reason="", now=now)
    move(session, make, second, one)
    groups.withdraw_wish(session, seat_id=third.id, member_id=third.member_id, now=now)
    session.expire_all()
    assert [one.state for one in asked] == ["over", "over", "withdrawn"]
    assert clean(session, now) == []


def test_where_it_is_free_they_move_at_once(session, make, two, now):
    line, (first, *_rest) = two
    _one, other = of(session, line)
    line.moving = "free"
    assert wish(session, first, other, now, words="", actor=make.actor()) is None
    assert first.group_id == other.id
    assert session.scalars(select(SeatMove.how)).one() == "free"
    assert clean(session, now) == []


def test_own_data_and_leaving(session, make, two, now):
    line, (first, *_rest) = two
    _one, other = of(session, line)
    line.moving = "ask"
    wish(session, first, other, now)
    move(session, make, first, other)
    told = export(session, first.member_id, now=now)
    assert [(m["old"], m["new"], m["reason"]) for m in told["moves"]] == [("Class 1", "Class 2", WHY)]
    assert told["wishes_to_move"][0]["words"] == "My brother is there"
    assert not {"by_id", "answered_by"} & {*told["moves"][0], *told["wishes_to_move"][0]}
    groups.forget_moves(session, first.member_id)
    assert session.scalars(select(MoveRequest.words)).one() == ""


def merge(session, make, source, target, **more):
    return groups.merge(
        session, from_id=source.id, into_id=target.id, reason="Too quiet apart", now=make.now,
        **{"capacity": None, "actor": make.actor(make.member(roles=("admin",))), **more},
    )  # fmt: skip


def test_two_groups_become_one(session, make, two, now):
    line, (first, _second, _third) = two
    one, other = of(session, line)
    doorman = host(make, other, session=session).member_id
    assert merge(session, make, other, one) == 1
    assert merge(session, make, other, one) == 0, "twice is once"
    assert counts(session, line) == [(3, 3), (0, 0)]
    assert (other.closed_at, other.into_id) == (now, one.id)
    assert services_hosts.hosted_by(session, doorman) == {one.id}
    assert session.scalars(select(SeatMove.how)).all() == ["merge"]
    assert clean(session, now) == []
    with pytest.raises(Conflict, match="closed"):
        merge(session, make, one, other)
    with pytest.raises(Conflict):
        move(session, make, first, other)
    # Nobody comes into the closed one: the list is full, they wait.
    assert make.seat(line).state == "waiting"
    groups.update_line(
        session, line_id=line.id, version=line.version, actor=make.actor(), now=now,
        draft=groups.LineDraft(slug=line.slug, name=line.name, capacities=[4, 9], kind=line.kind),
    )  # fmt: skip
    session.expire_all()
    assert counts(session, line) == [(4, 4), (0, 0)]
    assert clean(session, now) == []


def test_a_wish_to_come_into_a_group_that_is_merged_into_ones_own_is_over(session, make, now):
    line = make.group_line(capacities=[9, 9, 9], open_at_once=3, allocation="even", moving="ask")
    seats = [make.seat(line) for _ in range(3)]
    one, other, third = of(session, line)
    wishes = {
        seat.group_id: wish(
            session, seat, other, now, actor=make.actor(session.get_one(Member, seat.member_id))
        )
        for seat in seats
        if seat.group_id != other.id
    }
    merge(session, make, other, one)
    session.expire_all()
    assert (wishes[one.id].state, wishes[one.id].answered_at) == ("over", now)
    assert (wishes[third.id].state, wishes[third.id].to_id) == ("open", one.id), "the other one is led on"
    assert clean(session, now) == []


def test_they_must_fit_or_the_group_gets_more_seats_and_those_who_wait_come_in(session, make, now):
    line = make.group_line(capacities=[2, 2])
    seats = [make.seat(line) for _ in range(5)]
    one, other = of(session, line)
    for wanted in (None, 3):
        with pytest.raises(Invalid) as refused:
            merge(session, make, other, one, capacity=wanted)
        assert (refused.value.field, refused.value.params["need"]) == ("capacity", 4)
    assert counts(session, line) == [(2, 2), (2, 2)]
    assert merge(session, make, other, one, capacity=5) == 2
    assert counts(session, line) == [(5, 5), (0, 0)] and line.capacities == [5, 2]
    session.refresh(seats[-1])
    assert (seats[-1].state, seats[-1].group_id) == ("admitted", one.id)
    assert clean(session, now) == []


def test_addresses_of_groups_merged_before_lead_on(session, make, now):
    line = make.group_line(capacities=[9, 9, 9], open_at_once=3, allocation="even")
    for _ in range(6):
        make.seat(line)
    one, two_, three = of(session, line)
    merge(session, make, one, two_)
    merge(session, make, two_, three)
    assert [group.into_id for group in (one, two_)] == [three.id, three.id]
    assert three.seated == 6 and clean(session, now) == []


def test_seats_on_offer_go_over_too(session, make, now):
    line = make.group_line(capacities=[1, 3], offer_hours=24)
    first = make.seat(line)
    make.seat(line)
    one, other = of(session, line)
    other.capacity, line.capacities = 1, [1, 1]
    session.flush()
    waiting = make.seat(line)
    groups.leave_seat(session, seat_id=first.id, state="left", reason="", now=now)
    assert (waiting.state, waiting.group_id) == ("offered", one.id)
    merge(session, make, one, other, capacity=4)
    assert (waiting.state, waiting.group_id) == ("offered", other.id)
    groups.accept_offer(session, seat_id=waiting.id, member_id=waiting.member_id, now=now + HOUR)
    assert clean(session, now + HOUR) == []


def test_the_doctor_sees_a_closed_group_with_a_seat(session, make, two, now):
    line, (first, *_rest) = two
    one, other = of(session, line)
    merge(session, make, other, one)
    first.group_id = other.id
    session.flush()
    assert any("closed" in finding.message for finding in doctor.check(session, now))


def test_two_admins_merge_at_once_and_one_wins(db, make, now):
    line = make.group_line(capacities=[9, 9], open_at_once=2, allocation="even")
    for _ in range(4):
        make.seat(line)
    with db.session() as session:
        one, other = [group.id for group in of(session, line)]
    boss = make.actor(make.member(roles=("admin",)))
    ways = [(one, other), (other, one)]

    def both(session, index):
        return groups.merge(
            session,
            from_id=ways[index][0],
            into_id=ways[index][1],
            capacity=None,
            reason=WHY,
            actor=boss,
            now=now,
        )

    outcomes = concurrently(db, 2, both, retry=True)
    assert succeeded(outcomes) == [2] and isinstance(failed(outcomes)[0], Conflict)
    with db.session() as session:
        assert sorted(counts(session, line)) == [(0, 0), (9, 4)]
        assert doctor.check(session, now) == []


def at_the_last_seat(db, make, now):
    """Four who are moved into a group with one seat left, and four newcomers."""
    line = make.group_line(capacities=[8, 2], open_at_once=2, allocation="even")
    seats = [make.seat(line) for _ in range(6)]
    with db.session() as session:
        first, second = of(session, line)
        inside = [seat for seat in seats if seat.group_id == first.id][:4]
        one, other = first.id, second.id
    boss = make.actor(make.member(roles=("admin",)))
    newcomers = [make.member(number=True) for _ in range(4)]

    def at_once(session, index):
        if index < 4:
            return groups.move(
                session, seat_id=inside[index].id, to_id=other, reason=WHY, actor=boss, now=now
            ).group_id
        return groups.take_seat(session, line_id=line.id, member_id=newcomers[index - 4].id, now=now).state

    return line, one, other, concurrently(db, 8, at_once, retry=True)


def test_moves_and_entries_meet_at_the_last_seat(db, make, now):
    line, _one, _other, outcomes = at_the_last_seat(db, make, now)
    assert all(isinstance(error, Conflict) for error in failed(outcomes))
    with db.session() as session:
        assert all(seated <= capacity for capacity, seated in counts(session, line))
        assert doctor.check(session, now) == []


def test_control_without_the_lock_seats_and_counters_part(db, make, now):
    with locks.disabled():
        outcomes = at_the_last_seat(db, make, now)[-1]
    with db.session() as session:
        findings = doctor.check(session, now)
    lost = [error for error in failed(outcomes) if not isinstance(error, Conflict)]
    assert findings or lost


def test_passes_find_the_seat_after_a_move(session, make, now):
    line = make.group_line(capacities=[3, 3], open_at_once=2, allocation="even")
    held = make.pass_(make.plan(line=line))
    seat = session.get_one(Seat, held.seat_id)
    move(session, make, seat, of(session, line)[1])
    passes.revoke(session, pass_id=held.id, reason="Back", now=now, actor=make.actor())
    assert seat.state == "removed" and counts(session, line) == [(3, 0), (3, 0)]
    assert session.scalars(select(EntryTicket.state)).one() == "void"
    assert clean(session, now + 2 * HOUR) == []
