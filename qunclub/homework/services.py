"""What a member does with homework: hands it in, hands it in again, lets it be shown or not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import bindparam, insert, select
from sqlalchemy.orm import Session

from qunclub.kernel import (
    N_,
    Access,
    Actor,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    locks,
    render_markdown,
    signals,
)

from . import rules
from .models import Assignment, Attempt, ShowcaseEntry, Submission, SubmissionFile
from .rules import StoredFile

# Built once: a replay of many years of homework sends these a hundred thousand times.
_ASSIGNMENT = select(Assignment.state, Assignment.opens_at, Assignment.due_at, Assignment.max_attempts).where(
    Assignment.id == bindparam("assignment_id")
)
_SUBMISSION = (
    select(Submission)
    .where(
        Submission.assignment_id == bindparam("assignment_id"),
        Submission.member_id == bindparam("member_id"),
    )
    .with_for_update()
    .execution_options(populate_existing=True)
)
_NEW_ATTEMPT = insert(Attempt).returning(Attempt.id)


def submit(
    session: Session,
    *,
    assignment_id: int,
    member_id: int,
    body_md: str,
    files: Sequence[StoredFile],
    access: Access,
    now: dt.datetime,
    actor: Actor,
    carried_over: bool = False,
) -> Submission:
    """Hand in work: the first attempt, or the next one after a return.

    Two first attempts at once meet the unique index, and the loser runs again (``web.transact``) to be told that the
    work already waits.

    Args:
        files: checked files whose bytes are already stored.
        carried_over: recorded and reviewed, but earns nothing.

    Raises:
        Forbidden: when the course is not open to the member.
        Conflict: when nothing can be handed in now.
        Invalid: when there is nothing in it.
    """
    assignment = session.execute(_ASSIGNMENT, {"assignment_id": assignment_id}).one_or_none()
    if assignment is None or (assignment.state != "published" and not actor.has("instructor")):
        raise NotFound()
    if not access.allowed:
        raise Forbidden(
            N_("This homework belongs to a course you have not opened."),
            how=N_("A pass opens the course and its homework."),
        )
    _check_body(body_md, files, actor)
    mine = {"assignment_id": assignment_id, "member_id": member_id}
    submission = session.scalars(_SUBMISSION, mine).one_or_none()
    refused = rules.refuse_submit(
        state=submission.state if submission else None,
        attempt=submission.attempt if submission else 0,
        max_attempts=assignment.max_attempts,
        opens_at=assignment.opens_at,
        now=now,
    )
    if refused is not None:
        raise refused
    timely = rules.on_time(assignment.due_at, now)
    if submission is None:
        submission = Submission(
            assignment_id=assignment_id,
            member_id=member_id,
            state="waiting",
            featured=False,
            carried_over=carried_over,
            attempt=1,
            submitted_at=now,
            version=1,
        )
        session.add(submission)
    else:
        timely = timely or _first_was_on_time(session, submission.id)
        submission.state = "waiting"
        submission.attempt += 1
        submission.version += 1
        submission.submitted_at = now
        submission.score = None
        submission.claimed_by = submission.claimed_until = None
    session.flush()
    attempt_id = session.execute(
        _NEW_ATTEMPT,
        {
            "submission_id": submission.id,
            "n": submission.attempt,
            "body_md": body_md,
            "body_html": render_markdown(body_md) if body_md else "",
            "submitted_at": now,
            "on_time": timely,
        },
    ).scalar_one()
    if files:
        session.execute(
            insert(SubmissionFile),
            [
                {
                    "attempt_id": attempt_id,
                    "name": one.name,
                    "content_type": one.content_type,
                    "size": one.size,
                    "sha256": one.sha256,
                    "storage_key": one.storage_key,
                    "created_at": now,
                }
                for one in files
            ],
        )
    signals.after_commit(
        session,
        signals.submission_received,
        submission_id=submission.id,
        assignment_id=assignment_id,
        member_id=member_id,
        attempt=submission.attempt,
    )
    return submission


def consent(session: Session, *, submission_id: int, member_id: int, now: dt.datetime) -> ShowcaseEntry:
    """The author lets featured work be shown to everybody."""
    entry = _own_entry(session, submission_id, member_id)
    if entry.consented_at is None:
        entry.consented_at = now
        entry.revoked_at = None
    return entry


def withdraw(session: Session, *, submission_id: int, member_id: int, now: dt.datetime) -> ShowcaseEntry:
    """The author takes the consent back: the work is out of sight with this commit."""
    entry = _own_entry(session, submission_id, member_id)
    if entry.consented_at is not None:
        entry.consented_at = None
        entry.revoked_at = now
    return entry


def _own_entry(session: Session, submission_id: int, member_id: int) -> ShowcaseEntry:
    submission = locks.lock(session, Submission, submission_id)
    if submission.member_id != member_id:
        # Whose work it is, is nobody else's business: not even that it exists.
        raise NotFound()
    entry = session.scalar(select(ShowcaseEntry).where(ShowcaseEntry.submission_id == submission_id))
    if entry is None or not submission.featured:
        raise Conflict(N_("Only featured work is shown in the showcase."))
    return entry


def _first_was_on_time(session: Session, submission_id: int) -> bool:
    # Whoever handed in on time and was asked to revise keeps being on time: a revision is not a delay.
    first = select(Attempt.on_time).where(Attempt.submission_id == submission_id, Attempt.n == 1)
    return bool(session.scalar(first))


def _check_body(body_md: str, files: Sequence[StoredFile], actor: Actor) -> None:
    if len(body_md) > rules.MAX_BODY:
        raise Invalid(
            N_("Your text is longer than %(limit)s characters."), field="body_md", limit=rules.MAX_BODY
        )
    # Records carried in from elsewhere may have no text of their own.
    if not body_md.strip() and not files and not actor.key.startswith("system:"):
        raise Invalid(N_("Write something, or add a file."), field="body_md")
