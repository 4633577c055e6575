"""The attempts of a submission with what was said of them, as authors and reviewers read them."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from qunclub.kernel import reads

from . import queries_voice
from .models import Attempt, Review, ReviewScore, SubmissionFile
from .queries_remarks import RemarkView, marked, of_submission
from .uploads import PICTURES


@dataclass(frozen=True, slots=True)
class FileView:
    """A file of an attempt."""

    id: int
    name: str
    content_type: str
    size: int

    @property
    def is_picture(self) -> bool:
        """Whether it may be shown in a page: one of ours, decoded and written anew."""
        return self.content_type in PICTURES


@dataclass(frozen=True, slots=True)
class ReviewView:
    """What an instructor said of an attempt; *points* by criterion."""

    id: int
    verdict: str
    score: int
    comment_html: str
    reviewer_name: str
    created_at: dt.datetime
    points: tuple[tuple[int, int], ...] = ()
    levels: tuple[tuple[int, tuple[str, str]], ...] = ()
    """The words of the levels, (name, description) by criterion, as they were when it was judged."""

    comment_md: str = ""
    voices: tuple[int, ...] = ()

    @property
    def as_typed(self) -> dict[str, str]:
        """The review as the desk's form has it."""
        given = {f"score-{criterion_id}": str(got) for criterion_id, got in self.points}
        return {"verdict": self.verdict, "comment_md": self.comment_md, **given}


@dataclass(frozen=True, slots=True)
class AttemptView:
    """One attempt with its files and its review."""

    id: int
    n: int
    body_md: str
    body_html: str
    submitted_at: dt.datetime
    on_time: bool
    taken_off: int = 0
    receipt: str = ""
    withdrawn_at: dt.datetime | None = None
    link: str = ""
    files: tuple[FileView, ...] = ()
    review: ReviewView | None = None
    remarks: tuple[RemarkView, ...] = ()

    @property
    def marked_html(self) -> str:
        """The text with the passages marked that remarks are about."""
        return marked(self.body_html, self.remarks)


@cache
def _attempts() -> Select[*tuple[Any, ...]]:
    columns: list[Any] = [
        Attempt.id,
        Attempt.n,
        Attempt.body_md,
        Attempt.body_html,
        Attempt.submitted_at,
        Attempt.on_time,
        Attempt.taken_off,
        Attempt.receipt,
        Attempt.withdrawn_at,
        Attempt.link,
        Review.id.label("review_id"),
        Review.verdict,
        Review.score,
        Review.comment_md,
        Review.comment_html,
        Review.reviewer_name,
        Review.created_at,
    ]
    return (
        select(*columns)
        .outerjoin(Review, (Review.attempt_id == Attempt.id) & Review.counts)
        .where(Attempt.submission_id == bindparam("submission"))
        .order_by(Attempt.n.desc())
    )


@cache
def _files() -> Select[*tuple[Any, ...]]:
    return (
        select(
            SubmissionFile.attempt_id,
            SubmissionFile.id,
            SubmissionFile.name,
            SubmissionFile.content_type,
            SubmissionFile.size,
        )
        .join(Attempt, Attempt.id == SubmissionFile.attempt_id)
        .where(Attempt.submission_id == bindparam("submission"))
        .order_by(SubmissionFile.id)
    )


@cache
def _scores() -> Select[*tuple[Any, ...]]:
    return (
        select(
            ReviewScore.review_id,
            ReviewScore.criterion_id,
            ReviewScore.points,
            ReviewScore.level,
            ReviewScore.level_text,
        )
        .join(Review, Review.id == ReviewScore.review_id)
        .where(Review.submission_id == bindparam("submission"))
    )


def attempts(session: Session, submission_id: int) -> list[AttemptView]:
    """All attempts of a submission, newest first, with files, reviews, remarks and recordings: five statements."""
    voices = queries_voice.of_submission(session, submission_id)
    remarks = of_submission(session, submission_id)
    files: dict[int, list[FileView]] = defaultdict(list)
    for attempt_id, *rest in reads.rows(session, _files(), submission=submission_id):
        files[attempt_id].append(FileView(*rest))
    given: dict[int, list[Any]] = defaultdict(list)
    for one in reads.rows(session, _scores(), submission=submission_id):
        given[one.review_id].append(one)
    return [
        AttemptView(
            id=row.id,
            n=row.n,
            body_md=row.body_md,
            body_html=row.body_html,
            submitted_at=row.submitted_at,
            on_time=row.on_time,
            taken_off=row.taken_off,
            receipt=row.receipt,
            withdrawn_at=row.withdrawn_at,
            link=row.link,
            files=tuple(files[row.id]),
            review=_review(row, given[row.review_id], voices) if row.review_id is not None else None,
            remarks=tuple(remarks.get(row.id, ())),
        )
        for row in reads.rows(session, _attempts(), submission=submission_id)
    ]


def _review(
    row: Any, given: list[Any], voices: Mapping[int, Sequence[int]], ident: int | None = None
) -> ReviewView:
    review_id = ident or row.review_id
    return ReviewView(
        id=review_id,
        verdict=row.verdict,
        score=row.score,
        comment_html=row.comment_html,
        reviewer_name=row.reviewer_name,
        created_at=row.created_at,
        points=tuple((one.criterion_id, one.points) for one in given),
        levels=tuple((one.criterion_id, (one.level, one.level_text)) for one in given if one.level),
        comment_md=row.comment_md,
        voices=tuple(voices.get(review_id, ())),
    )


def views(session: Session, reviews: Sequence[Review]) -> list[ReviewView]:
    """Judgements with their scores and recordings, of one submission: two statements."""
    if not reviews:
        return []
    submission_id = reviews[0].submission_id
    voices = queries_voice.of_submission(session, submission_id)
    given: dict[int, list[Any]] = defaultdict(list)
    for one in reads.rows(session, _scores(), submission=submission_id):
        given[one.review_id].append(one)
    return [_review(row, given[row.id], voices, row.id) for row in reviews]
