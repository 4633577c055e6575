"""second judgements of a sample, verdicts that come out together

Revision: 0015
After: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table('qunclub_assignment', schema=None) as batch_op:
        batch_op.add_column(sa.Column('second_percent', sa.Integer(), server_default='0', nullable=False))
        batch_op.add_column(sa.Column('divergence', sa.Integer(), server_default='10', nullable=False))
        batch_op.add_column(sa.Column('release', sa.String(length=10), server_default='at_once', nullable=False))
        batch_op.add_column(sa.Column('release_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('released_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('sample_key', sa.String(length=64), server_default='', nullable=False))
    with op.batch_alter_table('qunclub_submission', schema=None) as batch_op:
        batch_op.add_column(sa.Column('sampled', sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column('stage', sa.String(length=8), server_default='first', nullable=False))
    op.create_index(
        'ix_qunclub_submission_stage',
        'qunclub_submission',
        ['stage', 'submitted_at', 'id'],
        sqlite_where=sa.text("stage <> 'first'"),
        postgresql_where=sa.text("stage <> 'first'"),
    )
    op.create_table('qunclub_held_verdict',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('submission_id', BIG, nullable=False),
    sa.Column('review_id', BIG, nullable=False),
    sa.Column('scored', sa.Boolean(), nullable=False),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('actor', sa.String(length=200), nullable=False),
    sa.Column('actor_name', sa.String(length=120), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['review_id'], ['qunclub_review.id'], name=op.f('fk_qunclub_held_verdict_review_id')),
    sa.ForeignKeyConstraint(['submission_id'], ['qunclub_submission.id'], name=op.f('fk_qunclub_held_verdict_submission_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_held_verdict')),
    sa.UniqueConstraint('review_id', name=op.f('uq_qunclub_held_verdict_review_id')),
    sa.UniqueConstraint('submission_id', name=op.f('uq_qunclub_held_verdict_submission_id'))
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table('qunclub_held_verdict')
    op.drop_index('ix_qunclub_submission_stage', table_name='qunclub_submission')
    with op.batch_alter_table('qunclub_submission', schema=None) as batch_op:
        batch_op.drop_column('stage')
        batch_op.drop_column('sampled')
    with op.batch_alter_table('qunclub_assignment', schema=None) as batch_op:
        for name in ('sample_key', 'released_at', 'release_at', 'release', 'divergence', 'second_percent'):
            batch_op.drop_column(name)
