"""Posts numbered without gaps, what is unread kept, receipts once, words changed and taken back; who may not."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from sqlalchemy import func, select

from qunclub import board, groups, house, notices
from qunclub.board import doctor, posting, queries, queries_posts, services
from qunclub.board.models import Board, BoardPicture, BoardPost, BoardReceipt, BoardVersion
from qunclub.kernel import Actor, Conflict, Forbidden, Invalid, NotFound, Stale, locks, outbox, store
from qunclub.kernel.uploads import StoredFile
from qunclub.notices.models import Notice
from tests.support.concurrency import concurrently, failed, succeeded
from tests.support.statements import count_statements

ADMIN = Actor("test:admin", "Admin", roles=frozenset({"admin"}))
PICTURE = StoredFile("page.png", "image/png", 3, "0" * 64, "board/key-1")


def place(session, ring, actor):
    return queries.place(session, ring.group.slug, actor)


def told(session, kind):
    query = select(Notice.member_id).where(Notice.kind == kind).order_by(Notice.id)
    return session.scalars(query).all()


def shown(session, ring, actor, n):
    return queries_posts.thread(session, place(session, ring, actor), n)


def test_posts_are_numbered_and_unread_is_kept(session, ring):
    ada, bo, cy = ring.people
    assert [ring.write(session, one).n for one in (ada, bo, ada)] == [1, 2, 3]
    answer = ring.write(session, cy, answer_to=1)
    assert answer.n == 4 and answer.parent_id is not None
    # Ada had read all when she wrote the first; then she was two behind and stays so.
    assert [place(session, ring, one).unread for one in ring.people] == [3, 4, 4]
    assert board.seen(session, slug=ring.group.slug, upto=3, actor=bo) == 1
    assert board.seen(session, slug=ring.group.slug, upto=1, actor=bo) == 1, "never backwards"
    assert board.seen(session, slug=ring.group.slug, upto=99, actor=bo) == 0, "never beyond the end"
    mine = board.my_boards(session, bo.member_id)
    assert [(one.last_n, one.unread) for one in mine] == [(4, 0)]
    assert doctor.check(session, ring.make.now) == []


def test_an_answer_to_an_answer_stands_in_the_same_thread(session, ring):
    ada, bo, _cy = ring.people
    ring.write(session, ada)
    ring.write(session, bo, answer_to=1)
    ring.write(session, ada, answer_to=2)
    root, answers = shown(session, ring, bo, 1)
    assert root.replies == 2 and [one.n for one in answers.items] == [2, 3]


def test_the_pyramid_and_the_covenant(session, pyramid, now):
    host, ada = pyramid.host, pyramid.people[0]
    pyramid.write(session, host, open_answers=True)
    pyramid.write(session, host, open_answers=False)
    for answer_to in (None, 1):
        with pytest.raises(Forbidden, match="covenant"):
            pyramid.write(session, ada, answer_to=answer_to)
    groups.accept_covenant(session, member_id=ada.member_id, line_id=pyramid.line.id, version=1, now=now)
    with pytest.raises(Forbidden, match="Staff post"):
        pyramid.write(session, ada)
    assert pyramid.write(session, ada, answer_to=1).n == 3
    with pytest.raises(Forbidden, match="not open"):
        pyramid.write(session, ada, answer_to=2)
    # A new version asks again.
    groups.publish_covenant(session, line_id=pyramid.line.id, body_md="Be kinder.", actor=host, now=now)
    with pytest.raises(Forbidden, match="covenant"):
        pyramid.write(session, ada, answer_to=1)
    with pytest.raises(Forbidden, match="covenant"):
        board.edit(
            session, slug=pyramid.group.slug, n=3, version=1, actor=ada, body_md="New", now=now, zone=dt.UTC
        )


def test_a_stranger_finds_nothing(session, ring, rings, now):
    ring.write(session, ring.people[0])
    other = rings()
    slug = ring.group.slug
    for actor in (ring.stranger, other.people[0]):
        for attempt in (
            lambda who: ring.write(session, who),
            lambda who: board.seen(session, slug=slug, upto=1, actor=who),
            lambda who: board.receive(session, slug=slug, n=1, actor=who, now=now),
            lambda who: board.edit(
                session, slug=slug, n=1, version=1, actor=who, body_md="x", now=now, zone=dt.UTC
            ),
            lambda who: board.remove(session, slug=slug, n=1, actor=who, now=now),
            lambda who: board.hide(session, slug=slug, n=1, reason="x", actor=who, now=now),
            lambda who: board.show(session, slug=slug, n=1, actor=who, now=now),
            lambda who: board.pin(session, slug=slug, n=1, on=True, actor=who, now=now),
            lambda who: queries.pulse(session, slug, who),
        ):
            with pytest.raises(NotFound):
                attempt(actor)


def test_a_removed_member_loses_the_board(session, ring, now):
    ada = ring.people[0]
    ring.write(session, ada)
    seat = groups.live_seat(session, line_id=ring.line.id, member_id=ada.member_id)
    assert seat is not None
    groups.remove_member(session, seat_id=seat.id, reason="Spam", actor=ring.host, now=now)
    with pytest.raises(NotFound):
        ring.write(session, ada)
    assert board.my_boards(session, ada.member_id) == []


def test_a_member_does_not_do_what_hosts_do(session, ring, now):
    ada, bo, _cy = ring.people
    ring.write(session, ada)
    slug = ring.group.slug
    for attempt in (
        lambda: board.pin(session, slug=slug, n=1, on=True, actor=ada, now=now),
        lambda: board.hide(session, slug=slug, n=1, reason="x", actor=bo, now=now),
        lambda: board.show(session, slug=slug, n=1, actor=bo, now=now),
        lambda: board.edit(session, slug=slug, n=1, version=1, actor=bo, body_md="x", now=now, zone=dt.UTC),
        lambda: board.edit(
            session, slug=slug, n=1, version=1, actor=ring.host, body_md="x", now=now, zone=dt.UTC
        ),
        lambda: board.remove(session, slug=slug, n=1, actor=bo, now=now),
        lambda: ring.write(session, ada, title="T", announcement=True),
    ):
        with pytest.raises(Forbidden):
            attempt()
    with pytest.raises(Invalid, match="Only hosts"):
        ring.write(session, ada, "@all look")


def test_who_is_mentioned_or_answered_is_told_once(session, ring):
    ada, bo, cy = ring.people
    two = ring.number(session, bo)
    nobody = ring.number(session, ring.stranger)
    post = ring.write(session, ada, f"@{two} and @{two} and @{nobody} and @{ring.number(session, ada)}")
    assert told(session, "mention") == [bo.member_id]
    assert (
        post.mentions and f'qc-at">@{two}<' in post.body_html and f'qc-at">@{nobody}<' not in post.body_html
    )
    # Answered and mentioned at once is one notice.
    ring.write(session, cy, f"@{ring.number(session, ada)} yes", answer_to=1)
    assert told(session, "mention") == [bo.member_id, ada.member_id] and told(session, "reply") == []
    ring.write(session, bo, "no", answer_to=1)
    ring.write(session, ada, "to myself", answer_to=1)
    assert told(session, "reply") == [ada.member_id]


def test_a_post_is_told_by_one_notice(session, ring):
    ada, bo, cy = ring.people
    two, three = ring.number(session, bo), ring.number(session, cy)
    notices.choose(session, member_id=cy.member_id, ways={"mention": "none"})
    ring.write(session, ring.host, f"@{two} and @{three} bring keys", title="Tomorrow", announcement=True)
    ring.write(session, ada, "When?")
    ring.write(session, ring.host, "@all at eight", answer_to=2)
    assert told(session, "mention") == [bo.member_id] and told(session, "reply") == [ada.member_id]
    queued = select(outbox.OutboxMessage).where(outbox.OutboxMessage.kind == "notice_seated")
    passed = {(one.payload["kind"], *one.payload["but"]) for one in session.scalars(queued)}
    # Who wants no mentions hears of the announcement as everybody does.
    assert passed == {("announcement", bo.member_id), ("mention", ada.member_id)}


def test_a_host_without_a_seat_is_told_of_answers(session, pyramid, now):
    pyramid.write(session, pyramid.host)
    ada = pyramid.people[0]
    groups.accept_covenant(session, member_id=ada.member_id, line_id=pyramid.line.id, version=1, now=now)
    pyramid.write(session, ada, answer_to=1)
    assert told(session, "reply") == [pyramid.host.member_id]


def test_announcements_and_receipts(session, ring, now):
    ada, bo, _cy = ring.people
    post = ring.write(session, ring.host, "Tomorrow at eight.", title="Meeting", announcement=True)
    queued = session.scalars(
        select(outbox.OutboxMessage.payload).where(outbox.OutboxMessage.kind == "notice_seated")
    ).all()
    assert [(one["kind"], one["facts"]["title"]) for one in queued] == [("announcement", "Meeting")]
    slug = ring.group.slug
    assert board.receive(session, slug=slug, n=1, actor=ada, now=now)
    assert not board.receive(session, slug=slug, n=1, actor=ada, now=now)
    assert board.receive(session, slug=slug, n=1, actor=bo, now=now)
    with pytest.raises(Forbidden):
        board.receive(session, slug=slug, n=1, actor=ring.host, now=now)
    session.refresh(post)
    assert post.reads == 2
    assert [one.name for one in queries_posts.receipts(session, post.id).items] == ["Person 0", "Person 1"]
    ring.write(session, ada)
    with pytest.raises(NotFound):
        board.receive(session, slug=slug, n=2, actor=ada, now=now)
    assert doctor.check(session, now) == []


def test_words_are_changed_with_their_history(session, ring, now):
    ada, bo, _cy = ring.people
    ring.write(session, ada, "First.")
    slug, later = ring.group.slug, now + dt.timedelta(minutes=5)
    changed = place(session, ring, bo).changed
    text = f"Second, @{ring.number(session, bo)}."
    row = board.edit(session, slug=slug, n=1, version=1, actor=ada, body_md=text, now=later, zone=dt.UTC)
    assert row.version == 2 and row.edited_at == later and place(session, ring, bo).changed > changed
    assert told(session, "mention") == [bo.member_id]
    with pytest.raises(Stale):
        board.edit(session, slug=slug, n=1, version=1, actor=ada, body_md="Third.", now=later, zone=dt.UTC)
    with pytest.raises(Invalid):
        board.edit(session, slug=slug, n=1, version=2, actor=ada, body_md=" ", now=later, zone=dt.UTC)
    kept = queries_posts.versions(session, row.id)
    assert [(one.what, one.body_md, name) for one, name in kept] == [("edit", "First.", "Person 0")]


def test_words_are_taken_back(session, ring, now):
    ada, bo, _cy = ring.people
    ring.write(session, ada, "Secret.", pictures=[PICTURE])
    ring.write(session, bo, answer_to=1)
    slug = ring.group.slug
    board.pin(session, slug=slug, n=1, on=True, actor=ring.host, now=now)
    row = board.remove(session, slug=slug, n=1, actor=ada, now=now)
    assert row.body_md == row.body_html == "" and row.pinned_at is None
    assert session.scalars(select(BoardPicture)).all() == []
    files = select(outbox.OutboxMessage.payload).where(outbox.OutboxMessage.kind == "file_delete")
    assert session.scalars(files).all() == [{"storage_key": "board/key-1"}]
    assert shown(session, ring, ring.host, 1)[0].gone == "deleted"
    assert [one.body_md for one, _name in queries_posts.versions(session, row.id)] == ["Secret."]
    for attempt in (
        lambda: ring.write(session, bo, answer_to=1),
        lambda: board.edit(
            session, slug=slug, n=1, version=row.version, actor=ada, body_md="Again", now=now, zone=dt.UTC
        ),
        lambda: board.hide(session, slug=slug, n=1, reason="x", actor=ring.host, now=now),
    ):
        with pytest.raises(Conflict):
            attempt()
    assert doctor.check(session, now) == []


def test_hidden_words_are_seen_by_author_and_hosts_only(session, ring, now):
    ada, bo, _cy = ring.people
    ring.write(session, ada, "Buy my thing.", pictures=[PICTURE])
    slug = ring.group.slug
    with pytest.raises(Invalid):
        board.hide(session, slug=slug, n=1, reason=" ", actor=ring.host, now=now)
    board.hide(session, slug=slug, n=1, reason="Advertising.", actor=ring.host, now=now)
    assert told(session, "conduct") == [ada.member_id]
    assert "board.hide" in session.scalars(select(store.AuditEntry.action)).all()
    views = [shown(session, ring, who, 1)[0] for who in (ada, bo, ring.host)]
    assert ["Buy" in one.html for one in views] == [True, False, True]
    assert [one.hidden_reason for one in views] == ["Advertising.", "", "Advertising."]
    ident = session.scalar(select(BoardPicture.id))
    for who, sees in ((ada, True), (bo, False), (ring.host, True)):
        here = place(session, ring, who)
        if sees:
            assert queries_posts.picture(session, here, ident).id == ident
        else:
            with pytest.raises(NotFound):
                queries_posts.picture(session, here, ident)
    with pytest.raises(Conflict):
        board.edit(session, slug=slug, n=1, version=2, actor=ada, body_md="x", now=now, zone=dt.UTC)
    with pytest.raises(Conflict):
        board.remove(session, slug=slug, n=1, actor=ada, now=now)
    board.show(session, slug=slug, n=1, actor=ring.host, now=now)
    assert "Buy" in shown(session, ring, bo, 1)[0].html


def test_a_picture_of_another_group_is_not_there(session, ring, rings):
    other = rings()
    ring.write(session, ring.people[0], pictures=[PICTURE])
    ident = session.scalar(select(BoardPicture.id))
    with pytest.raises(NotFound):
        queries_posts.picture(session, place(session, other, other.people[0]), ident)


def test_pictures_are_for_the_group_and_its_own_hosts(session, ring, rings, now):
    other = rings()
    ring.write(session, ring.people[0], pictures=[PICTURE])
    ident = session.scalar(select(BoardPicture.id))

    def sees(who):
        here = place(session, ring, who)
        row = queries_posts.thread(session, here, 1)[0]
        assert bool(row.pictures) != bool(row.kept_back)
        try:
            return queries_posts.picture(session, here, ident).id == ident and bool(row.pictures)
        except NotFound:
            return bool(row.pictures)

    assert all(sees(one) for one in (*ring.people, ring.host))
    # A host bound to another group still sees to the rules here, but the pictures are not for them.
    number = str(ring.number(session, ring.host))
    groups.add_host(session, group_id=other.group.id, who=number, actor=ADMIN, now=now)
    assert not sees(ring.host) and sees(ring.people[1])
    # What they show here themselves they see; and all of it as soon as they are a host of this group too.
    mine = ring.write(session, ring.host, pictures=[PICTURE])
    here = place(session, ring, ring.host)
    assert queries_posts.thread(session, here, mine.n)[0].pictures
    groups.add_host(session, group_id=ring.group.id, who=number, actor=ADMIN, now=now)
    assert sees(ring.host)


def test_few_are_pinned(session, ring, now):
    slug = ring.group.slug
    for n in range(1, 7):
        ring.write(session, ring.people[0])
        if n <= 5:
            board.pin(session, slug=slug, n=n, on=True, actor=ring.host, now=now + dt.timedelta(minutes=n))
    with pytest.raises(Conflict, match="pinned already"):
        board.pin(session, slug=slug, n=6, on=True, actor=ring.host, now=now)
    board.pin(session, slug=slug, n=1, on=False, actor=ring.host, now=now)
    assert [one.n for one in queries_posts.pinned(session, place(session, ring, ring.host))] == [5, 4, 3, 2]
    ring.write(session, ring.people[0], answer_to=6)
    with pytest.raises(Conflict, match="answers"):
        board.pin(session, slug=slug, n=7, on=True, actor=ring.host, now=now)


def test_pages_follow_each_other(session, ring):
    for _n in range(45):
        ring.write(session, ring.people[0])
    here = place(session, ring, ring.people[1])
    seen, before = [], None
    while True:
        page = queries_posts.posts(session, here, before=before)
        seen += [one.n for one in page.items]
        if not page.more:
            break
        before = int(page.more)
    assert seen == list(range(45, 0, -1))


def test_people_to_mention(session, ring):
    here = place(session, ring, ring.people[0])
    assert [name for _n, name in queries_posts.people(session, here, "Pers")] == [
        f"Person {n}" for n in range(3)
    ]
    number = ring.number(session, ring.people[1])
    assert queries_posts.people(session, here, str(number)) == [(number, "Person 1")]
    stranger = ring.number(session, ring.stranger)
    assert queries_posts.people(session, here, str(stranger)) == []
    assert queries_posts.people(session, here, "") == []


def test_who_leaves_takes_their_words_along(session, ring, now):
    ada, bo, _cy = ring.people
    ring.write(session, ring.host, title="Rules", announcement=True)
    ring.write(session, ada, "Mine.", pictures=[PICTURE])
    ring.write(session, bo, answer_to=2)
    board.edit(
        session,
        slug=ring.group.slug,
        n=2,
        version=1,
        actor=ada,
        body_md="Mine, better.",
        now=now,
        zone=dt.UTC,
    )
    board.receive(session, slug=ring.group.slug, n=1, actor=ada, now=now)
    assert board.forget(session, member_id=ada.member_id, now=now) == ["board/key-1"]
    row = session.scalars(select(BoardPost).where(BoardPost.n == 2)).one()
    assert row.body_md == row.body_html == "" and row.deleted_at == now
    assert [one.body_md for one in session.scalars(select(BoardVersion))] == [""]
    assert session.scalar(select(func.count()).select_from(BoardReceipt)) == 0
    board.forget(session, member_id=ring.host.member_id, now=now)
    assert shown(session, ring, bo, 1)[0].title == "Rules", "announcements are the club's"
    assert doctor.check(session, now) == []


# ---- at the same moment ----


def write_at_once(db, ring, n=12):
    outcomes = concurrently(db, n, lambda session: ring.write(session, ring.people[0]).n, retry=False)
    with db.session() as session:
        return outcomes, session.scalar(select(Board.last_n)), session.scalars(select(BoardPost.n)).all()


def test_numbers_have_no_gaps_however_many_write_at_once(db, make, rings):
    ring = rings()
    with db.uow() as session:
        ring.write(session, ring.people[0])
    outcomes, last, numbers = write_at_once(db, ring)
    assert not failed(outcomes), failed(outcomes)
    assert last == 13 and sorted(numbers) == list(range(1, 14))
    with db.session() as session:
        assert doctor.check(session, make.now) == []


def test_without_the_lock_numbers_would_collide(db, make, rings):
    ring = rings()
    with db.uow() as session:
        ring.write(session, ring.people[0])
    with locks.disabled():
        outcomes, _last, numbers = write_at_once(db, ring)
    assert failed(outcomes) and len(numbers) < 13


def write_slowly(db, ring, now):
    with db.uow() as session:
        ring.write(session, ring.host)
        house.set_schedule(
            session, line_id=ring.line.id, group_id=None, windows=(), slow_seconds=600, version=0, actor=ring.host,
            now=now,
        )  # fmt: skip
    concurrently(db, 4, lambda session: ring.write(session, ring.people[0]).n, retry=False)
    with db.session() as session:
        mine = select(BoardPost.n).where(BoardPost.member_id == ring.people[0].member_id)
        return len(session.scalars(mine).all())


def test_slow_mode_holds_for_posts_sent_at_once(db, make, rings, now):
    assert write_slowly(db, rings(), now) == 1


# On SQLite writers take turns from their first statement on, whatever is asked when.
@pytest.mark.parametrize("db", ["postgres"], indirect=True)
def test_control_asked_before_the_lock_slow_mode_lets_several_through(db, make, rings, now, monkeypatch):
    check, lock, gathering = posting.check_may_post, services.locked, threading.Barrier(4)

    def early(session, here):
        if not here.staff:
            check(session, place=here, now=now, zone=dt.UTC)
            gathering.wait(timeout=20)
        return lock(session, here)

    monkeypatch.setattr(services, "locked", early)
    monkeypatch.setattr(services, "check_may_post", lambda *_args, **_more: None)
    assert write_slowly(db, rings(), now) == 4


def test_the_first_post_of_a_board_at_once(db, make, rings):
    ring = rings()
    outcomes, last, numbers = write_at_once(db, ring, 8)
    assert not failed(outcomes) and last == 8 and sorted(numbers) == list(range(1, 9))


def test_a_receipt_at_once_is_one(db, make, rings, now):
    ring = rings()
    with db.uow() as session:
        ring.write(session, ring.host, title="T", announcement=True)
    outcomes = concurrently(
        db,
        8,
        lambda session: board.receive(session, slug=ring.group.slug, n=1, actor=ring.people[0], now=now),
        retry=True,
    )
    assert succeeded(outcomes).count(True) == 1
    with db.session() as session:
        assert session.scalar(select(BoardPost.reads)) == 1


def test_reads_cost_the_same_however_much_is_written(db, make, rings):
    ring = rings()
    reader = ring.people[1]

    def cost():
        with db.session() as session, count_statements(db.engine) as seen:
            here = queries.place(session, ring.group.slug, reader)
            queries_posts.posts(session, here)
            board.my_boards(session, reader.member_id)
            queries.pulse(session, ring.group.slug, reader)
        return seen.count

    with db.uow() as session:
        ring.write(session, ring.people[0], f"@{ring.number(session, reader)}")
    few = cost()
    with db.uow() as session:
        for _n in range(30):
            ring.write(session, ring.people[0], f"@{ring.number(session, reader)}", pictures=[PICTURE])
    assert cost() == few <= 8


def test_when_somebody_last_wrote(session, ring, rings):
    ada, later = ring.people[0], ring.make.now + dt.timedelta(minutes=3)
    asked = {"group_id": ring.group.id, "member_id": ada.member_id}
    assert queries_posts.last_post_at(session, **asked) is None
    ring.write(session, ada)
    ring.write(session, ada, answer_to=1, now=later)
    ring.write(session, ring.people[1], now=later + dt.timedelta(minutes=1))
    assert queries_posts.last_post_at(session, **asked) == later
