"""Alembic environment of the club; it runs on the connection it is handed, never on a URL of its own."""

from typing import Any

from alembic import context
from alembic.operations import ops
from sqlalchemy import Boolean, Connection, DefaultClause, Integer, String, Text, text

from qunclub.kernel import UTCDateTime
from qunclub.migrate import VERSION_TABLE, ours
from qunclub.models import metadata


def render_item(kind: str, item: Any, _context: Any) -> str | bool:
    """Write plain SQLAlchemy types: a migration must not change when our classes do."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def fill_new_columns(_context: Any, _revision: Any, directives: list[Any]) -> None:
    """Give every new NOT NULL column a value for the rows that are there: the model's own default."""
    for script in directives:
        for table in script.upgrade_ops.ops if script.upgrade_ops else ():
            for op in table.ops if isinstance(table, ops.ModifyTableOps) else ():
                if isinstance(op, ops.AddColumnOp) and not op.column.nullable:
                    op.column.server_default = DefaultClause(text(_written(op.column)))


def _written(column: Any) -> str:
    value = column.default.arg if column.default is not None and column.default.is_scalar else None
    if isinstance(column.type, Boolean):
        return "true" if value else "false"
    if isinstance(column.type, Integer):
        return str(value or 0)
    if isinstance(column.type, String | Text):
        return "'" + str(value or "") + "'"
    raise SystemExit(f"Give {column} a default, or make it nullable: old rows need a value.")


connection: Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    include_name=ours,
    render_item=render_item,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
    process_revision_directives=fill_new_columns,
)
with context.begin_transaction():
    context.run_migrations()
