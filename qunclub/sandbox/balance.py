"""The account's statement as Stripe's report "balance change from activity, itemised" writes it."""

from __future__ import annotations

import csv
import datetime as dt
import io
from decimal import Decimal

from . import objects
from .books import BALANCE, CHARGE, CUSTOMER, DISPUTE, SESSION, Books
from .objects import PRIVATE, Object

COLUMNS = (
    "balance_transaction_id",
    "created_utc",
    "created",
    "available_on_utc",
    "available_on",
    "currency",
    "gross",
    "fee",
    "net",
    "reporting_category",
    "source_id",
    "description",
    "customer_facing_amount",
    "customer_facing_currency",
    "customer_id",
    "customer_email",
    "charge_id",
    "payment_intent_id",
    "invoice_id",
    "subscription_id",
    "payment_method_type",
    "dispute_reason",
    "payment_metadata[order]",
)


def report(books: Books) -> str:
    """Every line, the oldest first; money in major units, times in UTC."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    lines = books.store.newest(BALANCE, after=None, limit=-1)
    for line in reversed(lines):
        writer.writerow(_row(books, line))
    return text.getvalue()


def _row(books: Books, line: Object) -> dict[str, str]:
    charge = books.kept(CHARGE, line[PRIVATE]["charge"])
    private, currency = charge[PRIVATE], line["currency"]
    refunded = line["reporting_category"] in ("charge", "refund")
    found = books.store.get(DISPUTE, line["source"])
    created, available = _moment(line["created"]), _moment(line["available_on"])
    who = _buyer(books, charge)
    return {
        "balance_transaction_id": line["id"],
        "created_utc": created,
        "created": created,
        "available_on_utc": available,
        "available_on": available,
        "currency": currency,
        "gross": _major(line["amount"], currency),
        "fee": _major(line["fee"], currency),
        "net": _major(line["net"], currency),
        "reporting_category": line["reporting_category"],
        "source_id": line["source"],
        "description": line["description"] or "",
        "customer_facing_amount": _major(line["amount"], currency) if refunded else "",
        "customer_facing_currency": currency if refunded else "",
        "customer_id": charge["customer"] or "",
        "customer_email": who,
        "charge_id": charge["id"],
        "payment_intent_id": charge["payment_intent"],
        "invoice_id": private.get("invoice", ""),
        "subscription_id": private.get("subscription", ""),
        "payment_method_type": charge["payment_method_details"]["type"],
        "dispute_reason": found["reason"] if found else "",
        "payment_metadata[order]": charge["metadata"].get("order", ""),
    }


def _buyer(books: Books, charge: Object) -> str:
    """Who paid a charge."""
    if charge["customer"]:
        return str(books.kept(CUSTOMER, charge["customer"])["email"] or "")
    session = books.store.get(SESSION, charge[PRIVATE].get("session", ""))
    return str(session["customer_email"] or "") if session else ""


def _major(amount: int, currency: str) -> str:
    return str(Decimal(amount).scaleb(-objects.digits(currency)))


def _moment(stamp: int) -> str:
    return f"{dt.datetime.fromtimestamp(stamp, dt.UTC):%Y-%m-%d %H:%M:%S}"
