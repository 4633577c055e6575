"""The one rule of the way in: who may see a group's chat, its QR and the entry ticket, and if not, why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from qunclub.kernel import N_

Closed = Literal[
    "", "waiting", "offered", "left", "removed", "suspended", "suspended_payment", "covenant", "introduction"
]

CLOSED_WORDS: dict[Closed, str] = {
    "": "",
    "waiting": N_("You wait for a seat; the way in opens with it."),
    "offered": N_("A seat is kept for you; the way in opens when you take it."),
    "left": N_("Your seat has ended."),
    "removed": N_("Your seat was taken back."),
    "suspended": N_("Your membership is suspended; the way in is closed as long as it is."),
    "suspended_payment": N_(
        "The payment for your pass is disputed at the bank. Your seat is kept; the way in opens again when the dispute "
        "ends in favour of the payment."
    ),
    "covenant": N_("Read the covenant of the group and accept it; then the way in is here."),
    "introduction": N_("Introduce yourself on your group's page; then the way in is here."),
}


@dataclass(frozen=True, slots=True)
class EntryFacts:
    """What decides about the way in.

    Attributes:
        seat: the state of the seat.
        covenant: whether the version in force is accepted, or there is none.
        introduced: whether the line asks for no introduction, or it is given.
        suspended: whether the member is.
        disputed: whether every pass that keeps the seat is suspended because its payment is disputed.
    """

    seat: str
    covenant: bool = True
    introduced: bool = True
    suspended: bool = False
    disputed: bool = False


def why_closed(facts: EntryFacts) -> Closed:
    """Why the way in is closed, empty when it is open; what the member can mend themselves comes last."""
    if facts.seat in ("left", "removed"):
        return "left" if facts.seat == "left" else "removed"
    if facts.suspended:
        return "suspended"
    if facts.disputed:
        return "suspended_payment"
    if facts.seat in ("waiting", "offered"):
        return "waiting" if facts.seat == "waiting" else "offered"
    if not facts.covenant:
        return "covenant"
    return "" if facts.introduced else "introduction"


def may_enter(facts: EntryFacts) -> bool:
    """Whether the way in is open."""
    return why_closed(facts) == ""
