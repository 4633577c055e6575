"""Reads of who brought whom along."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from qunclub.kernel import Marked, Page, paginate_by_mark
from qunclub.members.models import Member

from .models import Order
from .models_referral import Referral, ReferralCode

MOST = 50


def code_of(session: Session, member_id: int) -> str:
    """A member's code, empty without one."""
    return session.scalar(select(ReferralCode.code).where(ReferralCode.member_id == member_id)) or ""


def mine(session: Session, member_id: int) -> list[Referral]:
    """Whom a member brought along, the latest first (of more than fifty the latest): one statement."""
    query = select(Referral).where(Referral.by_member_id == member_id).order_by(Referral.id.desc())
    return list(session.scalars(query.limit(MOST)))


@dataclass(frozen=True, slots=True)
class Row:
    """One for the admins' list."""

    referral: Referral
    by_number: int | None
    by_name: str
    number: int | None
    name: str
    order: str


BY_ID = Marked(Referral.id, Referral.id, newest=True, of=lambda row: (row[0].id, row[0].id), number=True)


def listed(session: Session, *, after: str = "", number: int | None = None) -> Page[Row]:
    """All of them, the latest first, or those of one inviter: one statement."""
    inviter, buyer = aliased(Member), aliased(Member)
    query: Any = (
        select(
            Referral, inviter.number, inviter.nickname, inviter.name, buyer.number, buyer.nickname, buyer.name,
            Order.code,
        )
        .join(inviter, inviter.id == Referral.by_member_id)
        .join(buyer, buyer.id == Referral.member_id)
        .join(Order, Order.id == Referral.order_id)
    )  # fmt: skip
    if number is not None:
        query = query.where(inviter.number == number)
    found = paginate_by_mark(session, query, BY_ID, after=after)
    rows: list[Any] = found.items
    items = [Row(row[0], row[1], row[2] or row[3], row[4], row[5] or row[6], row[7]) for row in rows]
    return Page(items, found.page, found.per_page, found.has_next, found.more)
