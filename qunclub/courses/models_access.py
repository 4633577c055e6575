"""What an admin says of a course beside its passes: who else may enter, and with which season it opens."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, pk

_ONE = " + ".join(
    f"CASE WHEN {name} IS NULL THEN 0 ELSE 1 END" for name in ("tier_id", "group_id", "role", "season_id")
)


class CourseCondition(Base):
    """One condition of a course, and one row names one thing.

    A tier (it and every higher one), a group (a seat in it) or a role (``host``, ``core``) is a way in; a season is
    when the course is open: ``from`` its start, or only ``during`` it.
    """

    __tablename__ = "qunclub_course_condition"
    id: Mapped[pk]
    course_id: Mapped[int] = mapped_column(ForeignKey("qunclub_course.id"))
    tier_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_tier.id"))
    group_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_group.id"))
    role: Mapped[str | None] = mapped_column(String(20))
    season_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_season.id"))
    window: Mapped[str] = mapped_column("season_window", String(10), default="")
    __table_args__ = (
        CheckConstraint(f"{_ONE} = 1", name="one"),
        UniqueConstraint("course_id", "group_id"),
        UniqueConstraint("course_id", "role"),
        # At most one tier and one season a course.
        *(
            Index(
                f"uq_qunclub_course_condition_{name}",
                "course_id",
                unique=True,
                sqlite_where=text(f"{name}_id IS NOT NULL"),
                postgresql_where=text(f"{name}_id IS NOT NULL"),
            )
            for name in ("tier", "season")
        ),
    )
