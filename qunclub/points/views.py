"""The ranking, and a member's own points with the reason of every line."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Blueprint, request, url_for
from sqlalchemy.orm import Session

from qunclub.kernel import N_, NotFound
from qunclub.web import (
    NavItem,
    _,
    _l,
    allow,
    club,
    current_actor,
    member_id,
    now,
    reading,
    register,
    render,
)
from qunclub.web.render import format_date

from . import queries, queries_boards, queries_had, queries_rulebook
from . import queries_ranking as ranking
from .ledger import Span
from .queries_boards import Named, Spans
from .queries_ranking import Board, Cursor
from .rules import ALL_TIME, KINDS
from .rules_limits import WHY

bp = Blueprint("points", __name__)
register(NavItem("main", _l("Ranking"), "qunclub.points.index", "trophy", 66, role="member", menu="season"))

PER_PAGE = 25
TABS = {
    "week": N_("This week"),
    "month": N_("This month"),
    "season": N_("This season"),
    ALL_TIME: N_("All time"),
}


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
    """The ranking of a week, a month, a season, all time, or of one course or group."""
    me, of = member_id(), request.args.get("of", "")
    with reading() as session:
        named = dict(pair for book in club().board_books for pair in book(session, actor=current_actor()))
        spans = queries_boards.spans(session, now(), named)
        default = "season" if "season" in spans.by_kind else ALL_TIME
        wanted = request.args.get("window") or default
        if of and of not in named:
            raise NotFound()
        chosen = None if of else spans.chosen(wanted, now())
        window = spans.scopes.get(of) if of else chosen.span if chosen else None
        if window is None and wanted not in queries_boards.ORDER:
            raise NotFound()
        kind = window.kind if window is not None else ALL_TIME
        return render(
            "points/ranking.html",
            window=window,
            span=None if of else _address(spans, chosen, kind, default),
            of=of or None,
            of_name=named.get(of),
            spans=[] if of else _tabs(spans, kind, default),
            filters=_filters(spans, named, chosen, of),
            people=url_for("qunclub.members.index"),
            my_id=me,
            **_board(session, window, me),
        )


def _tabs(spans: Spans, shown: str, default: str) -> list[dict[str, Any]]:
    kinds = [kind for kind in queries_boards.ORDER if kind in spans.by_kind]
    tabs = [
        {
            "label": _(TABS[kind]),
            "url": url_for(".index", window=None if kind == default else kind),
            "active": kind == shown,
        }
        for kind in kinds
    ]
    return tabs if len(tabs) > 1 else []


def _address(spans: Spans, chosen: Named | None, kind: str, default: str) -> str | None:
    """What stands for the window in an address; nothing for the one that is shown unasked."""
    if chosen is None or chosen != spans.running(kind, now()):
        return chosen.key if chosen else None
    return None if kind == default else kind


def _filters(spans: Spans, named: dict[str, str], chosen: Named | None, of: str) -> list[dict[str, Any]]:
    """Which course or group, and which week, month or season: each only where there is something to choose."""
    found: list[dict[str, Any]] = []
    kind = chosen.span.kind if chosen else ""
    begun = spans.by_kind.get(kind, [])
    if len(begun) > 1:
        options = [
            (
                one.key,
                _(
                    "%(start)s to %(end)s",
                    start=format_date(one.span.starts_at),
                    end=format_date(_last(one.span)),
                ),
            )
            for one in begun
        ]
        assert chosen is not None  # it has a kind
        found.append(
            {
                "name": "window",
                "label": _("Span of time"),
                "options": options,
                "value": chosen.key,
                "required": True,
            }
        )
    options = [(scope, name) for scope, name in named.items() if scope in spans.scopes or scope == of]
    if options:
        whole = ("", _("The whole club"))
        found.append(
            {
                "name": "of",
                "label": _("Ranking of"),
                "options": [whole, *options],
                "value": of,
                "required": True,
            }
        )
    return found


def _last(span: Span) -> dt.datetime | None:
    return span.ends_at - dt.timedelta(seconds=1) if span.ends_at else None


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
        spans = queries_boards.spans(session, now())
        scores = []
        for kind in queries_boards.ORDER:
            found = spans.running(kind, now())
            if found is not None:
                window = found.span
                score = ranking.standing(session, window.id, me)
                place = None
                if score is not None and score.points > 0:
                    place = ranking.rank_of(session, window.id, score.points)
                scores.append((_(TABS[kind]), score.points if score else 0, place, kind))
        return render(
            "points/mine.html",
            page=queries.my_lines(session, me, request.args.get("after", "")),
            scores=scores,
            rules=queries_rulebook.all_rules(session),
            kinds=KINDS,
            idle=queries_had.idle(session),
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
