"""The takings, for admins: what came in and went back, by day, pass and way of paying, as table, picture and CSV."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from babel import dates, numbers
from flask import Blueprint, Response, request

from qunclub.web import (
    NavItem,
    _,
    _l,
    allow,
    club,
    csv_response,
    locale,
    now,
    reading,
    register,
    render,
)
from qunclub.web.i18n import babel_locale

from . import queries_takings, rules, takings_chart
from .forms import day

bp = Blueprint("orders_takings", __name__, url_prefix="/admin/takings")
register(NavItem("admin", _l("Takings"), "qunclub.orders_takings.index", "graph-up", 17, role="admin"))

RANGES = {
    "month": _l("This month"),
    "last_month": _l("Last month"),
    "days": _l("Last 30 days"),
    "year": _l("This year"),
    "custom": _l("Chosen days"),
}
MOST_DAYS = 366 * 6
# A picture's own policy: its styles stand in it, and it may do nothing else.
PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which days, and how they are put together."""

    span: str
    first: dt.date
    last: dt.date
    by_month: bool

    @property
    def query(self) -> dict[str, str]:
        """The same as it stands in an address."""
        found = {"range": self.span, "by": "month" if self.by_month else "day"}
        if self.span == "custom":
            found |= {"since": self.first.isoformat(), "until": self.last.isoformat()}
        return found


def days_of(
    span: str, today: dt.date, since: dt.date | None, until: dt.date | None
) -> tuple[dt.date, dt.date]:
    """The first and last day of a named range."""
    month = today.replace(day=1)
    if span == "last_month":
        before = month - dt.timedelta(days=1)
        return before.replace(day=1), before
    if span == "days":
        return today - dt.timedelta(days=29), today
    if span == "year":
        return today.replace(month=1, day=1), today
    if span == "custom" and (since or until):
        first, last = since or until or today, until or max(today, since or today)
        first, last = min(first, last), max(first, last)
        return max(first, last - dt.timedelta(days=MOST_DAYS)), last
    return month, today


def _asked() -> Asked:
    today = now().astimezone(club().settings.zone).date()
    since, until = day(request.args.get("since", "")), day(request.args.get("until", ""))
    span = request.args.get("range", "")
    if span not in RANGES:
        span = "custom" if since or until else "month"
    first, last = days_of(span, today, since, until)
    by = request.args.get("by", "")
    long = (last - first).days > 92
    return Asked(span, first, last, by == "month" or (by != "day" and long))


@bp.get("")
@allow("admin")
def index() -> Any:
    """The takings of a range, each currency for itself."""
    asked = _asked()
    with reading() as session:
        found = queries_takings.takings(session, asked.first, asked.last, by_month=asked.by_month)
    return render(
        "orders/admin_takings.html",
        asked=asked,
        takings=found,
        ranges=RANGES,
        methods=rules.METHOD_LABELS,
        label=label_of,
    )


def label_of(day: dt.date, by_month: bool) -> str:
    """A day, or a month, in the reader's language."""
    if by_month:
        return str(dates.format_skeleton("yMMM", day, locale=babel_locale(locale())))
    return str(dates.format_date(day, "medium", locale=babel_locale(locale())))


@bp.get("/chart.svg")
@allow("admin")
def chart() -> Any:
    """The picture of one currency; every day of the range has its place in it, with or without takings."""
    asked, currency = _asked(), request.args.get("currency", "").upper()[:3]
    with reading() as session:
        found = queries_takings.takings(session, asked.first, asked.last, by_month=asked.by_month)
    there = {line.label: line for line in found.days if line.currency == currency}
    places = _places(asked)
    skeleton = "MMM" if asked.by_month else "MMMd"
    if asked.first.year != asked.last.year:
        skeleton = "y" + skeleton
    speech = babel_locale(locale())
    drawn = takings_chart.draw(
        [there.get(place, queries_takings.Line(place, currency)) for place in places],
        labels=[dates.format_skeleton(skeleton, place, locale=speech) for place in places],
        names=(_("Came in"), _("Given back")),
        currency=currency,
        dark=bool(request.args.get("dark")),
        money=lambda value: str(numbers.format_compact_decimal(value, locale=speech, fraction_digits=1)),
    )
    answer = Response(drawn, mimetype="image/svg+xml")
    answer.headers["Content-Security-Policy"] = PICTURE_POLICY
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def _places(asked: Asked) -> list[dt.date]:
    if not asked.by_month:
        return [asked.first + dt.timedelta(days=n) for n in range((asked.last - asked.first).days + 1)]
    found, month = [], asked.first.replace(day=1)
    while month <= asked.last:
        found.append(month)
        month = (month + dt.timedelta(days=32)).replace(day=1)
    return found


@bp.get("/export.csv")
@allow("admin")
def export() -> Any:
    """The takings of a range as a table of record, amounts in minor units."""
    asked = _asked()
    with reading() as session:
        rows = queries_takings.takings_rows(session, asked.first, asked.last)
        return csv_response("takings", queries_takings.TAKINGS_HEADER, rows)
