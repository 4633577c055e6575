"""What an admin does about a wrong verdict or score when nobody has to hand in again: writes the right one."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.kernel import N_, Actor, Conflict, Invalid, Stale, locks, store

from . import queries_teams, rules_fair, services_appeals, services_settle, services_verdict
from .models import Review, Submission


def correct(
    session: Session,
    *,
    submission_id: int,
    version: int,
    verdict: str,
    score: int,
    reason: str,
    actor: Actor,
    now: dt.datetime,
) -> Review:
    """Put another verdict and score in force; the earlier judgement stays readable, its points are reversed.

    An open appeal ends, because there is another judgement now; its token goes back.

    Args:
        version: the submission's version when the admin began to read.
        score: percent, before anything that being late takes off.

    Raises:
        Stale: when the work changed meanwhile.
        Conflict: when it waits for a review.
        Invalid: naming the field: no reason, no such verdict or score, or nothing that changes.
    """
    if not reason.strip():
        raise Invalid(N_("Say why; the author and the audit log read it."), field="reason")
    if verdict not in rules_fair.RANK:
        raise Invalid(N_("Choose a verdict."), field="verdict")
    if not 0 <= score <= 100:
        raise Invalid(N_("A score lies between 0 and 100."), field="score")
    submission = locks.lock(session, Submission, submission_id)
    if submission.version != version:
        raise Stale(N_("This work changed while you were looking at it. Look again, then decide."))
    if submission.state == "waiting":
        raise Conflict(N_("This work waits for its review; there is no verdict to correct."))
    facts = services_verdict.facts_of(session, submission)
    before = services_verdict.counting(session, facts.attempt_id)
    if before is None:
        raise Conflict(N_("This work waits for its review; there is no verdict to correct."))
    reopened = not rules_fair.in_force(submission.state, before.verdict)
    was = ("", None) if reopened else (before.verdict, before.score)
    if was == (verdict, score):
        raise Invalid(N_("This is the verdict and score in force already."), field="score")
    row = services_settle.write(
        session,
        submission.id,
        facts.attempt_id,
        services_settle.Judgement(verdict, score, {}, reason.strip()),
        reviewer=actor.member_id,
        name=actor.name,
        now=now,
        n=services_verdict.next_n(session, facts.attempt_id),
        stage="correction",
        counts=False,
    )
    services_verdict.put_in_force(
        session,
        submission,
        facts,
        row,
        scored=True,
        kind="correction",
        reason=reason.strip(),
        actor=actor,
        now=now,
        instead_of=before,
    )
    ended = services_appeals.lapse(session, submission_id=submission_id, now=now, told=True)
    store.record(
        session,
        actor=actor,
        action="submission.correct",
        target=f"submission:{submission_id}",
        now=now,
        summary=reason.strip(),
        details={"before": list(was), "after": [verdict, score]},
    )
    for reader, key in queries_teams.readers(session, submission, facts):
        notices.letter(
            session,
            member=reader.id,
            template="verdict_corrected",
            context={
                "name": reader.shown_name,
                "title": facts.title,
                "assignment_id": facts.assignment_id,
                "verdict": verdict,
                "score": score,
                "reason": reason.strip(),
                "appeal": ended is not None,
            },
            key=f"review:{row.id}{key}",
            now=now,
        )
    return row
