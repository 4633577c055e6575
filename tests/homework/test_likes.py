"""Likes: once each, not one's own, only of what is shown, and a kept count that holds when many come at once."""

import time

import pytest
from sqlalchemy import func, select

from qunclub import homework
from qunclub.homework import doctor, services_showcase
from qunclub.homework import queries_showcase as queries
from qunclub.homework.models import ShowcaseEntry
from qunclub.homework.models_showcase import ShowcaseLike
from qunclub.homework.queries_showcase import Wish
from qunclub.kernel import Actor, Conflict, Forbidden, Invalid, NotFound, insert_for, locks
from qunclub.kernel.outbox import OutboxMessage
from qunclub.kernel.pages import read_mark
from qunclub.kernel.store import AuditEntry
from tests.support.concurrency import concurrently, failed

ADMIN = Actor("admin", "Admin", "", frozenset({"admin"}))
TEACHER = Actor("teacher", "Teacher", "", frozenset({"instructor"}))
MANY = 8


def entry_of(session, submission):
    return session.scalars(select(ShowcaseEntry).where(ShowcaseEntry.submission_id == submission.id)).one()


def counted(session, entry_id):
    kept = session.scalar(select(ShowcaseEntry.likes).where(ShowcaseEntry.id == entry_id))
    there = session.scalar(
        select(func.count()).select_from(ShowcaseLike).where(ShowcaseLike.entry_id == entry_id)
    )
    return kept, there


def test_a_member_likes_once_and_takes_it_back(session, make, now):
    entry = entry_of(session, make.featured(consented=True))
    reader = make.member(number=True)
    for _ in range(2):
        assert homework.like(session, entry_id=entry.id, member_id=reader.id, now=now) == 1
    assert doctor.check(session, now) == []
    for _ in range(2):
        assert homework.unlike(session, entry_id=entry.id, member_id=reader.id) == 0
    assert counted(session, entry.id) == (0, 0)


def test_neither_ones_own_nor_without_a_number_nor_what_is_not_shown(session, make, now):
    shown, private = make.featured(consented=True), make.featured()
    entry, reader = entry_of(session, shown), make.member(number=True)
    for member_id in (shown.member_id, make.member().id):
        with pytest.raises(Forbidden):
            homework.like(session, entry_id=entry.id, member_id=member_id, now=now)
    with pytest.raises(NotFound):
        homework.like(session, entry_id=entry_of(session, private).id, member_id=reader.id, now=now)
    homework.withdraw(session, submission_id=shown.id, member_id=shown.member_id, now=now)
    with pytest.raises(NotFound):
        homework.like(session, entry_id=entry.id, member_id=reader.id, now=now)
    assert counted(session, entry.id) == (0, 0)


def test_hiding_needs_an_admin_and_a_reason_and_is_told_and_taken_back(session, make, now):
    entry = entry_of(session, make.featured(consented=True))
    with pytest.raises(Forbidden):
        homework.hide(session, entry_id=entry.id, reason="x", actor=TEACHER, now=now)
    for reason in ("  ", "x" * 1001):
        with pytest.raises(Invalid):
            homework.hide(session, entry_id=entry.id, reason=reason, actor=ADMIN, now=now)
    homework.hide(session, entry_id=entry.id, reason="A client's name.", actor=ADMIN, now=now)
    with pytest.raises(NotFound):
        queries.showcase_entry(session, entry.id)
    with pytest.raises(Conflict):
        homework.hide(session, entry_id=entry.id, reason="again", actor=ADMIN, now=now)
    homework.unhide(session, entry_id=entry.id, actor=ADMIN, now=now)
    assert queries.showcase_entry(session, entry.id).likes == 0
    with pytest.raises(Conflict):
        homework.unhide(session, entry_id=entry.id, actor=ADMIN, now=now)
    acts = session.execute(
        select(AuditEntry.action, AuditEntry.summary).where(AuditEntry.target == f"showcase:{entry.id}")
    ).all()
    assert [tuple(act) for act in acts] == [
        ("showcase.hide", "A client's name."),
        ("showcase.unhide", "A client's name."),
    ]
    told = [
        row.payload["template"] for row in session.scalars(select(OutboxMessage)) if "template" in row.payload
    ]
    assert told[-2:] == ["showcase_hidden", "showcase_unhidden"]


def test_the_sentence_is_one_line_and_has_an_end(session, make, now):
    work = make.featured()
    said = {"submission_id": work.id, "member_id": work.member_id, "now": now}
    with pytest.raises(Invalid):
        homework.agree(session, sentence="字" * 201, **said)
    assert entry_of(session, work).consented_at is None
    assert homework.agree(session, sentence="  three\n drafts ", **said).sentence == "three drafts"
    with pytest.raises(NotFound):
        homework.agree(session, sentence="", submission_id=work.id, member_id=make.member().id, now=now)


def test_forgetting_takes_likes_with_it(session, make, now):
    mine, other = make.featured(consented=True), make.featured(consented=True)
    for submission, reader in ((other, mine.member_id), (mine, other.member_id)):
        homework.like(session, entry_id=entry_of(session, submission).id, member_id=reader, now=now)
    homework.forget(session, member_id=mine.member_id, now=now)
    assert counted(session, entry_of(session, other).id) == (0, 0)
    assert counted(session, entry_of(session, mine).id) == (0, 0)
    assert doctor.check(session, now) == []


@pytest.mark.parametrize("sort", ["newest", "liked"])
def test_every_page_goes_on_where_the_one_before_ended(session, make, now, sort):
    work = make.assignment()
    entries = [entry_of(session, make.featured(assignment=work, consented=True)) for _ in range(5)]
    for entry, likes in zip(entries, (0, 2, 1, 2, 0), strict=True):
        entry.likes = likes
    session.flush()
    after, seen = "", []
    while True:
        page = queries.showcase(session, Wish(sort=sort, after=after), per_page=2)
        seen += [card.entry_id for card in page.cards]
        after = page.more
        if not after:
            break
    first = entries[0].id
    order = [4, 3, 2, 1, 0] if sort == "newest" else [3, 1, 2, 4, 0]
    assert seen == [first + place for place in order]


@pytest.mark.parametrize(
    "text", ["", "-", "1-", "x-1", "1-x", "²-1", "9" * 18 + "-1", "1-" + "9" * 17, "1-2-3"]
)
def test_a_mark_from_elsewhere_is_no_mark(text):
    assert read_mark(text) is None


def test_the_filters_keep_what_fits(session, make, now):
    work, other = make.assignment(), make.assignment()
    one, two = make.featured(assignment=work, consented=True), make.featured(assignment=other, consented=True)

    def found(**wish):
        return {card.entry_id for card in queries.showcase(session, Wish(**wish)).cards}

    first, second = entry_of(session, one).id, entry_of(session, two).id
    assert found() == {first, second}
    assert found(course_id=work.course_id) == {first} == found(assignment_id=work.id)
    assert found(author=two.member_id) == {second}
    assert found(since=now) == {first, second} and found(until=now) == set()


@pytest.fixture
def slow(monkeypatch):
    """Time passes between reading the count and writing it, so that whoever may overlap does."""

    def pause(*arguments):
        time.sleep(0.03)
        return insert_for(*arguments)

    monkeypatch.setattr(services_showcase, "insert_for", pause)


@pytest.fixture
def liked_by_many(db, make, slow, now):
    """``liked_by_many()``: eight members like one work at the same moment; outcomes, kept count, likes there."""
    work = make.featured(consented=True)
    with db.session() as session:
        entry_id = entry_of(session, work).id
    readers = [make.member(number=True).id for _ in range(MANY)]

    def run():
        def like(session, index):
            return homework.like(session, entry_id=entry_id, member_id=readers[index], now=now)

        outcomes = concurrently(db, MANY, like)
        with db.session() as session:
            return outcomes, counted(session, entry_id)

    return run


def test_many_likes_at_once_are_all_counted(liked_by_many):
    outcomes, found = liked_by_many()
    assert not failed(outcomes) and sorted(outcomes) == list(range(1, MANY + 1))
    assert found == (MANY, MANY)


def test_without_the_lock_the_race_is_seen(liked_by_many):
    with locks.disabled():
        outcomes, (kept, there) = liked_by_many()
    # PostgreSQL loses counts; SQLite throws the late ones out.
    assert kept != there or failed(outcomes)
