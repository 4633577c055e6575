"""Paying by transfer: who is offered it, how long an order waits, when it is reminded. Pure decisions."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from qunclub.kernel import N_

GATEWAY, TRANSFER = "gateway", "transfer"
SUBMITTED, CONFIRMED, REJECTED = "submitted", "confirmed", "rejected"
DEFAULT_DAYS = 3
MOST_DAYS = 30
MOST_WAITING = 5
"""So many proofs of one order may wait for an admin."""
MOST_PROOFS = 20
"""So many proofs one order may have in all."""
MOST_PICTURES = 3
PROOF_LABELS = {
    SUBMITTED: N_("Received, being checked"),
    CONFIRMED: N_("Confirmed"),
    REJECTED: N_("Rejected"),
}
PROOF_KINDS = {SUBMITTED: "info", CONFIRMED: "success", REJECTED: "warning"}
CURRENCY = re.compile(r"^[A-Z]{3}$")

Step = Literal["wait", "proof", "rejected", "paid", "over", "attention"]


@dataclass(frozen=True, slots=True)
class Picture:
    """A collection code: what it is for, and the key of its PNG in the file store."""

    key: str
    label: str


@dataclass(frozen=True, slots=True)
class TransferSettings:
    """How the club takes transfers.

    Attributes:
        text: the instructions in Markdown, by language; ``html`` is the same, made safe when it was saved.
        account: the bank account in plain lines.
        days: how long an order waits for its transfer.
        currencies: what may be paid so.
    """

    on: bool = False
    text: Mapping[str, str] = field(default_factory=dict)
    html: Mapping[str, str] = field(default_factory=dict)
    account: str = ""
    pictures: tuple[Picture, ...] = ()
    days: int = DEFAULT_DAYS
    currencies: tuple[str, ...] = ()

    def instructions(self, locale: str) -> str:
        """The instructions in the reader's language, else in the other one."""
        return self.html.get(locale) or next((html for html in self.html.values() if html), "")

    def picture(self, key: str) -> Picture | None:
        """The picture of that key."""
        return next((one for one in self.pictures if one.key == key), None)


def settings_from(kept: Any) -> TransferSettings:
    """The settings as they are kept."""
    if not isinstance(kept, dict):
        return TransferSettings()
    return TransferSettings(
        on=bool(kept.get("on")),
        text=dict(kept.get("text") or {}),
        html=dict(kept.get("html") or {}),
        account=str(kept.get("account") or ""),
        pictures=tuple(Picture(one["key"], one["label"]) for one in kept.get("pictures") or ()),
        days=int(kept.get("days") or DEFAULT_DAYS),
        currencies=tuple(kept.get("currencies") or ()),
    )


def kept_as(settings: TransferSettings) -> dict[str, Any]:
    """The settings as they are kept."""
    return {
        "on": settings.on,
        "text": dict(settings.text),
        "html": dict(settings.html),
        "account": settings.account,
        "pictures": [{"key": one.key, "label": one.label} for one in settings.pictures],
        "days": settings.days,
        "currencies": list(settings.currencies),
    }


def offered(settings: TransferSettings, *, currency: str, interval: str = "", total: int = 1) -> bool:
    """Whether an order may be paid by transfer: never one that renews itself, or one that costs nothing."""
    return settings.on and not interval and total > 0 and currency.upper() in settings.currencies


def waits_until(created_at: dt.datetime, days: int) -> dt.datetime:
    """Until when an order waits for its transfer; counted from the order, so that changing one's mind adds nothing."""
    return created_at + dt.timedelta(days=days)


def remind_from(created_at: dt.datetime, expires_at: dt.datetime) -> dt.datetime:
    """From when the buyer is reminded: a day before the end, or half-way when the whole wait is short."""
    return expires_at - min(dt.timedelta(days=1), (expires_at - created_at) / 2)


def step_of(state: str, proofs: list[str]) -> Step:
    """Where the buyer stands, by the order's state and those of its proofs (the oldest first)."""
    if state in ("paid", "refunded"):
        return "paid"
    if state == "needs_attention":
        return "attention"
    if SUBMITTED in proofs:
        return "proof"
    if state in ("expired", "cancelled"):
        return "over"
    return "rejected" if proofs and proofs[-1] == REJECTED else "wait"
