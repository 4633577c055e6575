"""Passes to give away: what a claim code looks like, what a list of people says, who may claim. No database."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from qunclub.kernel import N_, Invalid

CODE_LENGTH = 20
"""A hundred bits: nobody guesses one, however many there are."""
UNPAID, OPEN, CLAIMED, REVOKED = "unpaid", "open", "claimed", "revoked"
STATE_LABELS = {
    UNPAID: N_("Not paid yet"),
    OPEN: N_("Not claimed yet"),
    CLAIMED: N_("Claimed"),
    REVOKED: N_("Revoked"),
}
STATE_KINDS = {UNPAID: "neutral", OPEN: "info", CLAIMED: "success", REVOKED: "neutral"}
SEND_PAUSE = dt.timedelta(minutes=10)
"""The same code is not sent again before so much time has passed."""
NAME_LENGTH, EMAIL_LENGTH, MESSAGE_LENGTH = 120, 254, 500
_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;.]+")
# Comma and semicolon, ours and the Chinese ones, and what a copied table puts between its cells.
_BETWEEN = re.compile(r"[,，;；\t]")


class Named(Protocol):
    """Somebody a pass is for; everything may be empty."""

    @property
    def name(self) -> str: ...
    @property
    def email(self) -> str: ...
    @property
    def message(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody a pass is for."""

    name: str = ""
    email: str = ""
    message: str = ""


def spaced(code: str) -> str:
    """A code as it is shown and read aloud: in groups of five."""
    return "-".join(code[start : start + 5] for start in range(0, len(code), 5))


def is_email(text: str) -> bool:
    """Whether this looks like an address that mail can be sent to."""
    return len(text) <= EMAIL_LENGTH and _EMAIL.fullmatch(text) is not None


def recipients_of(text: str, *, most: int, message: str = "") -> tuple[Recipient, ...]:
    """The people of a pasted list, one a line: a name, an e-mail, a message, each of them optional.

    Args:
        most: how many passes there are to give.
        message: for everybody who has none of their own.

    Raises:
        Invalid: on the field ``recipients``, naming the line.
    """
    found: list[Recipient] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        parts = [part.strip() for part in _BETWEEN.split(line, maxsplit=2)]
        if "@" in parts[0]:
            # Only an e-mail, or the two the other way round.
            second = parts[1] if len(parts) > 1 else ""
            parts[:2] = [second, parts[0]]
        name, email, own = (*parts, "", "")[:3]
        if email and not is_email(email):
            raise Invalid(
                N_("Line %(line)s: “%(email)s” is not an e-mail address."),
                field="recipients",
                line=number,
                email=email[:60],
            )
        found.append(Recipient(name[:NAME_LENGTH], email, (own or message)[:MESSAGE_LENGTH]))
    if len(found) > most:
        raise Invalid(
            N_("There are more people than passes: %(people)s for %(passes)s."),
            field="recipients",
            people=len(found),
            passes=most,
        )
    if not found and message:
        return tuple(Recipient(message=message[:MESSAGE_LENGTH]) for _place in range(most))
    return tuple(found)


def may_send(sent_at: dt.datetime | None, now: dt.datetime) -> bool:
    """Whether a code may be sent (again)."""
    return sent_at is None or now - sent_at >= SEND_PAUSE


class Timed(Protocol):
    """The time of a plan or a pass."""

    @property
    def ends_at(self) -> dt.datetime | None: ...


Step = Literal["issue", "extend", "nothing"]


def claim_step(
    held: Sequence[Timed], *, validity_days: int | None, valid_until: dt.datetime | None
) -> tuple[Step, Timed | None]:
    """What a claim gives to somebody who holds these passes of the same plan.

    A pass without end gains nothing, nor does one that ends no sooner than the plan does. One with an end gets more
    time from a plan with a validity. From a plan for life it gets a pass of its own.
    """
    for one in held:
        if one.ends_at is None or (valid_until is not None and one.ends_at >= valid_until):
            return "nothing", one
    if held and (validity_days is not None or valid_until is not None):
        return "extend", max(held, key=lambda one: one.ends_at or dt.datetime.max.replace(tzinfo=dt.UTC))
    return "issue", None
