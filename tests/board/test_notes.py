"""What the club announces on a board: splits, merges and ends, each once, in the reader's language."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from qunclub import board, groups
from qunclub.board import queries, queries_notes, queries_posts, services_welcome
from qunclub.board.models import Board
from qunclub.groups import rules_split, services_spin_off_end, services_split
from qunclub.groups.models import Group
from qunclub.groups.rules_split import SplitRule
from qunclub.kernel import Actor, outbox
from qunclub.members.models import Member
from tests.groups.test_spin_offs import approve, parent, propose
from tests.support.pages import in_language, sign_in, text_of
from tests.support.statements import count_statements

ADMIN = Actor("test:admin", "Admin", roles=frozenset({"admin"}))
RULE = SplitRule("even", seed="s")
HOUR = dt.timedelta(hours=1)


def notes(session, group, *, before=None):
    here = queries.place(session, group.slug, ADMIN)
    page = queries_posts.posts(session, here, before=before)
    found = queries_notes.notes(session, here, page.items, older_than=before, more=page.has_next)
    return {n: [one.text for one in some] for n, some in found.items()}


def announce(session, group, now, **more):
    _stay, move = services_split.planned(session, group.id, RULE, "", 3)
    said = {"capacity": 3, "days": 2, "reason": "100% full", **more}
    return services_split.announce(
        session,
        group_id=group.id,
        rule=RULE,
        seal=rules_split.seal(move),
        zone=dt.UTC,
        actor=ADMIN,
        now=now,
        **said,
    )


def write(session, group, now):
    return board.write(session, slug=group.slug, actor=member(session), body_md="Hello", now=now, zone=dt.UTC)


def member(session):
    row = session.scalars(select(Member).order_by(Member.id)).first()
    return Actor("test:boss", "Boss", member_id=row.id, roles=frozenset({"admin"}))


def full(session, make):
    line = make.group_line(
        slug="class", name="Class", name_pattern="Class {index}", capacities=[4, 4], posting="all"
    )
    for _ in range(4):
        make.seat(line)
    return session.scalars(select(Group).where(Group.line_id == line.id).order_by(Group.id)).first()


def stirred(session):
    return [
        one.key
        for one in session.scalars(select(outbox.OutboxMessage).order_by(outbox.OutboxMessage.id))
        if one.kind == "board_stir"
    ]


def test_a_split_stands_on_the_board_when_announced_and_when_done_each_once(session, make, now):
    group = full(session, make)
    write(session, group, now - HOUR)
    split = announce(session, group, now)
    write(session, group, now + HOUR)
    assert notes(session, group) == {1: [queries_notes.PLANNED]}, "before the post that is older"
    due = split.due_at
    for _ in range(2):
        services_split.carry_out(session, split_id=split.id, now=due)
    assert notes(session, group) == {2: [queries_notes.DONE], 1: [queries_notes.PLANNED]}
    assert len(stirred(session)) == len(set(stirred(session))) == 2


def test_one_that_is_called_off_says_so(session, make, now):
    group = full(session, make)
    split = announce(session, group, now)
    services_split.call_off(session, split_id=split.id, reason="100% not", actor=ADMIN, now=now + HOUR)
    assert notes(session, group) == {0: [groups.SPLIT_OFF, queries_notes.PLANNED]}
    split.note = groups.SPLIT_NOTES[0]
    session.flush()
    assert notes(session, group)[0][0] == groups.SPLIT_NOTES[0]


def test_a_merge_stands_on_both_boards(session, make, now):
    _line, (mine, _beside), (other, _further) = parent(make)
    groups.merge(
        session,
        from_id=mine.group_id,
        into_id=other.group_id,
        capacity=None,
        reason="One",
        actor=ADMIN,
        now=now,
    )
    closed, here = session.scalars(select(Group).order_by(Group.closed_at.is_(None), Group.id)).all()
    assert notes(session, closed) == {0: [queries_notes.GONE]}
    assert notes(session, here) == {0: [queries_notes.CAME]}
    assert len(stirred(session)) == 2


def test_an_ended_spin_off_says_why(session, make, now):
    _line, (mine, _beside), _others = parent(make)
    made = approve(session, make, propose(session, mine, now))
    services_spin_off_end.end(session, ident=made.id, reason="Enough", actor=ADMIN, now=now)
    group = session.get_one(Group, made.group_id)
    assert notes(session, group) == {0: [queries_notes.ENDED]}
    assert len(stirred(session)) == 1, "pages that stand open show it"
    services_spin_off_end.restore(session, ident=made.id, actor=ADMIN, now=now + HOUR)
    assert notes(session, group) == {} and len(set(stirred(session))) == 2


def test_older_notes_stand_on_older_pages(session, make, now):
    group = full(session, make)
    split = announce(session, group, now)
    services_split.call_off(session, split_id=split.id, reason="No", actor=ADMIN, now=now)
    for n in range(queries.PER_PAGE + 2):
        write(session, group, now + HOUR * (n + 1))
    assert notes(session, group) == {}
    assert list(notes(session, group, before=3)) == [0]


def test_stirring_changes_what_open_pages_ask_for(session, make, now):
    group = full(session, make)
    for n in (1, 2):
        services_welcome.touch(session, group.id)
        assert session.get_one(Board, group.id).changed == n


def test_the_page_says_it_in_both_languages_at_constant_statements(app, client, make, site_db, now):
    line = make.group_line(slug="class", name="Class", name_pattern="Class {index}", capacities=[4, 4])
    account, me = make.person(name="Hua", number=True)
    for one in (me, *(make.member() for _ in range(3))):
        make.seat(line, one)
    in_language(sign_in(client, account), "en")
    client.get("/groups/class-1/board")
    with count_statements(site_db.engine) as few:
        assert "Announcement of the club" not in text_of(client.get("/groups/class-1/board"))
    with site_db.uow() as session:
        group = session.scalars(select(Group).where(Group.slug == "class-1")).one()
        for _ in range(3):
            split = announce(session, group, now)
            services_split.call_off(session, split_id=split.id, reason="100% not", actor=ADMIN, now=now)
        announce(session, group, now)
    with count_statements(site_db.engine) as many:
        page = text_of(client.get("/groups/class-1/board"))
    assert page.count("This group is split in two on") == 4 and "100% full" in page and "100% not" in page
    assert many.count == few.count, many
    assert "This group is split in two on" in text_of(client.get("/groups/class-1/board?show=announcements"))
    assert "本群将在" in text_of(in_language(client, "zh").get("/groups/class-1/board"))
