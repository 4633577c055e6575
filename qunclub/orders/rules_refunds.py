"""Giving back, decided: what a claim code is worth, which payment pays, and when buyers may do it themselves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from qunclub.kernel import N_, Invalid

from . import rules

NO_PROMISE = N_("This pass was sold without a promise to take it back. Write to us, and a person decides.")
IN_HANDS = N_("A person is looking at this order and decides about its money.")
IN_PARTS = N_("A part of this order was given back already, or it was paid in parts. Write to us.")
TOO_LATE = N_("It could be given back until %(until)s.")
TOO_FAR = N_("It can be given back up to %(limit)s %% of the lessons done; you have done %(percent)s %%.")
CLAIMED = N_("A pass of this order was claimed already, so the order cannot be given back as a whole.")
NO_CODES = N_("None of its codes is left to give back: they were claimed or revoked.")
UPGRADE_FIRST = N_("An upgrade stands on this pass. Give back the order %(code)s first.")
DISPUTED = N_("A dispute about this payment is open: the bank decides about its money. Wait for the outcome.")
TO_SEND = N_("The buyer gave the order back. It was paid by transfer: send the money, then say so here.")
STALE = N_("Something changed since you looked. Look again at what giving back does now.")


def shares(total: int, weights: Sequence[int]) -> list[int]:
    """Split *total* in proportion to *weights* by the largest remainder; the parts add up exactly.

    Equal remainders go to the earlier part. Without any weight all parts are alike.
    """
    if not weights:
        return []
    if not any(weights):
        weights = [1] * len(weights)
    whole = sum(weights)
    floors = [total * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda n: (-(total * weights[n] % whole), n))
    for n in by_remainder[: total - sum(floors)]:
        floors[n] += 1
    return floors


def spread(amount: int, left: Mapping[int, int]) -> dict[int, int]:
    """Take *amount* from payments (id → what is left of it), the first ones first.

    Raises:
        Invalid: when they do not have so much left.
    """
    taken: dict[int, int] = {}
    for ident, most in left.items():
        part = min(amount, most)
        if part > 0:
            taken[ident] = part
            amount -= part
    if amount > 0:
        raise Invalid(N_("That is more than is left of this order's payments."), field="amount")
    return taken


def percent_done(done: int, lessons: int) -> int:
    """How much of the lessons is done, in percent, rounded up: so that what is shown is what is compared."""
    return -(-done * 100 // lessons) if lessons else 0


@dataclass(frozen=True, slots=True)
class OwnFacts:
    """What decides whether buyers may give an order back themselves.

    Attributes:
        days: for how long the plan promises it, None when it does not.
        limit: up to how much of the lessons done, in percent.
        payments: how many payments have money left.
        refunded: what was given back so far.
        claimed: how many of its claim codes were used.
    """

    state: str
    disputed: bool
    total: int
    days: int | None
    limit: int
    paid_at: dt.datetime | None
    lessons: int
    done: int
    payments: int
    refunded: int
    claimed: int = 0


@dataclass(frozen=True, slots=True)
class OwnAnswer:
    """Whether they may.

    Attributes:
        shown: whether the order's page speaks of it at all.
        reason: why not, a msgid with *params* (``until`` among them is a moment).
        asks: whether a person can still be asked.
        until: when the promise ends.
    """

    may: bool
    shown: bool = True
    reason: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    until: dt.datetime | None = None
    percent: int = 0
    limit: int = 100
    asks: bool = False


def may_give_back(facts: OwnFacts, now: dt.datetime) -> OwnAnswer:
    """Whether buyers may give an order back themselves at this moment, and why not."""
    if facts.state == rules.ATTENTION or (facts.disputed and facts.state == rules.PAID):
        return OwnAnswer(False, reason=IN_HANDS)
    if facts.state != rules.PAID or facts.paid_at is None or facts.total == 0:
        return OwnAnswer(False, shown=False)
    if facts.days is None:
        return OwnAnswer(False, reason=NO_PROMISE, asks=True)
    until = facts.paid_at + dt.timedelta(days=facts.days)
    percent = percent_done(facts.done, facts.lessons)

    def no(reason: str, **params: Any) -> OwnAnswer:
        return OwnAnswer(False, True, reason, params, until, percent, facts.limit, asks=True)

    if now >= until:
        return no(TOO_LATE, until=until)
    if percent > facts.limit:
        return no(TOO_FAR, limit=facts.limit, percent=percent)
    if facts.claimed:
        return no(CLAIMED)
    if facts.refunded or facts.payments != 1:
        return no(IN_PARTS)
    return OwnAnswer(True, until=until, percent=percent, limit=facts.limit)


def may_give_codes_back(facts: OwnFacts, open_codes: int, now: dt.datetime) -> OwnAnswer:
    """Whether buyers may give codes that nobody claimed back themselves: inside the promise, however many were used.

    What others learn with the codes they claimed is no reason to keep the rest.
    """
    answer = may_give_back(replace(facts, claimed=0, refunded=0, payments=1, done=0), now)
    if answer.may and not open_codes:
        return replace(answer, may=False, reason=NO_CODES)
    return answer


def upgrade_first(answer: OwnAnswer, code: str) -> OwnAnswer:
    """The answer when an upgrade, bought with the order *code*, stands on what would end."""
    return replace(answer, may=False, reason=UPGRADE_FIRST, params={"code": code})
