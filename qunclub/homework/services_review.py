"""What an instructor does with homework: claims it for a while, judges it once, gives it back.

Promise 6 lives here. Everything that changes a submission locks its row first; ``version`` and the lease are compared
under that lock, and the attempt's unique review and the ledger's unique sources stand behind it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy.orm import Session

from qunclub.kernel import (
    N_,
    Actor,
    Conflict,
    Forbidden,
    Invalid,
    Stale,
    locks,
)

from . import (
    queries_desk,
    queries_teams,
    rules,
    services_allocation,
    services_levels,
    services_release,
    services_second,
    services_verdict,
)
from .models import VERDICTS, Review, Submission
from .queries_desk import Filters
from .services_settle import Judgement, settle, write

EVERYTHING = Filters()
ROUNDS = 20
"""How often a claim looks for a free one again; as many times five instructors may press the key at once."""


def claim(
    session: Session, *, submission_id: int, actor: Actor, lease: dt.timedelta, now: dt.datetime
) -> Submission:
    """Hold a waiting submission for *lease*; holding it already renews the lease.

    Raises:
        Conflict: when somebody else holds it, or nothing waits.
    """
    reviewer = reviewer_of(actor)
    submission = locks.lock(session, Submission, submission_id)
    if queries_teams.is_author(session, submission, reviewer):
        raise Forbidden(N_("This is your own work."), how=N_("Another instructor reviews it."))
    if submission.state != "waiting":
        raise Conflict(N_("This work does not wait for a review any more."))
    if rules.held_by_other(submission.claimed_by, submission.claimed_until, member_id=reviewer, now=now):
        raise Conflict(N_("Another reviewer holds this work at the moment."))
    services_second.refuse_again(session, submission, reviewer)
    services_allocation.refuse_reserved(session, submission, reviewer, now)
    submission.claimed_by = reviewer
    submission.claimed_until = now + lease
    return submission


def claim_next(
    session: Session, *, actor: Actor, lease: dt.timedelta, now: dt.datetime, filters: Filters = EVERYTHING
) -> Submission | None:
    """Claim the one that has waited longest and is free under *filters*; None when nothing is left.

    When others were quicker with all of those that were looked at, it looks again.
    """
    reviewer = reviewer_of(actor)
    for _round in range(ROUNDS):
        found = queries_desk.next_free(session, filters, member_id=reviewer, now=now)
        for candidate in found:
            try:
                return claim(session, submission_id=candidate, actor=actor, lease=lease, now=now)
            except Conflict:
                continue  # somebody else was quicker; the next one waits too
        if not found:
            break
    return None


def release_claim(session: Session, *, submission_id: int, actor: Actor, now: dt.datetime) -> Submission:
    """Give one's own claim back to the queue; without one, nothing happens."""
    reviewer = reviewer_of(actor)
    submission = locks.lock(session, Submission, submission_id)
    if submission.claimed_by == reviewer:
        submission.claimed_by = submission.claimed_until = None
    elif rules.held_by_other(submission.claimed_by, submission.claimed_until, member_id=reviewer, now=now):
        raise Conflict(N_("Another reviewer holds this work at the moment."))
    return submission


def review(
    session: Session,
    *,
    submission_id: int,
    version: int,
    verdict: str,
    scores: Mapping[int, int],
    comment_md: str,
    actor: Actor,
    now: dt.datetime,
    score: int | None = None,
    reviewer_id: int | None = None,
) -> Review:
    """Judge the present attempt, once; accepted work earns its points in the same transaction.

    Work of the sample waits for a second judgement first, and verdicts that come out together are held; then the row
    that is given back does not count yet. A held verdict can still be judged anew by whoever gave it.

    Args:
        version: the submission's version when the reviewer began to read.
        scores: points by criterion id; all of them to accept, any of them to return.
        score: the percent itself, for records that come without a rubric; processes only.

    Raises:
        Stale: when the work was judged or handed in again meanwhile, or somebody else holds it.
        Invalid: when the judgement is not complete.
        Conflict: when they have judged this attempt already.
    """
    if not actor.has("instructor"):
        raise Forbidden(N_("This is the instructors' desk."), how=N_("An admin can make you an instructor."))
    process = actor.key.startswith("system:")
    if score is not None and not process:
        raise Forbidden(N_("A score comes from the rubric."))
    if verdict not in VERDICTS:
        raise Invalid(N_("Choose a verdict."), field="verdict")
    reviewer = reviewer_id if process else reviewer_of(actor)
    submission = locks.lock(session, Submission, submission_id)
    _refuse_stale(submission, version, reviewer, now)
    if queries_teams.is_author(session, submission, reviewer):
        raise Forbidden(N_("This is your own work."), how=N_("Another instructor reviews it."))
    facts = services_verdict.facts_of(session, submission)
    judged = judge(session, facts.rubric_id, Judgement(verdict, score, scores, comment_md), process)
    if submission.state == "held":
        return services_release.revise(session, submission, judged, reviewer=reviewer, now=now)
    if submission.sampled and not process:
        return services_second.judged(
            session, submission, facts, judged, reviewer=reviewer or 0, actor=actor, now=now
        )
    row = write(session, submission.id, facts.attempt_id, judged, reviewer=reviewer, name=actor.name, now=now)
    settle(
        session,
        submission,
        facts,
        row,
        scored=judged.score is not None,
        kind="review",
        actor=actor,
        now=now,
    )
    return row


def reviewer_of(actor: Actor) -> int:
    if not actor.has("instructor") or actor.member_id is None:
        raise Forbidden(N_("This is the instructors' desk."), how=N_("An admin can make you an instructor."))
    return actor.member_id


def _refuse_stale(submission: Submission, version: int, reviewer: int | None, now: dt.datetime) -> None:
    if submission.version != version or submission.state not in ("waiting", "held"):
        raise Stale(
            N_("This work was judged or handed in again while you were writing. Nothing was overwritten.")
        )
    if rules.held_by_other(submission.claimed_by, submission.claimed_until, member_id=reviewer, now=now):
        raise Stale(
            N_("Your claim ran out and another reviewer holds this work now. Nothing was overwritten.")
        )


def judge(session: Session, rubric_id: int, given: Judgement, process: bool) -> Judgement:
    """*given* with its score: from the rubric, or as the process said."""
    if len(given.comment_md) > rules.MAX_COMMENT:
        raise Invalid(
            N_("The comment is longer than %(limit)s characters."),
            field="comment_md",
            limit=rules.MAX_COMMENT,
        )
    if given.score is not None:
        if not 0 <= given.score <= 100:
            raise Invalid(N_("A score lies between 0 and 100."), field="scores")
        return given
    if given.verdict == "return" and not given.comment_md.strip() and not process:
        raise Invalid(N_("Say what should change before it comes back."), field="comment_md")
    scales = services_levels.scales(session, rubric_id)
    complete = set(given.scores) == {one.criterion_id for one in scales}
    if given.verdict == "return" and not complete:
        # Returned work need not be measured on every scale; what was measured must still be on it.
        if given.scores:
            rules.rubric_score([one for one in scales if one.criterion_id in given.scores], given.scores)
        return replace(given, levels=services_levels.words(scales, given.scores))
    score = rules.rubric_score(scales, given.scores)
    return replace(given, score=score, levels=services_levels.words(scales, given.scores))
