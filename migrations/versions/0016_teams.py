"""group work: teams, their draft, whose a work is

Revision: 0016
After: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    op.create_table('qunclub_team',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('assignment_id', BIG, nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['assignment_id'], ['qunclub_assignment.id'], name=op.f('fk_qunclub_team_assignment_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_team'))
    )
    with op.batch_alter_table('qunclub_team', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_qunclub_team_assignment_id'), ['assignment_id'], unique=False)

    op.create_table('qunclub_team_member',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('team_id', BIG, nullable=False),
    sa.Column('assignment_id', BIG, nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('invited_by', BIG, nullable=True),
    sa.Column('mending', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('invited_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('joined_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['assignment_id'], ['qunclub_assignment.id'], name=op.f('fk_qunclub_team_member_assignment_id')),
    sa.ForeignKeyConstraint(['invited_by'], ['qunclub_member.id'], name=op.f('fk_qunclub_team_member_invited_by')),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_team_member_member_id')),
    sa.ForeignKeyConstraint(['team_id'], ['qunclub_team.id'], name=op.f('fk_qunclub_team_member_team_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_team_member')),
    sa.UniqueConstraint('team_id', 'member_id', name=op.f('uq_qunclub_team_member_team_id_member_id'))
    )
    with op.batch_alter_table('qunclub_team_member', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_qunclub_team_member_member_id_state'), ['member_id', 'state'], unique=False)
        batch_op.create_index('uq_qunclub_team_member_joined', ['assignment_id', 'member_id'], unique=True, sqlite_where=sa.text("state = 'joined'"), postgresql_where=sa.text("state = 'joined'"))

    op.create_table('qunclub_team_draft',
    sa.Column('team_id', BIG, autoincrement=False, nullable=False),
    sa.Column('body_md', sa.Text(), nullable=False),
    sa.Column('link', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('saved_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['team_id'], ['qunclub_team.id'], name=op.f('fk_qunclub_team_draft_team_id')),
    sa.PrimaryKeyConstraint('team_id', name=op.f('pk_qunclub_team_draft'))
    )
    op.create_table('qunclub_work_share',
    sa.Column('submission_id', BIG, autoincrement=False, nullable=False),
    sa.Column('member_id', BIG, autoincrement=False, nullable=False),
    sa.Column('assignment_id', BIG, nullable=False),
    sa.Column('consented_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['assignment_id'], ['qunclub_assignment.id'], name=op.f('fk_qunclub_work_share_assignment_id')),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_work_share_member_id')),
    sa.ForeignKeyConstraint(['submission_id'], ['qunclub_submission.id'], name=op.f('fk_qunclub_work_share_submission_id')),
    sa.PrimaryKeyConstraint('submission_id', 'member_id', name=op.f('pk_qunclub_work_share')),
    sa.UniqueConstraint('assignment_id', 'member_id', name=op.f('uq_qunclub_work_share_assignment_id_member_id'))
    )
    with op.batch_alter_table('qunclub_work_share', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_qunclub_work_share_member_id'), ['member_id'], unique=False)

    with op.batch_alter_table('qunclub_submission', schema=None) as batch_op:
        batch_op.add_column(sa.Column('team_id', BIG, nullable=True))
        batch_op.create_unique_constraint(batch_op.f('uq_qunclub_submission_team_id'), ['team_id'])
        batch_op.create_foreign_key(batch_op.f('fk_qunclub_submission_team_id'), 'qunclub_team', ['team_id'], ['id'])

    with op.batch_alter_table('qunclub_assignment', schema=None) as batch_op:
        batch_op.add_column(sa.Column('team_min', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('team_max', sa.Integer(), nullable=True))


def downgrade() -> None:
    """Undo."""
    with op.batch_alter_table('qunclub_assignment', schema=None) as batch_op:
        batch_op.drop_column('team_max')
        batch_op.drop_column('team_min')

    with op.batch_alter_table('qunclub_submission', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_qunclub_submission_team_id'), type_='foreignkey')
        batch_op.drop_constraint(batch_op.f('uq_qunclub_submission_team_id'), type_='unique')
        batch_op.drop_column('team_id')

    for table in ('work_share', 'team_draft', 'team_member', 'team'):
        op.drop_table(f'qunclub_{table}')
