"""the whole formula of a season, who may not rise and who is on leave

Revision: 0030
After: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0023"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table('qunclub_season', schema=None) as batch_op:
        batch_op.add_column(sa.Column('terms', sa.JSON(), server_default='{}', nullable=False))
    with op.batch_alter_table('qunclub_season_snapshot', schema=None) as batch_op:
        batch_op.add_column(sa.Column('bar', sa.String(length=12), server_default='', nullable=False))
        batch_op.add_column(sa.Column('on_leave', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table('qunclub_season_leave',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('season_id', BIG, nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_season_leave_member_id')),
    sa.ForeignKeyConstraint(['season_id'], ['qunclub_season.id'], name=op.f('fk_qunclub_season_leave_season_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_season_leave')),
    sa.UniqueConstraint('season_id', 'member_id', name=op.f('uq_qunclub_season_leave_season_id_member_id'))
    )
    op.create_index(op.f('ix_qunclub_season_leave_member_id'), 'qunclub_season_leave', ['member_id'], unique=False)


def downgrade() -> None:
    """Undo."""
    op.drop_table('qunclub_season_leave')
    with op.batch_alter_table('qunclub_season_snapshot', schema=None) as batch_op:
        batch_op.drop_column('on_leave')
        batch_op.drop_column('bar')
    with op.batch_alter_table('qunclub_season', schema=None) as batch_op:
        batch_op.drop_column('terms')
