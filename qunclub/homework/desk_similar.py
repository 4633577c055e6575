"""Two works side by side, for a reviewer who was told that they are alike."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from sqlalchemy import select

from qunclub.kernel import NotFound
from qunclub.web import allow, member_id, reading, render

from . import queries_attempts, queries_blind, queries_similar, rules_remarks, rules_similar
from .models import Attempt
from .rules_remarks import Mark, plain_text

bp = Blueprint("desk_similar", __name__, url_prefix="/desk/<int:submission_id>")


@bp.get("/beside/<int:attempt_id>")
@allow("instructor")
def show(submission_id: int, attempt_id: int) -> Any:
    """The newest attempt beside another member's one, with the passages marked that both have."""
    with reading() as session:
        newest = session.scalar(
            select(Attempt.id)
            .where(Attempt.submission_id == submission_id, Attempt.withdrawn_at.is_(None))
            .order_by(Attempt.n.desc())
            .limit(1)
        )
        if newest is None:
            raise NotFound()
        # Side by side both authors are named.
        if len(queries_blind.open_attempts(session, (newest, attempt_id), viewer=member_id())) < 2:
            raise NotFound()
        mine, theirs = (queries_similar.beside(session, one) for one in (newest, attempt_id))
        if queries_similar.related(session, mine.submission_id, theirs.submission_id):
            raise NotFound()
        files = {
            one.attempt_id: next(
                (
                    found.files
                    for found in queries_attempts.attempts(session, one.submission_id)
                    if found.id == one.attempt_id
                ),
                (),
            )
            for one in (mine, theirs)
        }
    briefs = (plain_text(mine.brief_html), plain_text(theirs.brief_html))
    texts = (plain_text(mine.body_html), plain_text(theirs.body_html))
    sets = tuple(rules_similar.shingles(text, *briefs) for text in texts)
    both = sets[0] & sets[1]
    sides = [
        (one, _marked(one.body_html, text, both), files[one.attempt_id])
        for one, text in zip((mine, theirs), texts, strict=True)
    ]
    return render(
        "homework/desk_similar.html",
        submission_id=submission_id,
        sides=sides,
        percent=rules_similar.likeness(*sets),
    )


def _marked(html: str, text: str, both: frozenset[str]) -> str:
    places = rules_similar.common(text, both)
    return rules_remarks.highlight(html, [Mark(start, end, "", 0) for start, end in places])
