"""access: what else opens a course beside its passes, and with which season it opens

Revision: 0011
After: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NAMES = ("tier_id", "group_id", "role", "season_id")
ONE = " + ".join(f"CASE WHEN {name} IS NULL THEN 0 ELSE 1 END" for name in NAMES)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "qunclub_course_condition",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("course_id", BIG, nullable=False),
        sa.Column("tier_id", BIG, nullable=True),
        sa.Column("group_id", BIG, nullable=True),
        sa.Column("role", sa.String(length=20), nullable=True),
        sa.Column("season_id", BIG, nullable=True),
        sa.Column("season_window", sa.String(length=10), nullable=False),
        sa.CheckConstraint(f"{ONE} = 1", name=op.f("ck_qunclub_course_condition_one")),
        sa.ForeignKeyConstraint(
            ["course_id"], ["qunclub_course.id"], name=op.f("fk_qunclub_course_condition_course_id")
        ),
        sa.ForeignKeyConstraint(
            ["tier_id"], ["qunclub_tier.id"], name=op.f("fk_qunclub_course_condition_tier_id")
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["qunclub_group.id"], name=op.f("fk_qunclub_course_condition_group_id")
        ),
        sa.ForeignKeyConstraint(
            ["season_id"], ["qunclub_season.id"], name=op.f("fk_qunclub_course_condition_season_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_qunclub_course_condition")),
        sa.UniqueConstraint(
            "course_id", "group_id", name=op.f("uq_qunclub_course_condition_course_id_group_id")
        ),
        sa.UniqueConstraint("course_id", "role", name=op.f("uq_qunclub_course_condition_course_id_role")),
    )
    for name in ("tier", "season"):
        there = sa.text(f"{name}_id IS NOT NULL")
        op.create_index(
            f"uq_qunclub_course_condition_{name}",
            "qunclub_course_condition",
            ["course_id"],
            unique=True,
            sqlite_where=there,
            postgresql_where=there,
        )


def downgrade() -> None:
    """Undo."""
    op.drop_table("qunclub_course_condition")
