"""What a reviewer reads while writing: the drafts and phrases that are theirs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from qunclub.courses.models import Course
from qunclub.members.models import Member

from . import queries_blind, rules_desk
from .models import Assignment, Submission
from .models_desk import Phrase, ReviewDraft

SHOWN = 10
"""How many drafts the desk lists; the newest are the ones that are gone on with."""


def draft_of(session: Session, submission_id: int, *, reviewer_id: int) -> ReviewDraft | None:
    """A reviewer's own draft of a submission's review: one statement."""
    return session.scalar(
        select(ReviewDraft).where(
            ReviewDraft.submission_id == submission_id, ReviewDraft.reviewer_id == reviewer_id
        )
    )


def drafts(session: Session, *, reviewer_id: int) -> list[Row[Any]]:
    """A reviewer's newest drafts with what they are about: one statement."""
    query = (
        select(
            ReviewDraft.submission_id,
            ReviewDraft.saved_at,
            Submission.state,
            Assignment.title.label("assignment"),
            Course.title.label("course"),
            queries_blind.named(reviewer_id)[1],
        )
        .join(Submission, Submission.id == ReviewDraft.submission_id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(Course, Course.id == Assignment.course_id)
        .join(Member, Member.id == Submission.member_id)
        .where(ReviewDraft.reviewer_id == reviewer_id)
        .order_by(ReviewDraft.saved_at.desc(), ReviewDraft.id.desc())
        .limit(SHOWN)
    )
    return list(session.execute(query))


def phrases(session: Session, *, member_id: int) -> list[Phrase]:
    """A reviewer's phrases, the most used first: one statement."""
    query = (
        select(Phrase)
        .where(Phrase.member_id == member_id)
        .order_by(Phrase.used.desc(), Phrase.id)
        .limit(rules_desk.MAX_PHRASES)
    )
    return list(session.scalars(query))
