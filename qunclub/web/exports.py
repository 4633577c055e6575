"""Tables of record as CSV: streamed, readable by spreadsheets in Chinese, and harmless in them."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from flask import Response, stream_with_context

from .render import local
from .state import club

# A cell that begins so would be a formula in a spreadsheet: names are people's own words.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value: Any) -> str:
    """A value as a cell: times in the club's zone, formulas defused, numbers as they are."""
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return local(value).isoformat(sep=" ", timespec="seconds")
    text = str(value)
    return "'" + text if isinstance(value, str) and text.startswith(FORMULA) else text


def csv_response(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """A download ``<name>.csv``; *rows* are read while they are sent, by the request's own session."""
    session = club().session()

    def lines() -> Iterator[str]:
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        # Without the mark, Excel reads UTF-8 as the machine's old encoding.
        buffer.write("\ufeff")
        writer.writerow(header)
        try:
            for row in rows:
                writer.writerow([cell(value) for value in row])
                if buffer.tell() > 16_384:
                    yield buffer.getvalue()
                    buffer.seek(0)
                    buffer.truncate()
            yield buffer.getvalue()
        finally:
            # The request has been over for the session since before the first row: nobody else gives back the
            # connection that these rows took, not before the memory of all is looked through.
            session.close()

    return Response(
        stream_with_context(lines()),
        mimetype="text/csv",
        headers={
            "Content-Disposition": f'attachment; filename="{name}.csv"',
            "Cache-Control": "private, no-store",
        },
    )
