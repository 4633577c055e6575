"""A second instructor judges a sample of the work without seeing the first; when they differ a third one decides.

All of it happens under the submission's lock. Until the end no judgement counts and the author learns nothing; the
verdict comes into force once, and points with it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Conflict, Forbidden, Invalid, Stale, locks, store

from . import queries_second, queries_teams, rules_second, services_allocation, services_verdict
from .models import Attempt, Review, ReviewScore, Submission
from .models_judging import HeldVerdict
from .models_voice import SpokenComment
from .rules_second import Opinion
from .services_settle import Judgement, settle, write


def refuse_again(session: Session, submission: Submission, reviewer: int) -> None:
    """Whoever has judged this attempt leaves it to others.

    Raises:
        Conflict: when *reviewer* has.
    """
    if submission.stage == "first":
        return
    attempt_id = services_verdict.facts_of(session, submission).attempt_id
    if queries_second.seen(session, attempt_id, reviewer):
        raise _twice()


def judged(
    session: Session,
    submission: Submission,
    facts: Any,
    given: Judgement,
    *,
    reviewer: int,
    actor: Actor,
    now: dt.datetime,
) -> Review:
    """Take a judgement of sampled work: keep it until the next one is there, or put the outcome in force.

    Returns the row that was written last; it counts when the verdict is in force.

    Raises:
        Conflict: when *reviewer* has judged this attempt already.
    """
    before = queries_second.pending(session, facts.attempt_id)
    if any(one.reviewer_id == reviewer for one in before):
        raise _twice()
    opinions = [*map(opinion_of, before), Opinion(given.verdict, given.score)]
    step = rules_second.step(opinions, sampled=True, limit=facts.divergence)
    row = write(
        session, submission.id, facts.attempt_id, given, reviewer=reviewer, name=actor.name, now=now,
        n=services_verdict.next_n(session, facts.attempt_id), stage=rules_second.STAGES[len(before)],
        counts=step.by == "third",
    )  # fmt: skip
    if step.need:
        submission.stage = step.need
        submission.claimed_by = submission.claimed_until = None
        submission.version += 1
        session.flush()
        services_allocation.pass_on(session, submission, now=now)
        session.flush()
        return row
    if step.by == "agreed":
        row = _together(session, submission, facts, [*before, row], step.opinion, now)
    assert step.opinion is not None  # the rule's end has one
    scored = step.opinion.score is not None
    kind = "second" if step.by == "agreed" else "third"
    settle(session, submission, facts, row, scored=scored, kind=kind, actor=actor, now=now)
    return row


def waive(
    session: Session, *, submission_id: int, version: int, reason: str, actor: Actor, now: dt.datetime
) -> Review:
    """An admin goes without the judgement that is missing: of those given, the better one for the author counts.

    Raises:
        Forbidden: for whoever is no admin.
        Stale: when the work changed meanwhile.
        Conflict: when no second or third judgement is missing.
        Invalid: without a reason.
    """
    if not actor.has("admin"):
        raise Forbidden(N_("Only admins may go without another judgement."))
    why = reason.strip()
    if not why:
        raise Invalid(N_("Say why; the author and the audit log read it."), field="reason")
    if len(why) > rules_second.MAX_REASON:
        raise Invalid(
            N_("Your reason is longer than %(limit)s characters."),
            field="reason",
            limit=rules_second.MAX_REASON,
        )
    submission = locks.lock(session, Submission, submission_id)
    if submission.version != version:
        raise Stale(N_("This work changed while you were looking at it. Look again, then decide."))
    if submission.state != "waiting" or submission.stage == "first":
        raise Conflict(N_("This work does not wait for another judgement."))
    facts = services_verdict.facts_of(session, submission)
    given = queries_second.pending(session, facts.attempt_id)
    if queries_teams.is_author(session, submission, actor.member_id):
        raise Forbidden(N_("This is your own work."), how=N_("Another admin decides."))
    opinions = [opinion_of(one) for one in given]
    place = rules_second.waived(opinions)
    row = given[place]
    store.record(
        session,
        actor=actor,
        action="submission.waive",
        target=f"submission:{submission_id}",
        now=now,
        summary=why,
        details={"stage": submission.stage, "review_id": row.id},
    )
    row.counts = True
    settle(
        session, submission, facts, row, scored=opinions[place].score is not None, kind="waive", reason=why,
        actor=actor, now=now,
    )  # fmt: skip
    return row


def forget_pending(session: Session, member_id: int) -> None:
    """Take away what was said of a member's works that have no verdict yet."""
    pending = (
        select(Review.id)
        .join(Attempt, Attempt.id == Review.attempt_id)
        .join(Submission, (Submission.id == Attempt.submission_id) & (Attempt.n == Submission.attempt))
        .where(
            Submission.member_id == member_id,
            Submission.state.in_(("waiting", "held")),
            Review.counts.is_(False),
        )
    )
    ids = list(session.scalars(pending))
    session.execute(delete(HeldVerdict).where(HeldVerdict.review_id.in_(ids)))
    session.execute(delete(ReviewScore).where(ReviewScore.review_id.in_(ids)))
    session.execute(delete(Review).where(Review.id.in_(ids)))


def opinion_of(row: Review) -> Opinion:
    """A kept judgement as the rule reads it: what was returned with nothing measured has no score."""
    return Opinion(row.verdict, None if row.verdict == "return" and row.score == 0 else row.score)


def _together(
    session: Session,
    submission: Submission,
    facts: Any,
    two: Sequence[Review],
    opinion: Opinion | None,
    now: dt.datetime,
) -> Review:
    """Two judgements that agree, as one: the mean of their scores, both comments, both names."""
    assert opinion is not None  # they agree
    comment = "\n\n---\n\n".join(one.comment_md.strip() for one in two if one.comment_md.strip())
    row = write(
        session,
        submission.id,
        facts.attempt_id,
        Judgement(opinion.verdict, opinion.score, {}, comment),
        reviewer=None,
        name=" · ".join(one.reviewer_name for one in two)[:120],
        now=now,
        n=services_verdict.next_n(session, facts.attempt_id),
        stage="agreed",
    )
    # Remarks stay with whoever wrote them and are read with both; recordings are played with the review that counts.
    session.execute(
        update(SpokenComment)
        .where(SpokenComment.review_id.in_([one.id for one in two]))
        .values(review_id=row.id)
        .execution_options(synchronize_session=False)
    )
    return row


def _twice() -> Conflict:
    return Conflict(
        N_("You have judged this work yourself."),
        how=N_("Another instructor judges it now, without knowing what you said."),
    )
