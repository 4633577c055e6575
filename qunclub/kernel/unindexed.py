"""A column that SQLite's planner may not look up by an index.

SQLite plans without knowing how many rows a condition leaves; PostgreSQL keeps statistics and is left alone.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class unindexed(FunctionElement[Any]):  # named as it is read in a query
    """``unindexed(column)``: its value, found row by row along the index that another condition follows.

    On SQLite it is the unary plus of its documentation ("disqualifying WHERE clause terms"), elsewhere the column.
    """

    name = "unindexed"
    inherit_cache = True

    def __init__(self, column: Any) -> None:
        super().__init__(column)
        self.type = column.type


@compiles(unindexed)
def _column(element: unindexed, compiler: SQLCompiler, **how: Any) -> str:
    return str(compiler.process(next(iter(element.clauses)), **how))


@compiles(unindexed, "sqlite")
def _hidden(element: unindexed, compiler: SQLCompiler, **how: Any) -> str:
    return "+" + _column(element, compiler, **how)
