"""work

Revision: 0006
After: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table('qunclub_assignment', schema=None) as batch_op:
        batch_op.add_column(sa.Column('text_part', sa.String(length=10), server_default=sa.text("'optional'"), nullable=False))
        batch_op.add_column(sa.Column('file_part', sa.String(length=10), server_default=sa.text("'optional'"), nullable=False))
        batch_op.add_column(sa.Column('file_kinds', sa.String(length=80), server_default=sa.text("('')"), nullable=False))


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table('qunclub_assignment', schema=None) as batch_op:
        batch_op.drop_column('file_kinds')
        batch_op.drop_column('file_part')
        batch_op.drop_column('text_part')
