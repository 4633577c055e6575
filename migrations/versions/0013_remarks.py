"""remarks

Revision: 0013
After: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table('qunclub_review_draft', schema=None) as batch_op:
        batch_op.add_column(sa.Column('beside', sa.JSON(), server_default=sa.text("'[]'"), nullable=False))


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table('qunclub_review_draft', schema=None) as batch_op:
        batch_op.drop_column('beside')
