"""Signatures of works, made when they are handed in; what came before, or by a process, is made up for by the sweep."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from qunclub.kernel import insert_for

from . import rules_similar
from .models import Assignment, Attempt, Submission
from .models_similar import WorkBand
from .rules_remarks import plain_text

BATCH = 200


def signature(body_html: str, brief_html: str) -> list[int]:
    """The bands of a work. What quotes the brief is nobody's own and is left out."""
    return rules_similar.bands(rules_similar.shingles(plain_text(body_html), plain_text(brief_html)))


def keep(session: Session, found: Mapping[int, list[int]]) -> None:
    """Keep the bands of attempts; works that are too short have none.

    Two who sign the same attempt at once write the same.
    """
    rows = [
        {"attempt_id": attempt_id, "band": band, "value": value}
        for attempt_id, values in found.items()
        for band, value in enumerate(values)
    ]
    if rows:
        session.execute(insert_for(session, WorkBand).on_conflict_do_nothing(), rows)


def sign(session: Session, attempt_ids: list[int]) -> int:
    """Make the signatures of these attempts; how many."""
    query = (
        select(Attempt.id, Attempt.body_html, Assignment.brief_html)
        .join(Submission, Submission.id == Attempt.submission_id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .where(Attempt.id.in_(attempt_ids))
    )
    rows = session.execute(query).all()
    keep(session, {ident: signature(body, brief) for ident, body, brief in rows})
    session.execute(
        update(Attempt)
        .where(Attempt.id.in_(attempt_ids))
        .values(signed=rules_similar.SCHEME)
        .execution_options(synchronize_session=False)
    )
    return len(attempt_ids)


def sign_waiting(session: Session, *, limit: int = BATCH) -> int:
    """Make the signatures of the newest attempts that have none; how many were made."""
    query = select(Attempt.id).where(Attempt.signed == 0).order_by(Attempt.id.desc()).limit(limit)
    waiting = list(session.scalars(query))
    return sign(session, waiting) if waiting else 0
