"""Verdicts that come out together: held until somebody presses release or a day comes, then put in force in batches.

A release is one decision (``released_at``) and then any number of batches. Each work comes out in one transaction with
its points, its mail and its place in the showcase, under its lock, and the row that held it goes: what was killed in
the middle is gone on with by the sweep, and nothing comes out twice.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Conflict, Forbidden, Invalid, locks, render_markdown, store

from . import services_verdict
from .models import Assignment, Review, ReviewScore, Submission
from .models_judging import HeldVerdict
from .models_remarks import Remark
from .services_settle import Judgement, bring_out, write_scores

BATCH = 20
"""How many works come out in one transaction."""


def release(session: Session, *, assignment_id: int, actor: Actor, now: dt.datetime) -> Assignment:
    """Decide that the held verdicts of an assignment come out; later ones come out at once.

    Raises:
        Forbidden: for whoever is no instructor.
        Conflict: when there is nothing to release: it was done, or verdicts come out at once.
    """
    if not actor.has("instructor"):
        raise Forbidden(N_("This is the instructors' desk."), how=N_("An admin can make you an instructor."))
    assignment = locks.lock(session, Assignment, assignment_id)
    if assignment.release != "together":
        raise Conflict(N_("The verdicts of this homework come out at once; nothing is held."))
    if assignment.released_at is not None:
        raise Conflict(N_("These verdicts are released already."))
    assignment.released_at = now
    store.record(
        session,
        actor=actor,
        action="assignment.release",
        target=f"assignment:{assignment_id}",
        now=now,
        summary=assignment.title,
        details={"release_at": str(assignment.release_at or "")},
    )
    session.flush()
    return assignment


def bring_out_some(session: Session, *, assignment_id: int, now: dt.datetime, limit: int = BATCH) -> int:
    """Put up to *limit* held verdicts of a released assignment in force; how many are out now. 0: none is left."""
    released = select(Assignment.released_at).where(Assignment.id == assignment_id)
    if session.scalar(released) is None:
        return 0
    held = (
        select(Submission.id)
        .where(Submission.assignment_id == assignment_id, Submission.state == "held")
        .order_by(Submission.id)
        .limit(limit)
    )
    out = 0
    for submission_id in session.scalars(held).all():
        submission = locks.lock(session, Submission, submission_id)
        # Another batch may have been quicker: what it brought out holds nothing any more.
        row = _held(session, submission_id)
        if submission.state != "held" or row is None:
            continue
        verdict = session.get_one(Review, row.review_id)
        verdict.counts = True
        session.delete(row)
        session.flush()
        bring_out(
            session,
            submission,
            services_verdict.facts_of(session, submission),
            verdict,
            scored=row.scored,
            kind=row.kind,
            reason=row.reason,
            actor=Actor(row.actor, row.actor_name),
            now=now,
        )
        out += 1
    return out


def due(session: Session, *, now: dt.datetime) -> list[int]:
    """Assignments whose day of release has come: one statement."""
    query = select(Assignment.id).where(
        Assignment.release == "together", Assignment.released_at.is_(None), Assignment.release_at <= now
    )
    return list(session.scalars(query.order_by(Assignment.id)))


def unfinished(session: Session) -> list[int]:
    """Released assignments with verdicts that are still held: one statement."""
    query = (
        select(Submission.assignment_id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .where(Submission.state == "held", Assignment.released_at.is_not(None))
    )
    return sorted(session.scalars(query.distinct()))


def revise(
    session: Session, submission: Submission, given: Judgement, *, reviewer: int | None, now: dt.datetime
) -> Review:
    """Whoever gave a held verdict gives another one: nobody has read it yet.

    Raises:
        Conflict: for a verdict of somebody else, or of two together.
    """
    held = _held(session, submission.id)
    row = session.get(Review, held.review_id) if held else None
    if held is None or row is None or row.reviewer_id is None or row.reviewer_id != reviewer:
        raise Conflict(
            N_("This verdict is held until the release; only whoever gave it can change it."),
            how=N_("An admin can correct it after the release."),
        )
    if submission.sampled:
        raise Conflict(
            N_("More than one instructor has judged this work, so its verdict stands until the release."),
            how=N_("An admin can correct it after the release."),
        )
    row.verdict, row.score, row.comment_md = given.verdict, given.score or 0, given.comment_md
    row.comment_html = render_markdown(given.comment_md) if given.comment_md else ""
    held.scored, held.decided_at = given.score is not None, now
    # The form brings its remarks again; recordings that were sent stay.
    session.execute(delete(Remark).where(Remark.review_id == row.id))
    session.execute(delete(ReviewScore).where(ReviewScore.review_id == row.id))
    write_scores(session, row.id, given)
    submission.version += 1
    session.flush()
    return row


def check_release(assignment: Assignment, release: str, holds: bool) -> None:
    """Refuse a change of when verdicts come out that would leave held ones behind.

    Raises:
        Invalid: naming the field.
    """
    if release not in ("at_once", "together"):
        raise Invalid(N_("Choose when verdicts come out."), field="release")
    if release == "at_once" and assignment.release == "together" and holds:
        raise Invalid(N_("Verdicts are held at present. Release them first."), field="release")


def holds(session: Session, assignment_id: int) -> bool:
    """Whether verdicts of an assignment are held: one statement."""
    query = select(Submission.id).where(Submission.assignment_id == assignment_id, Submission.state == "held")
    return session.scalar(query.limit(1)) is not None


def _held(session: Session, submission_id: int) -> HeldVerdict | None:
    query = select(HeldVerdict).where(HeldVerdict.submission_id == submission_id)
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()
