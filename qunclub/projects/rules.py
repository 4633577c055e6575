"""What makes a project: who sees it, who may take a piece up, by when it is done, and what may still change."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from qunclub.kernel import N_, Conflict, Forbidden, Invalid

MOST_TEXT = 20_000
MOST_WORDS = 2_000
MOST_POINTS = 10_000
MOST_PIECES = 200
MOST_CLAIMS = 20
MOST_DAYS = 365
SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
HELD = ("claimed", "delivered")
"""The states in which somebody is at work on a piece."""


@dataclass(frozen=True, slots=True)
class Reader:
    """What a project knows of whoever looks at it.

    Attributes:
        core: whether they sit in the core group.
        lead: whether they lead this project.
        hand: whether they hold or held one of its pieces.
    """

    admin: bool = False
    core: bool = False
    lead: bool = False
    hand: bool = False

    @property
    def leads(self) -> bool:
        """Whether they may split it, hand pieces out and judge what is delivered."""
        return self.admin or self.lead

    @property
    def inside(self) -> bool:
        """Whether they see what the project pays and all its pieces say."""
        return self.leads or self.core or self.hand


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the pieces of a project are, cancelled ones not counted."""

    open: int = 0
    claimed: int = 0
    delivered: int = 0
    accepted: int = 0

    @property
    def all(self) -> int:
        """All pieces that are to be done."""
        return self.open + self.claimed + self.delivered + self.accepted


def may_see(*, state: str, public: bool, reader: Reader) -> bool:
    """Whether a project's page is for this reader: a draft for whoever leads, the rest for the core, or for all."""
    if reader.leads:
        return True
    if state == "draft":
        return False
    return public or reader.core or reader.hand


def check_slug(slug: str) -> str:
    """*slug*, when it can stand in an address.

    Raises:
        Invalid: on field ``slug``.
    """
    if len(slug) > 80 or not SLUG.fullmatch(slug):
        raise Invalid(N_("Use small letters, digits and hyphens only, such as first-page."), field="slug")
    return slug


def check_number(value: int, least: int, most: int, field: str) -> int:
    """*value*, when it lies within both.

    Raises:
        Invalid: on *field*.
    """
    if not least <= value <= most:
        raise Invalid(N_("Write a number from %(least)s to %(most)s."), field=field, least=least, most=most)
    return value


def check_text(text: str, most: int, field: str) -> str:
    """*text* with the line ends of the club, when it is not too long.

    Raises:
        Invalid: on *field*.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(text) > most:
        raise Invalid(N_("Your text is longer than %(limit)s characters."), field=field, limit=most)
    return text


def check_title(text: str) -> str:
    """A title in one line.

    Raises:
        Invalid: on field ``title``.
    """
    text = " ".join(text.split())
    if not text:
        raise Invalid(N_("Give it a title."), field="title")
    return check_text(text, 160, "title")


def refuse_claim(
    *, project_state: str, piece_state: str, core: bool, held: int, most: int
) -> Conflict | Forbidden | None:
    """Why a piece cannot be taken up by somebody who holds *held* of *most* pieces of its project; None when it can."""
    if not core:
        return Forbidden(
            N_("Pieces are for members of the core group."),
            how=N_("Every season the best rise into it; the season's page says how."),
        )
    if project_state != "open":
        return Conflict(N_("This project takes no hands at present."))
    if piece_state != "open":
        return Conflict(N_("Somebody else holds this piece already. Choose another one."))
    if held >= most:
        return Conflict(
            N_("You hold as many pieces of this project as one may (%(most)s). Deliver one first."), most=most
        )
    return None


def due_on_taking(due_at: dt.datetime | None, *, now: dt.datetime, days: int) -> dt.datetime:
    """By when a piece is due that is taken up now: its own day, or *days* from now when that is past or not set."""
    if due_at is not None and due_at > now:
        return due_at
    return now + dt.timedelta(days=days)


def due_after_return(due_at: dt.datetime | None, *, now: dt.datetime, days: int) -> dt.datetime:
    """By when a piece is due that came back with words: never sooner than before, and half the time of a claim."""
    least = now + dt.timedelta(days=max(1, days // 2))
    return max(due_at, least) if due_at is not None else least


def is_overdue(*, state: str, due_at: dt.datetime | None, now: dt.datetime) -> bool:
    """Whether a piece goes back to the pool: somebody holds it and its day is past; what is delivered waits for us."""
    return state == "claimed" and due_at is not None and due_at <= now


def check_due(due_at: dt.datetime, *, now: dt.datetime) -> dt.datetime:
    """*due_at*, when it lies ahead and within reach.

    Raises:
        Invalid: on field ``due_at``.
    """
    if due_at <= now:
        raise Invalid(N_("The day it is due lies ahead."), field="due_at")
    if due_at > now + dt.timedelta(days=5 * MOST_DAYS):
        raise Invalid(N_("That is more than five years from now."), field="due_at")
    return due_at


def check_agreed(*, state: str, old: tuple[int, int], new: tuple[int, int]) -> None:
    """Whether points and pay (minor units) may become *new*: what somebody took a piece up for is agreed.

    Raises:
        Invalid: on ``points`` or ``pay``.
    """
    if state == "open":
        return
    for field, before, after in zip(("points", "pay"), old, new, strict=True):
        if before != after:
            raise Invalid(N_("Somebody took this piece up for that; it cannot change any more."), field=field)


def refuse_verdict(*, state: str, own: bool) -> Conflict | Forbidden | None:
    """Why what was delivered cannot be judged; nobody judges, and so pays, themselves."""
    if own:
        return Forbidden(
            N_("This is your own piece: somebody else judges it."), how=N_("Ask an admin to look at it.")
        )
    if state != "delivered":
        return Conflict(N_("Nothing is waiting to be judged here; somebody was quicker, perhaps."))
    return None


def source_of(piece_id: int, delivery_id: int) -> str:
    """The ledger's source of what an accepted delivery earns: the same twice earns once."""
    return f"piece:{piece_id}:delivery:{delivery_id}"
