"""tokens of programs

Revision: 0091
After: 0090
"""

import sqlalchemy as sa
from alembic import op

revision = "0091"
down_revision = "0090"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    op.create_table('qunclub_api_token',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('name', sa.String(length=60), nullable=False),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('hint', sa.String(length=8), nullable=False),
    sa.Column('scopes', sa.JSON(), nullable=False),
    sa.Column('group_id', BIG, nullable=True),
    sa.Column('per_minute', sa.Integer(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('made_by', BIG, nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['group_id'], ['qunclub_group.id'], name=op.f('fk_qunclub_api_token_group_id')),
    sa.ForeignKeyConstraint(['made_by'], ['qunclub_member.id'], name=op.f('fk_qunclub_api_token_made_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_api_token')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_qunclub_api_token_token_hash'))
    )
    op.create_index(op.f('ix_qunclub_api_token_group_id'), 'qunclub_api_token', ['group_id'], unique=False)
    op.create_index(op.f('ix_qunclub_api_token_made_by'), 'qunclub_api_token', ['made_by'], unique=False)


def downgrade() -> None:
    """Undo."""
    op.drop_index(op.f('ix_qunclub_api_token_made_by'), table_name='qunclub_api_token')
    op.drop_index(op.f('ix_qunclub_api_token_group_id'), table_name='qunclub_api_token')
    op.drop_table('qunclub_api_token')
