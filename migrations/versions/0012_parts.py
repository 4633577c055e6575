"""parts

Revision: 0012
After: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table('qunclub_criterion_level',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('criterion_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('points', sa.Integer(), nullable=False),
    sa.Column('title', sa.String(length=80), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['criterion_id'], ['qunclub_criterion.id'], name=op.f('fk_qunclub_criterion_level_criterion_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_criterion_level')),
    sa.UniqueConstraint('criterion_id', 'points', name=op.f('uq_qunclub_criterion_level_criterion_id_points'))
    )
    with op.batch_alter_table('qunclub_review_score', schema=None) as batch_op:
        batch_op.add_column(sa.Column('level', sa.String(length=80), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column('level_text', sa.Text(), server_default=sa.text("''"), nullable=False))

    with op.batch_alter_table('qunclub_assignment', schema=None) as batch_op:
        batch_op.add_column(sa.Column('link_part', sa.String(length=10), server_default=sa.text("'none'"), nullable=False))
        batch_op.add_column(sa.Column('points_accepted', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('points_featured', sa.Integer(), nullable=True))

    with op.batch_alter_table('qunclub_attempt', schema=None) as batch_op:
        batch_op.add_column(sa.Column('link', sa.String(length=500), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column('points_accepted', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('points_featured', sa.Integer(), nullable=True))

    with op.batch_alter_table('qunclub_work_draft', schema=None) as batch_op:
        batch_op.add_column(sa.Column('link', sa.Text(), server_default=sa.text("''"), nullable=False))


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table('qunclub_review_score', schema=None) as batch_op:
        batch_op.drop_column('level_text')
        batch_op.drop_column('level')

    op.drop_table('qunclub_criterion_level')
    with op.batch_alter_table('qunclub_work_draft', schema=None) as batch_op:
        batch_op.drop_column('link')

    with op.batch_alter_table('qunclub_attempt', schema=None) as batch_op:
        batch_op.drop_column('points_featured')
        batch_op.drop_column('points_accepted')
        batch_op.drop_column('link')

    with op.batch_alter_table('qunclub_assignment', schema=None) as batch_op:
        batch_op.drop_column('points_featured')
        batch_op.drop_column('points_accepted')
        batch_op.drop_column('link_part')
