"""The entry ticket and the member card for their owner; the door for hosts."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request
from limits import parse
from sqlalchemy.orm import Session

from qunclub import groups
from qunclub.groups.models import Seat
from qunclub.groups.rules_entry import CLOSED_WORDS, Closed
from qunclub.kernel import Conflict, Forbidden, NotFound
from qunclub.members.models import Member, Tier
from qunclub.web import (
    N_,
    NavItem,
    _,
    _l,
    absolute_url,
    allow,
    club,
    current_actor,
    current_actor_or_none,
    form_errors,
    member_id,
    now,
    reading,
    register,
    render,
    see_other,
    transact,
)
from qunclub.web.limits import TooMany
from qunclub.web.render import format_date

from . import card, queries, tickets, views_door
from .forms import DoorForm
from .models import EntryTicket
from .tickets import BadTicket

bp = Blueprint("tickets", __name__)
register(
    NavItem(
        area="desk",
        label=_l("Door"),
        endpoint="qunclub.tickets.door",
        icon="door-open",
        order=30,
        role="host",
    )
)


MISSES = parse("60 per minute")
"""Wrong codes of one host: many hosts behind one address do not stop each other, and admitting counts nothing."""


def _not_guessing() -> None:
    state = club()
    if state.settings.rate_limits and not state.limiter.test(MISSES, "qunclub", "door", str(member_id())):
        raise TooMany(N_("Too many tries. Wait a few minutes, then try again."))


def _missed() -> None:
    state = club()
    if state.settings.rate_limits:
        state.limiter.hit(MISSES, "qunclub", "door", str(member_id()))


def link_of(code: str) -> str:
    """The address in the QR: signed, so that a made-up one is seen at once."""
    return absolute_url("qunclub.tickets.check", signed=tickets.sign(code, club().secret))


@bp.get("/me/ticket/<int:ticket_id>")
@allow("signed_in")
def show(ticket_id: int) -> Any:
    """My ticket; it shows its QR once the covenant is accepted."""
    with reading() as session:
        ticket, mine, closed = _own(session, ticket_id)
        member = session.get_one(Member, ticket.member_id)
        return render(
            "passes/ticket.html",
            ticket=ticket,
            mine=mine,
            member=member,
            nickname=groups.nickname(
                mine.line.nickname_rule, number=member.number, nickname=member.shown_name, city=member.city
            ),
            code=tickets.spaced(ticket.code),
            closed=closed,
            why=CLOSED_WORDS[closed],
        )


@bp.get("/me/ticket/<int:ticket_id>.svg")
@allow("signed_in")
def qr(ticket_id: int) -> Response:
    """The ticket's QR."""
    with reading() as session:
        ticket, _mine, closed = _own(session, ticket_id)
        if closed or ticket.state == "void":
            raise Forbidden(N_("This ticket is closed."), how=CLOSED_WORDS[closed or "left"])
        picture = groups.qr_svg(link_of(ticket.code))
    return Response(picture, mimetype="image/svg+xml", headers={"Cache-Control": "private, no-store"})


@bp.get("/me/ticket/<int:ticket_id>/card")
@allow("signed_in")
def wallet(ticket_id: int) -> Any:
    """The ticket as a card to print, as large as a bank card."""
    with reading() as session:
        ticket, mine, closed = _own(session, ticket_id)
        if mine.group is None or ticket.state != "valid" or closed:
            return see_other(".show", ticket_id=ticket.id)
        member = session.get_one(Member, ticket.member_id)
        return render(
            "passes/ticket_card.html",
            ticket=ticket,
            mine=mine,
            member=member,
            nickname=groups.nickname(
                mine.line.nickname_rule, number=member.number, nickname=member.shown_name, city=member.city
            ),
            code=tickets.spaced(ticket.code),
        )


@bp.route("/me/tickets/seat/<int:seat_id>", methods=["GET", "POST"])
@allow("signed_in")
def of_seat(seat_id: int) -> Any:
    """The ticket of my seat; with POST it is made now, if the sweeper has not come by since the seat was given."""
    ident = member_id()

    def command(session: Session) -> int:
        seat = session.get(Seat, seat_id)
        if seat is None or seat.member_id != ident or seat.state != "admitted":
            raise NotFound()
        tickets.ensure(session, seat_id=seat.id, member_id=ident, now=now())
        found = tickets.of_seat(session, seat.id)
        assert found is not None  # ensure has just made it
        return found.id

    with reading() as session:
        seat = session.get(Seat, seat_id)
        known = tickets.of_seat(session, seat_id) if seat is not None and seat.member_id == ident else None
        ticket_id = known.id if known is not None else None
        waits = known is None and (seat is None or seat.member_id != ident or seat.state != "admitted")
        none = not known and seat is not None and groups.is_spin_off(session, seat.group_id or 0)
    if waits:
        raise NotFound()
    if none:
        raise Conflict(groups.NO_TICKETS)
    if ticket_id is None and request.method == "GET":
        return render("passes/ticket_make.html")
    return see_other(".show", ticket_id=ticket_id or transact(command))


def _own(session: Session, ticket_id: int) -> tuple[EntryTicket, groups.MySeat, Closed]:
    """The ticket and why it is closed, for its member and for hosts of its door; for anybody else it does not exist.

    To a host it is not closed by a covenant that is not accepted yet: they may let somebody in who has read it aloud.
    """
    ticket = queries.ticket(session, ticket_id)
    mine = groups.seat_of(session, ticket.seat_id)
    assert mine is not None  # a foreign key stands behind it
    host = current_actor().has("host") and views_door.stands_for(session, mine.seat.group_id)
    if ticket.member_id != current_actor().member_id and not host:
        raise NotFound()
    return ticket, mine, "" if host and mine.closed == "covenant" else mine.closed


@bp.get("/me/card.png")
@allow("signed_in")
def card_png() -> Any:
    """My card as a picture to keep."""
    with reading() as session:
        member = session.get(Member, member_id())
        if member is None or member.number is None:
            raise NotFound(N_("The card comes with the number, and the number with the first pass."))
        tier = session.get(Tier, member.tier_id) if member.tier_id else None
        facts = card.CardFacts(
            number=member.number,
            name=member.shown_name,
            tier=tier.name if tier else "",
            club=club().settings.club_name,
            since=_("since %(date)s", date=format_date(member.numbered_at or member.joined_at)),
            no_label=_("No."),
            face=tier.code if tier else "",
        )
    response = Response(mimetype="image/png", headers={"Cache-Control": "private, no-cache"})
    response.set_etag(facts.etag)
    if facts.etag not in request.if_none_match:
        response.set_data(card.draw(facts))
        if "download" in request.args:
            response.headers["Content-Disposition"] = f'attachment; filename="card-{facts.number}.png"'
    return response.make_conditional(request)


@bp.route("/door", methods=["GET", "POST"])
@allow("host")
def door() -> Any:
    """Type or scan a code; the ticket is shown before anybody is admitted."""
    form = DoorForm()
    if form.is_submitted():
        _not_guessing()
    if form.validate_on_submit():
        with form_errors(form), reading() as session:
            try:
                result = tickets.look(session, text=form.code.data or "", secret=club().secret)
            except BadTicket as error:
                _missed()
                form.refuse(error)
            else:
                signed = tickets.sign(result.ticket.code, club().secret)
                views_door.note_refused(signed, "typed")
                return see_other(".check", signed=signed, way="typed")
        views_door.note_unknown("typed")
    return views_door.door_page(form), 422 if form.errors else 200


@bp.get("/t/<signed>")
@allow("anyone")
def check(signed: str) -> Any:
    """A scanned ticket: hosts check it, its owner comes to their ticket, others are told what it is."""
    actor = current_actor_or_none()
    host = actor is not None and actor.has("host")
    if not host and not tickets.is_signed(signed):
        # A bare code is for hosts to type: whoever else asks learns nothing of it, not even whether there is such one.
        raise BadTicket(N_("The signature of this ticket is wrong: it was changed or made by somebody else."))
    if host:
        _not_guessing()
    with reading() as session:
        try:
            result = tickets.look(session, text=signed, secret=club().secret)
        except BadTicket as error:
            if not host:
                raise
            _missed()
            form = DoorForm(formdata=None)
            form.refuse(error)
            return views_door.door_page(form), 404
        if not host and actor is not None and actor.member_id == result.ticket.member_id:
            return see_other(".show", ticket_id=result.ticket.id)
        if not host:
            return render("passes/ticket_stranger.html")
        return views_door.ticket_page(session, result, signed)


@bp.post("/t/<signed>")
@allow("host")
def admit(signed: str) -> Any:
    """Let the member in, once."""
    _not_guessing()
    outcome, answer = views_door.admit(signed)
    if outcome == "unknown":
        _missed()
    return answer
