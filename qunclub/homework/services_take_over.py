"""An instructor takes what is meant for another one, and says so."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from qunclub.kernel import Actor, locks, store

from . import services_allocation, services_review
from .models import Submission


def take_over(
    session: Session, *, submission_id: int, actor: Actor, lease: dt.timedelta, now: dt.datetime
) -> Submission:
    """Claim a work that is kept for somebody else; it is meant for whoever took it from now on, and recorded.

    Raises:
        Forbidden: for one's own work, and for whoever is no instructor.
        Conflict: when somebody holds it, it waits no more, or one has judged it.
    """
    reviewer = services_review.reviewer_of(actor)
    submission = locks.lock(session, Submission, submission_id)
    was = submission.allocated_to
    services_allocation.give(submission, reviewer, now)
    session.flush()
    services_review.claim(session, submission_id=submission_id, actor=actor, lease=lease, now=now)
    if was is not None and was != reviewer:
        store.record(
            session,
            actor=actor,
            action="submission.take_over",
            target=f"submission:{submission_id}",
            now=now,
            details={"from": was, "to": reviewer},
        )
    return submission
