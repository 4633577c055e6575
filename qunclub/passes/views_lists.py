"""Lists for places without a network: taken along, used offline in the page, uploaded later."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, request, send_from_directory
from sqlalchemy.orm import Session

from qunclub.groups.models import Group
from qunclub.kernel import ClubError, Invalid, NotFound, halves
from qunclub.web import (
    N_,
    _,
    allow,
    club,
    current_actor,
    explain,
    flash,
    limit,
    now,
    reading,
    render,
    see_other,
    transact,
)
from qunclub.web.assets import folder
from qunclub.web.parts import csrf_token

from . import queries_lists, rules_door, rules_lists, services_lists, tickets, views_door
from .models_door import DoorList

bp = Blueprint("door_lists", __name__)
MOST_BODY = 128 * 1024


def _host() -> str:
    return str(current_actor().member_id)


@bp.get("/door/lists")
@allow("host")
def index() -> Any:
    """The lists of the door one stands at; take another."""
    with reading() as session:
        group = _door(session)
        return render(
            "passes/door_lists.html",
            group=group,
            lists=queries_lists.of_group(session, group.id),
            hours=rules_lists.HOURS,
            me_id=current_actor().member_id,
            now=now(),
        )


@bp.post("/door/lists")
@allow("host")
@limit("20 per hour", name="door_lists", key=_host)
def make() -> Any:
    """Take a list of the door one stands at."""
    actor, moment = current_actor(), now()

    def command(session: Session) -> int:
        made = services_lists.make_list(
            session,
            group_id=_door(session).id,
            hours=request.form.get("hours", 0, type=int),
            doors=views_door.my_doors(session),
            actor=actor,
            now=moment,
        )
        return made.id

    try:
        ident = transact(command)
    except Invalid as error:
        flash(explain(error), "danger")
        return see_other(".index")
    return see_other(".offline", list_id=ident)


@bp.get("/door/lists/<int:list_id>")
@allow("host")
def show(list_id: int) -> Any:
    """What came back from a list, conflicts with both hosts; for every host of its door."""
    with reading() as session:
        made = session.get(DoorList, list_id)
        if made is None or not views_door.my_doors(session).may(made.group_id):
            raise NotFound()
        return render(
            "passes/door_list.html",
            made=made,
            group=session.get_one(Group, made.group_id),
            rows=queries_lists.taken_in(session, made.id),
            words=views_door.DOORS,
            mine=made.host_id == current_actor().member_id,
        )


@bp.get("/door/offline/<int:list_id>")
@allow("host")
def offline(list_id: int) -> Any:
    """The page that works without a network once it was opened with one."""
    with reading() as session:
        made = services_lists.mine(session, list_id, current_actor())
        return render(
            "passes/door_offline.html",
            made=made,
            group=session.get_one(Group, made.group_id),
            rounds=rules_lists.ROUNDS,
            words=views_door.DOORS,
        )


@bp.get("/door/offline/<int:list_id>/list.json")
@allow("host")
@limit("60 per hour", name="door_list", key=_host)
def data(list_id: int) -> Any:
    """The list itself: hashes and names; not once it has expired."""
    with reading() as session:
        # Names: whoever is taken off the door meanwhile gets them no more, but may still upload.
        made = services_lists.at_my_door(session, list_id, current_actor(), views_door.my_doors(session))
        if now() >= made.expires_at:
            raise NotFound()
        entries = services_lists.entries(session, made)
        for one in entries:
            one["why"] = _(one["why"]) if one["why"] else ""
        answer = jsonify(salt=made.salt, expires=made.expires_at.isoformat(), entries=entries)
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@bp.get("/door/offline/<int:list_id>/token")
@allow("host")
def fresh_token(list_id: int) -> Any:
    """A token for the upload: the page that was kept has an old one."""
    with reading() as session:
        services_lists.mine(session, list_id, current_actor())
    answer = jsonify(token=csrf_token())
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


@bp.post("/door/offline/<int:list_id>/upload")
@allow("host")
@limit("120 per hour", name="door_uploads", key=_host)
def upload(list_id: int) -> Any:
    """Take in what was checked without a network; sending it again changes nothing."""
    with reading() as session:
        services_lists.mine(session, list_id, current_actor())
    if (request.content_length or 0) > MOST_BODY:
        return jsonify(error="too large"), 413
    body = request.get_json(silent=True)
    checks = body.get("checks") if isinstance(body, dict) else None
    if not isinstance(checks, list) or len(checks) > rules_lists.MOST_UPLOADED:
        return jsonify(error="checks"), 422
    return jsonify(results=[_taken(list_id, one) for one in checks])


def _taken(list_id: int, one: Any) -> dict[str, Any]:
    given = {name: str(one.get(name, "")) if isinstance(one, dict) else "" for name in ("key", "code", "at")}
    for name, text in given.items():
        if not halves.is_text(text):
            # This one alone: the phone keeps what was not answered and sends it again with all others.
            return {
                "key": given["key"], "outcome": "refused", "field": name, "message": _(halves.NO_TEXT), "again": False,
            }  # fmt: skip
    actor, moment, device = current_actor(), now(), rules_door.device(request.user_agent.string)

    def command(session: Session) -> dict[str, Any]:
        done = services_lists.take_in(
            session,
            list_id=list_id,
            key=given["key"],
            code=given["code"][:400],
            at=given["at"][:40],
            device=device,
            secret=club().secret,
            actor=actor,
            now=moment,
        )
        return {
            "key": given["key"],
            "outcome": done.outcome,
            "message": _(views_door.DOORS[done.outcome][1]),
            "again": done.again,
        }

    try:
        return transact(command)
    except (ClubError, tickets.BadTicket) as error:
        return {"key": given["key"], "outcome": "refused", "message": explain(error), "again": False}


@bp.get("/door/offline/worker.js")
@allow("anyone")
def worker() -> Any:
    """The service worker: served here because it may keep only pages beneath its own address."""
    answer = send_from_directory(folder("static") / "qunclub" / "js", "door-worker.js")
    answer.headers["Cache-Control"] = "no-cache"
    return answer


def _door(session: Session) -> Group:
    doors = views_door.my_doors(session)
    group = session.get(Group, doors.at) if doors.at is not None else None
    if group is None:
        raise NotFound(N_("Choose at the door which group you stand for; then its lists are here."))
    return group
