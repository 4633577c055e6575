"""Recordings of a review: kept as a draft, sent with the review in its transaction, thrown away with their bytes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Forbidden, Invalid, NotFound, locks, outbox
from qunclub.kernel.uploads import StoredFile

from . import queries_teams, voice_files
from .models import Review, Submission
from .models_voice import SpokenComment
from .services_desk import reviewer_of


def keep(
    session: Session, *, submission_id: int, file: StoredFile, actor: Actor, now: dt.datetime
) -> SpokenComment:
    """Keep a recording whose bytes are stored already; it needs no claim, so that a lost one loses none.

    Raises:
        Invalid: on ``voice``, when there are enough already.
    """
    reviewer = reviewer_of(actor)
    # Locked: two windows that send at once are counted one after the other.
    submission = locks.lock(session, Submission, submission_id)
    if queries_teams.is_author(session, submission, reviewer):
        raise Forbidden(N_("This is your own work."), how=N_("Another instructor reviews it."))
    mine = _drafts(submission_id, reviewer)
    count = session.scalar(select(func.count()).select_from(SpokenComment).where(*mine)) or 0
    if count >= voice_files.MAX_RECORDINGS:
        raise Invalid(
            N_("A review has at most %(most)s recordings; throw one away first."),
            field="voice",
            most=voice_files.MAX_RECORDINGS,
        )
    row = SpokenComment(
        submission_id=submission_id,
        reviewer_id=reviewer,
        content_type=file.content_type,
        size=file.size,
        sha256=file.sha256,
        storage_key=file.storage_key,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row


def send(session: Session, *, review: Review, ids: Collection[int], actor: Actor) -> None:
    """The recordings that the form showed go with the review; others of the reviewer stay drafts."""
    if ids:
        session.execute(
            update(SpokenComment)
            .where(*_drafts(review.submission_id, reviewer_of(actor)), SpokenComment.id.in_(ids))
            .values(review_id=review.id)
        )


def throw_away(session: Session, *, voice_id: int, actor: Actor, now: dt.datetime) -> None:
    """Delete one's own recording that was not sent; its bytes go after the commit.

    Raises:
        NotFound: when there is none.
    """
    row = session.get(SpokenComment, voice_id)
    if row is None or row.reviewer_id != reviewer_of(actor) or row.review_id is not None:
        raise NotFound()
    key = row.storage_key
    session.delete(row)
    outbox.put(session, kind="file_delete", key=f"file:{key}", payload={"storage_key": key}, now=now)


def forget(session: Session, *, member_id: int) -> list[str]:
    """What was said of a member's works goes, and what they recorded and never sent; the keys of the bytes."""
    works = select(Submission.id).where(Submission.member_id == member_id)
    gone = SpokenComment.submission_id.in_(works) | (
        (SpokenComment.reviewer_id == member_id) & SpokenComment.review_id.is_(None)
    )
    keys = list(session.scalars(select(SpokenComment.storage_key).where(gone)))
    session.execute(delete(SpokenComment).where(gone).execution_options(synchronize_session=False))
    return keys


def _drafts(submission_id: int, reviewer: int) -> tuple[ColumnElement[bool], ...]:
    return (
        SpokenComment.submission_id == submission_id,
        SpokenComment.reviewer_id == reviewer,
        SpokenComment.review_id.is_(None),
    )
