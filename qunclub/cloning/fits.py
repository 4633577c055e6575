"""Whether what a file says has room in the club; what has not is told with its place, before anything is made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import BigInteger, Integer, String

from qunclub.kernel import Base

from .carried import COLUMNS
from .rules import KEY, Broken, Template

HIGHEST = 2**31 - 1
"""The largest number of an ordinary column."""


def check(template: Template) -> None:
    """Refuse what is longer or larger than its column: PostgreSQL would, and SQLite would keep what no form can save.

    Raises:
        Broken: naming every such place.
    """
    problems = [
        f"{where}: {said}"
        for table, columns in COLUMNS.items()
        for column, place in columns.items()
        if isinstance(place, tuple)
        for where, said in _problems(
            template, *place, Base.metadata.tables[f"qunclub_{table}"].c[column].type
        )
    ]
    if problems:
        raise Broken(problems)


def _problems(template: Template, part: str, field: str, kind: Any) -> Iterator[tuple[str, str]]:
    held = getattr(template, part)
    for one in held if isinstance(held, tuple) else (held,):
        value = getattr(one, field, None)
        where = f"{part}: {getattr(one, KEY[part])[:80]}.{field}" if part in KEY else f"{part}.{field}"
        if isinstance(kind, String) and kind.length and isinstance(value, str) and len(value) > kind.length:
            yield where, f"must be a text of at most {kind.length} characters."
        small = isinstance(kind, Integer) and not isinstance(kind, BigInteger)
        if small and isinstance(value, int) and abs(value) > HIGHEST:
            yield where, f"must be a whole number of at most {HIGHEST}."
