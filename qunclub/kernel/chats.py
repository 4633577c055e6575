"""Chats outside the club: what the club asks of a service it can talk to, and of the room that keeps them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from sqlalchemy.orm import Session

from .actor import Actor

Outcome = Literal["done", "inside", "gone"]
"""Of a request to join: answered now; whoever asked is inside already; there is no such request any more."""


class ChatError(Exception):
    """The chat service did not do what was asked; trying again may help."""


class ChatBusy(ChatError):
    """Too many calls: *seconds* must pass before the next."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many calls, wait {seconds} seconds")
        self.seconds = seconds


class ChatRefused(ChatError):
    """The service understood and says no; the same call again gets the same answer."""


class ChatClosed(ChatRefused):
    """The chat is closed to us: the bot is not in it, or lacks the right; or the person blocked the bot."""


class ChatMoved(ChatRefused):
    """The chat goes on under another address."""

    def __init__(self, ref: str) -> None:
        super().__init__(f"the chat moved to {ref}")
        self.ref = ref


class ChatConnector(Protocol):
    """A chat service the club can speak to. Every call leaves the machine: only workers make them, never a request.

    Each raises :class:`ChatError` or one of its kinds. *ref* names a chat, *account* a person, *dm* a conversation
    with one person, all as the service knows them.
    """

    def approve(self, ref: str, account: str) -> Outcome:
        """Let in whoever asked to join."""

    def decline(self, ref: str, account: str) -> Outcome:
        """Do not let in whoever asked to join."""

    def mute(self, ref: str, account: str, until: dt.datetime | None) -> None:
        """Let somebody only read, until a moment (UTC) or for good."""

    def unmute(self, ref: str, account: str) -> None:
        """Let somebody write again."""

    def remove(self, ref: str, account: str) -> None:
        """Put somebody out; they may ask to join again. Who is not inside is fine."""

    def announce(self, ref: str, text: str) -> str:
        """Say something in a chat; the message as the service names it."""

    def tell(self, dm: str, text: str) -> None:
        """Say something to one person, who wrote to us first or asks to join."""

    def invite(self, ref: str, name: str) -> str:
        """A new link by which one asks to join."""

    def status(self) -> dict[str, Any]:
        """What the service says of us: who we are, how it reaches us."""

    def listen(self, url: str, secret: str) -> None:
        """Have the service tell us what happens at *url*, with *secret*; with an empty url we ask ourselves."""

    def updates(self, after: int) -> list[dict[str, Any]]:
        """What happened since the update *after*, when the service does not tell us; at most a hundred."""


@dataclass(frozen=True, slots=True)
class WayIn:
    """How a member gets into a group's chat.

    Attributes:
        kind: ``telegram``, ``wechat``, ``qq``, ``wecom``, ``discord`` or ``other``.
        url: the link, empty without one and when it is out of date.
        picture: whether there is a QR picture to scan, in date.
        expires_at: until when (UTC) both are good; None when they do not expire.
        expired: whether they are out of date; then neither is shown.
        by_bot: whether the club itself answers requests to join.
    """

    kind: str
    url: str
    picture: bool = False
    expires_at: dt.datetime | None = None
    expired: bool = False
    by_bot: bool = False

    @property
    def last_good(self) -> dt.datetime | None:
        """The last minute in which they are good: the end of a day is told as that day."""
        return self.expires_at - dt.timedelta(minutes=1) if self.expires_at else None

    @property
    def open(self) -> bool:
        """Whether there is anything to follow."""
        return bool(self.url or self.picture)


class ChatBook(Protocol):
    """How one gets into the chats of groups; chats answer, rooms below them show it."""

    def way_in(
        self, session: Session, *, group_id: int, entry_url: str, connected: bool, now: dt.datetime
    ) -> WayIn:
        """The way into a group's chat: one statement.

        Args:
            entry_url: the link the group itself carries.
            connected: whether the club talks to Telegram.
        """

    def say(
        self,
        session: Session,
        *,
        group_id: int,
        key: str,
        text: str,
        link: str,
        actor: Actor,
        now: dt.datetime,
    ) -> bool:
        """Have the bot say something in a group's chat, the *link* under it. Whether a bot works there.

        Args:
            key: what it is for: the same key twice is said once.
            text: shortened where the chat takes no more.
        """
