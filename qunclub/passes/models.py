"""What is on sale, what a member holds, and the ticket that opens the group's door."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from qunclub.courses.models import Course
from qunclub.groups.models import GroupLine
from qunclub.kernel import Base, UTCDateTime, minor, pk
from qunclub.members.models import Tier

PLAN_STATES = ("draft", "on_sale", "closed")
PASS_STATES = ("active", "expired", "revoked")
TICKET_STATES = ("valid", "used", "void")


class Plan(Base):
    """A pass on sale. ``held`` and ``sold`` are kept under the row's lock; together they never exceed ``stock``."""

    __tablename__ = "qunclub_plan"
    id: Mapped[pk]
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    title: Mapped[str] = mapped_column(String(160))
    summary: Mapped[str] = mapped_column(Text, default="")
    description_md: Mapped[str] = mapped_column(Text, default="")
    description_html: Mapped[str] = mapped_column(Text, default="")
    price: Mapped[minor]
    currency: Mapped[str] = mapped_column(String(3))
    tier_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_tier.id"))
    group_line_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_group_line.id"))
    state: Mapped[str] = mapped_column(String(20), default="draft")
    stock: Mapped[int | None]
    held: Mapped[int] = mapped_column(default=0)
    sold: Mapped[int] = mapped_column(default=0)
    sale_starts_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    sale_ends_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    validity_days: Mapped[int | None]
    position: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)

    tier: Mapped[Tier | None] = relationship(lazy="raise")
    group_line: Mapped[GroupLine | None] = relationship(lazy="raise")
    courses: Mapped[list[Course]] = relationship(
        secondary="qunclub_plan_course", lazy="raise", order_by=Course.position
    )
    __table_args__ = (CheckConstraint("held >= 0 AND sold >= 0", name="kept"),)


class PlanCourse(Base):
    """Which courses a plan opens."""

    __tablename__ = "qunclub_plan_course"
    plan_id: Mapped[int] = mapped_column(ForeignKey("qunclub_plan.id"), primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("qunclub_course.id"), primary_key=True)
    __table_args__ = (Index(None, "course_id"),)


class Pass(Base):
    """What a member holds. ``source`` names the order line's unit that paid for it and is unique: once, ever."""

    __tablename__ = "qunclub_pass"
    id: Mapped[pk]
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    plan_id: Mapped[int] = mapped_column(ForeignKey("qunclub_plan.id"))
    seat_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_seat.id"))
    source: Mapped[str] = mapped_column(String(80), unique=True)
    state: Mapped[str] = mapped_column(String(20), default="active")
    starts_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    ends_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    ended_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    end_reason: Mapped[str] = mapped_column(Text, default="")

    plan: Mapped[Plan] = relationship(lazy="raise")
    __table_args__ = (
        Index(None, "member_id", "state"),
        Index(None, "plan_id", "state"),
        Index(None, "state", "ends_at"),
    )


class EntryTicket(Base):
    """Signed code and QR of a seat; a host or a bot checks it once at the door."""

    __tablename__ = "qunclub_entry_ticket"
    id: Mapped[pk]
    code: Mapped[str] = mapped_column(String(40), unique=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    seat_id: Mapped[int] = mapped_column(ForeignKey("qunclub_seat.id"), unique=True)
    state: Mapped[str] = mapped_column(String(20), default="valid")
    issued_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    used_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    used_by: Mapped[str] = mapped_column(String(120), default="")
    void_reason: Mapped[str] = mapped_column(Text, default="")
    __table_args__ = (Index(None, "member_id"),)
