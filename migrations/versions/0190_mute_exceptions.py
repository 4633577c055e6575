"""exceptions from mutes of a role or of all, and in which office a mute was set

Revision: 0190
After: 0144
"""

import sqlalchemy as sa
from alembic import op

revision = "0190"
down_revision = "0144"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    op.add_column('qunclub_mute', sa.Column('set_office', sa.String(length=10), server_default='', nullable=False))
    op.create_table('qunclub_mute_exception',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('mute_id', BIG, nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('answer', sa.Text(), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', BIG, nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['decided_by'], ['qunclub_member.id'], name=op.f('fk_qunclub_mute_exception_decided_by')),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_mute_exception_member_id')),
    sa.ForeignKeyConstraint(['mute_id'], ['qunclub_mute.id'], name=op.f('fk_qunclub_mute_exception_mute_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_mute_exception')),
    sa.UniqueConstraint('mute_id', 'member_id', name=op.f('uq_qunclub_mute_exception_mute_id_member_id'))
    )
    op.create_index(op.f('ix_qunclub_mute_exception_state_opened_at'), 'qunclub_mute_exception', ['state', 'opened_at'])
    op.create_index(op.f('ix_qunclub_mute_exception_member_id_id'), 'qunclub_mute_exception', ['member_id', 'id'])


def downgrade() -> None:
    """Undo."""
    op.drop_table('qunclub_mute_exception')
    with op.batch_alter_table('qunclub_mute') as batch:
        batch.drop_column('set_office')
