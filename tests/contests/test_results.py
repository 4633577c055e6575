"""The results: worked out as previewed, published once, prizes from stock, told to winners; and races."""

import datetime as dt
import time

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from qunclub import contests
from qunclub.contests import doctor, rules, services_results
from qunclub.contests.models import Contest, ContestEntry, ContestVote, Prize, PrizeGiven
from qunclub.kernel import Actor, Conflict, locks
from qunclub.kernel.outbox import OutboxMessage
from qunclub.kernel.store import AuditEntry
from tests.support.concurrency import concurrently, failed, succeeded

ADMIN = Actor.system("test")
DAY = dt.timedelta(days=1)
MANY = 16


@pytest.fixture
def judged(make):
    """(contest, entries best first): jury 50, votes 50; two prizes for three places, one entry withdrawn."""
    contest = make.contest(at="judging")
    entries = [make.contest_entry(contest, minutes=minute) for minute in range(4)]
    juror = make.contest_juror(contest)
    for entry, score in zip(entries, (90, 90, 60, 10), strict=True):
        make.contest_score(entry, juror, score)
    for entry, votes in zip(entries, (4, 4, 2, 0), strict=True):
        for _ in range(votes):
            make.contest_vote(entry)
    make.contest_prize(contest, title="Gold")
    make.contest_prize(contest, title="Silver", first_place=2, stock=2)
    return contest, entries


def test_results_are_published_as_previewed_once(session, make, judged, now):
    contest, entries = judged
    before = services_results.outcome(session, contest)
    done = contests.publish_results(session, contest_id=contest.id, now=now, actor=ADMIN)
    assert (done.first, done.places, done.prizes) == (True, 4, 3)
    session.expire_all()
    kept = [(row.place, row.jury, row.result, row.votes) for row in entries]
    assert kept == [(1, 9000, 9500, 4), (2, 9000, 9500, 4), (3, 6000, 5500, 2), (4, 1000, 500, 0)]
    assert [(one.place, one.jury, one.result, one.votes) for one in before.ranked] == kept
    won = dict(
        session.execute(
            select(PrizeGiven.entry_id, Prize.title).join(Prize, Prize.id == PrizeGiven.prize_id)
        ).all()
    )
    assert won == {entries[0].id: "Gold", entries[1].id: "Silver", entries[2].id: "Silver"}
    assert session.scalars(select(Prize.given).order_by(Prize.id)).all() == [1, 2]
    sent = session.scalars(select(OutboxMessage.payload).where(OutboxMessage.kind == "mail")).all()
    assert [one["template"] for one in sent] == ["contest_prize"] * 3
    again = contests.publish_results(session, contest_id=contest.id, now=now + DAY, actor=ADMIN)
    assert (again.first, again.places, again.prizes) == (False, 4, 3)
    assert session.scalar(select(func.count()).select_from(PrizeGiven)) == 3
    assert contest.results_at == now
    assert doctor.check(session, now) == []


def test_after_the_results_nothing_moves(session, make, judged, now):
    contest, entries = judged
    contests.publish_results(session, contest_id=contest.id, now=now, actor=ADMIN)
    voter, juror = make.member(number=True), make.contest_juror(contest)
    acts = [
        lambda: contests.vote(session, entry_id=entries[0].id, member_id=voter.id, now=now),
        lambda: contests.score(
            session, entry_id=entries[0].id, juror_id=juror.id, score=1, comment="", now=now
        ),
        lambda: contests.disqualify(session, entry_id=entries[0].id, reason="x", now=now, actor=ADMIN),
        lambda: make.contest_prize(contest),
        lambda: contests.appoint(session, contest_id=contest.id, who=voter.email, now=now, actor=ADMIN),
    ]
    for act in acts:
        with pytest.raises(Conflict):
            act()


def test_results_wait_for_the_end_of_voting_and_for_an_entry(session, make, now):
    for contest in (make.contest(at="voting"), make.contest(at="open"), make.contest(at="judging")):
        with pytest.raises(Conflict):
            contests.publish_results(session, contest_id=contest.id, now=now, actor=ADMIN)


def test_a_disqualified_entry_gets_no_place(session, make, judged, now):
    contest, entries = judged
    contests.disqualify(session, entry_id=entries[0].id, reason="Copied.", now=now, actor=ADMIN)
    contests.publish_results(session, contest_id=contest.id, now=now, actor=ADMIN)
    session.expire_all()
    assert [row.place for row in entries] == [None, 1, 2, 3]
    assert doctor.check(session, now) == []


def test_a_prize_is_handed_over_once(session, judged, now):
    contest, _entries = judged
    contests.publish_results(session, contest_id=contest.id, now=now, actor=ADMIN)
    given = session.scalars(select(PrizeGiven).order_by(PrizeGiven.id)).first()
    contests.hand_over(session, given_id=given.id, note=" Parcel 1 ", now=now, actor=ADMIN)
    contests.hand_over(session, given_id=given.id, note="Parcel 2", now=now + DAY, actor=ADMIN)
    assert (given.note, given.handed_over_at) == ("Parcel 1", now)
    assert session.scalars(select(AuditEntry.action)).all().count("contest.hand_over") == 1


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (lambda s, rows: setattr(rows[0], "votes", 9), "not counted right"),
        (lambda s, rows: setattr(rows[0], "place", 3), "do not follow"),
        (lambda s, rows: setattr(s.scalars(select(Prize)).first(), "given", 0), "more or less often"),
        (
            lambda s, rows: setattr(s.scalars(select(ContestVote)).first(), "member_id", rows[0].member_id),
            "own entry",
        ),
        (
            lambda s, rows: setattr(s.get_one(Contest, rows[0].contest_id), "votes_per_member", 0),
            "more votes",
        ),
        (
            lambda s, rows: setattr(s.get_one(Contest, rows[0].contest_id), "state", "published"),
            "before the results",
        ),
    ],
)
def test_the_doctor_sees_what_is_wrong(session, judged, now, break_it, says):
    contest, entries = judged
    contests.publish_results(session, contest_id=contest.id, now=now, actor=ADMIN)
    assert doctor.check(session, now) == []
    break_it(session, entries)
    session.flush()
    assert any(says in finding.message for finding in doctor.check(session, now))


@pytest.fixture
def slow(monkeypatch):
    """Time passes between counting somebody's votes and giving one more, so that whoever may overlap does."""
    refuse = rules.refuse_vote

    def look(**values):
        time.sleep(0.03)
        return refuse(**values)

    monkeypatch.setattr(rules, "refuse_vote", look)


def race_of_votes(db, make, now):
    contest = make.contest(at="voting", votes=3)
    entries = [make.contest_entry(contest).id for _ in range(MANY)]
    voter = make.member(number=True).id

    def vote(session, index):
        return contests.vote(session, entry_id=entries[index], member_id=voter, now=now)

    return lambda: concurrently(db, MANY, vote)


def votes_given(db):
    with db.session() as session:
        return (
            session.scalar(select(func.count()).select_from(ContestVote)),
            session.scalar(select(func.sum(ContestEntry.votes))),
        )


def test_of_sixteen_votes_at_once_three_count(db, make, slow, now):
    outcomes = race_of_votes(db, make, now)()
    assert sorted(succeeded(outcomes)) == [0, 1, 2]
    assert all(isinstance(error, Conflict) for error in failed(outcomes)), outcomes
    assert votes_given(db) == (3, 3)


def test_without_the_lock_the_race_is_seen(db, make, slow, now):
    race = race_of_votes(db, make, now)
    with locks.disabled():
        outcomes = race()
    # PostgreSQL lets somebody vote too often; SQLite throws the late ones out without an explanation.
    broken = [error for error in failed(outcomes) if not isinstance(error, Conflict)]
    assert votes_given(db)[0] > 3 or broken


def test_sixteen_members_vote_for_one_entry_at_once(db, make, now):
    entry = make.contest_entry(make.contest(at="voting")).id
    voters = [make.member(number=True).id for _ in range(MANY)]

    def vote(session, index):
        return contests.vote(session, entry_id=entry, member_id=voters[index], now=now)

    assert not failed(concurrently(db, MANY, vote))
    assert votes_given(db) == (MANY, MANY)


def test_two_admins_publish_at_once_and_it_happens_once(db, judged, now):
    contest, _entries = judged

    def publish(session):
        return contests.publish_results(session, contest_id=contest.id, now=now, actor=ADMIN)

    outcomes = concurrently(db, 2, publish)
    assert not failed(outcomes), outcomes
    assert sorted(one.first for one in outcomes) == [False, True]
    with db.session() as session:
        assert session.scalar(select(func.count()).select_from(PrizeGiven)) == 3
        assert session.scalars(select(Prize.given).order_by(Prize.id)).all() == [1, 2]
        actions = session.scalars(select(AuditEntry.action)).all()
        assert actions.count("contest.results") == 1
        assert session.scalar(select(func.count()).select_from(OutboxMessage)) == 3


def test_without_the_lock_only_the_database_stands_in_the_way(db, judged, monkeypatch, now):
    contest, _entries = judged
    places = rules.places

    def slowly(*arguments, **values):
        time.sleep(0.05)
        return places(*arguments, **values)

    monkeypatch.setattr(rules, "places", slowly)
    with locks.disabled():
        outcomes = concurrently(
            db,
            2,
            lambda session: contests.publish_results(session, contest_id=contest.id, now=now, actor=ADMIN),
        )
    # The race is real: the loser works the places out too and is stopped by a constraint, not by an explanation.
    assert any(isinstance(error, DBAPIError) for error in failed(outcomes)), outcomes
    with db.session() as session:
        assert session.scalar(select(func.count()).select_from(PrizeGiven)) == 3


def test_one_member_enters_twice_at_once_and_is_in_once(db, make, now):
    contest, member = make.contest(), make.member(number=True)

    def enter(session, index):
        return contests.enter(
            session, contest_id=contest.id, member_id=member.id, title=f"T{index}", body_md="x", now=now
        ).id

    outcomes = concurrently(db, 8, enter)
    assert len(succeeded(outcomes)) == 1
    assert all(isinstance(error, Conflict) for error in failed(outcomes)), outcomes
