"""Every score explained: history, appeals with tokens, corrections; points always say what counts."""

import contextlib
import datetime as dt
import itertools
import time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from qunclub import homework
from qunclub.homework import queries_fair, rules_fair, services_appeals
from qunclub.homework.doctor import check
from qunclub.homework.models import Assignment, Criterion, Review, Submission
from qunclub.homework.models_fair import VerdictChange, WorkAppeal
from qunclub.kernel import Access, Actor, ClubError, Conflict, Forbidden, Invalid, NotFound, Stale, locks
from qunclub.kernel.outbox import OutboxMessage
from qunclub.members.models import Member
from qunclub.points.models import LedgerEntry
from tests.support.concurrency import concurrently, failed, succeeded
from tests.support.pages import post

PROCESS = Actor.system("test")
ZONE = ZoneInfo("Asia/Shanghai")


def terms(now, tokens=1, days=14):
    return rules_fair.Terms(tokens, days, rules_fair.token_span(now, ZONE, None))


def judge(session, row, actor, now, verdict="accept", share=5, comment="Because."):
    return homework.review(
        session, submission_id=row.id, version=row.version, verdict=verdict, scores=scores(session, row, share),
        comment_md=comment, actor=actor, now=now,
    )  # fmt: skip


def scores(session, row, share):
    query = (
        select(Criterion.id)
        .join(Assignment, Assignment.rubric_id == Criterion.rubric_id)
        .where(Assignment.id == row.assignment_id)
    )
    return dict.fromkeys(session.scalars(query), share)


def appeal(session, row, now, **values):
    return homework.open_appeal(
        session, submission_id=row.id, member_id=row.member_id, reason=values.pop("reason", "Read page two."),
        terms=values.pop("terms", terms(now)), now=now, **values,
    )  # fmt: skip


def uphold(session, one, row, actor, now, verdict="accept", share=8):
    return homework.uphold(
        session, appeal_id=one.id, verdict=verdict, scores=scores(session, row, share), comment_md="You are right.",
        actor=actor, now=now,
    )  # fmt: skip


def earned(session, row):
    query = select(func.coalesce(func.sum(LedgerEntry.amount), 0)).where(
        LedgerEntry.member_id == row.member_id
    )
    return session.scalar(query)


def lines(session, row):
    return [
        (one.kind, one.before, one.score_before, one.after, one.score_after)
        for one in queries_fair.history(session, row.id)
    ]


@pytest.fixture
def teachers(make):
    return [make.actor(roles=("instructor",)) for _ in range(2)]


def test_tokens_are_counted_by_season_or_else_by_the_year_of_the_clubs_zone():
    newyear = dt.datetime(2026, 12, 31, 16, tzinfo=dt.UTC)  # midnight in Shanghai
    year = rules_fair.token_span(newyear, ZONE, None)
    assert year.starts_at == newyear
    assert rules_fair.token_span(newyear - dt.timedelta(seconds=1), ZONE, None).ends_at == newyear
    season = (newyear, newyear + dt.timedelta(days=30))
    assert rules_fair.token_span(newyear, ZONE, season) == rules_fair.Span(*season)
    assert rules_fair.token_span(season[1], ZONE, season) == year
    assert rules_fair.token_span(newyear, ZONE, (newyear, None)).ends_at is None


def test_an_upheld_appeal_changes_verdict_points_and_gives_the_token_back(session, make, teachers, now):
    row, second = make.submission(make.assignment()), now + dt.timedelta(days=1)
    judge(session, row, teachers[0], now)
    assert earned(session, row) == 50 + 5
    one = appeal(session, row, now)
    assert services_appeals.paid_tokens(session, row.member_id, terms(now).span) == 1
    with pytest.raises(Forbidden):
        uphold(session, one, row, teachers[0], second)
    with pytest.raises(Invalid, match="better"):
        uphold(session, one, row, teachers[1], second, share=4)
    uphold(session, one, row, teachers[1], second, verdict="feature")
    session.flush()
    assert (row.state, row.score, row.featured, one.state) == ("accepted", 80, True, "upheld")
    assert services_appeals.paid_tokens(session, row.member_id, terms(now).span) == 0
    assert lines(session, row) == [
        ("review", "", None, "accept", 50),
        ("appeal", "accept", 50, "feature", 80),
    ]
    live = session.execute(
        select(LedgerEntry.kind, func.sum(LedgerEntry.amount), func.max(LedgerEntry.occurred_at))
        .where(LedgerEntry.member_id == row.member_id)
        .group_by(LedgerEntry.kind)
    ).all()
    # What was corrected counts where it was earned; only being featured is new.
    assert {kind: (total, at) for kind, total, at in live if kind != "homework_featured"} == {
        "homework_accepted": (80, now),
        "homework_on_time": (5, now),
    }
    told = session.scalars(select(OutboxMessage.key).where(OutboxMessage.key.contains("appeal"))).all()
    assert sorted(told) == [f"mail:appeal:{one.id}:open", f"mail:appeal:{one.id}:upheld"]
    with pytest.raises(Stale):
        uphold(session, one, row, teachers[1], second)
    assert [text.comment_html for text in queries_fair.others(session, row.id)] == ["<p>Because.</p>"]
    assert check(session, now) == []


def test_a_declined_appeal_keeps_its_token_until_an_admin_gives_it_back(session, make, teachers, now):
    row, other = make.submission(make.assignment()), make.assignment()
    judge(session, row, teachers[0], now)
    one = appeal(session, row, now)
    with pytest.raises(Invalid):
        homework.decline(session, appeal_id=one.id, answer=" ", actor=teachers[1], now=now)
    homework.decline(session, appeal_id=one.id, answer="It stands.", actor=teachers[1], now=now)
    assert (one.state, one.answer) == ("declined", "It stands.")
    again = make.submission(other, member=session.get_one(Member, row.member_id))
    judge(session, again, teachers[0], now)
    with pytest.raises(Conflict, match="no appeal left"):
        appeal(session, again, now)
    homework.give_back(session, appeal_id=one.id, reason="Our mistake.", actor=PROCESS, now=now)
    with pytest.raises(Conflict):
        homework.give_back(session, appeal_id=one.id, reason="Twice.", actor=PROCESS, now=now)
    assert appeal(session, again, now).state == "open"
    with pytest.raises(Conflict, match="already"):
        appeal(session, row, now, terms=terms(now, tokens=9))
    assert check(session, now) == []


def test_what_cannot_be_appealed(session, make, teachers, now):
    row = make.submission(make.assignment())
    with pytest.raises(Conflict, match="no review"):
        appeal(session, row, now)
    judge(session, row, teachers[0], now)
    with pytest.raises(Invalid):
        appeal(session, row, now, reason="  ")
    with pytest.raises(Conflict, match="over"):
        appeal(session, row, now + dt.timedelta(days=14, seconds=1))
    with pytest.raises(NotFound):
        homework.open_appeal(
            session,
            submission_id=row.id,
            member_id=make.member().id,
            reason="Mine!",
            terms=terms(now),
            now=now,
        )
    homework.reopen(
        session, submission_id=row.id, version=row.version, reason="Wrong", actor=PROCESS, now=now
    )
    with pytest.raises(Conflict, match="no review"):
        appeal(session, row, now)


def test_a_correction_needs_a_reason_and_something_to_correct(session, make, teachers, now):
    row = make.submission(make.assignment())
    given: dict[str, Any] = {"submission_id": row.id, "verdict": "return", "actor": PROCESS, "now": now}
    with pytest.raises(Conflict, match="waits"):
        homework.correct(session, version=row.version, score=10, reason="x", **given)
    judge(session, row, teachers[0], now, verdict="feature")
    homework.consent(session, submission_id=row.id, member_id=row.member_id, now=now)
    one = appeal(session, row, now)
    with pytest.raises(Stale):
        homework.correct(session, version=row.version - 1, score=10, reason="x", **given)
    wrongs: list[dict[str, Any]] = [{"score": 10, "reason": ""}, {"score": 101, "reason": "x"}]
    for wrong in wrongs:
        with pytest.raises(Invalid):
            homework.correct(session, version=row.version, **wrong, **given)
    homework.correct(session, version=row.version, score=10, reason="Copied.", **given)
    session.refresh(one)
    assert (row.state, row.score, one.state, earned(session, row)) == ("returned", 10, "lapsed", 0)
    assert lines(session, row)[-1] == ("correction", "feature", 50, "return", 10)
    assert check(session, now) == []


OPS = st.lists(
    st.tuples(
        st.sampled_from(
            ("review", "hand_in", "appeal", "uphold", "decline", "correct", "reopen", "give_back")
        ),
        st.sampled_from(("accept", "return", "feature")),
        st.integers(0, 10),
        st.sampled_from(("done", "replayed", "killed")),
    ),
    max_size=12,
)


def act(session, row, teachers, moment, number, seen, one, op):
    """One step of a sequence; the text it has to keep."""
    what, verdict, share = op
    if what == "review":
        homework.review(
            session, submission_id=row.id, version=seen, verdict=verdict, scores=scores(session, row, share),
            comment_md=f"Text {number}", actor=teachers[number % 2], now=moment,
        )  # fmt: skip
        return f"Text {number}"
    if what == "hand_in":
        homework.submit(
            session, assignment_id=row.assignment_id, member_id=row.member_id, body_md="Again", files=(),
            access=Access(True, "pass"), now=moment, actor=PROCESS,
        )  # fmt: skip
    elif what == "appeal":
        appeal(session, row, moment)
    elif what == "correct":
        homework.correct(
            session, submission_id=row.id, version=seen, verdict=verdict, score=share * 10, reason="Mended",
            actor=PROCESS, now=moment,
        )  # fmt: skip
    elif what == "reopen":
        homework.reopen(session, submission_id=row.id, version=seen, reason="x", actor=PROCESS, now=moment)
    elif one is not None and what == "uphold":
        uphold(session, one, row, teachers[number % 2], moment, verdict, share)
    elif one is not None and what == "decline":
        homework.decline(session, appeal_id=one.id, answer="No", actor=teachers[number % 2], now=moment)
    elif one is not None:
        homework.give_back(session, appeal_id=one.id, reason="x", actor=PROCESS, now=moment)
    return None


@settings(
    max_examples=25, deadline=None, suppress_health_check=list(HealthCheck),
)  # fmt: skip
@given(ops=OPS)
def test_after_any_sequence_the_ledger_says_what_the_counting_review_says(session, make, teachers, now, ops):
    """Reviews, attempts, appeals, corrections in any order, done twice or rolled back half-way."""
    row = make.submission(make.assignment())
    session.flush()
    texts: set[str] = set()
    for number, (what, verdict, share, fate) in enumerate(ops):
        moment, seen = now + dt.timedelta(minutes=number), row.version
        one = session.scalars(
            select(WorkAppeal).where(WorkAppeal.submission_id == row.id).order_by(WorkAppeal.id.desc())
        ).first()

        for _ in range(2 if fate == "replayed" else 1):
            with contextlib.suppress(ClubError, ZeroDivisionError), session.begin_nested():
                text = act(session, row, teachers, moment, number, seen, one, (what, verdict, share))
                session.flush()
                if fate == "killed":
                    raise ZeroDivisionError
                if text:
                    texts.add(text)
        session.expire_all()
    amounts = dict(
        session.execute(
            select(LedgerEntry.kind, func.sum(LedgerEntry.amount))
            .where(LedgerEntry.member_id == row.member_id)
            .group_by(LedgerEntry.kind)
        ).all()
    )
    assert amounts.get("homework_accepted", 0) == (row.score if row.state == "accepted" else 0)
    assert (amounts.get("homework_on_time", 0) > 0) == (row.state == "accepted")
    assert (amounts.get("homework_featured", 0) > 0) == row.featured
    kept = set(session.scalars(select(Review.comment_md).where(Review.submission_id == row.id)))
    assert texts <= kept
    changes = session.scalars(
        select(VerdictChange).where(VerdictChange.submission_id == row.id).order_by(VerdictChange.id)
    ).all()
    for before, after in itertools.pairwise(changes):
        if before.attempt_id == after.attempt_id:
            assert (after.before, after.score_before) == (before.after, before.score_after)
    assert check(session, now) == []


@pytest.fixture
def two_judged(make, teachers, now, db):
    author = make.member(number=True)
    rows = [make.submission(make.assignment(), member=author) for _ in range(2)]
    with db.uow() as session:
        for row in rows:
            judge(session, session.get_one(Submission, row.id), teachers[0], now)
    return [(row.id, author.id) for row in rows]


def race(db, two, now):
    def ask(session, index):
        ident, member_id = two[index % 2]
        return homework.open_appeal(
            session, submission_id=ident, member_id=member_id, reason="Look again.", terms=terms(now), now=now
        ).id

    return concurrently(db, 8, ask)


@pytest.fixture
def slow(monkeypatch):
    """Time passes between counting tokens and using one."""
    refuse = rules_fair.refuse_appeal

    def look(**values):
        time.sleep(0.03)
        return refuse(**values)

    monkeypatch.setattr(rules_fair, "refuse_appeal", look)


def test_of_appeals_with_one_token_one_is_opened(db, two_judged, slow, now):
    outcomes = race(db, two_judged, now)
    assert len(succeeded(outcomes)) == 1
    assert all(isinstance(error, Conflict) for error in failed(outcomes)), outcomes


def test_without_the_locks_a_token_is_used_twice_or_a_constraint_speaks(db, two_judged, slow, now):
    with locks.disabled():
        outcomes = race(db, two_judged, now)
    broken = [error for error in failed(outcomes) if not isinstance(error, Conflict)]
    assert len(succeeded(outcomes)) > 1 or broken


def test_of_two_who_answer_at_once_one_is_told_nothing_was_overwritten(db, make, two_judged, now):
    (ident, member_id), *_ = two_judged
    with db.uow() as session:
        one = homework.open_appeal(
            session, submission_id=ident, member_id=member_id, reason="Look.", terms=terms(now), now=now
        ).id
    answerers = [make.actor(roles=("instructor",)) for _ in range(4)]

    def answer(session, index):
        row = session.get_one(Submission, ident)
        given = scores(session, row, 9)
        return homework.uphold(
            session, appeal_id=one, verdict="accept", scores=given, comment_md=f"{index}",
            actor=answerers[index], now=now,
        ).id  # fmt: skip

    outcomes = concurrently(db, 4, answer)
    assert len(succeeded(outcomes)) == 1
    assert all(isinstance(error, Stale) for error in failed(outcomes)), outcomes
    with db.session() as session:
        assert check(session, now) == []


def test_a_member_appeals_and_an_instructor_answers_on_pages(
    visit, work, author, teacher, make, site_db, now
):
    account, member = author
    row = make.submission(work, member=member)
    other = make.person(name="Other", roles=("instructor",))
    judging = make.actor(teacher[1], roles=("instructor",))
    with site_db.uow() as session:
        judge(session, session.get_one(Submission, row.id), judging, now)
    mine, first, second = visit(account), visit(teacher[0]), visit(other[0])
    page = mine.get(f"/homework/{work.id}").get_data(as_text=True)
    assert "How it came to its verdict" in page and "You have 3 appeals left" in page
    url = f"/homework/{work.id}/appeal"
    assert post(mine, url, data={"reason": " "}).status_code == 422
    assert post(mine, url, data={"reason": "Page two."}).status_code == 303
    kept = post(mine, url, data={"reason": "Once more."})
    assert kept.status_code == 409 and "Once more." in kept.get_data(as_text=True)
    assert second.get(url).status_code == 404
    with site_db.session() as session:
        ident = session.scalars(select(WorkAppeal.id)).one()
        given = {f"score-{key}": "9" for key in scores(session, row, 9)}
    assert "No appeal waits for you" in first.get("/desk/appeals").get_data(as_text=True)
    assert "旧页改造" in second.get("/desk/appeals").get_data(as_text=True)
    answer = f"/desk/appeals/{ident}"
    assert mine.get(answer).status_code == 403
    typed = {"outcome": "accept", "comment_md": "Right.", **given}
    assert post(first, answer, data=typed).status_code == 403
    assert post(second, answer, data={**typed, "comment_md": ""}).status_code == 422
    assert post(second, answer, data=typed).status_code == 303
    late = post(second, answer, data={**typed, "comment_md": "Too late, but kept."})
    assert late.status_code == 409 and "Too late, but kept." in late.get_data(as_text=True)
    page = mine.get(f"/homework/{work.id}").get_data(as_text=True)
    assert "Appeal upheld, judged anew" in page and "90 of 100" in page and "Because." in page


def test_an_admin_corrects_and_gives_tokens_back_on_pages(visit, work, author, teacher, make, site_db, now):
    row = make.submission(work, member=author[1])
    admin, mine = visit(make.person(name="Boss", roles=("admin",))[0]), visit(author[0])
    judging = make.actor(teacher[1], roles=("instructor",))
    with site_db.uow() as session:
        judge(session, session.get_one(Submission, row.id), judging, now)
    post(mine, f"/homework/{work.id}/appeal", data={"reason": "Page two."})
    with site_db.session() as session:
        ident = session.scalars(select(WorkAppeal.id)).one()
    back = f"/admin/homework/appeals/{ident}/give-back"
    assert post(mine, back, data={"reason": "x"}).status_code == 403
    assert post(admin, back, data={"reason": ""}).status_code == 422
    assert post(admin, back, data={"reason": "Ours."}).status_code == 303
    assert post(admin, back, data={"reason": "Ours."}).status_code == 409
    url = f"/admin/homework/submissions/{row.id}/correct"
    assert mine.get(url).status_code == 403
    typed = {"version": "2", "verdict": "accept", "score": "77", "reason": "Added up wrongly"}
    assert post(admin, url, data={**typed, "reason": ""}).status_code == 422
    assert post(admin, url, data=typed).status_code == 303
    assert post(admin, url, data=typed).status_code == 409
    assert "Added up wrongly" in mine.get(f"/homework/{work.id}").get_data(as_text=True)
    with site_db.session() as session:
        assert check(session, now) == []
