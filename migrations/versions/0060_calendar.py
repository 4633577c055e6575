"""when a season was announced, when its admins were asked to freeze it; letters to those near the lines

Revision: 0060
After: 0041
"""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0051"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    # Not by a batch: the table is not made anew, and its triggers stay.
    op.add_column('qunclub_season', sa.Column('announced_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('qunclub_season', sa.Column('end_told_at', sa.DateTime(timezone=True), nullable=True))
    op.create_table('qunclub_season_notice',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('season_id', BIG, nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('week', sa.Date(), nullable=False),
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('gap', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_season_notice_member_id')),
    sa.ForeignKeyConstraint(['season_id'], ['qunclub_season.id'], name=op.f('fk_qunclub_season_notice_season_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_season_notice')),
    sa.UniqueConstraint('season_id', 'member_id', 'week', name=op.f('uq_qunclub_season_notice_season_id_member_id_week'))
    )
    op.create_index(op.f('ix_qunclub_season_notice_member_id'), 'qunclub_season_notice', ['member_id'])
    op.create_table('qunclub_season_quiet',
    sa.Column('member_id', BIG, autoincrement=False, nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_season_quiet_member_id')),
    sa.PrimaryKeyConstraint('member_id', name=op.f('pk_qunclub_season_quiet'))
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table('qunclub_season_quiet')
    op.drop_table('qunclub_season_notice')
    op.drop_column('qunclub_season', 'end_told_at')
    op.drop_column('qunclub_season', 'announced_at')
