"""One stable address for each line of groups: it leads everybody to what comes next for them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import groups
from qunclub.groups.models import GroupLine
from qunclub.groups.views import POLICIES, svg
from qunclub.kernel import NotFound
from qunclub.web import absolute_url, allow, current_actor_or_none, now, reading, render, see_other

from . import queries_seats

bp = Blueprint("entry", __name__, url_prefix="/g")


def _line(session: Session, slug: str) -> GroupLine:
    line = session.scalars(select(GroupLine).where(GroupLine.slug == slug)).one_or_none()
    if line is None:
        raise NotFound()
    return line


@bp.get("/<slug>")
@allow("anyone")
def line(slug: str) -> Any:
    """My group, the seat on offer, my place on the list, asking again; for everybody else the passes that lead here."""
    actor, moment = current_actor_or_none(), now()
    ident = actor.member_id if actor else None
    with reading() as session:
        found = _line(session, slug)
        mine = groups.my_seat(session, line_id=found.id, member_id=ident) if ident else None
        if mine is not None:
            if mine.seat.state == "offered":
                return see_other("qunclub.group_seats.offer", seat_id=mine.seat.id)
            return see_other("qunclub.groups.show", slug=mine.group.slug if mine.group else slug)
        if found.kind == "spin_off":
            return see_other("qunclub.groups.show", slug=slug)
        held = (
            queries_seats.pass_into(session, line_id=found.id, member_id=ident, now=moment) if ident else None
        )
        if held is not None:
            return see_other("qunclub.welcome.index", pass_id=held, _anchor="seat")
        view = groups.line_view(session, found.id)
        return render(
            "passes/entry.html",
            view=view,
            line=found,
            policy=POLICIES[found.posting],
            bar=groups.bar_in(session, line_id=found.id, member_id=ident, now=moment) if ident else None,
            offers=queries_seats.offers_into(session, found.id, moment),
            signed_in=actor is not None,
            page_meta={
                "title": found.name,
                "description": "",
                "url": absolute_url("qunclub.entry.line", slug=slug),
            },
        )


@bp.get("/<slug>/qr.svg")
@allow("anyone")
def qr(slug: str) -> Any:
    """The address as a QR picture, to print or to send: it is as public as the address."""
    with reading() as session:
        return svg(absolute_url("qunclub.entry.line", slug=_line(session, slug).slug))
