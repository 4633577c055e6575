"""core profiles

Revision: 0041
After: 0040
"""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    op.create_table('qunclub_core_profile',
    sa.Column('member_id', BIG, autoincrement=False, nullable=False),
    sa.Column('skills', sa.JSON(), nullable=False),
    sa.Column('about', sa.Text(), nullable=False),
    sa.Column('public_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_core_profile_member_id')),
    sa.PrimaryKeyConstraint('member_id', name=op.f('pk_qunclub_core_profile'))
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table('qunclub_core_profile')
