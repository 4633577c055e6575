"""A club and a Bot API server: joining by ticket once, leaving, linking, and what the service may say instead."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from qunclub import groups, members, passes
from qunclub.chats import services, services_join, services_link, tasks
from qunclub.chats.jobs import secret_of
from qunclub.chats.models import Chat, ChatAccount, ChatJoin, ChatLink, ChatPost, ChatTask, ChatUpdate
from qunclub.chats.rules_telegram import Start
from qunclub.chats.webhook import HEADER
from qunclub.groups.models_hosts import GroupHost
from qunclub.kernel import Actor, locks
from qunclub.kernel.outbox import OutboxMessage
from qunclub.passes.models_door import TicketCheck
from tests.chats.conftest import ADMIN, REF
from tests.support.concurrency import concurrently
from tests.support.telegram import Refused

HUA, XIA = 4242, 4343


def states(desk, model=ChatJoin):
    return [one.state for one in desk.rows(model)]


def test_a_ticket_lets_in_once(desk, bot):
    _account, member, held = desk.member(HUA, nickname="Hua")
    assert desk.hear(bot.ask(REF, HUA)).json == {"outcome": "taken"}
    # Nothing left the machine in the request.
    assert bot.calls == []
    desk.work()
    assert (bot.chats[REF].inside, bot.chats[REF].asking) == ({HUA}, set())
    ticket = desk.ticket(held)
    assert (ticket.state, ticket.used_by) == ("used", "Telegram")
    task = desk.rows(ChatTask)[0]
    assert (task.what, task.state, task.done_by, task.member_id) == ("let_in", "done", None, member.id)
    assert [user for user, text in bot.told if "Welcome to" in text] == [HUA]
    assert desk.rows(Chat)[0].open_tasks == 0
    # Who left by mistake and asks again has used the ticket; a host lets them in once more.
    bot.chats[REF].inside.clear()
    desk.hear(bot.ask(REF, HUA))
    desk.work()
    assert states(desk) == ["declined"] and bot.chats[REF].inside == set()
    assert "A host of the group can let you in once more." in bot.told[-1][1]
    with desk.db.uow() as session:
        tasks.let_in_again(session, task_id=task.id, actor=ADMIN, now=desk.clock())
    desk.hear(bot.ask(REF, HUA))
    desk.work()
    assert states(desk) == ["approved"] and bot.chats[REF].inside == {HUA}
    assert desk.doctor() == []


def test_repeats_and_old_news_change_nothing(desk, bot):
    desk.member(HUA)
    old, new = bot.ask(REF, HUA), bot.ask(REF, HUA)
    assert desk.hear(new).json["outcome"] == "taken"
    assert desk.hear(new).json["outcome"] == "repeat"
    assert desk.hear(old).json["outcome"] == "ignored"
    desk.work()
    assert bot.count("approveChatJoinRequest") == 1 and bot.chats[REF].inside == {HUA}
    assert len(desk.rows(ChatUpdate)) == 2
    for update in (new, old):
        desk.hear(update)
    desk.work()
    assert bot.count("approveChatJoinRequest") == 1 and states(desk) == ["approved"]


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("stranger", "connected to no member"),
        ("no_seat", "no seat in this group"),
        ("covenant", "covenant is not accepted"),
        ("suspended", "membership is suspended"),
        ("removed", "no seat in this group"),
    ],
)
def test_who_may_not_is_told_why_and_declined(desk, bot, make, case, words):
    if case == "no_seat":
        make.chat_account(make.member(), HUA)
    elif case != "stranger":
        _account, member, held = desk.member(HUA, accept=case != "covenant")
    with desk.db.uow() as session:
        if case == "suspended":
            members.suspend(session, member_id=member.id, reason="x", actor=ADMIN, now=desk.clock())
        elif case == "removed":
            groups.remove_member(session, seat_id=held.seat_id, reason="Spam", actor=ADMIN, now=desk.clock())
    desk.hear(bot.ask(REF, HUA))
    desk.work()
    assert bot.chats[REF].inside == set() and bot.chats[REF].asking == set()
    assert states(desk) == ["declined"]
    assert words in bot.told[-1][1] and "https://club.example/" in bot.told[-1][1]


def test_it_speaks_the_readers_language(desk, bot):
    desk.hear(bot.ask(REF, HUA, language_code="zh-hans"))
    desk.work()
    assert "没有和任何会员连接" in bot.told[-1][1]


def test_a_host_comes_in_without_a_ticket(desk, bot, make):
    make.chat_account(make.member(roles=["host"]), HUA)
    desk.hear(bot.ask(REF, HUA))
    desk.work()
    assert bot.chats[REF].inside == {HUA} and desk.rows(ChatTask) == []
    assert desk.doctor() == []


@pytest.mark.parametrize("end", ["removed", "refunded", "expired"])
def test_who_loses_the_seat_is_put_out_once(desk, bot, end):
    _account, _member, held = desk.member(HUA)
    desk.hear(bot.ask(REF, HUA))
    desk.work()
    with desk.db.uow() as session:
        if end == "removed":
            groups.remove_member(session, seat_id=held.seat_id, reason="Spam", actor=ADMIN, now=desk.clock())
        elif end == "refunded":
            passes.revoke(session, pass_id=held.id, reason="Refunded", now=desk.clock(), actor=ADMIN)
        else:
            groups.leave_seat(session, seat_id=held.seat_id, state="left", reason="x", now=desk.clock())
            passes.tickets.void(session, seat_id=held.seat_id, reason="x")
            session.get_one(passes.Pass, held.id).state = "expired"
            session.get_one(passes.Pass, held.id).ended_at = desk.clock()
    assert bot.chats[REF].inside == {HUA}
    desk.work()
    desk.sweep()
    assert (bot.chats[REF].inside, bot.chats[REF].banned) == (set(), set())
    assert bot.count("banChatMember") == bot.count("unbanChatMember") == 1
    out = [one for one in desk.rows(ChatTask) if one.what == "put_out"]
    assert [(one.state, one.account, one.done_by) for one in out] == [("done", "", None)]
    assert desk.rows(Chat)[0].open_tasks == 0
    assert desk.doctor() == []


def test_a_seat_that_ends_while_the_service_is_told(desk, bot, monkeypatch):
    """The approval is made, the seat ends before that is kept: whoever slipped in is put out."""
    _account, _member, held = desk.member(HUA)
    connector = desk.state.connectors["telegram"]
    real = connector.approve

    def approve(ref, account):
        outcome = real(ref, account)
        with desk.db.uow() as session:
            groups.remove_member(session, seat_id=held.seat_id, reason="Spam", actor=ADMIN, now=desk.clock())
        return outcome

    monkeypatch.setattr(connector, "approve", approve)
    desk.hear(bot.ask(REF, HUA))
    desk.work()
    desk.work()
    assert bot.chats[REF].inside == set()
    assert desk.rows(Chat)[0].open_tasks == 0 and desk.doctor() == []


def test_cut_off_after_the_call_it_is_done_again(desk, bot):
    """The connection breaks after Telegram did it: the second time it says USER_ALREADY_PARTICIPANT, which is done."""
    _account, _member, held = desk.member(HUA)
    bot.moods["approveChatJoinRequest"] = ["drop"]
    desk.hear(bot.ask(REF, HUA))
    desk.work()
    assert bot.chats[REF].inside == {HUA} and states(desk) == ["approving"]
    assert desk.ticket(held).state == "used"
    error = desk.waiting()[0].error
    assert "ConnectionError" in error and "AAFake" not in error
    desk.clock.advance(minutes=2)
    desk.work()
    assert states(desk) == ["approved"] and bot.count("approveChatJoinRequest") == 2
    assert desk.doctor() == []


def test_too_many_calls_waits_as_long_as_asked_and_loses_nothing(desk, bot):
    desk.member(HUA)
    desk.member(XIA)
    bot.moods["approveChatJoinRequest"] = [Refused(429, "Too Many Requests: retry after 90", retry_after=90)]
    for user in (HUA, XIA):
        desk.hear(bot.ask(REF, user))
    desk.work()
    # The second did not even call: the service asked for silence.
    assert bot.count("approveChatJoinRequest") == 1 and bot.chats[REF].inside == set()
    assert [one.attempts for one in desk.waiting()] == [0, 0]
    assert {one.due_at for one in desk.waiting()} == {desk.clock() + dt.timedelta(seconds=90)}
    desk.clock.advance(seconds=89)
    desk.work()
    assert bot.chats[REF].inside == set()
    desk.clock.advance(seconds=2)
    desk.work()
    assert bot.chats[REF].inside == {HUA, XIA}


def test_a_chat_that_is_closed_to_the_bot_keeps_what_is_to_be_done(desk, bot):
    _account, _member, held = desk.member(HUA)
    desk.hear(bot.standing(REF, "administrator", can_invite_users=True))
    desk.member(XIA)
    desk.hear(bot.ask(REF, XIA))
    desk.work()
    bot.chats[REF].admin = False
    desk.hear(bot.ask(REF, HUA))
    with desk.db.uow() as session:
        groups.remove_member(
            session, seat_id=desk.rows(ChatJoin)[0].seat_id, reason="Spam", actor=ADMIN, now=desk.clock()
        )
    desk.work()
    calls = len(bot.calls)
    desk.clock.advance(hours=3)
    desk.work()
    assert len(bot.calls) == calls, "it is not tried again and again"
    kept = desk.rows(Chat)[0]
    assert "bot is not a member" in kept.trouble and kept.open_tasks == 2
    assert desk.ticket(held).state == "used" and states(desk) == ["approved", "approving"]
    desk.hear(bot.standing(REF, "administrator", can_invite_users=True))
    desk.work()
    assert bot.chats[REF].inside == {HUA}
    assert (desk.rows(Chat)[0].trouble, desk.rows(Chat)[0].open_tasks) == ("", 0)


def test_a_group_that_becomes_a_supergroup(desk, bot):
    desk.member(HUA)
    bot.chat(-100777)
    bot.chats[-100777].asking.add(HUA)
    bot.moods["approveChatJoinRequest"] = [
        Refused(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-100777)
    ]
    desk.hear(bot.ask(REF, HUA))
    desk.work()
    assert desk.rows(Chat)[0].ref == "-100777"
    desk.clock.advance(minutes=2)
    desk.work()
    assert bot.chats[-100777].inside == {HUA} and states(desk) == ["approved"]


def test_linking_by_a_link_that_works_once(desk, bot, make):
    _account, member, _held = desk.member()
    token = desk.link(member)
    assert [len(one.token_hash) for one in desk.rows(ChatLink)] == [64]
    desk.hear(bot.start(HUA, token, username="hua"))
    desk.work()
    account = desk.rows(ChatAccount)[0]
    assert (account.account, account.name, account.member_id) == (str(HUA), "@hua", member.id)
    assert desk.rows(ChatLink) == [] and "You are connected." in bot.told[-1][1]
    desk.hear(bot.start(XIA, token))
    desk.work()
    assert len(desk.rows(ChatAccount)) == 1 and "no longer good" in bot.told[-1][1]
    other = make.member()
    desk.hear(bot.start(HUA, desk.link(other)))
    desk.work()
    assert "another member" in bot.told[-1][1] and len(desk.rows(ChatAccount)) == 1
    late = desk.link(make.member())
    desk.clock.advance(minutes=16)
    desk.hear(bot.start(XIA, late))
    desk.work()
    assert "no longer good" in bot.told[-1][1] and len(desk.rows(ChatAccount)) == 1
    desk.hear(bot.start(9999))
    desk.work()
    assert "Go on here: https://club.example/me/chats" in bot.told[-1][1]


def test_two_open_one_link_at_the_same_moment(db, make, now, line):
    member = make.member()
    with db.uow() as session:
        token = services_link.make_link(session, member_id=member.id, now=now)

    def opened(session, index):
        told = Start(str(7000 + index), "x", "1", "en", token)
        return services_link.connect(session, told, now=now)[0]

    assert sorted(concurrently(db, 8, opened)) == ["linked", *["over"] * 7]


def test_disconnecting_puts_out_and_forgets(desk, bot):
    _account, member, _held = desk.member(HUA)
    desk.hear(bot.ask(REF, HUA))
    desk.work()
    actor = Actor(key="x", name="Hua", member_id=member.id)
    with desk.db.uow() as session:
        assert services_link.disconnect(session, member_id=member.id, actor=actor, now=desk.clock()) == 1
    assert desk.rows(ChatAccount) == [] and desk.rows(ChatJoin) == []
    desk.work()
    assert bot.chats[REF].inside == set()
    assert str(HUA) not in str([one.payload for one in desk.rows(OutboxMessage)])
    assert str(HUA) not in str([one.account for one in desk.rows(ChatTask)])


def test_announcing_says_it_once_or_admits_that_it_is_unsure(desk, bot, chat):
    def said(key, body):
        with desk.db.uow() as session:
            return services.announce(
                session, chat_id=chat.id, key=key, body=body, actor=ADMIN, now=desk.clock()
            ).id

    assert said("k", "Tonight at eight.") == said("k", "Tonight at eight.")
    desk.work()
    assert bot.chats[REF].said == ["Tonight at eight."]
    bot.moods["sendMessage"] = ["drop"]
    post = said("l", "Bring a book.")
    desk.work()
    desk.clock.advance(minutes=2)
    desk.work()
    assert bot.chats[REF].said == ["Tonight at eight.", "Bring a book."]
    assert states(desk, ChatPost) == ["sent", "unsure"]
    bot.moods["sendMessage"] = [Refused(429, "Too Many Requests", retry_after=5)]
    with desk.db.uow() as session:
        services.announce_again(session, post_id=post, actor=ADMIN, now=desk.clock())
    desk.work()
    assert states(desk, ChatPost) == ["sent", "queued"]
    desk.clock.advance(seconds=6)
    desk.work()
    assert states(desk, ChatPost) == ["sent", "sent"] and len(bot.chats[REF].said) == 3


def test_muting_and_the_invite_link(desk, bot, chat):
    _account, member, _held = desk.member(HUA)
    until = desk.clock() + dt.timedelta(days=1)
    with desk.db.uow() as session:
        for _twice in range(2):
            assert services.mute(
                session, group_id=chat.group_id, member_id=member.id, until=until, key="m1", now=desk.clock()
            )
        services.ask(session, "invite", now=desk.clock(), chat_id=chat.id)
    desk.work()
    assert bot.chats[REF].muted == {HUA: int(until.timestamp())}
    assert bot.count("restrictChatMember") == 1
    with desk.db.session() as session:
        assert session.get_one(groups.Group, chat.group_id).entry_url.startswith("https://t.me/+")
    with desk.db.uow() as session:
        services.unmute(session, group_id=chat.group_id, member_id=member.id, key="m2", now=desk.clock())
    desk.work()
    assert bot.chats[REF].muted == {}


def test_only_telegram_is_heard(desk, bot, make_app):
    update = bot.ask(REF, HUA)
    for headers in ({}, {HEADER: "wrong"}, {HEADER: "ünïcode".encode().decode("latin-1")}):
        assert desk.client.post("/webhooks/telegram", json=update, headers=headers).status_code == 403
    good = {HEADER: secret_of(desk.state)}
    for body, code in ((b"{", 400), (b"[]", 400), (b"{}", 400), (b"x" * 300_000, 413), (b"[" * 100_000, 400)):
        assert desk.client.post("/webhooks/telegram", data=body, headers=good).status_code == code
    assert desk.client.post("/webhooks/telegram", json={"update_id": 1}, headers=good).json == {
        "outcome": "ignored"
    }
    assert desk.rows(ChatJoin) == []
    assert make_app().test_client().post("/webhooks/telegram", json=update).status_code == 404


def test_half_a_character_in_a_name_is_kept_as_a_mark(desk, bot):
    token = desk.link(desk.member()[1])
    assert desk.hear(bot.start(HUA, token, first_name="Hua \ud83c", last_name="\x00")).status_code == 200
    desk.work()
    assert [row.name for row in desk.rows(ChatAccount)] == ["Hua \ufffd \ufffd"]
    (update,) = [one for one in desk.state.connectors["telegram"].updates(0) if "message" in one]
    assert update["message"]["from"]["first_name"] == "Hua \ufffd", "asked for, it comes the same way"


def test_asking_every_minute_instead(make_app, bot, db, clock, make, line, chat):
    from tests.chats.conftest import Desk
    from tests.support.telegram import TOKEN

    app = make_app(
        QUNCLUB_TELEGRAM_TOKEN=TOKEN, QUNCLUB_TELEGRAM_API=bot.address, QUNCLUB_TELEGRAM_UPDATES="poll",
        QUNCLUB_PUBLIC_URL="https://club.example",
    )  # fmt: skip
    desk = Desk(app, db, clock, make, line)
    desk.member(HUA)
    bot.ask(REF, HUA)
    bot.updates += [{"update_id": one} for one in range(5000, 5150)]
    desk.sweep()
    assert bot.chats[REF].inside == {HUA} and bot.count("deleteWebhook") == 1
    desk.sweep()
    assert bot.updates == [] and len(desk.rows(ChatUpdate)) == 151
    assert bot.count("approveChatJoinRequest") == 1


def test_the_bot_registers_itself_once(desk, bot):
    desk.sweep()
    desk.sweep()
    assert bot.count("setWebhook") == bot.count("getMe") == 1
    assert bot.webhook["url"] == "https://club.example/webhooks/telegram"
    assert bot.webhook["secret_token"] == secret_of(desk.state)


def test_the_worker_and_a_host_at_the_door_use_one_ticket(desk, bot):
    """Eight workers and eight hosts at once: one admission, one person inside."""
    _account, _member, held = desk.member(HUA)
    desk.hear(bot.ask(REF, HUA))
    join, code = desk.rows(ChatJoin)[0], desk.ticket(held).code
    secret, moment = desk.state.secret, desk.clock()

    def act(session, index):
        if index % 2:
            return at_the_door(session, code, secret, moment).entered
        services_join.decide(session, join_id=join.id, update_id=join.update_id, secret=secret, now=moment)
        return False

    concurrently(desk.db, 16, act)
    checks = [one.outcome for one in desk.rows(TicketCheck)]
    assert checks.count("admitted") == 1 and set(checks) == {"admitted", "used"}
    assert desk.ticket(held).state == "used" and states(desk) == ["approving"]
    desk.work()
    assert bot.chats[REF].inside == {HUA} and states(desk) == ["approved"]


@pytest.mark.parametrize("db", ["postgres"], indirect=True)
def test_without_locks_several_believe_that_they_admit(desk, bot):
    """The negative control: the test above sees the race it is there for; only the door's index stands in its way."""
    _account, _member, held = desk.member(HUA)
    code, secret, moment = desk.ticket(held).code, desk.state.secret, desk.clock()
    desk.hear(bot.ask(REF, HUA))
    join = desk.rows(ChatJoin)[0]

    def act(session, index):
        if index % 2:
            at_the_door(session, code, secret, moment)
        else:
            services_join.decide(
                session, join_id=join.id, update_id=join.update_id, secret=secret, now=moment
            )

    with locks.disabled():
        outcomes = concurrently(desk.db, 4, act)
    assert any(isinstance(one, IntegrityError) for one in outcomes)


def at_the_door(session, code, secret, moment):
    """A host checks the ticket at the door of any group."""
    return passes.check_at_door(
        session,
        text=code,
        secret=secret,
        doors=passes.Doors(),
        way=passes.Way("typed"),
        actor=ADMIN,
        now=moment,
    )


def test_the_door_writes_the_bots_checks_down(desk, bot):
    _account, member, _held = desk.member(HUA)
    for _again in range(2):
        desk.hear(bot.ask(REF, HUA))
        desk.work()
        bot.chats[REF].inside.clear()
    lines = desk.rows(TicketCheck)
    assert [(one.way, one.bot, one.outcome, one.member_id) for one in lines] == [
        ("chat", "Telegram", "admitted", member.id),
        ("chat", "Telegram", "used", member.id),
    ]
    assert {one.group_id for one in lines} == {desk.rows(Chat)[0].group_id}
    assert desk.doctor() == []


def test_a_group_that_asks_for_an_introduction_says_so(desk, bot):
    with desk.db.uow() as session:
        groups.set_ritual(
            session, line_id=desk.line.id, version=0, questions_typed="Who are you?", task_title="", task_md="",
            actor=ADMIN, now=desk.clock(),
        )  # fmt: skip
    _account, member, _held = desk.member(HUA)
    desk.hear(bot.ask(REF, HUA))
    desk.work()
    assert states(desk) == ["declined"] and "short introduction" in bot.told[-1][1]
    assert desk.rows(TicketCheck) == []
    with desk.db.uow() as session:
        given = groups.introduce(
            session, line_id=desk.line.id, member_id=member.id, given=["Hua."], now=desk.clock()
        )
        assert given is not None
    desk.hear(bot.ask(REF, HUA))
    desk.work()
    assert states(desk) == ["approved"]


def test_a_host_of_another_group_needs_a_ticket_like_everybody(desk, bot, make):
    host = make.member(roles=["host"])
    make.chat_account(host, HUA)
    other = make.group_line(slug="writers", name="Writers")
    with desk.db.uow() as session:
        group = session.scalars(select(groups.Group).where(groups.Group.line_id == other.id)).one()
        session.add(GroupHost(group_id=group.id, member_id=host.id, since=desk.clock()))
    desk.hear(bot.ask(REF, HUA))
    desk.work()
    assert states(desk) == ["declined"] and bot.chats[REF].inside == set()
    with desk.db.uow() as session:
        session.add(GroupHost(group_id=desk.rows(Chat)[0].group_id, member_id=host.id, since=desk.clock()))
    desk.hear(bot.ask(REF, HUA))
    desk.work()
    assert bot.chats[REF].inside == {HUA}
