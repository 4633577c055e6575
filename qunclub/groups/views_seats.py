"""A member's own seat: taking or declining what is offered, leaving a group or its waiting list."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from sqlalchemy.orm import Session

from qunclub.kernel import NotFound
from qunclub.web import _, allow, flash, member_id, now, reading, render, see_other, transact

from . import entry, moving_ends, queries_mine, queries_spin_off, services_offers
from .queries_mine import MySeat
from .services import LIVE
from .views import way_into

bp = Blueprint("group_seats", __name__, url_prefix="/groups/seats")


def _mine(session: Session, seat_id: int) -> MySeat:
    mine = queries_mine.seat_of(session, seat_id)
    if mine is None or mine.seat.member_id != member_id():
        raise NotFound()
    return mine


def _home(mine: MySeat) -> Any:
    return see_other("qunclub.groups.show", slug=mine.group.slug if mine.group else mine.line.slug)


@bp.get("/<int:seat_id>/offer")
@allow("signed_in")
def offer(seat_id: int) -> Any:
    """The seat that is kept for me: until when, and what each answer does."""
    with reading() as session:
        mine = _mine(session, seat_id)
        if mine.seat.state in ("waiting", "admitted"):
            return _home(mine)
        return render("groups/offer.html", mine=mine, now=now())


@bp.post("/<int:seat_id>/accept")
@allow("signed_in")
def accept(seat_id: int) -> Any:
    """Take it."""
    ident, moment = member_id(), now()

    def command(session: Session) -> MySeat:
        services_offers.accept_offer(session, seat_id=seat_id, member_id=ident, now=moment)
        return _mine(session, seat_id)

    mine = transact(command)
    flash(
        _("The seat is yours. Welcome to %(group)s.", group=mine.group.name if mine.group else mine.line.name)
    )
    return _home(mine)


@bp.post("/<int:seat_id>/decline")
@allow("signed_in")
def decline(seat_id: int) -> Any:
    """Let it go to the next."""
    ident, moment = member_id(), now()
    transact(
        lambda session: (
            services_offers.decline_offer(session, seat_id=seat_id, member_id=ident, now=moment).id
        )
    )
    flash(
        _("The seat goes to the next who waits. You can ask for one again on the welcome page of your pass.")
    )
    return see_other("qunclub.groups.index")


@bp.route("/<int:seat_id>/leave", methods=["GET"])
@allow("signed_in")
def leave(seat_id: int) -> Any:
    """What leaving does, before it is done."""
    with reading() as session:
        mine = _mine(session, seat_id)
        if mine.seat.state not in LIVE:
            return see_other("qunclub.groups.index")
        opened = entry.opened_by(session, mine.group.id) if mine.group else []
        spin = queries_spin_off.of_line(session, mine.line.id) if mine.line.kind == "spin_off" else None
        return render(
            "groups/leave.html",
            mine=mine,
            opened=opened,
            way=way_into(session, mine.group) if mine.group else None,
            leads=spin is not None and spin.spin.leader_id == mine.seat.member_id,
            beside=spin is None and bool(moving_ends.spin_off_seats(session, mine.seat)),
        )


@bp.post("/<int:seat_id>/leave")
@allow("signed_in")
def left(seat_id: int) -> Any:
    """Leave."""
    ident, moment = member_id(), now()

    def command(session: Session) -> bool:
        _mine(session, seat_id)
        return (
            services_offers.leave(session, seat_id=seat_id, member_id=ident, now=moment).group_id is not None
        )

    seated = transact(command)
    flash(_("You have left the group.") if seated else _("You are no longer on the waiting list."))
    return see_other("qunclub.groups.index")
