"""fair judgement: several judgements of an attempt, the history of verdicts, appeals

Revision: 0008
After: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = "0007"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table('qunclub_review', schema=None) as batch_op:
        batch_op.add_column(sa.Column('n', sa.Integer(), server_default='1', nullable=False))
        batch_op.add_column(sa.Column('stage', sa.String(length=12), server_default='first', nullable=False))
        batch_op.add_column(sa.Column('counts', sa.Boolean(), server_default=sa.true(), nullable=False))
        batch_op.drop_constraint('uq_qunclub_review_attempt_id', type_='unique')
        batch_op.create_unique_constraint(batch_op.f('uq_qunclub_review_attempt_id_n'), ['attempt_id', 'n'])
    op.create_index(
        'uq_qunclub_review_counting',
        'qunclub_review',
        ['attempt_id'],
        unique=True,
        sqlite_where=sa.text('counts = 1'),
        postgresql_where=sa.text('counts'),
    )

    op.create_table('qunclub_verdict_change',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('submission_id', BIG, nullable=False),
    sa.Column('attempt_id', BIG, nullable=False),
    sa.Column('review_id', BIG, nullable=True),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('before', sa.String(length=20), nullable=False),
    sa.Column('after', sa.String(length=20), nullable=False),
    sa.Column('score_before', sa.Integer(), nullable=True),
    sa.Column('score_after', sa.Integer(), nullable=True),
    sa.Column('actor', sa.String(length=200), nullable=False),
    sa.Column('actor_name', sa.String(length=120), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['attempt_id'], ['qunclub_attempt.id'], name=op.f('fk_qunclub_verdict_change_attempt_id')),
    sa.ForeignKeyConstraint(['review_id'], ['qunclub_review.id'], name=op.f('fk_qunclub_verdict_change_review_id')),
    sa.ForeignKeyConstraint(['submission_id'], ['qunclub_submission.id'], name=op.f('fk_qunclub_verdict_change_submission_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_verdict_change'))
    )
    with op.batch_alter_table('qunclub_verdict_change', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_qunclub_verdict_change_submission_id_id'), ['submission_id', 'id'], unique=False)

    op.create_table('qunclub_work_appeal',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('submission_id', BIG, nullable=False),
    sa.Column('attempt_id', BIG, nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('answer', sa.Text(), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decided_by', BIG, nullable=True),
    sa.ForeignKeyConstraint(['attempt_id'], ['qunclub_attempt.id'], name=op.f('fk_qunclub_work_appeal_attempt_id')),
    sa.ForeignKeyConstraint(['decided_by'], ['qunclub_member.id'], name=op.f('fk_qunclub_work_appeal_decided_by')),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_work_appeal_member_id')),
    sa.ForeignKeyConstraint(['submission_id'], ['qunclub_submission.id'], name=op.f('fk_qunclub_work_appeal_submission_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_work_appeal')),
    sa.UniqueConstraint('attempt_id', name=op.f('uq_qunclub_work_appeal_attempt_id'))
    )
    with op.batch_alter_table('qunclub_work_appeal', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_qunclub_work_appeal_member_id_opened_at'), ['member_id', 'opened_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_qunclub_work_appeal_state_opened_at'), ['state', 'opened_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_qunclub_work_appeal_submission_id'), ['submission_id'], unique=False)

    _lines_of_old_judgements()


def _lines_of_old_judgements() -> None:
    """What was judged and reopened before there was a history begins it: in the order in which it happened."""
    op.execute(
        sa.text(
            """
            INSERT INTO qunclub_verdict_change (submission_id, attempt_id, review_id, kind, before, after,
                                                score_before, score_after, actor, actor_name, reason, at)
            SELECT submission_id, attempt_id, review_id, kind, before, after, score_before, score_after,
                   actor, actor_name, reason, at
            FROM (
                SELECT r.submission_id, r.attempt_id, r.id AS review_id, 'review' AS kind, '' AS before,
                       r.verdict AS after, NULL AS score_before,
                       CASE WHEN r.verdict = 'return' AND r.score = 0 THEN NULL ELSE r.score END AS score_after,
                       '' AS actor, r.reviewer_name AS actor_name, '' AS reason, r.created_at AS at
                FROM qunclub_review r
                UNION ALL
                SELECT r.submission_id, r.attempt_id, NULL, 'reopen', r.verdict, '', r.score, NULL,
                       e.actor_key, e.actor_name, e.summary, e.at
                FROM qunclub_audit e
                JOIN qunclub_review r ON e.target = 'submission:' || CAST(r.submission_id AS VARCHAR)
                WHERE e.action = 'submission.reopen' AND r.verdict <> 'return' AND r.id = (
                    SELECT max(s.id) FROM qunclub_review s
                    WHERE s.submission_id = r.submission_id AND s.created_at <= e.at)
            ) AS old
            ORDER BY at, review_id
            """
        )
    )


def downgrade() -> None:
    """Undo; judgements that do not count go."""
    op.drop_table('qunclub_work_appeal')
    op.drop_table('qunclub_verdict_change')
    op.execute(sa.text("DELETE FROM qunclub_review_score WHERE review_id IN (SELECT id FROM qunclub_review WHERE NOT counts)"))
    op.execute(sa.text("DELETE FROM qunclub_review WHERE NOT counts"))
    op.drop_index('uq_qunclub_review_counting', table_name='qunclub_review')
    with op.batch_alter_table('qunclub_review', schema=None) as batch_op:
        batch_op.drop_constraint('uq_qunclub_review_attempt_id_n', type_='unique')
        batch_op.create_unique_constraint('uq_qunclub_review_attempt_id', ['attempt_id'])
        batch_op.drop_column('counts')
        batch_op.drop_column('stage')
        batch_op.drop_column('n')
