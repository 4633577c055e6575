"""Newcomers on the board: once they have come in, once for ever, as many statements however many came."""

from __future__ import annotations

import datetime as dt
import threading
from contextlib import suppress

import pytest
from sqlalchemy import delete, func, select, update

from qunclub import board, groups, jobs
from qunclub.board import doctor, queries, queries_posts, queries_welcome, services_welcome
from qunclub.board.models import Board
from qunclub.board.models_welcome import BoardWelcome, BoardWelcomeDay
from qunclub.groups.models import Group
from qunclub.groups.services_welcome import set_welcome
from qunclub.kernel import Actor, Invalid, Stale, locks, outbox
from qunclub.members.models import Member
from tests.support.concurrency import concurrently, failed, succeeded
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

ADMIN = Actor("test:admin", "Admin", roles=frozenset({"admin"}))
DAY = dt.timedelta(days=1)


def turn_on(session, line, now, mode="collected", version=0, **words):
    words = {"words_zh": "", "words_en": "", **words}
    return set_welcome(session, line_id=line.id, version=version, mode=mode, actor=ADMIN, now=now, **words)


def due(session):
    """(group, member) of the welcomes that wait to be carried out."""
    query = select(outbox.OutboxMessage).where(outbox.OutboxMessage.kind == "board_welcome")
    return [
        (one.payload["group"], one.payload["member"])
        for one in session.scalars(query.order_by(outbox.OutboxMessage.id))
    ]


def carry_out(session, now):
    for group_id, member_id in due(session):
        services_welcome.welcome(session, group_id=group_id, member_id=member_id, now=now, zone=dt.UTC)
    session.execute(delete(outbox.OutboxMessage).where(outbox.OutboxMessage.kind == "board_welcome"))


def cards(session, group, *, before=None):
    here = queries.place(session, group.slug, ADMIN)
    page = queries_posts.posts(session, here, before=before)
    found = queries_welcome.welcomes(session, here, page.items, older_than=before, more=page.has_next)
    return {
        n: [([one.nickname for one in card.people], card.more) for card in some]
        for n, some in found.before.items()
    }, page


def group_of(session, line):
    return session.scalars(select(Group).where(Group.line_id == line.id).order_by(Group.id)).first()


def test_nobody_before_covenant_and_introduction_and_everybody_once(session, make, now):
    line = make.group_line(slug="one", covenant_md="Be kind.", capacities=[9])
    groups.set_ritual(
        session, line_id=line.id, version=0, questions_typed="Who are you?", task_title="", task_md="",
        actor=ADMIN, now=now,
    )  # fmt: skip
    early = make.seat(line, make.member(name="Early", number=True))
    turn_on(session, line, now + DAY)
    hua = make.member(name="Hua", number=True)
    seat = groups.take_seat(session, line_id=line.id, member_id=hua.id, now=now + DAY)
    accept = {"line_id": line.id, "version": 1, "now": now + DAY}
    assert due(session) == []
    groups.accept_covenant(session, member_id=hua.id, **accept)
    assert due(session) == []
    groups.introduce(session, line_id=line.id, member_id=hua.id, given=["Me."], now=now + DAY)
    assert due(session) == [(seat.group_id, hua.id)]
    # Who sat there before it was turned on is no newcomer, whatever they do now.
    groups.accept_covenant(session, member_id=early.member_id, **accept)
    groups.introduce(session, line_id=line.id, member_id=early.member_id, given=["I."], now=now + DAY)
    groups.introduce(session, line_id=line.id, member_id=hua.id, given=["Me again."], now=now + DAY)
    assert due(session) == [(seat.group_id, hua.id)]
    carry_out(session, now + DAY)
    group = group_of(session, line)
    assert cards(session, group)[0] == {0: [(["Hua"], 0)]}
    # Saying it anew later, or a new version of the covenant, welcomes nobody twice.
    groups.introduce(session, line_id=line.id, member_id=hua.id, given=["Me."], now=now + 2 * DAY)
    carry_out(session, now + 2 * DAY)
    assert session.scalar(select(func.count()).select_from(BoardWelcome)) == 1
    assert doctor.check(session, now) == []


def test_without_covenant_and_questions_the_seat_is_enough_and_off_is_off(session, make, now):
    line = make.group_line(capacities=[1, 1])
    make.seat(line)
    assert due(session) == []
    turn_on(session, line, now)
    first = make.seat(line)
    assert [member for _group, member in due(session)] == [first.member_id]
    turn_on(session, line, now, mode="off", version=1)
    carry_out(session, now)
    assert session.scalars(select(BoardWelcome)).all() == [], "turned off before it was carried out"


def test_who_comes_off_the_waiting_list_is_welcomed_in_their_group(session, make, now):
    line = make.group_line(capacities=[1], repeat_last=False)
    turn_on(session, line, now)
    seated, waiting = make.seat(line), make.seat(line)
    assert [member for _g, member in due(session)] == [seated.member_id]
    groups.leave_seat(session, seat_id=seated.id, state="left", reason="x", now=now)
    assert [member for _g, member in due(session)] == [seated.member_id, waiting.member_id]
    carry_out(session, now)
    # The first has left meanwhile: nobody who is not there is welcomed.
    assert session.scalars(select(BoardWelcome.member_id)).all() == [waiting.member_id]


def test_renamed_gone_and_suspended(session, make, now):
    line = make.group_line(capacities=[9])
    turn_on(session, line, now, mode="each")
    people = [make.member(name=name, nickname="", number=True) for name in "ABCD"]
    seats = [make.seat(line, one) for one in people]
    carry_out(session, now)
    group = group_of(session, line)
    people[0].nickname = "Aba"
    people[1].suspended_at = now
    session.flush()
    groups.leave_seat(session, seat_id=seats[2].id, state="left", reason="x", now=now)
    assert cards(session, group)[0] == {0: [(["D"], 0), (["Aba"], 0)]}
    board.forget(session, member_id=people[3].id, now=now)
    assert cards(session, group)[0] == {0: [(["Aba"], 0)]}
    assert doctor.check(session, now) == []


def test_a_day_stands_once_among_the_posts_and_names_a_few(session, make, ring, now, monkeypatch):
    monkeypatch.setattr(queries_welcome, "NAMED", 2)
    monkeypatch.setattr(queries_posts, "PER_PAGE", 2)
    ada, line, group = ring.people[0], ring.line, ring.group
    turn_on(session, line, now)
    for n in range(4):
        # A post each day at noon, three newcomers in the evening.
        ring.write(session, ada, f"Post {n}", now=now + n * DAY)
        for hour in (1, 2, 3):
            who = make.member(name=f"N{n}{hour}", nickname="", number=True)
            at = now + n * DAY + dt.timedelta(hours=hour)
            groups.take_seat(session, line_id=line.id, member_id=who.id, now=at)
            carry_out(session, at)
    first, page = cards(session, group)
    assert first == {4: [(["N31", "N32"], 1)], 3: [(["N21", "N22"], 1)]} and page.has_next
    second, page = cards(session, group, before=int(page.more))
    assert second == {2: [(["N11", "N12"], 1)], 1: [(["N01", "N02"], 1)]} and not page.has_next
    session.execute(update(BoardWelcomeDay).values(came=2))
    assert len(doctor.check(session, now)) == 4


def test_reads_are_as_many_however_many_came(db, make):
    now = make.now
    line = make.group_line(slug="big", capacities=[500])
    with db.uow() as session:
        turn_on(session, line, now)
        for n in range(80):
            session.add(Member(user_key=f"many:{n}", name=f"M{n}", number=5000 + n, email="", joined_at=now))

    def come(count):
        with db.uow() as session:
            ids = session.scalars(select(Member.id).where(Member.user_key.like("many:%"))).all()[:count]
            for ident in ids:
                groups.take_seat(session, line_id=line.id, member_id=ident, now=now)
            carry_out(session, now)

    def read():
        with db.uow() as session:
            group = group_of(session, line)
            here = queries.place(session, group.slug, ADMIN)
            with count_statements(db.engine) as sent:
                found = queries_welcome.welcomes(session, here, [])
            return sent.count, found.before[0][0]

    come(2)
    few, card = read()
    assert len(card.people) == 2
    come(80)
    many, card = read()
    assert many == few == 3 and len(card.people) == queries_welcome.NAMED and card.more == 68


def test_welcomed_at_the_same_moment_is_welcomed_once(db, make, now):
    line = make.group_line(capacities=[9])
    with db.uow() as session:
        turn_on(session, line, now)
    seats = [make.seat(line) for _ in range(3)]

    def welcome(session, index):
        seat = seats[index % 3]
        return services_welcome.welcome(
            session, group_id=seat.group_id, member_id=seat.member_id, now=now, zone=dt.UTC
        )

    outcomes = concurrently(db, 6, welcome, retry=True)
    assert not failed(outcomes), failed(outcomes)
    assert sum(succeeded(outcomes)) == 3
    with db.session() as session:
        assert sorted(session.scalars(select(BoardWelcome.nth))) == [1, 2, 3]
        assert session.scalar(select(BoardWelcomeDay.came)) == 3
        assert session.scalar(select(Board.changed)) == 3
        assert doctor.check(session, now) == []


def test_a_setting_is_checked_and_never_overwritten_unseen(session, make, now):
    line = make.group_line()
    turn_on(session, line, now, words_en="Hello {nickname}")
    with pytest.raises(Stale):
        turn_on(session, line, now)
    with pytest.raises(Invalid) as refused:
        turn_on(session, line, now, version=1, words_zh="{who}")
    assert refused.value.field == "words_zh"
    with pytest.raises(Invalid) as refused:
        turn_on(session, line, now, version=1, mode="loud")
    assert refused.value.field == "mode"


def test_an_admin_sets_it_and_members_read_it(client, make, app, site_db, clock):
    line = make.group_line(slug="ring", name="Ring", capacities=[9])
    admin = in_language(sign_in(app.test_client(), make.account(roles=("admin",))), "en")
    page = text_of(admin.get(f"/admin/groups/{line.id}"))
    assert f"/admin/groups/{line.id}/welcome" in page
    path = f"/admin/groups/{line.id}/welcome"
    sent = {"mode": "collected", "words_en": "Hi {who}", "words_zh": "", "version": "0"}
    refused = post(admin, path, sent)
    assert (
        refused.status_code == 422 and "Hi {who}" in text_of(refused) and "no gap called" in text_of(refused)
    )
    words = {"words_en": "Hi {nickname}[ of {city}]!", "words_zh": "你好 {nickname}"}
    assert post(admin, path, {**sent, **words}).status_code == 303
    stale = post(admin, path, {**sent, **words, "mode": "each"})
    assert stale.status_code == 409 and "Nothing was overwritten" in text_of(stale)
    account, member = make.person(name="Hua", nickname="<Hua>", city="Xiamen", number=True)
    in_language(sign_in(client, account), "en")
    with site_db.uow() as session:
        groups.take_seat(session, line_id=line.id, member_id=member.id, now=clock.now)
    with app.app_context():
        jobs.dispatch(app.extensions["qunclub"])
    page = text_of(client.get("/groups/ring-1/board"))
    assert "Hi &lt;Hua&gt; of Xiamen!" in page and "New here on" in page and "Nothing here yet" not in page
    assert "Hi &lt;Hua&gt;" in text_of(client.get("/groups/ring-1/board/news"))
    assert "你好 &lt;Hua&gt;" in text_of(in_language(client, "zh").get("/groups/ring-1/board"))
    assert "Hi" not in text_of(client.get("/groups/ring-1/board?show=announcements"))
    assert "unread" not in text_of(in_language(client, "en").get("/board"))


def both_last_steps_at_once(db, make, now):
    """How many welcomes are due after the covenant and the introduction of one member were given at one moment."""
    line = make.group_line(covenant_md="Be kind.", capacities=[9])
    with db.uow() as session:
        groups.set_ritual(
            session, line_id=line.id, version=0, questions_typed="Who?", task_title="", task_md="", actor=ADMIN, now=now
        )  # fmt: skip
        turn_on(session, line, now)
    seat = make.seat(line)
    made = threading.Barrier(2)

    def step(session, index):
        if index:
            groups.introduce(session, line_id=line.id, member_id=seat.member_id, given=["Me."], now=now)
        else:
            groups.accept_covenant(session, member_id=seat.member_id, line_id=line.id, version=1, now=now)
        # Neither commits before the other has looked, unless the other waits for a lock.
        with suppress(threading.BrokenBarrierError):
            made.wait(timeout=1)

    assert not failed(concurrently(db, 2, step))
    with db.session() as session:
        return len(due(session))


def test_the_last_two_steps_at_the_same_moment_welcome_once(db, make, now):
    assert both_last_steps_at_once(db, make, now) == 1


def test_control_without_the_lock_nobody_is_welcomed(db, make, now):
    if db.url.startswith("sqlite"):
        return  # There is one writer at a time there, lock or not.
    with locks.disabled():
        assert both_last_steps_at_once(db, make, now) == 0
