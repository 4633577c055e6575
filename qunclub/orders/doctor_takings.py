"""Whether the takings say what payments and refunds say: as many, as much, and refunds on their day."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session

from qunclub.kernel import Finding

from .models import Payment, Refund
from .models_money import MonthTaking, Taking

SHOWN = 20


def check(session: Session) -> list[Finding]:
    """What does not agree, in seven statements."""
    found = _compare(
        session,
        "The takings in {0} of {1} say {2} came with {3} payments; the payments booked say {4} with {5}.",
        select(
            Taking.currency, Taking.provider, func.sum(Taking.received), func.sum(Taking.payments)
        ).group_by(Taking.currency, Taking.provider),
        select(Payment.currency, Payment.provider, func.sum(Payment.amount), func.count())
        .where(Payment.to_book.is_(False), Payment.amount != 0)
        .group_by(Payment.currency, Payment.provider),
    )
    found += _compare(
        session,
        "The takings in {0} of {1} say {2} was given back with {3} refunds; the refunds booked say {4} with {5}.",
        select(Taking.currency, Taking.day, func.sum(Taking.refunded), func.sum(Taking.refunds))
        .group_by(Taking.currency, Taking.day)
        .having((func.sum(Taking.refunded) != 0) | (func.sum(Taking.refunds) != 0)),
        select(Payment.currency, Refund.booked_on, func.sum(Refund.booked), func.count())
        .join(Payment, Payment.id == Refund.payment_id)
        .where(Refund.booked != 0)
        .group_by(Payment.currency, Refund.booked_on),
    )
    found += _months(session)
    due = case((Refund.state == "settled", Refund.amount), else_=0)
    odd = (
        select(Refund.id, Refund.booked, due)
        .where(Refund.to_book.is_(False), Refund.booked != due)
        .order_by(Refund.id)
        .limit(SHOWN)
    )
    return found + [
        Finding(
            5,
            f"Refund {ident} stands in the takings with {booked}, but {amount} of it was given back.",
            {"refund_id": ident, "booked": booked, "given_back": amount},
        )
        for ident, booked, amount in session.execute(odd)
    ]


def _months(session: Session) -> list[Finding]:
    """Whether each month is the sum of its days."""
    days: dict[tuple[str, str], list[int]] = {}
    for day, currency, *numbers in session.execute(_sums(Taking)):
        have = days.setdefault((currency, f"{day:%Y-%m}"), [0, 0, 0, 0])
        days[currency, f"{day:%Y-%m}"] = [a + int(b) for a, b in zip(have, numbers, strict=True)]
    months = {
        (currency, f"{day:%Y-%m}"): [int(one) for one in numbers]
        for day, currency, *numbers in session.execute(_sums(MonthTaking))
    }
    odd = sorted(key for key in {*days, *months} if days.get(key) != months.get(key))
    return [
        Finding(
            5,
            f"The takings of the month {month} in {currency} are not the sum of its days.",
            {"currency": currency, "month": month, "kept": months.get(key), "real": days.get(key)},
        )
        for key in odd[:SHOWN]
        for currency, month in [key]
    ]


def _sums(table: type[Taking | MonthTaking]) -> Select[*tuple[Any, ...]]:
    numbers = (table.received, table.payments, table.refunded, table.refunds)
    return select(table.day, table.currency, *map(func.sum, numbers)).group_by(table.day, table.currency)


def _compare(
    session: Session, sentence: str, kept: Select[*tuple[Any, ...]], real: Select[*tuple[Any, ...]]
) -> list[Finding]:
    there = {tuple(row[:2]): tuple(row[2:]) for row in session.execute(kept)}
    here = {tuple(row[:2]): tuple(row[2:]) for row in session.execute(real)}
    found = []
    for key in sorted({*there, *here}, key=str):
        says, is_so = there.get(key, (0, 0)), here.get(key, (0, 0))
        if tuple(map(int, says)) != tuple(map(int, is_so)):
            details = {"currency": key[0], "of": str(key[1]), "kept": int(says[0]), "real": int(is_so[0])}
            found.append(Finding(5, sentence.format(*key, *says, *is_so), details))
    return found[:SHOWN]
