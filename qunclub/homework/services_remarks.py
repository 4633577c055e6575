"""Remarks are written with their review, in its transaction; each must stand at a place of the judged attempt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Invalid, render_markdown

from . import rules_remarks
from .models import Attempt, Review, SubmissionFile
from .models_remarks import Remark
from .rules_remarks import Passage, Spot, Typed
from .uploads import PICTURES


def write(session: Session, review: Review, form: Mapping[str, str]) -> int:
    """Write the remarks of the desk's *form* with *review*; how many there are.

    Raises:
        Invalid: on field ``remarks``, naming the remark that is empty, too long, or at no place of this attempt.
    """
    given = rules_remarks.typed(form)
    if not given:
        return 0
    if len(given) > rules_remarks.MAX_REMARKS:
        raise Invalid(
            N_("A review has at most %(most)s remarks."), field="remarks", most=rules_remarks.MAX_REMARKS
        )
    html = session.scalars(select(Attempt.body_html).where(Attempt.id == review.attempt_id)).one()
    pictures = select(SubmissionFile.id).where(
        SubmissionFile.attempt_id == review.attempt_id, SubmissionFile.content_type.in_(PICTURES)
    )
    files = list(session.scalars(pictures.order_by(SubmissionFile.id)))
    text = rules_remarks.plain_text(html)
    rows = [_row(one, review, text, files) for one in given]
    # In the order of the work: along the text, then picture by picture.
    rows.sort(key=lambda row: (row["kind"] == "spot", row["file_id"] or 0, row["start"] or 0))
    session.execute(insert(Remark), [row | {"position": n} for n, row in enumerate(rows, 1)])
    return len(rows)


def _row(one: Typed, review: Review, text: str, files: list[int]) -> dict[str, Any]:
    body = one.body.strip()
    if not body:
        raise Invalid(N_("Remark %(n)s is empty: write it, or take it away."), field="remarks", n=one.n)
    if len(body) > rules_remarks.MAX_BODY:
        raise Invalid(
            N_("Remark %(n)s is longer than %(limit)s characters."),
            field="remarks",
            n=one.n,
            limit=rules_remarks.MAX_BODY,
        )
    row: dict[str, Any] = {
        "review_id": review.id,
        "attempt_id": review.attempt_id,
        "kind": "spot",
        "start": None,
        "end": None,
        "quote": "",
        "file_id": None,
        "x": None,
        "y": None,
        "body_md": body,
        "body_html": render_markdown(body),
    }
    anchor = one.anchor
    if isinstance(anchor, Passage) and len(anchor.quote) <= rules_remarks.MAX_QUOTE:
        found = rules_remarks.find(text, anchor.start, anchor.end, anchor.quote)
        if found is not None:
            return row | {"kind": "text", "start": found[0], "end": found[1], "quote": anchor.quote}
    elif isinstance(anchor, Spot) and anchor.attempt_id == review.attempt_id and anchor.file_id in files:
        return row | {"file_id": anchor.file_id, "x": anchor.x, "y": anchor.y}
    raise Invalid(
        N_(
            "Remark %(n)s is about a place that this attempt does not have. Put its words into the comment, "
            "or take it away."
        ),
        field="remarks",
        n=one.n,
    )
