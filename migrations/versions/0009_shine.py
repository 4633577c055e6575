"""shine: likes, an author's sentence and hiding in the showcase

Revision: 0009
After: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("qunclub_showcase_entry", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sentence", sa.String(length=200), server_default="", nullable=False))
        batch_op.add_column(sa.Column("likes", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("hidden_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("hidden_reason", sa.Text(), server_default="", nullable=False))
        batch_op.create_index(batch_op.f("ix_qunclub_showcase_entry_likes_id"), ["likes", "id"], unique=False)
    op.create_table(
        "qunclub_showcase_like",
        sa.Column("entry_id", BIG, autoincrement=False, nullable=False),
        sa.Column("member_id", BIG, autoincrement=False, nullable=False),
        sa.Column("liked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["qunclub_showcase_entry.id"], name=op.f("fk_qunclub_showcase_like_entry_id")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["qunclub_member.id"], name=op.f("fk_qunclub_showcase_like_member_id")
        ),
        sa.PrimaryKeyConstraint("entry_id", "member_id", name=op.f("pk_qunclub_showcase_like")),
    )
    with op.batch_alter_table("qunclub_showcase_like", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_qunclub_showcase_like_member_id"), ["member_id"], unique=False)


def downgrade() -> None:
    """Take back."""
    op.drop_table("qunclub_showcase_like")
    with op.batch_alter_table("qunclub_showcase_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_qunclub_showcase_entry_likes_id"))
        batch_op.drop_column("hidden_reason")
        batch_op.drop_column("hidden_at")
        batch_op.drop_column("likes")
        batch_op.drop_column("sentence")
