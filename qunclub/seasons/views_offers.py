"""A core seat given back of one's own will, and a core seat one is offered."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from qunclub.web import (
    _,
    allow,
    current_actor,
    flash,
    member_id,
    now,
    reading,
    render,
    see_other,
    unit_of_work,
)

from . import queries, queries_offers, services_offers, services_resign

bp = Blueprint("core_offers", __name__, url_prefix="/core")


@bp.get("/offer")
@allow("signed_in")
def show() -> Any:
    """The seat I am offered, until when, and what it means; or what became of the last one."""
    with reading() as session:
        offer = queries_offers.mine(session, member_id(), now())
        last = offer or queries_offers.last_of(session, member_id())
        return render(
            "seasons/offer.html",
            offer=offer,
            last=last,
            season=queries.get(session, last.season_id) if last is not None else None,
            deciding=queries_offers.being_decided(session),
        )


@bp.post("/offer/<int:offer_id>/accept")
@allow("signed_in")
def accept(offer_id: int) -> Any:
    """Take the seat."""
    with unit_of_work() as session:
        services_offers.accept(
            session, offer_id=offer_id, member_id=member_id(), actor=current_actor(), now=now()
        )
    flash(_("Welcome to the core group. The seat is yours."))
    return see_other("qunclub.seasons.core")


@bp.post("/offer/<int:offer_id>/decline")
@allow("signed_in")
def decline(offer_id: int) -> Any:
    """Leave the seat to the next."""
    with unit_of_work() as session:
        services_offers.decline(
            session, offer_id=offer_id, member_id=member_id(), actor=current_actor(), now=now()
        )
    flash(
        _(
            "Thank you for answering. The next member is asked now, and your points and place stay as they are."
        )
    )
    return see_other(".show")


@bp.get("/resign")
@allow("signed_in")
def leaving() -> Any:
    """What giving the seat back means, before one does it."""
    with reading() as session:
        season = queries_offers.decided(session)
        return render(
            "seasons/resign.html",
            core=queries.is_core(session, member_id()),
            deciding=queries_offers.being_decided(session),
            running=queries.current(session, now()),
            days=season.formula.offer_days if season is not None else 0,
        )


@bp.post("/resign")
@allow("signed_in")
def resign() -> Any:
    """Give the seat back."""
    with unit_of_work() as session:
        services_resign.resign(session, member_id=member_id(), actor=current_actor(), now=now())
    flash(_("Your seat is given back. Thank you for everything you carried."))
    return see_other("qunclub.seasons.core")
