"""Remarks as pages show them, with the work that they stand in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from qunclub.kernel import reads

from . import queries_second, rules_remarks
from .models import Review
from .models_remarks import Remark


@dataclass(frozen=True, slots=True)
class RemarkView:
    """A remark of a saved review."""

    id: int
    position: int
    kind: str
    start: int | None
    end: int | None
    quote: str
    file_id: int | None
    x: int | None
    y: int | None
    body_html: str
    body_md: str = ""

    @property
    def mark(self) -> rules_remarks.Mark | None:
        """Its mark in the text, if it is about words."""
        if self.start is None or self.end is None:
            return None
        return rules_remarks.Mark(self.start, self.end, str(self.id), self.position)


def _columns() -> Select[*tuple[Any, ...]]:
    columns: list[Any] = [
        Remark.attempt_id,
        Remark.id,
        Remark.position,
        Remark.kind,
        Remark.start,
        Remark.end,
        Remark.quote,
        Remark.file_id,
        Remark.x,
        Remark.y,
        Remark.body_html,
        Remark.body_md,
    ]
    return select(*columns).order_by(Remark.review_id, Remark.position)


@cache
def _remarks() -> Select[*tuple[Any, ...]]:
    return (
        _columns()
        .join(Review, Review.id == Remark.review_id)
        .where(Review.submission_id == bindparam("submission"), queries_second.out())
    )


def of_submission(session: Session, submission_id: int) -> Mapping[int, Sequence[RemarkView]]:
    """The remarks of all reviews of a submission that are out, by attempt: one statement.

    A corrected verdict keeps the remarks of the review before it: they are about the work, which has not changed.
    """
    found: dict[int, list[RemarkView]] = defaultdict(list)
    for attempt_id, *rest in reads.rows(session, _remarks(), submission=submission_id):
        found[attempt_id].append(RemarkView(*rest))
    return found


def of_reviews(session: Session, attempt_id: int, review_ids: list[int] | None) -> list[RemarkView]:
    """The remarks of some reviews of an attempt, or of all: one statement. Who may read them is the caller's care."""
    query = _columns().where(Remark.attempt_id == attempt_id)
    if review_ids is not None:
        query = query.where(Remark.review_id.in_(review_ids))
    return [RemarkView(*row[1:]) for row in session.execute(query)]


def marked(html: str, remarks: Sequence[RemarkView]) -> str:
    """The text of an attempt with its passages marked."""
    return rules_remarks.highlight(html, [one.mark for one in remarks if one.mark is not None])
