"""The queue as a long list: read by marks, narrowed to groups small and large, one's own judgements once each."""

import datetime as dt
from dataclasses import replace

import pytest
from sqlalchemy import select

from qunclub import homework
from qunclub.groups import book
from qunclub.homework import queries_desk, rules
from qunclub.homework.models import Criterion, Submission
from qunclub.homework.queries_desk import Filters
from qunclub.kernel import Actor, Page, paginate_by_mark
from qunclub.members.models import Member
from tests.support.pages import text_of
from tests.support.statements import count_statements


def walk(read):
    """The ids of every page, page by page."""
    pages, after = [], ""
    while True:
        page: Page = read(after)
        pages.append([row.id for row in page.items])
        after = page.more
        if not after:
            assert not page.has_next
            return pages


@pytest.fixture
def many(make, work, now):
    """Twelve works, every three of them handed in at the same moment."""
    return [make.submission(work, at=now - dt.timedelta(days=10 - n // 3)) for n in range(12)]


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Five to a page."""
    monkeypatch.setattr(
        queries_desk, "paginate_by_mark", lambda *args, **how: paginate_by_mark(*args, per_page=5, **how)
    )


def grouped(make, works, into):
    """A group in which the authors of *into* sit, and another for the rest."""
    here, there = (make.group_line(capacities=[50], slug=slug) for slug in ("here", "there"))
    seats = [make.seat(here if row in into else there, of=Member(id=row.member_id)) for row in works]
    return next(seat.group_id for row, seat in zip(works, seats, strict=True) if row in into)


def narrowed(group_id):
    return Filters(
        members=book.members_of(group_id),
        seated=lambda column: book.seated(group_id, column),
        state="waiting",
    )


def test_every_work_stands_on_one_page(site_db, many, now):
    with site_db.session() as session:
        pages = walk(lambda after: queries_desk.queue(session, Filters(), now=now, after=after))
        record = walk(lambda after: queries_desk.record(session, Filters(), after=after))
        waiting = walk(lambda after: queries_desk.record(session, Filters(state="waiting"), after=after))
    ids = [row.id for row in many]
    assert pages == [ids[:5], ids[5:10], ids[10:]]
    assert record == waiting == [ids[:6:-1], ids[6:1:-1], ids[1::-1]]


def test_what_leaves_the_queue_shifts_nobody(site_db, many, now):
    with site_db.uow() as session:
        first = queries_desk.queue(session, Filters(), now=now)
        for ident in (first.items[0].id, first.items[-1].id):
            session.get(Submission, ident).state = "accepted"
        session.flush()
        second = queries_desk.queue(session, Filters(), now=now, after=first.more)
    assert [row.id for row in second.items] == [row.id for row in many[5:10]]


@pytest.mark.parametrize("text", ["", "x", "1-", "9" * 30 + "-1", "-1-2", "１-２"])
def test_what_is_no_mark_begins_at_the_start(site_db, many, now, text):
    with site_db.session() as session:
        page = queries_desk.queue(session, Filters(), now=now, after=text)
    assert page.page == 1 and page.items[0].id == many[0].id


@pytest.mark.parametrize("small", [300, 0])
@pytest.mark.parametrize("rest", [{}, {"late": True}, {"assignment": True}])
def test_a_group_small_or_large_finds_the_same(make, site_db, work, many, now, monkeypatch, small, rest):
    wanted = many[1::2]
    group_id = grouped(make, many, wanted)
    monkeypatch.setattr(queries_desk, "SMALL", small)
    filters = narrowed(group_id)
    if "late" in rest:
        filters = replace(filters, late=True)
        wanted = [row for row in wanted if row.submitted_at < now - rules.TURNAROUND]
    if "assignment" in rest:
        filters = replace(filters, assignment_id=work.id, course_id=work.course_id)
    with site_db.session() as session, count_statements(site_db.engine) as seen:
        pages = walk(lambda after: queries_desk.queue(session, filters, now=now, after=after))
        free = queries_desk.next_free(session, filters, member_id=0, now=now)
    assert [ident for page in pages for ident in page] == [row.id for row in wanted]
    assert free == [row.id for row in wanted][: queries_desk.TRIED]
    # One for the people, one for the list, each time.
    assert seen.count == 2 * (len(pages) + 1)


def test_ones_own_judgements_come_once_and_the_latest_first(make, site_db, teacher, work, now):
    account, member = teacher
    actor = Actor(member.user_key, member.name, account.email, frozenset({"instructor"}), member.id)
    rows = [make.submission(work, at=now - dt.timedelta(days=3)) for _n in range(4)]
    with site_db.session() as session:
        criteria = session.scalars(select(Criterion.id).where(Criterion.rubric_id == work.rubric_id))
        scores = dict.fromkeys(criteria, 8)

    def judge(session, row, verdict, at, by=actor):
        found = session.get(Submission, row.id)
        found.claimed_by, found.claimed_until = by.member_id, at + dt.timedelta(hours=1)
        homework.review(
            session, submission_id=row.id, version=found.version, verdict=verdict,
            scores=scores, comment_md="Good.", actor=by, now=at,
        )  # fmt: skip

    with site_db.uow() as session:
        for place, row in enumerate(rows[:3]):
            judge(session, row, "return", now + dt.timedelta(minutes=place))
    # The first comes back and is accepted: it stands at its last judgement, once.
    with site_db.session() as session:
        author = session.get(Member, rows[0].member_id)
    make.submission(work, member=author, at=now + dt.timedelta(hours=1))
    with site_db.uow() as session:
        judge(session, rows[0], "accept", now + dt.timedelta(hours=2))
    with site_db.session() as session:

        def mine(state):
            return queries_desk.queue(session, Filters(state=state, mine=member.id), now=now).items

        assert [row.id for row in mine("returned")] == [rows[2].id, rows[1].id]
        assert [row.id for row in mine("accepted")] == [rows[0].id]


def test_the_page_leads_on_and_back_to_the_beginning(visit, teacher, many):
    client = visit(teacher[0])
    first = text_of(client.get("/desk?late=1"))
    assert "To the beginning" not in first and "after=" in first
    address = next(part for part in first.split('"') if "after=" in part).replace("&amp;", "&")
    assert "late=1" in address
    second = text_of(client.get(address))
    assert "To the beginning" in second and 'href="/desk?late=1"' in second
