"""Promising tuition back, following the orders made under a promise, and granting it exactly once.

What is earned is found by looking (``enrol``, ``consider``), every minute, never by a signal that could be lost. A
case is decided under its own lock; behind it stand the refund's key and the coupon's code, both made from the case.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from qunclub import notices, orders
from qunclub.homework import accepted_count, works_of
from qunclub.homework.models import Assignment, Submission
from qunclub.kernel import N_, Actor, Conflict, Forbidden, Invalid, ids, insert_for, locks, store
from qunclub.members.models import Member
from qunclub.orders.models import Order, OrderLine, Payment
from qunclub.passes.models import Plan, PlanCourse

from . import rules
from .models import KINDS, TuitionCase, TuitionPromise

BATCH = 200
# Orders made under a promise that was ended since may be paid late.
LATE = dt.timedelta(days=60)
MOST_REASON = 1_000
REFUND_REASON = N_("Tuition earned back with homework.")


@dataclass(frozen=True, slots=True)
class PromiseDraft:
    """What an admin promises; see the model. ``amount`` in minor units of the plan's currency."""

    plan_id: int
    works: int
    assignment_ids: tuple[int, ...]
    kind: str
    featured_only: bool = False
    days: int | None = None
    by_at: dt.datetime | None = None
    percent: int | None = None
    amount: int | None = None


def promise(session: Session, *, draft: PromiseDraft, actor: Actor, now: dt.datetime) -> TuitionPromise:
    """Promise it to orders of a plan made from now on, in place of what was promised before.

    Raises:
        Invalid: naming the field that cannot be taken.
    """
    _admin(actor)
    plan = locks.lock(session, Plan, draft.plan_id)
    _check(session, plan, draft, now)
    _end(session, plan.id, now)
    row = TuitionPromise(
        plan_id=plan.id, works=draft.works, assignment_ids=sorted(draft.assignment_ids), kind=draft.kind,
        featured_only=draft.featured_only, days=draft.days, by_at=draft.by_at, percent=draft.percent,
        amount=draft.amount, from_at=now, until_at=None,
    )  # fmt: skip
    session.add(row)
    session.flush()
    details = {"works": row.works, "kind": row.kind, "percent": row.percent, "amount": row.amount}
    _record(session, "tuition.promise", f"tuition:{row.id}", actor, now, plan.title, **details)
    return row


def end_promise(session: Session, *, plan_id: int, actor: Actor, now: dt.datetime) -> None:
    """Promise nothing to orders made from now on; those made before keep it.

    Raises:
        Conflict: when nothing is promised.
    """
    _admin(actor)
    plan = locks.lock(session, Plan, plan_id)
    row = _end(session, plan_id, now)
    if row is None:
        raise Conflict(N_("Nothing is promised for this pass."))
    _record(session, "tuition.end", f"tuition:{row.id}", actor, now, plan.title)


def _end(session: Session, plan_id: int, now: dt.datetime) -> TuitionPromise | None:
    query = select(TuitionPromise).where(TuitionPromise.plan_id == plan_id, TuitionPromise.until_at.is_(None))
    row = session.scalars(query).one_or_none()
    if row is not None:
        row.until_at = now
        session.flush()
    return row


def _check(session: Session, plan: Plan, draft: PromiseDraft, now: dt.datetime) -> None:
    if plan.interval:
        raise Invalid(N_("A membership that renews cannot promise tuition back."), field="plan")
    of_plan = select(Assignment.id).join(PlanCourse, PlanCourse.course_id == Assignment.course_id)
    known = set(session.scalars(of_plan.where(PlanCourse.plan_id == plan.id)))
    if not draft.assignment_ids or not set(draft.assignment_ids) <= known:
        raise Invalid(N_("Choose homework of the courses that this pass opens."), field="assignments")
    if not 1 <= draft.works <= len(set(draft.assignment_ids)):
        raise Invalid(N_("Not more than the homework you chose, and at least one."), field="works")
    if (draft.days is None) == (draft.by_at is None):
        raise Invalid(N_("Write either a number of days or a date."), field="days")
    if draft.days is not None and not 1 <= draft.days <= 1_000:
        raise Invalid(N_("From 1 to 1000 days."), field="days")
    if draft.by_at is not None and draft.by_at <= now:
        raise Invalid(N_("The date is over already."), field="by_at")
    if draft.kind not in KINDS:
        raise Invalid(N_("Choose one of the kinds."), field="kind")
    if (draft.percent is None) == (draft.amount is None):
        raise Invalid(N_("Write either percent or an amount."), field="percent")
    if draft.percent is not None and not 1 <= draft.percent <= 100:
        raise Invalid(N_("Write how many percent, from 1 to 100."), field="percent")
    if draft.amount is not None and not 1 <= draft.amount <= plan.price:
        raise Invalid(N_("At most what the pass costs."), field="amount")


def enrol(session: Session, *, now: dt.datetime) -> int:
    """Open a case for paid orders made under a promise; how many."""
    fits = (
        Order.plan_id == TuitionPromise.plan_id,
        Order.created_at >= TuitionPromise.from_at,
        or_(TuitionPromise.until_at.is_(None), Order.created_at < TuitionPromise.until_at),
    )
    one_pass = exists().where(
        OrderLine.order_id == Order.id, OrderLine.kind == "new", OrderLine.quantity == 1
    )
    rows = session.execute(
        select(Order.id, Order.member_id, Order.currency, Order.paid_at, TuitionPromise)
        .join(TuitionPromise, fits[0])
        .where(
            *fits[1:],
            or_(TuitionPromise.until_at.is_(None), TuitionPromise.until_at > now - LATE),
            Order.paid_at.is_not(None),
            Order.total > 0,
            one_pass,
            ~exists().where(TuitionCase.order_id == Order.id),
        )
        .order_by(Order.id)
        .limit(BATCH)
    ).all()
    for order_id, member_id, currency, paid_at, row in rows:
        deadline = row.by_at or (paid_at or now) + dt.timedelta(days=row.days or 0)
        values = {
            "promise_id": row.id, "order_id": order_id, "member_id": member_id, "currency": currency,
            "starts_at": paid_at, "deadline_at": deadline, "state": "in_progress", "amount": 0, "ref": "",
            "reason": "",
        }  # fmt: skip
        session.execute(insert_for(session, TuitionCase).values(**values).on_conflict_do_nothing())
    return len(rows)


def due_cases(session: Session, *, after: int, now: dt.datetime) -> Sequence[int]:
    """The next cases that may be settled, by id: enough accepted work of any kind, time over, or money given back."""
    accepted = accepted_count(TuitionCase.member_id)
    query = (
        select(TuitionCase.id)
        .join(TuitionPromise, TuitionPromise.id == TuitionCase.promise_id)
        .join(Order, Order.id == TuitionCase.order_id)
        .where(
            TuitionCase.state == "in_progress",
            TuitionCase.id > after,
            or_(
                accepted >= TuitionPromise.works, TuitionCase.deadline_at < now, Order.refunded >= Order.total
            ),
        )
    )
    return session.scalars(query.order_by(TuitionCase.id).limit(BATCH)).all()


def progress_of(session: Session, case: TuitionCase, row: TuitionPromise) -> rules.Progress:
    """How far a case has come: one statement."""
    works = session.execute(
        select(Submission.state, Submission.featured, Submission.submitted_at).where(
            Submission.id.in_(works_of(case.member_id)),
            Submission.assignment_id.in_(row.assignment_ids),
            Submission.carried_over.is_(False),
        )
    )
    return rules.progress(
        [rules.Work(*one) for one in works],
        featured_only=row.featured_only,
        start=case.starts_at,
        end=case.deadline_at,
    )


def consider(session: Session, *, case_id: int, actor: Actor, now: dt.datetime) -> str:
    """Look at one case and settle it if it is due; its state. Again, or at once by many, it is granted once."""
    case = locks.lock(session, TuitionCase, case_id)
    if case.state != "in_progress":
        return case.state
    row = session.get_one(TuitionPromise, case.promise_id)
    order = session.get_one(Order, case.order_id, populate_existing=True)
    payments = session.execute(
        select(Payment.id, Payment.amount, Payment.refunded)
        .where(Payment.order_id == order.id, Payment.fulfils.is_(True))
        .order_by((Payment.amount - Payment.refunded).desc(), Payment.id)
    ).all()
    left = sum(one.amount - one.refunded for one in payments)
    if left <= 0:
        return _settle(case, "ended", now)
    if order.disputed:
        # The bank decides first whether it was paid at all.
        return case.state
    found = progress_of(session, case, row)
    said = rules.verdict(found, needed=row.works, now=now, end=case.deadline_at)
    if said == "missed":
        _settle(case, "missed", now)
        _tell(session, case, row, order, now, done=found.done)
        return case.state
    if said != "earned":
        return case.state
    paid = sum(one.amount for one in payments)
    best = payments[0].amount - payments[0].refunded
    case.amount = rules.worth(
        paid=paid,
        left=min(left, best) if row.kind == "refund" else left,
        percent=row.percent,
        amount=row.amount,
        kind=row.kind,
    )
    if case.amount <= 0:
        return _settle(case, "ended", now)
    if row.kind == "refund":
        case.ref = f"tuition:{case.id}"
        orders.give_back(
            session,
            order_id=order.id,
            taken={payments[0].id: case.amount},
            reason=REFUND_REASON,
            key=case.ref,
            actor=actor,
            now=now,
            send_later=True,
        )
    else:
        case.ref = f"BACK-{case.id}-{ids.code(8)}"
        draft = orders.CouponDraft(
            code=case.ref, kind="fixed", title=f"tuition:{case.id}", amount=case.amount,
            currency=case.currency, max_uses=1, per_member=1,
        )  # fmt: skip
        orders.create_coupon(session, draft=draft, actor=actor, now=now)
    _settle(case, "granted", now)
    _tell(session, case, row, order, now)
    return case.state


def end_case(session: Session, *, case_id: int, now: dt.datetime) -> None:
    """Nothing more is to be earned with this order: its buyer is leaving."""
    _settle(locks.lock(session, TuitionCase, case_id), "ended", now)


def _settle(case: TuitionCase, state: str, now: dt.datetime) -> str:
    case.state, case.settled_at = state, now
    return state


def withhold(session: Session, *, case_id: int, reason: str, actor: Actor, now: dt.datetime) -> TuitionCase:
    """Keep a reward back that was not granted yet; the member reads why.

    Raises:
        Invalid: on field ``reason``.
        Conflict: when the case is settled.
    """
    _admin(actor)
    words = _reason(reason)
    case = locks.lock(session, TuitionCase, case_id)
    if case.state != "in_progress":
        raise Conflict(N_("This is settled already."))
    case.reason = words
    _settle(case, "withheld", now)
    _record(session, "tuition.withhold", f"tuition_case:{case.id}", actor, now, words)
    row = session.get_one(TuitionPromise, case.promise_id)
    _tell(session, case, row, session.get_one(Order, case.order_id), now)
    return case


def reconsider(
    session: Session, *, case_id: int, days: int, reason: str, actor: Actor, now: dt.datetime
) -> TuitionCase:
    """Open a missed or withheld case again, with *days* more from now (0: the old deadline stays).

    Raises:
        Invalid: on field ``reason`` or ``days``.
        Conflict: when it is not missed or withheld.
    """
    _admin(actor)
    words = _reason(reason)
    if not 0 <= days <= 365:
        raise Invalid(N_("From 0 to 365 days."), field="days")
    case = locks.lock(session, TuitionCase, case_id)
    if case.state not in ("missed", "withheld"):
        raise Conflict(N_("Only what was missed or withheld can be opened again."))
    if days:
        case.deadline_at = max(case.deadline_at, now + dt.timedelta(days=days))
    case.state, case.reason, case.settled_at = "in_progress", "", None
    _record(session, "tuition.reconsider", f"tuition_case:{case.id}", actor, now, words, days=days)
    return case


def failed(session: Session, *, case_id: int, reason: str, now: dt.datetime) -> None:
    """Put a case that cannot be settled before an admin."""
    case = locks.lock(session, TuitionCase, case_id)
    if case.state == "in_progress":
        case.reason, case.amount, case.ref = reason[:MOST_REASON], 0, ""
        _settle(case, "withheld", now)


def _reason(reason: str) -> str:
    words = reason.strip()
    if not words or len(words) > MOST_REASON:
        raise Invalid(
            N_("Say why, in at most %(limit)s characters."), field="reason", limit=MOST_REASON
        )  # fmt: skip
    return words


def _admin(actor: Actor) -> None:
    if not actor.has("admin"):
        raise Forbidden(N_("This is for the admins of the club."), how=N_("An admin can give you the role."))


def _record(
    session: Session,
    action: str,
    target: str,
    actor: Actor,
    now: dt.datetime,
    summary: str,
    **details: object,
) -> None:
    store.record(
        session, actor=actor, action=action, target=target, now=now, summary=summary, details=details
    )  # fmt: skip


def _tell(
    session: Session,
    case: TuitionCase,
    row: TuitionPromise,
    order: Order,
    now: dt.datetime,
    *,
    done: int = 0,
) -> None:
    member = session.get_one(Member, case.member_id)
    notices.letter(
        session,
        member=member.id,
        template=f"tuition_{case.state}",
        context={
            "name": member.shown_name,
            "kind": row.kind,
            "works": row.works,
            "done": done,
            "deadline": case.deadline_at.isoformat(),
            "amount": case.amount,
            "currency": case.currency,
            "code": case.ref if row.kind == "credit" else "",
            "order": order.code,
            "reason": case.reason,
        },
        key=f"tuition:{case.id}:{case.state}:{now.isoformat()}",
        now=now,
    )
