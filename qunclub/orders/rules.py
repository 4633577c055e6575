"""The life of an order and what a payment means for it: pure decisions, no database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from qunclub.kernel import N_, Conflict, Invalid

PENDING, PAID, EXPIRED = "pending", "paid", "expired"
CANCELLED, ATTENTION, REFUNDED = "cancelled", "needs_attention", "refunded"

# From each state, where an order may go. What is not here does not happen.
TRANSITIONS: dict[str, frozenset[str]] = {
    # Placed: stock is held until it is paid or ended.
    PENDING: frozenset({PAID, EXPIRED, CANCELLED, ATTENTION}),
    # Time ran out; a late payment is still honoured when stock and seat allow, unless the buyer calls it off.
    EXPIRED: frozenset({PAID, ATTENTION, CANCELLED}),
    # The buyer or an admin said no; money that arrives nevertheless is for people to decide.
    CANCELLED: frozenset({ATTENTION}),
    # Passes issued. A second payment, or a refund the gateway could not carry out, needs a hand.
    PAID: frozenset({REFUNDED, ATTENTION}),
    # Money is here that nothing was given for. An admin fulfils it or gives it back.
    ATTENTION: frozenset({PAID, REFUNDED}),
    # All money went back. More may still arrive.
    REFUNDED: frozenset({ATTENTION}),
}
STATES = tuple(TRANSITIONS)

STATE_LABELS = {
    PENDING: N_("Awaiting payment"),
    PAID: N_("Paid"),
    EXPIRED: N_("Expired"),
    CANCELLED: N_("Cancelled"),
    ATTENTION: N_("Needs attention"),
    REFUNDED: N_("Refunded"),
}
STATE_KINDS = {
    PENDING: "info",
    PAID: "success",
    EXPIRED: "neutral",
    CANCELLED: "neutral",
    ATTENTION: "warning",
    REFUNDED: "neutral",
}
REFUND_LABELS = {"requested": N_("On its way"), "settled": N_("Given back"), "failed": N_("Failed")}
METHOD_LABELS = {
    "card": N_("Card"),
    "alipay": N_("Alipay"),
    "wechat_pay": N_("WeChat Pay"),
    "bank": N_("Bank transfer"),
    "transfer": N_("Transfer"),
    "free": N_("Free of charge"),
}

LATE_NO_STOCK = N_("The payment came after the order had ended, and the stock is gone.")
LATE_NO_SEAT = N_("The payment came after the order had ended, and no seat in the group is free.")
AFTER_CANCEL = N_("The payment came after the order had been cancelled.")
DOUBLE = N_("The order was paid already; this is a second payment.")
WRONG_AMOUNT = N_("The amount paid is not the amount of the order.")
WRONG_CURRENCY = N_("The payment is in another currency than the order.")
MORE_MONEY = N_("Another payment came while the order was waiting for a decision.")
REFUND_FAILED = N_("A refund was requested, but the payment service could not give the money back.")
REFUND_SILENT = N_("A refund got no answer for too long. Look at the payment service before trying again.")


def may_move(state: str, to: str) -> bool:
    """Whether an order may go from *state* to *to*."""
    return to in TRANSITIONS[state]


def check_move(state: str, to: str) -> None:
    """Refuse a step that is not in the table.

    Raises:
        Conflict: with the state in which the order is.
    """
    if not may_move(state, to):
        raise Conflict(BLOCKED[state])


BLOCKED = {
    PENDING: N_("This order is still waiting for its payment."),
    PAID: N_("This order is already paid."),
    EXPIRED: N_("This order has expired."),
    CANCELLED: N_("This order was cancelled."),
    ATTENTION: N_("This order is waiting for an admin's decision."),
    REFUNDED: N_("This order was refunded."),
}


@dataclass(frozen=True, slots=True)
class Due:
    """What a payment is held against.

    Attributes:
        holds: whether the order's stock is still set aside for it.
    """

    state: str
    total: int
    currency: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Supply:
    """What is left when nothing is set aside any more; None means no end.

    Attributes:
        seats: free seats of the plan's group line; None also when it has none.
    """

    wanted: int = 1
    stock: int | None = None
    seats: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Fulfil the order, or put it before an admin for *reason*."""

    fulfil: bool
    reason: str = ""


FULFIL = Verdict(True)


def judge_payment(
    due: Due, *, amount: int, currency: str, supply: Sequence[Supply] = (), obstacle: str = ""
) -> Verdict:
    """What a payment that has just arrived means.

    Args:
        supply: one for each line; looked at only when nothing is held for the order any more.
        obstacle: why what was ordered cannot be given in the way it was meant, when something else has changed.
    """
    if due.state in (PAID, REFUNDED):
        return Verdict(False, DOUBLE)
    if due.state == ATTENTION:
        return Verdict(False, MORE_MONEY)
    if currency.upper() != due.currency:
        return Verdict(False, WRONG_CURRENCY)
    if amount != due.total:
        return Verdict(False, WRONG_AMOUNT)
    if due.state == CANCELLED:
        return Verdict(False, AFTER_CANCEL)
    if obstacle:
        return Verdict(False, obstacle)
    if not due.holds:
        if any(line.stock is not None and line.stock < line.wanted for line in supply):
            return Verdict(False, LATE_NO_STOCK)
        if any(line.seats is not None and line.seats < line.wanted for line in supply):
            return Verdict(False, LATE_NO_SEAT)
    return FULFIL


@dataclass(frozen=True, slots=True)
class Money:
    """One payment as the rules see it: *fulfils* says that passes were given for it."""

    amount: int
    refunded: int
    fulfils: bool

    @property
    def left(self) -> int:
        """What has not been given back."""
        return self.amount - self.refunded


def entitled(payments: Iterable[Money]) -> bool:
    """Whether what was paid still buys the passes: something that fulfilled is not wholly given back."""
    fulfilling = [money for money in payments if money.fulfils]
    return any(money.left > 0 or money.amount == 0 for money in fulfilling)


def settled_state(payments: Sequence[Money]) -> str | None:
    """Where an order belongs by its money alone: paid, refunded, or None while some of it has bought nothing."""
    if not payments or any(money.left > 0 and not money.fulfils for money in payments):
        return None
    return PAID if entitled(payments) else REFUNDED


def check_refund(amount: int, left: int) -> None:
    """Refuse to give back nothing, or more than is left of the payment.

    Raises:
        Invalid: on the field ``amount``.
    """
    if amount <= 0:
        raise Invalid(N_("Write how much is to be given back."), field="amount")
    if amount > left:
        raise Invalid(N_("That is more than is left of this payment."), field="amount")


SweepStep = Literal["fulfil", "wait", "expire", "ask_later"]


def sweep_step(*, answer: str, overdue: dt.timedelta, patience: dt.timedelta) -> SweepStep:
    """What to do with an order whose time ran out, given how its checkout stands.

    Args:
        answer: ``settled``, ``on_its_way`` (done, the money follows), ``closed`` or ``silent`` (no answer).
        overdue: how long ago its time ran out.
        patience: how long silence is waited for before the stock goes back on sale; a payment found later is
            a late payment, and loses nothing.
    """
    if answer == "settled":
        return "fulfil"
    if answer == "on_its_way":
        return "wait"
    if answer == "silent" and overdue < patience:
        return "ask_later"
    return "expire"


def minutes_left(expires_at: dt.datetime | None, now: dt.datetime) -> int:
    """Whole minutes until an order ends, rounded up; 0 when it has."""
    if expires_at is None:
        return 0
    return max(0, -int((now - expires_at).total_seconds() // 60))
