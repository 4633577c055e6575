"""what publishing a season changed, to take it back exactly

Revision: 0032
After: 0031
"""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    op.create_table('qunclub_season_journal',
    sa.Column('season_id', BIG, autoincrement=False, nullable=False),
    sa.Column('before', sa.JSON(), nullable=False),
    sa.Column('made', sa.JSON(), nullable=False),
    sa.Column('after_hash', sa.String(length=64), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['season_id'], ['qunclub_season.id'], name=op.f('fk_qunclub_season_journal_season_id')),
    sa.PrimaryKeyConstraint('season_id', name=op.f('pk_qunclub_season_journal'))
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table('qunclub_season_journal')
