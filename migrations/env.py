"""Alembic environment of the club; it runs on the connection it is handed, never on a URL of its own."""

from typing import Any

from alembic import context
from sqlalchemy import Connection

from qunclub.kernel import UTCDateTime
from qunclub.migrate import VERSION_TABLE, ours
from qunclub.models import metadata


def render_item(kind: str, item: Any, _context: Any) -> str | bool:
    """Write plain SQLAlchemy types: a migration must not change when our classes do."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    return False


connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    include_name=ours,
    render_item=render_item,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
