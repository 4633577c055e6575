"""projects, their pieces and deliveries

Revision: 0040
After: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0033"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    op.create_table('qunclub_project',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('slug', sa.String(length=80), nullable=False),
    sa.Column('title', sa.String(length=160), nullable=False),
    sa.Column('summary', sa.Text(), nullable=False),
    sa.Column('description_md', sa.Text(), nullable=False),
    sa.Column('description_html', sa.Text(), nullable=False),
    sa.Column('skills', sa.JSON(), nullable=False),
    sa.Column('lead_id', BIG, nullable=True),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('public', sa.Boolean(), nullable=False),
    sa.Column('currency', sa.String(length=3), nullable=False),
    sa.Column('pay_note', sa.Text(), nullable=False),
    sa.Column('claims_per_member', sa.Integer(), nullable=False),
    sa.Column('claim_days', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('end_reason', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['lead_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_project_lead_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_project')),
    sa.UniqueConstraint('slug', name=op.f('uq_qunclub_project_slug'))
    )
    op.create_index(op.f('ix_qunclub_project_lead_id'), 'qunclub_project', ['lead_id'], unique=False)
    op.create_index(op.f('ix_qunclub_project_state_created_at'), 'qunclub_project', ['state', 'created_at'], unique=False)
    op.create_table('qunclub_piece',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('project_id', BIG, nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('title', sa.String(length=160), nullable=False),
    sa.Column('brief_md', sa.Text(), nullable=False),
    sa.Column('brief_html', sa.Text(), nullable=False),
    sa.Column('skill', sa.String(length=20), nullable=False),
    sa.Column('points', sa.Integer(), nullable=False),
    sa.Column('pay', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=20), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('holder_id', BIG, nullable=True),
    sa.Column('held_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('accepted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('turn', sa.Integer(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint("(holder_id IS NULL) = (state IN ('open', 'cancelled'))", name=op.f('ck_qunclub_piece_held')),
    sa.ForeignKeyConstraint(['holder_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_piece_holder_id')),
    sa.ForeignKeyConstraint(['project_id'], ['qunclub_project.id'], name=op.f('fk_qunclub_piece_project_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_piece'))
    )
    op.create_index(op.f('ix_qunclub_piece_holder_id'), 'qunclub_piece', ['holder_id'], unique=False)
    op.create_index(op.f('ix_qunclub_piece_project_id_position'), 'qunclub_piece', ['project_id', 'position'], unique=False)
    op.create_index(op.f('ix_qunclub_piece_state_due_at'), 'qunclub_piece', ['state', 'due_at'], unique=False)
    op.create_table('qunclub_piece_delivery',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('piece_id', BIG, nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('n', sa.Integer(), nullable=False),
    sa.Column('body_md', sa.Text(), nullable=False),
    sa.Column('body_html', sa.Text(), nullable=False),
    sa.Column('link', sa.String(length=500), nullable=False),
    sa.Column('delivered_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('verdict', sa.String(length=12), nullable=False),
    sa.Column('words', sa.Text(), nullable=False),
    sa.Column('decided_by', BIG, nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('earned', sa.Integer(), nullable=False),
    sa.Column('entry_id', BIG, nullable=True),
    sa.ForeignKeyConstraint(['decided_by'], ['qunclub_member.id'], name=op.f('fk_qunclub_piece_delivery_decided_by')),
    sa.ForeignKeyConstraint(['entry_id'], ['qunclub_ledger_entry.id'], name=op.f('fk_qunclub_piece_delivery_entry_id')),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_piece_delivery_member_id')),
    sa.ForeignKeyConstraint(['piece_id'], ['qunclub_piece.id'], name=op.f('fk_qunclub_piece_delivery_piece_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_piece_delivery')),
    sa.UniqueConstraint('piece_id', 'n', name=op.f('uq_qunclub_piece_delivery_piece_id_n'))
    )
    op.create_index(op.f('ix_qunclub_piece_delivery_member_id'), 'qunclub_piece_delivery', ['member_id'], unique=False)
    op.create_table('qunclub_piece_event',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('piece_id', BIG, nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('member_id', BIG, nullable=True),
    sa.Column('by_id', BIG, nullable=True),
    sa.Column('words', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['by_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_piece_event_by_id')),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_piece_event_member_id')),
    sa.ForeignKeyConstraint(['piece_id'], ['qunclub_piece.id'], name=op.f('fk_qunclub_piece_event_piece_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_piece_event'))
    )
    op.create_index(op.f('ix_qunclub_piece_event_member_id'), 'qunclub_piece_event', ['member_id'], unique=False)
    op.create_index(op.f('ix_qunclub_piece_event_piece_id_at'), 'qunclub_piece_event', ['piece_id', 'at'], unique=False)
    op.create_table('qunclub_piece_file',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('delivery_id', BIG, nullable=False),
    sa.Column('name', sa.String(length=160), nullable=False),
    sa.Column('content_type', sa.String(length=100), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('storage_key', sa.String(length=120), nullable=False),
    sa.ForeignKeyConstraint(['delivery_id'], ['qunclub_piece_delivery.id'], name=op.f('fk_qunclub_piece_file_delivery_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_piece_file')),
    sa.UniqueConstraint('storage_key', name=op.f('uq_qunclub_piece_file_storage_key'))
    )
    op.create_index(op.f('ix_qunclub_piece_file_delivery_id'), 'qunclub_piece_file', ['delivery_id'], unique=False)


def downgrade() -> None:
    """Undo."""
    op.drop_table('qunclub_piece_file')
    op.drop_table('qunclub_piece_event')
    op.drop_table('qunclub_piece_delivery')
    op.drop_table('qunclub_piece')
    op.drop_table('qunclub_project')
