"""Recurring memberships: how they live, when their members are told, what a gateway's word means. No database."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from qunclub.kernel import N_

PENDING, ACTIVE, PAST_DUE, ENDED = "pending", "active", "past_due", "ended"

# From each state, where a membership may go. What is not here does not happen.
TRANSITIONS: dict[str, frozenset[str]] = {
    # Written down with its order; the first payment begins it.
    PENDING: frozenset({ACTIVE, ENDED}),
    # Paid for until the end of its period.
    ACTIVE: frozenset({PAST_DUE, ENDED}),
    # A renewal failed: open until the grace has passed.
    PAST_DUE: frozenset({ACTIVE, ENDED}),
    # Never charged again.
    ENDED: frozenset(),
}
STATES = tuple(TRANSITIONS)
LIVE = (ACTIVE, PAST_DUE)

STATE_LABELS = {
    PENDING: N_("Not begun"),
    ACTIVE: N_("Renews by itself"),
    PAST_DUE: N_("Renewal failed"),
    ENDED: N_("Ended"),
}
STATE_KINDS = {PENDING: "neutral", ACTIVE: "success", PAST_DUE: "warning", ENDED: "neutral"}
CANCELLING = N_("Ends by itself")
INTERVAL_LABELS = {"month": N_("every month"), "year": N_("every year")}

END_CANCELLED = N_("It was cancelled.")
END_GATEWAY = N_("The payment service ended it.")
END_LAPSED = N_("A renewal was not paid in time.")
END_REFUNDED = N_("Its money was given back.")
END_REVOKED = N_("Its pass was revoked.")

NO_PASS = N_("A renewal was paid, but the pass it renews has ended.")

Step = Literal["first", "midway", "last"]
# How long before the pass closes the last notice is sent.
LAST_NOTICE = dt.timedelta(days=1)


def may_move(state: str, to: str) -> bool:
    """Whether a membership may go from *state* to *to*."""
    return to in TRANSITIONS[state]


def grace_end(paid_until: dt.datetime, grace_days: int) -> dt.datetime:
    """Until when a recurring pass stays open while its renewal is not paid."""
    return paid_until + dt.timedelta(days=grace_days)


def notice_due(
    *, past_due_since: dt.datetime, grace_until: dt.datetime, now: dt.datetime
) -> tuple[Step | None, dt.datetime]:
    """Which notice of a failed renewal the member should have by now: the latest, the others are not made up for.

    Returns:
        The step, None once the grace has passed; and the moment at which the next thing is due.
    """
    midway = past_due_since + (grace_until - past_due_since) / 2
    last = max(grace_until - LAST_NOTICE, midway)
    if now >= grace_until:
        return None, grace_until
    if now >= last:
        return "last", grace_until
    if now >= midway:
        return "midway", last
    return "first", midway


def label(state: str, *, cancel_at_end: bool) -> str:
    """The state in words, as a msgid."""
    return CANCELLING if state == ACTIVE and cancel_at_end else STATE_LABELS[state]


def kind(state: str, *, cancel_at_end: bool) -> str:
    """How the state's badge looks."""
    return "info" if state == ACTIVE and cancel_at_end else STATE_KINDS[state]


Wish = Literal["none", "end_now", "end_later", "go_on"]


def wish(*, state: str, cancel_at_end: bool) -> Wish:
    """What the club wants the gateway to do with a membership, whatever was wanted before."""
    if state == ENDED:
        return "end_now"
    if state == PENDING:
        return "none"
    return "end_later" if cancel_at_end else "go_on"


def open_until(
    *, state: str, period_ends_at: dt.datetime | None, grace_until: dt.datetime | None
) -> dt.datetime | None:
    """Until when the pass of a membership is open if nothing more is paid."""
    if state == PAST_DUE and grace_until is not None:
        return grace_until
    return period_ends_at


def may_resume(
    *, state: str, cancel_at_end: bool, period_ends_at: dt.datetime | None, now: dt.datetime
) -> bool:
    """Whether a cancellation can still be taken back."""
    return state in LIVE and cancel_at_end and period_ends_at is not None and now < period_ends_at
