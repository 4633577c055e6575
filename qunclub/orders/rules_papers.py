"""Receipts and fapiao: numbers, sums, who may ask for what. Pure decisions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from qunclub.kernel import N_, Invalid

PERSONAL, COMPANY = "personal", "company"
REQUESTED, ISSUED, REJECTED = "requested", "issued", "rejected"
FAPIAO_CURRENCY = "CNY"
FAPIAO_LABELS = {
    REQUESTED: N_("Requested"),
    ISSUED: N_("Already issued"),
    REJECTED: N_("Rejected"),
}
FAPIAO_KINDS = {REQUESTED: "info", ISSUED: "success", REJECTED: "warning"}

NOT_PAID = N_("There is a fapiao once the order is paid.")
FREE = N_("A free order has no fapiao.")
ALL_BACK = N_("All money of this order was given back, so there is no fapiao for it.")
OTHER_CURRENCY = N_("A fapiao is only for orders in yuan.")
SWITCHED_OFF = N_("The club issues no fapiao here. Ask an admin if you need one.")
NO_RECEIPT_YET = N_("There is a receipt once the order is paid.")
NO_RECEIPT_FREE = N_("This order cost nothing, so there is no receipt for it.")

# GB 32100-2015: digits and letters without I, O, S, V and Z; the last one checks the others.
CREDIT_CODE = "0123456789ABCDEFGHJKLMNPQRTUWXY"
IDENTITY_CHECK = "10X98765432"


@dataclass(frozen=True, slots=True)
class PapersSettings:
    """Who issues the papers, and whether buyers may ask for a fapiao; None: where the club's currency is the yuan."""

    issuer: str = ""
    address: str = ""
    contact: str = ""
    tax_id: str = ""
    footer: str = ""
    fapiao: bool | None = None

    def offers_fapiao(self, club_currency: str) -> bool:
        """Whether buyers may ask for one."""
        return club_currency.upper() == FAPIAO_CURRENCY if self.fapiao is None else self.fapiao


def settings_from(kept: Any) -> PapersSettings:
    """The settings as they are kept."""
    if not isinstance(kept, dict):
        return PapersSettings()
    words = {key: str(kept.get(key) or "") for key in ("issuer", "address", "contact", "tax_id", "footer")}
    fapiao = kept.get("fapiao")
    return PapersSettings(**words, fapiao=None if fapiao is None else bool(fapiao))


def receipt_code(number: int) -> str:
    """A receipt's number as it is shown.

    >>> receipt_code(123)
    'R-000123'
    """
    return f"R-{number:06d}"


class Line(Protocol):
    """What a receipt reads of an order line."""

    @property
    def quantity(self) -> int: ...
    @property
    def unit_price(self) -> int: ...
    @property
    def list_price(self) -> int | None: ...
    @property
    def reduction(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Sums:
    """A receipt's arithmetic: ``subtotal`` − ``reduction`` − ``discount`` = the order's total."""

    subtotal: int
    reduction: int
    discount: int

    @property
    def total(self) -> int:
        """What was to be paid."""
        return self.subtotal - self.reduction - self.discount


def sums(lines: Sequence[Line], *, discount: int) -> Sums:
    """What an order's lines and coupons come to."""
    return Sums(
        sum(line.quantity * line.unit_price for line in lines),
        sum(line.reduction for line in lines),
        discount,
    )


def is_early(line: Line) -> bool:
    """Whether a line was bought below the list price of its moment."""
    return line.list_price is not None and line.unit_price < line.list_price


def why_no_fapiao(*, on: bool, state: str, currency: str, total: int, net: int) -> str | None:
    """Why an order cannot have a fapiao now, or None.

    Args:
        net: what was paid, less what was given back.
    """
    if not on:
        return SWITCHED_OFF
    if currency.upper() != FAPIAO_CURRENCY:
        return OTHER_CURRENCY
    if total == 0:
        return FREE
    if state == "refunded":
        return ALL_BACK
    if state != "paid":
        return NOT_PAID
    return None if net > 0 else ALL_BACK


def needs_red(state: str, amount: int | None, net: int) -> bool:
    """Whether money went back after the fapiao was issued, so that it needs a red-letter one (冲红)."""
    return state == ISSUED and amount is not None and net < amount


def check_tax_no(text: str) -> str:
    """A company's tax number as it is kept.

    18 characters: a unified social credit code, or the identity number of who trades in their own name, each with its
    check digit. 15 and 20: the forms given out before 2015.

    Raises:
        Invalid: on ``tax_no``.
    """
    found = re.sub(r"[\s\-]+", "", text).upper()
    if not found:
        raise Invalid(N_("A company's fapiao needs its tax number."), field="tax_no")
    if re.fullmatch(r"\d{6}[0-9A-Z]{9}", found) or re.fullmatch(r"\d{17}[0-9X][0-9A-Z]{2}", found):
        return found
    if is_credit_code(found) or is_identity_number(found):
        return found
    if len(found) == 18 and found.isascii() and found.isalnum():
        raise Invalid(N_("Check this tax number again: one of its characters is wrong."), field="tax_no")
    raise Invalid(N_("A tax number has 18 letters and digits (older ones 15 or 20)."), field="tax_no")


def is_credit_code(text: str) -> bool:
    """Whether *text* is a unified social credit code: its form, and its last character.

    >>> is_credit_code("91350100M000100Y43")
    True
    """
    if not re.fullmatch(rf"[{CREDIT_CODE}]{{2}}\d{{6}}[{CREDIT_CODE}]{{10}}", text):
        return False
    total = sum(CREDIT_CODE.index(ch) * pow(3, place, 31) for place, ch in enumerate(text[:17]))
    return CREDIT_CODE[-total % 31] == text[17]


def is_identity_number(text: str) -> bool:
    """Whether *text* is a resident's identity number, by its last character (GB 11643)."""
    if not re.fullmatch(r"\d{17}[0-9X]", text):
        return False
    total = sum(int(ch) * pow(2, 17 - place, 11) for place, ch in enumerate(text[:17]))
    return IDENTITY_CHECK[total % 11] == text[17]
