"""Who a waiting work is meant for: the rule, at handing in, when somebody is away, and when two come in at once."""

import datetime as dt
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from qunclub import homework
from qunclub.groups import book
from qunclub.homework import (
    queries_allocation,
    queries_desk,
    queries_workload,
    rules,
    rules_allocation,
    services_allocation,
    services_plans,
    services_take_over,
)
from qunclub.homework.doctor import check
from qunclub.homework.models import Assignment, Criterion, Submission
from qunclub.homework.models_allocation import AllocationPlan, InstructorAway
from qunclub.homework.rules_allocation import (
    Hand,
    Plan,
    Work,
    candidates,
    is_away,
    meant_for,
    reserved,
    spread,
)
from qunclub.kernel import Access, Actor, Conflict, Forbidden, Invalid, Stale, locks
from qunclub.kernel.store import AuditEntry
from qunclub.members.models import Member
from tests.support.concurrency import concurrently, failed, succeeded
from tests.support.statements import count_statements

LEASE = dt.timedelta(minutes=45)
NOW = dt.datetime(2026, 4, 15, 4, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
ADMIN = Actor.system("test")
IDS = st.integers(1, 6)
GROUPS = st.sampled_from([frozenset(), *map(frozenset, ({1}, {2}, {3}, {1, 2}, {2, 3}))])
PLANS = st.builds(
    Plan,
    st.sampled_from(("free", "named", "group", "evenly")),
    st.dictionaries(IDS, GROUPS, max_size=4),
    st.booleans(),
)
HANDS = st.lists(
    st.builds(Hand, IDS, st.integers(0, 9), st.none() | st.just(NOW)),
    unique_by=lambda one: one.member_id,
    max_size=6,
)
WORKS = st.builds(Work, st.integers(1, 99), PLANS, GROUPS, st.frozensets(IDS, max_size=3))


@given(WORKS, HANDS)
def test_a_work_goes_to_the_freest_who_is_there_and_may(work, hands):
    chosen = meant_for(work, hands)
    by_id = {one.member_id: one for one in hands}
    fit = candidates(work.plan, work.groups, by_id) - work.kept_from
    assert (chosen is None) == (not fit)
    if chosen is not None:
        # Neither its author, nor who has judged, nor whoever is not there; nobody who could has fewer open.
        assert chosen in fit and by_id[chosen].open == min(by_id[one].open for one in fit)
        if work.plan.mode == "named":
            assert chosen in work.plan.people
    assert meant_for(work, hands[::-1]) == meant_for(work, hands[1:] + hands[:1]) == chosen


@given(st.integers(1, 6), st.integers(0, 40))
def test_who_is_there_all_the_time_has_as_much_as_the_others(people, works):
    given_ = spread(
        [Work(n, Plan("evenly")) for n in range(works)], [Hand(n) for n in range(people)], now=NOW
    )
    many = Counter(given_.values())
    assert max(many.values(), default=0) - min((many[n] for n in range(people)), default=0) <= 1


@given(st.lists(WORKS, unique_by=lambda one: one.id, max_size=8), HANDS)
def test_everything_spread_is_given_to_somebody_fit_or_to_everybody(works, hands):
    found = spread(works, hands, now=NOW)
    assert set(found) == {one.id for one in works}
    there = {one.member_id for one in hands}
    for work in works:
        chosen = found[work.id]
        assert chosen is None or (chosen in there and chosen not in work.kept_from)


def test_a_tie_goes_to_who_was_given_one_longest_ago():
    hands = [Hand(1, 2, NOW), Hand(2, 2, NOW - DAY), Hand(3, 2), Hand(4, 3)]
    assert meant_for(Work(1, Plan("evenly")), hands) == 3
    assert meant_for(Work(1, Plan("evenly"), kept_from=frozenset({3})), hands) == 2


def test_a_blind_work_does_not_tell_its_group():
    plan = {1: frozenset({7}), 2: frozenset({8})}
    assert candidates(Plan("group", plan), {8}, [1, 2, 3]) == {2}
    assert candidates(Plan("group", plan, blind=True), {8}, [1, 2, 3]) == {1, 2}


def test_kept_until_the_promised_time_and_not_longer():
    for hours, wanted in ((0, True), (72, True), (73, False)):
        at = NOW - dt.timedelta(hours=hours)
        assert reserved(1, at, reader=2, promise=rules.TURNAROUND, now=NOW) is wanted
        assert not reserved(1, at, reader=1, promise=rules.TURNAROUND, now=NOW)
    assert is_away([(NOW, NOW + DAY)], NOW) and not is_away([(NOW - DAY, NOW)], NOW)


@pytest.fixture
def judges(session, make):
    return [make.actor(roles=("instructor",)) for _ in range(3)]


@pytest.fixture
def work(session, make):
    return make.assignment()


def given_to(session):
    query = select(Submission.allocated_to).where(Submission.state == "waiting").order_by(Submission.id)
    return list(session.scalars(query))


def test_evenly_and_never_to_the_author(session, make, work, judges, now, db):
    make.allocation(course_id=work.course_id)
    authors = [session.get_one(Member, one.member_id) for one in judges]
    for author in [None, None, None, *authors]:
        make.submission(work, member=author)
    found = given_to(session)
    assert Counter(found[:3]) == {one.member_id: 1 for one in judges} and None not in found
    rows = session.scalars(select(Submission)).all()
    assert all(row.allocated_to != row.member_id for row in rows)
    with count_statements(db.engine) as seen:
        make.submission(work)
    many = seen.count
    for _n in range(5):
        make.submission(work)
    with count_statements(db.engine) as seen:
        make.submission(work)
    assert seen.count == many and check(session, now) == []


def test_by_course_with_another_word_for_one_homework(session, make, work, judges):
    other = make.assignment()
    make.allocation(course_id=work.course_id, mode="named", people={judges[1].member_id: set()})
    make.submission(work)
    make.submission(other)
    make.allocation(assignment_id=work.id, mode="named", people={judges[2].member_id: set()})
    make.submission(work)
    make.allocation(assignment_id=work.id, mode="free")
    make.submission(work)
    make.allocation(assignment_id=work.id, mode="")
    make.submission(work)
    mine = select(Submission.allocated_to).where(Submission.assignment_id == work.id)
    assert list(session.scalars(mine.order_by(Submission.id))) == [
        judges[1].member_id, judges[2].member_id, None, judges[1].member_id,
    ]  # fmt: skip
    assert session.scalar(select(func.count(AllocationPlan.id))) == 1


def test_by_group_at_handing_in_and_when_handed_over(session, make, work, judges, now):
    seats = [make.seat(make.group_line(capacities=[9], slug=f"line-{n}")) for n in range(2)]
    first, second = (seat.group_id for seat in seats)
    make.allocation(
        course_id=work.course_id,
        mode="group",
        people={judges[0].member_id: {first}, judges[1].member_id: {first, second}},
    )

    def hand_in(seat):
        author = session.get_one(Member, seat.member_id)
        return homework.submit(
            session, assignment_id=work.id, member_id=author.id, body_md="x", files=(), access=Access(True, "pass"),
            now=now, actor=Actor(author.user_key, author.name, "", frozenset(), author.id),
            group_ids=book.of_member(session, author.id),
        )  # fmt: skip

    one, two = hand_in(seats[0]), hand_in(seats[1])
    make.submission(work)
    assert given_to(session) == [judges[0].member_id, judges[1].member_id, None]
    for judge in judges[:2]:
        services_allocation.set_away(
            session, member_id=judge.member_id, starts_at=now, ends_at=now + DAY, reason="", actor=judge, now=now,
            book=book,
        )  # fmt: skip
    assert one.allocated_to is None and two.allocated_to is None


def away(session, who, now, *, days=5, starts=0, actor=None):
    return services_allocation.set_away(
        session, member_id=who.member_id, starts_at=now + starts * DAY, ends_at=now + days * DAY,
        reason="Holiday", actor=actor or who, now=now, book=book,
    )  # fmt: skip


def test_who_is_away_is_given_nothing_and_nothing_is_lost(session, make, work, judges, now):
    make.allocation(course_id=work.course_id)
    rows = [make.submission(work) for _n in range(6)]
    homework.claim(session, submission_id=rows[0].id, actor=judges[0], lease=LEASE, now=now)
    row = away(session, judges[0], now)
    found = Counter(given_to(session))
    # What they hold at the moment they may end.
    assert found[judges[0].member_id] == 1 and rows[0].allocated_to == judges[0].member_id
    assert sorted(found.values()) == [1, 2, 3]
    make.submission(work)
    assert Counter(given_to(session))[judges[0].member_id] == 1
    later = now + 2 * LEASE
    assert list(session.scalars(queries_allocation.unfit(now))) == []
    assert list(session.scalars(queries_allocation.unfit(later))) == [rows[0].id]
    assert services_allocation.hand_over(session, ids=[rows[0].id], book=book, now=later) == 1
    assert rows[0].allocated_to in {judges[1].member_id, judges[2].member_id}
    services_allocation.end_away(session, away_id=row.id, actor=judges[0], now=later)
    make.submission(work, at=later)
    assert given_to(session)[-1] == judges[0].member_id
    actions = session.scalars(
        select(AuditEntry.action).where(AuditEntry.action.startswith("instructor"))
    ).all()
    assert actions == ["instructor.away", "instructor.back"] and check(session, now) == []


def test_an_absence_to_come_changes_nothing_yet(session, make, work, judges, now):
    make.allocation(course_id=work.course_id, mode="named", people={judges[0].member_id: set()})
    row = make.submission(work)
    away(session, judges[0], now, starts=2)
    assert row.allocated_to == judges[0].member_id
    later = now + 3 * DAY
    ids = session.scalars(queries_allocation.unfit(later)).all()
    assert ids == [row.id] and services_allocation.hand_over(session, ids=ids, book=book, now=later) == 1
    assert row.allocated_to is None


def test_absences_are_said_by_oneself_or_an_admin(session, make, judges, now):
    with pytest.raises(Forbidden):
        away(session, judges[0], now, actor=judges[1])
    row = away(session, judges[0], now, starts=2, actor=ADMIN)
    with pytest.raises(Forbidden):
        services_allocation.end_away(session, away_id=row.id, actor=judges[1], now=now)
    services_allocation.end_away(session, away_id=row.id, actor=judges[0], now=now)
    assert session.scalar(select(func.count(InstructorAway.id))) == 0
    member = make.actor()
    for who, starts, days, field in (
        (judges[0], 2, 1, "ends_on"), (judges[0], -3, -2, "ends_on"), (judges[0], 0, 500, "ends_on"),
        (member, 0, 1, "member_id"),
    ):  # fmt: skip
        with pytest.raises(Invalid) as error:
            away(session, who, now, starts=starts, days=days, actor=ADMIN)
        assert error.value.field == field


def test_mine_first_then_free_ones_then_what_waits_too_long(session, make, work, judges, now):
    me, other, _third = judges
    make.allocation(course_id=work.course_id, mode="named", people={other.member_id: set()})
    theirs = make.submission(work, at=now - DAY)
    late = make.submission(work, at=now - 4 * DAY)
    make.allocation(course_id=work.course_id, mode="free")
    free = make.submission(work, at=now - 2 * DAY)
    make.allocation(course_id=work.course_id, mode="named", people={me.member_id: set()})
    mine = make.submission(work)

    def free_for(who, at=now, **filters):
        shown = queries_desk.Filters(**filters)
        return queries_desk.next_free(session, shown, member_id=who.member_id, now=at)

    assert free_for(me) == [mine.id, late.id, free.id]
    assert free_for(other) == [late.id, theirs.id, free.id]
    assert free_for(me, for_me=me.member_id) == [mine.id]
    assert free_for(me, now + 3 * DAY)[:3] == [mine.id, late.id, free.id]
    assert theirs.id in free_for(me, now + 3 * DAY)
    with pytest.raises(Conflict, match="another instructor"):
        homework.claim(session, submission_id=theirs.id, actor=me, lease=LEASE, now=now)
    homework.claim(session, submission_id=late.id, actor=me, lease=LEASE, now=now)
    services_take_over.take_over(session, submission_id=theirs.id, actor=me, lease=LEASE, now=now)
    assert (theirs.allocated_to, theirs.claimed_by) == (me.member_id, me.member_id)
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "submission.take_over")).one()
    assert entry.details == {"from": other.member_id, "to": me.member_id}
    shown = queries_desk.queue(session, queries_desk.Filters(for_me=me.member_id), now=now).items
    assert [row.id for row in shown] == [theirs.id, mine.id] and shown[0].meant


def test_what_is_meant_for_no_instructor_any_more_is_free_at_once(session, make, work, judges, now):
    make.allocation(course_id=work.course_id, mode="named", people={judges[0].member_id: set()})
    row = make.submission(work)
    assert check(session, now) == []
    session.get_one(Member, judges[0].member_id).roles = []
    session.flush()
    assert [finding.details for finding in check(session, now)] == [{"ids": [row.id]}]
    homework.claim(session, submission_id=row.id, actor=judges[1], lease=LEASE, now=now)
    homework.release_claim(session, submission_id=row.id, actor=judges[1], now=now)
    ids = session.scalars(queries_allocation.unfit(now)).all()
    services_allocation.hand_over(session, ids=ids, book=book, now=now)
    assert row.allocated_to is None and check(session, now) == []


def test_who_leaves_leaves_the_works_to_everybody(session, make, work, judges, now):
    make.allocation(course_id=work.course_id, mode="named", people={judges[0].member_id: set()})
    row = make.submission(work)
    away(session, judges[0], now, starts=2)
    homework.forget(session, member_id=judges[0].member_id, now=now)
    session.refresh(row)
    assert row.allocated_to is None and session.scalars(select(InstructorAway)).all() == []
    make.submission(work)
    assert given_to(session) == [None, None]


def test_the_second_judgement_goes_to_another(session, make, work, judges, now):
    make.judging(work, second_percent=100, divergence=10)
    make.allocation(course_id=work.course_id)
    row = make.submission(work)
    criteria = session.scalars(select(Criterion.id).where(Criterion.rubric_id == work.rubric_id)).all()
    seen = []
    for share in (2, 9, 5):
        seen.append(row.allocated_to)
        homework.review(
            session, submission_id=row.id, version=row.version, verdict="accept", comment_md="",
            scores=dict.fromkeys(criteria, share), now=now,
            actor=next(one for one in judges if one.member_id == row.allocated_to),
        )  # fmt: skip
    assert sorted(seen) == sorted(one.member_id for one in judges) and row.state == "accepted"


def test_an_admin_moves_open_works(session, make, work, judges, now):
    one, two, three = (judge.member_id for judge in judges)
    make.allocation(course_id=work.course_id, mode="named", people={one: set()})
    rows = [make.submission(work) for _n in range(4)]
    own = make.submission(work, member=session.get_one(Member, two))

    def move(source, target, actor=ADMIN):
        return services_allocation.move(
            session, source=source, target=target, actor=actor, now=now, book=book
        )

    with pytest.raises(Forbidden):
        move(one, two, judges[0])
    for target in (one, 10**6):
        with pytest.raises(Invalid):
            move(one, target)
    assert move(one, two) == (4, 1) and own.allocated_to == one
    assert move(two, "evenly") == (4, 0)
    assert Counter(row.allocated_to for row in rows) == {one: 1, three: 3} or Counter(
        row.allocated_to for row in rows
    ) == {one: 2, three: 2}
    assert move(three, None)[0] >= 2 and move(None, "plan")[0] >= 2
    assert all(row.allocated_to == one for row in rows)
    assert session.scalar(select(func.count()).where(AuditEntry.action == "allocation.move")) == 4
    assert check(session, now) == []


def test_a_plan_that_cannot_be_is_refused(session, make, work, judges, now):
    one = judges[0].member_id

    def set_plan(**values):
        services_plans.set_plan(
            session,
            **{
                "mode": "evenly",
                "people": {},
                "version": 0,
                "actor": ADMIN,
                "now": now,
                "course_id": work.course_id,
            }
            | values,
        )

    for values, field in (
        ({"mode": "x"}, "mode"), ({"mode": ""}, "mode"), ({"mode": "named"}, "people"),
        ({"mode": "group", "people": {one: set()}}, "groups"), ({"mode": "named", "people": {10**6: set()}}, "people"),
    ):  # fmt: skip
        with pytest.raises(Invalid) as error:
            set_plan(**values)
        assert error.value.field == field
    with pytest.raises(Forbidden):
        set_plan(actor=judges[0])
    set_plan()
    with pytest.raises(Stale):
        set_plan()


def test_the_workload_in_numbers(session, make, work, judges, now, db):
    make.allocation(course_id=work.course_id, mode="named", people={judges[0].member_id: set()})
    criteria = session.scalars(select(Criterion.id).where(Criterion.rubric_id == work.rubric_id)).all()
    for hours in (1, 2, 3, 100):
        row = make.submission(work, at=now - dt.timedelta(hours=hours))
        homework.review(
            session, submission_id=row.id, version=1, verdict="accept", comment_md="",
            scores=dict.fromkeys(criteria, 5), actor=judges[0], now=now,
        )  # fmt: skip
    oldest = make.submission(work, at=now - DAY)
    held = make.submission(work)
    homework.claim(session, submission_id=held.id, actor=judges[0], lease=LEASE, now=now)
    session.flush()
    with count_statements(db.engine) as seen:
        loads = queries_workload.workload(session, now=now, since=now - 30 * DAY)
    assert seen.count == 1
    mine = next(one for one in loads if one.member_id == judges[0].member_id)
    assert (mine.open, mine.held, mine.oldest, mine.judged) == (2, 1, oldest.submitted_at, 4)
    assert (mine.median, mine.ninety, mine.within, mine.upheld) == (2.0, 100.0, 75, 0)
    idle = next(one for one in loads if one.member_id == judges[1].member_id)
    assert (idle.open, idle.judged, idle.median, idle.within) == (0, 0, None, None)
    assert all(not one.judged for one in queries_workload.workload(session, now=now, since=now + DAY))


@pytest.fixture
def slow(monkeypatch):
    """Time passes between counting and giving."""
    choose = rules_allocation.meant_for

    def look(*args):
        time.sleep(0.02)
        return choose(*args)

    monkeypatch.setattr(rules_allocation, "meant_for", look)


def hand_in_at_once(db, make, now, n=6):
    work = make.assignment()
    # Two courses share the instructors.
    works = [work, make.assignment()]
    teachers = [make.actor(roles=("instructor",)).member_id for _n in range(n)]
    authors = [make.member(number=True) for _n in range(n)]
    for one in works:
        make.allocation(course_id=one.course_id)

    def hand_in(session, index):
        author = authors[index]
        return homework.submit(
            session, assignment_id=works[index % 2].id, member_id=author.id, body_md="x", files=(),
            access=Access(True, "pass"), now=now, actor=Actor(author.user_key, author.name, "", frozenset(), author.id),
        ).id  # fmt: skip

    return hand_in, teachers


def test_works_that_come_in_at_once_are_spread_evenly(db, make, slow, now):
    hand_in, teachers = hand_in_at_once(db, make, now)
    outcomes = concurrently(db, 6, hand_in, retry=True)
    assert not failed(outcomes), outcomes
    with db.session() as session:
        assert sorted(given_to(session)) == sorted(teachers)


def test_without_the_locks_somebody_is_given_two_or_one_is_thrown_out(db, make, slow, now):
    hand_in, _teachers = hand_in_at_once(db, make, now)
    with locks.disabled():
        outcomes = concurrently(db, 6, hand_in)
    with db.session() as session:
        uneven = max(Counter(given_to(session)).values()) > 1
    assert uneven or failed(outcomes)
    assert len(succeeded(outcomes)) < 6 or uneven


def test_who_goes_away_while_works_come_in_keeps_none(db, make, slow, now):
    hand_in, teachers = hand_in_at_once(db, make, now)

    def one(session, index):
        if index < 5:
            return hand_in(session, index)
        return away(session, Actor("x", "x", "", frozenset({"instructor"}), teachers[0]), now).id

    outcomes = concurrently(db, 6, one, retry=True)
    assert not failed(outcomes), outcomes
    with db.uow() as session:
        services_allocation.hand_over(
            session, ids=session.scalars(queries_allocation.unfit(now)).all(), book=book, now=now
        )
    with db.session() as session:
        assert len(given_to(session)) == 5 and teachers[0] not in given_to(session)
        assert session.scalar(select(func.count(Assignment.id))) == 2
