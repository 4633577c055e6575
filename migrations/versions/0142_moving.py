"""moving between groups, closed groups, tickets that are good again

Revision: 0142
After: 0160
"""

import sqlalchemy as sa
from alembic import op

revision = "0142"
down_revision = "0160"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
ADMITTED = sa.text("outcome = 'admitted'")
INTO = sa.text("into_id IS NOT NULL")
OPEN = sa.text("state = 'open'")
INTO_NAME = 'fk_qunclub_group_into_id'


def _admitted(columns: list[str]) -> None:
    op.drop_index('uq_qunclub_ticket_check_admitted', table_name='qunclub_ticket_check')
    op.create_index('uq_qunclub_ticket_check_admitted', 'qunclub_ticket_check', columns, unique=True, sqlite_where=ADMITTED, postgresql_where=ADMITTED)


def upgrade() -> None:
    """Apply."""
    op.add_column('qunclub_group_line', sa.Column('moving', sa.String(length=10), server_default='no', nullable=False))
    op.add_column('qunclub_group', sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table('qunclub_group') as table:
        table.add_column(sa.Column('into_id', BIG, nullable=True))
        table.create_foreign_key(INTO_NAME, 'qunclub_group', ['into_id'], ['id'])
    op.create_index('ix_qunclub_group_into_id', 'qunclub_group', ['into_id'], unique=False, sqlite_where=INTO, postgresql_where=INTO)
    op.add_column('qunclub_entry_ticket', sa.Column('turn', sa.Integer(), server_default='1', nullable=False))
    op.add_column('qunclub_ticket_check', sa.Column('turn', sa.Integer(), server_default='1', nullable=False))
    _admitted(['ticket_id', 'turn'])
    op.create_table('qunclub_seat_move',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('seat_id', BIG, nullable=False),
    sa.Column('from_id', BIG, nullable=False),
    sa.Column('to_id', BIG, nullable=False),
    sa.Column('how', sa.String(length=10), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('by_id', BIG, nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['by_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_seat_move_by_id')),
    sa.ForeignKeyConstraint(['from_id'], ['qunclub_group.id'], name=op.f('fk_qunclub_seat_move_from_id')),
    sa.ForeignKeyConstraint(['seat_id'], ['qunclub_seat.id'], name=op.f('fk_qunclub_seat_move_seat_id')),
    sa.ForeignKeyConstraint(['to_id'], ['qunclub_group.id'], name=op.f('fk_qunclub_seat_move_to_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_seat_move'))
    )
    op.create_index(op.f('ix_qunclub_seat_move_seat_id_id'), 'qunclub_seat_move', ['seat_id', 'id'], unique=False)
    op.create_index(op.f('ix_qunclub_seat_move_by_id'), 'qunclub_seat_move', ['by_id'], unique=False)
    op.create_table('qunclub_move_request',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('seat_id', BIG, nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('from_id', BIG, nullable=False),
    sa.Column('to_id', BIG, nullable=False),
    sa.Column('words', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('answer', sa.Text(), nullable=False),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('answered_by', BIG, nullable=True),
    sa.ForeignKeyConstraint(['answered_by'], ['qunclub_member.id'], name=op.f('fk_qunclub_move_request_answered_by')),
    sa.ForeignKeyConstraint(['from_id'], ['qunclub_group.id'], name=op.f('fk_qunclub_move_request_from_id')),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_move_request_member_id')),
    sa.ForeignKeyConstraint(['seat_id'], ['qunclub_seat.id'], name=op.f('fk_qunclub_move_request_seat_id')),
    sa.ForeignKeyConstraint(['to_id'], ['qunclub_group.id'], name=op.f('fk_qunclub_move_request_to_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_move_request'))
    )
    op.create_index('uq_qunclub_move_request_open', 'qunclub_move_request', ['seat_id'], unique=True, sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_index('ix_qunclub_move_request_waiting', 'qunclub_move_request', ['id'], unique=False, sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_index(op.f('ix_qunclub_move_request_seat_id_id'), 'qunclub_move_request', ['seat_id', 'id'], unique=False)
    op.create_index(op.f('ix_qunclub_move_request_member_id'), 'qunclub_move_request', ['member_id'], unique=False)
    op.create_index(op.f('ix_qunclub_move_request_answered_by'), 'qunclub_move_request', ['answered_by'], unique=False)


def downgrade() -> None:
    """Undo."""
    op.drop_table('qunclub_move_request')
    op.drop_table('qunclub_seat_move')
    _admitted(['ticket_id'])
    op.drop_column('qunclub_ticket_check', 'turn')
    op.drop_column('qunclub_entry_ticket', 'turn')
    op.drop_index('ix_qunclub_group_into_id', table_name='qunclub_group')
    with op.batch_alter_table('qunclub_group') as table:
        table.drop_constraint(INTO_NAME, type_='foreignkey')
        table.drop_column('into_id')
    op.drop_column('qunclub_group', 'closed_at')
    op.drop_column('qunclub_group_line', 'moving')
