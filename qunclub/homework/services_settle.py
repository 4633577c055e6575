"""A judgement as a row, and its way into force: with its points, its line of history, the mail to the author."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.kernel import Actor, render_markdown, signals

from . import queries_teams, services_verdict
from .models import Review, ReviewScore, Submission
from .models_judging import HeldVerdict
from .rules_levels import LevelSpec


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with what it rests on."""

    verdict: str
    score: int | None
    scores: Mapping[int, int]
    comment_md: str
    levels: Mapping[int, LevelSpec] = field(default_factory=dict)
    """The levels that the scores name, by criterion."""


def settle(
    session: Session,
    submission: Submission,
    facts: Any,
    row: Review,
    *,
    scored: bool,
    kind: str,
    actor: Actor,
    now: dt.datetime,
    reason: str = "",
) -> None:
    """Make *row* the first verdict of its attempt: at once, or held until the assignment's verdicts are released."""
    if facts.release == "together" and facts.released_at is None and not actor.key.startswith("system:"):
        _hold(session, submission, row, scored=scored, kind=kind, reason=reason, actor=actor, now=now)
        return
    bring_out(session, submission, facts, row, scored=scored, kind=kind, reason=reason, actor=actor, now=now)


def _hold(
    session: Session,
    submission: Submission,
    row: Review,
    *,
    scored: bool,
    kind: str,
    reason: str,
    actor: Actor,
    now: dt.datetime,
) -> None:
    row.counts = False
    submission.state, submission.stage = "held", "first"
    submission.claimed_by = submission.claimed_until = None
    submission.version += 1
    session.add(
        HeldVerdict(
            submission_id=submission.id,
            review_id=row.id,
            scored=scored,
            kind=kind,
            reason=reason,
            actor=actor.key,
            actor_name=actor.name,
            decided_at=now,
        )
    )
    session.flush()


def bring_out(
    session: Session,
    submission: Submission,
    facts: Any,
    row: Review,
    *,
    scored: bool,
    kind: str,
    actor: Actor,
    now: dt.datetime,
    reason: str = "",
) -> None:
    """Put *row* in force as the first verdict of its attempt and tell its author; see ``put_in_force``."""
    services_verdict.put_in_force(
        session, submission, facts, row, scored=scored, kind=kind, reason=reason, actor=actor, now=now
    )
    for reader, key in queries_teams.readers(session, submission, facts):
        _tell_author(session, submission, facts, row, reader, key, now)
    signals.after_commit(
        session,
        signals.submission_reviewed,
        submission_id=submission.id,
        review_id=row.id,
        member_id=submission.member_id,
        verdict=row.verdict,
        score=submission.score or 0,
    )


def write(
    session: Session,
    submission_id: int,
    attempt_id: int,
    judged: Judgement,
    *,
    reviewer: int | None,
    name: str,
    now: dt.datetime,
    n: int = 1,
    stage: str = "first",
    counts: bool = True,
) -> Review:
    """A judgement as a row with its scores; the *n*-th of its attempt."""
    row = Review(
        submission_id=submission_id,
        attempt_id=attempt_id,
        reviewer_id=reviewer,
        reviewer_name=name,
        verdict=judged.verdict,
        score=judged.score or 0,
        comment_md=judged.comment_md,
        comment_html=render_markdown(judged.comment_md) if judged.comment_md else "",
        created_at=now,
        n=n,
        stage=stage,
        counts=counts,
    )
    session.add(row)
    session.flush()
    write_scores(session, row.id, judged)
    return row


def write_scores(session: Session, review_id: int, judged: Judgement) -> None:
    """What a judgement gave on each scale, with the words of its levels as they are now."""
    if not judged.scores:
        return
    rows = []
    for criterion_id, given in judged.scores.items():
        level = judged.levels.get(criterion_id)
        rows.append(
            {
                "review_id": review_id,
                "criterion_id": criterion_id,
                "points": given,
                "level": level.title if level else "",
                "level_text": level.description if level else "",
            }
        )
    session.execute(insert(ReviewScore), rows)


def _tell_author(
    session: Session,
    submission: Submission,
    facts: Any,
    row: Review,
    reader: Any,
    key: str,
    now: dt.datetime,
) -> None:
    notices.letter(
        session,
        member=reader.id,
        template="review_done",
        context={
            "name": reader.shown_name,
            "title": facts.title,
            "assignment_id": facts.assignment_id,
            "verdict": row.verdict,
            "score": submission.score or 0,
            "scored": submission.score is not None,
            "reviewer": row.reviewer_name,
        },
        key=f"review:{row.id}{key}",
        now=now,
    )
