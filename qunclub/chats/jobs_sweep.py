"""Every minute: reminders of links and pictures that go out of date, updates asked for, old ones forgotten."""

from __future__ import annotations

import datetime as dt
import logging
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.groups.models import Group
from qunclub.kernel import store
from qunclub.kernel.chats import ChatBusy, ChatConnector, ChatError
from qunclub.web.state import ClubState
from qunclub.web.uow import retrying, transaction

from . import rules, services, services_join, services_names, services_work
from .jobs import KIND, bot_of
from .models import Chat

log = logging.getLogger("qunclub.chats")
BATCH = 50
MOST_ROUNDS = 20


def sweep(state: ClubState) -> int:
    """Do it; returns how many things were done."""
    done = remind(state) + names(state) + _prune(state)
    connector = state.connectors.get(KIND)
    if connector is not None:
        done += _know(state)
        if state.settings.telegram_updates == "poll":
            done += poll(state, connector)
    return done


def remind(state: ClubState) -> int:
    """Remind hosts of what is out of date soon, once for each date."""
    session, now = state.session(), state.clock()
    due = session.scalars(
        select(Chat.id)
        .join(Group, Group.id == Chat.group_id)
        .where(Chat.expires_at.is_not(None), Chat.reminded_at.is_(None), Chat.expires_at <= now + rules.AHEAD)
        # Nobody comes into a closed group any more.
        .where(Group.closed_at.is_(None))
        .order_by(Chat.expires_at)
        .limit(BATCH)
    ).all()
    session.rollback()
    done = 0
    for chat_id in due:
        with transaction(session, wake=state.wake):
            done += services.remind(session, chat_id=chat_id, now=now)
    return done


def names(state: ClubState) -> int:
    """Look at the names in chats whose line calls its members by another rule, a batch a chat each minute."""
    session = state.session()
    due = services_names.due(session)
    session.rollback()
    done = 0
    for chat_id in due:
        with transaction(session, wake=state.wake):
            done += services_names.look_at_names(session, chat_id=chat_id, now=state.clock())
    return done


def poll(state: ClubState, connector: ChatConnector) -> int:
    """Ask what happened; each update is taken in, in its own transaction, before the service may forget it."""
    session = state.session()
    done = 0
    for _round in range(MOST_ROUNDS):
        after = int(store.get_value(session, services_work.OFFSET, 0))
        paused = services_work.paused_until(session, state.clock())
        session.rollback()
        if paused is not None:
            return done
        try:
            told = connector.updates(after)
        except ChatBusy as busy:
            with transaction(session):
                until = state.clock() + dt.timedelta(seconds=busy.seconds)
                store.set_value(session, services_work.PAUSE, until.isoformat())
            return done
        except ChatError as error:
            log.warning("no updates", extra={"facts": {"error": str(error)}})
            return done
        for update in told:
            number = update.get("update_id")
            if not isinstance(number, int):
                continue
            take = partial(_take, update, state.clock())
            retrying(session, take, wake=state.wake)
            after = max(after, number)
            with transaction(session):
                store.set_value(session, services_work.OFFSET, after)
            done += 1
        if len(told) < 100:
            return done
    return done


def _take(update: dict[str, Any], now: dt.datetime, session: Session) -> str:
    return services_join.take(session, update, now=now)


def _know(state: ClubState) -> int:
    """Ask who the bot is when that is not known, or the token is another bot's."""
    session = state.session()
    known = store.get_value(session, services_work.STATUS, {})
    session.rollback()
    if known.get("bot") == bot_of(state):
        return 0
    with transaction(session, wake=state.wake):
        store.set_value(session, services_work.STATUS, {"bot": bot_of(state)})
        services.ask(session, "listen", now=state.clock())
    return 1


def _prune(state: ClubState) -> int:
    session = state.session()
    with transaction(session):
        return services_work.prune(session, now=state.clock())
