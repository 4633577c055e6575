"""The doctor sees what is wrong with chats; one's own data and leaving; every read goes by an index."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import delete, select, text, update

from qunclub import groups
from qunclub.chats import doctor, services
from qunclub.chats.models import Chat, ChatAccount, ChatJoin, ChatLink, ChatPost, ChatTask, ChatUpdate
from qunclub.home.export import export
from qunclub.home.leaving import leave
from qunclub.kernel import Actor
from qunclub.kernel.outbox import OutboxMessage
from qunclub.passes.models import EntryTicket
from tests.chats.conftest import REF

HUA = 4242


@pytest.fixture
def inside(desk, bot):
    """(member, pass) of somebody whom the bot let in."""
    _account, member, held = desk.member(HUA, nickname="Hua")
    desk.hear(bot.ask(REF, HUA))
    desk.work()
    assert desk.doctor() == []
    return member, held


def change(desk, statement):
    with desk.db.uow() as session:
        session.execute(statement)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (update(Chat).values(open_tasks=7), "says 7 tasks are open; 0 are"),
        (
            update(Chat)
            .values(created_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
            .execution_options(moved=True),
            "nobody is to let its member in",
        ),
        (update(EntryTicket).values(state="valid", used_at=None), "without the ticket of seat"),
        (
            update(groups.Seat).values(
                state="left", ended_at=dt.datetime(2026, 4, 14, tzinfo=dt.UTC), end_reason="x"
            ),
            "nobody is to put them out",
        ),
        (
            update(ChatJoin).values(state="approving", asked_at=dt.datetime(2026, 4, 1, tzinfo=dt.UTC)),
            "waits for more than a day",
        ),
        (
            update(ChatTask).values(
                state="open", what="put_out", account="1", created_at=dt.datetime(2026, 4, 1, tzinfo=dt.UTC)
            ),
            "has not put somebody out",
        ),
    ],
)
def test_the_doctor_sees_it(desk, inside, statement, words):
    change(desk, statement)
    if "moved" in statement.get_execution_options():
        change(desk, update(ChatTask).values(what="rename"))
    with desk.db.session() as session:
        assert any(words in one.message for one in doctor.check(session, desk.clock()))


def test_the_doctor_misses_a_picture(desk, chat):
    change(desk, update(Chat).values(picture_key="chats/gone"))
    with desk.db.session() as session:
        found = doctor.check_bytes(desk.state.files, session, desk.clock())
    assert "has lost its bytes" in found[0].message


def test_ones_own_data_has_it_and_nothing_of_others(desk, inside, make):
    member, _held = inside
    make.chat_account(make.member(), 999)
    desk.link(make.member())
    with desk.db.session() as session:
        mine = export(session, member.id, now=desk.clock())
    assert [one["account"] for one in mine["chat_accounts"]] == [str(HUA)]
    assert [(one["state"], one["group"]) for one in mine["chat_requests"]] == [("approved", "Readers 1")]
    assert [(one["what"], one["name"]) for one in mine["chat_tasks"]] == [("let_in", "1-Hua")]
    assert (mine["chat_links"], mine["chat_announcements"]) == ([], [])
    assert "done_by" not in str(mine["chat_tasks"]) and "999" not in str(mine["chat_accounts"])


def test_who_leaves_the_club_is_put_out_and_forgotten(desk, bot, inside, chat):
    member, _held = inside
    actor = Actor(key=member.user_key, name="Hua", member_id=member.id)
    with desk.db.uow() as session:
        services.announce(session, chat_id=chat.id, key="k", body="Hello.", actor=actor, now=desk.clock())
        leave(session, actor=actor, member_id=member.id, now=desk.clock())
    desk.work()
    assert bot.chats[REF].inside == set()
    for model in (ChatAccount, ChatLink, ChatJoin):
        assert desk.rows(model) == []
    assert {one.name for one in desk.rows(ChatTask)} == {""}
    assert {one.account for one in desk.rows(ChatTask)} == {""}
    assert desk.rows(ChatPost)[0].by_id is None
    assert str(HUA) not in str(
        [one.payload for one in desk.rows(OutboxMessage, OutboxMessage.kind == "chat")]
    )
    assert desk.doctor() == []


def test_the_bots_token_is_nowhere_in_the_database(desk, bot, inside):
    desk.sweep()
    with desk.db.engine.connect() as connection:
        tables = connection.execute(
            text(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
                if desk.db.kind == "sqlite"
                else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            )
        ).scalars()
        for table in tables.all():
            assert "AAFake" not in str(connection.execute(text(f'SELECT * FROM "{table}"')).all()), table


def test_strangers_are_forgotten_after_thirty_days(desk, bot, inside):
    desk.hear(bot.start(777))
    desk.hear(bot.ask(REF, 777))
    desk.work()
    assert "777" in str([one.payload for one in desk.rows(OutboxMessage)]) and len(desk.rows(ChatJoin)) == 2
    desk.clock.advance(days=31)
    desk.sweep()
    assert [one.account for one in desk.rows(ChatJoin)] == [str(HUA)]
    assert "777" not in str([one.payload for one in desk.rows(OutboxMessage)])
    assert desk.rows(ChatUpdate) == []


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
def test_the_sweep_and_the_hook_read_by_an_index(db, now):
    looks = (
        select(Chat.id).where(
            Chat.expires_at.is_not(None), Chat.reminded_at.is_(None), Chat.expires_at <= now
        ),
        select(Chat).where(Chat.group_id == 1),
        select(Chat.id).where(Chat.names_after >= 0).limit(200),
        select(ChatTask)
        .where(ChatTask.chat_id == 1, ChatTask.state == "done", ChatTask.id > 7, ChatTask.what == "let_in")
        .order_by(ChatTask.id),
        select(ChatTask).where(ChatTask.member_id == 1, ChatTask.chat_id == 1),
        select(ChatTask).where(ChatTask.chat_id == 1, ChatTask.state == "open").order_by(ChatTask.id),
        select(ChatJoin).where(ChatJoin.chat_id == 1, ChatJoin.account == "1"),
        select(ChatAccount).where(ChatAccount.kind == "telegram", ChatAccount.account == "1"),
        select(ChatPost).where(ChatPost.chat_id == 1).order_by(ChatPost.id.desc()),
        delete(ChatLink).where(ChatLink.token_hash == "x"),
    )
    with db.engine.connect() as connection:
        for look in looks:
            sql = str(look.compile(db.engine, compile_kwargs={"literal_binds": True}))
            plan = str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}").all())
            assert "SCAN" not in plan and "TEMP B-TREE" not in plan, (sql, plan)


def test_a_host_is_told_of_a_chat_without_a_bot_that_can_mute(make, line, session, now):
    chat = make.chat(line, kind="wechat")
    member = make.member()
    answer = services.mute(session, group_id=chat.group_id, member_id=member.id, until=None, key="x", now=now)
    assert answer is False
