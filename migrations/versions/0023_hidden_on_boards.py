"""members who do not wish to be seen on rankings

Revision: 0023
After: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column(
        'qunclub_member', sa.Column('hidden_on_boards', sa.Boolean(), server_default=sa.false(), nullable=False)
    )


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table('qunclub_member', schema=None) as batch_op:
        batch_op.drop_column('hidden_on_boards')
