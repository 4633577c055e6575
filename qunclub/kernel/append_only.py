"""Tables whose rows are written once: the database itself refuses UPDATE and DELETE, whoever sends them.

A model asks for it by ``info={"append_only": True}`` in its table arguments; the migration that makes the table calls
:func:`guard`. A later migration that changes such a table by ``batch_alter_table`` must :func:`release` it before and
guard it again after: SQLite makes the table anew, and triggers do not come along. :func:`unguarded` finds who forgot.
"""

from __future__ import annotations

from sqlalchemy import Connection, MetaData, text

_FUNCTION = "qunclub_refuse_change"
_POSTGRES = f"""
CREATE OR REPLACE FUNCTION {_FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
END $$
"""


def _names(table: str, dialect: str) -> list[str]:
    acts = ("update", "delete") if dialect == "sqlite" else ("change", "truncate")
    return [f"{table}_no_{act}" for act in acts]


def guard(connection: Connection, table: str) -> None:
    """Let the database refuse every UPDATE and DELETE (PostgreSQL: TRUNCATE too) of *table*'s rows.

    Args:
        table: a name of our own, never a visitor's: it is written into the statement.
    """
    first, second = _names(table, connection.dialect.name)
    if connection.dialect.name == "sqlite":
        for name, act in ((first, "UPDATE"), (second, "DELETE")):
            connection.execute(
                text(
                    f"CREATE TRIGGER {name} BEFORE {act} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: {act} refused'); END"
                )
            )
        return
    connection.execute(text(_POSTGRES))
    connection.execute(
        text(
            f"CREATE TRIGGER {first} BEFORE UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {_FUNCTION}()"
        )
    )
    connection.execute(
        text(
            f"CREATE TRIGGER {second} BEFORE TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {_FUNCTION}()"
        )
    )


def release(connection: Connection, table: str) -> None:
    """Take the triggers off *table*, for a migration that changes the table itself."""
    on = "" if connection.dialect.name == "sqlite" else f" ON {table}"
    for name in _names(table, connection.dialect.name):
        connection.execute(text(f"DROP TRIGGER IF EXISTS {name}{on}"))


def unguarded(connection: Connection, metadata: MetaData) -> list[str]:
    """The triggers that should be there for the tables of *metadata* and are not, or are switched off: one query."""
    wanted = {
        name
        for table in metadata.tables.values()
        if table.info.get("append_only")
        for name in _names(table.name, connection.dialect.name)
    }
    if connection.dialect.name == "sqlite":
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    else:
        query = (
            "SELECT t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND pg_table_is_visible(c.oid)"
        )
    return sorted(wanted.difference(connection.execute(text(query)).scalars()))
