"""Reading the gateway's own list of money: pure, no database.

The list is Stripe's "balance change from activity" report, itemised, as its dashboard and its API give it out; the
balance history of the dashboard, whose columns have other names, is read too. One line is one movement of money.
"""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Literal

from qunclub.kernel import N_, Invalid
from qunclub.kernel.money import exponent

MOST_BYTES = 20_000_000

# Each column under the names it goes by.
COLUMNS = {
    "created": ("created_utc", "created", "date", "created_date_utc"),
    "category": ("reporting_category", "type", "category"),
    "currency": ("currency",),
    "gross": ("gross", "amount"),
    "fee": ("fee", "fees"),
    "net": ("net",),
    "source": ("source_id", "source"),
    "charge": ("charge_id", "charge"),
    "intent": ("payment_intent_id", "payment_intent"),
    "faced": ("customer_facing_amount",),
    "faced_currency": ("customer_facing_currency",),
}
NEEDED = ("created", "category", "currency", "gross")
CHARGE = {"charge", "payment", "charge_failure", "payment_failure_refund", "partial_capture_reversal"}
REFUND = {"refund", "payment_refund", "refund_failure", "payment_refund_failure"}
DISPUTE = {"dispute", "dispute_reversal"}
What = Literal["payment", "refund", "dispute"]


def normal(name: str) -> str:
    """A column's name without case, spaces and signs: ``Created (UTC)`` is ``created_utc``."""
    return re.sub(r"[^a-z0-9]+", "_", name.lstrip("\ufeff").lower()).strip("_")


@dataclass(slots=True)
class There:
    """What the list says of one payment, refund or dispute, all its lines together.

    Attributes:
        amount: minor units; what was charged, given back or taken by the bank, less what came back of that.
        came_back: what a failed refund or a dispute that was won returned.
        intent: the payment it is about, as far as the list says.
        line: where it stands first.
    """

    ref: str
    currency: str
    at: dt.datetime
    line: int
    intent: str = ""
    amount: int = 0
    came_back: int = 0


@dataclass(slots=True)
class Sum:
    """All lines of one currency."""

    lines: int = 0
    gross: int = 0
    fee: int = 0
    net: int = 0


@dataclass(slots=True)
class Listed:
    """The whole list."""

    first: dt.datetime | None = None
    last: dt.datetime | None = None
    lines: int = 0
    others: int = 0
    sums: dict[str, Sum] = field(default_factory=dict)
    payments: dict[str, There] = field(default_factory=dict)
    refunds: dict[str, There] = field(default_factory=dict)
    disputes: dict[str, There] = field(default_factory=dict)


def read(lines: Iterable[str], zone: dt.tzinfo) -> Listed:
    """Read the list.

    Args:
        zone: of times that do not say theirs.

    Raises:
        Invalid: on the field ``file``, with the line and the column that cannot be read.
    """
    listed, intents = Listed(), {}
    found: list[tuple[int, dict[str, str]]] = []
    for number, row in _rows(lines):
        if row.get("charge") and row.get("intent"):
            intents[row["charge"]] = row["intent"]
        elif row.get("intent") and row.get("source", "").startswith(("ch_", "py_")):
            intents[row["source"]] = row["intent"]
        found.append((number, row))
    for number, row in found:
        _add(listed, number, row, intents, zone)
    if not listed.lines:
        raise Invalid(N_("The file has no lines below its headings."), field="file")
    return listed


def _rows(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(lines)
    try:
        head = [normal(name) for name in next(reader, [])]
        places = {}
        for column, names in COLUMNS.items():
            place = next((head.index(name) for name in names if name in head), None)
            if place is not None:
                places[column] = place
        for column in NEEDED:
            if column not in places:
                raise Invalid(
                    N_("This is not Stripe's list: its first line has no column “%(column)s”."),
                    field="file",
                    column=COLUMNS[column][0],
                )
        if not {"source", "charge", "intent"} & places.keys():
            raise Invalid(
                N_("This is not Stripe's list: its first line has no column “%(column)s”."),
                field="file",
                column="source_id",
            )
        for row in reader:
            if any(cell.strip() for cell in row):
                cells = {
                    name: row[place].strip() if place < len(row) else "" for name, place in places.items()
                }
                yield (
                    reader.line_num,
                    {**cells, "_utc": "1" if head[places["created"]].endswith("utc") else ""},
                )
    except csv.Error:
        raise Invalid(
            N_("Line %(line)s cannot be read as CSV."), field="file", line=reader.line_num
        ) from None
    except UnicodeDecodeError:
        raise Invalid(
            N_("The file is not a CSV in UTF-8: it cannot be read after line %(line)s."),
            field="file",
            line=reader.line_num,
        ) from None


def _add(
    listed: Listed, number: int, row: Mapping[str, str], intents: Mapping[str, str], zone: dt.tzinfo
) -> None:
    at = _moment(row, number, zone)
    currency = row["currency"].upper()
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise _bad("currency", number, row["currency"])
    gross = _amount(row, "gross", currency, number)
    fee = _amount(row, "fee", currency, number)
    net = _amount(row, "net", currency, number) if row.get("net") else gross - fee
    total = listed.sums.setdefault(currency, Sum())
    total.lines += 1
    total.gross, total.fee, total.net = total.gross + gross, total.fee + fee, total.net + net
    listed.lines += 1
    listed.first = at if listed.first is None else min(listed.first, at)
    listed.last = at if listed.last is None else max(listed.last, at)
    source, charge = row.get("source", ""), row.get("charge", "")
    intent = row.get("intent") or intents.get(charge) or intents.get(source) or ""
    faced = gross
    if row.get("faced") and row.get("faced_currency"):
        # What the buyer saw, when it was settled in another currency; its sign is that of the movement.
        currency = row["faced_currency"].upper()
        faced = abs(_amount(row, "faced", currency, number)) * (-1 if gross < 0 else 1)
    what = _what(row["category"].lower(), source)
    if what is None:
        listed.others += 1
        return
    ref = (intent or charge or source) if what == "payment" else source
    if not ref:
        raise _bad("source", number, "")
    kept = {"payment": listed.payments, "refund": listed.refunds, "dispute": listed.disputes}[what]
    there = kept.get(ref)
    if there is None:
        there = kept[ref] = There(ref, currency, at, number, intent)
    moved = faced if what == "payment" else -faced
    there.amount += moved
    if what != "payment" and moved < 0:
        there.came_back += -moved


def _what(category: str, source: str) -> What | None:
    if category in CHARGE:
        return "payment"
    if category in REFUND:
        return "refund"
    if category in DISPUTE:
        return "dispute"
    if category == "adjustment":
        # The balance history's one word for several things.
        if source.startswith(("dp_", "du_")):
            return "dispute"
        if source.startswith(("re_", "pyr_")):
            return "refund"
    return None


def _bad(column: str, line: int, value: str) -> Invalid:
    return Invalid(
        N_("Line %(line)s, column “%(column)s”: “%(value)s” cannot be read."),
        field="file",
        line=line,
        column=COLUMNS[column][0],
        value=value[:40],
    )


def _moment(row: Mapping[str, str], line: int, zone: dt.tzinfo) -> dt.datetime:
    try:
        at = dt.datetime.fromisoformat(row["created"])
    except ValueError:
        raise _bad("created", line, row["created"]) from None
    if at.tzinfo is None:
        at = at.replace(tzinfo=dt.UTC if row["_utc"] else zone)
    return at.astimezone(dt.UTC)


def _amount(row: Mapping[str, str], column: str, currency: str, line: int) -> int:
    """An amount in major units, with a point or a comma, as minor units."""
    text = row.get(column, "").replace(" ", "").replace("\u00a0", "")
    if not text and column != "gross":
        return 0
    digits = exponent(currency)
    comma, point = text.rfind(","), text.rfind(".")
    if comma > point and (point >= 0 or (digits and len(text) - comma - 1 <= digits)):
        text = text.replace(".", "").replace(",", ".")
    else:
        text = text.replace(",", "")
    try:
        value = Decimal(text).scaleb(digits)
    except InvalidOperation:
        raise _bad(column, line, row.get(column, "")) from None
    if not value.is_finite() or value != value.to_integral_value() or abs(value) > 10**15:
        raise _bad(column, line, row.get(column, ""))
    return int(value)
