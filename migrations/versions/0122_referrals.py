"""who brought whom along

Revision: 0122
After: 0121
"""

import sqlalchemy as sa
from alembic import op

revision = "0122"
down_revision = "0121"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    op.create_table('qunclub_referral_code',
    sa.Column('member_id', BIG, autoincrement=False, nullable=False),
    sa.Column('code', sa.String(length=20), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_referral_code_member_id')),
    sa.PrimaryKeyConstraint('member_id', name=op.f('pk_qunclub_referral_code')),
    sa.UniqueConstraint('code', name=op.f('uq_qunclub_referral_code_code'))
    )
    op.create_table('qunclub_referral',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('by_member_id', BIG, nullable=False),
    sa.Column('order_id', BIG, nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('why', sa.String(length=20), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('entry_id', BIG, nullable=True),
    sa.ForeignKeyConstraint(['by_member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_referral_by_member_id')),
    sa.ForeignKeyConstraint(['entry_id'], ['qunclub_ledger_entry.id'], name=op.f('fk_qunclub_referral_entry_id')),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_referral_member_id')),
    sa.ForeignKeyConstraint(['order_id'], ['qunclub_order.id'], name=op.f('fk_qunclub_referral_order_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_referral')),
    sa.UniqueConstraint('entry_id', name=op.f('uq_qunclub_referral_entry_id')),
    sa.UniqueConstraint('member_id', name=op.f('uq_qunclub_referral_member_id')),
    sa.UniqueConstraint('order_id', name=op.f('uq_qunclub_referral_order_id'))
    )
    with op.batch_alter_table('qunclub_referral', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_qunclub_referral_by_member_id_id'), ['by_member_id', 'id'], unique=False)
        batch_op.create_index('ix_qunclub_referral_due', ['due_at', 'id'], unique=False, sqlite_where=sa.text('due_at IS NOT NULL'), postgresql_where=sa.text('due_at IS NOT NULL'))


def downgrade() -> None:
    """Undo."""
    op.drop_table('qunclub_referral')
    op.drop_table('qunclub_referral_code')
