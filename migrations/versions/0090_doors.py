"""hosts of groups, the log of the doors, lists taken along

Revision: 0090
After: 0041
"""

import sqlalchemy as sa
from alembic import op

revision = "0090"
down_revision = "0081"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    op.create_table('qunclub_door_list',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('group_id', BIG, nullable=False),
    sa.Column('host_id', BIG, nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('closes_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('salt', sa.String(length=40), nullable=False),
    sa.Column('tickets', sa.Integer(), nullable=False),
    sa.Column('uploaded_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['group_id'], ['qunclub_group.id'], name=op.f('fk_qunclub_door_list_group_id')),
    sa.ForeignKeyConstraint(['host_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_door_list_host_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_door_list'))
    )
    op.create_index(op.f('ix_qunclub_door_list_group_id_id'), 'qunclub_door_list', ['group_id', 'id'], unique=False)
    op.create_index(op.f('ix_qunclub_door_list_host_id_id'), 'qunclub_door_list', ['host_id', 'id'], unique=False)
    op.create_table('qunclub_door_tally',
    sa.Column('group_id', BIG, autoincrement=False, nullable=False),
    sa.Column('came', sa.Integer(), nullable=False),
    sa.Column('forced', sa.Integer(), nullable=False),
    sa.Column('refused', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['group_id'], ['qunclub_group.id'], name=op.f('fk_qunclub_door_tally_group_id')),
    sa.PrimaryKeyConstraint('group_id', name=op.f('pk_qunclub_door_tally'))
    )
    op.create_table('qunclub_group_host',
    sa.Column('group_id', BIG, autoincrement=False, nullable=False),
    sa.Column('member_id', BIG, autoincrement=False, nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['group_id'], ['qunclub_group.id'], name=op.f('fk_qunclub_group_host_group_id')),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_group_host_member_id')),
    sa.PrimaryKeyConstraint('group_id', 'member_id', name=op.f('pk_qunclub_group_host'))
    )
    op.create_index(op.f('ix_qunclub_group_host_member_id'), 'qunclub_group_host', ['member_id'], unique=False)
    op.create_table('qunclub_ticket_check',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('ticket_id', BIG, nullable=True),
    sa.Column('member_id', BIG, nullable=True),
    sa.Column('group_id', BIG, nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('claimed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('list_id', BIG, nullable=True),
    sa.Column('by_id', BIG, nullable=True),
    sa.Column('bot', sa.String(length=80), nullable=False),
    sa.Column('way', sa.String(length=12), nullable=False),
    sa.Column('device', sa.String(length=60), nullable=False),
    sa.Column('client_key', sa.String(length=140), nullable=True),
    sa.Column('outcome', sa.String(length=20), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['by_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_ticket_check_by_id')),
    sa.ForeignKeyConstraint(['group_id'], ['qunclub_group.id'], name=op.f('fk_qunclub_ticket_check_group_id')),
    sa.ForeignKeyConstraint(['list_id'], ['qunclub_door_list.id'], name=op.f('fk_qunclub_ticket_check_list_id')),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_ticket_check_member_id')),
    sa.ForeignKeyConstraint(['ticket_id'], ['qunclub_entry_ticket.id'], name=op.f('fk_qunclub_ticket_check_ticket_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_ticket_check')),
    sa.UniqueConstraint('client_key', name=op.f('uq_qunclub_ticket_check_client_key'))
    )
    op.create_index(op.f('ix_qunclub_ticket_check_by_id'), 'qunclub_ticket_check', ['by_id'], unique=False)
    op.create_index(op.f('ix_qunclub_ticket_check_group_id_id'), 'qunclub_ticket_check', ['group_id', 'id'], unique=False)
    op.create_index(op.f('ix_qunclub_ticket_check_list_id'), 'qunclub_ticket_check', ['list_id'], unique=False)
    op.create_index(op.f('ix_qunclub_ticket_check_member_id'), 'qunclub_ticket_check', ['member_id'], unique=False)
    op.create_index(op.f('ix_qunclub_ticket_check_ticket_id_id'), 'qunclub_ticket_check', ['ticket_id', 'id'], unique=False)
    op.create_index('uq_qunclub_ticket_check_admitted', 'qunclub_ticket_check', ['ticket_id'], unique=True, sqlite_where=sa.text("outcome = 'admitted'"), postgresql_where=sa.text("outcome = 'admitted'"))


def downgrade() -> None:
    """Undo."""
    op.drop_index('uq_qunclub_ticket_check_admitted', table_name='qunclub_ticket_check', sqlite_where=sa.text("outcome = 'admitted'"), postgresql_where=sa.text("outcome = 'admitted'"))
    op.drop_index(op.f('ix_qunclub_ticket_check_ticket_id_id'), table_name='qunclub_ticket_check')
    op.drop_index(op.f('ix_qunclub_ticket_check_member_id'), table_name='qunclub_ticket_check')
    op.drop_index(op.f('ix_qunclub_ticket_check_list_id'), table_name='qunclub_ticket_check')
    op.drop_index(op.f('ix_qunclub_ticket_check_group_id_id'), table_name='qunclub_ticket_check')
    op.drop_index(op.f('ix_qunclub_ticket_check_by_id'), table_name='qunclub_ticket_check')
    op.drop_table('qunclub_ticket_check')
    op.drop_index(op.f('ix_qunclub_group_host_member_id'), table_name='qunclub_group_host')
    op.drop_table('qunclub_group_host')
    op.drop_table('qunclub_door_tally')
    op.drop_index(op.f('ix_qunclub_door_list_host_id_id'), table_name='qunclub_door_list')
    op.drop_index(op.f('ix_qunclub_door_list_group_id_id'), table_name='qunclub_door_list')
    op.drop_table('qunclub_door_list')
