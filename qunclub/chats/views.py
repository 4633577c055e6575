"""A member's outside chats: connecting Telegram, and the QR picture of a group's chat."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, make_response

from qunclub import groups
from qunclub.kernel import Conflict, NotFound
from qunclub.web import (
    _,
    allow,
    club,
    current_actor,
    current_actor_or_none,
    explain,
    flash,
    limit,
    member_id,
    now,
    reading,
    render,
    see_other,
    transact,
)
from qunclub.web.files import give_out

from . import queries, rules, services_join, services_link
from .jobs import bot_of
from .views_words import KIND_LABELS

bp = Blueprint("chats", __name__)


@bp.get("/me/chats")
@allow("signed_in")
def mine() -> Any:
    """My groups' chats, and whether Telegram is connected."""
    return _page()


def _page(token: str = "") -> Any:
    state, ident = club(), member_id()
    with reading() as session:
        status = queries.status(session, bot_of(state))
        link = f"https://t.me/{status.username}?start={token}" if token and status.username else ""
        response = make_response(
            render(
                "chats/mine.html",
                bot=bool(state.connectors),
                status=status,
                account=queries.my_account(session, ident),
                chats=queries.my_chats(session, ident),
                kinds=KIND_LABELS,
                link=link,
                qr=_inline(link) if link else "",
                minutes=rules.LINK_MINUTES,
            )
        )
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _inline(link: str) -> str:
    # Shown within the page: an address of its own would carry the token into logs.
    return groups.qr_svg(link).decode()


@bp.post("/me/chats/connect")
@allow("signed_in")
@limit("10 per hour", name="chat_link", key=lambda: str(member_id()))
def connect() -> Any:
    """A link that ties the Telegram account that opens it to me, once."""
    ident, moment = member_id(), now()
    if not club().connectors:
        raise NotFound()
    try:
        token = transact(lambda session: services_link.make_link(session, member_id=ident, now=moment))
    except Conflict as error:
        flash(explain(error), "warning")
        return see_other(".mine")
    return _page(token)


@bp.post("/me/chats/disconnect")
@allow("signed_in")
def disconnect() -> Any:
    """Take the tie back."""
    ident, actor, moment = member_id(), current_actor(), now()
    try:
        transact(lambda session: services_link.disconnect(session, member_id=ident, actor=actor, now=moment))
    except Conflict as error:
        flash(explain(error), "warning")
    else:
        flash(_("Telegram is disconnected; the club has forgotten the account."))
    return see_other(".mine")


@bp.get("/groups/<slug>/chat.png")
@allow("signed_in")
def picture(slug: str) -> Response:
    """The QR picture of a group's chat, for those who see the way in, as long as it is good; always for its hosts."""
    actor = current_actor_or_none()
    with reading() as session:
        group, chat = queries.picture(session, slug)
        if actor is None or not groups.is_host_of(
            session, group_id=group.id, member_id=actor.member_id, roles=actor.roles
        ):
            seat = groups.my_seat(session, line_id=group.line_id, member_id=member_id())
            if not services_join.may_see_way_in(seat, group.id) or rules.expired(chat.expires_at, now()):
                raise NotFound()
        key = chat.picture_key
    return give_out(key, content_type="image/png", name="chat.png", inline=True)
