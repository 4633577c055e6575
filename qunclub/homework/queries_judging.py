"""What the desk shows of judgements that are not out: what two said, for the third; a held verdict, for the team."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from . import queries_attempts, queries_remarks, queries_second
from .models import Review
from .models_judging import HeldVerdict
from .queries_attempts import ReviewView
from .queries_remarks import RemarkView


@dataclass(frozen=True, slots=True)
class Unread:
    """Judgements of the present attempt that its author has not read.

    Attributes:
        seen: whether whoever looks has judged it themselves; they leave the next judgement to others.
        opinions: what the first two said, for whoever decides as the third.
        held: the verdict that waits for its release.
        revising: whether it is theirs to change.
        judges_left: how many could still judge it.
        remarks: those of the opinions and of the held verdict.
    """

    seen: bool = False
    opinions: Sequence[ReviewView] = ()
    held: ReviewView | None = None
    revising: bool = False
    judges_left: int = 1
    remarks: Sequence[RemarkView] = ()


NOTHING = Unread()


def unread(session: Session, row: Any, attempt_id: int, *, viewer: int) -> Unread:
    """What *viewer* may read of a desk row's unread judgements: no statement for most works, six at the most."""
    if row.stage == "first" and row.state != "held":
        return NOTHING
    own: bool = row.own
    if row.state == "held":
        found = session.scalars(
            select(Review)
            .join(HeldVerdict, HeldVerdict.review_id == Review.id)
            .where(HeldVerdict.submission_id == row.id)
        ).one_or_none()
        if own or found is None:
            return NOTHING
        said = queries_remarks.of_reviews(
            session, attempt_id, [found.id] if found.stage != "agreed" else None
        )
        return Unread(
            held=queries_attempts.views(session, [found])[0],
            revising=found.reviewer_id == viewer and not row.sampled,
            remarks=said,
        )
    left = queries_second.left(session, row.id)
    seen = queries_second.seen(session, attempt_id, viewer)
    if own or seen or row.stage != "third":
        return Unread(seen=seen, judges_left=left)
    given = queries_second.pending(session, attempt_id)
    return Unread(
        opinions=queries_attempts.views(session, given),
        judges_left=left,
        remarks=queries_remarks.of_reviews(session, attempt_id, [one.id for one in given]),
    )
