"""A spin-off ends: by its leader or an admin, once, told to all; its board is read on; an admin brings it back."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from qunclub import board, groups
from qunclub.board import queries as board_queries
from qunclub.board.rules import GROUP_CLOSED
from qunclub.groups import (
    doctor,
    moving_ends,
    queries_spin_off,
    services_hosts,
    services_restore,
    services_spin_off,
    services_spin_off_end,
    services_waiting,
)
from qunclub.groups.models import Group, GroupLine, Seat
from qunclub.groups.models_spin_off import SpinOff
from qunclub.home import leaving
from qunclub.home.export import export
from qunclub.kernel import Conflict, Forbidden, Invalid, NotFound
from qunclub.notices.models import Notice
from tests.groups.test_spin_offs import actor_of, approve, join, parent, propose
from tests.support.concurrency import concurrently
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

LATER = dt.timedelta(days=3)


def there(session, make, now, *, capacity=3):
    """A spin-off with its leader, one member inside, and one who waits when there are two seats."""
    _line, (mine, beside), (other, _further) = parent(make)
    made = approve(session, make, propose(session, mine, now, groups.Proposal("Runners", "Run.", capacity)))
    made.open_to = "line"
    join(session, made, beside.member_id, now)
    join(session, made, other.member_id, now)
    return made, mine, beside, other


def end(session, make, made, member_id, now, reason="We ran enough"):
    actor = actor_of(session, make, member_id) if member_id else make.actor(make.member(roles=("admin",)))
    return services_spin_off_end.end(session, ident=made.id, reason=reason, actor=actor, now=now)


def restore(session, make, made, now):
    boss = make.actor(make.member(roles=("admin",)))
    return services_spin_off_end.restore(session, ident=made.id, actor=boss, now=now)


def told(session, member_id):
    return session.scalars(select(Notice.said).where(Notice.member_id == member_id)).all()


def live(session, made):
    query = select(Seat.member_id, Seat.state).where(
        Seat.line_id == made.line_id, Seat.state.in_(groups.LIVE)
    )
    return {member: state for member, state in session.execute(query)}


def test_it_ends_for_everybody_and_is_told_once(session, make, now):
    made, mine, beside, other = there(session, make, now, capacity=2)
    assert live(session, made)[other.member_id] == "waiting"
    with pytest.raises(Forbidden):
        end(session, make, made, beside.member_id, now)
    with pytest.raises(Invalid) as refused:
        end(session, make, made, mine.member_id, now, reason=" ")
    assert refused.value.field == "reason"
    for _ in range(2):
        end(session, make, made, mine.member_id, now)
    group, line = session.get_one(Group, made.group_id), session.get_one(GroupLine, made.line_id)
    assert (group.seated, group.capacity, group.closed_at, line.waiting_count) == (0, 0, now, 0)
    assert (made.state, made.leader_id, made.leader_note) == ("ended", mine.member_id, "We ran enough")
    assert live(session, made) == {}
    assert services_hosts.hosted_by(session, mine.member_id) == frozenset()
    for one in (mine, beside, other):
        assert told(session, one.member_id).count(services_spin_off_end.TOLD) == 1
        assert one.state == "admitted", "the seat in the parent stays"
    assert doctor.check(session, now) == []


def test_nobody_comes_in_leads_or_is_given_a_seat_in_what_has_ended(session, make, now):
    made, mine, beside, other = there(session, make, now)
    inside = session.scalars(
        select(Seat).where(Seat.line_id == made.line_id, Seat.member_id == beside.member_id)
    ).one()
    end(session, make, made, None, now)
    with pytest.raises(Conflict, match="has ended"):
        join(session, made, other.member_id, now)
    with pytest.raises(Conflict, match="has ended"):
        groups.take_seat(session, line_id=made.line_id, member_id=other.member_id, now=now)
    assert services_restore.restore_seat(session, seat_id=inside.id, now=now).state == "left"
    with pytest.raises(NotFound):
        services_spin_off.led(session, made.id, actor_of(session, make, mine.member_id))
    assert doctor.check(session, now) == []


def test_who_sat_in_it_reads_its_board_on_and_nobody_writes(session, make, now, zone=dt.UTC):
    made, mine, beside, other = there(session, make, now)
    slug = session.get_one(Group, made.group_id).slug
    gone = session.scalars(
        select(Seat.id).where(Seat.line_id == made.line_id, Seat.member_id == other.member_id)
    ).one()
    groups.leave_seat(session, seat_id=gone, state="left", reason="", now=now)
    end(session, make, made, mine.member_id, now + LATER)
    for one in (mine, beside):
        here = board_queries.place(session, slug, actor_of(session, make, one.member_id))
        assert here.closed and here.seated and not here.staff
        assert made.group_id not in [one.group_id for one in board.my_boards(session, one.member_id)]
        with pytest.raises(Forbidden, match="has ended") as refused:
            board.write(
                session, slug=slug, actor=actor_of(session, make, one.member_id), body_md="x",
                now=now + LATER, zone=zone,
            )  # fmt: skip
        assert refused.value.message == GROUP_CLOSED
    with pytest.raises(NotFound):
        board_queries.place(session, slug, actor_of(session, make, other.member_id))


def test_who_only_waited_or_had_an_offer_reads_no_board(session, make, now):
    made, mine, _beside, other = there(session, make, now, capacity=2)
    line, group = session.get_one(GroupLine, made.line_id), session.get_one(Group, made.group_id)
    further = make.seat(session.get_one(GroupLine, made.parent_line_id))
    join(session, made, further.member_id, now)
    group.capacity = 3
    line.offer_hours = 48
    session.flush()
    services_waiting.admit_waiting(session, line, now=now)
    assert [live(session, made)[one.member_id] for one in (other, further)] == ["offered", "waiting"]
    end(session, make, made, mine.member_id, now + LATER)
    for one, was in ((mine, "seated"), (other, "listed"), (further, "listed")):
        assert queries_spin_off.at_the_end(session, group, one.member_id) == was
        ended = [row.spin.id for row in queries_spin_off.ended_with(session, one.member_id)]
        assert ended == ([made.id] if was == "seated" else [])
    for one in (other, further):
        with pytest.raises(NotFound):
            board_queries.place(session, group.slug, actor_of(session, make, one.member_id))
        with pytest.raises(NotFound):
            board_queries.pulse(session, group.slug, actor_of(session, make, one.member_id))


def test_an_admin_brings_it_back_as_it_was(session, make, now):
    made, mine, beside, other = there(session, make, now, capacity=2)
    with pytest.raises(Conflict):
        restore(session, make, made, now)
    before = live(session, made)
    end(session, make, made, mine.member_id, now)
    again = restore(session, make, made, now + LATER)
    assert again == (made, 2) and live(session, made) == before
    group, line = session.get_one(Group, made.group_id), session.get_one(GroupLine, made.line_id)
    assert (group.seated, group.capacity, group.closed_at, line.waiting_count) == (2, 2, None, 1)
    assert (made.state, made.leader_id, made.leader_note) == ("approved", mine.member_id, "")
    assert services_hosts.hosted_by(session, mine.member_id) == {made.group_id}
    assert services_spin_off_end.BACK_LEADER in told(session, mine.member_id)
    assert services_spin_off_end.BACK in told(session, beside.member_id)
    assert services_spin_off_end.BACK_LIST in told(session, other.member_id)
    assert doctor.check(session, now + LATER) == []
    end(session, make, made, mine.member_id, now + 2 * LATER)
    assert told(session, beside.member_id).count(services_spin_off_end.TOLD) == 2, (
        "the second end is told too"
    )


def test_who_left_the_parent_or_is_barred_does_not_come_back(session, make, now):
    made, mine, beside, other = there(session, make, now)
    end(session, make, made, None, now)
    groups.leave_seat(session, seat_id=mine.id, state="left", reason="", now=now + LATER)
    groups.bar_member(
        session, member_id=beside.member_id, line_id=made.line_id, reason="Rude",
        actor=make.actor(make.member(roles=("admin",))), now=now + LATER,
    )  # fmt: skip
    assert restore(session, make, made, now + LATER)[1] == 1
    assert live(session, made) == {other.member_id: "admitted"}
    assert (made.leader_id, made.leader_note) == (None, moving_ends.LEADER_LEFT)
    assert doctor.check(session, now + LATER) == []


def test_own_data_says_so_and_leaving_the_club_leaves_no_trace(session, make, now):
    made, mine, _beside, _other = there(session, make, now)
    end(session, make, made, mine.member_id, now)
    (one,) = export(session, mine.member_id, now=now)["spin_offs"]
    assert (one["state"], one["leads"], one["led_last"], one["end_reason"]) == (
        "ended", False, True, "We ran enough",
    )  # fmt: skip
    assert one["ended_at"] == now.isoformat()
    leaving.leave(
        session, actor=actor_of(session, make, mine.member_id), member_id=mine.member_id, now=now + LATER
    )
    session.expire_all()
    kept = session.scalars(select(SpinOff)).one()
    assert (kept.name, kept.leader_id, kept.proposer_id) == ("Runners", None, None)
    assert doctor.check(session, now + LATER) == []


def test_the_doctor_sees_one_that_ended_and_is_open(session, make, now):
    made, mine, _beside, _other = there(session, make, now)
    end(session, make, made, mine.member_id, now)
    group = session.get_one(Group, made.group_id)
    group.closed_at = None
    session.flush()
    assert "has ended and its group is open" in " ".join(one.message for one in doctor.check(session, now))
    group.closed_at, made.state = now, "approved"
    session.flush()
    said = " ".join(one.message for one in doctor.check(session, now))
    assert "is closed and leads nowhere" in said and "is there and its group is closed" in said


def test_somebody_comes_in_while_it_ends(db, make, now):
    line, (mine, _beside), _others = parent(make)
    late, boss = make.seat(line).member_id, make.actor(make.member(roles=("admin",)))
    with db.uow() as session:
        ident = propose(session, mine, now, groups.Proposal("Runners", "Run.", 9)).id
        services_spin_off.decide(session, ident=ident, approve=True, slug="runners", actor=boss, now=now)
        session.get_one(SpinOff, ident).open_to = "line"

    def act(session, index):
        if index:
            return services_spin_off.join(session, ident=ident, member_id=late, now=now).state
        return services_spin_off_end.end(session, ident=ident, reason="Over", actor=boss, now=now).state

    concurrently(db, 2, act, retry=True)
    with db.session() as session:
        assert live(session, session.get_one(SpinOff, ident)) == {}
        assert doctor.check(session, now) == []


def test_the_pages_of_an_end(make, client, site_db, now):
    line = make.group_line(slug="home", name="Home", capacities=[9])
    lead_account, lead = make.person(name="Lead", number=True)
    guest_account, guest = make.person(name="Guest", number=True)
    boss_account, boss = make.person(name="Boss", roles=("admin",))
    seat, _beside, by = make.seat(line, lead), make.seat(line, guest), make.actor(boss)
    with site_db.uow() as session:
        made = services_spin_off.propose(
            session, group_id=seat.group_id, member_id=lead.id, said=groups.Proposal("Runners", "Run.", 9),
            now=now,
        )  # fmt: skip
        services_spin_off.decide(session, ident=made.id, approve=True, slug="runners", actor=by, now=now)
        services_spin_off.join(session, ident=made.id, member_id=guest.id, now=now)
    sign_in(client, guest_account)
    in_language(client, "en")
    assert client.get("/groups/spin-offs/1/end").status_code == 403
    assert post(client, "/groups/spin-offs/1/end", {"reason": "x"}).status_code == 403
    sign_in(client, lead_account)
    in_language(client, "en")
    assert 'href="/groups/spin-offs/1/end"' in text_of(client.get("/groups/spin-offs/1/lead"))
    page = text_of(client.get("/groups/spin-offs/1/end"))
    assert "What happens" in page and "(2)" in page and "Home 1" in page
    assert post(client, "/groups/spin-offs/1/end", {"reason": ""}).status_code == 422
    with site_db.session() as session:
        sits = session.scalars(
            select(Seat.id).where(Seat.member_id == guest.id, Seat.line_id != line.id)
        ).one()
    for where in ("end", f"remove/{sits}"):
        blank = post(client, f"/groups/spin-offs/1/{where}", {"reason": "  "})
        assert blank.status_code == 422 and 'name="reason"' in text_of(blank)
        assert "Say why in a few words." in text_of(blank)
    page = text_of(post(client, "/groups/spin-offs/1/end", {"reason": "Ran enough"}, follow_redirects=True))
    assert "The group has ended; everybody in it is told." in page and "Ran enough" in page
    assert "Home 1" in page, "the parent stays named"
    assert client.get("/groups/spin-offs/1/lead").status_code == 404
    assert client.get("/groups/spin-offs/1/end").status_code == 303, "a second time leads to its page"
    sign_in(client, guest_account)
    in_language(client, "en")
    with count_statements(site_db.engine) as seen:
        page = text_of(client.get("/groups/runners", follow_redirects=True))
    assert "This group has ended" in page and "Ran enough" in page and "Read its board" in page
    assert "Come in" not in page and "Bring it back" not in page and "Free seats" not in page
    assert seen.count < 30, seen
    assert "Ended; their boards stay" in text_of(client.get("/groups/spin-offs"))
    assert "Runners" not in text_of(client.get("/groups/home-1")) and "Runners" not in text_of(
        client.get("/groups")
    )
    assert "nobody writes" in text_of(client.get("/groups/runners-1/board"))
    with site_db.uow() as session:
        session.scalars(select(Seat).where(Seat.id == sits)).one().admitted_at = None
    page = text_of(client.get("/groups/runners-1"))
    assert "Ran enough" in page and "Read its board" not in page, "who had an offer reads why, and no more"
    assert client.get("/groups/runners-1/board").status_code == 404
    with site_db.uow() as session:
        session.scalars(select(Seat).where(Seat.id == sits)).one().admitted_at = now
    stranger = client.application.test_client()
    page = text_of(stranger.get("/groups/runners?lang=en", follow_redirects=True))
    assert "Ran enough" not in page
    assert post(client, "/admin/groups/spin-offs/1/restore", {}).status_code == 403
    sign_in(client, boss_account)
    in_language(client, "en")
    page = text_of(client.get("/groups/runners-1"))
    assert "Bring it back" in page and "You can write now" not in page
    page = text_of(client.get("/admin/groups/spin-offs"))
    assert "Bring it back" in page and "Ran enough" in page
    page = text_of(post(client, "/admin/groups/spin-offs/1/restore", {}, follow_redirects=True))
    assert "The group is there again. In their seats and told: 2." in page
    page = text_of(post(client, "/admin/groups/spin-offs/1/restore", {}, follow_redirects=True))
    assert "This group has not ended." in page
