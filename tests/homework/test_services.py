"""Handing in, judging, points: over both databases."""

import datetime as dt

import pytest
from sqlalchemy import func, select

from qunclub import homework
from qunclub.homework.models import Attempt, Criterion, Review, ReviewScore, ShowcaseEntry, SubmissionFile
from qunclub.homework.queries_desk import Filters
from qunclub.kernel import Access, Actor, Conflict, Forbidden, Invalid, NotFound, Stale, signals
from qunclub.kernel.outbox import OutboxMessage
from qunclub.points.models import LedgerEntry
from tests.support.statements import count_statements

OPEN = Access(True, "pass")
LEASE = dt.timedelta(minutes=45)
PROCESS = Actor.system("test")


def earned(session, member_id):
    """The member's ledger: (kind, amount), in order."""
    query = select(LedgerEntry.kind, LedgerEntry.amount).where(LedgerEntry.member_id == member_id)
    return [tuple(row) for row in session.execute(query.order_by(LedgerEntry.id))]


def full(session, assignment, share=1.0):
    """Scores on every criterion of the assignment's rubric."""
    rows = session.scalars(select(Criterion).where(Criterion.rubric_id == assignment.rubric_id))
    return {row.id: int(row.max_points * share) for row in rows}


def judge(session, submission, actor, *, now, verdict="accept", **values):
    values.setdefault("scores", {})
    values.setdefault("comment_md", "Good.")
    return homework.review(
        session,
        submission_id=submission.id,
        version=values.pop("version", submission.version),
        verdict=verdict,
        actor=actor,
        now=now,
        **values,
    )


def hand_in(session, make, assignment, member, now, **values):
    values.setdefault("body_md", "Again.")
    values.setdefault("files", ())
    return homework.submit(
        session,
        assignment_id=assignment.id,
        member_id=member.id,
        access=values.pop("access", OPEN),
        now=now,
        actor=values.pop("actor", make.actor(member)),
        **values,
    )


def test_accepted_work_earns_its_score_and_being_on_time(session, make, now):
    assignment = make.assignment(due_at=now)
    submission = make.submission(assignment)
    teacher = make.actor(roles=("instructor",))
    review = judge(session, submission, teacher, now=now, scores=full(session, assignment, 0.8))
    assert (review.score, submission.state, submission.score) == (80, "accepted", 80)
    assert earned(session, submission.member_id) == [("homework_accepted", 80), ("homework_on_time", 5)]
    assert session.scalar(select(func.count()).select_from(ReviewScore)) == 2


def test_late_work_earns_its_score_only(session, make, now):
    assignment = make.assignment(due_at=now - dt.timedelta(days=1))
    submission = make.submission(assignment)
    judge(session, submission, make.actor(roles=("instructor",)), now=now, scores=full(session, assignment))
    assert earned(session, submission.member_id) == [("homework_accepted", 100)]


def test_featured_work_earns_more_and_waits_for_consent(session, make, now):
    assignment = make.assignment()
    submission = make.submission(assignment)
    teacher = make.actor(roles=("instructor",))
    judge(session, submission, teacher, now=now, verdict="feature", scores=full(session, assignment))
    kinds = [kind for kind, _amount in earned(session, submission.member_id)]
    assert kinds == ["homework_accepted", "homework_on_time", "homework_featured"]
    entry = session.scalars(select(ShowcaseEntry)).one()
    assert entry.consented_at is None and submission.featured


def test_returned_work_earns_nothing_and_comes_back(session, make, now):
    assignment = make.assignment(due_at=now)
    author = make.member(number=True)
    submission = make.submission(assignment, member=author)
    teacher = make.actor(roles=("instructor",))
    judge(session, submission, teacher, now=now, verdict="return", comment_md="Shorter.")
    assert (submission.state, submission.score, earned(session, author.id)) == ("returned", None, [])
    later = now + dt.timedelta(days=2)
    again = hand_in(session, make, assignment, author, later)
    assert (again.id, again.attempt, again.state) == (submission.id, 2, "waiting")
    judge(session, again, teacher, now=later, scores=full(session, assignment, 0.5))
    # Handed in on time and asked to revise: still on time.
    assert earned(session, author.id) == [("homework_accepted", 50), ("homework_on_time", 5)]
    assert session.scalar(select(func.count()).select_from(Attempt)) == 2
    assert session.scalar(select(func.count()).select_from(Review)) == 2


def test_carried_over_work_is_judged_and_earns_nothing(session, make, now):
    assignment = make.assignment()
    author = make.member(number=True)
    submission = hand_in(session, make, assignment, author, now, body_md="", actor=PROCESS, carried_over=True)
    judge(session, submission, PROCESS, now=now, score=90, comment_md="")
    assert (submission.state, submission.score, earned(session, author.id)) == ("accepted", 90, [])


def test_whoever_has_no_number_is_judged_and_earns_nothing(session, make, now):
    assignment = make.assignment()
    submission = make.submission(assignment, member=make.member())
    judge(session, submission, PROCESS, now=now, score=90)
    assert submission.state == "accepted"


@pytest.mark.parametrize(("score", "lines"), [(0, []), (100, [("homework_accepted", 100)])])
def test_a_score_of_nothing_writes_no_line(session, make, now, score, lines):
    assignment = make.assignment(due_at=now - dt.timedelta(days=1))
    submission = make.submission(assignment)
    judge(session, submission, PROCESS, now=now, score=score)
    assert earned(session, submission.member_id) == lines


def test_the_author_is_told_by_mail_once(session, make, now):
    submission = make.submission(make.assignment(title="三个标题"))
    judge(session, submission, PROCESS, now=now, score=90)
    mail = session.scalars(select(OutboxMessage)).one()
    assert mail.payload["template"] == "review_done"
    assert mail.payload["context"]["title"] == "三个标题"


def test_signals_are_remembered_for_after_the_commit(session, make, now):
    submission = make.submission(make.assignment())
    judge(session, submission, PROCESS, now=now, score=90)
    sent = [signal.name for signal, _facts in signals.pending(session)]
    assert "qunclub.submission_received" in sent and "qunclub.submission_reviewed" in sent


def test_files_belong_to_their_attempt(session, make, now):
    files = [homework.StoredFile("a.png", "image/png", 3, "0" * 64, "homework/k1")]
    submission = make.submission(make.assignment(), files=files, body_md="")
    attempt = session.scalars(select(Attempt).where(Attempt.submission_id == submission.id)).one()
    kept = session.scalars(select(SubmissionFile)).one()
    assert (kept.attempt_id, kept.name) == (attempt.id, "a.png")


# ---- who may not, and what cannot be


def test_locked_homework_cannot_be_handed_in(session, make, now):
    with pytest.raises(Forbidden):
        hand_in(session, make, make.assignment(), make.member(), now, access=Access(False, "no_pass"))


def test_a_draft_is_not_there(session, make, now):
    with pytest.raises(NotFound):
        hand_in(session, make, make.assignment(state="draft"), make.member(number=True), now)


def test_nothing_cannot_be_handed_in(session, make, now):
    with pytest.raises(Invalid) as refused:
        hand_in(session, make, make.assignment(), make.member(number=True), now, body_md=" \n ")
    assert refused.value.field == "body_md"


def test_waiting_work_cannot_be_handed_in_again(session, make, now):
    assignment, author = make.assignment(), make.member(number=True)
    make.submission(assignment, member=author)
    with pytest.raises(Conflict):
        hand_in(session, make, assignment, author, now)


def test_attempts_run_out(session, make, now):
    assignment, author = make.assignment(max_attempts=1), make.member(number=True)
    submission = make.submission(assignment, member=author)
    judge(session, submission, PROCESS, now=now, verdict="return", score=10)
    with pytest.raises(Conflict):
        hand_in(session, make, assignment, author, now)


def test_members_do_not_judge(session, make, now):
    submission = make.submission(make.assignment())
    with pytest.raises(Forbidden):
        judge(session, submission, make.actor(), now=now)


def test_nobody_judges_their_own_work(session, make, now):
    assignment = make.assignment()
    author = make.member(number=True, roles=("instructor",))
    submission = make.submission(assignment, member=author)
    actor = make.actor(author)
    with pytest.raises(Forbidden):
        homework.claim(session, submission_id=submission.id, actor=actor, lease=LEASE, now=now)
    with pytest.raises(Forbidden):
        judge(session, submission, actor, now=now, scores=full(session, assignment))
    assert homework.claim_next(session, actor=actor, lease=LEASE, now=now) is None


def test_a_person_cannot_name_the_percent(session, make, now):
    submission = make.submission(make.assignment())
    with pytest.raises(Forbidden):
        judge(session, submission, make.actor(roles=("admin",)), now=now, score=100)


@pytest.mark.parametrize("verdict", ["accept", "feature"])
def test_to_accept_every_criterion_needs_its_score(session, make, now, verdict):
    assignment = make.assignment()
    submission = make.submission(assignment)
    scores = dict(list(full(session, assignment).items())[:1])
    with pytest.raises(Invalid):
        judge(session, submission, make.actor(roles=("instructor",)), now=now, verdict=verdict, scores=scores)


def test_to_return_a_word_is_needed_and_some_scores_may_be_given(session, make, now):
    assignment = make.assignment()
    submission = make.submission(assignment)
    teacher = make.actor(roles=("instructor",))
    with pytest.raises(Invalid) as refused:
        judge(session, submission, teacher, now=now, verdict="return", comment_md=" ")
    assert refused.value.field == "comment_md"
    some = dict(list(full(session, assignment).items())[:1])
    with pytest.raises(Invalid):
        judge(session, submission, teacher, now=now, verdict="return", scores={**some, 10**6: 1})
    review = judge(session, submission, teacher, now=now, verdict="return", scores=some)
    assert (review.score, submission.score) == (0, None)


# ---- claims and stale saves


def test_a_claim_is_a_lease(session, make, now):
    submission = make.submission(make.assignment())
    first, second = make.actor(roles=("instructor",)), make.actor(roles=("instructor",))
    homework.claim(session, submission_id=submission.id, actor=first, lease=LEASE, now=now)
    with pytest.raises(Conflict):
        homework.claim(session, submission_id=submission.id, actor=second, lease=LEASE, now=now)
    with pytest.raises(Conflict):
        homework.release_claim(session, submission_id=submission.id, actor=second, now=now)
    late = now + LEASE
    assert homework.claim(session, submission_id=submission.id, actor=second, lease=LEASE, now=late)
    with pytest.raises(Stale):
        judge(session, submission, first, now=late)
    homework.release_claim(session, submission_id=submission.id, actor=second, now=late)
    assert submission.claimed_by is None


def test_the_longest_waiting_free_one_is_next(session, make, now):
    assignment = make.assignment()
    third = make.submission(assignment, at=now)
    first = make.submission(assignment, at=now - dt.timedelta(days=2))
    second = make.submission(assignment, at=now - dt.timedelta(days=1))
    one, two = make.actor(roles=("instructor",)), make.actor(roles=("instructor",))
    assert homework.claim_next(session, actor=one, lease=LEASE, now=now) is first
    assert homework.claim_next(session, actor=two, lease=LEASE, now=now) is second
    judge(session, first, one, now=now, verdict="return")
    assert (
        homework.claim_next(
            session, actor=one, lease=LEASE, now=now, filters=Filters(course_id=assignment.course_id)
        )
        is third
    )
    assert (
        homework.claim_next(session, actor=one, lease=LEASE, now=now, filters=Filters(assignment_id=10**6))
        is None
    )


def test_a_save_against_an_old_version_is_refused(session, make, now):
    assignment = make.assignment()
    submission = make.submission(assignment)
    old = submission.version
    judge(session, submission, PROCESS, now=now, score=90, version=old)
    with pytest.raises(Stale):
        judge(session, submission, PROCESS, now=now, verdict="return", score=10, version=old)
    assert submission.state == "accepted"
    assert session.scalar(select(func.count()).select_from(Review)) == 1


# ---- consent


def test_consent_is_the_authors_and_can_be_taken_back(session, make, now):
    author = make.member(number=True)
    submission = make.submission(make.assignment(), member=author)
    with pytest.raises(Conflict):
        homework.consent(session, submission_id=submission.id, member_id=author.id, now=now)
    judge(session, submission, PROCESS, now=now, verdict="feature", score=95)
    with pytest.raises(NotFound):
        homework.consent(session, submission_id=submission.id, member_id=author.id + 1, now=now)
    entry = homework.consent(session, submission_id=submission.id, member_id=author.id, now=now)
    assert entry.consented_at == now
    gone = homework.withdraw(session, submission_id=submission.id, member_id=author.id, now=now)
    assert gone is entry
    assert (gone.consented_at is None, gone.revoked_at) == (True, now)


# ---- an admin puts things right


def test_reopened_work_loses_its_points_and_earns_anew(session, make, now):
    assignment, author = make.assignment(), make.member(number=True)
    submission = make.submission(assignment, member=author)
    judge(session, submission, PROCESS, now=now, verdict="feature", score=95)
    homework.consent(session, submission_id=submission.id, member_id=author.id, now=now)
    admin = make.actor(roles=("admin",))
    homework.reopen(
        session,
        submission_id=submission.id,
        version=submission.version,
        reason="Wrong file.",
        actor=admin,
        now=now,
    )
    assert (submission.state, submission.featured) == ("returned", False)
    assert sum(amount for _kind, amount in earned(session, author.id)) == 0
    assert session.scalars(select(ShowcaseEntry.consented_at)).one() is None
    again = hand_in(session, make, assignment, author, now)
    judge(session, again, PROCESS, now=now, score=70)
    assert sum(amount for _kind, amount in earned(session, author.id)) == 75


def test_a_stuck_claim_is_freed_and_noted(session, make, now):
    submission = make.submission(make.assignment())
    teacher, admin = make.actor(roles=("instructor",)), make.actor(roles=("admin",))
    homework.claim(session, submission_id=submission.id, actor=teacher, lease=LEASE, now=now)
    homework.free_claim(session, submission_id=submission.id, actor=admin, now=now)
    assert submission.claimed_by is None
    with pytest.raises(Conflict):
        homework.free_claim(session, submission_id=submission.id, actor=admin, now=now)


# ---- assignments


def test_a_rubric_changes_but_keeps_what_reviews_used(session, make, now):
    assignment = make.assignment()
    submission = make.submission(assignment)
    judge(session, submission, make.actor(roles=("instructor",)), now=now, scores=full(session, assignment))
    first, second = full(session, assignment)
    admin = make.actor(roles=("admin",))

    def save(criteria, version):
        return homework.update_assignment(
            session,
            assignment_id=assignment.id,
            version=version,
            slug=assignment.slug,
            title="New title",
            criteria=criteria,
            now=now,
            actor=admin,
        )

    swapped = [
        homework.CriterionSpec("B", 20, 1, "", second),
        homework.CriterionSpec("A", 10, 2, "", first),
        homework.CriterionSpec("C", 5, 1),
    ]
    saved = save(swapped, 1)
    rows = session.scalars(select(Criterion).where(Criterion.rubric_id == assignment.rubric_id))
    assert [(row.title, row.position) for row in sorted(rows, key=lambda row: row.position)] == [
        ("B", 1), ("A", 2), ("C", 3),
    ]  # fmt: skip
    with pytest.raises(Stale):
        save(swapped, 1)
    with pytest.raises(Conflict):
        save(swapped[:1], saved.version)
    with pytest.raises(Conflict):
        save([homework.CriterionSpec("B", 5, 1, "", second), swapped[1]], saved.version)


def test_addresses_are_unique_in_a_course(session, make, now):
    course = make.course()
    make.assignment(course=course, slug="one")
    with pytest.raises(Invalid) as refused:
        make.assignment(course=course, slug="one")
    assert refused.value.field == "slug"


def test_handing_in_and_judging_take_few_statements(session, make, now, db):
    assignment, author = make.assignment(due_at=now), make.member(number=True)
    teacher, scores = make.actor(roles=("instructor",)), full(session, assignment)
    session.flush()
    # The first points of a course open its ranking, once.
    before = hand_in(session, make, assignment, make.member(number=True), now)
    judge(session, before, teacher, now=now, verdict="feature", scores=scores)
    with count_statements(db.engine) as handing_in:
        submission = hand_in(session, make, assignment, author, now)
    assert handing_in.count <= 5, handing_in
    with count_statements(db.engine) as judging:
        judge(session, submission, teacher, now=now, verdict="feature", scores=scores)
    ledger = [
        text for text in judging.sent if "ledger" in text or "standing" in text or "score_count" in text
    ]
    rules = [text for text in judging.sent if "points_window" in text]
    # Three are for the bell: how its reader wants to be told, the notice, the number of unread ones.
    assert judging.count - len(ledger) - len(rules) <= 12, judging
    assert judging.count <= 17, judging


def test_a_replayed_record_takes_fewer_still(session, make, now, db):
    assignment = make.assignment()
    before, author = (make.member(number=True, email="") for _ in range(2))
    first = hand_in(session, make, assignment, before, now, body_md="", actor=PROCESS)
    judge(session, first, PROCESS, now=now, score=80, comment_md="")
    submission = hand_in(session, make, assignment, author, now, body_md="", actor=PROCESS)
    with count_statements(db.engine) as judging:
        judge(session, submission, PROCESS, now=now, score=80, comment_md="")
    assert judging.count <= 13, judging
