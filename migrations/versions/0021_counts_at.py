"""which window a line of the ledger counts in; windows that are closed

Revision: 0021
After: 0020
"""

import sqlalchemy as sa
from alembic import op

from qunclub.kernel import append_only

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

LEDGER = 'qunclub_ledger_entry'


def upgrade() -> None:
    """Apply."""
    append_only.release(op.get_bind(), LEDGER)
    op.add_column(LEDGER, sa.Column('counts_at', sa.DateTime(timezone=True), nullable=True))
    op.execute(f"UPDATE {LEDGER} SET counts_at = occurred_at")
    with op.batch_alter_table(LEDGER, schema=None) as batch_op:
        batch_op.alter_column('counts_at', existing_type=sa.DateTime(timezone=True), nullable=False)
        batch_op.create_index(batch_op.f('ix_qunclub_ledger_entry_counts_at'), ['counts_at'], unique=False)
    append_only.guard(op.get_bind(), LEDGER)
    op.add_column('qunclub_points_window', sa.Column('planned_ends_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('qunclub_points_window', sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True))
    # Seasons that are frozen have their result already: nothing counts in them any more.
    op.execute(
        "UPDATE qunclub_points_window SET closed_at = (SELECT frozen_at FROM qunclub_season "
        "WHERE qunclub_season.window_id = qunclub_points_window.id) "
        "WHERE id IN (SELECT window_id FROM qunclub_season WHERE frozen_at IS NOT NULL)"
    )


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table('qunclub_points_window', schema=None) as batch_op:
        batch_op.drop_column('closed_at')
        batch_op.drop_column('planned_ends_at')
    append_only.release(op.get_bind(), LEDGER)
    with op.batch_alter_table(LEDGER, schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_qunclub_ledger_entry_counts_at'))
        batch_op.drop_column('counts_at')
    append_only.guard(op.get_bind(), LEDGER)
