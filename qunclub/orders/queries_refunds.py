"""What a refund would do, as facts that can be shown, compared and kept: the same before it and after it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from qunclub import groups
from qunclub.groups.models import Group, GroupLine, Seat
from qunclub.kernel import NotFound
from qunclub.kernel.store import AuditEntry
from qunclub.members.models import Member, Tier
from qunclub.passes.models import Pass, Plan

from . import services_refund_effects as effects
from .models import Order, Payment, Refund
from .models_selling import ClaimCode
from .services_payments import FREE, OFFLINE
from .services_refund_effects import Reach

ACTION = "order.refund"
HAND = (OFFLINE, FREE)


@dataclass(frozen=True, slots=True)
class Preview:
    """What giving money back does, before it is done.

    Attributes:
        taken: payment id → amount.
        facts: all that is said of it, as JSON values: ``backs`` (the money), ``ends``, ``shorter``, ``codes``,
            ``renewals``, ``upgrades``, ``whole``, ``extra`` (nothing was given for this money).
    """

    taken: dict[int, int]
    reach: Reach
    facts: dict[str, Any]

    @property
    def digest(self) -> str:
        """A short text that is another one when anything is different."""
        return hashlib.sha256(json.dumps(self.facts, sort_keys=True).encode()).hexdigest()[:24]


def preview(
    session: Session,
    order: Order,
    *,
    taken: dict[int, int],
    code_ids: Collection[int] = (),
    now: dt.datetime,
    locked: bool = False,
) -> Preview:
    """The exact effect of giving back *taken* (payment id → amount), in a bounded number of statements.

    Args:
        locked: whether it is about to be done: what ends is locked, so that it stays the exact effect.

    Raises:
        Conflict: when one of the codes is no longer open.
    """
    reach = effects.reach(session, order, taken=taken, code_ids=code_ids, now=now)
    if locked and reach.ends:
        reach = effects.with_locks(session, reach)
    payments = session.scalars(select(Payment).where(Payment.id.in_(list(taken))).order_by(Payment.id)).all()
    facts: dict[str, Any] = {
        "backs": [_back(payment, taken[payment.id]) for payment in payments],
        "whole": reach.whole,
        "extra": not any(payment.fulfils for payment in payments),
        "ends": _ends(session, order, [held.id for held in reach.ends], now),
        "shorter": _shorter(session, reach),
        "codes": _codes(session, order, reach.codes),
        "renewals": reach.subscription is not None,
        "upgrades": [one.code for one in reach.upgrades],
    }
    return Preview(taken, reach, facts)


def _back(payment: Payment, amount: int) -> dict[str, Any]:
    return {
        "payment": payment.id,
        "amount": amount,
        "currency": payment.currency,
        "method": payment.method or payment.provider,
        "ref": payment.ref,
        "left": payment.amount - payment.refunded - amount,
        "by_hand": payment.provider in HAND,
    }


def _codes(session: Session, order: Order, codes: Sequence[ClaimCode]) -> list[dict[str, Any]]:
    values = effects.worth(session, order) if codes else {}
    return [
        {
            "code": "…" + code.code[-4:],
            "unit": code.unit,
            "for": code.recipient_name,
            "worth": values[code.id],
        }
        for code in codes
    ]


def _shorter(session: Session, reach: Reach) -> list[dict[str, Any]]:
    plans = titles(session, [one.held.plan_id for one in reach.shorter])
    return [
        {
            "pass": one.held.id,
            "plan": plans[one.held.plan_id],
            "before": one.before.isoformat() if one.before else None,
            "after": one.after.isoformat() if one.after else None,
        }
        for one in reach.shorter
    ]


def titles(session: Session, plan_ids: Collection[int]) -> dict[int, str]:
    """The names of plans."""
    if not plan_ids:
        return {}
    rows = session.execute(select(Plan.id, Plan.title).where(Plan.id.in_(list(plan_ids))))
    return {ident: title for ident, title in rows}


def _ends(session: Session, order: Order, pass_ids: Sequence[int], now: dt.datetime) -> list[dict[str, Any]]:
    if not pass_ids:
        return []
    rows = session.execute(
        select(Pass, Member, Tier, Seat, GroupLine, Group)
        .join(Member, Member.id == Pass.member_id)
        .outerjoin(Tier, Tier.id == Member.tier_id)
        .outerjoin(Seat, Seat.id == Pass.seat_id)
        .outerjoin(GroupLine, GroupLine.id == Seat.line_id)
        .outerjoin(Group, Group.id == Seat.group_id)
        .where(Pass.id.in_(pass_ids))
        .options(joinedload(Pass.plan).selectinload(Plan.courses))
        .order_by(Pass.id)
    ).all()
    others = _others(session, {held.member_id for held, *_ in rows}, pass_ids)
    told = []
    for held, member, tier, seat, line, group in rows:
        mine = others[member.id]
        opening = {
            course.id: one.plan.title for one in mine if _open(one, now) for course in one.plan.courses
        }
        tiers = [one.plan.tier for one in mine if one.plan.tier is not None]
        after = min(tiers, key=lambda one: (-one.rank, one.id)) if tiers else None
        was_active = held.state == "active"
        told.append(
            {
                "pass": held.id,
                "plan": held.plan.title,
                "number": member.number if member.id != order.member_id else None,
                "courses": [course.title for course in held.plan.courses if course.id not in opening],
                "kept": [
                    [course.title, opening[course.id]] for course in held.plan.courses if course.id in opening
                ],
                "seat": _seat(held, seat, mine),
                "group": group.name if group else line.name if line else "",
                "next": bool(seat and seat.state in ("admitted", "offered") and line.waiting_count),
                "tier": tier.name if tier and (after is None or after.id != tier.id) else "",
                "tier_after": after.name if after else "",
                "was": "active" if was_active else held.state,
            }
        )
    return told


def _open(held: Pass, now: dt.datetime) -> bool:
    ends = [end for end in (held.ends_at, held.grace_until) if end is not None]
    return held.state == "active" and (held.ends_at is None or max(ends) > now)


def _others(session: Session, member_ids: set[int], ending: Sequence[int]) -> dict[int, list[Pass]]:
    found: dict[int, list[Pass]] = defaultdict(list)
    for held in session.scalars(
        select(Pass)
        .where(
            Pass.member_id.in_(member_ids),
            or_(Pass.state == "active", Pass.state == "suspended"),
            Pass.id.not_in(ending),
        )
        .options(
            joinedload(Pass.plan).options(selectinload(Plan.courses), joinedload(Plan.tier)),
        )
        .order_by(Pass.id)
    ):
        found[held.member_id].append(held)
    return found


def _seat(held: Pass, seat: Seat | None, others: Sequence[Pass]) -> str:
    """``ends``, ``place_ends`` (on the waiting list), ``kept`` by another pass, or nothing to say."""
    if seat is None or seat.state not in groups.LIVE:
        return ""
    if any(other.seat_id == held.seat_id for other in others):
        return "kept"
    return "place_ends" if seat.state == "waiting" else "ends"


@dataclass(frozen=True, slots=True)
class Done:
    """A refund that was made, and what it did.

    Attributes:
        facts: as the preview showed them.
    """

    order: Order
    refunds: Sequence[Refund]
    facts: dict[str, Any]
    at: dt.datetime


def done(session: Session, order: Order, key: str) -> Done:
    """What the refund of this key did.

    Raises:
        NotFound: when there is none, or it belongs to another order.
    """
    refunds = session.scalars(_of_key(order, key)).all()
    entry = _entry(session, order, key)
    if not refunds or entry is None:
        raise NotFound()
    return Done(order, refunds, entry.details["facts"], entry.at)


def _of_key(order: Order, key: str) -> Select[Refund]:
    return (
        select(Refund)
        .join(Payment, Payment.id == Refund.payment_id)
        .where(
            Payment.order_id == order.id,
            or_(Refund.key == key, Refund.key.startswith(f"{key}:", autoescape=True)),
        )
        .order_by(Refund.id)
    )


def was_made(session: Session, order: Order, key: str) -> bool:
    """Whether a refund of this key was asked for."""
    return session.scalars(_of_key(order, key).limit(1)).first() is not None


def _entry(session: Session, order: Order, key: str) -> AuditEntry | None:
    entries = session.scalars(
        select(AuditEntry)
        .where(AuditEntry.target == f"order:{order.code}", AuditEntry.action == ACTION)
        .order_by(AuditEntry.id.desc())
    )
    asked = {key, key.rpartition(":")[0]}
    return next((one for one in entries if one.details.get("key") in asked), None)


def facts_of(session: Session, order: Order, key: str) -> dict[str, Any]:
    """What the refund of this key did, as its preview said it; empty when nothing was kept of it."""
    entry = _entry(session, order, key)
    return entry.details.get("facts", {}) if entry is not None else {}


@dataclass(frozen=True, slots=True)
class Desk:
    """What the page that asks how much to give back needs.

    Attributes:
        left: payments that have money left.
        codes: open claim codes with their worth.
    """

    order: Order
    payments: Sequence[Payment]
    codes: Sequence[tuple[ClaimCode, int]]

    @property
    def left(self) -> list[Payment]:
        """Payments that have money left."""
        return [payment for payment in self.payments if payment.refunded < payment.amount]


def order_code_of(session: Session, payment_id: int) -> str:
    """The order that a payment is for.

    Raises:
        NotFound: when there is no such payment.
    """
    query = select(Order.code).join(Payment, Payment.order_id == Order.id).where(Payment.id == payment_id)
    code = session.execute(query).scalar_one_or_none()
    if code is None:
        raise NotFound()
    return code


def desk(session: Session, code: str) -> Desk:
    """One order, its payments and its open codes.

    Raises:
        NotFound: when there is no such order.
    """
    order = session.scalars(
        select(Order)
        .where(Order.code == code)
        .options(selectinload(Order.payments))
        .execution_options(populate_existing=True)
    ).one_or_none()
    if order is None:
        raise NotFound()
    codes = session.scalars(
        select(ClaimCode)
        .where(ClaimCode.order_id == order.id, ClaimCode.state == "open")
        .order_by(ClaimCode.line_id, ClaimCode.unit)
    ).all()
    values = effects.worth(session, order) if codes else {}
    return Desk(order, order.payments, [(one, values[one.id]) for one in codes])
