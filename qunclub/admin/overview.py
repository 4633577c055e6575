"""What the admins' front page shows: what needs a hand, each read bounded by an index."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from qunclub import members
from qunclub.groups.models import Group, GroupLine
from qunclub.homework.models import Submission
from qunclub.kernel import outbox
from qunclub.kernel.store import AuditEntry
from qunclub.members.models import Member
from qunclub.orders import queries_coupons, queries_takings, queries_transfers
from qunclub.orders.models import Order
from qunclub.orders.models_selling import Coupon
from qunclub.orders.queries_takings import Line
from qunclub.seasons.models import Season

COUNTED = 1_000
"""Counting stops here: beyond it the page says "1000+"."""

OVERDUE = dt.timedelta(days=3)
"""A review that takes longer keeps a learner waiting for too long."""


@dataclass(frozen=True, slots=True)
class OrderInNeed:
    """An order that an admin has to decide."""

    code: str
    member: str
    total: int
    currency: str
    attention: str
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class Filling:
    """The newest group of a line, and how full it is."""

    line: str
    slug: str
    group: str
    seated: int
    capacity: int
    waiting: int

    @property
    def nearly_full(self) -> bool:
        """Whether nine of ten seats are taken."""
        return self.seated * 10 >= self.capacity * 9


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole front page."""

    members: int
    orders: list[OrderInNeed]
    order_count: int
    overshot: Sequence[Coupon]
    transfers: int
    season: Season | None
    filling: list[Filling]
    waiting_reviews: int
    oldest_review: dt.datetime | None
    overdue_reviews: int
    given_up: int
    today: list[Line]
    month: list[Line]
    acts: list[AuditEntry]


def overview(session: Session, *, now: dt.datetime, zone: dt.tzinfo) -> Overview:
    """Everything, in twelve statements."""
    waiting, oldest, overdue = _reviews(session, now)
    orders, order_count = _orders(session)
    today, month = queries_takings.recent(session, now.astimezone(zone).date())
    return Overview(
        members=members.current_number(session),
        orders=orders,
        order_count=order_count,
        overshot=queries_coupons.overshot(session),
        transfers=queries_transfers.counts(session)[queries_transfers.CHECK],
        season=_season(session),
        filling=_filling(session),
        waiting_reviews=waiting,
        oldest_review=oldest,
        overdue_reviews=overdue,
        given_up=outbox.given_up(session),
        today=today,
        month=month,
        acts=list(session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(6))),
    )


def _orders(session: Session) -> tuple[list[OrderInNeed], int]:
    rows = session.execute(
        select(Order, Member.nickname, Member.name)
        .join(Member, Member.id == Order.member_id)
        .where(Order.state == "needs_attention")
        .order_by(Order.id)
        .limit(5)
    )
    found = [
        OrderInNeed(o.code, nickname or name, o.total, o.currency, o.attention, o.created_at)
        for o, nickname, name in rows
    ]
    some = select(Order.id).where(Order.state == "needs_attention").limit(COUNTED).subquery()
    return found, session.execute(select(func.count()).select_from(some)).scalar_one()


def _season(session: Session) -> Season | None:
    running = ("open", "frozen", "published")
    query = select(Season).where(Season.state.in_(running)).order_by(Season.starts_at).limit(1)
    return session.scalars(query).one_or_none()


def _filling(session: Session) -> list[Filling]:
    newest = select(Group.line_id, func.max(Group.index).label("idx")).group_by(Group.line_id).subquery()
    rows = session.execute(
        select(
            GroupLine.name, GroupLine.slug, Group.name, Group.seated, Group.capacity, GroupLine.waiting_count
        )
        .join(newest, newest.c.line_id == GroupLine.id)
        .join(Group, (Group.line_id == newest.c.line_id) & (Group.index == newest.c.idx))
        .where(GroupLine.kind != "core")
        .order_by(GroupLine.id)
        .limit(20)
    )
    found = [Filling(*row) for row in rows]
    return sorted(found, key=lambda one: one.seated / max(one.capacity, 1), reverse=True)


def _reviews(session: Session, now: dt.datetime) -> tuple[int, dt.datetime | None, int]:
    waiting = select(Submission.submitted_at).where(Submission.state == "waiting")
    some = waiting.order_by(Submission.submitted_at).limit(COUNTED).subquery()
    count, oldest = session.execute(
        select(func.count(), func.min(some.c.submitted_at)).select_from(some)
    ).one()
    late = (
        select(Submission.id)
        .where(Submission.state == "waiting", Submission.submitted_at < now - OVERDUE)
        .limit(COUNTED)
        .subquery()
    )
    return count, oldest, session.execute(select(func.count()).select_from(late)).scalar_one()
