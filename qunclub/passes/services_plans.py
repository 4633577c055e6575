"""Plans as an admin shapes them, and their stock: held, released and sold under the lock of the plan's row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from qunclub import members
from qunclub.courses.models import Course
from qunclub.groups.models import GroupLine
from qunclub.kernel import N_, Actor, Conflict, Invalid, Stale, locks, render_markdown, store
from qunclub.members.models import Tier

from . import rules
from .models import Pass, Plan, PlanCourse
from .rules import PlanDraft

FIELDS = (
    "slug", "title", "summary", "description_md", "price", "currency", "tier_id", "group_line_id", "state", "stock",
    "sale_starts_at", "sale_ends_at", "validity_days", "position",
)  # fmt: skip


def hold(session: Session, *, plan_id: int, quantity: int, now: dt.datetime) -> Plan:
    """Keep *quantity* back for an order that waits for its money.

    Raises:
        Conflict: saying why the plan cannot be bought now.
    """
    plan = locks.lock(session, Plan, plan_id)
    reason = rules.can_sell(plan, now, quantity=quantity)
    if reason is not None:
        raise Conflict(rules.SALE_REASONS[reason])
    plan.held += quantity
    session.flush()
    return plan


def release(session: Session, *, plan_id: int, quantity: int, now: dt.datetime) -> Plan:
    """Give back what an order held: it ended unpaid."""
    plan = locks.lock(session, Plan, plan_id)
    plan.held -= quantity
    session.flush()
    return plan


def sell(session: Session, *, plan_id: int, quantity: int, now: dt.datetime, held: bool = True) -> Plan:
    """Count *quantity* as sold: out of what was held, or (*held* false, a late payment) out of what is left.

    Raises:
        Conflict: when nothing was held and not enough is left. A sale that has ended is no reason: the money is here.
    """
    plan = locks.lock(session, Plan, plan_id)
    if held:
        plan.held -= quantity
    else:
        left = rules.stock_left(plan)
        if left is not None and left < quantity:
            raise Conflict(rules.SALE_REASONS["sold_out"])
    plan.sold += quantity
    session.flush()
    return plan


def create_plan(
    session: Session,
    *,
    slug: str,
    title: str,
    price: int,
    currency: str,
    actor: Actor,
    now: dt.datetime,
    summary: str = "",
    description_md: str = "",
    tier_id: int | None = None,
    group_line_id: int | None = None,
    course_ids: Sequence[int] = (),
    state: str = "on_sale",
    stock: int | None = None,
    sale_starts_at: dt.datetime | None = None,
    sale_ends_at: dt.datetime | None = None,
    validity_days: int | None = None,
    position: int = 0,
) -> Plan:
    """Make a plan; *price* is in minor units of *currency*."""
    draft = rules.checked(
        PlanDraft(
            slug=slug,
            title=title,
            price=price,
            currency=currency,
            summary=summary,
            description_md=description_md,
            tier_id=tier_id,
            group_line_id=group_line_id,
            course_ids=tuple(course_ids),
            state=state,
            stock=stock,
            sale_starts_at=sale_starts_at,
            sale_ends_at=sale_ends_at,
            validity_days=validity_days,
            position=position,
        )
    )
    _check_references(session, draft)
    if session.scalar(select(Plan.id).where(Plan.slug == draft.slug)) is not None:
        raise Invalid(N_("This address is taken."), field="slug")
    plan = Plan(held=0, sold=0, version=1, created_at=now, **{key: getattr(draft, key) for key in FIELDS})
    plan.description_html = render_markdown(plan.description_md)
    session.add(plan)
    session.flush()
    _set_courses(session, plan, draft.course_ids)
    _record(session, plan, actor, "plan.create", {"after": facts(plan, draft.course_ids)}, now)
    return plan


def update_plan(
    session: Session, *, plan_id: int, version: int, draft: PlanDraft, actor: Actor, now: dt.datetime
) -> Plan:
    """Change a plan. Orders keep the price of their moment; passes held keep what they were given.

    Raises:
        Stale: when somebody else saved it since *version* was read.
    """
    plan = locks.lock(session, Plan, plan_id)
    if plan.version != version:
        raise Stale(N_("Somebody else saved this in the meantime. Look at the new state, then save again."))
    rules.checked(draft, gone=plan.held + plan.sold)
    _check_references(session, draft)
    taken = session.scalar(select(Plan.id).where(Plan.slug == draft.slug, Plan.id != plan.id))
    if taken is not None:
        raise Invalid(N_("This address is taken."), field="slug")
    if draft.group_line_id != plan.group_line_id and _was_issued(session, plan.id):
        raise Invalid(
            N_("Members hold this pass and their seats; make a new pass for another group line."),
            field="group_line_id",
        )
    if draft.currency != plan.currency and plan.held:
        raise Invalid(N_("Orders are waiting for payment in the old currency."), field="currency")
    courses = tuple(session.scalars(select(PlanCourse.course_id).where(PlanCourse.plan_id == plan.id)))
    before = facts(plan, courses)
    for key in FIELDS:
        setattr(plan, key, getattr(draft, key))
    plan.description_html = render_markdown(plan.description_md)
    plan.version += 1
    session.flush()
    _set_courses(session, plan, draft.course_ids)
    after = facts(plan, draft.course_ids)
    changed = [key for key in after if before[key] != after[key]]
    details = {"before": {key: before[key] for key in changed}, "after": {key: after[key] for key in changed}}
    _record(session, plan, actor, "plan.update", details, now)
    return plan


def save_tier(
    session: Session, *, code: str, name: str, rank: int, benefits: str, actor: Actor, now: dt.datetime
) -> Tier:
    """Make a tier, or change the one of this code; what it was is kept in the audit log."""
    if not rules.SLUG.fullmatch(code) or len(code) > 40:
        raise Invalid(N_("Use small letters, digits and single dashes."), field="code")
    known = members.tier_by_code(session, code)
    before = {"name": known.name, "rank": known.rank, "benefits": known.benefits} if known else None
    tier = members.ensure_tier(session, code=code, name=name.strip(), rank=rank, benefits=benefits.strip())
    store.record(
        session,
        actor=actor,
        action="tier.update" if before else "tier.create",
        target=f"tier:{tier.id}",
        now=now,
        summary=tier.name,
        details={
            "before": before,
            "after": {"name": tier.name, "rank": tier.rank, "benefits": tier.benefits},
        },
    )
    return tier


def facts(plan: Plan, course_ids: Sequence[int]) -> dict[str, Any]:
    """A plan as the audit log keeps it."""
    shown = {key: getattr(plan, key) for key in FIELDS}
    shown = {
        key: value.isoformat() if isinstance(value, dt.datetime) else value for key, value in shown.items()
    }
    return {**shown, "course_ids": sorted(course_ids)}


def _was_issued(session: Session, plan_id: int) -> bool:
    return session.scalar(select(Pass.id).where(Pass.plan_id == plan_id).limit(1)) is not None


def _check_references(session: Session, draft: PlanDraft) -> None:
    if draft.tier_id is not None and session.get(Tier, draft.tier_id) is None:
        raise Invalid(N_("There is no such tier."), field="tier_id")
    if draft.group_line_id is not None:
        line = session.get(GroupLine, draft.group_line_id)
        if line is None or line.kind == "core":
            raise Invalid(
                N_("A pass leads into a group line that is not a core group."), field="group_line_id"
            )
    if draft.course_ids:
        known = set(session.scalars(select(Course.id).where(Course.id.in_(draft.course_ids))))
        if set(draft.course_ids) - known:
            raise Invalid(N_("There is no such course."), field="course_ids")


def _set_courses(session: Session, plan: Plan, course_ids: Sequence[int]) -> None:
    session.execute(delete(PlanCourse).where(PlanCourse.plan_id == plan.id))
    if course_ids:
        session.execute(
            insert(PlanCourse), [{"plan_id": plan.id, "course_id": one} for one in sorted(set(course_ids))]
        )
    session.expire(plan, ["courses"])


def _record(
    session: Session, plan: Plan, actor: Actor, action: str, details: dict[str, Any], now: dt.datetime
) -> None:
    store.record(
        session,
        actor=actor,
        action=action,
        target=f"plan:{plan.id}",
        now=now,
        summary=plan.title,
        details=details,
    )
