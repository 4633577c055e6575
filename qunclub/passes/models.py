"""What is on sale, what a member holds, and the ticket that opens the group's door."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from qunclub.courses.models import Course
from qunclub.groups.models import GroupLine
from qunclub.kernel import Base, UTCDateTime, minor, pk
from qunclub.members.models import Tier

PLAN_STATES = ("draft", "on_sale", "closed")
PASS_STATES = ("active", "suspended", "expired", "revoked")
INTERVALS = ("", "month", "year")
TICKET_STATES = ("valid", "used", "void")


class Plan(Base):
    """A pass on sale. ``held`` and ``sold`` are kept under the row's lock; together they never exceed ``stock``.

    A pass is good for life, for ``validity_days``, until ``valid_until``, or, with an ``interval``, for as long as the
    membership is renewed. ``sold`` counts the passes bought and not revoked, and the claim codes not yet used.
    """

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
    valid_until: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    # "month" or "year": a recurring membership, charged again each time; "" for a pass bought once.
    interval: Mapped[str] = mapped_column(String(10), default="")
    # How long a recurring pass stays open when a renewal fails.
    grace_days: Mapped[int] = mapped_column(default=7)
    # How many of it one member may buy for themselves; no limit when None.
    per_member: Mapped[int | None]
    # Off the shelf: only who has the link with this key sees it.
    hidden: Mapped[bool] = mapped_column(default=False)
    link_key: Mapped[str] = mapped_column(String(40), default="")
    # The most that one order may buy to give away; 0 when it is not sold as a gift.
    gift_max: Mapped[int] = mapped_column(default=0)
    # Buyers give it back themselves within so many days (None: they ask), below so much of the lessons done (percent).
    refund_days: Mapped[int | None]
    refund_progress: Mapped[int] = mapped_column(default=100)
    # What the buyer is asked for beside the e-mail: any of name, phone, address; comma separated.
    asks: Mapped[str] = mapped_column(String(80), default="")
    # Who holds it comes sooner off the waiting list of its group line, from 0 (in turn) to 9.
    seat_priority: Mapped[int] = mapped_column(default=0, server_default="0")
    position: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)

    tier: Mapped[Tier | None] = relationship(lazy="raise")
    group_line: Mapped[GroupLine | None] = relationship(lazy="raise")
    courses: Mapped[list[Course]] = relationship(
        secondary="qunclub_plan_course", lazy="raise", order_by=Course.position
    )
    price_steps: Mapped[list[PriceStep]] = relationship(lazy="raise", order_by="PriceStep.position")
    __table_args__ = (CheckConstraint("held >= 0 AND sold >= 0", name="kept"),)


class PriceStep(Base):
    """An early price of a plan: it holds until a moment, until so many are sold, or until the first of both."""

    __tablename__ = "qunclub_price_step"
    id: Mapped[pk]
    plan_id: Mapped[int] = mapped_column(ForeignKey("qunclub_plan.id"))
    position: Mapped[int] = mapped_column(default=0)
    price: Mapped[minor]
    until_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    until_sold: Mapped[int | None]
    __table_args__ = (Index(None, "plan_id"),)


class PlanUpgrade(Base):
    """Who holds ``from_plan`` may buy ``plan`` for the difference."""

    __tablename__ = "qunclub_plan_upgrade"
    plan_id: Mapped[int] = mapped_column(ForeignKey("qunclub_plan.id"), primary_key=True)
    from_plan_id: Mapped[int] = mapped_column(ForeignKey("qunclub_plan.id"), primary_key=True)
    __table_args__ = (Index(None, "from_plan_id"),)


class PlanCourse(Base):
    """Which courses a plan opens."""

    __tablename__ = "qunclub_plan_course"
    plan_id: Mapped[int] = mapped_column(ForeignKey("qunclub_plan.id"), primary_key=True)
    course_id: Mapped[int] = mapped_column(ForeignKey("qunclub_course.id"), primary_key=True)
    __table_args__ = (Index(None, "course_id"),)


class Pass(Base):
    """What a member holds. ``source`` names the order line's unit that paid for it and is unique: once, ever.

    Its time is the sum of its terms: the first came with it, each renewal adds one. ``suspended`` is a pass whose
    payment is disputed: it opens nothing, keeps its seat, and becomes active or revoked when the dispute ends.
    """

    __tablename__ = "qunclub_pass"
    id: Mapped[pk]
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    plan_id: Mapped[int] = mapped_column(ForeignKey("qunclub_plan.id"))
    seat_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_seat.id"))
    source: Mapped[str] = mapped_column(String(80), unique=True)
    state: Mapped[str] = mapped_column(String(20), default="active")
    starts_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    ends_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    # A recurring pass stays open until then when its renewal is late; expiry looks at the later of the two.
    grace_until: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    renews: Mapped[bool] = mapped_column(default=False)
    ended_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    end_reason: Mapped[str] = mapped_column(Text, default="")

    plan: Mapped[Plan] = relationship(lazy="raise")
    __table_args__ = (
        Index(None, "member_id", "state"),
        Index(None, "plan_id", "state"),
        Index(None, "state", "ends_at"),
        # Which passes keep a seat: asked at the door, and whenever a pass ends.
        Index(
            "ix_qunclub_pass_seat_id",
            "seat_id",
            sqlite_where=text("seat_id IS NOT NULL"),
            postgresql_where=text("seat_id IS NOT NULL"),
        ),
    )


class PassTerm(Base):
    """A stretch of a pass's time, and what paid for it; ``source`` is unique: one thing bought gives one term."""

    __tablename__ = "qunclub_pass_term"
    id: Mapped[pk]
    pass_id: Mapped[int] = mapped_column(ForeignKey("qunclub_pass.id"))
    source: Mapped[str] = mapped_column(String(80), unique=True)
    starts_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    ends_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    revoked_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    __table_args__ = (Index(None, "pass_id"),)


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
    # The host who admitted, so that their name can go when they leave the club.
    used_by_id: Mapped[int | None] = mapped_column(ForeignKey("qunclub_member.id"))
    void_reason: Mapped[str] = mapped_column(Text, default="")
    # How often it was made good again, from 1: one admission each time.
    turn: Mapped[int] = mapped_column(default=1, server_default="1")
    __table_args__ = (
        Index(None, "member_id"),
        Index(
            "ix_qunclub_entry_ticket_used_by_id",
            "used_by_id",
            sqlite_where=text("used_by_id IS NOT NULL"),
            postgresql_where=text("used_by_id IS NOT NULL"),
        ),
        # Those checked before the id was kept: found by the name alone.
        Index(
            "ix_qunclub_entry_ticket_used_by_name",
            "used_by",
            sqlite_where=text("used_by_id IS NULL AND used_by <> ''"),
            postgresql_where=text("used_by_id IS NULL AND used_by <> ''"),
        ),
    )
