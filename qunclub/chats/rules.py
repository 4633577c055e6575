"""What a chat needs done when a seat changes, when its QR is out of date, and who may come in. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from qunclub.kernel import N_, Invalid

BY_BOT = frozenset({"telegram"})
"""Kinds of chats that a connector can speak to."""
AHEAD = dt.timedelta(days=2)
"""How long before a QR or link is out of date its hosts are reminded."""
WECHAT_DAYS = 7
"""How long WeChat keeps the QR of a group good."""
LINK_MINUTES = 15
MOST_TEXT = 4_000
"""Telegram takes 4096 characters."""

Verdict = Literal[
    "approve",
    "staff",
    "unknown",
    "no_seat",
    "covenant",
    "introduction",
    "suspended",
    "suspended_payment",
    "used",
    "void",
    "no_ticket",
]
CLOSED: dict[str, Verdict] = {
    "covenant": "covenant",
    "introduction": "introduction",
    "suspended": "suspended",
    "suspended_payment": "suspended_payment",
}
"""Why the way in is closed, as it is told to whoever asks to join; all else is a seat they do not have."""
AT_THE_DOOR = frozenset({"used", "void"})
"""Tickets that are shown at the door although they admit nobody any more."""


def expired(expires_at: dt.datetime | None, now: dt.datetime) -> bool:
    """Whether a link or picture is out of date."""
    return expires_at is not None and expires_at <= now


def remind_due(expires_at: dt.datetime | None, reminded_at: dt.datetime | None, now: dt.datetime) -> bool:
    """Whether hosts are to be reminded now: once for each date, :data:`AHEAD` of it or later."""
    return expires_at is not None and reminded_at is None and expires_at - AHEAD <= now


@dataclass(frozen=True, slots=True)
class Follow:
    """What a change of a seat asks for.

    Attributes:
        drop: open tasks that fall away.
        add: tasks to be written, each with the state it begins in.
    """

    drop: frozenset[str] = frozenset()
    add: tuple[tuple[str, str], ...] = ()


def after_admission(*, still_inside: bool) -> Follow:
    """A seat was given.

    Args:
        still_inside: whether the member sits in the chat by an earlier seat, and was to be put out.
    """
    if still_inside:
        return Follow(frozenset({"put_out"}), (("let_in", "done"),))
    return Follow(add=(("let_in", "open"),))


def after_end(*, open_tasks: Collection[str], let_in: bool, maybe_inside: bool = False) -> Follow:
    """A seat ended: who was let in is to be put out, who was not need not be let in any more.

    Args:
        let_in: whether the member was let in by this seat.
        maybe_inside: whether the bot was about to let them in, and may have.
    """
    drop = frozenset(open_tasks) & {"let_in", "rename", "mute", "unmute"}
    return Follow(drop, (("put_out", "open"),) if let_in or maybe_inside else ())


def check_link(kind: str, url: str) -> str:
    """A link as it is kept.

    Raises:
        Invalid: on ``entry_url``, when it cannot be the link of such a chat.
    """
    url = url.strip()
    if not url:
        return ""
    if not url.startswith(("https://", "http://")):
        raise Invalid(N_("Write a whole address that starts with https://."), field="entry_url")
    if kind == "telegram" and not url.startswith(("https://t.me/", "https://telegram.me/")):
        raise Invalid(N_("A link into Telegram starts with https://t.me/."), field="entry_url")
    return url


def check_ref(kind: str, ref: str) -> str:
    """A Telegram chat's number as it is kept.

    Raises:
        Invalid: on ``ref``.
    """
    ref = ref.strip().replace("−", "-").replace("–", "-")
    if kind not in BY_BOT or not ref:
        return ""
    if not (ref.startswith("-") and ref[1:].isascii() and ref[1:].isdigit() and len(ref) <= 20):
        raise Invalid(
            N_("The number of a Telegram group starts with a minus sign, such as -1001234567890."),
            field="ref",
        )
    return ref


@dataclass(frozen=True, slots=True)
class Asking:
    """What is known of somebody who asks to join a chat.

    Attributes:
        member: whether the account is linked to a member.
        staff: whether they are a host or an admin.
        seat: whether they have a seat in this very group.
        closed: why the way in is closed to them, empty when it is open (``groups.rules_entry``).
        suspended: the membership.
        ticket: the state of the seat's ticket, None without one.
        ticketless: whether the group is a spin-off, where the seat itself admits.
        let_in_before: whether the bot let them in by this very seat already.
    """

    member: bool
    staff: bool = False
    seat: bool = False
    closed: str = ""
    suspended: bool = False
    ticket: str | None = None
    ticketless: bool = False
    let_in_before: bool = False


def may_join(who: Asking) -> Verdict:
    """Whether a request to join is approved, or why not."""
    if not who.member:
        return "unknown"
    if who.suspended:
        return "suspended"
    if who.staff and not (who.seat and who.ticket == "valid" and not who.closed):
        return "staff"
    if not who.seat:
        return "no_seat"
    if who.closed:
        return CLOSED.get(who.closed, "no_seat")
    if who.ticketless:
        return "approve"
    if who.ticket is None:
        return "no_ticket"
    if who.ticket == "used":
        # Checked by a host at the door, and not let in here yet: the chat belongs to that one admission.
        return "used" if who.let_in_before else "approve"
    return "approve" if who.ticket == "valid" else "void"


def with_link(text: str, link: str) -> str:
    """What is said in a chat with a link to the whole of it.

    >>> with_link("Tonight at eight.", "https://club.example/b/7")
    'Tonight at eight.\\n\\nhttps://club.example/b/7'
    """
    room = MOST_TEXT - len(link) - 2
    text = text.strip()
    if len(text) > room:
        text = text[: room - 1].rstrip() + "…"
    return f"{text}\n\n{link}"


def check_text(text: str) -> str:
    """What a host has the bot say.

    Raises:
        Invalid: on ``body``.
    """
    text = text.strip()
    if not text:
        raise Invalid(N_("Write what is to be said."), field="body")
    if len(text) > MOST_TEXT:
        raise Invalid(N_("At most %(most)s characters, please."), field="body", most=MOST_TEXT)
    return text
