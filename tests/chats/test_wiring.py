"""Every way a seat is given or ends reaches the chat; so do the house's mutes, names and the board's announcements."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import delete, select, update

from qunclub import groups, house, members
from qunclub.chats import doctor, services, services_names, tasks
from qunclub.chats.models import Chat, ChatJoin, ChatPost, ChatTask
from qunclub.groups.models import Group
from qunclub.groups.models_hosts import GroupHost
from qunclub.groups.models_ritual import RitualMark
from qunclub.groups.services_lines import FIELDS
from qunclub.kernel.outbox import OutboxMessage
from tests.chats.conftest import ADMIN, REF
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.telegram import Refused

HUA = 4242


def listed(session, **where):
    """(what, state) of the tasks in the order they were written, and the count that is kept."""
    rows = session.execute(
        select(ChatTask.what, ChatTask.state).filter_by(**where).order_by(ChatTask.id)
    ).all()
    return [tuple(one) for one in rows]


def tick_all(session, now):
    for ident in session.scalars(select(ChatTask.id).where(ChatTask.state == "open")).all():
        tasks.tick(session, task_id=ident, actor=ADMIN, now=now)


@pytest.fixture
def small(make):
    """A line of one seat with a WeChat group."""
    line = make.group_line(slug="small", name="Small", capacities=[1], repeat_last=False)
    make.chat(line, kind="wechat")
    return line


def take(session, make, line, now):
    return groups.take_seat(session, line_id=line.id, member_id=make.member(number=True).id, now=now)


def test_who_waited_and_got_a_seat_is_let_in(session, make, small, now):
    first, second = take(session, make, small, now), take(session, make, small, now)
    assert listed(session) == [("let_in", "open")]
    groups.leave_seat(session, seat_id=first.id, state="left", reason="x", now=now)
    assert listed(session, seat_id=first.id) == [("let_in", "dropped")]
    assert listed(session, seat_id=second.id) == [("let_in", "open")]


def test_an_offer_is_let_in_when_it_is_taken_and_never_when_not(session, make, now):
    line = make.group_line(slug="small", name="Small", capacities=[1], repeat_last=False, offer_hours=24)
    make.chat(line, kind="wechat")
    first, second, third = (take(session, make, line, now) for _ in range(3))
    groups.leave_seat(session, seat_id=first.id, state="left", reason="x", now=now)
    assert second.state == "offered" and listed(session, seat_id=second.id) == []
    groups.decline_offer(session, seat_id=second.id, member_id=second.member_id, now=now)
    assert listed(session, seat_id=second.id) == []
    groups.accept_offer(session, seat_id=third.id, member_id=third.member_id, now=now)
    assert listed(session, seat_id=third.id) == [("let_in", "open")]


def test_a_seat_that_is_given_back_leaves_its_member_where_they_are(session, make, small, now):
    seat = take(session, make, small, now)
    tick_all(session, now)
    groups.leave_seat(session, seat_id=seat.id, state="removed", reason="x", now=now)
    groups.restore_seat(session, seat_id=seat.id, now=now)
    assert listed(session) == [("let_in", "dropped"), ("put_out", "dropped"), ("let_in", "done")]
    # Put out by a host before it is given back: they are to be let in anew.
    groups.leave_seat(session, seat_id=seat.id, state="removed", reason="x", now=now)
    tick_all(session, now)
    groups.restore_seat(session, seat_id=seat.id, now=now)
    assert listed(session)[2:] == [("let_in", "dropped"), ("put_out", "done"), ("let_in", "open")]
    # Nobody let them in again, so nobody need put them out.
    groups.leave_seat(session, seat_id=seat.id, state="left", reason="x", now=now)
    assert listed(session)[4:] == [("let_in", "dropped")]
    assert session.scalars(select(Chat.open_tasks)).one() == 0


def test_who_moves_to_another_group_goes_from_the_one_chat_to_the_other(session, make, now):
    line = make.group_line(slug="two", name="Two", capacities=[2, 2], allocation="even", open_at_once=2)
    here = make.chat(line, kind="wechat")
    seat = take(session, make, line, now)
    other = session.scalars(select(Group).where(Group.line_id == line.id, Group.id != here.group_id)).one()
    draft = services.ChatDraft("wechat", entry_url="", expires_at=None, ref="", picture=None)
    there = services.set_chat(session, group_id=other.id, draft=draft, version=0, actor=ADMIN, now=now)
    assert seat.group_id == here.group_id
    tick_all(session, now)
    groups.move(session, seat_id=seat.id, to_id=other.id, reason="Your city", actor=ADMIN, now=now)
    assert listed(session, chat_id=here.id) == [("let_in", "done"), ("put_out", "open")]
    assert listed(session, chat_id=there.id) == [("let_in", "open")]
    assert (here.open_tasks, there.open_tasks) == (1, 1)
    # Back before anybody did it: they have never left the one, and never came into the other.
    groups.move(session, seat_id=seat.id, to_id=here.group_id, reason="Back", actor=ADMIN, now=now)
    assert listed(session, chat_id=here.id)[-2:] == [("put_out", "dropped"), ("let_in", "done")]
    assert listed(session, chat_id=there.id) == [("let_in", "dropped")]
    assert doctor.check(session, now) == []


def test_the_doctor_sees_who_moved_and_stayed_in_the_old_chat(session, make, now):
    line = make.group_line(slug="two", name="Two", capacities=[2, 2], allocation="even", open_at_once=2)
    here = make.chat(line, kind="wechat")
    seat = take(session, make, line, now)
    tick_all(session, now)
    other = session.scalars(select(Group).where(Group.line_id == line.id, Group.id != here.group_id)).one()
    groups.move(session, seat_id=seat.id, to_id=other.id, reason="Your city", actor=ADMIN, now=now)
    session.execute(delete(ChatTask).where(ChatTask.what == "put_out"))
    session.execute(update(Chat).where(Chat.id == here.id).values(open_tasks=0))
    assert doctor.check(session, now) == []
    (found,) = doctor.check(session, now + dt.timedelta(days=3))
    assert found.details == {"chat_id": here.id, "seat_id": seat.id}


def test_a_seat_given_back_comes_in_again_by_its_ticket(desk, bot):
    _account, _member, held = desk.member(HUA)
    desk.hear(bot.ask(REF, HUA))
    desk.work()
    with desk.db.uow() as session:
        groups.remove_member(session, seat_id=held.seat_id, reason="x", actor=ADMIN, now=desk.clock())
    desk.work()
    assert bot.chats[REF].inside == set()
    with desk.db.uow() as session:
        for bar in session.scalars(select(groups.Bar)).all():
            groups.lift_bar(session, bar_id=bar.id, reason="x", actor=ADMIN, now=desk.clock())
        groups.restore_seat(session, seat_id=held.seat_id, now=desk.clock())
    assert [(one.what, one.state) for one in desk.rows(ChatTask)] == [
        ("let_in", "dropped"), ("put_out", "done"), ("let_in", "open"),
    ]  # fmt: skip


# The house's word.


def sanction(desk, seat_id, by, *, days=0):
    with desk.db.uow() as session:
        return house.sanction_seat(
            session, seat_id=seat_id, category="abuse", act="mute", days=days, reason="You shouted.",
            departure="Severe.", actor=by, now=desk.clock(),
        ).id  # fmt: skip


@pytest.fixture
def host(make):
    return make.actor(make.member(name="Host", roles=("host",)))


@pytest.fixture
def admin(make):
    return make.actor(make.member(name="Admin", roles=("admin",)))


def test_whom_the_house_mutes_can_only_read_in_the_chat_once(desk, bot, host, admin):
    _account, _member, held = desk.member(HUA)
    desk.hear(bot.ask(REF, HUA))
    desk.work()
    line = sanction(desk, held.seat_id, host, days=3)
    # Nothing left the machine in the request.
    assert bot.count("restrictChatMember") == 0
    desk.work()
    desk.work()
    until = desk.clock() + dt.timedelta(days=3)
    assert bot.chats[REF].muted == {HUA: int(until.timestamp())}
    assert bot.count("restrictChatMember") == 1
    with desk.db.uow() as session:
        house.overturn(session, sanction_id=line, reason="It was not you.", actor=admin, now=desk.clock())
    desk.work()
    assert bot.chats[REF].muted == {} and desk.doctor() == []


def test_whatever_order_the_worker_meets_them_in_the_house_has_the_last_word(desk, bot, host, admin):
    _account, _member, held = desk.member(HUA)
    desk.hear(bot.ask(REF, HUA))
    desk.work()
    first = sanction(desk, held.seat_id, host, days=3)
    with desk.db.uow() as session:
        house.overturn(session, sanction_id=first, reason="It was not you.", actor=admin, now=desk.clock())
    second, third = sanction(desk, held.seat_id, host, days=2), sanction(desk, held.seat_id, host)
    desk.work()
    # Of two mutes the longer one: until it is lifted.
    assert bot.chats[REF].muted == {HUA: 0}
    with desk.db.uow() as session:
        house.overturn(session, sanction_id=third, reason="Too long.", actor=admin, now=desk.clock())
    desk.work()
    assert bot.chats[REF].muted == {HUA: int((desk.clock() + dt.timedelta(days=2)).timestamp())}
    assert second


def test_who_is_muted_before_they_come_is_muted_when_they_do(desk, bot, host):
    _account, _member, held = desk.member(HUA)
    sanction(desk, held.seat_id, host)
    desk.work()
    bot.chats[REF].muted.clear()
    desk.hear(bot.ask(REF, HUA))
    desk.work()
    desk.work()
    assert bot.chats[REF].inside == {HUA} and bot.chats[REF].muted == {HUA: 0}


def test_a_mute_waits_for_a_chat_that_is_closed_to_the_bot(desk, bot, host):
    _account, _member, held = desk.member(HUA)
    desk.hear(bot.ask(REF, HUA))
    desk.work()
    sanction(desk, held.seat_id, host)
    bot.moods["restrictChatMember"] = [Refused(403, "Forbidden: bot was kicked from the supergroup chat")]
    desk.work()
    assert "kicked" in desk.rows(Chat)[0].trouble and bot.chats[REF].muted == {}
    desk.work()
    assert bot.count("restrictChatMember") == 1
    desk.clock.advance(minutes=61)
    desk.work()
    assert bot.chats[REF].muted == {HUA: 0}
    # Who is not in the chat is no trouble.
    bot.moods["restrictChatMember"] = [Refused(400, "Bad Request: PARTICIPANT_ID_INVALID")]
    sanction(desk, held.seat_id, host)
    with desk.db.uow() as session:
        session.execute(update(Chat).values(trouble=""))
    desk.work()
    assert desk.rows(Chat)[0].trouble == "" and desk.waiting() == []


def test_without_a_bot_its_hosts_are_told(session, make, small, now, host, admin):
    seat = take(session, make, small, now)

    def mute():
        return house.sanction_seat(
            session, seat_id=seat.id, category="abuse", act="mute", days=2, reason="x", departure="x",
            actor=host, now=now,
        )  # fmt: skip

    first = mute()
    # They are not in the chat yet: it is said when they are let in.
    assert listed(session) == [("let_in", "open")]
    tick_all(session, now)
    assert listed(session)[1:] == [("mute", "open")]
    house.overturn(session, sanction_id=first.id, reason="x", actor=admin, now=now)
    assert listed(session)[1:] == [("mute", "dropped")]
    second = mute()
    assert listed(session)[2:] == [("mute", "open")]
    assert session.scalars(
        select(ChatTask.until).where(ChatTask.state == "open")
    ).one() == now + dt.timedelta(days=2)
    tick_all(session, now)
    house.overturn(session, sanction_id=second.id, reason="x", actor=admin, now=now)
    assert listed(session)[2:] == [("mute", "done"), ("unmute", "open")]
    groups.leave_seat(session, seat_id=seat.id, state="left", reason="x", now=now)
    assert listed(session)[3:] == [("unmute", "dropped"), ("put_out", "open")]
    assert session.scalars(select(Chat.open_tasks)).one() == 1


# Names.


def test_another_rule_for_names_renames_everybody_batch_by_batch(session, make, now, monkeypatch):
    monkeypatch.setattr(services_names, "BATCH", 2)
    line = make.group_line(slug="many", name="Many", capacities=[9])
    chat = make.chat(line, kind="qq")
    seats = [take(session, make, line, now) for _ in range(5)]
    tick_all(session, now)
    late = take(session, make, line, now)

    def rule(text):
        draft = groups.LineDraft(**{key: getattr(line, key) for key in FIELDS} | {"nickname_rule": text})
        groups.update_line(session, line_id=line.id, version=line.version, draft=draft, actor=ADMIN, now=now)
        rounds = 0
        while services_names.due(session):
            assert services_names.look_at_names(session, chat_id=chat.id, now=now) <= 2
            rounds += 1
        return rounds

    before = line.nickname_rule
    assert rule("{city}-{number}") == 3
    renames = session.scalars(select(ChatTask).where(ChatTask.what == "rename")).all()
    assert {one.seat_id for one in renames} == {one.id for one in seats} and late.id not in {
        one.seat_id for one in renames
    }
    assert session.scalars(select(Chat.open_tasks)).one() == 6
    # The rule is taken back: nobody need rename anybody.
    rule(before)
    assert session.scalars(select(Chat.open_tasks)).one() == 1
    assert rule(before) == 0


def test_the_sweep_looks_at_the_names(desk):
    with desk.db.uow() as session:
        session.execute(update(Chat).values(names_after=0))
    desk.sweep()
    assert [one.names_after for one in desk.rows(Chat)] == [None]


# The board.


@pytest.fixture
def writer(desk, make):
    account = make.account(roles=("host",))
    return in_language(sign_in(desk.app.test_client(), account), "en")


def test_an_announcement_is_said_in_the_chat_once(desk, bot, writer):
    slug = "readers-1"
    page = text_of(writer.get(f"/groups/{slug}/board"))
    assert "Say it in the group's chat as well" in page.replace("&#39;", "'")
    path = f"/groups/{slug}/board"
    refused = post(writer, path, {"body_md": "Tonight.", "to_chat": "y"})
    assert refused.status_code == 422 and "tick that it is one" in text_of(refused)
    sent = {"body_md": "Bring a **book**.", "title": "Tonight at eight", "announcement": "y", "to_chat": "y"}
    assert post(writer, path, sent).status_code in (302, 303)
    assert bot.chats[REF].said == []
    desk.work()
    desk.work()
    (said,) = bot.chats[REF].said
    assert said.startswith("Tonight at eight\n\nBring a **book**.")
    assert said.endswith(f"https://club.example/groups/{slug}/board/1")
    assert [(one.key.split(":")[0], one.state) for one in desk.rows(ChatPost)] == [("board", "sent")]
    post(writer, path, {**sent, "to_chat": "", "title": "Only here"})
    desk.work()
    assert len(bot.chats[REF].said) == 1


def test_without_a_bot_nothing_is_offered(desk, writer, make):
    with desk.db.uow() as session:
        session.execute(update(Chat).values(ref=""))
    page = writer.get("/groups/readers-1/board")
    assert page.status_code == 200 and "chat as well" not in text_of(page)
    sent = post(writer, "/groups/readers-1/board", {"body_md": "x", "to_chat": "y"})
    assert sent.status_code in (302, 303) and desk.rows(ChatPost) == []


# Whose chats.


def test_hosts_of_other_groups_see_nothing_of_it(desk, make, chat):
    account, host = make.person(roles=("host",))
    other = make.group_line(slug="writers", name="Writers")
    with desk.db.uow() as session:
        mine = session.scalars(select(groups.Group.id).where(groups.Group.line_id == other.id)).one()
        session.add(GroupHost(group_id=mine, member_id=host.id, since=desk.clock()))
    client = in_language(sign_in(desk.app.test_client(), account), "en")
    page = text_of(client.get("/desk/chats"))
    assert "Writers 1" in page and "Readers 1" not in page
    _account, _member, held = desk.member(HUA)
    task = desk.rows(ChatTask)[0]
    with desk.db.uow() as session:
        session.add(
            ChatJoin(
                chat_id=chat.id, account="1", member_id=held.member_id, update_id=1, state="approved",
                asked_at=desk.clock(),
            )
        )  # fmt: skip
        session.add(ChatPost(chat_id=chat.id, key="p", body="x", state="refused", created_at=desk.clock()))
    join, said = desk.rows(ChatJoin)[0], desk.rows(ChatPost)[0]
    base = f"/desk/chats/{chat.group_id}"
    for path in (base, f"{base}/way-in"):
        assert client.get(path).status_code == 404
    for path in (
        f"{base}/way-in", f"{base}/say", f"{base}/retry", f"{base}/compare", f"/desk/chats/tasks/{task.id}/done",
        f"/desk/chats/tasks/{task.id}/again", f"/desk/chats/posts/{said.id}/again",
        f"/desk/chats/joins/{join.id}/mute", f"/desk/chats/joins/{join.id}/unmute",
    ):  # fmt: skip
        assert post(client, path, {"body": "x", "key": "k"}).status_code == 404, path
    assert desk.rows(ChatTask)[0].state == "open" and len(desk.rows(ChatPost)) == 1
    with desk.db.uow() as session:
        session.execute(delete(GroupHost))
    assert client.get(base).status_code == 200


def test_only_the_hosts_of_the_group_are_reminded(desk, make, chat):
    here, there = (make.member(roles=("host",), email=f"{name}@example.org") for name in ("here", "there"))
    make.member(roles=("host",), email="everywhere@example.org")
    other = make.group_line(slug="writers", name="Writers")
    with desk.db.uow() as session:
        away = session.scalars(select(groups.Group.id).where(groups.Group.line_id == other.id)).one()
        session.add(GroupHost(group_id=chat.group_id, member_id=here.id, since=desk.clock()))
        session.add(GroupHost(group_id=away, member_id=there.id, since=desk.clock()))
        session.execute(update(Chat).values(expires_at=desk.clock() + dt.timedelta(days=1)))
        assert services.remind(session, chat_id=chat.id, now=desk.clock())
    told = {one.payload["to"] for one in desk.rows(OutboxMessage, OutboxMessage.kind == "mail")}
    assert {"here@example.org", "everywhere@example.org"} <= told and "there@example.org" not in told


def test_a_members_new_name_is_on_the_list_at_once(session, make, small, now):
    seat = take(session, make, small, now)
    tick_all(session, now)
    members.update_profile(session, member_id=seat.member_id, nickname="新名", city="", bio="")
    assert listed(session)[1:] == [("rename", "open")]
    tick_all(session, now)
    assert session.scalars(select(RitualMark.step)).all() == ["renamed"]
