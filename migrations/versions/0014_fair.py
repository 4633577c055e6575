"""independent judgement: blind review

Revision: 0014
After: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table('qunclub_assignment', schema=None) as batch_op:
        batch_op.add_column(sa.Column('blind', sa.String(length=8), server_default='', nullable=False))

    op.create_table('qunclub_unveil',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('submission_id', BIG, nullable=False),
    sa.Column('admin_id', BIG, nullable=False),
    sa.Column('admin_name', sa.String(length=120), nullable=False),
    sa.Column('reason', sa.String(length=300), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['admin_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_unveil_admin_id')),
    sa.ForeignKeyConstraint(['submission_id'], ['qunclub_submission.id'], name=op.f('fk_qunclub_unveil_submission_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_unveil')),
    sa.UniqueConstraint('submission_id', 'admin_id', name=op.f('uq_qunclub_unveil_submission_id_admin_id'))
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table('qunclub_unveil')
    with op.batch_alter_table('qunclub_assignment', schema=None) as batch_op:
        batch_op.drop_column('blind')
