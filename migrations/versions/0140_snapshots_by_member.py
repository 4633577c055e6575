"""snapshots of seasons are filled in the order of their key: no foreign keys, and only their head in order of place

Revision: 0140
After: 0072
"""

import sqlalchemy as sa
from alembic import op

revision = "0140"
down_revision = "0122"
branch_labels = None
depends_on = None

TABLE = 'qunclub_season_snapshot'
KEYS = {'season_id': 'qunclub_season', 'member_id': 'qunclub_member'}
PLACES = f'ix_{TABLE}_season_id_position'
HEAD = sa.text('position <= 25000')
CORE = sa.text('core')


def _triggers() -> list[str]:
    """SQLite makes the table anew without its triggers (0033): what they were."""
    if op.get_bind().dialect.name != "sqlite":
        return []
    query = sa.text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :name ORDER BY name")
    return list(op.get_bind().execute(query, {"name": TABLE}).scalars())


def upgrade() -> None:
    """Apply."""
    guards = _triggers()
    op.drop_index(PLACES, table_name=TABLE)
    with op.batch_alter_table(TABLE) as batch_op:
        for column in KEYS:
            batch_op.drop_constraint(f'fk_{TABLE}_{column}', type_='foreignkey')
    for guard in guards:
        op.execute(sa.text(guard))
    op.create_index(
        f'ix_{TABLE}_head', TABLE, ['season_id', 'position'], sqlite_where=HEAD, postgresql_where=HEAD
    )
    op.create_index(
        f'ix_{TABLE}_core', TABLE, ['season_id', 'member_id'], sqlite_where=CORE, postgresql_where=CORE
    )


def downgrade() -> None:
    """Undo."""
    guards = _triggers()
    op.drop_index(f'ix_{TABLE}_core', table_name=TABLE)
    op.drop_index(f'ix_{TABLE}_head', table_name=TABLE)
    with op.batch_alter_table(TABLE) as batch_op:
        for column, other in KEYS.items():
            batch_op.create_foreign_key(f'fk_{TABLE}_{column}', other, [column], ['id'])
    for guard in guards:
        op.execute(sa.text(guard))
    op.create_index(PLACES, TABLE, ['season_id', 'position'])
