"""All seasons on one page: those to come with their formula, the one that runs, those that are past."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from qunclub.web import allow, now, reading, render

from . import lists, queries, queries_calendar
from . import views_words as words

bp = Blueprint("season_calendar", __name__)


@bp.get("/seasons")
@allow("anyone")
def index() -> Any:
    """Coming, present, past."""
    with reading() as session:
        page = lists.begun(session, now(), after=request.args.get("after", ""))
        return render(
            "seasons/calendar.html",
            coming=queries.coming(session, now(), limit=24) if page.page == 1 else [],
            withdrawn=queries_calendar.withdrawn(session, now()) if page.page == 1 else [],
            current=queries.current(session, now()),
            page=page,
            states=words.STATES,
        )
