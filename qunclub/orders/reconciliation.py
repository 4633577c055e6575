"""The gateway's own list of money held against what the club has written down: every difference, and what to do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from qunclub.kernel import N_

from .reconciliation_file import Listed, There, What

EDGE = dt.timedelta(hours=1)
"""What stands so near the list's begin or end may stand in the list before or after it."""


@dataclass(frozen=True, slots=True)
class Here:
    """What the club has written down of one payment, refund or dispute.

    Attributes:
        state: of a refund or dispute.
        known: the payment's reference at the gateway, for a refund or dispute.
    """

    ref: str
    amount: int
    currency: str
    order: str
    at: dt.datetime
    state: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing on which the two do not agree; amounts in minor units.

    Attributes:
        kind: a key of :data:`KINDS`.
        edge: whether it stands so near the list's begin or end that the next list may settle it.
    """

    kind: str
    what: What
    ref: str
    order: str
    at: dt.datetime
    there: int | None = None
    there_currency: str = ""
    here: int | None = None
    here_currency: str = ""
    line: int | None = None
    edge: bool = False


# What is wrong, and what to do about it.
KINDS = {
    "payment_not_here": (
        N_("Payment at Stripe, but not here"),
        N_(
            "Look it up at Stripe. If it is for an order of this club, replay its notification under “Payment "
            "notifications”; if not, another site shares the account."
        ),
    ),
    "payment_not_there": (
        N_("Payment here, but not in the file"),
        N_("Look it up at Stripe. Was the file made for one currency or another account only?"),
    ),
    "payment_amount": (
        N_("Payment of another amount"),
        N_("Open the order and the payment at Stripe; write a note on the order with what you find."),
    ),
    "payment_currency": (
        N_("Payment in another currency"),
        N_(
            "The file gives what Stripe settled. Have it made again with the columns customer_facing_amount and "
            "customer_facing_currency to compare what buyers paid."
        ),
    ),
    "refund_not_here": (
        N_("Refund at Stripe, but not here"),
        N_("Replay its notification under “Payment notifications”: the refund then has its effect here too."),
    ),
    "refund_not_there": (
        N_("Refund here, but not in the file"),
        N_("Look the payment up at Stripe. If the refund is not there, the buyer still waits for the money."),
    ),
    "refund_amount": (
        N_("Refund of another amount"),
        N_("Open the order and the refund at Stripe; write a note on the order with what you find."),
    ),
    "refund_currency": (N_("Refund in another currency"), N_("As with a payment in another currency.")),
    "refund_came_back": (
        N_("Refund that failed at Stripe, but stands here as given back"),
        N_("Replay its notification under “Payment notifications”; the order then asks for your decision."),
    ),
    "refund_went_out": (
        N_("Refund that failed here, but went out at Stripe"),
        N_("Do not give it back again. Write a note on the order; the buyer has the money."),
    ),
    "dispute_not_here": (
        N_("Dispute at Stripe, but not here"),
        N_("Replay its notification under “Payment notifications”: the passes are then suspended."),
    ),
    "dispute_not_there": (
        N_("Dispute here, but not in the file"),
        N_("Look it up at Stripe; perhaps the bank has only asked so far and no money has moved."),
    ),
    "dispute_amount": (
        N_("Dispute of another amount"),
        N_("Open the order and the dispute at Stripe; write a note on the order with what you find."),
    ),
    "dispute_currency": (N_("Dispute in another currency"), N_("As with a payment in another currency.")),
    "dispute_won": (
        N_("Dispute whose money came back, but which is not won here"),
        N_("Replay its notification under “Payment notifications”: the passes are then open again."),
    ),
}


def compare(
    listed: Listed,
    *,
    payments: Mapping[str, Here],
    refunds: Mapping[str, Here],
    disputes: Mapping[str, Here],
) -> list[Difference]:
    """Every difference, in the order of time.

    Args:
        payments, refunds, disputes: by reference, those that the list names and those that fall into its time.
    """
    found: list[Difference] = []
    orders = {ref: here.order for ref, here in payments.items()}
    sides: tuple[tuple[What, dict[str, There], Mapping[str, Here]], ...] = (
        ("payment", listed.payments, payments),
        ("refund", listed.refunds, refunds),
        ("dispute", listed.disputes, disputes),
    )
    for what, theirs, ours in sides:
        for ref, there in theirs.items():
            kind = _differs(what, there, ours.get(ref))
            if kind:
                order = ours[ref].order if ref in ours else orders.get(there.intent, "")
                found.append(_difference(listed, kind, what, ref, order, there, ours.get(ref)))
        for ref, here in ours.items():
            if ref not in theirs and _expected(what, here) and _within(listed, here.at):
                found.append(_difference(listed, f"{what}_not_there", what, ref, here.order, None, here))
    return sorted(found, key=lambda one: (one.at, one.kind, one.ref))


def _differs(what: What, there: There, here: Here | None) -> str:
    if here is None:
        # Charged and taken back within the list, or the like: nothing came of it, and nothing is missing here.
        return f"{what}_not_here" if there.amount or (what != "payment" and there.came_back) else ""
    if here.currency != there.currency:
        return f"{what}_currency"
    moved = there.amount + there.came_back
    if what == "refund" and there.came_back and here.state == "settled":
        return "refund_came_back"
    if what == "refund" and there.amount > 0 and here.state == "failed":
        return "refund_went_out"
    if what == "dispute" and there.came_back and there.amount <= 0 and here.state != "won":
        return "dispute_won"
    # A list may hold only the return of what went out before it.
    return f"{what}_amount" if moved and moved != here.amount and there.came_back != here.amount else ""


def _expected(what: What, here: Here) -> bool:
    if what == "refund":
        return here.state == "settled"
    return here.state != "inquiry" if what == "dispute" else here.amount > 0


def _within(listed: Listed, at: dt.datetime) -> bool:
    return listed.first is not None and listed.last is not None and listed.first <= at <= listed.last


def _difference(
    listed: Listed, kind: str, what: What, ref: str, order: str, there: There | None, here: Here | None
) -> Difference:
    moment = there.at if there is not None else here.at if here is not None else listed.first
    assert (
        moment is not None and listed.first is not None and listed.last is not None
    )  # one side is always there
    return Difference(
        kind=kind,
        what=what,
        ref=ref,
        order=order,
        at=moment,
        there=None if there is None else there.amount + (there.came_back if what != "payment" else 0),
        there_currency="" if there is None else there.currency,
        here=None if here is None else here.amount,
        here_currency="" if here is None else here.currency,
        line=None if there is None else there.line,
        edge=moment - listed.first < EDGE or listed.last - moment < EDGE,
    )
