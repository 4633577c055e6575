"""parts

Revision: 0012
After: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table('qunclub_assignment', schema=None) as batch_op:
        batch_op.add_column(sa.Column('link_part', sa.String(length=10), server_default=sa.text("'none'"), nullable=False))

    with op.batch_alter_table('qunclub_attempt', schema=None) as batch_op:
        batch_op.add_column(sa.Column('link', sa.String(length=500), server_default=sa.text("''"), nullable=False))

    with op.batch_alter_table('qunclub_work_draft', schema=None) as batch_op:
        batch_op.add_column(sa.Column('link', sa.Text(), server_default=sa.text("''"), nullable=False))


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table('qunclub_work_draft', schema=None) as batch_op:
        batch_op.drop_column('link')

    with op.batch_alter_table('qunclub_attempt', schema=None) as batch_op:
        batch_op.drop_column('link')

    with op.batch_alter_table('qunclub_assignment', schema=None) as batch_op:
        batch_op.drop_column('link_part')
