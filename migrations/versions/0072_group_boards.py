"""rankings of groups: whose points they count

Revision: 0072
After: 0071
"""

import sqlalchemy as sa
from alembic import op

revision = "0072"
down_revision = "0071"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
MEMBER, LOOK = 'qunclub_board_member', 'qunclub_board_look'


def upgrade() -> None:
    """Apply."""
    op.create_table(
        MEMBER,
        sa.Column('member_id', BIG, nullable=False),
        sa.Column('scope', sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f(f'fk_{MEMBER}_member_id')),
        sa.PrimaryKeyConstraint('member_id', 'scope', name=op.f(f'pk_{MEMBER}')),
    )
    op.create_index(op.f(f'ix_{MEMBER}_scope'), MEMBER, ['scope'])
    op.create_table(
        LOOK,
        sa.Column('id', BIG, nullable=False),
        sa.Column('scope', sa.String(length=40), nullable=False),
        sa.Column('member_id', BIG, nullable=False),
        sa.ForeignKeyConstraint(['member_id'], ['qunclub_member.id'], name=op.f(f'fk_{LOOK}_member_id')),
        sa.PrimaryKeyConstraint('id', name=op.f(f'pk_{LOOK}')),
    )
    op.create_index(op.f(f'ix_{LOOK}_member_id'), LOOK, ['member_id'])
    # Who sits in a group already is taken into its ranking by the first sweeps.
    op.execute(
        sa.text(
            f"INSERT INTO {LOOK} (scope, member_id) SELECT 'group:' || CAST(group_id AS VARCHAR(20)), member_id "
            "FROM qunclub_seat WHERE state = 'admitted' AND group_id IS NOT NULL ORDER BY id"
        )
    )


def downgrade() -> None:
    """Undo."""
    for table in ('qunclub_standing', 'qunclub_score_count'):
        op.execute(
            sa.text(
                f"DELETE FROM {table} WHERE window_id IN "
                "(SELECT id FROM qunclub_points_window WHERE scope LIKE 'group:%')"
            )
        )
    op.execute(sa.text("DELETE FROM qunclub_points_window WHERE scope LIKE 'group:%'"))
    op.drop_table(LOOK)
    op.drop_table(MEMBER)
