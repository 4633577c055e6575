"""What came in and went back: by day or month, by plan and by way of paying, each currency for itself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, literal_column, select
from sqlalchemy.orm import Session

from qunclub.passes.models import Plan

from . import services_takings
from .models import Payment, Refund
from .models_money import MonthTaking, Taking

TAKINGS_HEADER = (
    "day", "plan", "provider", "method", "currency", "received", "payments", "given_back", "refunds", "net"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One sum: what came, what went back, and how often; in minor units of *currency*."""

    label: Any
    currency: str
    received: int = 0
    payments: int = 0
    refunded: int = 0
    refunds: int = 0

    @property
    def net(self) -> int:
        """What stayed."""
        return self.received - self.refunded


@dataclass(frozen=True, slots=True)
class Takings:
    """The takings of some days.

    Attributes:
        totals: one line for each currency; they are never added to each other.
        days: by day, or by the first day of each month; only those on which something moved.
        as_of: when everything had been booked last.
        waiting: whether something has come since that is not booked yet.
    """

    totals: Sequence[Line]
    days: Sequence[Line]
    plans: Sequence[Line]
    methods: Sequence[Line]
    as_of: dt.datetime | None
    waiting: bool


def takings(session: Session, first: dt.date, last: dt.date, *, by_month: bool = False) -> Takings:
    """The takings from the day *first* to the day *last*, in a constant number of statements."""
    rows = _rows(session, first, last, by_month=by_month)
    plans = {plan_id for _, _, plan_id, *_ in rows}
    named = select(Plan.id, Plan.title).where(Plan.id.in_(plans)).order_by(Plan.id)
    titles = {ident: title for ident, title in session.execute(named)}
    days = _added(rows, lambda day, _plan, _provider, _method: day)
    return Takings(
        totals=totals(days),
        days=sorted(days, key=lambda line: (line.currency, line.label)),
        plans=sorted(_added(rows, lambda _day, plan, _provider, _method: titles[plan]), key=_by_size),
        methods=sorted(_added(rows, lambda _day, _plan, provider, method: (provider, method)), key=_by_size),
        as_of=services_takings.as_of(session),
        waiting=waiting(session),
    )


_Row = tuple[dt.date, str, int, str, str, int, int, int, int]


def _rows(session: Session, first: dt.date, last: dt.date, *, by_month: bool) -> list[_Row]:
    """The rows of those days as they are kept, or of those months: few enough to be added up here."""
    if not by_month:
        return _kept(session, Taking, first, last)
    newest = session.scalar(select(func.max(Taking.day)))
    if newest is not None and newest <= last:
        # Nothing was booked later: the month that still goes on is whole as far as it goes.
        last = _next_month(last) - dt.timedelta(days=1)
    begins, ends = whole_months(first, last)
    if begins >= ends:
        return _of_month(_kept(session, Taking, first, last))
    one_day = dt.timedelta(days=1)
    rows = _kept(session, MonthTaking, begins, ends - one_day)
    if first < begins:
        rows += _of_month(_kept(session, Taking, first, begins - one_day))
    if ends <= last:
        rows += _of_month(_kept(session, Taking, ends, last))
    return rows


def whole_months(first: dt.date, last: dt.date) -> tuple[dt.date, dt.date]:
    """The first day of the first whole month in *first* … *last*, and the day after the last one.

    >>> whole_months(dt.date(2026, 1, 15), dt.date(2026, 4, 9))
    (datetime.date(2026, 2, 1), datetime.date(2026, 4, 1))
    """
    after = last + dt.timedelta(days=1)
    return (first if first.day == 1 else _next_month(first)), after.replace(day=1)


def _kept(session: Session, table: type[Taking | MonthTaking], first: dt.date, last: dt.date) -> list[_Row]:
    query = select(
        table.day, table.currency, table.plan_id, table.provider, table.method,
        table.received, table.payments, table.refunded, table.refunds,
    ).where(table.day >= first, table.day <= last)  # fmt: skip
    return [(*row,) for row in session.execute(query)]


def _of_month(rows: list[_Row]) -> list[_Row]:
    return [(row[0].replace(day=1), *row[1:]) for row in rows]


def _next_month(day: dt.date) -> dt.date:
    return (day.replace(day=1) + dt.timedelta(days=32)).replace(day=1)


def _added(rows: Sequence[_Row], label: Callable[[dt.date, int, str, str], Any]) -> list[Line]:
    """One line for each label and currency."""
    found: dict[tuple[str, Any], list[int]] = {}
    for day, currency, plan_id, provider, method, received, payments, refunded, refunds in rows:
        sums = found.setdefault((currency, label(day, plan_id, provider, method)), [0, 0, 0, 0])
        sums[0] += received
        sums[1] += payments
        sums[2] += refunded
        sums[3] += refunds
    return [Line(name, currency, *sums) for (currency, name), sums in found.items()]


def _by_size(line: Line) -> tuple[str, int]:
    return line.currency, -line.received


def totals(lines: Sequence[Line]) -> list[Line]:
    """One line for each currency."""
    return _merged(Line(None, *_values(line)) for line in lines)


def _values(line: Line) -> tuple[str, int, int, int, int]:
    return line.currency, line.received, line.payments, line.refunded, line.refunds


def _merged(lines: Iterator[Line]) -> list[Line]:
    found: dict[tuple[str, Any], Line] = {}
    for line in lines:
        key = line.currency, line.label
        old = found.get(key, Line(line.label, line.currency))
        found[key] = Line(
            line.label,
            line.currency,
            old.received + line.received,
            old.payments + line.payments,
            old.refunded + line.refunded,
            old.refunds + line.refunds,
        )
    return list(found.values())


def waiting(session: Session) -> bool:
    """Whether there is something that the takings do not know yet."""
    payments = select(Payment.id).where(literal_column("qunclub_payment.to_book")).limit(1)
    refunds = select(Refund.id).where(literal_column("qunclub_refund.to_book")).limit(1)
    row = session.execute(select(payments.scalar_subquery(), refunds.scalar_subquery())).one()
    return row[0] is not None or row[1] is not None


def recent(session: Session, today: dt.date) -> tuple[list[Line], list[Line]]:
    """Today's and this month's takings, a line for each currency: for the admins' front page."""
    rows = _rows(session, today.replace(day=1), today, by_month=False)
    days = _added(rows, lambda day, _plan, _provider, _method: day)
    return totals([line for line in days if line.label == today]), totals(days)


def takings_rows(session: Session, first: dt.date, last: dt.date) -> Iterator[tuple[Any, ...]]:
    """Every row of the takings in those days as a table of record."""
    query = (
        select(Taking, Plan.title)
        .join(Plan, Plan.id == Taking.plan_id)
        .where(Taking.day >= first, Taking.day <= last)
        .order_by(Taking.day, Taking.currency, Taking.plan_id, Taking.provider, Taking.method)
        .execution_options(yield_per=500)
    )
    for row, title in session.execute(query):
        yield (
            row.day.isoformat(), title, row.provider, row.method, row.currency, row.received, row.payments,
            row.refunded, row.refunds, row.received - row.refunded,
        )  # fmt: skip
