"""shine: likes, an author's sentence and hiding in the showcase; tuition earned back

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
    op.create_table(
        "qunclub_tuition_promise",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("plan_id", BIG, nullable=False),
        sa.Column("works", sa.Integer(), nullable=False),
        sa.Column("assignment_ids", sa.JSON(), nullable=False),
        sa.Column("featured_only", sa.Boolean(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.Column("by_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=True),
        sa.Column("amount", BIG, nullable=True),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["qunclub_plan.id"], name=op.f("fk_qunclub_tuition_promise_plan_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qunclub_tuition_promise")),
    )
    with op.batch_alter_table("qunclub_tuition_promise", schema=None) as batch_op:
        batch_op.create_index(
            "uq_qunclub_tuition_promise_now",
            ["plan_id"],
            unique=True,
            sqlite_where=sa.text("until_at IS NULL"),
            postgresql_where=sa.text("until_at IS NULL"),
        )
    op.create_table(
        "qunclub_tuition_case",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("promise_id", BIG, nullable=False),
        sa.Column("order_id", BIG, nullable=False),
        sa.Column("member_id", BIG, nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("ref", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["promise_id"], ["qunclub_tuition_promise.id"], name=op.f("fk_qunclub_tuition_case_promise_id")
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["qunclub_order.id"], name=op.f("fk_qunclub_tuition_case_order_id")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["qunclub_member.id"], name=op.f("fk_qunclub_tuition_case_member_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qunclub_tuition_case")),
        sa.UniqueConstraint("order_id", name=op.f("uq_qunclub_tuition_case_order_id")),
    )
    with op.batch_alter_table("qunclub_tuition_case", schema=None) as batch_op:
        for columns in (["state", "id"], ["member_id"], ["promise_id"]):
            name = batch_op.f(f"ix_qunclub_tuition_case_{'_'.join(columns)}")
            batch_op.create_index(name, columns, unique=False)


def downgrade() -> None:
    """Take back."""
    op.drop_table("qunclub_tuition_case")
    op.drop_table("qunclub_tuition_promise")
    op.drop_table("qunclub_showcase_like")
    with op.batch_alter_table("qunclub_showcase_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_qunclub_showcase_entry_likes_id"))
        batch_op.drop_column("hidden_reason")
        batch_op.drop_column("hidden_at")
        batch_op.drop_column("likes")
        batch_op.drop_column("sentence")
