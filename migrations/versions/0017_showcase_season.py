"""the showcase by season

Revision: 0017
After: 0016
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

NAME = "ix_qunclub_showcase_entry_featured_at_id"


def upgrade() -> None:
    """Apply."""
    op.create_index(op.f(NAME), "qunclub_showcase_entry", ["featured_at", "id"], unique=False)


def downgrade() -> None:
    """Undo."""
    op.drop_index(op.f(NAME), table_name="qunclub_showcase_entry")
