"""notices

Revision: 0100
After: 0041
"""

import sqlalchemy as sa
from alembic import op

revision = "0100"
down_revision = "0110"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    op.add_column(
        'qunclub_member', sa.Column('notices_unread', sa.Integer(), server_default="0", nullable=False)
    )
    op.create_table('qunclub_notice',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('source', sa.String(length=120), nullable=False),
    sa.Column('said', sa.String(length=300), nullable=False),
    sa.Column('facts', sa.JSON(), nullable=False),
    sa.Column('endpoint', sa.String(length=80), nullable=False),
    sa.Column('args', sa.JSON(), nullable=False),
    sa.Column('by_id', BIG, nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('read_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['by_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_notice_by_id')),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_notice_member_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_notice')),
    sa.UniqueConstraint('member_id', 'kind', 'source', name=op.f('uq_qunclub_notice_member_id_kind_source'))
    )
    op.create_index(op.f('ix_qunclub_notice_member_id_id'), 'qunclub_notice', ['member_id', 'id'], unique=False)
    op.create_index('ix_qunclub_notice_unread', 'qunclub_notice', ['member_id', 'id'], unique=False, sqlite_where=sa.text('read_at IS NULL'), postgresql_where=sa.text('read_at IS NULL'))
    op.create_table('qunclub_notice_choice',
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('way', sa.String(length=10), nullable=False),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_notice_choice_member_id')),
    sa.PrimaryKeyConstraint('member_id', 'kind', name=op.f('pk_qunclub_notice_choice'))
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table('qunclub_notice_choice')
    op.drop_index('ix_qunclub_notice_unread', table_name='qunclub_notice')
    op.drop_index(op.f('ix_qunclub_notice_member_id_id'), table_name='qunclub_notice')
    op.drop_table('qunclub_notice')
    with op.batch_alter_table('qunclub_member', schema=None) as batch_op:
        batch_op.drop_column('notices_unread')
