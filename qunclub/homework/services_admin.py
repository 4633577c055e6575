"""What an admin does with a submission that got stuck or was judged wrongly."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from qunclub import points
from qunclub.kernel import N_, Actor, Conflict, Invalid, Stale, locks, store
from qunclub.points.models import LedgerEntry

from .models import ShowcaseEntry, Submission
from .services_review import award_source

KINDS = ("accepted", "on_time", "featured")


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

    The review stays as it was; the next attempt is judged and earns anew.
    """
    if not reason.strip():
        raise Invalid(N_("Say why; the author and the audit log read it."), field="reason")
    submission = locks.lock(session, Submission, submission_id)
    if submission.version != version:
        raise Stale(N_("This work changed while you were looking at it. Look again, then decide."))
    if submission.state != "accepted":
        raise Conflict(N_("Only accepted work can be reopened."))
    for entry_id in _live_entries(session, submission):
        points.reverse(session, entry_id=entry_id, reason=reason, actor=actor, now=now)
    if submission.featured:
        entry = session.scalar(select(ShowcaseEntry).where(ShowcaseEntry.submission_id == submission_id))
        if entry is not None and entry.consented_at is not None:
            entry.consented_at, entry.revoked_at = None, now
    store.record(
        session,
        actor=actor,
        action="submission.reopen",
        target=f"submission:{submission_id}",
        now=now,
        summary=reason,
        details={"score": submission.score, "featured": submission.featured},
    )
    submission.state = "returned"
    submission.featured = False
    submission.score = None
    submission.version += 1
    return submission


def _live_entries(session: Session, submission: Submission) -> list[int]:
    sources = [
        award_source(submission.id, what, submission.attempt, again=again)
        for what in KINDS
        for again in (False, True)
    ]
    reversal = aliased(LedgerEntry)
    query = (
        select(LedgerEntry.id)
        .outerjoin(reversal, reversal.reverses_id == LedgerEntry.id)
        .where(LedgerEntry.source.in_(sources), reversal.id.is_(None))
        .order_by(LedgerEntry.id)
    )
    return list(session.scalars(query))
