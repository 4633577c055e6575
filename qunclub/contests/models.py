"""A contest: the call, the entries, jury and votes, the prizes."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from qunclub.kernel import Base, BigInt, UTCDateTime, pk

CONTEST_STATES = ("draft", "published", "results")
ENTRY_STATES = ("entered", "withdrawn", "disqualified")


class Contest(Base):
    """A call with a window, such as #一页纸大赛#.

    Entries are taken from ``opens_at`` to ``closes_at``, votes from then to ``votes_until``; the places are worked out
    once, when an admin publishes the results, and stay as they are.
    """

    __tablename__ = "qunclub_contest"
    id: Mapped[pk]
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    title: Mapped[str] = mapped_column(String(160))
    summary: Mapped[str] = mapped_column(Text, default="")
    call_md: Mapped[str] = mapped_column(Text, default="")
    call_html: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(String(20), default="draft")
    opens_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    closes_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    votes_until: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    # How much of the result is the jury's, in percent; the rest is the members' votes.
    jury_percent: Mapped[int] = mapped_column(default=50)
    votes_per_member: Mapped[int] = mapped_column(default=3)
    entries_per_member: Mapped[int] = mapped_column(default=1)
    results_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (Index(None, "state", "closes_at"),)


class ContestEntry(Base):
    """What a member entered. ``votes`` is kept; ``jury``, ``result`` and ``place`` are written with the results."""

    __tablename__ = "qunclub_contest_entry"
    id: Mapped[pk]
    contest_id: Mapped[int] = mapped_column(ForeignKey("qunclub_contest.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    title: Mapped[str] = mapped_column(String(160))
    body_md: Mapped[str] = mapped_column(Text, default="")
    body_html: Mapped[str] = mapped_column(Text, default="")
    image_key: Mapped[str] = mapped_column(String(160), default="")
    image_type: Mapped[str] = mapped_column(String(60), default="")
    state: Mapped[str] = mapped_column(String(20), default="entered")
    reason: Mapped[str] = mapped_column(Text, default="")
    votes: Mapped[int] = mapped_column(default=0)
    jury: Mapped[int | None]
    result: Mapped[int | None]
    place: Mapped[int | None]
    entered_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    version: Mapped[int] = mapped_column(default=1)
    __table_args__ = (
        Index(None, "contest_id", "state", "entered_at"),
        Index(None, "contest_id", "place"),
        Index(None, "member_id"),
        CheckConstraint("votes >= 0", name="kept"),
    )


class Juror(Base):
    """Somebody who scores a contest's entries, and no entry of their own."""

    __tablename__ = "qunclub_juror"
    contest_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("qunclub_contest.id"), primary_key=True, autoincrement=False
    )
    member_id: Mapped[int] = mapped_column(
        BigInt, ForeignKey("qunclub_member.id"), primary_key=True, autoincrement=False
    )


class JuryScore(Base):
    """What a juror gave an entry, 0 to 100."""

    __tablename__ = "qunclub_jury_score"
    id: Mapped[pk]
    entry_id: Mapped[int] = mapped_column(ForeignKey("qunclub_contest_entry.id"))
    juror_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    score: Mapped[int]
    comment: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (UniqueConstraint("entry_id", "juror_id"),)


class ContestVote(Base):
    """A member's vote for an entry; one for each entry, and not for one's own."""

    __tablename__ = "qunclub_contest_vote"
    id: Mapped[pk]
    contest_id: Mapped[int] = mapped_column(ForeignKey("qunclub_contest.id"))
    entry_id: Mapped[int] = mapped_column(ForeignKey("qunclub_contest_entry.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("qunclub_member.id"))
    at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    __table_args__ = (UniqueConstraint("entry_id", "member_id"), Index(None, "contest_id", "member_id"))


class Prize(Base):
    """What there is to win, for places from ``first_place`` on, as long as the stock lasts."""

    __tablename__ = "qunclub_prize"
    id: Mapped[pk]
    contest_id: Mapped[int] = mapped_column(ForeignKey("qunclub_contest.id"))
    position: Mapped[int] = mapped_column(default=0)
    title: Mapped[str] = mapped_column(String(160))
    first_place: Mapped[int] = mapped_column(default=1)
    stock: Mapped[int]
    given: Mapped[int] = mapped_column(default=0)
    __table_args__ = (
        Index(None, "contest_id"),
        CheckConstraint("given >= 0 AND given <= stock", name="stock"),
    )


class PrizeGiven(Base):
    """A prize that an entry won, and whether it was handed over."""

    __tablename__ = "qunclub_prize_given"
    id: Mapped[pk]
    prize_id: Mapped[int] = mapped_column(ForeignKey("qunclub_prize.id"))
    entry_id: Mapped[int] = mapped_column(ForeignKey("qunclub_contest_entry.id"), unique=True)
    given_at: Mapped[dt.datetime] = mapped_column(UTCDateTime)
    handed_over_at: Mapped[dt.datetime | None] = mapped_column(UTCDateTime)
    note: Mapped[str] = mapped_column(Text, default="")
    __table_args__ = (Index(None, "prize_id"),)
