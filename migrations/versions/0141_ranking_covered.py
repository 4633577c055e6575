"""the ranking's index says whose line it is

Revision: 0141
After: 0140
"""

import sqlalchemy as sa
from alembic import op

revision = "0141"
down_revision = "0140"
branch_labels = None
depends_on = None

TABLE, INDEX = 'qunclub_standing', 'ix_qunclub_standing_rank'
ORDER = ['window_id', sa.literal_column('points DESC'), sa.literal_column('honours DESC'), 'last_day', 'number']


def upgrade() -> None:
    """Apply."""
    op.drop_index(INDEX, table_name=TABLE)
    op.create_index(INDEX, TABLE, [*ORDER, 'member_id'])


def downgrade() -> None:
    """Undo."""
    op.drop_index(INDEX, table_name=TABLE)
    op.create_index(INDEX, TABLE, ORDER)
