"""How one gets into the chats of groups, for the rooms below (``kernel.chats.ChatBook``)."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from qunclub.kernel import Actor, reads
from qunclub.kernel.chats import WayIn

from . import rules, services, tasks
from .models import Chat


@cache
def _chat() -> Select[*tuple[Any, ...]]:
    return select(Chat.kind, Chat.ref, Chat.picture_key, Chat.expires_at).where(
        Chat.group_id == bindparam("group")
    )


def way_in(session: Session, *, group_id: int, entry_url: str, connected: bool, now: dt.datetime) -> WayIn:
    """The way into a group's chat; what is out of date is not in it. One statement."""
    row = reads.one(session, _chat(), group=group_id)
    if row is None:
        return WayIn("other", entry_url)
    by_bot = connected and row.kind in rules.BY_BOT and bool(row.ref)
    if rules.expired(row.expires_at, now):
        return WayIn(row.kind, "", False, row.expires_at, True, by_bot)
    return WayIn(row.kind, entry_url, bool(row.picture_key), row.expires_at, False, by_bot)


def say(
    session: Session, *, group_id: int, key: str, text: str, link: str, actor: Actor, now: dt.datetime
) -> bool:
    """Have the bot say something in a group's chat; the same *key* twice is once. Whether a bot works there."""
    chat = session.scalars(select(Chat).where(Chat.group_id == group_id)).one_or_none()
    if chat is None or not tasks.by_bot(chat):
        return False
    services.announce(
        session, chat_id=chat.id, key=key, body=rules.with_link(text, link), actor=actor, now=now
    )
    return True
