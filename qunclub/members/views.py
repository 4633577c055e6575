"""The directory of members, for members."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from qunclub.web import (
    NavItem,
    _l,
    allow,
    club,
    current_actor_or_none,
    reading,
    register,
    render,
)

from . import queries

bp = Blueprint("members", __name__, url_prefix="/members")
register(NavItem("main", _l("Members"), "qunclub.members.index", "person-lines-fill", 62, menu="community"))


@bp.get("")
@allow("member")
def index() -> Any:
    """Everybody with a number: search, one tier, oldest or newest first."""
    q = request.args.get("q", "")[:60]
    tier = request.args.get("tier", "")
    newest = request.args.get("order") == "newest"
    with reading() as session:
        page = queries.directory(session, q=q, tier=tier, newest=newest, after=request.args.get("after", ""))
        tiers = [(each.code, each.name) for each in queries.tiers(session)]
        book = club().level_book
        levels = book.levels_of(session, [one.number for one in page.items]) if book is not None else {}
        return render(
            "members/index.html", page=page, tier_options=tiers, q=q, tier=tier, newest=newest, levels=levels
        )


@bp.get("/<int:number>")
@allow("member")
def show(number: int) -> Any:
    """One member: the card, the city, what they say of themselves."""
    actor = current_actor_or_none()
    with reading() as session:
        member = queries.by_number(session, number)
        shown = [part for ask in club().member_parts for part in ask(session, number=number, actor=actor)]
        return render("members/show.html", member=member, parts=shown)
