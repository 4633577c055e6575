"""groups split in two at an announced moment

Revision: 0143
After: 0142
"""

import sqlalchemy as sa
from alembic import op

revision = "0143"
down_revision = "0142"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
PLANNED = sa.text("state = 'planned'")


def upgrade() -> None:
    """Apply."""
    op.create_table('qunclub_group_split',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('group_id', BIG, nullable=False),
    sa.Column('way', sa.String(length=10), nullable=False),
    sa.Column('key', sa.String(length=80), nullable=False),
    sa.Column('seed', sa.String(length=20), nullable=False),
    sa.Column('movers', sa.JSON(), nullable=False),
    sa.Column('capacity', sa.Integer(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('announced_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('note', sa.Text(), nullable=False),
    sa.Column('made_id', BIG, nullable=True),
    sa.Column('by_id', BIG, nullable=True),
    sa.ForeignKeyConstraint(['by_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_group_split_by_id')),
    sa.ForeignKeyConstraint(['group_id'], ['qunclub_group.id'], name=op.f('fk_qunclub_group_split_group_id')),
    sa.ForeignKeyConstraint(['made_id'], ['qunclub_group.id'], name=op.f('fk_qunclub_group_split_made_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_group_split'))
    )
    op.create_index('uq_qunclub_group_split_planned', 'qunclub_group_split', ['group_id'], unique=True, sqlite_where=PLANNED, postgresql_where=PLANNED)
    op.create_index('ix_qunclub_group_split_due', 'qunclub_group_split', ['due_at', 'id'], unique=False, sqlite_where=PLANNED, postgresql_where=PLANNED)
    op.create_index(op.f('ix_qunclub_group_split_group_id_id'), 'qunclub_group_split', ['group_id', 'id'], unique=False)
    op.create_index(op.f('ix_qunclub_group_split_by_id'), 'qunclub_group_split', ['by_id'], unique=False)


def downgrade() -> None:
    """Undo."""
    op.drop_table('qunclub_group_split')
