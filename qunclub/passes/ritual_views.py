"""The later steps of the ritual: introducing oneself, the first task; and for hosts, who in a group stands where."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session

from qunclub import groups
from qunclub.groups import rules_ritual
from qunclub.kernel import Invalid, NotFound
from qunclub.web import (
    NavItem,
    _,
    _l,
    allow,
    current_actor,
    explain,
    flash,
    member_id,
    now,
    reading,
    register,
    render,
    see_other,
    transact,
)

from . import queries_arrivals, welcome, welcome_views

bp = Blueprint("ritual", __name__)
register(
    NavItem(
        area="desk",
        label=_l("Arrivals"),
        endpoint="qunclub.ritual.index",
        icon="person-check",
        order=40,
        role="host",
    )
)
SHOW = "qunclub.welcome.index"


def _seat(session: Session, pass_id: int) -> groups.MySeat:
    ritual = welcome.ritual(session, pass_id=pass_id, member_id=member_id())
    if ritual.seat is None:
        raise NotFound()
    return ritual.seat


@bp.post("/welcome/<int:pass_id>/introduction")
@allow("signed_in")
def introduce(pass_id: int) -> Any:
    """Say who I am to the groups of the line; it can be said anew."""
    ident, moment = member_id(), now()
    given = [request.form.get(f"answer_{index}", "") for index in range(rules_ritual.MOST_QUESTIONS)]

    def command(session: Session) -> None:
        seat = _seat(session, pass_id)
        groups.introduce(session, line_id=seat.line.id, member_id=ident, given=given, now=moment)

    try:
        transact(command)
    except Invalid as error:
        return welcome_views.page(pass_id, said=given, refused=(error.field or "", explain(error)))
    flash(_("Thank you: the members of your group read it."))
    return see_other(SHOW, pass_id=pass_id)


@bp.post("/welcome/<int:pass_id>/task")
@allow("signed_in")
def task(pass_id: int) -> Any:
    """Tick the first task, or take the tick back."""
    ident, moment, back = member_id(), now(), "back" in request.form

    def command(session: Session) -> None:
        seat = _seat(session, pass_id).seat
        if back:
            groups.unmark(session, seat_id=seat.id, step=rules_ritual.TASK)
        else:
            groups.mark(session, seat_id=seat.id, step=rules_ritual.TASK, by_id=ident, now=moment)

    transact(command)
    if not back:
        flash(_("Well done: the first task is ticked."))
    return see_other(SHOW, pass_id=pass_id)


def _mine(session: Session, group_id: int) -> None:
    """Refuse a group whose host one is not, as if it were not there; a spin-off has hosts, and no door."""
    actor = current_actor()
    if not groups.is_host_of(session, group_id=group_id, member_id=actor.member_id, roles=actor.roles):
        raise NotFound()


@bp.get("/desk/arrivals")
@allow("host")
def index() -> Any:
    """The groups whose host one is, to choose one."""
    before = request.args.get("after", type=int)
    with reading() as session:
        return render("passes/arrivals.html", page=groups.hosted(session, current_actor(), before=before))


@bp.get("/desk/arrivals/<slug>")
@allow("host")
def group(slug: str) -> Any:
    """Who came into a group, and which steps of the ritual each has done."""
    typed, after = request.args.get("q", "").strip(), request.args.get("after", "")
    number = int(typed) if typed.isdecimal() and len(typed) < 10 else None
    with reading() as session:
        found = queries_arrivals.of_group(session, slug, number=number, after=after)
        _mine(session, found.group.id)
        return render("passes/arrivals_group.html", found=found, q=typed, after=after)


@bp.post("/desk/arrivals/<slug>/<int:seat_id>/renamed")
@allow("host")
def renamed(slug: str, seat_id: int) -> Any:
    """Tick that somebody's name in the chat follows the rule, or take it back."""
    actor, moment, back = current_actor(), now(), "back" in request.form

    def command(session: Session) -> None:
        _mine(session, queries_arrivals.group_of_seat(session, slug, seat_id))
        if back:
            groups.unmark(session, seat_id=seat_id, step=rules_ritual.RENAMED)
        else:
            groups.mark(
                session, seat_id=seat_id, step=rules_ritual.RENAMED, by_id=actor.member_id, now=moment
            )

    transact(command)
    kept = {name: request.form[name] for name in ("q", "after") if request.form.get(name)}
    return see_other(".group", slug=slug, **kept)
