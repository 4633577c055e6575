"""remarks

Revision: 0013
After: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table('qunclub_review_draft', schema=None) as batch_op:
        batch_op.add_column(sa.Column('beside', sa.JSON(), server_default=sa.text("'[]'"), nullable=False))
    op.create_table('qunclub_remark',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('review_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('attempt_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('start', sa.Integer(), nullable=True),
    sa.Column('end', sa.Integer(), nullable=True),
    sa.Column('quote', sa.Text(), nullable=False),
    sa.Column('file_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('x', sa.Integer(), nullable=True),
    sa.Column('y', sa.Integer(), nullable=True),
    sa.Column('body_md', sa.Text(), nullable=False),
    sa.Column('body_html', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['attempt_id'], ['qunclub_attempt.id'], name=op.f('fk_qunclub_remark_attempt_id')),
    sa.ForeignKeyConstraint(['file_id'], ['qunclub_submission_file.id'], name=op.f('fk_qunclub_remark_file_id')),
    sa.ForeignKeyConstraint(['review_id'], ['qunclub_review.id'], name=op.f('fk_qunclub_remark_review_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_remark')),
    sa.UniqueConstraint('review_id', 'position', name=op.f('uq_qunclub_remark_review_id_position'))
    )
    op.create_index(op.f('ix_qunclub_remark_attempt_id'), 'qunclub_remark', ['attempt_id'], unique=False)


def downgrade() -> None:
    """Undo."""
    op.drop_table('qunclub_remark')
    with op.batch_alter_table('qunclub_review_draft', schema=None) as batch_op:
        batch_op.drop_column('beside')
