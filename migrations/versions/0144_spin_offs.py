"""spin-off groups that members lead

Revision: 0144
After: 0143
"""

import sqlalchemy as sa
from alembic import op

revision = "0144"
down_revision = "0143"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
APPROVED = sa.text("state = 'approved'")
PROPOSED = sa.text("state = 'proposed'")
REFERS = (
    ('answered_by', 'member'), ('group_id', 'group'), ('leader_id', 'member'), ('line_id', 'group_line'),
    ('parent_group_id', 'group'), ('parent_line_id', 'group_line'), ('proposer_id', 'member'),
)


def upgrade() -> None:
    """Apply."""
    op.create_table('qunclub_spin_off',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('purpose', sa.Text(), nullable=False),
    sa.Column('capacity', sa.Integer(), nullable=False),
    sa.Column('open_to', sa.String(length=10), nullable=False),
    sa.Column('parent_line_id', BIG, nullable=False),
    sa.Column('parent_group_id', BIG, nullable=False),
    sa.Column('proposer_id', BIG, nullable=True),
    sa.Column('leader_id', BIG, nullable=True),
    sa.Column('leader_note', sa.Text(), nullable=False),
    sa.Column('line_id', BIG, nullable=True),
    sa.Column('group_id', BIG, nullable=True),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('proposed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('answer', sa.Text(), nullable=False),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('answered_by', BIG, nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    *(sa.ForeignKeyConstraint([column], [f'qunclub_{table}.id'], name=op.f(f'fk_qunclub_spin_off_{column}')) for column, table in REFERS),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_spin_off')),
    sa.UniqueConstraint('line_id', name=op.f('uq_qunclub_spin_off_line_id')),
    sa.UniqueConstraint('group_id', name=op.f('uq_qunclub_spin_off_group_id'))
    )
    op.create_index('uq_qunclub_spin_off_proposed', 'qunclub_spin_off', ['parent_line_id', 'proposer_id'], unique=True, sqlite_where=PROPOSED, postgresql_where=PROPOSED)
    op.create_index('ix_qunclub_spin_off_waiting', 'qunclub_spin_off', ['id'], unique=False, sqlite_where=PROPOSED, postgresql_where=PROPOSED)
    op.create_index('ix_qunclub_spin_off_there', 'qunclub_spin_off', ['id'], unique=False, sqlite_where=APPROVED, postgresql_where=APPROVED)
    op.create_index(op.f('ix_qunclub_spin_off_parent_line_id_state_id'), 'qunclub_spin_off', ['parent_line_id', 'state', 'id'], unique=False)
    for column in ('parent_group_id', 'proposer_id', 'leader_id', 'answered_by'):
        op.create_index(op.f(f'ix_qunclub_spin_off_{column}'), 'qunclub_spin_off', [column], unique=False)


def downgrade() -> None:
    """Undo."""
    op.drop_table('qunclub_spin_off')
