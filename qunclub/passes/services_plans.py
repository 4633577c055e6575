"""Plans and tiers as an admin shapes them; every change is audited with what it was before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from qunclub import members
from qunclub.courses.models import Course
from qunclub.groups.models import GroupLine
from qunclub.kernel import N_, Actor, Invalid, Stale, ids, locks, render_markdown, store
from qunclub.members.models import Tier

from . import rules_plans
from .models import Pass, Plan, PlanCourse, PlanUpgrade, PriceStep
from .queries_prices import steps_of
from .rules_plans import PlanDraft, StepDraft

FIELDS = (
    "slug", "title", "summary", "description_md", "price", "currency", "tier_id", "group_line_id", "state", "stock",
    "sale_starts_at", "sale_ends_at", "validity_days", "valid_until", "interval", "grace_days", "per_member", "hidden",
    "gift_max", "refund_days", "refund_progress", "position", "seat_priority",
)  # fmt: skip
LINK_BYTES = 18


def create_plan(
    session: Session,
    *,
    slug: str,
    title: str,
    price: int,
    currency: str,
    actor: Actor,
    now: dt.datetime,
    state: str = "on_sale",
    course_ids: Sequence[int] = (),
    **facts: Any,
) -> Plan:
    """Make a plan; *price* is in minor units of *currency*, other *facts* are those of a :class:`PlanDraft`."""
    draft = PlanDraft(
        slug=slug,
        title=title,
        price=price,
        currency=currency,
        state=state,
        course_ids=tuple(course_ids),
        **facts,
    )
    return create(session, draft=draft, actor=actor, now=now)


def create(session: Session, *, draft: PlanDraft, actor: Actor, now: dt.datetime) -> Plan:
    """Make the plan of *draft*."""
    rules_plans.checked(draft)
    _check_references(session, draft, None)
    plan = Plan(held=0, sold=0, version=1, created_at=now, **{key: getattr(draft, key) for key in FIELDS})
    _derive(plan, draft)
    session.add(plan)
    session.flush()
    _set_parts(session, plan, draft)
    _record(session, plan, actor, "plan.create", {"after": said(draft)}, now)
    return plan


def update_plan(
    session: Session, *, plan_id: int, version: int, draft: PlanDraft, actor: Actor, now: dt.datetime
) -> Plan:
    """Change a plan. Orders keep the price of their moment; passes and memberships keep what they were given.

    Raises:
        Stale: when somebody else saved it since *version* was read.
    """
    plan = locks.lock(session, Plan, plan_id)
    if plan.version != version:
        raise Stale(N_("Somebody else saved this in the meantime. Look at the new state, then save again."))
    rules_plans.checked(draft, gone=plan.held + plan.sold)
    _check_references(session, draft, plan.id)
    if (draft.group_line_id, draft.interval) != (plan.group_line_id, plan.interval) and _was_issued(
        session, plan.id
    ):
        if draft.interval != plan.interval:
            raise Invalid(
                N_("Members hold this pass; make a new one that renews otherwise."), field="validity"
            )
        raise Invalid(
            N_("Members hold this pass and their seats; make a new pass for another group line."),
            field="group_line_id",
        )
    if draft.currency != plan.currency and plan.held:
        raise Invalid(N_("Orders are waiting for payment in the old currency."), field="currency")
    before = said(draft_of(session, plan))
    for key in FIELDS:
        setattr(plan, key, getattr(draft, key))
    _derive(plan, draft)
    plan.version += 1
    session.flush()
    _set_parts(session, plan, draft)
    after = said(draft)
    changed = [key for key in after if before[key] != after[key]]
    details = {"before": {key: before[key] for key in changed}, "after": {key: after[key] for key in changed}}
    _record(session, plan, actor, "plan.update", details, now)
    return plan


def new_link(session: Session, *, plan_id: int, actor: Actor, now: dt.datetime) -> Plan:
    """Give a hidden plan another link: the one before leads nowhere any more. The audit log does not keep the key."""
    plan = locks.lock(session, Plan, plan_id)
    plan.link_key = ids.token(LINK_BYTES)
    session.flush()
    _record(session, plan, actor, "plan.link", {}, now)
    return plan


def save_tier(
    session: Session, *, code: str, name: str, rank: int, benefits: str, actor: Actor, now: dt.datetime
) -> Tier:
    """Make a tier, or change the one of this code; what it was is kept in the audit log."""
    if not rules_plans.SLUG.fullmatch(code) or len(code) > 40:
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


def draft_of(session: Session, plan: Plan) -> PlanDraft:
    """The plan as a draft that would change nothing."""
    courses = session.scalars(select(PlanCourse.course_id).where(PlanCourse.plan_id == plan.id))
    sources = session.scalars(select(PlanUpgrade.from_plan_id).where(PlanUpgrade.plan_id == plan.id))
    return PlanDraft(
        **{key: getattr(plan, key) for key in FIELDS},
        course_ids=tuple(sorted(courses)),
        upgrades_from=tuple(sorted(sources)),
        steps=tuple(
            StepDraft(step.price, step.until_at, step.until_sold)
            for step in steps_of(session, [plan.id])[plan.id]
        ),
        asks=tuple(part for part in plan.asks.split(",") if part),
    )


def said(draft: PlanDraft) -> dict[str, Any]:
    """A plan as the audit log keeps it."""
    return {
        **{key: _plain(getattr(draft, key)) for key in FIELDS},
        "asks": list(draft.asks),
        "course_ids": sorted(draft.course_ids),
        "upgrades_from": sorted(draft.upgrades_from),
        "steps": [[step.price, _plain(step.until_at), step.until_sold] for step in draft.steps],
    }


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.datetime) else value


def _derive(plan: Plan, draft: PlanDraft) -> None:
    plan.asks = ",".join(part for part in rules_plans.ASKS if part in draft.asks)
    plan.description_html = render_markdown(plan.description_md)
    if plan.hidden and not plan.link_key:
        plan.link_key = ids.token(LINK_BYTES)


def _was_issued(session: Session, plan_id: int) -> bool:
    return session.scalar(select(Pass.id).where(Pass.plan_id == plan_id).limit(1)) is not None


def _check_references(session: Session, draft: PlanDraft, plan_id: int | None) -> None:
    taken = session.scalar(select(Plan.id).where(Plan.slug == draft.slug))
    if taken is not None and taken != plan_id:
        raise Invalid(N_("This address is taken."), field="slug")
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
    _check_upgrades(session, draft, plan_id)


def _check_upgrades(session: Session, draft: PlanDraft, plan_id: int | None) -> None:
    if draft.upgrades_from:
        sources = {
            ident: (interval, currency)
            for ident, interval, currency in session.execute(
                select(Plan.id, Plan.interval, Plan.currency).where(Plan.id.in_(draft.upgrades_from))
            )
        }
        if set(draft.upgrades_from) - set(sources) or plan_id in sources:
            raise Invalid(N_("Choose from what is offered."), field="upgrades_from")
        if any(interval for interval, _ in sources.values()):
            raise Invalid(N_("A membership that renews cannot be upgraded."), field="upgrades_from")
        if any(currency != draft.currency for _, currency in sources.values()):
            raise Invalid(N_("An upgrade is paid in the currency of the pass held."), field="upgrades_from")
    if draft.interval and plan_id is not None:
        source = select(PlanUpgrade.plan_id).where(PlanUpgrade.from_plan_id == plan_id).limit(1)
        if session.scalar(source) is not None:
            raise Invalid(
                N_("Another pass is an upgrade from this one; a membership cannot be."), field="validity"
            )


def _set_parts(session: Session, plan: Plan, draft: PlanDraft) -> None:
    """The rows beside the plan: its courses, early prices and what it is an upgrade from."""
    for model in (PlanCourse, PriceStep, PlanUpgrade):
        session.execute(delete(model).where(model.plan_id == plan.id))
    if draft.course_ids:
        rows = [{"plan_id": plan.id, "course_id": one} for one in sorted(set(draft.course_ids))]
        session.execute(insert(PlanCourse), rows)
    if draft.upgrades_from:
        rows = [{"plan_id": plan.id, "from_plan_id": one} for one in sorted(set(draft.upgrades_from))]
        session.execute(insert(PlanUpgrade), rows)
    if draft.steps:
        steps = [
            {
                "plan_id": plan.id,
                "position": at,
                "price": step.price,
                "until_at": step.until_at,
                "until_sold": step.until_sold,
            }
            for at, step in enumerate(draft.steps)
        ]
        session.execute(insert(PriceStep), steps)
    session.expire(plan, ["courses", "price_steps"])


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
