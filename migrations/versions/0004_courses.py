"""Lessons that open by date or day, drafts of lessons, their earlier versions

Revision: 0004
After: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "qunclub_lesson_version",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("lesson_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=160), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("body_md", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("saved_by", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["lesson_id"], ["qunclub_lesson.id"], name=op.f("fk_qunclub_lesson_version_lesson_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qunclub_lesson_version")),
        sa.UniqueConstraint("lesson_id", "number", name=op.f("uq_qunclub_lesson_version_lesson_id_number")),
    )
    with op.batch_alter_table("qunclub_course", schema=None) as batch_op:
        batch_op.add_column(sa.Column("ordered", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    with op.batch_alter_table("qunclub_lesson", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("state", sa.String(length=20), server_default=sa.text("'published'"), nullable=False)
        )
        batch_op.add_column(sa.Column("opens_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("opens_after_days", sa.Integer(), nullable=True))
        batch_op.add_column(
            sa.Column("updated_by", sa.String(length=200), server_default=sa.text("''"), nullable=False)
        )


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("qunclub_lesson", schema=None) as batch_op:
        batch_op.drop_column("updated_by")
        batch_op.drop_column("opens_after_days")
        batch_op.drop_column("opens_at")
        batch_op.drop_column("state")
    with op.batch_alter_table("qunclub_course", schema=None) as batch_op:
        batch_op.drop_column("ordered")
    op.drop_table("qunclub_lesson_version")
