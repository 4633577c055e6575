"""Mutes of a role or of all in chats outside: the bot tells each of them, or the hosts are told once."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select, update

from qunclub import groups, house
from qunclub.chats import doctor as books
from qunclub.chats import services_hush, tasks
from qunclub.chats.models import Chat, ChatHush, ChatTask
from qunclub.groups.models import Seat
from qunclub.house.models import Mute
from qunclub.jobs import dispatch
from qunclub.kernel import Actor, Conflict
from qunclub.kernel.outbox import OutboxMessage
from tests.chats.conftest import REF
from tests.support.concurrency import concurrently, failed, succeeded
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

HUA, LIN, WEN = 4242, 4343, 4444
HOUR = dt.timedelta(hours=1)
TICKER = Actor(key="test:host", name="Host", roles=frozenset({"host"}))


@pytest.fixture
def host(make):
    return make.actor(make.member(name="Host", roles=("host",)))


@pytest.fixture
def admin(make):
    return make.actor(make.member(name="Admin", roles=("admin",)))


@pytest.fixture
def inside(desk, bot):
    """Hua, Lin and the instructor Wen sit in the chat, by their tickets."""
    found = {}
    for user, roles in ((HUA, ()), (LIN, ()), (WEN, ("instructor",))):
        found[user] = desk.member(user, roles=roles)[1]
        desk.hear(bot.ask(REF, user))
    desk.work()
    desk.work()
    assert bot.chats[REF].inside == {HUA, LIN, WEN} and bot.chats[REF].muted == {}
    return found


def mute(desk, by, **values):
    now = desk.clock()
    facts = {"role": "", "reason": "Rest.", "starts_at": now, "until": now + 2 * HOUR}
    with desk.db.uow() as session:
        group_id = session.scalars(select(Chat.group_id)).one()
        return house.mute(session, group_id=group_id, actor=by, now=now, **{**facts, **values}).id


def lift(desk, by, mute_id):
    with desk.db.uow() as session:
        house.lift(session, mute_id=mute_id, actor=by, now=desk.clock())


def work(desk):
    for _ in range(3):
        desk.work()


# ---- the bot ----


def test_everybody_can_only_read_until_its_end(desk, bot, host, inside):
    ident = mute(desk, host)
    assert bot.count("restrictChatMember") == 0, "nothing leaves the machine in the request"
    work(desk)
    until = int((desk.clock() + 2 * HOUR).timestamp())
    assert bot.chats[REF].muted == {HUA: until, LIN: until, WEN: until}
    assert bot.count("restrictChatMember") == 3
    lift(desk, host, ident)
    work(desk)
    assert bot.chats[REF].muted == {} and desk.doctor() == []
    assert desk.rows(ChatHush) == []


def test_a_role_means_whom_the_house_says(desk, bot, host, inside):
    ident = mute(desk, host, role="instructor", until=None)
    work(desk)
    assert bot.chats[REF].muted == {WEN: 0}
    lift(desk, host, ident)
    mute(desk, host, role="member", until=None)
    work(desk)
    assert bot.chats[REF].muted == {HUA: 0, LIN: 0}


def test_at_its_end_the_service_lets_them_write_by_itself(desk, bot, host, inside):
    mute(desk, host)
    work(desk)
    calls = bot.count("restrictChatMember")
    desk.clock.advance(hours=3)
    work(desk)
    assert bot.count("restrictChatMember") == calls
    # What the service takes for endless is ended by the bot.
    mute(desk, host, until=desk.clock() + dt.timedelta(days=400))
    work(desk)
    desk.clock.advance(days=401)
    work(desk)
    assert bot.chats[REF].muted == {} and [one for one in desk.waiting("chat_hush")] == []


def test_it_begins_when_it_is_to_begin(desk, bot, host, inside):
    start = desk.clock() + 3 * HOUR
    mute(desk, host, starts_at=start, until=start + HOUR)
    gone = mute(desk, host, role="instructor", starts_at=start, until=start + 5 * HOUR)
    lift(desk, host, gone)
    work(desk)
    assert bot.count("restrictChatMember") == 0
    desk.clock.advance(hours=3)
    work(desk)
    assert bot.chats[REF].muted == dict.fromkeys((HUA, LIN, WEN), int((start + HOUR).timestamp()))
    assert bot.count("restrictChatMember") == 3


def test_batch_by_batch_and_each_once(desk, bot, host, inside, monkeypatch):
    monkeypatch.setattr(services_hush, "BATCH", 2)
    mute(desk, host)
    work(desk)
    assert len(bot.chats[REF].muted) == 2
    desk.clock.advance(seconds=16)
    work(desk)
    assert set(bot.chats[REF].muted) == {HUA, LIN, WEN} and bot.count("restrictChatMember") == 3
    # Done again after a crash, nothing is sent twice.
    with desk.db.uow() as session:
        session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.kind == "chat_hush", OutboxMessage.done_at.is_not(None))
            .values(done_at=None, due_at=desk.clock())
        )
    desk.clock.advance(seconds=60)
    work(desk)
    assert bot.count("restrictChatMember") == 3


def test_a_batch_costs_the_same_with_many(db, make, now, host):
    line = make.group_line(slug="many", name="Many", capacities=(50,))
    group_id = make.chat(line, ref=str(REF)).group_id

    def cost(n):
        for _user in range(n):
            member = make.member(number=True)
            make.seat(line, member)
            make.chat_account(member, 9_000 + member.id)
        with db.uow() as session:
            row = house.mute(
                session,
                group_id=group_id,
                role="",
                reason="x",
                starts_at=now,
                until=None,
                actor=host,
                now=now,
            )
            ident, chat_id = row.id, session.scalars(select(Chat.id)).one()
        with db.uow() as session, count_statements(db.engine) as sent:
            meant = services_hush.batch(
                session, chat_id=chat_id, mute_id=ident, after=0, key=f"on:{ident}", now=now
            )
        return meant, sent.count

    (few, first), (many, second) = cost(2), cost(20)
    assert (few, many) == (2, 22) and first == second


def test_an_exception_lets_one_write_in_the_chat_too(desk, bot, host, admin, inside):
    ident = mute(desk, host)
    work(desk)
    with desk.db.uow() as session:
        wish = house.ask_exception(
            session, mute_id=ident, member_id=inside[HUA].id, reason="Minutes.", now=desk.clock()
        )
        house.answer_exception(
            session, exception_id=wish.id, outcome="granted", answer="Yes.", actor=admin, now=desk.clock()
        )
    work(desk)
    assert set(bot.chats[REF].muted) == {LIN, WEN}


def test_who_comes_while_it_lasts_can_only_read(desk, bot, host):
    desk.member(HUA)
    mute(desk, host, until=None)
    work(desk)
    bot.chats[REF].muted.clear()
    desk.hear(bot.ask(REF, HUA))
    work(desk)
    assert bot.chats[REF].inside == {HUA} and bot.chats[REF].muted == {HUA: 0}


def test_of_two_mutes_the_one_that_lasts_holds(desk, bot, host, inside):
    with desk.db.uow() as session:
        seat_id = session.scalars(select(Seat.id).where(Seat.member_id == inside[HUA].id)).one()
        house.sanction_seat(
            session, seat_id=seat_id, category="abuse", act="mute", days=3, reason="You shouted.",
            departure="Severe.", actor=host, now=desk.clock(),
        )  # fmt: skip
    ident = mute(desk, host)
    work(desk)
    days = int((desk.clock() + dt.timedelta(days=3)).timestamp())
    assert bot.chats[REF].muted[HUA] == days
    lift(desk, host, ident)
    work(desk)
    assert bot.chats[REF].muted == {HUA: days}


def test_whom_the_bot_does_not_know_stands_on_the_hosts_list(desk, bot, host, inside, make):
    make.seat(desk.line, make.member(number=True))
    with desk.db.uow() as session:
        task = session.scalars(
            select(ChatTask).where(ChatTask.what == "let_in", ChatTask.state == "open")
        ).one()
        tasks.tick(session, task_id=task.id, actor=TICKER, now=desk.clock())
    ident = mute(desk, host)
    work(desk)
    [told] = desk.rows(ChatTask, ChatTask.what == "mute")
    assert told.state == "open" and told.until == desk.clock() + 2 * HOUR
    lift(desk, host, ident)
    work(desk)
    assert [one.state for one in desk.rows(ChatTask, ChatTask.what == "mute")] == ["dropped"]
    assert desk.doctor() == []


def test_a_chat_that_gets_its_bot_later_catches_up(desk, bot, host, make):
    _account, member, _held = desk.member(HUA)
    mute(desk, host, until=None)
    with desk.db.uow() as session:
        session.execute(update(Chat).values(ref=""))
        session.execute(update(OutboxMessage).values(done_at=desk.clock(), due_at=None))
    make.chat(desk.line, ref=str(REF))
    work(desk)
    assert bot.chats[REF].muted == {HUA: 0}, member


# ---- without a bot ----


@pytest.fixture
def small(make, site_db):
    """A WeChat group with one member inside; ``group_id`` and ``seat``."""
    line = make.group_line(slug="small", name="Small")
    chat = make.chat(line, kind="wechat", url="https://weixin.qq.com/g/x")
    member = make.member(number=True, name="Hua")
    seat = make.seat(line, member)
    with site_db.uow() as session:
        for task in session.scalars(select(ChatTask).where(ChatTask.state == "open")).all():
            tasks.tick(session, task_id=task.id, actor=TICKER, now=make.now)
    return line, chat.group_id, seat, member


class Small:
    """A club without a bot."""

    def __init__(self, app, db, clock, small):
        self.app, self.db, self.clock = app, db, clock
        self.state = app.extensions["qunclub"]
        _line, self.group_id, self.seat, self.member = small

    def mute(self, by, **values):
        now = self.clock()
        facts = {"role": "", "reason": "Rest.", "starts_at": now, "until": now + 2 * HOUR}
        with self.db.uow() as session:
            return house.mute(session, group_id=self.group_id, actor=by, now=now, **{**facts, **values}).id

    def work(self):
        with self.app.app_context():
            return dispatch(self.state)

    def lines(self):
        with self.db.session() as session:
            query = select(ChatHush.what, ChatHush.state).order_by(ChatHush.id)
            return [tuple(row) for row in session.execute(query)]

    def tick(self):
        with self.db.uow() as session:
            ident = session.scalars(select(ChatHush.id).where(ChatHush.state == "open")).one()
            services_hush.tick(session, hush_id=ident, actor=TICKER, now=self.clock())
            return ident

    def listed(self):
        with self.db.session() as session:
            query = (
                select(ChatTask.what, ChatTask.state).where(ChatTask.what != "let_in").order_by(ChatTask.id)
            )
            return [tuple(row) for row in session.execute(query)]

    def open(self):
        with self.db.session() as session:
            return session.scalars(select(Chat.open_tasks).where(Chat.group_id == self.group_id)).one()

    def findings(self):
        with self.db.session() as session:
            return [one.message for one in books.check(session, self.clock())]


@pytest.fixture
def wechat(app, site_db, clock, small):
    return Small(app, site_db, clock, small)


def test_hosts_are_told_once_for_all_and_once_more_at_the_end(wechat, host):
    wechat.mute(host)
    assert wechat.lines() == [("mute", "open")] and wechat.open() == 1
    ident = wechat.tick()
    with pytest.raises(Conflict), wechat.db.uow() as session:
        services_hush.tick(session, hush_id=ident, actor=TICKER, now=wechat.clock())
    assert wechat.open() == 0
    wechat.work()
    assert wechat.lines() == [("mute", "done")], "not before its end"
    wechat.clock.advance(hours=2, seconds=1)
    wechat.work()
    wechat.work()
    assert wechat.lines() == [("mute", "done"), ("unmute", "open")] and wechat.open() == 1
    wechat.tick()
    assert wechat.open() == 0 and wechat.findings() == []


def test_what_was_not_done_need_not_be_undone(wechat, host):
    first = wechat.mute(host)
    with wechat.db.uow() as session:
        house.lift(session, mute_id=first, actor=host, now=wechat.clock())
    assert wechat.lines() == [("mute", "dropped")] and wechat.open() == 0
    wechat.mute(host)
    wechat.clock.advance(hours=3)
    wechat.work()
    assert wechat.lines() == [("mute", "dropped"), ("mute", "dropped")] and wechat.open() == 0


def test_a_mute_to_come_is_listed_when_it_begins(wechat, host):
    start = wechat.clock() + HOUR
    wechat.mute(host, starts_at=start, until=start + HOUR)
    wechat.work()
    assert wechat.lines() == []
    wechat.clock.advance(hours=1)
    wechat.work()
    assert wechat.lines() == [("mute", "open")]


def test_who_got_an_exception_is_to_be_let_write(wechat, host, admin):
    ident = wechat.mute(host)
    wechat.tick()
    with wechat.db.uow() as session:
        wish = house.ask_exception(
            session, mute_id=ident, member_id=wechat.member.id, reason="Minutes.", now=wechat.clock()
        )
        house.answer_exception(
            session, exception_id=wish.id, outcome="granted", answer="Yes.", actor=admin, now=wechat.clock()
        )
    assert wechat.listed() == [("unmute", "open")] and wechat.open() == 1


def own_mute(wechat, host, days=2):
    with wechat.db.uow() as session:
        house.sanction_seat(
            session, seat_id=wechat.seat.id, category="abuse", act="mute", days=days, reason="x", departure="x",
            actor=host, now=wechat.clock(),
        )  # fmt: skip


def tick_own(wechat):
    with wechat.db.uow() as session:
        ident = session.scalars(select(ChatTask.id).where(ChatTask.state == "open")).one()
        tasks.tick(session, task_id=ident, actor=TICKER, now=wechat.clock())


def test_when_a_members_time_is_over_they_are_to_be_let_write(wechat, host):
    own_mute(wechat, host)
    tick_own(wechat)
    wechat.clock.advance(days=2, seconds=1)
    wechat.work()
    assert wechat.listed() == [("mute", "done"), ("unmute", "open")]
    tick_own(wechat)
    assert wechat.open() == 0 and wechat.findings() == []
    # One that nobody carried out falls away with its time.
    own_mute(wechat, host)
    wechat.clock.advance(days=2, seconds=1)
    wechat.work()
    assert wechat.listed()[2:] == [("mute", "dropped")]


def test_a_longer_one_meanwhile_goes_on(wechat, host):
    own_mute(wechat, host)
    tick_own(wechat)
    own_mute(wechat, host, days=5)
    tick_own(wechat)
    wechat.clock.advance(days=2, seconds=1)
    wechat.work()
    assert ("unmute", "open") not in wechat.listed()


def test_the_doctor_and_comparing_see_what_was_forgotten(wechat, host):
    own_mute(wechat, host)
    tick_own(wechat)
    wechat.mute(host)
    wechat.tick()
    with wechat.db.uow() as session:
        session.execute(update(OutboxMessage).values(done_at=wechat.clock(), due_at=None))
    wechat.clock.advance(days=3)
    assert len(wechat.findings()) == 2
    with wechat.db.uow() as session:
        chat = session.scalars(select(Chat).where(Chat.group_id == wechat.group_id)).one()
        assert services_hush.mend(session, chat=chat, now=wechat.clock()) == 2
    assert wechat.findings() == [] and wechat.lines()[-1] == ("unmute", "open")
    assert wechat.listed()[-1] == ("unmute", "open")


def tick_at_once(wechat, db, host):
    wechat.mute(host)
    with db.session() as session:
        ident = session.scalars(select(ChatHush.id)).one()
    return concurrently(
        db,
        4,
        lambda session, i: services_hush.tick(session, hush_id=ident, actor=TICKER, now=wechat.clock()).id,
    )


def test_it_is_ticked_once(wechat, site_db, host):
    outcomes = tick_at_once(wechat, site_db, host)
    assert len(succeeded(outcomes)) == 1 and all(isinstance(one, Conflict) for one in failed(outcomes))
    assert wechat.open() == 0


def test_the_page_lists_it_for_the_groups_hosts(wechat, host, make, client, site_db):
    wechat.mute(host, role="member")
    account, _member = make.person(name="hosting", number=True, roles=("host",))
    in_language(sign_in(client, account), "en")
    path = f"/desk/chats/{wechat.group_id}"
    page = text_of(client.get(path))
    assert "Members without an office" in page and "Rest." in page and "Let only read" in page
    elsewhere, other = make.person(name="elsewhere", number=True, roles=("host",))
    group_id = make.house().group.id
    with site_db.uow() as session:
        groups.add_host(
            session, group_id=group_id, who=str(other.number), actor=Actor.system("test"), now=wechat.clock()
        )
    in_language(sign_in(client, elsewhere), "en")
    assert post(client, "/desk/chats/hushes/1/done").status_code == 404
    in_language(sign_in(client, account), "en")
    assert post(client, "/desk/chats/hushes/9/done").status_code == 404
    assert post(client, "/desk/chats/hushes/1/done").status_code == 303
    assert wechat.lines() == [("mute", "done")]
    assert "Members without an office" in text_of(client.get(path + "?state=done"))
    with site_db.session() as session:
        assert session.scalars(select(Mute.lifted_at)).one() is None


# ---- leaving ----


def leaving(client, account, seat_id):
    return text_of(in_language(sign_in(client, account), "en").get(f"/groups/seats/{seat_id}/leave"))


def test_whom_the_bot_puts_out_is_not_asked_to_leave_the_chat(desk):
    account, _member, held = desk.member(HUA)
    page = leaving(desk.client, account, held.seat_id)
    assert "bot takes you out of the chat" in page and "Leave the chat itself" not in page


@pytest.mark.parametrize("kind", ["link", "picture", "none"])
def test_without_a_bot_the_leaver_leaves_the_chat_too(make, client, kind):
    line = make.group_line(slug="small", name="Small")
    account, member = make.person(name="Lin", number=True)
    seat = make.seat(line, member)
    if kind != "none":
        make.chat(
            line, kind="wechat", url="https://weixin.qq.com/g/x" if kind == "link" else "",
            picture="chats/x" if kind == "picture" else None,
        )  # fmt: skip
    page = leaving(client, account, seat.id)
    assert ("Leave the chat itself" in page) == (kind != "none") and "bot takes you" not in page
