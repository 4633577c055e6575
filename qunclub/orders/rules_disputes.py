"""Disputes, decided: what a notice about one means when notices repeat and come in any order. No database."""

from __future__ import annotations

from qunclub.kernel import N_

INQUIRY, OPEN, WON, LOST = "inquiry", "open", "won", "lost"

# How far along a dispute is; a notice that lies further back than what is known tells nothing new.
RANK = {INQUIRY: 0, OPEN: 1, WON: 2, LOST: 2}
CLOSED = (WON, LOST)

STATE_LABELS = {
    INQUIRY: N_("Inquiry"),
    OPEN: N_("Open dispute"),
    WON: N_("Won"),
    LOST: N_("Lost"),
}
STATE_KINDS = {INQUIRY: "info", OPEN: "warning", WON: "success", LOST: "danger"}
REASON_LABELS = {
    "bank_cannot_process": N_("The bank could not process it"),
    "credit_not_processed": N_("A refund was expected"),
    "customer_initiated": N_("The payer asked for it"),
    "duplicate": N_("Charged twice"),
    "fraudulent": N_("The payer does not know this payment"),
    "general": N_("No particular reason"),
    "incorrect_account_details": N_("Wrong account details"),
    "insufficient_funds": N_("Not enough money in the account"),
    "product_not_received": N_("Not received"),
    "product_unacceptable": N_("Not as described"),
    "subscription_canceled": N_("The membership was cancelled"),
    "unrecognized": N_("The payer does not recognise this payment"),
}

INQUIRY_NOTE = N_("The payer's bank asks about this payment; no money has moved.")
OPEN_NOTE = N_("The payer disputes this payment; what it bought is suspended until the dispute ends.")
WON_NOTE = N_("The dispute was won; what was suspended is open again.")
INQUIRY_OVER_NOTE = N_("The bank's inquiry ended without a dispute.")
LOST_NOTE = N_("The dispute was lost; the bank took the money back.")
LOST_TWICE_NOTE = N_(
    "The dispute was lost, though this money had been given back before: it left the club twice."
)


def step(known: str | None, told: str) -> str | None:
    """The state a dispute takes by a notice; None when the notice tells nothing new.

    A dispute that is closed stays closed.
    """
    if known is None:
        return told
    return told if RANK[told] > RANK[known] else None


def takes(disputed: int, left: int) -> int:
    """How much a lost dispute takes of a payment of which *left* has not gone back yet."""
    return max(0, min(disputed, left))
