"""limits of what a kind of contribution earns; who gave points; what a limit took

Revision: 0022
After: 0021
"""

import sqlalchemy as sa
from alembic import op

from qunclub.kernel import append_only

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

LEDGER = 'qunclub_ledger_entry'
BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    for table in ('qunclub_point_rule', 'qunclub_point_rule_version'):
        op.add_column(table, sa.Column('limits', sa.JSON(), server_default='{}', nullable=False))
    append_only.release(op.get_bind(), LEDGER)
    with op.batch_alter_table(LEDGER, schema=None) as batch_op:
        batch_op.add_column(sa.Column('from_member_id', BIG, nullable=True))
        batch_op.add_column(sa.Column('lost', sa.Integer(), server_default='0', nullable=False))
        batch_op.add_column(sa.Column('lost_why', sa.String(length=10), server_default='', nullable=False))
        batch_op.create_index(batch_op.f('ix_qunclub_ledger_entry_from_member_id'), ['from_member_id'], unique=False)
        batch_op.create_foreign_key(
            batch_op.f('fk_qunclub_ledger_entry_from_member_id'), 'qunclub_member', ['from_member_id'], ['id']
        )
    append_only.guard(op.get_bind(), LEDGER)


def downgrade() -> None:
    """Undo."""
    append_only.release(op.get_bind(), LEDGER)
    with op.batch_alter_table(LEDGER, schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_qunclub_ledger_entry_from_member_id'), type_='foreignkey')
        batch_op.drop_index(batch_op.f('ix_qunclub_ledger_entry_from_member_id'))
        batch_op.drop_column('lost_why')
        batch_op.drop_column('lost')
        batch_op.drop_column('from_member_id')
    append_only.guard(op.get_bind(), LEDGER)
    append_only.release(op.get_bind(), 'qunclub_point_rule_version')
    for table in ('qunclub_point_rule_version', 'qunclub_point_rule'):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column('limits')
    append_only.guard(op.get_bind(), 'qunclub_point_rule_version')
