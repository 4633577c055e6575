"""dry runs, nominations and exceptions of a season's review

Revision: 0031
After: 0030
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    op.create_table('qunclub_season_dry_run',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('season_id', BIG, nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by_key', sa.String(length=120), nullable=False),
    sa.Column('by_name', sa.String(length=200), nullable=False),
    sa.Column('proposed', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('plan_hash', sa.String(length=64), nullable=False),
    sa.Column('outcomes', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['season_id'], ['qunclub_season.id'], name=op.f('fk_qunclub_season_dry_run_season_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_season_dry_run'))
    )
    op.create_index(op.f('ix_qunclub_season_dry_run_season_id_id'), 'qunclub_season_dry_run', ['season_id', 'id'], unique=False)
    op.create_table('qunclub_season_nomination',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('season_id', BIG, nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('by_member_id', BIG, nullable=False),
    sa.Column('by_name', sa.String(length=120), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['by_member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_season_nomination_by_member_id')),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_season_nomination_member_id')),
    sa.ForeignKeyConstraint(['season_id'], ['qunclub_season.id'], name=op.f('fk_qunclub_season_nomination_season_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_season_nomination')),
    sa.UniqueConstraint('season_id', 'member_id', 'by_member_id', name=op.f('uq_qunclub_season_nomination_season_id_member_id_by_member_id'))
    )
    op.create_index(op.f('ix_qunclub_season_nomination_member_id'), 'qunclub_season_nomination', ['member_id'], unique=False)
    op.create_table('qunclub_season_exception',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('season_id', BIG, nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('by_key', sa.String(length=120), nullable=False),
    sa.Column('by_name', sa.String(length=200), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_season_exception_member_id')),
    sa.ForeignKeyConstraint(['season_id'], ['qunclub_season.id'], name=op.f('fk_qunclub_season_exception_season_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_season_exception')),
    sa.UniqueConstraint('season_id', 'member_id', name=op.f('uq_qunclub_season_exception_season_id_member_id'))
    )
    op.create_index(op.f('ix_qunclub_season_exception_member_id'), 'qunclub_season_exception', ['member_id'], unique=False)


def downgrade() -> None:
    """Undo."""
    op.drop_table('qunclub_season_exception')
    op.drop_table('qunclub_season_nomination')
    op.drop_table('qunclub_season_dry_run')
