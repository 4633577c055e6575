"""chats outside the club

Revision: 0130
After: 0101
"""

import sqlalchemy as sa
from alembic import op

revision = "0130"
down_revision = "0101"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    op.create_table('qunclub_chat_update',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('update_id', sa.BigInteger(), nullable=False),
    sa.Column('what', sa.String(length=20), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_chat_update')),
    sa.UniqueConstraint('kind', 'update_id', name=op.f('uq_qunclub_chat_update_kind_update_id'))
    )
    op.create_index(op.f('ix_qunclub_chat_update_at'), 'qunclub_chat_update', ['at'], unique=False)
    op.create_table('qunclub_chat',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('group_id', BIG, nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('ref', sa.String(length=60), nullable=False),
    sa.Column('trouble', sa.Text(), nullable=False),
    sa.Column('picture_key', sa.String(length=200), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reminded_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('open_tasks', sa.Integer(), nullable=False),
    sa.Column('names_after', sa.BigInteger(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint('open_tasks >= 0', name=op.f('ck_qunclub_chat_kept')),
    sa.ForeignKeyConstraint(['group_id'], ['qunclub_group.id'], name=op.f('fk_qunclub_chat_group_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_chat')),
    sa.UniqueConstraint('group_id', name=op.f('uq_qunclub_chat_group_id'))
    )
    op.create_index('ix_qunclub_chat_expiring', 'qunclub_chat', ['expires_at'], unique=False,
        sqlite_where=sa.text('expires_at IS NOT NULL AND reminded_at IS NULL'), postgresql_where=sa.text('expires_at IS NOT NULL AND reminded_at IS NULL'),
    )
    op.create_index('ix_qunclub_chat_naming', 'qunclub_chat', ['names_after'], unique=False,
        sqlite_where=sa.text('names_after IS NOT NULL'), postgresql_where=sa.text('names_after IS NOT NULL'),
    )
    op.create_index('ix_qunclub_chat_todo', 'qunclub_chat', ['group_id'], unique=False,
        sqlite_where=sa.text('open_tasks > 0'), postgresql_where=sa.text('open_tasks > 0'),
    )
    op.create_index('uq_qunclub_chat_ref', 'qunclub_chat', ['kind', 'ref'], unique=True,
        sqlite_where=sa.text("ref <> ''"), postgresql_where=sa.text("ref <> ''"),
    )
    op.create_table('qunclub_chat_account',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('account', sa.String(length=40), nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('dm', sa.String(length=40), nullable=False),
    sa.Column('linked_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_chat_account_member_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_chat_account')),
    sa.UniqueConstraint('kind', 'account', name=op.f('uq_qunclub_chat_account_kind_account')),
    sa.UniqueConstraint('kind', 'member_id', name=op.f('uq_qunclub_chat_account_kind_member_id'))
    )
    op.create_table('qunclub_chat_link',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_chat_link_member_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_chat_link')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_qunclub_chat_link_token_hash'))
    )
    op.create_index(op.f('ix_qunclub_chat_link_member_id'), 'qunclub_chat_link', ['member_id'], unique=False)
    op.create_table('qunclub_chat_join',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('chat_id', BIG, nullable=False),
    sa.Column('account', sa.String(length=40), nullable=False),
    sa.Column('member_id', BIG, nullable=True),
    sa.Column('seat_id', BIG, nullable=True),
    sa.Column('dm', sa.String(length=40), nullable=False),
    sa.Column('locale', sa.String(length=8), nullable=False),
    sa.Column('update_id', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('why', sa.String(length=40), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['chat_id'], ['qunclub_chat.id'], name=op.f('fk_qunclub_chat_join_chat_id')),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_chat_join_member_id')),
    sa.ForeignKeyConstraint(['seat_id'], ['qunclub_seat.id'], name=op.f('fk_qunclub_chat_join_seat_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_chat_join')),
    sa.UniqueConstraint('chat_id', 'account', name=op.f('uq_qunclub_chat_join_chat_id_account'))
    )
    op.create_index(op.f('ix_qunclub_chat_join_chat_id_id'), 'qunclub_chat_join', ['chat_id', 'id'], unique=False)
    op.create_index(op.f('ix_qunclub_chat_join_member_id'), 'qunclub_chat_join', ['member_id'], unique=False)
    op.create_index(op.f('ix_qunclub_chat_join_seat_id'), 'qunclub_chat_join', ['seat_id'], unique=False)
    op.create_table('qunclub_chat_post',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('chat_id', BIG, nullable=False),
    sa.Column('key', sa.String(length=60), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('trouble', sa.Text(), nullable=False),
    sa.Column('by_id', BIG, nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['by_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_chat_post_by_id')),
    sa.ForeignKeyConstraint(['chat_id'], ['qunclub_chat.id'], name=op.f('fk_qunclub_chat_post_chat_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_chat_post')),
    sa.UniqueConstraint('key', name=op.f('uq_qunclub_chat_post_key'))
    )
    op.create_index(op.f('ix_qunclub_chat_post_by_id'), 'qunclub_chat_post', ['by_id'], unique=False)
    op.create_index(op.f('ix_qunclub_chat_post_chat_id_id'), 'qunclub_chat_post', ['chat_id', 'id'], unique=False)
    op.create_table('qunclub_chat_task',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('chat_id', BIG, nullable=False),
    sa.Column('seat_id', BIG, nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('what', sa.String(length=20), nullable=False),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('name', sa.String(length=160), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('account', sa.String(length=40), nullable=False),
    sa.Column('until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('trouble', sa.Text(), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('done_by', BIG, nullable=True),
    sa.ForeignKeyConstraint(['chat_id'], ['qunclub_chat.id'], name=op.f('fk_qunclub_chat_task_chat_id')),
    sa.ForeignKeyConstraint(['done_by'], ['qunclub_member.id'], name=op.f('fk_qunclub_chat_task_done_by')),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_chat_task_member_id')),
    sa.ForeignKeyConstraint(['seat_id'], ['qunclub_seat.id'], name=op.f('fk_qunclub_chat_task_seat_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_chat_task'))
    )
    op.create_index(op.f('ix_qunclub_chat_task_chat_id_state_id'), 'qunclub_chat_task', ['chat_id', 'state', 'id'], unique=False)
    op.create_index(op.f('ix_qunclub_chat_task_member_id'), 'qunclub_chat_task', ['member_id'], unique=False)
    op.create_index(op.f('ix_qunclub_chat_task_seat_id'), 'qunclub_chat_task', ['seat_id'], unique=False)
    op.create_index('uq_qunclub_chat_task_open', 'qunclub_chat_task', ['chat_id', 'seat_id', 'what'], unique=True,
        sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_index('uq_qunclub_chat_task_open', table_name='qunclub_chat_task',
        sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"),
    )
    op.drop_index(op.f('ix_qunclub_chat_task_seat_id'), table_name='qunclub_chat_task')
    op.drop_index(op.f('ix_qunclub_chat_task_member_id'), table_name='qunclub_chat_task')
    op.drop_index(op.f('ix_qunclub_chat_task_chat_id_state_id'), table_name='qunclub_chat_task')
    op.drop_table('qunclub_chat_task')
    op.drop_index(op.f('ix_qunclub_chat_post_chat_id_id'), table_name='qunclub_chat_post')
    op.drop_index(op.f('ix_qunclub_chat_post_by_id'), table_name='qunclub_chat_post')
    op.drop_table('qunclub_chat_post')
    op.drop_index(op.f('ix_qunclub_chat_join_seat_id'), table_name='qunclub_chat_join')
    op.drop_index(op.f('ix_qunclub_chat_join_member_id'), table_name='qunclub_chat_join')
    op.drop_index(op.f('ix_qunclub_chat_join_chat_id_id'), table_name='qunclub_chat_join')
    op.drop_table('qunclub_chat_join')
    op.drop_index(op.f('ix_qunclub_chat_link_member_id'), table_name='qunclub_chat_link')
    op.drop_table('qunclub_chat_link')
    op.drop_table('qunclub_chat_account')
    op.drop_index('uq_qunclub_chat_ref', table_name='qunclub_chat',
        sqlite_where=sa.text("ref <> ''"), postgresql_where=sa.text("ref <> ''"),
    )
    op.drop_index('ix_qunclub_chat_todo', table_name='qunclub_chat',
        sqlite_where=sa.text('open_tasks > 0'), postgresql_where=sa.text('open_tasks > 0'),
    )
    op.drop_index('ix_qunclub_chat_expiring', table_name='qunclub_chat',
        sqlite_where=sa.text('expires_at IS NOT NULL AND reminded_at IS NULL'), postgresql_where=sa.text('expires_at IS NOT NULL AND reminded_at IS NULL'),
    )
    op.drop_table('qunclub_chat')
    op.drop_index(op.f('ix_qunclub_chat_update_at'), table_name='qunclub_chat_update')
    op.drop_table('qunclub_chat_update')
