"""what mutes of a role or of all ask of the hosts of a chat without a bot

Revision: 0191
After: 0190
"""

import sqlalchemy as sa
from alembic import op

revision = "0191"
down_revision = "0190"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    op.create_table('qunclub_chat_hush',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('chat_id', BIG, nullable=False),
    sa.Column('mute_id', BIG, nullable=False),
    sa.Column('what', sa.String(length=20), nullable=False),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('done_by', BIG, nullable=True),
    sa.ForeignKeyConstraint(['chat_id'], ['qunclub_chat.id'], name=op.f('fk_qunclub_chat_hush_chat_id')),
    sa.ForeignKeyConstraint(['done_by'], ['qunclub_member.id'], name=op.f('fk_qunclub_chat_hush_done_by')),
    sa.ForeignKeyConstraint(['mute_id'], ['qunclub_mute.id'], name=op.f('fk_qunclub_chat_hush_mute_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_chat_hush')),
    sa.UniqueConstraint('chat_id', 'mute_id', 'what', name=op.f('uq_qunclub_chat_hush_chat_id_mute_id_what'))
    )
    op.create_index(op.f('ix_qunclub_chat_hush_chat_id_state_id'), 'qunclub_chat_hush', ['chat_id', 'state', 'id'])
    op.create_index(op.f('ix_qunclub_chat_hush_mute_id'), 'qunclub_chat_hush', ['mute_id'])


def downgrade() -> None:
    """Undo."""
    op.drop_table('qunclub_chat_hush')
