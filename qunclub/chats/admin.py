"""The club's Telegram bot, for admins: who it is, how Telegram reaches the club, and the groups it works in."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from qunclub.kernel import NotFound
from qunclub.web import (
    NavItem,
    _,
    _l,
    absolute_url,
    allow,
    club,
    flash,
    now,
    reading,
    register,
    render,
    see_other,
    transact,
)

from . import queries, services
from .jobs import bot_of

bp = Blueprint("chats_admin", __name__, url_prefix="/admin/chats")
register(NavItem("admin", _l("Telegram bot"), "qunclub.chats_admin.index", "robot", 56, role="admin"))


@bp.get("")
@allow("admin")
def index() -> Any:
    """What is known of the bot, as it was last asked."""
    state = club()
    with reading() as session:
        return render(
            "chats/admin.html",
            bot=bool(state.connectors),
            status=queries.status(session, bot_of(state)),
            hook=state.settings.telegram_updates == "webhook",
            url=absolute_url("qunclub.chats_webhook.telegram"),
            api=state.settings.telegram_api,
            chats=queries.troubled(session),
            seen=queries.seen(session),
        )


@bp.post("/look")
@allow("admin")
def look() -> Any:
    """Have a worker ask Telegram (getMe, getWebhookInfo)."""
    return _ask("status")


@bp.post("/listen")
@allow("admin")
def listen() -> Any:
    """Have a worker tell Telegram how it reaches the club."""
    return _ask("listen")


def _ask(do: str) -> Any:
    if not club().connectors:
        raise NotFound()
    moment = now()
    transact(lambda session: services.ask(session, do, now=moment))
    flash(_("A worker asks Telegram; load this page again in a moment."), "info")
    return see_other(".index")
