"""How a row of the club becomes a line of somebody's own data."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import inspect

from qunclub.kernel import Base

Rows = list[dict[str, Any]]
# Internal links that mean nothing outside the database, and what is another person's.
LEFT_OUT = {
    "member_id", "user_key", "version", "holds_stock", "claimed_by", "reviewer_id", "checkout_url", "storage_key",
    "body_html", "detail_html", "comment_html", "image_key", "file_key", "decided_by", "granted_by",
}  # fmt: skip


def plain(row: Base, **more: Any) -> dict[str, Any]:
    """A row's columns as JSON values."""
    values = {
        column.key: getattr(row, column.key)
        for column in inspect(type(row)).column_attrs
        if column.key not in LEFT_OUT
    }
    return {**more, **{key: _json(value) for key, value in values.items()}}


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.date) else value
