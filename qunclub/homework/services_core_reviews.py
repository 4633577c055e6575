"""What a core member's review earns: once for a review that counts, taken back when it no longer does.

A sweep gives it some moments later and not the verdict itself: reviewing stays as quick as it was, and only the sweep
needs to ask who sits in the core, of seasons, which stand above.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import String, cast, literal, select
from sqlalchemy.orm import Session, aliased

from qunclub import points
from qunclub.kernel import Actor
from qunclub.kernel.ports import SeasonBook
from qunclub.points.models import LedgerEntry

from .models import Assignment, Review, Submission
from .models_fair import VerdictChange

KIND = "review_by_core"
LOOKED_BACK = dt.timedelta(days=7)
"""How long after a verdict the sweep still sees it: as long as the worker may stand still."""
SWEEPER = Actor.system("core-reviews")
NO_LONGER = "The review no longer counts."


def source(review_id: int) -> str:
    """The ledger's source of what a review earns its writer."""
    return f"review:{review_id}"


def give(session: Session, *, seasons: SeasonBook, now: dt.datetime) -> int:
    """Award every review of the last days that counts and whose writer sat in the core; returns how many.

    They sat there when they wrote it and sit there now. Reviews that came to count before the kind was switched on
    earn nothing. From whom it comes is the author of the work.
    """
    on = points.active_since(session, KIND)
    if on is None:
        return 0
    line = aliased(LedgerEntry)
    rows = session.execute(
        select(
            Review.id,
            Review.reviewer_id,
            Review.created_at,
            Submission.member_id,
            Assignment.course_id,
            Assignment.title,
            VerdictChange.at,
        )
        .select_from(VerdictChange)
        .join(Review, (Review.id == VerdictChange.review_id) & Review.counts)
        .join(Submission, Submission.id == Review.submission_id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .outerjoin(line, line.source == literal("review:") + cast(Review.id, String))
        .where(
            VerdictChange.at >= max(on, now - LOOKED_BACK),
            Review.reviewer_id.is_not(None),
            line.id.is_(None),
        )
        .order_by(VerdictChange.id)
    ).all()
    since = {one: seasons.core_since(session, one) for one in sorted({row.reviewer_id for row in rows})}
    awards = []
    for row in rows:
        sat = since[row.reviewer_id]
        if sat is not None and sat <= row.created_at:
            awards.append(
                points.Award(
                    row.reviewer_id,
                    KIND,
                    source(row.id),
                    reason=row.title,
                    occurred_at=row.at,
                    from_member_id=row.member_id,
                    scope=points.course_scope(row.course_id),
                )
            )
    return len(points.award_many(session, awards, now=now, actor=SWEEPER))


def take_back(session: Session, *, now: dt.datetime) -> int:
    """Reverse what reviews have earned that no longer count; returns how many."""
    back = aliased(LedgerEntry)
    found = session.scalars(
        select(LedgerEntry.id)
        .distinct()
        .select_from(VerdictChange)
        .join(Review, (Review.submission_id == VerdictChange.submission_id) & Review.counts.is_(False))
        .join(LedgerEntry, LedgerEntry.source == literal("review:") + cast(Review.id, String))
        .outerjoin(back, back.reverses_id == LedgerEntry.id)
        .where(VerdictChange.at >= now - LOOKED_BACK, back.id.is_(None))
        .order_by(LedgerEntry.id)
    ).all()
    for entry_id in found:
        points.reverse(session, entry_id=entry_id, reason=NO_LONGER, actor=SWEEPER, now=now)
    return len(found)
