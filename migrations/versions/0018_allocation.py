"""allocation of waiting work to instructors

Revision: 0018
After: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
GIVEN = sa.text("allocated_to IS NOT NULL")


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table('qunclub_submission', schema=None) as batch_op:
        batch_op.add_column(sa.Column('allocated_to', BIG, nullable=True))
        batch_op.add_column(sa.Column('allocated_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.create_foreign_key(
            op.f('fk_qunclub_submission_allocated_to'), 'qunclub_member', ['allocated_to'], ['id']
        )
    for columns in (['state', 'submitted_at', 'id'], ['allocated_at']):
        op.create_index(
            '_'.join(('ix_qunclub_submission_allocated_to', *columns)),
            'qunclub_submission',
            ['allocated_to', *columns],
            sqlite_where=GIVEN,
            postgresql_where=GIVEN,
        )
    op.create_table('qunclub_allocation_plan',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('course_id', BIG, nullable=True),
    sa.Column('assignment_id', BIG, nullable=True),
    sa.Column('mode', sa.String(length=10), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint('(course_id IS NULL) <> (assignment_id IS NULL)', name=op.f('ck_qunclub_allocation_plan_one')),
    sa.ForeignKeyConstraint(['course_id'], ['qunclub_course.id'], name=op.f('fk_qunclub_allocation_plan_course_id')),
    sa.ForeignKeyConstraint(['assignment_id'], ['qunclub_assignment.id'], name=op.f('fk_qunclub_allocation_plan_assignment_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_allocation_plan')),
    sa.UniqueConstraint('course_id', name=op.f('uq_qunclub_allocation_plan_course_id')),
    sa.UniqueConstraint('assignment_id', name=op.f('uq_qunclub_allocation_plan_assignment_id'))
    )
    op.create_table('qunclub_allocation_person',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('plan_id', BIG, nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('group_id', BIG, nullable=True),
    sa.ForeignKeyConstraint(['plan_id'], ['qunclub_allocation_plan.id'], name=op.f('fk_qunclub_allocation_person_plan_id')),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_allocation_person_member_id')),
    sa.ForeignKeyConstraint(['group_id'], ['qunclub_group.id'], name=op.f('fk_qunclub_allocation_person_group_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_allocation_person'))
    )
    with op.batch_alter_table('qunclub_allocation_person', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_qunclub_allocation_person_plan_id'), ['plan_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_qunclub_allocation_person_member_id'), ['member_id'], unique=False)
    op.create_table('qunclub_instructor_away',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('starts_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ends_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('reason', sa.String(length=200), nullable=False),
    sa.Column('set_by', sa.String(length=120), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_instructor_away_member_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_instructor_away'))
    )
    with op.batch_alter_table('qunclub_instructor_away', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_qunclub_instructor_away_member_id_ends_at'), ['member_id', 'ends_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_qunclub_instructor_away_ends_at'), ['ends_at'], unique=False)


def downgrade() -> None:
    """Undo."""
    op.drop_table('qunclub_instructor_away')
    op.drop_table('qunclub_allocation_person')
    op.drop_table('qunclub_allocation_plan')
    for columns in (['state', 'submitted_at', 'id'], ['allocated_at']):
        op.drop_index('_'.join(('ix_qunclub_submission_allocated_to', *columns)), table_name='qunclub_submission')
    with op.batch_alter_table('qunclub_submission', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('fk_qunclub_submission_allocated_to'), type_='foreignkey')
        batch_op.drop_column('allocated_at')
        batch_op.drop_column('allocated_to')
