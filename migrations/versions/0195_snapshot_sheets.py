"""whoever is far down in the snapshot of a season stands on a sheet with others

Revision: 0195
After: 0191
"""

import sqlalchemy as sa
from alembic import op

revision = "0195"
down_revision = "0191"
branch_labels = None
depends_on = None

TABLE = 'qunclub_season_snapshot_sheet'
BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
TEXT = "a closed season cannot change"
CLOSED = "EXISTS (SELECT 1 FROM qunclub_season WHERE id = OLD.season_id AND state = 'closed')"


def upgrade() -> None:
    """Apply."""
    op.create_table(TABLE,
    sa.Column('season_id', BIG, autoincrement=False, nullable=False),
    sa.Column('sheet', BIG, autoincrement=False, nullable=False),
    sa.Column('lines', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('season_id', 'sheet', name=op.f(f'pk_{TABLE}'))
    )
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER tr_{TABLE}_closed_{verb.lower()} BEFORE {verb} ON {TABLE} FOR EACH ROW "
                f"WHEN {CLOSED} BEGIN SELECT RAISE(ABORT, '{TEXT}'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION tr_{TABLE}_closed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {CLOSED} THEN RAISE EXCEPTION '{TEXT}' USING ERRCODE = 'restrict_violation'; END IF; "
        "IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$"
    )
    op.execute(
        f"CREATE TRIGGER tr_{TABLE}_closed BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW "
        f"EXECUTE FUNCTION tr_{TABLE}_closed()"
    )


def downgrade() -> None:
    """Undo. What stands on sheets is lost: seasons of more than 25,000 members can then not be checked any more."""
    op.drop_table(TABLE)
    if op.get_bind().dialect.name != "sqlite":
        op.execute(f"DROP FUNCTION IF EXISTS tr_{TABLE}_closed()")
