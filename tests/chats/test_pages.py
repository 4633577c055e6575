"""The pages about chats: what they say, who may see them, what they refuse, and what they cost."""

from __future__ import annotations

import datetime as dt
import io
import re

import pytest
from PIL import Image
from sqlalchemy import select

from qunclub import chats, groups
from qunclub.chats import services, services_join, tasks
from qunclub.chats.models import Chat, ChatPost, ChatTask
from qunclub.groups.models import Group
from qunclub.groups.models_hosts import GroupHost
from qunclub.jobs import dispatch
from qunclub.kernel import Actor
from qunclub.kernel.outbox import OutboxMessage
from tests.chats.conftest import ADMIN, REF
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements


def png(side=600, **save):
    out = io.BytesIO()
    Image.new("RGB", (side, side), "white").save(out, "PNG", **save)
    return out.getvalue()


@pytest.fixture
def group(site_db, line):
    with site_db.session() as session:
        return session.scalars(select(groups.Group)).one()


@pytest.fixture
def host(client, make):
    in_language(sign_in(client, make.account(roles=("host",))), "en")
    return client


def as_(client, account):
    return in_language(sign_in(client, account), "en")


def member_of(make, site_db, line, now, *, accept=True, **values):
    account, member = make.person(**values)
    held = make.pass_(make.plan(line=line), member)
    if accept:
        with site_db.uow() as session:
            groups.accept_covenant(session, member_id=member.id, line_id=line.id, version=1, now=now)
    return account, member, held


def way_in(client, group, **form):
    fields = {"kind": "wechat", "version": "0", **form}
    return post(client, f"/desk/chats/{group.id}/way-in", fields, content_type="multipart/form-data")


def row(site_db, model=Chat):
    with site_db.session() as session:
        return session.scalars(select(model)).one()


def test_a_wechat_group_has_a_picture_that_expires(host, app, group, site_db, make, line, clock, now):
    assert "No chat" not in text_of(host.get(f"/desk/chats/{group.id}", follow_redirects=True))
    sent = way_in(
        host, group, picture=(io.BytesIO(png(pnginfo=None)), "群.png"), entry_note="Say your number."
    )
    assert sent.status_code == 303, text_of(sent)
    chat = row(site_db)
    assert (chat.kind, chat.version, bool(chat.picture_key)) == ("wechat", 1, True)
    # The end of the seventh day in Shanghai.
    assert chat.expires_at == dt.datetime(2026, 4, 22, 16, tzinfo=dt.UTC)
    account, _member, _held = member_of(make, site_db, line, now)
    page = text_of(as_(host, account).get("/groups/readers-1"))
    assert "/groups/readers-1/chat.png" in page and "Good until" in page and "Say your number." in page
    shown = host.get("/groups/readers-1/chat.png")
    assert shown.mimetype == "image/png" and "no-store" in shown.headers["Cache-Control"]
    clock.advance(days=8)
    page = text_of(host.get("/groups/readers-1"))
    assert "chat.png" not in page and "The way in is being renewed" in page
    assert host.get("/groups/readers-1/chat.png").status_code == 404


def test_nobody_sees_the_way_in_before_the_ritual(client, make, site_db, line, group, now, app):
    key = "chats/x"
    app.extensions["qunclub"].files.put(key, png())
    make.chat(line, kind="qq", url="https://qm.qq.com/x", picture=key)
    stranger = client.get("/groups/readers-1/chat.png")
    assert stranger.status_code == 303
    for account in (
        make.account(number=True),
        member_of(make, site_db, line, now, accept=False)[0],
    ):
        as_(client, account)
        assert client.get("/groups/readers-1/chat.png").status_code == 404
        assert client.get("/groups/readers-1/entry.svg").status_code == 404
        assert "qm.qq.com" not in text_of(client.get("/groups/readers-1"))
    account, _member, held = member_of(make, site_db, line, now)
    as_(client, account)
    assert client.get("/groups/readers-1/chat.png").status_code == 200
    assert client.get("/groups/readers-1/entry.svg").status_code == 200
    for page in ("/groups/readers-1", f"/welcome/{held.id}"):
        assert "qm.qq.com" in text_of(client.get(page)) and "chat.png" in text_of(client.get(page))


def test_a_host_of_another_group_does_not_see_the_picture(client, make, line, site_db, now, app):
    app.extensions["qunclub"].files.put("chats/x", png())
    make.chat(line, kind="qq", picture="chats/x")
    account, member = make.person(roles=("host",))
    as_(client, account)
    assert client.get("/groups/readers-1/chat.png").status_code == 200, "a host of the whole club"
    other = make.group_line(slug="others")
    with site_db.uow() as session:
        group_id = session.scalars(select(groups.Group.id).where(groups.Group.line_id == other.id)).one()
        session.add(GroupHost(group_id=group_id, member_id=member.id, since=now))
    assert client.get("/groups/readers-1/chat.png").status_code == 404


def test_only_hosts_come_here_and_only_admins_choose_the_bots_group(client, make, group, line, site_db, now):
    make.chat(line, kind="qq")
    paths = ("/desk/chats", f"/desk/chats/{group.id}", f"/desk/chats/{group.id}/way-in")
    acts = (
        f"/desk/chats/{group.id}/way-in", f"/desk/chats/{group.id}/say", f"/desk/chats/{group.id}/retry",
        f"/desk/chats/{group.id}/invite", f"/desk/chats/{group.id}/compare",
        "/desk/chats/tasks/1/done", "/desk/chats/tasks/1/again",
        "/desk/chats/posts/1/again", "/desk/chats/joins/1/mute", "/desk/chats/joins/1/unmute",
        "/admin/chats/look", "/admin/chats/listen",
    )  # fmt: skip
    as_(client, member_of(make, site_db, line, now)[0])
    assert [client.get(path).status_code for path in (*paths, "/admin/chats")] == [403] * 4
    assert [post(client, path).status_code for path in acts] == [403] * len(acts)
    as_(client, make.account(roles=("host",)))
    assert [client.get(path).status_code for path in paths] == [200] * 3
    assert client.get("/admin/chats").status_code == 403
    assert post(client, f"/desk/chats/{group.id}/invite").status_code == 403
    assert 'name="ref"' not in text_of(client.get(paths[2]))
    way_in(client, group, kind="telegram", version="1", ref=str(REF))
    assert row(site_db).ref == ""
    as_(client, make.account(roles=("admin",)))
    assert 'name="ref"' in text_of(client.get(paths[2]))
    way_in(client, group, kind="telegram", version="2", ref=str(REF))
    assert row(site_db).ref == str(REF)
    assert client.get("/desk/chats/999").status_code == 404


def test_what_is_wrong_is_named_and_kept(host, group, line, site_db, app, clock):
    for form, words in (
        ({"kind": "telegram", "entry_url": "https://example.com/mine"}, "starts with https://t.me/"),
        ({"entry_url": "mine.example"}, "starts with https://"),
        ({"expires_on": "2026-04-01", "entry_note": "mine"}, "This day has passed"),
        ({"expires_on": "9999-12-31", "entry_note": "mine"}, "Choose a year"),
        ({"picture": (io.BytesIO(b"GIF89a"), "x.gif"), "entry_note": "mine"}, "Send a picture"),
        ({"picture": (io.BytesIO(png()[:200]), "x.png"), "entry_note": "mine"}, "damaged"),
    ):
        answer = way_in(host, group, **form)
        assert answer.status_code == 422, form
        assert words in text_of(answer) and "mine" in text_of(answer)
    with site_db.session() as session:
        assert session.scalars(select(Chat)).all() == []
    assert way_in(host, group, entry_url="https://one.example").status_code == 303
    stale = way_in(host, group, entry_url="https://two.example")
    assert stale.status_code == 409 and "https://two.example" in text_of(stale)
    assert 'value="1"' in text_of(stale)
    assert way_in(host, group, entry_url="https://two.example", version="1").status_code == 303


def test_a_picture_that_is_replaced_or_refused_leaves_no_file_behind(host, group, site_db, app, tmp_path):
    store = app.extensions["qunclub"].files
    way_in(host, group, picture=(io.BytesIO(png()), "a.png"))
    first = row(site_db).picture_key
    assert way_in(host, group, picture=(io.BytesIO(png()), "a.png"), version="0").status_code == 409
    way_in(host, group, picture=(io.BytesIO(png(300)), "b.png"), version="1", expires_on="2026-05-01")
    second = row(site_db).picture_key
    with app.app_context():
        dispatch(app.extensions["qunclub"])
    assert (store.has(first), store.has(second)) == (False, True)
    way_in(host, group, drop_picture="y", version="2")
    with app.app_context():
        dispatch(app.extensions["qunclub"])
    assert row(site_db).picture_key == "" and not store.has(second)


def test_a_virus_is_not_kept(make_app, make, group, site_db):
    class Finds:
        def scan(self, data):
            return "Eicar"

    app = make_app()
    app.extensions["qunclub"].scanner = Finds()
    client = as_(app.test_client(), make.account(roles=("host",)))
    answer = way_in(client, group, picture=(io.BytesIO(png()), "a.png"))
    assert answer.status_code == 422 and "carries a virus" in text_of(answer)


def test_the_hosts_list_follows_seats_and_is_ticked_off(host, group, line, make, site_db, now):
    make.chat(line, kind="wechat")
    _account, member, held = member_of(make, site_db, line, now, nickname="Hua")
    page = text_of(host.get("/desk/chats?only=open"))
    assert "Readers" in page
    page = text_of(host.get(f"/desk/chats/{group.id}"))
    assert "1-Hua" in page and "Let them in" in page
    task = row(site_db, ChatTask)
    assert post(host, f"/desk/chats/tasks/{task.id}/done").status_code == 303
    again = post(host, f"/desk/chats/tasks/{task.id}/done", follow_redirects=True)
    assert "not open any more" in text_of(again)
    assert (row(site_db).open_tasks, row(site_db, ChatTask).name) == (0, "1-Hua")
    with site_db.uow() as session:
        from qunclub import members

        for nickname in ("Huahua", "Xiaohua", "Hua", "Huali"):
            members.update_profile(session, member_id=member.id, nickname=nickname, city="", bio="")
    page = text_of(host.get(f"/desk/chats/{group.id}"))
    assert "1-Huali" in page and "now 1-Hua" in page and row(site_db).open_tasks == 1
    with site_db.session() as session:
        renaming = session.scalars(select(ChatTask).where(ChatTask.state == "open")).one()
    post(host, f"/desk/chats/tasks/{renaming.id}/done")
    with site_db.uow() as session:
        groups.remove_member(
            session, seat_id=held.seat_id, reason="Spam twice", actor=ADMIN, now=now, scope="none"
        )
    page = text_of(host.get(f"/desk/chats/{group.id}"))
    assert "Put out" in page and "Spam twice" in page
    # Back before anybody put them out: they simply stay.
    with site_db.uow() as session:
        groups.take_seat(session, line_id=line.id, member_id=member.id, now=now)
    assert row(site_db).open_tasks == 0
    with site_db.session() as session:
        assert [(t.what, t.state) for t in session.scalars(select(ChatTask).order_by(ChatTask.id))] == [
            ("let_in", "done"), ("rename", "dropped"), ("rename", "done"), ("put_out", "dropped"),
            ("let_in", "done"),
        ]  # fmt: skip
    assert "1-Huali" in text_of(host.get(f"/desk/chats/{group.id}?state=done"))


def test_a_closed_group_is_listed_while_somebody_is_to_be_put_out_of_its_chat(
    host, group, line, make, site_db, now
):
    chat = make.chat(line, kind="wechat")
    make.group_line(slug="alone", name="Alone")
    listed = f'href="/desk/chats/{group.id}"'
    with site_db.uow() as session:
        session.get_one(Group, group.id).closed_at = now
    page = text_of(host.get("/desk/chats"))
    assert listed not in page and "Alone" in page
    with site_db.uow() as session:
        session.get_one(Chat, chat.id).open_tasks = 1
    assert listed in text_of(host.get("/desk/chats")) and listed in text_of(host.get("/desk/chats?only=open"))


def test_what_the_club_itself_says_of_the_bot_is_said_in_the_hosts_language(host, make, line, group, site_db):
    make.chat(line, kind="telegram", ref=str(REF))
    with site_db.uow() as session:
        session.scalars(select(Chat)).one().trouble = services_join.NO_ADMIN
    page = text_of(in_language(host, "zh").get(f"/desk/chats/{group.id}"))
    assert "机器人不是这个群聊的管理员" in page and "no administrator" not in page


def test_comparing_lists_who_was_seated_before(host, group, line, make, site_db, now):
    _account, _member, held = member_of(make, site_db, line, now)
    member_of(make, site_db, line, now)
    make.chat(line, kind="wechat")
    assert row(site_db).open_tasks == 0
    page = text_of(post(host, f"/desk/chats/{group.id}/compare", follow_redirects=True))
    assert "2 lines are new" in page and row(site_db).open_tasks == 2
    with site_db.uow() as session:
        for task in session.scalars(select(ChatTask.id)).all():
            tasks.tick(session, task_id=task, actor=ADMIN, now=now)
        # As if nobody had been told.
        seat = session.get_one(groups.Seat, held.seat_id)
        seat.state, seat.ended_at, seat.end_reason = "left", now, "Moved away"
    page = text_of(post(host, f"/desk/chats/{group.id}/compare", follow_redirects=True))
    assert "1 line is new" in page and "Moved away" in page
    again = text_of(post(host, f"/desk/chats/{group.id}/compare", follow_redirects=True))
    assert "everything that the seats ask for" in again and row(site_db).open_tasks == 1


def test_who_was_never_let_in_need_not_be_put_out(make, line, session, now):
    chat = make.chat(line, kind="wechat")
    seat = make.seat(line)
    assert chat.open_tasks == 1
    groups.leave_seat(session, seat_id=seat.id, state="left", reason="x", now=now)
    session.refresh(chat)
    assert chat.open_tasks == 0
    assert [(one.what, one.state) for one in session.scalars(select(ChatTask))] == [("let_in", "dropped")]


def test_the_waiting_are_let_in_when_they_get_a_seat(make, session, now):
    line = make.group_line(capacities=(1,))
    chat = make.chat(line, kind="wechat")
    first, second = make.seat(line), make.seat(line)
    assert second.state == "waiting" and chat.open_tasks == 1
    tasks.tick(session, task_id=session.scalars(select(ChatTask.id)).one(), actor=ADMIN, now=now)
    groups.leave_seat(session, seat_id=first.id, state="left", reason="x", now=now)
    open_ = session.execute(select(ChatTask.what, ChatTask.seat_id).where(ChatTask.state == "open")).all()
    assert sorted(map(tuple, open_)) == [("let_in", second.id), ("put_out", first.id)]


def test_hosts_are_reminded_once_for_each_date(make, line, db, now):
    make.member(roles=["host"], email="h@example.com")
    make.member(roles=["admin"], email="a@example.com")
    make.member(email="m@example.com")
    end = now + dt.timedelta(days=2)
    chat = make.chat(line, kind="wechat", expires_at=end)

    def mails():
        with db.session() as session:
            query = select(OutboxMessage.payload).where(OutboxMessage.kind == "mail")
            return sorted(one["to"] for one in session.scalars(query) if one["template"] == "chat_expiring")

    def remind(at):
        with db.uow() as session:
            return services.remind(session, chat_id=chat.id, now=at)

    assert not remind(now - dt.timedelta(minutes=1)) and mails() == []
    assert remind(now) and not remind(now) and not remind(end + dt.timedelta(days=9))
    assert mails() == ["a@example.com", "h@example.com"]
    later = make.chat(line, kind="wechat", expires_at=end + dt.timedelta(days=7))
    assert later.reminded_at is None
    assert remind(end + dt.timedelta(days=6)) and len(mails()) == 4


def test_the_reminder_reads_well(app, make, line, site_db, clock, now, group):
    make.member(roles=["host"], email="h@example.com", locale="zh")
    make.chat(line, kind="wechat", expires_at=now + dt.timedelta(days=1))
    with app.app_context():
        from qunclub.chats.jobs_sweep import sweep

        assert (sweep(app.extensions["qunclub"]), sweep(app.extensions["qunclub"])) == (1, 0)
        dispatch(app.extensions["qunclub"])
    mails = [one.read_text() for one in app.extensions["qunclub"].mailer.folder.glob("*.json")]
    assert len(mails) == 1 and "快过期了" in mails[0] and f"/desk/chats/{group.id}/way-in" in mails[0]


def test_my_chats_and_connecting(club, make, site_db, line, chat, now, clock):
    from qunclub.jobs import sweep

    client = club.test_client()
    account, member, _held = member_of(make, site_db, line, now)
    as_(client, account)
    assert "The bot is not ready yet" in text_of(client.get("/me/chats"))
    with club.app_context():
        sweep(club.extensions["qunclub"])
    page = text_of(client.get("/me/chats"))
    assert "@turn_the_page_bot" in page and "Readers" in page
    answer = post(client, "/me/chats/connect")
    found = re.search(r"https://t\.me/turn_the_page_bot\?start=([\w-]+)", text_of(answer))
    assert found is not None
    token = found[1]
    assert "no-store" in answer.headers["Cache-Control"] and "<svg" in text_of(answer)
    with site_db.session() as session:
        assert token not in str([vars(one) for one in session.scalars(select(OutboxMessage))])
    make.chat_account(member, 4242)
    assert "@user4242" in text_of(client.get("/me/chats"))
    assert post(client, "/me/chats/connect").status_code == 303
    post(client, "/me/chats/disconnect")
    assert "@user4242" not in text_of(client.get("/me/chats"))
    page = text_of(client.get("/groups/readers-1"))
    assert "/me/chats" in page


def test_without_a_bot_nothing_is_offered(client, make, site_db, line, now):
    make.chat(line, ref=str(REF))
    as_(client, member_of(make, site_db, line, now)[0])
    assert "Connect Telegram" not in text_of(client.get("/me/chats"))
    assert post(client, "/me/chats/connect").status_code == 404
    as_(client, make.account(roles=("admin",)))
    assert "QUNCLUB_TELEGRAM_TOKEN" in text_of(client.get("/admin/chats"))
    assert post(client, "/admin/chats/look").status_code == 404


def test_the_bots_page_says_what_telegram_says(club, bot, make, chat, group):
    client = as_(club.test_client(), make.account(roles=("admin",)))
    state = club.extensions["qunclub"]
    assert post(client, "/admin/chats/look").status_code == 303
    assert bot.calls == [], "asked by a worker, never in the request"
    with club.app_context():
        dispatch(state)
    page = text_of(client.get("/admin/chats"))
    assert "@turn_the_page_bot" in page and "Telegram does not call this club" in page and str(REF) in page
    post(client, "/admin/chats/listen")
    with club.app_context():
        dispatch(state)
    page = text_of(client.get("/admin/chats"))
    assert "https://club.example/webhooks/telegram" in page and "does not call" not in page
    assert "AAFake" not in page


def test_saying_something(club, bot, make, chat, group, site_db):
    client = as_(club.test_client(), make.account(roles=("host",)))
    empty = post(client, f"/desk/chats/{group.id}/say", {"body": " ", "key": "k"})
    assert empty.status_code == 422 and "Write what is to be said." in text_of(empty)
    for _twice in range(2):
        post(client, f"/desk/chats/{group.id}/say", {"body": "Tonight at eight.", "key": "k"})
    with club.app_context():
        dispatch(club.extensions["qunclub"])
    assert bot.chats[REF].said == ["Tonight at eight."]
    assert "Tonight at eight." in text_of(client.get(f"/desk/chats/{group.id}"))
    assert row(site_db, ChatPost).state == "sent"


def test_a_form_cannot_take_the_place_of_an_announcement_of_the_board(
    club, bot, make, chat, group, site_db, now
):
    client = as_(club.test_client(), make.account(roles=("host",)))
    post(client, f"/desk/chats/{group.id}/say", {"body": "Said first.", "key": "board:7"})
    with site_db.uow() as session:
        chats.announce(
            session, chat_id=chat.id, key="board:7", body="Tonight.", actor=Actor.system("test"), now=now
        )
    with club.app_context():
        dispatch(club.extensions["qunclub"])
    assert bot.chats[REF].said == ["Said first.", "Tonight."]


def test_the_pages_cost_the_same_with_many(host, site_db, make, line, group, now):
    make.chat(line, kind="wechat")
    make.seat(line)

    def cost(path):
        with count_statements(site_db.engine) as seen:
            assert host.get(path).status_code == 200
        return seen.count

    paths = ("/desk/chats", "/desk/chats?only=open", f"/desk/chats/{group.id}")
    before = [cost(path) for path in paths]
    for _ in range(3):
        make.seat(line)
        other = make.group_line()
        make.chat(other, kind="qq")
        make.seat(other)
    assert [cost(path) for path in paths] == before
