"""ways of allocation, priority on the waiting list, offers that run out

Revision: 0081
After: 0080
"""

import sqlalchemy as sa
from alembic import op

revision = "0081"
down_revision = "0080"
branch_labels = None
depends_on = None

LIVE = "state IN ('waiting', 'offered', 'admitted')"
WAS_LIVE = "state IN ('waiting', 'admitted')"
OFFERED = "offered_until IS NOT NULL"


def _live(where: str) -> None:
    op.drop_index('uq_qunclub_seat_live', table_name='qunclub_seat')
    op.create_index(
        'uq_qunclub_seat_live',
        'qunclub_seat',
        ['line_id', 'member_id'],
        unique=True,
        sqlite_where=sa.text(where),
        postgresql_where=sa.text(where),
    )


def upgrade() -> None:
    """Apply."""
    op.add_column('qunclub_group_line', sa.Column('allocation', sa.String(length=20), server_default='first', nullable=False))
    op.add_column('qunclub_group_line', sa.Column('open_at_once', sa.Integer(), server_default='1', nullable=False))
    op.add_column('qunclub_group_line', sa.Column('labels', sa.JSON(), server_default='[]', nullable=False))
    op.add_column('qunclub_group_line', sa.Column('offer_hours', sa.Integer(), server_default='0', nullable=False))
    op.add_column('qunclub_group', sa.Column('label', sa.String(length=80), server_default='', nullable=False))
    op.add_column('qunclub_seat', sa.Column('turn', sa.Integer(), server_default='0', nullable=False))
    op.add_column('qunclub_seat', sa.Column('allot_key', sa.String(length=80), server_default='', nullable=False))
    op.add_column('qunclub_seat', sa.Column('offered_until', sa.DateTime(timezone=True), nullable=True))
    op.add_column('qunclub_plan', sa.Column('seat_priority', sa.Integer(), server_default='0', nullable=False))
    _live(LIVE)
    op.drop_index('ix_qunclub_seat_line_id_state_position', table_name='qunclub_seat')
    op.create_index(
        'ix_qunclub_seat_line_id_state_turn_position', 'qunclub_seat', ['line_id', 'state', 'turn', 'position']
    )
    op.create_index(
        'ix_qunclub_seat_offered_until',
        'qunclub_seat',
        ['offered_until', 'id'],
        sqlite_where=sa.text(OFFERED),
        postgresql_where=sa.text(OFFERED),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_index('ix_qunclub_seat_offered_until', table_name='qunclub_seat')
    op.drop_index('ix_qunclub_seat_line_id_state_turn_position', table_name='qunclub_seat')
    op.create_index('ix_qunclub_seat_line_id_state_position', 'qunclub_seat', ['line_id', 'state', 'position'])
    _live(WAS_LIVE)
    op.drop_column('qunclub_plan', 'seat_priority')
    for column in ('offered_until', 'allot_key', 'turn'):
        op.drop_column('qunclub_seat', column)
    op.drop_column('qunclub_group', 'label')
    for column in ('offer_hours', 'labels', 'open_at_once', 'allocation'):
        op.drop_column('qunclub_group_line', column)
