"""Buyers give an order back themselves, inside what the plan promised before they bought."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from qunclub.courses.models import Course, Lesson, Progress
from qunclub.kernel import N_, Actor, Conflict, NotFound
from qunclub.passes.models import PlanCourse

from . import queries_refunds, rules, rules_refunds, services, services_refunds
from . import services_refund_effects as effects
from .models import Order, Payment, Refund
from .models_selling import ClaimCode

OWN_REASON = N_("Given back by the buyer.")


@dataclass(frozen=True, slots=True)
class Own:
    """What an order's buyer is told about giving it back.

    Attributes:
        lessons, done: of the courses that its plans open.
        given: whether the buyer gave it back already.
        codes: whether codes of it that nobody claimed may be given back by themselves.
    """

    order: Order
    answer: rules_refunds.OwnAnswer
    lessons: int
    done: int
    given: bool
    codes: rules_refunds.OwnAnswer


def key_of(order: Order) -> str:
    """An order is given back by its buyer once, in however many windows."""
    return f"own:{order.code}"


def standing(session: Session, order: Order, now: dt.datetime) -> Own:
    """Whether the buyer may give this order back now, in a constant number of statements."""
    lines = services.lines_of(session, order)
    # As it was promised when they bought, whatever the plan says now.
    promised = [line.refund_days for line in lines]
    days = None if None in promised else min((one for one in promised if one is not None), default=None)
    lessons, done = (0, 0)
    if days is not None and order.state == rules.PAID:
        # What is given away is learnt by others, and who claimed it stands in the way by itself.
        own = [line.plan_id for line in lines if line.kind != "gift"]
        lessons, done = progress(session, order.member_id, own)
    left, claimed, still_open, given = session.execute(
        select(
            select(func.count())
            .where(Payment.order_id == order.id, Payment.refunded < Payment.amount)
            .scalar_subquery(),
            select(func.count())
            .where(ClaimCode.order_id == order.id, ClaimCode.state == "claimed")
            .scalar_subquery(),
            select(func.count())
            .where(ClaimCode.order_id == order.id, ClaimCode.state == "open")
            .scalar_subquery(),
            select(func.count()).where(Refund.key == key_of(order)).scalar_subquery(),
        )
    ).one()
    facts = rules_refunds.OwnFacts(
        state=order.state,
        disputed=order.disputed,
        total=order.total,
        days=days,
        limit=min((line.refund_progress for line in lines), default=100),
        paid_at=order.paid_at,
        lessons=lessons,
        done=done,
        payments=left,
        refunded=order.refunded,
        claimed=claimed,
    )
    answer = rules_refunds.may_give_back(facts, now)
    if answer.may:
        reach = effects.reach(session, order, taken=_all_of(session, order), code_ids=(), now=now)
        if reach.upgrades:
            answer = rules_refunds.upgrade_first(answer, reach.upgrades[0].code)
    codes = rules_refunds.may_give_codes_back(facts, still_open, now)
    return Own(order, answer, lessons, done, bool(given), codes)


def progress(session: Session, member_id: int, plan_ids: list[int]) -> tuple[int, int]:
    """How many lessons the plans open, and how many of them the member has done."""
    opened = select(PlanCourse.course_id).where(PlanCourse.plan_id.in_(plan_ids))
    lessons, done = session.execute(
        select(func.count(Lesson.id), func.count(Progress.completed_at))
        .select_from(Lesson)
        .join(Course, Course.id == Lesson.course_id)
        .outerjoin(Progress, and_(Progress.lesson_id == Lesson.id, Progress.member_id == member_id))
        .where(Lesson.course_id.in_(opened), Course.state == "published", Lesson.state == "published")
    ).one()
    return lessons, done


def _all_of(session: Session, order: Order) -> dict[int, int]:
    query = (
        select(Payment.id, Payment.amount - Payment.refunded)
        .where(Payment.order_id == order.id, Payment.refunded < Payment.amount)
        .order_by(Payment.id)
    )
    return {ident: left for ident, left in session.execute(query)}


def preview(session: Session, order: Order, now: dt.datetime) -> queries_refunds.Preview:
    """What giving the whole order back does."""
    return queries_refunds.preview(session, order, taken=_all_of(session, order), now=now)


def own_order(session: Session, *, code: str, member_id: int) -> Order:
    """One's own order.

    Raises:
        NotFound: when there is none, or it is somebody else's.
    """
    order = session.scalars(
        select(Order)
        .where(Order.code == code, Order.member_id == member_id)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if order is None:
        raise NotFound()
    return order


def give_back_own(
    session: Session,
    *,
    order_code: str,
    member_id: int,
    reason: str,
    seen: str,
    actor: Actor,
    now: dt.datetime,
) -> list[Refund]:
    """The buyer gives the whole order back; the second time changes nothing.

    Raises:
        NotFound: when it is somebody else's.
        Conflict: when it may not be given back (any more), with the reason.
        Stale: when the effect is no longer the one that was looked at.
    """
    order = services.locked(session, order_code)
    if order.member_id != member_id:
        raise NotFound()
    key = key_of(order)
    known = session.scalars(select(Refund).where(Refund.key == key)).all()
    if known:
        return list(known)
    own = standing(session, order, now)
    if not own.answer.may:
        raise Conflict(own.answer.reason or rules.BLOCKED[order.state], **own.answer.params)
    return services_refunds.give_back(
        session,
        order_id=order.id,
        taken=_all_of(session, order),
        reason=reason.strip() or OWN_REASON,
        key=key,
        actor=actor,
        now=now,
        seen=seen,
        send_later=True,
    )


def codes_key(order: Order, code_ids: Collection[int]) -> str:
    """The same codes of an order are given back once, in however many windows."""
    chosen = ",".join(map(str, sorted(set(code_ids))))
    return f"codes:{order.code}:{hashlib.sha256(chosen.encode()).hexdigest()[:16]}"


def give_codes_back(
    session: Session,
    *,
    order_code: str,
    member_id: int,
    code_ids: Collection[int],
    reason: str,
    seen: str,
    actor: Actor,
    now: dt.datetime,
) -> list[Refund]:
    """The buyer gives codes back that nobody claimed; each for its share of what was paid. Twice changes nothing.

    Raises:
        NotFound: when it is somebody else's order.
        Invalid: when no code is chosen.
        Conflict: when they may not be given back (any more), with the reason.
        Stale: when the effect is no longer the one that was looked at.
    """
    order = services.locked(session, order_code)
    if order.member_id != member_id:
        raise NotFound()
    key = codes_key(order, code_ids)
    known = session.scalars(select(Refund).where(Refund.key == key)).all()
    if known:
        return list(known)
    own = standing(session, order, now)
    if not own.codes.may:
        raise Conflict(own.codes.reason or rules.BLOCKED[order.state], **own.codes.params)
    return services_refunds.give_back(
        session,
        order_id=order.id,
        taken=effects.for_codes(session, order, code_ids),
        code_ids=code_ids,
        reason=reason.strip() or OWN_REASON,
        key=key,
        actor=actor,
        now=now,
        seen=seen,
        send_later=True,
    )
