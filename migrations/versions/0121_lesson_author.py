"""lessons know who wrote them and when readers first saw them

Revision: 0121
After: 0120
"""

import sqlalchemy as sa
from alembic import op

revision = "0121"
down_revision = "0120"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table('qunclub_lesson', schema=None) as batch_op:
        batch_op.add_column(sa.Column('author_id', BIG, nullable=True))
        batch_op.add_column(sa.Column('delivered_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.create_foreign_key(batch_op.f('fk_qunclub_lesson_author_id'), 'qunclub_member', ['author_id'], ['id'])
        batch_op.create_index(batch_op.f('ix_qunclub_lesson_author_id'), ['author_id'], unique=False)


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table('qunclub_lesson', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_qunclub_lesson_author_id'))
        batch_op.drop_constraint(batch_op.f('fk_qunclub_lesson_author_id'), type_='foreignkey')
        batch_op.drop_column('delivered_at')
        batch_op.drop_column('author_id')
