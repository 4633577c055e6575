"""rules of points have versions, the ledger is guarded by the database

Revision: 0020
After: 0015
"""

import sqlalchemy as sa
from alembic import op

from qunclub.kernel import append_only

revision = "0020"
down_revision = "0018"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
GUARDED = ('qunclub_ledger_entry', 'qunclub_point_rule_version')


def upgrade() -> None:
    """Apply."""
    op.add_column('qunclub_point_rule', sa.Column('version', sa.Integer(), server_default='1', nullable=False))
    op.add_column('qunclub_ledger_entry', sa.Column('rule_version', sa.Integer(), server_default='0', nullable=False))
    op.create_table('qunclub_point_rule_version',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('kind', sa.String(length=40), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('amount', sa.Integer(), nullable=False),
    sa.Column('honours', sa.Integer(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('valid_from', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor', sa.String(length=120), nullable=False),
    sa.Column('actor_name', sa.String(length=120), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_point_rule_version')),
    sa.UniqueConstraint('kind', 'version', name=op.f('uq_qunclub_point_rule_version_kind_version'))
    )
    # The rules as they stand become their first version; what they were before is in the audit log only.
    op.execute(
        "INSERT INTO qunclub_point_rule_version "
        "(kind, version, amount, honours, active, valid_from, actor, actor_name, reason) "
        "SELECT kind, 1, amount, honours, active, updated_at, 'system:club', '', '' FROM qunclub_point_rule ORDER BY kind"
    )
    for table in GUARDED:
        append_only.guard(op.get_bind(), table)


def downgrade() -> None:
    """Undo."""
    for table in GUARDED:
        append_only.release(op.get_bind(), table)
    op.drop_table('qunclub_point_rule_version')
    with op.batch_alter_table('qunclub_ledger_entry', schema=None) as batch_op:
        batch_op.drop_column('rule_version')
    with op.batch_alter_table('qunclub_point_rule', schema=None) as batch_op:
        batch_op.drop_column('version')
