"""the path of members upward: its rules, levels, history

Revision: 0120
After: 0041
"""

import sqlalchemy as sa
from alembic import op

from qunclub.kernel import append_only

revision = "0120"
down_revision = "0145"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
GUARDED = ('qunclub_ladder_version', 'qunclub_level_change')


def upgrade() -> None:
    """Apply."""
    op.create_table('qunclub_ladder_version',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('rules', sa.JSON(), nullable=False),
    sa.Column('valid_from', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor', sa.String(length=120), nullable=False),
    sa.Column('actor_name', sa.String(length=200), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_ladder_version')),
    sa.UniqueConstraint('version', name=op.f('uq_qunclub_ladder_version_version'))
    )
    op.create_table('qunclub_ladder_draft',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('rules', sa.JSON(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('actor_name', sa.String(length=200), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('cursor', sa.BigInteger(), nullable=False),
    sa.Column('looked', sa.Integer(), nullable=False),
    sa.Column('moves', sa.JSON(), nullable=False),
    sa.Column('counted_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_ladder_draft'))
    )
    op.create_table('qunclub_level_count',
    sa.Column('level', sa.String(length=20), nullable=False),
    sa.Column('members', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('level', name=op.f('pk_qunclub_level_count'))
    )
    op.create_table('qunclub_member_level',
    sa.Column('member_id', BIG, autoincrement=False, nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('level', sa.String(length=20), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ladder_version', sa.Integer(), nullable=False),
    sa.Column('looked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('lose_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('warnings', sa.Integer(), nullable=False),
    sa.Column('hand_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('changes', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_member_level_member_id')),
    sa.PrimaryKeyConstraint('member_id', name=op.f('pk_qunclub_member_level')),
    sa.UniqueConstraint('number', name=op.f('uq_qunclub_member_level_number'))
    )
    with op.batch_alter_table('qunclub_member_level', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_qunclub_member_level_due_at_member_id'), ['due_at', 'member_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_qunclub_member_level_ladder_version_member_id'), ['ladder_version', 'member_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_qunclub_member_level_level_number'), ['level', 'number'], unique=False)
        batch_op.create_index('ix_qunclub_member_level_losing', ['lose_at', 'member_id'], unique=False, sqlite_where=sa.text('lose_at IS NOT NULL'), postgresql_where=sa.text('lose_at IS NOT NULL'))
    op.create_table('qunclub_level_change',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('n', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('from_level', sa.String(length=20), nullable=False),
    sa.Column('to_level', sa.String(length=20), nullable=False),
    sa.Column('why', sa.String(length=20), nullable=False),
    sa.Column('facts', sa.JSON(), nullable=False),
    sa.Column('ladder_version', sa.Integer(), nullable=False),
    sa.Column('actor', sa.String(length=120), nullable=False),
    sa.Column('actor_name', sa.String(length=200), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('until', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_level_change_member_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_level_change')),
    sa.UniqueConstraint('member_id', 'n', name=op.f('uq_qunclub_level_change_member_id_n'))
    )
    for table in GUARDED:
        append_only.guard(op.get_bind(), table)


def downgrade() -> None:
    """Undo."""
    for table in GUARDED:
        append_only.release(op.get_bind(), table)
    op.drop_table('qunclub_level_change')
    op.drop_table('qunclub_member_level')
    op.drop_table('qunclub_level_count')
    op.drop_table('qunclub_ladder_draft')
    op.drop_table('qunclub_ladder_version')
