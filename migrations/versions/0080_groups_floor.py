"""indexes of seats, passes and tickets; who is barred; notices of a covenant

Revision: 0080
After: 0041
"""

import sqlalchemy as sa
from alembic import op

revision = "0080"
down_revision = "0141"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
PARTIAL = (
    ("ix_qunclub_pass_seat_id", "qunclub_pass", ["seat_id"], "seat_id IS NOT NULL"),
    ("ix_qunclub_seat_stirred", "qunclub_seat", ["stirred_at", "id"], "stirred_at IS NOT NULL"),
    ("ix_qunclub_entry_ticket_used_by_id", "qunclub_entry_ticket", ["used_by_id"], "used_by_id IS NOT NULL"),
    (
        "ix_qunclub_entry_ticket_used_by_name",
        "qunclub_entry_ticket",
        ["used_by"],
        "used_by_id IS NULL AND used_by <> ''",
    ),
)
SEATS = (["line_id", "id"], ["line_id", "state", "id"], ["group_id", "id"])


def upgrade() -> None:
    """Apply."""
    op.add_column('qunclub_seat', sa.Column('stirred_at', sa.DateTime(timezone=True), nullable=True))
    with op.batch_alter_table('qunclub_entry_ticket', schema=None) as batch_op:
        batch_op.add_column(sa.Column('used_by_id', BIG, nullable=True))
        batch_op.create_foreign_key(
            op.f('fk_qunclub_entry_ticket_used_by_id'), 'qunclub_member', ['used_by_id'], ['id']
        )
    for name, table, columns, where in PARTIAL:
        op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
    for columns in SEATS:
        op.create_index('_'.join(('ix_qunclub_seat', *columns)), 'qunclub_seat', columns)
    op.create_table('qunclub_group_bar',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('line_id', BIG, nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('lifted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('lift_reason', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['line_id'], ['qunclub_group_line.id'], name=op.f('fk_qunclub_group_bar_line_id')),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_group_bar_member_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_group_bar'))
    )
    op.create_index(op.f('ix_qunclub_group_bar_member_id'), 'qunclub_group_bar', ['member_id'])
    op.create_table('qunclub_covenant_notice',
    sa.Column('covenant_id', BIG, autoincrement=False, nullable=False),
    sa.Column('after_id', BIG, nullable=False),
    sa.Column('done_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['covenant_id'], ['qunclub_covenant.id'], name=op.f('fk_qunclub_covenant_notice_covenant_id')),
    sa.PrimaryKeyConstraint('covenant_id', name=op.f('pk_qunclub_covenant_notice'))
    )
    op.create_index(
        'ix_qunclub_covenant_notice_due',
        'qunclub_covenant_notice',
        ['covenant_id'],
        sqlite_where=sa.text('done_at IS NULL'),
        postgresql_where=sa.text('done_at IS NULL'),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table('qunclub_covenant_notice')
    op.drop_table('qunclub_group_bar')
    for columns in SEATS:
        op.drop_index('_'.join(('ix_qunclub_seat', *columns)), table_name='qunclub_seat')
    for name, table, _, _ in PARTIAL:
        op.drop_index(name, table_name=table)
    with op.batch_alter_table('qunclub_entry_ticket', schema=None) as batch_op:
        batch_op.drop_column('used_by_id')
    op.drop_column('qunclub_seat', 'stirred_at')
