"""The ranking, and a member's own points with the reason of every line."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request, url_for
from sqlalchemy.orm import Session

from qunclub.web import (
    NavItem,
    _,
    _l,
    allow,
    current_actor,
    member_id,
    now,
    page_number,
    reading,
    register,
    render,
)

from . import queries, queries_rulebook
from . import queries_ranking as ranking
from .ledger import Span
from .queries_ranking import Board, Cursor
from .rules import KINDS
from .rules_limits import WHY

bp = Blueprint("points", __name__)
register(NavItem("main", _l("Ranking"), "qunclub.points.index", "trophy", 60, role="member"))

PER_PAGE = 25


def labels() -> dict[str, str]:
    """What each kind of line is called."""
    return {kind: _(known.label) for kind, known in KINDS.items()}


def whys() -> dict[str, str]:
    """Why a limit took something, in words."""
    return {code: _(text) for code, text in WHY.items()}


def _cursor(name: str) -> Cursor | None:
    text = request.args.get(name)
    return Cursor.parse(text) if text else None


@bp.get("/ranking")
@allow("member")
def index() -> Any:
    """This season's ranking, or that of all time."""
    me = member_id()
    with reading() as session:
        everything, season = ranking.windows_at(session, now())
        chosen = everything if request.args.get("window") == "all" or season is None else season
        shown = "all" if chosen is everything else "season"
        tabs = [
            {"label": _("This season"), "url": url_for(".index"), "active": shown == "season"},
            {"label": _("All time"), "url": url_for(".index", window="all"), "active": shown == "all"},
        ]
        return render(
            "points/ranking.html",
            window=chosen,
            span="all" if shown == "all" else None,
            spans=tabs if season is not None else [],
            people=url_for("qunclub.members.index"),
            my_id=me,
            **_board(session, chosen, me),
        )


def _board(session: Session, window: Span | None, me: int) -> dict[str, Any]:
    if window is None:
        return {"board": Board(), "mine": None, "point": None}
    mine = ranking.standing(session, window.id, me)
    if mine is not None and mine.points <= 0:
        mine = None
    if mine is not None and request.args.get("at") == "me":
        board = ranking.around(session, window.id, mine, limit=PER_PAGE)
    else:
        board = ranking.board(
            session, window.id, limit=PER_PAGE, after=_cursor("after"), before=_cursor("before"), viewer=me
        )
    point = ranking.standpoint(session, window.id, mine.points) if mine is not None else None
    return {"board": board, "mine": mine, "point": point}


@bp.get("/me/points")
@allow("signed_in")
def mine() -> Any:
    """My lines, newest first, each with what for; and what earns how much."""
    me = member_id()
    with reading() as session:
        everything, season = ranking.windows_at(session, now())
        scores = []
        for window, label in ((season, _("This season")), (everything, _("All time"))):
            if window is not None:
                score = ranking.standing(session, window.id, me)
                place = None
                if score is not None and score.points > 0:
                    place = ranking.rank_of(session, window.id, score.points)
                scores.append((label, score.points if score else 0, place, window))
        return render(
            "points/mine.html",
            page=queries.my_lines(session, me, page_number()),
            scores=scores,
            rules=queries_rulebook.all_rules(session),
            kinds=KINDS,
            labels=labels(),
            my_key=current_actor().key,
            why=whys(),
        )


@bp.get("/me/points/<int:entry_id>")
@allow("signed_in")
def line(entry_id: int) -> Any:
    """One of my lines: what for, by whom, under which rule, and what took it back or what it takes back."""
    me = member_id()
    with reading() as session:
        shown = queries.my_line(session, me, entry_id)
        return render("points/line.html", line=shown, my_key=current_actor().key, labels=labels(), why=whys())


@bp.get("/points/rules/<kind>")
@allow("signed_in")
def rule(kind: str) -> Any:
    """Every form the rule of a kind ever had."""
    with reading() as session:
        forms = queries_rulebook.forms_of(session, kind)
        return render("points/rule.html", forms=forms, kind=kind, own=KINDS[kind].own_amount, labels=labels())
