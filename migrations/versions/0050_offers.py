"""runner-ups of a result, and the seats they are offered

Revision: 0050
After: 0041
"""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0041"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
DEALT = sa.text("state IN ('open', 'accepted')")


def upgrade() -> None:
    """Apply."""
    op.create_table('qunclub_season_runner_up',
    sa.Column('season_id', BIG, nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('place', sa.Integer(), nullable=False),
    sa.Column('points', sa.Integer(), nullable=False),
    sa.Column('passed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('passed_reason', sa.Text(), server_default='', nullable=False),
    sa.Column('passed_by', sa.String(length=200), server_default='', nullable=False),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_season_runner_up_member_id')),
    sa.ForeignKeyConstraint(['season_id'], ['qunclub_season.id'], name=op.f('fk_qunclub_season_runner_up_season_id')),
    sa.PrimaryKeyConstraint('season_id', 'member_id', name=op.f('pk_qunclub_season_runner_up')),
    sa.UniqueConstraint('season_id', 'place', name=op.f('uq_qunclub_season_runner_up_season_id_place'))
    )
    op.create_index(op.f('ix_qunclub_season_runner_up_member_id'), 'qunclub_season_runner_up', ['member_id'], unique=False)
    op.create_table('qunclub_season_offer',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('season_id', BIG, nullable=False),
    sa.Column('seat_id', BIG, nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('offered_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('until', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('taken_id', BIG, nullable=True),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_season_offer_member_id')),
    sa.ForeignKeyConstraint(['season_id'], ['qunclub_season.id'], name=op.f('fk_qunclub_season_offer_season_id')),
    sa.ForeignKeyConstraint(['seat_id'], ['qunclub_core_seat.id'], name=op.f('fk_qunclub_season_offer_seat_id')),
    sa.ForeignKeyConstraint(['taken_id'], ['qunclub_core_seat.id'], name=op.f('fk_qunclub_season_offer_taken_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_season_offer')),
    sa.UniqueConstraint('season_id', 'member_id', name=op.f('uq_qunclub_season_offer_season_id_member_id'))
    )
    op.create_index('uq_qunclub_season_offer_seat', 'qunclub_season_offer', ['seat_id'], unique=True, sqlite_where=DEALT, postgresql_where=DEALT)
    op.create_index(op.f('ix_qunclub_season_offer_member_id'), 'qunclub_season_offer', ['member_id'], unique=False)
    op.create_index(op.f('ix_qunclub_season_offer_state_until'), 'qunclub_season_offer', ['state', 'until'], unique=False)
    op.create_index(op.f('ix_qunclub_season_offer_taken_id'), 'qunclub_season_offer', ['taken_id'], unique=False)


def downgrade() -> None:
    """Undo."""
    op.drop_table('qunclub_season_offer')
    op.drop_table('qunclub_season_runner_up')
