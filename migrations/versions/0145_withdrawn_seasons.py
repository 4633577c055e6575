"""when and why the announcement of a season was withdrawn

Revision: 0145
After: 0072
"""

import sqlalchemy as sa
from alembic import op

revision = "0145"
down_revision = "0150"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    # Not by a batch: the table is not made anew, and its triggers stay.
    op.add_column('qunclub_season', sa.Column('withdrawn_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('qunclub_season', sa.Column('withdrawn_note', sa.Text(), nullable=False, server_default=''))


def downgrade() -> None:
    """Undo."""
    op.drop_column('qunclub_season', 'withdrawn_note')
    op.drop_column('qunclub_season', 'withdrawn_at')
