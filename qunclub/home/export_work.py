"""What somebody handed in and what was said of it, and what they wrote at the desk, as their own data."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from qunclub.homework import queries_blind, queries_second
from qunclub.homework.models import (
    Assignment,
    Attempt,
    Criterion,
    Review,
    ReviewScore,
    ShowcaseEntry,
    Submission,
    SubmissionFile,
)
from qunclub.homework.models_allocation import InstructorAway
from qunclub.homework.models_desk import Phrase, ReviewDraft
from qunclub.homework.models_fair import VerdictChange, WorkAppeal
from qunclub.homework.models_remarks import Remark
from qunclub.homework.models_showcase import ShowcaseLike
from qunclub.homework.models_teams import TeamDraft, TeamMember, WorkShare
from qunclub.homework.models_voice import SpokenComment
from qunclub.homework.models_work import Extension, WorkDraft
from qunclub.homework.queries_teams import works_of

from .export_rows import Rows, plain


def _submissions(session: Session, member_id: int) -> Rows:
    query = (
        select(Submission, Assignment.title)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .where(Submission.id.in_(works_of(member_id)))
        .order_by(Submission.id)
    )
    rows = [plain(row, assignment=title) for row, title in session.execute(query)]
    for row in rows:
        # Whether a second instructor judges it is not told before the verdict, and not of whom it was drawn.
        del row["sampled"], row["stage"], row["allocated_to"], row["allocated_at"]
    return rows


def _attempts(session: Session, member_id: int) -> Rows:
    query = (
        select(Attempt)
        .join(Submission, Submission.id == Attempt.submission_id)
        .where(Submission.id.in_(works_of(member_id)))
        .order_by(Attempt.id)
    )
    return [plain(row) for row in session.scalars(query)]


def _work_drafts(session: Session, member_id: int) -> Rows:
    query = select(WorkDraft).where(WorkDraft.member_id == member_id).order_by(WorkDraft.id)
    return [plain(row) for row in session.scalars(query)]


def _extensions(session: Session, member_id: int) -> Rows:
    query = select(Extension).where(Extension.member_id == member_id).order_by(Extension.id)
    return [plain(row) for row in session.scalars(query)]


def _files(session: Session, member_id: int) -> Rows:
    query = (
        select(SubmissionFile)
        .join(Attempt, Attempt.id == SubmissionFile.attempt_id)
        .join(Submission, Submission.id == Attempt.submission_id)
        .where(Submission.id.in_(works_of(member_id)))
        .order_by(SubmissionFile.id)
    )
    return [plain(row) for row in session.scalars(query)]


def _judges_hidden() -> ColumnElement[bool]:
    # As on the page: until the release of a verdict the author does not know who judges.
    return and_(Assignment.blind == "both", queries_blind.unreleased())


def _reviews(session: Session, member_id: int) -> Rows:
    query = (
        select(Review, _judges_hidden())
        .join(Submission, Submission.id == Review.submission_id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .where(Submission.id.in_(works_of(member_id)), queries_second.out())
        .order_by(Review.id)
    )
    return [
        plain(row) | ({"reviewer_id": None, "reviewer_name": ""} if hidden else {})
        for row, hidden in session.execute(query)
    ]


def _scores(session: Session, member_id: int) -> Rows:
    query = (
        select(ReviewScore, Criterion.title)
        .join(Criterion, Criterion.id == ReviewScore.criterion_id)
        .join(Review, Review.id == ReviewScore.review_id)
        .join(Submission, Submission.id == Review.submission_id)
        .where(Submission.id.in_(works_of(member_id)), queries_second.out())
        .order_by(ReviewScore.review_id, Criterion.position)
    )
    return [plain(row, criterion=title) for row, title in session.execute(query)]


def _remarks(session: Session, member_id: int) -> Rows:
    query = (
        select(Remark)
        .join(Review, Review.id == Remark.review_id)
        .join(Submission, Submission.id == Review.submission_id)
        .where(Submission.id.in_(works_of(member_id)), queries_second.out())
        .order_by(Remark.id)
    )
    return [plain(row) for row in session.scalars(query)]


def _recordings(session: Session, member_id: int) -> Rows:
    """What was said to them, and what they said to others."""
    query = (
        select(SpokenComment)
        .join(Submission, Submission.id == SpokenComment.submission_id)
        .outerjoin(Review, Review.id == SpokenComment.review_id)
        .where(
            (SpokenComment.reviewer_id == member_id)
            | (Submission.id.in_(works_of(member_id)) & queries_second.out())
        )
        .order_by(SpokenComment.id)
    )
    return [plain(row) for row in session.scalars(query)]


def _verdicts(session: Session, member_id: int) -> Rows:
    query = (
        select(VerdictChange, _judges_hidden())
        .join(Submission, Submission.id == VerdictChange.submission_id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .where(Submission.id.in_(works_of(member_id)))
        .order_by(VerdictChange.id)
    )
    rows = [plain(row) | ({"actor_name": ""} if hidden else {}) for row, hidden in session.execute(query)]
    for row in rows:
        del row["actor"]  # the judge's own account
    return rows


def _work_appeals(session: Session, member_id: int) -> Rows:
    query = select(WorkAppeal).where(WorkAppeal.member_id == member_id).order_by(WorkAppeal.id)
    return [plain(row) for row in session.scalars(query)]


def _review_drafts(session: Session, member_id: int) -> Rows:
    query = select(ReviewDraft).where(ReviewDraft.reviewer_id == member_id).order_by(ReviewDraft.id)
    return [plain(row) for row in session.scalars(query)]


def _phrases(session: Session, member_id: int) -> Rows:
    query = select(Phrase).where(Phrase.member_id == member_id).order_by(Phrase.id)
    return [plain(row) for row in session.scalars(query)]


def _away(session: Session, member_id: int) -> Rows:
    query = select(InstructorAway).where(InstructorAway.member_id == member_id).order_by(InstructorAway.id)
    return [plain(row) for row in session.scalars(query)]


def _showcase(session: Session, member_id: int) -> Rows:
    query = select(ShowcaseEntry).where(ShowcaseEntry.submission_id.in_(works_of(member_id)))
    return [plain(row) for row in session.scalars(query.order_by(ShowcaseEntry.id))]


def _likes(session: Session, member_id: int) -> Rows:
    query = (
        select(ShowcaseLike, Assignment.title)
        .join(ShowcaseEntry, ShowcaseEntry.id == ShowcaseLike.entry_id)
        .join(Submission, Submission.id == ShowcaseEntry.submission_id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .where(ShowcaseLike.member_id == member_id)
        .order_by(ShowcaseLike.entry_id)
    )
    return [plain(row, work=title) for row, title in session.execute(query)]


def _teams(session: Session, member_id: int) -> Rows:
    query = (
        select(TeamMember, Assignment.title)
        .join(Assignment, Assignment.id == TeamMember.assignment_id)
        .where(TeamMember.member_id == member_id)
        .order_by(TeamMember.id)
    )
    rows = [plain(row, assignment=title) for row, title in session.execute(query)]
    for row in rows:
        del row["invited_by"]  # somebody else's id
    return rows


def _team_drafts(session: Session, member_id: int) -> Rows:
    query = (
        select(TeamDraft)
        .join(TeamMember, TeamMember.team_id == TeamDraft.team_id)
        .where(TeamMember.member_id == member_id, TeamMember.state == "joined")
        .order_by(TeamDraft.team_id)
    )
    return [plain(row) for row in session.scalars(query)]


def _shares(session: Session, member_id: int) -> Rows:
    query = select(WorkShare).where(WorkShare.member_id == member_id).order_by(WorkShare.submission_id)
    return [plain(row) for row in session.scalars(query)]


PARTS: dict[str, Callable[[Session, int], Rows]] = {
    "submissions": _submissions,
    "attempts": _attempts,
    "work_drafts": _work_drafts,
    "extensions": _extensions,
    "files": _files,
    "reviews": _reviews,
    "scores": _scores,
    "remarks": _remarks,
    "recordings": _recordings,
    "verdicts": _verdicts,
    "work_appeals": _work_appeals,
    "review_drafts": _review_drafts,
    "phrases": _phrases,
    "away": _away,
    "showcase": _showcase,
    "likes": _likes,
    "teams": _teams,
    "team_drafts": _team_drafts,
    "team_works": _shares,
}
