"""the rules of the house: schedules, mutes, reports, violations, sanctions, appeals

Revision: 0110
After: 0041
"""

import sqlalchemy as sa
from alembic import op

from qunclub.kernel import append_only

revision = "0110"
down_revision = "0091"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
GUARDED = ("qunclub_violation", "qunclub_sanction")


def upgrade() -> None:
    """Apply."""
    op.create_table('qunclub_house_schedule',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('line_id', BIG, nullable=False),
    sa.Column('group_id', BIG, nullable=True),
    sa.Column('windows', sa.JSON(), nullable=False),
    sa.Column('slow_seconds', sa.Integer(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['group_id'], ['qunclub_group.id'], name=op.f('fk_qunclub_house_schedule_group_id')),
    sa.ForeignKeyConstraint(['line_id'], ['qunclub_group_line.id'], name=op.f('fk_qunclub_house_schedule_line_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_house_schedule')),
    sa.UniqueConstraint('group_id', name=op.f('uq_qunclub_house_schedule_group_id'))
    )
    op.create_index(op.f('ix_qunclub_house_schedule_line_id_group_id'), 'qunclub_house_schedule', ['line_id', 'group_id'], unique=False)
    op.create_index('uq_qunclub_house_schedule_line', 'qunclub_house_schedule', ['line_id'], unique=True, sqlite_where=sa.text('group_id IS NULL'), postgresql_where=sa.text('group_id IS NULL'))
    op.create_table('qunclub_violation',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('group_id', BIG, nullable=False),
    sa.Column('category', sa.String(length=20), nullable=False),
    sa.Column('subject_kind', sa.String(length=20), nullable=False),
    sa.Column('subject_id', BIG, nullable=False),
    sa.Column('found_by', BIG, nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['found_by'], ['qunclub_member.id'], name=op.f('fk_qunclub_violation_found_by')),
    sa.ForeignKeyConstraint(['group_id'], ['qunclub_group.id'], name=op.f('fk_qunclub_violation_group_id')),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_violation_member_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_violation'))
    )
    op.create_index(op.f('ix_qunclub_violation_member_id_at'), 'qunclub_violation', ['member_id', 'at'], unique=False)
    op.create_table('qunclub_report',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('subject_kind', sa.String(length=20), nullable=False),
    sa.Column('subject_id', BIG, nullable=False),
    sa.Column('group_id', BIG, nullable=False),
    sa.Column('author_id', BIG, nullable=False),
    sa.Column('reporter_id', BIG, nullable=False),
    sa.Column('category', sa.String(length=20), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('excerpt', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=12), nullable=False),
    sa.Column('claimed_by', BIG, nullable=True),
    sa.Column('claimed_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', BIG, nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('answer', sa.Text(), nullable=False),
    sa.Column('violation_id', BIG, nullable=True),
    sa.ForeignKeyConstraint(['author_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_report_author_id')),
    sa.ForeignKeyConstraint(['claimed_by'], ['qunclub_member.id'], name=op.f('fk_qunclub_report_claimed_by')),
    sa.ForeignKeyConstraint(['decided_by'], ['qunclub_member.id'], name=op.f('fk_qunclub_report_decided_by')),
    sa.ForeignKeyConstraint(['group_id'], ['qunclub_group.id'], name=op.f('fk_qunclub_report_group_id')),
    sa.ForeignKeyConstraint(['reporter_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_report_reporter_id')),
    sa.ForeignKeyConstraint(['violation_id'], ['qunclub_violation.id'], name=op.f('fk_qunclub_report_violation_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_report'))
    )
    op.create_index(op.f('ix_qunclub_report_author_id_state'), 'qunclub_report', ['author_id', 'state'], unique=False)
    op.create_index(op.f('ix_qunclub_report_reporter_id'), 'qunclub_report', ['reporter_id'], unique=False)
    op.create_index(op.f('ix_qunclub_report_state_id'), 'qunclub_report', ['state', 'id'], unique=False)
    op.create_index('uq_qunclub_report_open', 'qunclub_report', ['subject_kind', 'subject_id', 'group_id', 'reporter_id'], unique=True, sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))
    op.create_table('qunclub_sanction',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('violation_id', BIG, nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('group_id', BIG, nullable=False),
    sa.Column('seat_id', BIG, nullable=True),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('proposed', sa.String(length=12), nullable=False),
    sa.Column('step', sa.Integer(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('departure', sa.Text(), nullable=False),
    sa.Column('decided_by', BIG, nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('appeal_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('overturns_id', BIG, nullable=True),
    sa.ForeignKeyConstraint(['decided_by'], ['qunclub_member.id'], name=op.f('fk_qunclub_sanction_decided_by')),
    sa.ForeignKeyConstraint(['group_id'], ['qunclub_group.id'], name=op.f('fk_qunclub_sanction_group_id')),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_sanction_member_id')),
    sa.ForeignKeyConstraint(['overturns_id'], ['qunclub_sanction.id'], name=op.f('fk_qunclub_sanction_overturns_id')),
    sa.ForeignKeyConstraint(['seat_id'], ['qunclub_seat.id'], name=op.f('fk_qunclub_sanction_seat_id')),
    sa.ForeignKeyConstraint(['violation_id'], ['qunclub_violation.id'], name=op.f('fk_qunclub_sanction_violation_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_sanction')),
    sa.UniqueConstraint('overturns_id', name=op.f('uq_qunclub_sanction_overturns_id'))
    )
    op.create_index(op.f('ix_qunclub_sanction_group_id_id'), 'qunclub_sanction', ['group_id', 'id'], unique=False)
    op.create_index(op.f('ix_qunclub_sanction_member_id_id'), 'qunclub_sanction', ['member_id', 'id'], unique=False)
    op.create_index('uq_qunclub_sanction_violation', 'qunclub_sanction', ['violation_id'], unique=True, sqlite_where=sa.text('overturns_id IS NULL'), postgresql_where=sa.text('overturns_id IS NULL'))
    op.create_table('qunclub_mute',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('group_id', BIG, nullable=False),
    sa.Column('member_id', BIG, nullable=True),
    sa.Column('role', sa.String(length=20), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('starts_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('set_by', BIG, nullable=True),
    sa.Column('lifted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('lifted_by', BIG, nullable=True),
    sa.Column('sanction_id', BIG, nullable=True),
    sa.ForeignKeyConstraint(['group_id'], ['qunclub_group.id'], name=op.f('fk_qunclub_mute_group_id')),
    sa.ForeignKeyConstraint(['lifted_by'], ['qunclub_member.id'], name=op.f('fk_qunclub_mute_lifted_by')),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_mute_member_id')),
    sa.ForeignKeyConstraint(['sanction_id'], ['qunclub_sanction.id'], name=op.f('fk_qunclub_mute_sanction_id')),
    sa.ForeignKeyConstraint(['set_by'], ['qunclub_member.id'], name=op.f('fk_qunclub_mute_set_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_mute')),
    sa.UniqueConstraint('sanction_id', name=op.f('uq_qunclub_mute_sanction_id'))
    )
    op.create_index(op.f('ix_qunclub_mute_group_id_id'), 'qunclub_mute', ['group_id', 'id'], unique=False)
    op.create_index('ix_qunclub_mute_live', 'qunclub_mute', ['group_id', 'member_id'], unique=False, sqlite_where=sa.text('lifted_at IS NULL'), postgresql_where=sa.text('lifted_at IS NULL'))
    op.create_index(op.f('ix_qunclub_mute_member_id'), 'qunclub_mute', ['member_id'], unique=False)
    op.create_table('qunclub_sanction_appeal',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('sanction_id', BIG, nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('answer', sa.Text(), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', BIG, nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['decided_by'], ['qunclub_member.id'], name=op.f('fk_qunclub_sanction_appeal_decided_by')),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_sanction_appeal_member_id')),
    sa.ForeignKeyConstraint(['sanction_id'], ['qunclub_sanction.id'], name=op.f('fk_qunclub_sanction_appeal_sanction_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_sanction_appeal')),
    sa.UniqueConstraint('sanction_id', name=op.f('uq_qunclub_sanction_appeal_sanction_id'))
    )
    op.create_index(op.f('ix_qunclub_sanction_appeal_member_id'), 'qunclub_sanction_appeal', ['member_id'], unique=False)
    op.create_index(op.f('ix_qunclub_sanction_appeal_state_opened_at'), 'qunclub_sanction_appeal', ['state', 'opened_at'], unique=False)
    for table in GUARDED:
        append_only.guard(op.get_bind(), table)


def downgrade() -> None:
    """Undo."""
    for table in GUARDED:
        append_only.release(op.get_bind(), table)
    op.drop_index(op.f('ix_qunclub_sanction_appeal_state_opened_at'), table_name='qunclub_sanction_appeal')
    op.drop_index(op.f('ix_qunclub_sanction_appeal_member_id'), table_name='qunclub_sanction_appeal')
    op.drop_table('qunclub_sanction_appeal')
    op.drop_index(op.f('ix_qunclub_mute_member_id'), table_name='qunclub_mute')
    op.drop_index('ix_qunclub_mute_live', table_name='qunclub_mute', sqlite_where=sa.text('lifted_at IS NULL'), postgresql_where=sa.text('lifted_at IS NULL'))
    op.drop_index(op.f('ix_qunclub_mute_group_id_id'), table_name='qunclub_mute')
    op.drop_table('qunclub_mute')
    op.drop_index('uq_qunclub_sanction_violation', table_name='qunclub_sanction', sqlite_where=sa.text('overturns_id IS NULL'), postgresql_where=sa.text('overturns_id IS NULL'))
    op.drop_index(op.f('ix_qunclub_sanction_member_id_id'), table_name='qunclub_sanction')
    op.drop_index(op.f('ix_qunclub_sanction_group_id_id'), table_name='qunclub_sanction')
    op.drop_table('qunclub_sanction')
    op.drop_index('uq_qunclub_report_open', table_name='qunclub_report', sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))
    op.drop_index(op.f('ix_qunclub_report_state_id'), table_name='qunclub_report')
    op.drop_index(op.f('ix_qunclub_report_reporter_id'), table_name='qunclub_report')
    op.drop_index(op.f('ix_qunclub_report_author_id_state'), table_name='qunclub_report')
    op.drop_table('qunclub_report')
    op.drop_index(op.f('ix_qunclub_violation_member_id_at'), table_name='qunclub_violation')
    op.drop_table('qunclub_violation')
    op.drop_index('uq_qunclub_house_schedule_line', table_name='qunclub_house_schedule', sqlite_where=sa.text('group_id IS NULL'), postgresql_where=sa.text('group_id IS NULL'))
    op.drop_index(op.f('ix_qunclub_house_schedule_line_id_group_id'), table_name='qunclub_house_schedule')
    op.drop_table('qunclub_house_schedule')
