"""the database itself refuses to change what a closed season decided

Revision: 0033
After: 0032
"""

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

OF_SEASON = ("qunclub_decision", "qunclub_season_snapshot", "qunclub_season_exception")
TEXT = "a closed season cannot change"


def upgrade() -> None:
    """Apply."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    guards = [("qunclub_season", "OLD.state = 'closed'")]
    guards += [
        (table, "EXISTS (SELECT 1 FROM qunclub_season WHERE id = OLD.season_id AND state = 'closed')")
        for table in OF_SEASON
    ]
    if sqlite:
        for table, closed in guards:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER tr_{table}_closed_{verb.lower()} BEFORE {verb} ON {table} FOR EACH ROW "
                    f"WHEN {closed} BEGIN SELECT RAISE(ABORT, '{TEXT}'); END"
                )
        return
    for table, closed in guards:
        op.execute(
            f"CREATE FUNCTION tr_{table}_closed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF {closed} THEN RAISE EXCEPTION '{TEXT}' USING ERRCODE = 'restrict_violation'; END IF; "
            "IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$"
        )
        op.execute(
            f"CREATE TRIGGER tr_{table}_closed BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW "
            f"EXECUTE FUNCTION tr_{table}_closed()"
        )


def downgrade() -> None:
    """Undo."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in ("qunclub_season", *OF_SEASON):
        if sqlite:
            for verb in ("update", "delete"):
                op.execute(f"DROP TRIGGER IF EXISTS tr_{table}_closed_{verb}")
        else:
            op.execute(f"DROP TRIGGER IF EXISTS tr_{table}_closed ON {table}")
            op.execute(f"DROP FUNCTION IF EXISTS tr_{table}_closed()")
