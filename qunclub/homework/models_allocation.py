"""Who waiting work is meant for: the plans of courses and assignments, their people, and who is away."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, UTCDateTime, pk


class AllocationPlan(Base):
    """How the works of a course are allocated, or of one assignment that differs from its course; never both.

    ``mode`` is one of ``rules_allocation.MODES``. ``version`` tells two windows apart.
    """

    __tablename__ = "qunclub_allocation_plan"
    id: Mapped[pk]
    course_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_course.id"), unique=True)
    assignment_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_assignment.id"), unique=True)
    mode: Mapped[str] = mapped_column(String(10))
    version: Mapped[int] = mapped_column(default=1)
    __table_args__ = (CheckConstraint("(course_id IS NULL) <> (assignment_id IS NULL)", name="one"),)


class AllocationPerson(Base):
    """An instructor of a plan; with a group, the one who is responsible for its members."""

    __tablename__ = "qunclub_allocation_person"
    id: Mapped[pk]
    plan_id: Mapped[int] = mapped_column(ForeignKey("qunclub_allocation_plan.id"), index=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"), index=True)
    # Groups stand above homework: the table is named, its model is not known here.
    group_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_group.id"))


class InstructorAway(Base):
    """A time in which an instructor is given nothing: from ``starts_at`` until before ``ends_at``."""

    __tablename__ = "qunclub_instructor_away"
    id: Mapped[pk]
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    starts_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    ends_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    reason: Mapped[str] = mapped_column(String(200), default="")
    set_by: Mapped[str] = mapped_column(String(120))
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (Index(None, "member_id", "ends_at"), Index(None, "ends_at"))
