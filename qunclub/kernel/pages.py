"""One page of a long list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import Session

T = TypeVar("T")
PER_PAGE = 50
MAX_PAGE = 2_000


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Items of one page and whether more follow. No total: counting a long table costs with its length."""

    items: list[T]
    page: int = 1
    per_page: int = PER_PAGE
    has_next: bool = False

    @property
    def has_prev(self) -> bool:
        """Whether a page stands before this one."""
        return self.page > 1


def paginate(
    session: Session, query: Select[*tuple[Any, ...]], *, page: int, per_page: int = PER_PAGE
) -> Page[Any]:
    """Rows of *query* for *page* (from 1); reads one row more than it shows to know whether another page follows."""
    page = max(1, min(page, MAX_PAGE))
    rows = session.execute(query.limit(per_page + 1).offset((page - 1) * per_page)).all()
    items: list[Any] = [row[0] if len(row) == 1 else row for row in rows[:per_page]]
    return Page(items=items, page=page, per_page=per_page, has_next=len(rows) > per_page)
