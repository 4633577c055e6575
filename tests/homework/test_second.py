"""A second judgement for a sample, a third one where two differ; verdict and points come into force once."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import func, select

from qunclub import homework
from qunclub.home.export_work import _reviews
from qunclub.homework import queries_desk, rules_second
from qunclub.homework.doctor import check
from qunclub.homework.models import Assignment, Criterion, Review, Submission
from qunclub.homework.models_fair import VerdictChange
from qunclub.homework.rules_second import Opinion, Step, in_sample, mean, step
from qunclub.kernel import Actor, Conflict, Forbidden, Invalid, Stale, locks
from qunclub.kernel.outbox import OutboxMessage
from qunclub.kernel.store import AuditEntry
from qunclub.points.models import LedgerEntry
from tests.support.concurrency import concurrently, failed, succeeded
from tests.support.pages import post, text_of

OPINIONS = st.builds(
    Opinion, st.sampled_from(("accept", "return", "feature")), st.none() | st.integers(0, 100)
)
A70, A80, A90, BACK = (
    Opinion("accept", 70),
    Opinion("accept", 80),
    Opinion("accept", 90),
    Opinion("return", None),
)
TABLE = [
    ([], False, Step(need="first")),
    ([], True, Step(need="first")),
    ([A70], False, Step(by="first", opinion=A70)),
    ([A70], True, Step(need="second")),
    ([A70, A80], True, Step(by="agreed", opinion=Opinion("accept", 75))),
    ([A70, A90], True, Step(need="third")),
    ([A70, Opinion("feature", 70)], True, Step(need="third")),
    ([BACK, BACK], True, Step(by="agreed", opinion=BACK)),
    ([A70, A90, BACK], True, Step(by="third", opinion=BACK)),
]


@pytest.mark.parametrize(("opinions", "sampled", "wanted"), TABLE)
def test_the_table_of_steps(opinions, sampled, wanted):
    assert step(opinions, sampled=sampled, limit=10) == wanted


@given(st.lists(OPINIONS, max_size=3), st.booleans(), st.integers(0, 100))
@example([A70, A80], True, 9)
def test_every_row_of_opinions_leads_to_one_end_or_one_need(opinions, sampled, limit):
    found = step(opinions, sampled=sampled, limit=limit)
    assert bool(found.need) != (found.opinion is not None) and bool(found.need) != bool(found.by)
    if found.need:
        # Whoever is asked for is the next one, never one who has spoken.
        assert found.need == rules_second.STAGES[len(opinions)]
    if sampled and len(opinions) == 1:
        assert found.need == "second"
    if len(opinions) == 3:
        assert found.opinion == (opinions[2])
    if found.by == "agreed" and found.opinion:
        first, second = opinions
        assert found.opinion.verdict == first.verdict == second.verdict
        given = [one.score for one in opinions if one.score is not None]
        assert (found.opinion.score is None) == (not given)
        assert not given or min(given) <= (found.opinion.score or 0) <= max(given)


@given(OPINIONS, OPINIONS, st.integers(0, 100))
def test_two_agree_in_either_order(first, second, limit):
    assert rules_second.agree(first, second, limit) == rules_second.agree(second, first, limit)
    assert mean(first, second) == mean(second, first)


@given(st.lists(OPINIONS, min_size=1, max_size=2))
def test_what_is_waived_goes_to_the_better_one(opinions):
    place = rules_second.waived(opinions)
    rank = {"return": 0, "accept": 1, "feature": 2}
    best = max((rank[one.verdict], one.score or 0) for one in opinions)
    assert (rank[opinions[place].verdict], opinions[place].score or 0) == best


@given(st.text(min_size=1), st.integers(1), st.integers(1), st.integers(0, 100), st.integers(0, 100))
def test_a_larger_sample_holds_the_smaller_one(key, work, member, some, more):
    less, most = sorted((some, more))
    assert not in_sample(key, work, member, less) or in_sample(key, work, member, most)


def test_the_sample_is_as_large_as_it_says_and_the_key_decides():
    drawn = [{n for n in range(4_000) if in_sample(key, 7, n, 25)} for key in ("one", "two")]
    assert all(900 < len(found) < 1_100 for found in drawn) and len(drawn[0] & drawn[1]) < 350


@pytest.fixture
def judges(make):
    return [make.actor(roles=("instructor",)) for _ in range(4)]


@pytest.fixture
def sampled(session, make):
    """A submission that two judge."""
    work = make.assignment()
    make.judging(work, second_percent=100, divergence=10)
    return make.submission(work)


def scores(session, row, share):
    query = (
        select(Criterion.id)
        .join(Assignment, Assignment.rubric_id == Criterion.rubric_id)
        .where(Assignment.id == row.assignment_id)
    )
    return dict.fromkeys(session.scalars(query), share)


def judge(session, row, actor, now, share=5, verdict="accept", comment="Because.", version=None):
    return homework.review(
        session, submission_id=row.id, version=version or row.version, verdict=verdict,
        scores=scores(session, row, share) if share is not None else {}, comment_md=comment, actor=actor, now=now,
    )  # fmt: skip


def earned(session, row):
    query = select(func.sum(LedgerEntry.amount)).where(
        LedgerEntry.member_id == row.member_id, LedgerEntry.kind == "homework_accepted"
    )
    return session.scalar(query) or 0


def mails(session):
    return session.scalars(select(OutboxMessage.key).where(OutboxMessage.key.contains("review:"))).all()


def test_two_that_agree_make_their_mean_once(session, sampled, judges, now):
    row = sampled
    first = judge(session, row, judges[0], now, share=7, comment="First text")
    assert (row.state, row.stage, row.score, first.counts, earned(session, row)) == (
        "waiting",
        "second",
        None,
        False,
        0,
    )
    assert mails(session) == [] and _reviews(session, row.member_id) == [] and check(session, now) == []
    with pytest.raises(Conflict, match="yourself"):
        judge(session, row, judges[0], now)
    with pytest.raises(Conflict, match="yourself"):
        homework.claim(session, submission_id=row.id, actor=judges[0], lease=now - now, now=now)
    with pytest.raises(Conflict, match="at the moment"):
        from qunclub.homework import services

        services.take_back(session, submission_id=row.id, member_id=row.member_id, now=now)
    assert homework.claim_next(session, actor=judges[0], lease=now - now, now=now) is None
    filters = queries_desk.Filters(state="second", viewer=judges[0].member_id)
    assert [one.seen for one in queries_desk.queue(session, filters, now=now).items] == [True]
    assert queries_desk.next_free(session, filters, member_id=judges[0].member_id, now=now) == []
    assert queries_desk.next_free(session, filters, member_id=judges[1].member_id, now=now) == [row.id]
    stats = queries_desk.stats(session, member_id=judges[0].member_id, now=now)
    assert (stats.waiting, stats.second, stats.third) == (1, 1, 0)
    both = judge(session, row, judges[1], now, share=8, comment="Second text")
    assert (row.state, row.stage, row.score, both.stage, both.counts) == (
        "accepted",
        "first",
        75,
        "agreed",
        True,
    )
    assert "First text" in both.comment_html and "Second text" in both.comment_html
    assert judges[0].name in both.reviewer_name and judges[1].name in both.reviewer_name
    assert (earned(session, row), len(mails(session))) == (75, 1)
    assert session.scalars(select(VerdictChange.kind)).all() == ["second"]
    with pytest.raises(Stale):
        judge(session, row, judges[2], now)
    assert earned(session, row) == 75 and check(session, now) == []


@pytest.mark.parametrize(("share", "verdict"), [(9, "accept"), (6, "feature"), (None, "return")])
def test_two_that_differ_go_to_a_third_who_decides(session, sampled, judges, now, share, verdict):
    row = sampled
    judge(session, row, judges[0], now, share=6)
    judge(session, row, judges[1], now, share=share, verdict=verdict)
    assert (row.state, row.stage, earned(session, row)) == ("waiting", "third", 0) and check(
        session, now
    ) == []
    for one in judges[:2]:
        with pytest.raises(Conflict):
            judge(session, row, one, now)
    judge(session, row, judges[2], now, share=10)
    assert (row.state, row.score, earned(session, row), len(mails(session))) == ("accepted", 100, 100, 1)
    assert session.scalars(select(VerdictChange.kind)).all() == ["third"] and check(session, now) == []
    homework.correct(
        session, submission_id=row.id, version=row.version, verdict="accept", score=40, reason="x",
        actor=Actor.system("test"), now=now,
    )  # fmt: skip
    assert earned(session, row) == 40 and check(session, now) == []


def test_handing_in_again_does_not_change_the_draw(session, make, judges, now):
    work = make.assignment()
    make.judging(work, second_percent=100)
    row = make.submission(work)
    make.judging(work, second_percent=0)
    for one in judges[:2]:
        judge(session, row, one, now, share=None, verdict="return")
    assert (row.state, row.score) == ("returned", None) and check(session, now) == []
    from qunclub.members.models import Member

    row = make.submission(work, member=session.get_one(Member, row.member_id))
    assert (row.sampled, row.stage, row.attempt) == (True, "first", 2)
    assert not make.submission(work).sampled
    key = session.get_one(Assignment, work.id).sample_key
    make.judging(work, second_percent=50)
    assert len(key) > 20 and session.get_one(Assignment, work.id).sample_key == key
    for one in judges[:2]:
        judge(session, row, one, now, share=5)
    assert (row.state, earned(session, row)) == ("accepted", 50) and check(session, now) == []


def test_an_admin_goes_without_the_missing_one(session, make, sampled, judges, now):
    row = sampled
    admin = make.actor(roles=("admin",))

    def waive(actor=admin, reason="Nobody is left", version=None):
        return homework.waive(
            session, submission_id=row.id, version=version or row.version, reason=reason, actor=actor, now=now
        )

    with pytest.raises(Conflict):
        waive()
    judge(session, row, judges[0], now, share=6)
    with pytest.raises(Forbidden):
        waive(actor=judges[1])
    with pytest.raises(Invalid):
        waive(reason=" ")
    with pytest.raises(Stale):
        waive(version=row.version - 1)
    judge(session, row, judges[1], now, share=9)
    waive()
    assert (row.state, row.score, earned(session, row)) == ("accepted", 90, 90)
    line = session.scalars(select(VerdictChange)).one()
    assert (line.kind, line.reason) == ("waive", "Nobody is left")
    assert session.scalars(select(AuditEntry.summary).where(AuditEntry.action == "submission.waive")).all()
    with pytest.raises(Conflict):
        waive()
    assert check(session, now) == []


def test_a_member_who_leaves_takes_the_unfinished_judgements_along(session, sampled, judges, now):
    judge(session, sampled, judges[0], now)
    homework.forget(session, member_id=sampled.member_id, now=now)
    assert session.scalars(select(Review)).all() == [] and check(session, now) == []


@pytest.fixture
def slow(monkeypatch):
    """Time passes between reading what was said and writing what follows."""
    decide = rules_second.step

    def look(*args, **values):
        time.sleep(0.03)
        return decide(*args, **values)

    monkeypatch.setattr(rules_second, "step", look)


@pytest.fixture
def waits(db, make, now):
    """(submission id, judges): committed work of the sample."""
    work = make.assignment()
    make.judging(work, second_percent=100)
    return make.submission(work).id, [make.actor(roles=("instructor",)) for _ in range(6)]


def race(db, waits, version, now, who=None):
    ident, judges = waits

    def one(session, index):
        row = session.get_one(Submission, ident)
        actor = judges[index if who is None else who]
        return judge(session, row, actor, now, version=version, comment=f"Text {index}").id

    return concurrently(db, 5, one)


def state(db, ident):
    with db.session() as session:
        row = session.get_one(Submission, ident)
        return row.stage, row.state, session.scalar(select(func.count(Review.id))), earned(session, row)


def test_of_firsts_at_once_one_is_kept(db, waits, slow, now):
    outcomes = race(db, waits, 1, now)
    assert len(succeeded(outcomes)) == 1 and all(isinstance(one, Stale) for one in failed(outcomes)), outcomes
    assert state(db, waits[0]) == ("second", "waiting", 1, 0)


def test_of_seconds_at_once_one_is_kept_and_points_come_once(db, waits, slow, now):
    with db.uow() as session:
        judge(session, session.get_one(Submission, waits[0]), waits[1][5], now)
    outcomes = race(db, waits, 2, now)
    assert len(succeeded(outcomes)) == 1 and all(isinstance(one, Stale) for one in failed(outcomes)), outcomes
    assert state(db, waits[0]) == ("first", "accepted", 3, 50)
    with db.session() as session:
        assert check(session, now) == []


def test_a_replay_of_the_first_is_no_second(db, waits, slow, now):
    race(db, waits, 1, now, who=0)
    assert all(isinstance(one, Conflict | Stale) for one in race(db, waits, 2, now, who=0))
    assert state(db, waits[0]) == ("second", "waiting", 1, 0)


def test_without_the_locks_two_seconds_get_through_or_a_constraint_speaks(db, waits, slow, now):
    with db.uow() as session:
        judge(session, session.get_one(Submission, waits[0]), waits[1][5], now)
    with locks.disabled():
        outcomes = race(db, waits, 2, now)
    broken = [error for error in failed(outcomes) if not isinstance(error, Stale)]
    assert len(succeeded(outcomes)) > 1 or broken


def filled(session, work, share):
    ids = session.scalars(select(Criterion.id).where(Criterion.rubric_id == work.rubric_id))
    return {f"score-{ident}": str(share) for ident in ids}


def test_on_pages_from_the_first_to_the_third(visit, make, work, author, site_db):
    make.judging(work, second_percent=100)
    row = make.submission(work, member=author[1])
    people = [make.person(name=f"Judge{n}", roles=("instructor",)) for n in range(3)]
    one, two, three = (visit(account) for account, _member in people)
    mine, url = visit(author[0]), f"/desk/{row.id}"
    with site_db.session() as session:
        given = {share: filled(session, work, share) for share in (3, 9, 5)}

    def say(client, share, version, comment):
        post(client, f"{url}/claim")
        typed = {"version": str(version), "verdict": "accept", "comment_md": comment, **given[share]}
        return post(client, url, data=typed)

    assert say(one, 3, 1, "FIRST WORDS").status_code == 303
    assert "Another instructor judges it too" in text_of(one.get("/desk"))
    assert (
        "You have judged this work." in text_of(one.get(url)) and post(one, f"{url}/claim").status_code == 409
    )
    page = text_of(two.get(url))
    assert "second judgement" in page and "FIRST WORDS" not in page and "Judge0" not in page
    assert "waiting for its review" in text_of(mine.get(f"/homework/{work.id}"))
    assert say(two, 9, 2, "SECOND WORDS").status_code == 303
    for client in (one, two):
        assert "Two judgements differ" in text_of(client.get(url))
    assert "SECOND WORDS" not in text_of(one.get(url))
    page = text_of(three.get(url))
    assert "FIRST WORDS" in page and "SECOND WORDS" in page and "you decide" in page
    assert 'data-label="Homework"' in text_of(three.get("/desk?state=third"))
    assert 'data-label="Homework"' not in text_of(three.get("/desk?state=second"))
    assert "FIRST WORDS" not in text_of(mine.get(f"/homework/{work.id}"))
    assert say(three, 5, 3, "LAST WORDS").status_code == 303
    page = text_of(mine.get(f"/homework/{work.id}"))
    assert all(words in page for words in ("FIRST WORDS", "SECOND WORDS", "LAST WORDS", "Decided by a third"))


def test_on_pages_when_nobody_is_left(visit, make, work, author, teacher, site_db):
    make.judging(work, second_percent=100)
    row = make.submission(work, member=author[1])
    boss = make.person(name="Boss", roles=("admin",))
    client, admin, url = visit(teacher[0]), visit(boss[0]), f"/desk/{row.id}"
    with site_db.session() as session:
        given = filled(session, work, 5)
    post(client, f"{url}/claim")
    post(client, url, data={"version": "1", "verdict": "accept", "comment_md": "x", **given})
    assert "Nobody is left" not in text_of(client.get(url))
    with site_db.uow() as session:
        session.get_one(type(boss[1]), boss[1].id).suspended_at = make.now
    assert "Nobody is left" in text_of(client.get(url))
    with site_db.uow() as session:
        session.get_one(type(boss[1]), boss[1].id).suspended_at = None
    waive = f"/admin/homework/submissions/{row.id}/waive"
    assert post(client, waive, data={"reason": "x", "version": "2"}).status_code == 403
    assert "There are few instructors" in text_of(admin.get(f"/admin/homework/{work.id}/judging"))
    assert "Decide without another judgement" in text_of(admin.get(url))
    post(admin, waive, data={"reason": "", "version": "2"})
    post(admin, waive, data={"reason": "Only one of us", "version": "2"})
    assert "Only one of us" in text_of(visit(author[0]).get(f"/homework/{work.id}"))
