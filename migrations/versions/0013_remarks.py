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
    op.create_table('qunclub_work_band',
    sa.Column('attempt_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('band', sa.Integer(), nullable=False),
    sa.Column('value', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['attempt_id'], ['qunclub_attempt.id'], name=op.f('fk_qunclub_work_band_attempt_id')),
    sa.PrimaryKeyConstraint('attempt_id', 'band', name=op.f('pk_qunclub_work_band'))
    )
    op.create_index(op.f('ix_qunclub_work_band_value'), 'qunclub_work_band', ['value'], unique=False)
    op.create_index(op.f('ix_qunclub_submission_file_sha256'), 'qunclub_submission_file', ['sha256'], unique=False)
    op.create_table('qunclub_spoken_comment',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('submission_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('reviewer_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('review_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('content_type', sa.String(length=100), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('storage_key', sa.String(length=120), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['review_id'], ['qunclub_review.id'], name=op.f('fk_qunclub_spoken_comment_review_id')),
    sa.ForeignKeyConstraint(['reviewer_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_spoken_comment_reviewer_id')),
    sa.ForeignKeyConstraint(['submission_id'], ['qunclub_submission.id'], name=op.f('fk_qunclub_spoken_comment_submission_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_spoken_comment')),
    sa.UniqueConstraint('storage_key', name=op.f('uq_qunclub_spoken_comment_storage_key'))
    )
    op.create_index(op.f('ix_qunclub_spoken_comment_review_id'), 'qunclub_spoken_comment', ['review_id'], unique=False)
    op.create_index(op.f('ix_qunclub_spoken_comment_reviewer_id'), 'qunclub_spoken_comment', ['reviewer_id'], unique=False)
    op.create_index(op.f('ix_qunclub_spoken_comment_submission_id'), 'qunclub_spoken_comment', ['submission_id'], unique=False)
    with op.batch_alter_table('qunclub_attempt', schema=None) as batch_op:
        batch_op.add_column(sa.Column('signed', sa.Integer(), server_default=sa.text("'0'"), nullable=False))
    op.create_index(
        'ix_qunclub_attempt_unsigned', 'qunclub_attempt', ['id'], unique=False,
        sqlite_where=sa.text('signed = 0'), postgresql_where=sa.text('signed = 0'),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_index('ix_qunclub_attempt_unsigned', table_name='qunclub_attempt')
    with op.batch_alter_table('qunclub_attempt', schema=None) as batch_op:
        batch_op.drop_column('signed')
    op.drop_index(op.f('ix_qunclub_submission_file_sha256'), table_name='qunclub_submission_file')
    op.drop_table('qunclub_spoken_comment')
    op.drop_table('qunclub_work_band')
    op.drop_table('qunclub_remark')
    with op.batch_alter_table('qunclub_review_draft', schema=None) as batch_op:
        batch_op.drop_column('beside')
