"""what a line asks of newcomers, introductions, and the steps that are ticked

Revision: 0150
After: 0072
"""

import sqlalchemy as sa
from alembic import op

revision = "0150"
down_revision = "0072"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    op.create_table('qunclub_line_ritual',
    sa.Column('line_id', BIG, autoincrement=False, nullable=False),
    sa.Column('questions', sa.JSON(), nullable=False),
    sa.Column('task_title', sa.String(length=120), nullable=False),
    sa.Column('task_md', sa.Text(), nullable=False),
    sa.Column('task_html', sa.Text(), nullable=False),
    sa.Column('asked_since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['line_id'], ['qunclub_group_line.id'], name=op.f('fk_qunclub_line_ritual_line_id')),
    sa.PrimaryKeyConstraint('line_id', name=op.f('pk_qunclub_line_ritual'))
    )
    op.create_table('qunclub_introduction',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('line_id', BIG, nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('answers', sa.JSON(), nullable=False),
    sa.Column('given_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['line_id'], ['qunclub_group_line.id'], name=op.f('fk_qunclub_introduction_line_id')),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_introduction_member_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_introduction')),
    sa.UniqueConstraint('line_id', 'member_id', name=op.f('uq_qunclub_introduction_line_id_member_id'))
    )
    op.create_index(op.f('ix_qunclub_introduction_member_id'), 'qunclub_introduction', ['member_id'])
    op.create_table('qunclub_ritual_mark',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('seat_id', BIG, nullable=False),
    sa.Column('step', sa.String(length=12), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by_id', BIG, nullable=True),
    sa.ForeignKeyConstraint(['by_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_ritual_mark_by_id')),
    sa.ForeignKeyConstraint(['seat_id'], ['qunclub_seat.id'], name=op.f('fk_qunclub_ritual_mark_seat_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_ritual_mark')),
    sa.UniqueConstraint('seat_id', 'step', name=op.f('uq_qunclub_ritual_mark_seat_id_step'))
    )
    op.create_index(op.f('ix_qunclub_ritual_mark_by_id'), 'qunclub_ritual_mark', ['by_id'])
    op.create_index(
        'ix_qunclub_seat_admitted', 'qunclub_seat', ['group_id', 'admitted_at', 'id'],
        sqlite_where=sa.text("state = 'admitted'"), postgresql_where=sa.text("state = 'admitted'"),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_index('ix_qunclub_seat_admitted', table_name='qunclub_seat')
    op.drop_table('qunclub_ritual_mark')
    op.drop_table('qunclub_introduction')
    op.drop_table('qunclub_line_ritual')
