"""From a report to what follows, and back: the ladder, logs that never change, nobody judging their own case."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from qunclub import groups
from qunclub import house as room
from qunclub.groups import services
from qunclub.groups.models import Group, Seat
from qunclub.house import doctor, queries, services_reports, subjects
from qunclub.house.models import Mute, Report, Sanction, SanctionAppeal, Violation
from qunclub.house.rules_ladder import Ladder, Step
from qunclub.kernel import Conflict, Forbidden, Invalid, NotFound, Stale, outbox
from qunclub.passes.models import EntryTicket

DAY = dt.timedelta(days=1)


def decide(session, report, house, act, *, days=0, departure="", actor=None, now=None, reason="You shouted."):
    return room.decide(
        session, report_id=report.id, act=act, days=days, reason=reason, departure=departure,
        actor=actor or house.host, now=now or report.opened_at,
    )  # fmt: skip


def mails(session, template):
    rows = session.scalars(select(outbox.OutboxMessage).where(outbox.OutboxMessage.kind == "mail"))
    return [row.payload for row in rows if row.payload["template"] == template]


def findings(session, now):
    return doctor.check(session, now)


def test_a_report_waits_in_the_queue(session, make, house, now):
    one = make.reported(house)
    assert (one.state, one.group_id, one.author_id) == ("open", house.group.id, house.member.id)
    assert services_reports.waiting(session) == 1 == services_reports.counted(session)
    with pytest.raises(Conflict):
        make.reported(house)
    third = make.member(number=True)
    with pytest.raises(NotFound):
        make.reported(house, by=third)
    make.seat(house.line, third)
    make.reported(house, by=third)
    with pytest.raises(Conflict, match="your own"):
        make.reported(house, by=house.member)
    for field, wrong in (("category", {"category": "x"}), ("reason", {"reason": " "})):
        with pytest.raises(Invalid) as error:
            make.reported(house, by=third, subject_id=house.other_seat.id, **wrong)
        assert error.value.field == field
    with pytest.raises(NotFound):
        make.reported(house, kind="spaceship")
    with pytest.raises(NotFound):
        make.reported(house, subject_id=10**6)


def test_too_many_reports_of_one_member(session, make, now, monkeypatch):
    house = make.house(capacities=(9,))
    monkeypatch.setattr(services_reports, "MOST_OPEN", 2)
    seats = [make.seat(house.line) for _ in range(3)]
    for seat in seats[:2]:
        make.reported(house, subject_id=seat.id)
    with pytest.raises(Conflict, match="still open"):
        make.reported(house, subject_id=seats[2].id)


def test_other_rooms_name_their_own_kinds(session, make, house, monkeypatch):
    found = room.Found(house.group.id, house.member.id, "x" * 5_000)
    monkeypatch.setattr(subjects, "_kinds", dict(subjects._kinds))
    room.register_subject(room.Subject("post", "Post", lambda session, ident: found if ident == 7 else None))
    one = make.reported(house, kind="post", subject_id=7)
    assert len(one.excerpt) == subjects.MOST_EXCERPT
    with pytest.raises(NotFound):
        make.reported(house, kind="post", subject_id=8)
    assert subjects.label("post") == "Post" and subjects.label("gone") == "gone"


def test_one_host_at_a_time(session, make, house, now):
    one = make.reported(house)
    third = make.member(number=True)
    make.seat(house.line, third)
    two = make.reported(house, by=third)
    another = make.actor(make.member(roles=("host",)))
    room.claim(session, report_id=one.id, actor=house.host, now=now)
    for report in (one, two):
        with pytest.raises(Conflict):
            room.claim(session, report_id=report.id, actor=another, now=now)
    with pytest.raises(Stale):
        room.dismiss(session, report_id=two.id, answer="No.", actor=another, now=now)
    room.claim(session, report_id=one.id, actor=another, now=now + dt.timedelta(hours=1))
    room.release(session, report_id=one.id, actor=another, now=now)
    room.claim(session, report_id=two.id, actor=house.host, now=now)
    room.dismiss(session, report_id=two.id, answer="Not a rule.", actor=house.host, now=now)
    assert one.state == two.state == "dismissed", "reports of one subject are decided together"
    assert services_reports.waiting(session) == 0
    assert len(mails(session, "house_report_answered")) == 2
    with pytest.raises(Stale):
        room.dismiss(session, report_id=one.id, answer="Again.", actor=house.host, now=now)
    with pytest.raises(Stale):
        room.claim(session, report_id=one.id, actor=house.host, now=now)


def test_nobody_judges_their_own_case(session, make, house, now):
    host = make.member(number=True, roles=("host",))
    seat = make.seat(house.line, host)
    mine = make.reported(house, by=host)
    about_me = make.reported(house, subject_id=seat.id)
    for report, actor in (
        (mine, make.actor(host)),
        (about_me, make.actor(host)),
        (about_me, house.host),
        (mine, make.actor(house.other)),
    ):
        with pytest.raises(Forbidden):
            room.claim(session, report_id=report.id, actor=actor, now=now)
        with pytest.raises(Forbidden):
            decide(session, report, house, "warning", actor=actor)
        with pytest.raises(Forbidden):
            room.dismiss(session, report_id=report.id, answer="x", actor=actor, now=now)
    decide(session, about_me, house, "warning", actor=house.admin)
    with pytest.raises(Forbidden):
        make.sanctioned(house, "warning", actor=make.actor(house.member, roles=("host",)))


def test_the_ladder_is_proposed_and_forgets(session, make, house, now):
    house.seat.group_id  # noqa: B018  # the seat stays through warning and mute
    assert room.proposal(session, member_id=house.member.id, now=now) == (1, Step("warning"))
    first = decide(session, make.reported(house), house, "warning")
    assert (first.proposed, first.step, first.departure) == ("warning", 1, "")
    assert room.proposal(session, member_id=house.member.id, now=now) == (2, Step("mute", 3))
    second = decide(session, make.reported(house), house, "mute", days=3)
    assert second.until == now + 3 * DAY
    assert room.proposal(session, member_id=house.member.id, now=now) == (3, Step("removal"))
    assert room.proposal(session, member_id=house.member.id, now=now + 181 * DAY) == (1, Step("warning"))
    room.overturn(session, sanction_id=first.id, reason="A joke.", actor=house.admin, now=now)
    assert room.proposal(session, member_id=house.member.id, now=now) == (2, Step("mute", 3))
    assert findings(session, now) == []


def test_otherwise_with_a_reason(session, make, house, now):
    one = make.reported(house)
    with pytest.raises(Invalid) as error:
        decide(session, one, house, "removal")
    assert error.value.field == "departure"
    line = decide(session, one, house, "removal", departure="Threats.")
    assert (line.proposed, line.departure, line.step) == ("warning", "Threats.", 1)
    for field, wrong in (("act", {"act": "ban"}), ("days", {"days": -1}), ("reason", {"reason": ""})):
        with pytest.raises(Invalid) as error:
            make.sanctioned(make.house(), wrong.pop("act", "mute"), **wrong)
        assert error.value.field == field


def test_a_muted_member_is_told_and_muted(session, make, now):
    from zoneinfo import ZoneInfo

    house = make.house(posting="all")
    line = make.sanctioned(house, "mute", days=3)
    verdict = room.may_post(
        session, group=house.group, member=house.member, now=now, zone=ZoneInfo("Asia/Shanghai")
    )
    assert verdict.code == "muted" and verdict.until == now + 3 * DAY
    (told,) = mails(session, "house_sanction")
    assert told["context"]["appeal_until"] and told["context"]["reason"] == "You shouted."
    row = session.scalars(select(Mute)).one()
    with pytest.raises(Forbidden):
        room.lift(session, mute_id=row.id, actor=make.actor(house.member, roles=("host",)), now=now)
    room.overturn(session, sanction_id=line.id, reason="No.", actor=house.admin, now=now)
    assert session.scalars(select(Mute)).one().lifted_at == now
    with pytest.raises(Conflict):
        room.overturn(session, sanction_id=line.id, reason="No.", actor=house.admin, now=now)


def is_muted(session, group_id, member, now):
    return room.muted(session, group_id=group_id, member_id=member.id, now=now)[0]


@pytest.mark.parametrize("way", ["moved", "merged", "left and back"])
def test_a_mute_comes_along_within_the_line(session, make, now, way):
    house = make.house(capacities=(1, 9), posting="all")
    second = session.get_one(Group, house.other_seat.group_id)
    assert second.id != house.group.id
    line = make.sanctioned(house, "mute", days=3)
    if way == "moved":
        groups.move(
            session, seat_id=house.seat.id, to_id=second.id, reason="Nearer.", actor=house.admin, now=now
        )
    elif way == "merged":
        groups.merge(
            session, from_id=house.group.id, into_id=second.id, capacity=None, reason="One.", actor=house.admin,
            now=now,
        )  # fmt: skip
    else:
        services.leave_seat(session, seat_id=house.seat.id, state="left", reason="", now=now)
        make.seat(house.line)
        again = groups.take_seat(session, line_id=house.line.id, member_id=house.member.id, now=now)
        assert again.group_id == second.id
    assert is_muted(session, second.id, house.member, now)
    [(mute, who)] = queries.mutes(session, second.id, now=now)
    assert who is not None and who.id == house.member.id and mute.sanction_id == line.id
    elsewhere = make.seat(make.group_line(), house.member)
    assert not is_muted(session, elsewhere.group_id, house.member, now), "another line is another house"
    assert is_muted(session, second.id, house.member, now)
    room.overturn(session, sanction_id=line.id, reason="No.", actor=house.admin, now=now)
    assert not is_muted(session, second.id, house.member, now)


def test_a_removed_member_has_the_seat_again(session, make, now):
    line = make.group_line(capacities=(2,))
    plan = make.plan(line=line)
    held = make.pass_(plan)
    seat = session.get_one(Seat, held.seat_id)
    member = seat.member_id
    host, admin = (make.actor(make.member(roles=(role,))) for role in ("host", "admin"))
    done = room.sanction_seat(
        session, seat_id=seat.id, category="abuse", act="removal", days=0, reason="Why.", departure="So.",
        actor=host, now=now,
    )  # fmt: skip
    assert seat.state == "removed" and mails(session, "seat_removed") == []
    (told,) = mails(session, "house_sanction")
    assert told["context"]["act"] == "removal"
    ticket = session.scalars(select(EntryTicket).where(EntryTicket.seat_id == seat.id)).one()
    assert ticket.state == "void"
    room.overturn(session, sanction_id=done.id, reason="A mistake.", actor=admin, now=now)
    session.refresh(ticket)
    assert (seat.state, seat.group_id, ticket.state) == ("admitted", done.group_id, "valid")
    assert session.get_one(Group, done.group_id).seated == 1
    live = groups.live_seat(session, line_id=line.id, member_id=member)
    assert live is not None and live.id == seat.id
    (told,) = mails(session, "house_overturned")
    assert told["context"]["seat"] == "admitted"
    assert groups.bars_of(session, member, now) == [] and mails(session, "bar_lifted") == []


def test_another_bar_that_stands_keeps_the_seat(session, make, house, now):
    done = make.sanctioned(house, "removal")
    groups.bar_member(
        session, member_id=house.member.id, line_id=None, reason="Fraud.", actor=house.admin,
        now=now - DAY,
    )  # fmt: skip
    room.overturn(session, sanction_id=done.id, reason="No.", actor=house.admin, now=now)
    assert house.seat.state == "removed"
    (told,) = mails(session, "house_overturned")
    assert told["context"]["seat"] == "barred"
    (left,) = groups.bars_of(session, house.member.id, now)
    assert left.line_id is None


def test_where_all_seats_are_taken_they_wait_before_all(session, make, now):
    house = make.house(capacities=(2,))
    waiting = make.seat(house.line)
    done = make.sanctioned(house, "removal")
    assert waiting.state == "admitted", "the freed seat went on"
    later = make.seat(house.line)
    room.overturn(session, sanction_id=done.id, reason="No.", actor=house.admin, now=now)
    assert house.seat.state == "waiting" and house.seat.position < later.position
    from qunclub.groups import doctor as groups_doctor

    assert groups_doctor.check(session, now) == [] and findings(session, now) == []
    groups.leave_seat(session, seat_id=waiting.id, state="left", reason="Bye.", now=now)
    assert house.seat.state == "admitted"


def test_without_a_pass_there_is_no_seat_to_give_back(session, make, now):
    line = make.group_line(capacities=(2,))
    held = make.pass_(make.plan(line=line))
    host, admin = (make.actor(make.member(roles=(role,))) for role in ("host", "admin"))
    done = room.sanction_seat(
        session, seat_id=held.seat_id, category="abuse", act="removal", days=0, reason="Why.",
        departure="So.", actor=host, now=now,
    )  # fmt: skip
    held.state = "revoked"
    session.flush()
    room.overturn(session, sanction_id=done.id, reason="A mistake.", actor=admin, now=now)
    assert session.get_one(Seat, held.seat_id).state == "removed"
    assert mails(session, "house_overturned")[0]["context"]["seat"] == "none"


def test_core_seats_are_not_lost_by_a_sanction(session, make, now):
    house = make.house(kind="core")
    with pytest.raises(Conflict):
        make.sanctioned(house, "removal")


def test_the_logs_never_change(session, make, house, now):
    make.sanctioned(house, "warning")
    for row in (Violation, Sanction):
        for statement in (update(row).values(at=now + DAY), delete(row)):
            with pytest.raises(DBAPIError), session.begin_nested():
                session.execute(statement)


def test_an_appeal(session, make, house, now):
    line = make.sanctioned(house, "mute", days=3)
    mine = {"sanction_id": line.id, "member_id": house.member.id, "reason": "It was a song."}
    with pytest.raises(NotFound):
        room.open_appeal(session, **{**mine, "member_id": house.other.id}, now=now)
    with pytest.raises(Invalid):
        room.open_appeal(session, **{**mine, "reason": ""}, now=now)
    with pytest.raises(Conflict, match="is over"):
        room.open_appeal(session, **mine, now=line.appeal_until)
    appeal = room.open_appeal(session, **mine, now=now)
    assert services_reports.waiting(session, services_reports.APPEALS) == 1
    with pytest.raises(Conflict):
        room.open_appeal(session, **mine, now=now)
    for actor in (house.host, make.actor(house.member, roles=("admin",))):
        with pytest.raises(Forbidden):
            room.uphold(session, appeal_id=appeal.id, answer="x", actor=actor, now=now)
    room.uphold(session, appeal_id=appeal.id, answer="Indeed.", actor=house.admin, now=now)
    assert (appeal.state, appeal.answer) == ("upheld", "Indeed.")
    assert session.scalars(select(Sanction).where(Sanction.overturns_id == line.id)).one().reason == "Indeed."
    with pytest.raises(Stale):
        room.decline(session, appeal_id=appeal.id, answer="x", actor=house.second, now=now)
    assert findings(session, now) == []


def test_an_appeal_is_answered_by_another_admin(session, make, house, now):
    line = make.sanctioned(house, "warning", actor=house.admin)
    appeal = room.open_appeal(session, sanction_id=line.id, member_id=house.member.id, reason="No.", now=now)
    with pytest.raises(Forbidden, match="yourself"):
        room.decline(session, appeal_id=appeal.id, answer="x", actor=house.admin, now=now)
    reporter = make.member(number=True, roles=("admin",))
    make.seat(house.line, reporter)
    other = decide(session, make.reported(house, by=reporter), house, "warning", departure="Mild.")
    second = room.open_appeal(session, sanction_id=other.id, member_id=house.member.id, reason="No.", now=now)
    with pytest.raises(Forbidden):
        room.decline(session, appeal_id=second.id, answer="x", actor=make.actor(reporter), now=now)
    room.decline(session, appeal_id=appeal.id, answer="It stands.", actor=house.second, now=now)
    assert len(mails(session, "house_appeal_declined")) == 1
    with pytest.raises(Forbidden):
        room.overturn(session, sanction_id=line.id, reason="x", actor=house.host, now=now)


def test_the_club_sets_its_ladder(session, make, house, now):
    new = Ladder((Step("mute", 1), Step("removal")), forget_days=0, appeal_days=7)
    with pytest.raises(Forbidden):
        room.set_ladder(session, new=new, version=0, actor=house.host, now=now)
    kept = room.set_ladder(session, new=new, version=0, actor=house.admin, now=now)
    with pytest.raises(Stale):
        room.set_ladder(session, new=new, version=0, actor=house.second, now=now)
    assert room.ladder(session) == kept and kept.version == 1
    assert room.proposal(session, member_id=house.member.id, now=now)[1] == Step("mute", 1)
    for field, wrong in (("forget_days", Ladder(forget_days=-1)), ("appeal_days", Ladder(appeal_days=0))):
        with pytest.raises(Invalid) as error:
            room.set_ladder(session, new=wrong, version=1, actor=house.admin, now=now)
        assert error.value.field == field


def test_leaving_takes_the_words_and_leaves_the_lines(session, make, house, now):
    make.reported(house)
    line = make.sanctioned(house, "mute")
    room.open_appeal(session, sanction_id=line.id, member_id=house.member.id, reason="Mine.", now=now)
    room.forget(session, member_id=house.member.id, now=now)
    assert services_reports.waiting(session) == services_reports.waiting(session, "house_appeals") == 0
    report, appeal = session.scalars(select(Report)).one(), session.scalars(select(SanctionAppeal)).one()
    session.refresh(report), session.refresh(appeal)
    assert (report.state, report.reason, appeal.state, appeal.reason) == ("gone", "", "lapsed", "")
    assert session.scalars(select(Mute)).one().lifted_at is not None
    assert findings(session, now) == []


def test_the_doctor_sees_what_is_wrong(session, make, house, now):
    make.reported(house)
    services_reports.count(session, services_reports.REPORTS, 1)
    make.sanctioned(house, "mute")
    mute = session.scalars(select(Mute)).one()
    session.delete(mute)
    session.flush()
    said = " ".join(one.message for one in findings(session, now))
    assert "reports" in said and "has no mute" in said
