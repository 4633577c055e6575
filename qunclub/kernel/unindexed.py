"""A column that SQLite's planner may not look up by an index, and one that PostgreSQL's looks up by no other.

SQLite plans without knowing how many rows a condition leaves. PostgreSQL keeps statistics, and is left alone but where
it reads a whole table to join it with a choice that it takes to be larger than it is.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, CompoundSelect, Select
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


class among(FunctionElement[bool]):  # named as it is read in a query
    """``among(column, choice)``: whether its value is one of those that *choice*, a select of its own, finds first.

    ``column IN (choice)``; for PostgreSQL an array, which it finds once and then looks up by the index of the column.
    """

    name = "among"
    type = Boolean()
    inherit_cache = True

    def __init__(self, column: Any, choice: Select[Any] | CompoundSelect[Any]) -> None:
        super().__init__(column, choice.scalar_subquery())

    def self_group(self, against: Any = None) -> Any:
        """Itself: compared with 1, as SQLite's conditions are, it would be read row by row and no index followed."""
        return self


@compiles(among)
def _one_of(element: among, compiler: SQLCompiler, **how: Any) -> str:
    column, choice = (str(compiler.process(one, **how)) for one in element.clauses)
    return f"({column} IN {choice})"


@compiles(among, "postgresql")
def _one_of_array(element: among, compiler: SQLCompiler, **how: Any) -> str:
    column, choice = (str(compiler.process(one, **how)) for one in element.clauses)
    return f"({column} = ANY (ARRAY{choice}))"
