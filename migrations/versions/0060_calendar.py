"""when a season was announced, when its admins were asked to freeze it; letters to those near the lines

Revision: 0060
After: 0041
"""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0041"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    # Not by a batch: the table is not made anew, and its triggers stay.
    op.add_column('qunclub_season', sa.Column('announced_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('qunclub_season', sa.Column('end_told_at', sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Undo."""
    op.drop_column('qunclub_season', 'end_told_at')
    op.drop_column('qunclub_season', 'announced_at')
