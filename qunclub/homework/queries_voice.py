"""Recordings as pages play them, and who may hear which."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from qunclub.kernel import NotFound, reads

from . import queries_second, queries_teams
from .models import Review, Submission
from .models_voice import SpokenComment


@cache
def _sent() -> Select[*tuple[Any, ...]]:
    return (
        select(SpokenComment.review_id, SpokenComment.id)
        .where(SpokenComment.submission_id == bindparam("submission"), SpokenComment.review_id.is_not(None))
        .order_by(SpokenComment.id)
    )


def of_submission(session: Session, submission_id: int) -> Mapping[int, Sequence[int]]:
    """The recordings of every review of a submission, by review: one statement."""
    found: dict[int, list[int]] = defaultdict(list)
    for review_id, ident in reads.rows(session, _sent(), submission=submission_id):
        found[review_id].append(ident)
    return found


def drafts(session: Session, submission_id: int, *, reviewer_id: int) -> list[int]:
    """A reviewer's recordings that were not sent yet: one statement."""
    query = select(SpokenComment.id).where(
        SpokenComment.submission_id == submission_id,
        SpokenComment.reviewer_id == reviewer_id,
        SpokenComment.review_id.is_(None),
    )
    return list(session.scalars(query.order_by(SpokenComment.id)))


def heard_by(session: Session, voice_id: int, *, member_id: int, instructor: bool) -> SpokenComment:
    """A recording for whoever may hear it: its reviewer; the author and instructors once the verdict is out.

    Before that the one who decides as the third hears those of the first two, and the team those of a held verdict.

    Raises:
        NotFound: to everybody else there is none.
    """
    row = session.execute(
        select(
            SpokenComment,
            queries_teams.is_of(member_id),
            Submission.state,
            Submission.stage,
            queries_second.out(),
        )
        .join(Submission, Submission.id == SpokenComment.submission_id)
        .outerjoin(Review, Review.id == SpokenComment.review_id)
        .where(SpokenComment.id == voice_id)
    ).one_or_none()
    if row is None:
        raise NotFound()
    voice, author, state, stage, out = row
    theirs = voice.reviewer_id == member_id
    in_the_team = voice.review_id is not None and (state == "held" or stage == "third") and not author
    if not (out and (instructor or author)) and not (instructor and (theirs or in_the_team)):
        raise NotFound()
    found: SpokenComment = voice
    return found
