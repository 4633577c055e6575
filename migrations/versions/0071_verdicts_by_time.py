"""the lines of verdicts are found by their time

Revision: 0071
After: 0070
"""

from alembic import op

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None

INDEX = 'ix_qunclub_verdict_change_at'


def upgrade() -> None:
    """Apply."""
    op.create_index(INDEX, 'qunclub_verdict_change', ['at'])


def downgrade() -> None:
    """Undo."""
    op.drop_index(INDEX, table_name='qunclub_verdict_change')
