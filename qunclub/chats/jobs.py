"""Telling the chat service, from the outbox: every call leaves the machine here and nowhere else.

At least once, so each call is one that may be made twice; the one that may not, saying something in a chat, is marked
before it is made.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import logging
from collections.abc import Callable
from typing import Any

from flask import current_app, g

from qunclub.kernel import keys, outbox, store
from qunclub.kernel.chats import ChatBusy, ChatClosed, ChatConnector, ChatMoved, ChatRefused
from qunclub.web.i18n import override
from qunclub.web.state import ClubState
from qunclub.web.uow import transaction
from qunclub.web.urls import absolute_url

from . import services_join, services_quiet, services_work
from .views_words import sentence

log = logging.getLogger("qunclub.chats")
KIND = "telegram"
CLOSED = dt.timedelta(hours=1)
"""How long to wait before trying again in a chat that is closed to the bot."""


def secret_of(state: ClubState) -> str:
    """What Telegram sends with each update, so that nobody else can: follows the bot's token and the club's key."""
    token = state.settings.telegram_token.encode()
    return hmac.new(
        keys.signing(state.secret).encode(), b"qunclub.telegram.webhook:" + token, hashlib.sha256
    ).hexdigest()


def carry_out(state: ClubState, payload: dict[str, Any], key: str) -> None:
    """Carry out one piece of the bot's work; an exception means later again."""
    connector = state.connectors.get(KIND)
    if connector is None:
        # The token was taken away: what is open stays open, for people.
        log.warning("no chat connector", extra={"facts": {"key": key}})
        return
    session = state.session()
    with transaction(session):
        until = services_work.paused_until(session, state.clock())
    if until is not None:
        raise outbox.Later(until - state.clock(), "the service asked for silence")
    try:
        WORK[str(payload["do"])](state, connector, payload)
    except ChatBusy as busy:
        wait = dt.timedelta(seconds=busy.seconds)
        session.rollback()
        with transaction(session):
            store.set_value(session, services_work.PAUSE, (state.clock() + wait).isoformat())
        raise outbox.Later(wait, str(busy)) from None


def _join(state: ClubState, connector: ChatConnector, payload: dict[str, Any]) -> None:
    session = state.session()
    with transaction(session, wake=state.wake):
        step = services_join.decide(
            session,
            join_id=payload["join"],
            update_id=payload["update"],
            secret=state.secret,
            now=state.clock(),
        )
    if step is None:
        return
    try:
        if step.approve:
            outcome = connector.approve(step.ref, step.account)
        else:
            # Before the answer: until then Telegram lets a bot write to whoever asks.
            facts = {"why": step.why, "group": step.group, "slug": step.slug}
            _tell(state, connector, {"dm": step.dm, "say": "declined", "locale": step.locale, "facts": facts})
            outcome = connector.decline(step.ref, step.account)
    except ChatMoved as error:
        with transaction(session):
            services_join.moved(session, step.ref, error.ref)
        raise
    except ChatRefused as error:
        with transaction(session):
            services_join.stuck(
                session,
                step=step,
                trouble=str(error),
                closed=isinstance(error, ChatClosed),
                now=state.clock(),
            )
        return
    with transaction(session, wake=state.wake):
        services_join.settle(session, step=step, outcome=outcome, now=state.clock())


def _put_out(state: ClubState, connector: ChatConnector, payload: dict[str, Any]) -> None:
    session = state.session()
    with transaction(session):
        work = services_work.putting_out(session, payload["task"])
    if work is None:
        return
    trouble = ""
    try:
        connector.remove(work.ref, work.what)
    except ChatMoved as error:
        with transaction(session):
            services_join.moved(session, work.ref, error.ref)
        raise
    except ChatRefused as error:
        trouble = str(error)
    with transaction(session):
        services_work.put_out_done(session, payload["task"], trouble=trouble, now=state.clock())


def _post(state: ClubState, connector: ChatConnector, payload: dict[str, Any]) -> None:
    session = state.session()
    with transaction(session):
        work = services_work.posting(session, payload["post"])
    if work is None:
        return
    kept, trouble = "sent", ""
    try:
        connector.announce(work.ref, work.what)
    except ChatBusy:
        # Refused before it was said: to be said later.
        _posted(state, payload["post"], "queued", "")
        raise
    except ChatMoved as error:
        with transaction(session):
            services_join.moved(session, work.ref, error.ref)
        _posted(state, payload["post"], "queued", "")
        raise
    except ChatRefused as error:
        kept, trouble = "refused", str(error)
    _posted(state, payload["post"], kept, trouble)


def _posted(state: ClubState, post_id: int, kept: str, trouble: str) -> None:
    session = state.session()
    with transaction(session):
        services_work.posted(session, post_id, state=kept, trouble=trouble, now=state.clock())


def _tell(state: ClubState, connector: ChatConnector, payload: dict[str, Any]) -> None:
    with current_app.app_context():
        override(str(payload.get("locale") or ""))
        text = sentence(str(payload["say"]), dict(payload.get("facts") or {}))
        g.pop("qunclub_locale", None)
    try:
        connector.tell(str(payload["dm"]), text)
    except ChatRefused as error:
        # Whoever blocked the bot does not want to hear it.
        log.info("not told", extra={"facts": {"say": payload["say"], "error": str(error)}})


def _quiet(state: ClubState, connector: ChatConnector, payload: dict[str, Any]) -> None:
    session = state.session()
    with transaction(session):
        work = services_work.inviting(session, payload["chat"])
    if work is None:
        return
    until = dt.datetime.fromisoformat(payload["until"]) if payload.get("until") else None
    if until is not None and until <= state.clock():
        return
    try:
        if payload["do"] == "mute":
            connector.mute(work.ref, payload["account"], until)
        else:
            connector.unmute(work.ref, payload["account"])
    except ChatRefused as error:
        with transaction(session):
            services_work.troubled(session, payload["chat"], str(error))


def _as_the_house_says(state: ClubState, connector: ChatConnector, payload: dict[str, Any]) -> None:
    session = state.session()
    with transaction(session):
        now = state.clock()
        found = services_quiet.standing(session, payload["chat"], payload["member"], now=now)
    if found is None:
        return
    try:
        if found.muted:
            connector.mute(found.ref, found.account, found.until)
        else:
            connector.unmute(found.ref, found.account)
    except ChatMoved as error:
        with transaction(session):
            services_join.moved(session, found.ref, error.ref)
        raise
    except ChatClosed as error:
        with transaction(session):
            services_work.troubled(session, payload["chat"], str(error))
        # What the house says then is done when the bot is let do it again.
        raise outbox.Later(CLOSED, str(error)) from None
    except ChatRefused as error:
        # Such as of somebody who is not in the chat: when they come, the house is asked anew.
        log.info("not muted", extra={"facts": {"chat": payload["chat"], "error": str(error)}})


def _invite(state: ClubState, connector: ChatConnector, payload: dict[str, Any]) -> None:
    session = state.session()
    with transaction(session):
        work = services_work.inviting(session, payload["chat"])
    if work is None:
        return
    try:
        link = connector.invite(work.ref, work.what)
    except ChatRefused as error:
        with transaction(session):
            services_work.troubled(session, payload["chat"], str(error))
        return
    with transaction(session):
        services_work.invited(session, payload["chat"], link=link, now=state.clock())


def _status(
    state: ClubState, connector: ChatConnector, payload: dict[str, Any], *, refused: str = ""
) -> None:
    try:
        found = {**connector.status(), "error": refused}
    except ChatBusy:
        raise
    except Exception as error:
        # An admin waits for the answer; that there is none is one.
        found = {"error": str(error)[:300]}
    session = state.session()
    with transaction(session):
        before = store.get_value(session, services_work.STATUS, {})
        at = {"at": state.clock().isoformat(), "bot": bot_of(state)}
        store.set_value(session, services_work.STATUS, {**before, **found, **at})


def _listen(state: ClubState, connector: ChatConnector, payload: dict[str, Any]) -> None:
    hook = state.settings.telegram_updates == "webhook"
    refused = ""
    try:
        connector.listen(absolute_url("qunclub.chats_webhook.telegram") if hook else "", secret_of(state))
    except ChatRefused as error:
        # Such as an address that is not https: an admin reads why, and asking again would not help.
        refused = str(error)[:300]
    _status(state, connector, payload, refused=refused)


def bot_of(state: ClubState) -> str:
    """Which bot the token is of: the number before its colon, which is no secret."""
    return state.settings.telegram_token.partition(":")[0]


WORK: dict[str, Callable[[ClubState, ChatConnector, dict[str, Any]], None]] = {
    "join": _join,
    "put_out": _put_out,
    "post": _post,
    "tell": _tell,
    "mute": _quiet,
    "unmute": _quiet,
    "quiet": _as_the_house_says,
    "invite": _invite,
    "status": _status,
    "listen": _listen,
}
