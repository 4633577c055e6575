"""What Telegram tells, read without trust: a JSON object of the Bot API becomes one of four facts, or nothing."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any

TOKEN = re.compile(r"\A[A-Za-z0-9_-]{20,64}\Z")
START = re.compile(r"\A/start(?:@\w+)?\s+(\S+)\s*\Z")
MOST_ID = 2**53


@dataclass(frozen=True, slots=True)
class Join:
    """Somebody asks to join a chat."""

    ref: str
    account: str
    name: str
    dm: str
    locale: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Start:
    """Somebody opened the bot, by a link with a token or without (empty)."""

    account: str
    name: str
    dm: str
    locale: str
    token: str


@dataclass(frozen=True, slots=True)
class Standing:
    """The bot's own place in a chat changed."""

    ref: str
    title: str
    working: bool


@dataclass(frozen=True, slots=True)
class Moved:
    """A chat goes on under another number."""

    ref: str
    to: str


Told = Join | Start | Standing | Moved


def update_id(update: Any) -> int | None:
    """The number of an update; None for what is none."""
    found = update.get("update_id") if isinstance(update, dict) else None
    return found if isinstance(found, int) and _is_id(found) and found >= 0 else None


def read(update: dict[str, Any]) -> Told | None:
    """What an update says that the club cares about; None for everything else, and for what has no such shape."""
    join, message, mine = (update.get(name) for name in ("chat_join_request", "message", "my_chat_member"))
    if isinstance(join, dict):
        return _join(join)
    if isinstance(message, dict):
        return _message(message)
    if isinstance(mine, dict):
        return _standing(mine)
    return None


def _join(told: dict[str, Any]) -> Join | None:
    chat, who, at = told.get("chat"), told.get("from"), _moment(told.get("date"))
    ref, account = _id_of(chat), _id_of(who)
    if ref is None or account is None or at is None or not isinstance(who, dict):
        return None
    dm = told.get("user_chat_id")
    return Join(ref, account, name_of(who), str(dm) if _is_id(dm) else account, locale_of(who), at)


def _message(told: dict[str, Any]) -> Start | Moved | None:
    chat, who = told.get("chat"), told.get("from")
    ref = _id_of(chat)
    if ref is None or not isinstance(chat, dict):
        return None
    if _is_id(told.get("migrate_to_chat_id")):
        return Moved(ref, str(told["migrate_to_chat_id"]))
    account, text = _id_of(who), told.get("text")
    if chat.get("type") != "private" or account is None or not isinstance(who, dict):
        return None
    if not isinstance(text, str) or not text.startswith("/start"):
        return None
    found = START.match(text)
    token = found[1] if found and TOKEN.match(found[1]) else ""
    return Start(account, name_of(who), ref, locale_of(who), token)


def _standing(told: dict[str, Any]) -> Standing | None:
    chat, after = told.get("chat"), told.get("new_chat_member")
    ref = _id_of(chat)
    if ref is None or not isinstance(chat, dict) or not isinstance(after, dict):
        return None
    if chat.get("type") not in ("group", "supergroup", "channel"):
        return None
    title = chat.get("title")
    working = after.get("status") == "administrator" and after.get("can_invite_users") is not False
    return Standing(ref, title[:120] if isinstance(title, str) else "", working)


def name_of(who: dict[str, Any]) -> str:
    """How a person is called there: ``@name`` when they have one."""
    user = who.get("username")
    if isinstance(user, str) and user:
        return f"@{user}"[:120]
    parts = [part for part in (who.get("first_name"), who.get("last_name")) if isinstance(part, str)]
    return " ".join(parts).strip()[:120]


def locale_of(who: dict[str, Any]) -> str:
    """``zh`` or ``en``, or nothing known."""
    code = who.get("language_code")
    if not isinstance(code, str) or not code:
        return ""
    return "zh" if code.lower().startswith("zh") else "en"


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < MOST_ID


def _id_of(thing: Any) -> str | None:
    found = thing.get("id") if isinstance(thing, dict) else None
    return str(found) if _is_id(found) and found else None


def _moment(value: Any) -> dt.datetime | None:
    if not _is_id(value) or not 0 < value < 32_503_680_000:
        return None
    return dt.datetime.fromtimestamp(value, dt.UTC)
