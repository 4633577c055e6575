"""When bringing somebody along earns points: one level, capped, off by default, and only for who stayed."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from qunclub.kernel import N_, Invalid

KIND = "referral_stayed"
DAY = dt.timedelta(days=1)
MOST_DAYS = 365
MOST_YEAR = 100
WHY = {
    "unpaid": N_("The order was not paid."),
    "refunded": N_("Money was given back."),
    "ended": N_("The pass ended before."),
    "capped": N_("The most of a year is reached."),
    "off": N_("Bringing somebody along earned nothing on that day."),
    "same_payer": N_("Buyer and inviter gave the same address or telephone."),
    "inviter": N_("The inviter was suspended or had left."),
    "admin": N_("An admin decided so."),
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What an admin set: the days a pass must be held, and how many a member may earn for in a calendar year (UTC)."""

    days: int = 30
    most: int = 12

    def check(self) -> None:
        """Raises:
        Invalid: naming the field.
        """
        for name, value, least, most in (
            ("days", self.days, 1, MOST_DAYS),
            ("most", self.most, 1, MOST_YEAR),
        ):
            if not least <= value <= most:
                raise Invalid(
                    N_("Write a number between %(least)s and %(most)s."), field=name, least=least, most=most
                )


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a first order by somebody's link.

    Attributes:
        order_state, paid_at, refunded, disputed: of the order; *refunded* in minor units.
        holds_pass: whether the new person holds an open pass.
        same_payer: whether buyer and inviter gave the same address or telephone.
        inviter: whether the inviter has a number and is neither suspended nor gone.
        active: whether the rule of points is on.
        earned: for how many the inviter earned in this calendar year.
    """

    order_state: str
    paid_at: dt.datetime | None
    refunded: int = 0
    disputed: bool = False
    holds_pass: bool = True
    same_payer: bool = False
    inviter: bool = True
    active: bool = True
    earned: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of it: ``earned``, ``void`` with a key of :data:`WHY`, or ``pending`` until *due_at*."""

    state: str
    why: str = ""
    due_at: dt.datetime | None = None


def judge(facts: Facts, terms: Terms, now: dt.datetime) -> Verdict:
    """Whether the inviter earns now, later, or never."""
    if facts.order_state in ("expired", "cancelled"):
        return Verdict("void", "unpaid")
    if facts.refunded > 0 or facts.order_state == "refunded":
        return Verdict("void", "refunded")
    if not facts.inviter:
        return Verdict("void", "inviter")
    if facts.same_payer:
        return Verdict("void", "same_payer")
    if facts.paid_at is None or facts.order_state != "paid" or facts.disputed:
        return Verdict("pending", due_at=now + DAY)
    stayed = facts.paid_at + terms.days * DAY
    if now < stayed:
        return Verdict("pending", due_at=stayed)
    if not facts.holds_pass:
        return Verdict("void", "ended")
    if not facts.active:
        return Verdict("void", "off")
    if facts.earned >= terms.most:
        return Verdict("void", "capped")
    return Verdict("earned")


def same_phone(first: str, second: str) -> bool:
    """Whether two telephone numbers are the same, however they are written.

    >>> same_phone("+86 138-0000-0000", "13800000000"), same_phone("", "")
    (True, False)
    """
    ends = ["".join(ch for ch in text if ch.isdigit())[-11:] for text in (first, second)]
    return len(ends[0]) >= 7 and ends[0] == ends[1]
