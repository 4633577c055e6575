"""Forgetting what somebody asked, answered and finished, at their own wish: words and names go, points stay."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from .models import Answer, Certificate, Progress, Question

GONE = "—"


def forget(session: Session, *, member_id: int, now: dt.datetime) -> None:
    """Take a member's questions, answers and certificates away.

    A question that others answered keeps its place without a word; the answers of others stay theirs.
    """
    asked = select(Question.id).where(Question.member_id == member_id)
    session.execute(
        update(Question)
        .where(Question.member_id == member_id)
        .values(
            scene="",
            detail_md="",
            detail_html="",
            ask=GONE,
            hidden_at=func.coalesce(Question.hidden_at, now),
            hidden_reason="",
            version=Question.version + 1,
        )
        .execution_options(synchronize_session=False)
    )
    touched = list(session.scalars(select(Answer.question_id).where(Answer.member_id == member_id)))
    session.execute(
        update(Answer)
        .where(Answer.member_id == member_id)
        .values(body_md="", body_html="", hidden_at=func.coalesce(Answer.hidden_at, now), hidden_reason="")
        .execution_options(synchronize_session=False)
    )
    shown = (
        select(func.count())
        .where(Answer.question_id == Question.id, Answer.hidden_at.is_(None))
        .scalar_subquery()
    )
    session.execute(
        update(Question)
        .where(Question.id.in_(touched) | Question.id.in_(asked))
        .values(answers=shown)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        update(Progress)
        .where(Progress.member_id == member_id)
        .values(text_at=0, media_at=0, seen_at=None)
        .execution_options(synchronize_session=False)
    )
    session.execute(delete(Certificate).where(Certificate.member_id == member_id))
