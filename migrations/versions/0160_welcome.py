"""welcoming newcomers on the board of their group

Revision: 0160
After: 0130
"""

import sqlalchemy as sa
from alembic import op

revision = "0160"
down_revision = "0130"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    op.create_table('qunclub_line_welcome',
    sa.Column('line_id', BIG, autoincrement=False, nullable=False),
    sa.Column('mode', sa.String(length=12), nullable=False),
    sa.Column('words_zh', sa.String(length=200), nullable=False),
    sa.Column('words_en', sa.String(length=200), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['line_id'], ['qunclub_group_line.id'], name=op.f('fk_qunclub_line_welcome_line_id')),
    sa.PrimaryKeyConstraint('line_id', name=op.f('pk_qunclub_line_welcome'))
    )
    op.create_table('qunclub_board_welcome',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('group_id', BIG, nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('nth', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['group_id'], ['qunclub_group.id'], name=op.f('fk_qunclub_board_welcome_group_id')),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_board_welcome_member_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_board_welcome')),
    sa.UniqueConstraint('group_id', 'member_id', name=op.f('uq_qunclub_board_welcome_group_id_member_id'))
    )
    op.create_index(op.f('ix_qunclub_board_welcome_group_id_day_nth'), 'qunclub_board_welcome', ['group_id', 'day', 'nth'])
    op.create_index(op.f('ix_qunclub_board_welcome_group_id_at'), 'qunclub_board_welcome', ['group_id', 'at'])
    op.create_index(op.f('ix_qunclub_board_welcome_member_id'), 'qunclub_board_welcome', ['member_id'])
    op.create_table('qunclub_board_welcome_day',
    sa.Column('group_id', BIG, autoincrement=False, nullable=False),
    sa.Column('day', sa.Date(), nullable=False),
    sa.Column('came', sa.Integer(), nullable=False),
    sa.Column('first_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['group_id'], ['qunclub_group.id'], name=op.f('fk_qunclub_board_welcome_day_group_id')),
    sa.PrimaryKeyConstraint('group_id', 'day', name=op.f('pk_qunclub_board_welcome_day'))
    )
    op.create_index(op.f('ix_qunclub_board_welcome_day_group_id_first_at'), 'qunclub_board_welcome_day', ['group_id', 'first_at'])


def downgrade() -> None:
    """Undo."""
    op.drop_table('qunclub_board_welcome_day')
    op.drop_table('qunclub_board_welcome')
    op.drop_table('qunclub_line_welcome')
