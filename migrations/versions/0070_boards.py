"""rankings of weeks, months and courses: kinds of windows, and where a line was earned

Revision: 0070
After: 0041
"""

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0060"
branch_labels = None
depends_on = None

LEDGER = 'qunclub_ledger_entry'
WINDOW = 'qunclub_points_window'
INDEX = 'ix_qunclub_ledger_entry_scope'
SOMEWHERE = sa.text('scope IS NOT NULL')


def upgrade() -> None:
    """Apply."""
    # Added to the tables as they are, so the ledger keeps its triggers.
    op.add_column(WINDOW, sa.Column('kind', sa.String(length=10), server_default='season', nullable=False))
    op.add_column(WINDOW, sa.Column('scope', sa.String(length=40), server_default='', nullable=False))
    op.create_index(f'ix_{WINDOW}_scope_ends_at', WINDOW, ['scope', 'ends_at'])
    op.execute(sa.text(f"UPDATE {WINDOW} SET kind = 'all' WHERE key = 'all'"))
    op.add_column(LEDGER, sa.Column('scope', sa.String(length=40), nullable=True))
    op.create_index(INDEX, LEDGER, ['scope'], sqlite_where=SOMEWHERE, postgresql_where=SOMEWHERE)


def downgrade() -> None:
    """Undo."""
    # What weeks, months and courses count follows from the ledger; without kinds they would pass for seasons.
    for table in ('qunclub_standing', 'qunclub_score_count'):
        op.execute(
            sa.text(
                f"DELETE FROM {table} WHERE window_id IN "
                f"(SELECT id FROM {WINDOW} WHERE kind IN ('week', 'month') OR scope <> '')"
            )
        )
    op.execute(sa.text(f"DELETE FROM {WINDOW} WHERE kind IN ('week', 'month') OR scope <> ''"))
    op.drop_index(INDEX, table_name=LEDGER)
    # SQLite drops a column in place, and the triggers stay.
    op.drop_column(LEDGER, 'scope')
    op.drop_index(f'ix_{WINDOW}_scope_ends_at', table_name=WINDOW)
    op.drop_column(WINDOW, 'scope')
    op.drop_column(WINDOW, 'kind')
