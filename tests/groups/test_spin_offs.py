"""Spin-offs: proposed, approved, joined from the parent without paying, led, handed over; they end with the parent."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from qunclub import board, groups
from qunclub.board import queries as board_queries
from qunclub.groups import doctor, moving_ends, rules_spin_off, services_hosts, services_spin_off
from qunclub.groups.models import Group, GroupLine, Seat
from qunclub.groups.models_hosts import GroupHost
from qunclub.groups.models_spin_off import SpinOff
from qunclub.groups.rules_spin_off import Proposal
from qunclub.home import leaving
from qunclub.home.export import export
from qunclub.kernel import Conflict, Forbidden, Invalid, NotFound, Stale
from qunclub.members.models import Member
from qunclub.notices.models import Notice
from tests.support.concurrency import concurrently, succeeded
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

SAID = Proposal("Runners", "We run on Sundays.", 3)


def parent(make, **line):
    """A line of two groups and two seats in each."""
    made = make.group_line(
        capacities=[5, 5], allocation="even", open_at_once=2, slug="club", covenant_md="Be kind.", **line
    )
    seats = [make.seat(made) for _ in range(4)]
    return made, [seats[0], seats[2]], [seats[1], seats[3]]


def propose(session, seat, now, said=SAID):
    return services_spin_off.propose(
        session, group_id=seat.group_id, member_id=seat.member_id, said=said, now=now
    )


def approve(session, make, made, **more):
    boss = make.actor(make.member(roles=("admin",)))
    return services_spin_off.decide(
        session, ident=made.id, now=make.now, **{"approve": True, "slug": "runners", "actor": boss, **more}
    )


def join(session, made, member_id, now):
    return services_spin_off.join(session, ident=made.id, member_id=member_id, now=now)


def actor_of(session, make, member_id):
    return make.actor(session.get_one(Member, member_id))


@pytest.mark.parametrize(
    ("said", "field"),
    [
        (Proposal(" ", "x", 3), "name"),
        (Proposal("x", " ", 3), "purpose"),
        (Proposal("x", "y" * 5000, 3), "purpose"),
        (Proposal("x", "y", 1), "capacity"),
        (Proposal("x", "y", 3, "world"), "open_to"),
    ],
)
def test_what_a_proposal_says(said, field):
    with pytest.raises(Invalid) as refused:
        rules_spin_off.checked(said)
    assert refused.value.field == field


def test_proposed_approved_and_led(session, make, now):
    _line, (mine, _beside), (other, _further) = parent(make)
    made = propose(session, mine, now)
    with pytest.raises(Conflict):
        propose(session, mine, now)
    with pytest.raises(Forbidden):
        services_spin_off.propose(
            session, group_id=mine.group_id, member_id=other.member_id, said=SAID, now=now
        )
    for slug in ("Not One", "club-2", "club-9"):
        with pytest.raises(Invalid) as refused:
            approve(session, make, made, slug=slug)
        assert refused.value.field == "slug"
        made.state, made.answered_at = "proposed", None
    approve(session, make, made)
    line = session.get_one(GroupLine, made.line_id)
    assert (line.kind, line.posting, line.capacities, line.slug) == ("spin_off", "all", [3], "runners")
    assert session.get_one(Group, made.group_id).name == "Runners"
    covenant = groups.current_covenant(session, line.id)
    assert covenant is not None and covenant.body_md == "Be kind."
    assert made.leader_id == mine.member_id
    assert services_hosts.hosted_by(session, mine.member_id) == {made.group_id}
    assert (
        services_spin_off.APPROVED
        in session.scalars(select(Notice.said).where(Notice.member_id == mine.member_id)).all()
    )
    with pytest.raises(Conflict):
        approve(session, make, made)
    with pytest.raises(Conflict):
        propose(session, session.scalars(select(Seat).where(Seat.line_id == line.id)).one(), now)
    assert doctor.check(session, now) == []


def test_declined_with_a_reason_or_withdrawn(session, make, now):
    _line, (mine, beside), _others = parent(make)
    made = propose(session, mine, now)
    with pytest.raises(Invalid):
        approve(session, make, made, approve=False)
    session.refresh(made)
    approve(session, make, made, approve=False, answer="There is one already")
    assert (made.state, made.answer, made.line_id) == ("declined", "There is one already", None)
    again = propose(session, beside, now)
    with pytest.raises(NotFound):
        services_spin_off.withdraw(session, ident=again.id, member_id=mine.member_id, now=now)
    services_spin_off.withdraw(session, ident=again.id, member_id=beside.member_id, now=now)
    with pytest.raises(Conflict):
        approve(session, make, again)
    gone = propose(session, beside, now)
    groups.leave_seat(session, seat_id=beside.id, state="left", reason="", now=now)
    with pytest.raises(Conflict, match="no seat"):
        approve(session, make, gone)


def test_who_sits_in_the_parent_comes_in_and_nobody_else(session, make, now):
    _line, (mine, beside), (other, further) = parent(make)
    made = approve(session, make, propose(session, mine, now))
    seat = join(session, made, beside.member_id, now)
    assert join(session, made, beside.member_id, now).id == seat.id and seat.state == "admitted"
    for stranger in (other.member_id, make.member(number=True).id):
        with pytest.raises(Forbidden):
            join(session, made, stranger, now)
    made.open_to = "line"
    assert join(session, made, other.member_id, now).state == "admitted"
    assert join(session, made, further.member_id, now).state == "waiting"
    assert session.get_one(Group, made.group_id).seated == 3
    assert doctor.check(session, now) == []


def test_it_ends_with_the_seat_in_the_parent_and_the_next_comes_in(session, make, now):
    _line, (mine, beside), (other, further) = parent(make)
    made = approve(session, make, propose(session, mine, now, Proposal("Runners", "Run", 3, "line")))
    inside = [join(session, made, seat.member_id, now) for seat in (beside, other, further)]
    assert [seat.state for seat in inside] == ["admitted", "admitted", "waiting"]
    groups.leave_seat(session, seat_id=beside.id, state="left", reason="", now=now)
    assert [seat.state for seat in inside] == ["left", "admitted", "admitted"]
    assert inside[0].end_reason == moving_ends.PARENT_ENDED
    groups.leave_seat(session, seat_id=mine.id, state="removed", reason="Spam", now=now)
    session.expire_all()
    assert (made.leader_id, made.leader_note) == (None, moving_ends.LEADER_LEFT)
    assert services_hosts.hosted_by(session, mine.member_id) == frozenset()
    assert doctor.check(session, now) == []
    boss = make.actor(make.member(roles=("admin",)))
    number = str(session.get_one(Member, other.member_id).number)
    services_spin_off.hand_over(session, ident=made.id, number=number, actor=boss, now=now)
    assert (made.leader_id, made.leader_note) == (other.member_id, "")
    assert doctor.check(session, now) == []


def test_a_seat_is_not_given_back_to_who_has_left_the_parent(session, make, now):
    _line, (first, second), _others = parent(make)
    made = approve(session, make, propose(session, first, now))
    inside = join(session, made, second.member_id, now)
    boss = make.actor(make.member(roles=("admin",)))
    groups.remove_member(session, seat_id=inside.id, reason="Rude", actor=boss, now=now, scope="none")
    assert groups.restore_seat(session, seat_id=inside.id, now=now).state == "admitted"
    groups.remove_member(session, seat_id=inside.id, reason="Rude", actor=boss, now=now, scope="none")
    groups.leave_seat(session, seat_id=second.id, state="left", reason="", now=now)
    assert groups.restore_seat(session, seat_id=inside.id, now=now).state == "removed"
    assert doctor.check(session, now) == []


def test_the_leader_hands_over_and_puts_out_and_nobody_else_does(session, make, now):
    _line, (mine, beside), _others = parent(make)
    made = approve(session, make, propose(session, mine, now))
    seat = join(session, made, beside.member_id, now)
    leader, member = (actor_of(session, make, one.member_id) for one in (mine, beside))
    number = str(session.get_one(Member, beside.member_id).number)
    for verb in (
        lambda who: services_spin_off.hand_over(session, ident=made.id, number=number, actor=who, now=now),
        lambda who: services_spin_off.put_out(
            session, ident=made.id, seat_id=seat.id, reason="No", actor=who, now=now
        ),
        lambda who: services_spin_off.change(
            session, ident=made.id, version=1, purpose="x", entry_url="", entry_note="", actor=who, now=now
        ),
    ):
        with pytest.raises(Forbidden):
            verb(member)
    with pytest.raises(NotFound):
        services_spin_off.put_out(session, ident=made.id, seat_id=mine.id, reason="No", actor=leader, now=now)
    with pytest.raises(Invalid):
        services_spin_off.hand_over(session, ident=made.id, number="99999", actor=leader, now=now)
    for _ in range(2):
        services_spin_off.hand_over(session, ident=made.id, number=number, actor=leader, now=now)
        leader = member
    assert services_hosts.hosted_by(session, beside.member_id) == {made.group_id}
    assert services_hosts.hosted_by(session, mine.member_id) == frozenset()
    with pytest.raises(Conflict):
        services_spin_off.put_out(session, ident=made.id, seat_id=seat.id, reason="No", actor=member, now=now)
    old = groups.live_seat(session, line_id=made.line_id, member_id=mine.member_id)
    assert old is not None
    services_spin_off.put_out(session, ident=made.id, seat_id=old.id, reason="Shouts", actor=member, now=now)
    with pytest.raises(groups.Barred):
        join(session, made, mine.member_id, now)
    assert mine.state == "admitted", "the seat in the parent stays"
    assert doctor.check(session, now) == []


def test_a_host_of_the_whole_club_who_leads_stays_one(session, make, now):
    line = make.group_line()
    host = make.member(number=True, roles=("host",))
    made = approve(session, make, propose(session, make.seat(line, host), now))
    assert services_hosts.hosted_by(session, host.id) == frozenset()
    assert made.leader_id == host.id and doctor.check(session, now) == []


def test_what_the_leader_says_and_a_stale_save(session, make, now):
    _line, (mine, _beside), _others = parent(make)
    made = approve(session, make, propose(session, mine, now))
    leader = actor_of(session, make, mine.member_id)
    say = {
        "ident": made.id,
        "entry_url": "https://chat.example.com",
        "entry_note": "Ring",
        "actor": leader,
        "now": now,
    }
    services_spin_off.change(session, version=made.version, purpose="We swim", **say)
    group = session.get_one(Group, made.group_id)
    assert (made.purpose, group.entry_url) == ("We swim", "https://chat.example.com")
    assert session.get_one(GroupLine, made.line_id).posting_note == "We swim"
    with pytest.raises(Stale):
        services_spin_off.change(session, version=made.version - 1, purpose="We fly", **say)
    with pytest.raises(Invalid):
        services_spin_off.change(session, version=made.version, purpose=" ", **say)


def test_the_leader_is_staff_on_this_board_alone(session, make, now):
    _line, (mine, beside), _others = parent(make)
    made = approve(session, make, propose(session, mine, now))
    join(session, made, beside.member_id, now)
    leader, member = (actor_of(session, make, one.member_id) for one in (mine, beside))
    home = session.get_one(Group, mine.group_id).slug
    here = session.get_one(Group, made.group_id).slug
    assert board_queries.place(session, here, leader).staff
    assert not board_queries.place(session, here, member).staff
    assert not board_queries.place(session, home, leader).staff
    assert board.my_boards(session, mine.member_id)


def test_a_spin_off_is_not_made_by_hand_nor_merged(session, make, now):
    with pytest.raises(Invalid) as refused:
        make.group_line(kind="spin_off")
    assert refused.value.field == "kind"
    line = make.group_line()
    with pytest.raises(Invalid):
        groups.update_line(
            session, line_id=line.id, version=1, actor=make.actor(), now=now,
            draft=groups.LineDraft(slug=line.slug, name="x", capacities=[5], kind="spin_off"),
        )  # fmt: skip


def test_a_merge_takes_the_spin_offs_along(session, make, now):
    _line, (mine, _beside), (other, _further) = parent(make)
    made = approve(session, make, propose(session, mine, now))
    groups.merge(
        session,
        from_id=mine.group_id,
        into_id=other.group_id,
        capacity=None,
        reason="One",
        actor=make.actor(),
        now=now,
    )
    assert made.parent_group_id == other.group_id
    assert join(session, made, other.member_id, now).state == "admitted"
    assert doctor.check(session, now) == []


def test_own_data_and_leaving_the_club(session, make, now):
    _line, (mine, beside), _others = parent(make)
    made = approve(session, make, propose(session, mine, now))
    propose(session, beside, now, Proposal("Secret", "A secret of mine", 9))
    told = export(session, mine.member_id, now=now)["spin_offs"]
    assert [(one["name"], one["leads"], one["proposed"]) for one in told] == [("Runners", True, True)]
    for one in (mine, beside):
        leaving.leave(session, actor=actor_of(session, make, one.member_id), member_id=one.member_id, now=now)
    session.expire_all()
    assert session.scalars(select(SpinOff.name)).all() == ["Runners"]
    assert (made.proposer_id, made.leader_id, made.leader_note) == (None, None, moving_ends.LEADER_LEFT)
    assert session.scalars(select(GroupHost)).all() == []
    assert doctor.check(session, now) == []


def test_the_doctor_sees_one_without_parent_leader_or_members_parent(session, make, now):
    _line, (mine, beside), _others = parent(make)
    made = approve(session, make, propose(session, mine, now))
    join(session, made, beside.member_id, now)
    made.leader_id = None
    beside.state, beside.ended_at = "left", now
    session.flush()
    told = " ".join(finding.message for finding in doctor.check(session, now))
    assert "no leader and does not say why" in told and "no seat in the parent" in told


def test_two_admins_answer_at_once_and_one_group_opens(db, make, now):
    _line, (mine, _beside), _others = parent(make)
    with db.uow() as session:
        made = propose(session, mine, now).id
    boss = make.actor(make.member(roles=("admin",)))

    def answer(session, index):
        return services_spin_off.decide(
            session, ident=made, approve=True, slug=f"runners-{'ab'[index]}", actor=boss, now=now
        ).state

    assert succeeded(concurrently(db, 2, answer, retry=True)) == ["approved"]
    with db.session() as session:
        assert len(session.scalars(select(GroupLine).where(GroupLine.kind == "spin_off")).all()) == 1
        assert doctor.check(session, now) == []


def leave_page(client, site_db, slug, member_id):
    with site_db.session() as session:
        seat = session.scalars(
            select(Seat.id)
            .join(GroupLine, GroupLine.id == Seat.line_id)
            .where(GroupLine.slug == slug, Seat.member_id == member_id)
        ).one()
    return text_of(client.get(f"/groups/seats/{seat}/leave"))


def test_pages_from_the_proposal_to_the_leaders_desk(make, client, site_db):
    line = make.group_line(slug="home", name="Home", capacities=[9])
    account, me = make.person(name="Lead", number=True)
    guest_account, guest = make.person(name="Guest", number=True)
    boss_account, _boss = make.person(name="Boss", roles=("admin",))
    for one in (me, guest):
        make.seat(line, one)
    sign_in(client, account)
    in_language(client, "en")
    assert "Propose a group of your own" in text_of(client.get("/groups/home-1"))
    typed = {"name": "Runners", "purpose": "We run.", "capacity": "20", "open_to": "group"}
    wrong = post(client, "/groups/spin-offs/new/home-1", {**typed, "capacity": "1"})
    assert wrong.status_code == 422 and "We run." in text_of(wrong)
    page = post(client, "/groups/spin-offs/new/home-1", typed, follow_redirects=True)
    assert "An admin looks at it" in text_of(page)
    assert "an admin looks at it" in text_of(client.get("/groups/spin-offs"))
    second = post(client, "/groups/spin-offs/new/home-1", {**typed, "purpose": "We row."})
    assert second.status_code == 409 and "We row." in text_of(second)
    assert "A proposal of yours is being looked at." in text_of(second)
    sign_in(client, guest_account)
    assert client.get("/groups/spin-offs/1").status_code == 404
    sign_in(client, boss_account)
    in_language(client, "en")
    assert "Waiting for your answer" in text_of(client.get("/admin/groups/spin-offs"))
    assert post(client, "/admin/groups/spin-offs/1", {"decline": "1"}).status_code == 422
    page = post(
        client, "/admin/groups/spin-offs/1", {"approve": "1", "slug": "runners"}, follow_redirects=True
    )
    assert "The group is open" in text_of(page) and "Lead" in text_of(page)
    sign_in(client, guest_account)
    in_language(client, "en")
    assert "Runners" in text_of(client.get("/groups/home-1")) and "Led by Lead." in text_of(
        client.get("/groups/home-1")
    )
    told = text_of(client.get("/g/runners", follow_redirects=True))
    assert "Come in" in told and "Home 1" in told
    assert "Welcome to Runners" in text_of(
        post(client, "/groups/spin-offs/1/join", {}, follow_redirects=True)
    )
    assert client.get("/groups/spin-offs/1/lead").status_code == 403
    assert 'href="/groups/spin-offs"' in text_of(client.get("/groups")), "the list is found"
    pages = {slug: leave_page(client, site_db, slug, guest.id) for slug in ("runners", "home")}
    assert "as long as you have a seat in the parent group" in pages["runners"]
    assert "entry ticket" not in pages["runners"] and "welcome page of your pass" not in pages["runners"]
    assert "groups of members beside it end too" in pages["home"] and "entry ticket is void" in pages["home"]
    assert "You lead this group" not in pages["runners"]
    sign_in(client, account)
    in_language(client, "en")
    assert "You lead this group" in leave_page(client, site_db, "runners", me.id)
    with site_db.session() as session:
        [own] = session.scalars(
            select(Seat.id)
            .join(GroupLine, GroupLine.id == Seat.line_id)
            .where(GroupLine.slug == "runners", Seat.member_id == me.id)
        )
    first = post(client, f"/groups/spin-offs/1/remove/{own}", {"reason": "I am tired"})
    assert (
        first.status_code == 409
        and "I am tired" in text_of(first)
        and "Hand the group over" in text_of(first)
    )
    with count_statements(site_db.engine) as seen:
        told = text_of(client.get("/groups/spin-offs/1/lead"))
    assert "Guest" in told and "leads the group" in told and seen.count < 20, seen
    say = {"purpose": "We swim.", "entry_url": "ftp://x", "entry_note": "", "version": "1"}
    assert post(client, "/groups/spin-offs/1/lead", say).status_code == 422
    assert post(client, "/groups/spin-offs/1/lead", {**say, "entry_url": ""}).status_code == 303
    late = post(client, "/groups/spin-offs/1/lead", {**say, "entry_url": "", "purpose": "We dive."})
    assert late.status_code == 409 and "We dive." in text_of(late) and "We swim." in text_of(late)
    assert "Nobody in this group" in text_of(post(client, "/groups/spin-offs/1/hand-over", {"number": "999"}))
    page = post(client, "/groups/spin-offs/1/hand-over", {"number": str(guest.number)}, follow_redirects=True)
    assert "Guest leads the group now." in text_of(page)
    assert client.get("/groups/spin-offs/1/lead").status_code == 403
    sign_in(client, guest_account)
    in_language(client, "zh")
    assert "带领" in text_of(client.get("/groups/spin-offs/1/lead"))
    with site_db.session() as session:
        seat = session.scalars(
            select(Seat)
            .join(GroupLine, GroupLine.id == Seat.line_id)
            .where(GroupLine.slug == "runners", Seat.member_id == me.id)
        ).one()
    assert client.get(f"/groups/spin-offs/1/remove/{seat.id}").status_code == 200
    assert post(client, f"/groups/spin-offs/1/remove/{seat.id}", {"reason": "Bye"}).status_code == 303
