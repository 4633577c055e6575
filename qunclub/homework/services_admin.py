"""What an admin does with a submission that got stuck or was judged wrongly."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.kernel import N_, Actor, Conflict, Invalid, Stale, locks, store

from . import queries_teams, services_appeals, services_verdict
from .models import Submission


def free_claim(session: Session, *, submission_id: int, actor: Actor, now: dt.datetime) -> Submission:
    """Take a claim away from whoever holds it; what they typed is kept by their page and can be saved later."""
    submission = locks.lock(session, Submission, submission_id)
    if submission.claimed_by is None:
        raise Conflict(N_("Nobody holds this work."))
    details = {"claimed_by": submission.claimed_by, "claimed_until": str(submission.claimed_until)}
    submission.claimed_by = submission.claimed_until = None
    store.record(
        session,
        actor=actor,
        action="submission.free_claim",
        target=f"submission:{submission_id}",
        now=now,
        details=details,
    )
    return submission


def reopen(
    session: Session, *, submission_id: int, version: int, reason: str, actor: Actor, now: dt.datetime
) -> Submission:
    """Let the author hand in again after a wrong verdict: points of it are reversed, a feature is taken down.

    The review stays as it was; the next attempt is judged and earns anew. The author is told by mail, once.
    """
    if not reason.strip():
        raise Invalid(N_("Say why; the author and the audit log read it."), field="reason")
    submission = locks.lock(session, Submission, submission_id)
    if submission.version != version:
        raise Stale(N_("This work changed while you were looking at it. Look again, then decide."))
    if submission.state != "accepted":
        raise Conflict(N_("Only accepted work can be reopened."))
    services_verdict.take_back(session, submission, reason=reason, actor=actor, now=now)
    if submission.featured:
        services_verdict.out_of_showcase(session, submission_id, now)
    ended = services_appeals.lapse(session, submission_id=submission_id, now=now, told=True)
    facts = services_verdict.facts_of(session, submission)
    attempt_id = facts.attempt_id
    counting = services_verdict.counting(session, attempt_id)
    services_verdict.write_line(
        session,
        submission,
        attempt_id,
        review_id=None,
        kind="reopen",
        before=(counting.verdict if counting else "", submission.score),
        after=("", None),
        reason=reason.strip(),
        actor=actor,
        name=actor.name,
        now=now,
    )
    store.record(
        session,
        actor=actor,
        action="submission.reopen",
        target=f"submission:{submission_id}",
        now=now,
        summary=reason,
        details={"score": submission.score, "featured": submission.featured},
    )
    for reader, key in queries_teams.readers(session, submission, facts):
        notices.letter(
            session,
            member=reader.id,
            template="work_reopened",
            context={
                "name": reader.shown_name,
                "title": facts.title,
                "assignment_id": facts.assignment_id,
                "featured": submission.featured,
                "appeal": ended is not None,
                "reason": reason.strip(),
            },
            key=f"reopened:{submission_id}:{submission.version}{key}",
            now=now,
        )
    submission.state = "returned"
    submission.featured = False
    submission.score = None
    submission.version += 1
    return submission
