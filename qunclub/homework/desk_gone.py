"""Work that its author took back while somebody reviewed it: nobody reads it any more, and no reviewer loses a word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from qunclub.kernel import NotFound
from qunclub.web import render

from . import desk_sides, queries, queries_writing


def page(session: Session, row: Any, typed: Mapping[str, str], *, viewer: int | None, kept: Any) -> str:
    """What the reviewer had typed and kept, without the work.

    Args:
        row: of ``queries_desk.desk_row``.
        typed: the form that was sent just now, if any.
        kept: the filters of the queue that led here.

    Raises:
        NotFound: for whoever never wrote about it.
    """
    draft = None if viewer is None else queries_writing.draft_of(session, row.id, reviewer_id=viewer)
    found = [desk_sides.mine_of(typed), *((draft.fields, *draft.beside) if draft else ())]
    texts = [fields for n, fields in enumerate(found) if fields and fields not in found[:n]]
    if not texts:
        raise NotFound()
    return render(
        "homework/desk_gone.html",
        row=row,
        texts=texts,
        draft=draft,
        criteria=queries.criteria(session, row.rubric_id),
        kept=kept,
    )
