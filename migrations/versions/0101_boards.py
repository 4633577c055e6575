"""boards

Revision: 0101
After: 0100
"""

import sqlalchemy as sa
from alembic import op

revision = "0101"
down_revision = "0100"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    op.create_table('qunclub_board',
    sa.Column('group_id', BIG, autoincrement=False, nullable=False),
    sa.Column('last_n', sa.Integer(), nullable=False),
    sa.Column('changed', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['group_id'], ['qunclub_group.id'], name=op.f('fk_qunclub_board_group_id')),
    sa.PrimaryKeyConstraint('group_id', name=op.f('pk_qunclub_board'))
    )
    op.create_table('qunclub_board_post',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('group_id', BIG, nullable=False),
    sa.Column('n', sa.Integer(), nullable=False),
    sa.Column('parent_id', BIG, nullable=True),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('title', sa.String(length=120), nullable=False),
    sa.Column('body_md', sa.Text(), nullable=False),
    sa.Column('body_html', sa.Text(), nullable=False),
    sa.Column('mentions', sa.JSON(), nullable=False),
    sa.Column('by_staff', sa.Boolean(), nullable=False),
    sa.Column('open_answers', sa.Boolean(), nullable=False),
    sa.Column('replies', sa.Integer(), nullable=False),
    sa.Column('reads', sa.Integer(), nullable=False),
    sa.Column('pinned_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('edited_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('deleted_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('hidden_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('hidden_reason', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['group_id'], ['qunclub_group.id'], name=op.f('fk_qunclub_board_post_group_id')),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_board_post_member_id')),
    sa.ForeignKeyConstraint(['parent_id'], ['qunclub_board_post.id'], name=op.f('fk_qunclub_board_post_parent_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_board_post')),
    sa.UniqueConstraint('group_id', 'n', name=op.f('uq_qunclub_board_post_group_id_n'))
    )
    for name, column, where in (
        ('top', 'n', 'parent_id IS NULL'),
        ('announced', 'n', "kind = 'announcement'"),
        ('pinned', 'pinned_at', 'pinned_at IS NOT NULL'),
    ):
        op.create_index(f'ix_qunclub_board_post_{name}', 'qunclub_board_post', ['group_id', column], unique=False, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
    op.create_index(op.f('ix_qunclub_board_post_parent_id_n'), 'qunclub_board_post', ['parent_id', 'n'], unique=False)
    op.create_index(op.f('ix_qunclub_board_post_member_id_group_id_n'), 'qunclub_board_post', ['member_id', 'group_id', 'n'], unique=False)
    op.create_table('qunclub_board_reader',
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('group_id', BIG, nullable=False),
    sa.Column('read_n', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['group_id'], ['qunclub_group.id'], name=op.f('fk_qunclub_board_reader_group_id')),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_board_reader_member_id')),
    sa.PrimaryKeyConstraint('member_id', 'group_id', name=op.f('pk_qunclub_board_reader'))
    )
    op.create_table('qunclub_board_receipt',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('post_id', BIG, nullable=False),
    sa.Column('member_id', BIG, nullable=False),
    sa.Column('read_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_board_receipt_member_id')),
    sa.ForeignKeyConstraint(['post_id'], ['qunclub_board_post.id'], name=op.f('fk_qunclub_board_receipt_post_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_board_receipt')),
    sa.UniqueConstraint('post_id', 'member_id', name=op.f('uq_qunclub_board_receipt_post_id_member_id'))
    )
    op.create_index(op.f('ix_qunclub_board_receipt_post_id_id'), 'qunclub_board_receipt', ['post_id', 'id'], unique=False)
    op.create_index(op.f('ix_qunclub_board_receipt_member_id'), 'qunclub_board_receipt', ['member_id'], unique=False)
    op.create_table('qunclub_board_picture',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('post_id', BIG, nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('content_type', sa.String(length=60), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('storage_key', sa.String(length=200), nullable=False),
    sa.ForeignKeyConstraint(['post_id'], ['qunclub_board_post.id'], name=op.f('fk_qunclub_board_picture_post_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_board_picture'))
    )
    op.create_index(op.f('ix_qunclub_board_picture_post_id'), 'qunclub_board_picture', ['post_id'], unique=False)
    op.create_table('qunclub_board_version',
    sa.Column('id', BIG, autoincrement=True, nullable=False),
    sa.Column('post_id', BIG, nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('what', sa.String(length=20), nullable=False),
    sa.Column('title', sa.String(length=120), nullable=False),
    sa.Column('body_md', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('by_id', BIG, nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['by_id'], ['qunclub_member.id'], name=op.f('fk_qunclub_board_version_by_id')),
    sa.ForeignKeyConstraint(['post_id'], ['qunclub_board_post.id'], name=op.f('fk_qunclub_board_version_post_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_qunclub_board_version')),
    sa.UniqueConstraint('post_id', 'version', name=op.f('uq_qunclub_board_version_post_id_version'))
    )


def downgrade() -> None:
    """Undo."""
    for name in ('version', 'picture', 'receipt', 'reader', 'post'):
        op.drop_table(f'qunclub_board_{name}')
    op.drop_table('qunclub_board')
