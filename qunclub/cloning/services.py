"""Taking the shape of a club out of it, looking at what a file would make, and making it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from qunclub import groups, house, members, passes, points
from qunclub.courses.models import Course
from qunclub.groups.models import GroupLine
from qunclub.groups.models_ritual import LineRitual
from qunclub.groups.models_welcome import LineWelcome
from qunclub.kernel import Actor, ClubError, NotFound, store
from qunclub.members.models import Tier
from qunclub.passes.models import Plan, PlanUpgrade

from . import fits, settings
from .rules import Broken, LineText, PlanText, RuleText, Template, TierText, in_order

State = Literal["new", "changed", "there"]


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of one thing of a file.

    Attributes:
        lacks: what it names and this club does not have: it is made without.
    """

    part: str
    key: str
    name: str
    state: State
    lacks: tuple[str, ...] = ()


def take(session: Session, *, line_id: int | None = None) -> Template:
    """The shape of the club, or of one line alone.

    Raises:
        NotFound: when there is no such line.
    """
    # What members lead beside a group is theirs, no shape of the club.
    shape = select(GroupLine).where(GroupLine.kind != "spin_off").order_by(GroupLine.id)
    lines = list(session.scalars(shape))
    if line_id is not None:
        lines = [line for line in lines if line.id == line_id]
        if not lines:
            raise NotFound()
        return Template(lines=tuple(_line(session, line) for line in lines))
    tiers = session.scalars(select(Tier).order_by(Tier.rank, Tier.id)).all()
    return Template(
        tiers=tuple(TierText(one.code, one.name, one.rank, one.benefits) for one in tiers),
        lines=tuple(_line(session, line) for line in lines),
        plans=tuple(_plans(session, {line.id: line.slug for line in lines})),
        points=tuple(
            RuleText(
                kind=kind,
                amount=rule.amount,
                honours=rule.honours,
                active=rule.active,
                day=rule.limits.day,
                season=rule.limits.season,
                steps=tuple(f"{n}:{percent}" for n, percent in rule.limits.steps),
                ring_days=rule.limits.ring_days,
            )
            for kind, rule in sorted(points.rules_in_force(session).items())
        ),
        **settings.take(session),
    )


def _line(session: Session, line: GroupLine) -> LineText:
    covenant = groups.current_covenant(session, line.id)
    asked = session.get(LineRitual, line.id)
    greets = session.get(LineWelcome, line.id)
    hours = house.schedule(session, line_id=line.id, group_id=None)
    return LineText(
        slug=line.slug,
        name=line.name,
        capacities=tuple(line.capacities),
        kind=line.kind,
        repeat_last=line.repeat_last,
        name_pattern=line.name_pattern,
        posting=line.posting,
        posting_note=line.posting_note,
        nickname_rule=line.nickname_rule,
        allocation=line.allocation,
        open_at_once=line.open_at_once,
        labels=tuple(line.labels),
        offer_hours=line.offer_hours,
        hours=tuple(house.write_windows(house.windows_of(hours)).splitlines()) if hours else (),
        slow_seconds=hours.slow_seconds if hours else 0,
        welcome=greets.mode if greets else "off",
        welcome_zh=greets.words_zh if greets else "",
        welcome_en=greets.words_en if greets else "",
        moving=line.moving,
        covenant=covenant.body_md if covenant else "",
        questions=tuple(asked.questions) if asked else (),
        task_title=asked.task_title if asked else "",
        task=asked.task_md if asked else "",
    )


def _plans(session: Session, lines: dict[int, str]) -> Iterator[PlanText]:
    query = select(Plan).options(selectinload(Plan.courses), selectinload(Plan.tier))
    every = session.scalars(query.order_by(Plan.position, Plan.id)).all()
    slugs = {plan.id: plan.slug for plan in every}
    better: dict[int, list[str]] = {}
    for row in session.scalars(select(PlanUpgrade).order_by(PlanUpgrade.plan_id, PlanUpgrade.from_plan_id)):
        better.setdefault(row.plan_id, []).append(slugs[row.from_plan_id])
    for plan in every:
        yield PlanText(
            slug=plan.slug,
            title=plan.title,
            price=plan.price,
            currency=plan.currency,
            summary=plan.summary,
            description=plan.description_md,
            tier=plan.tier.code if plan.tier else "",
            line=lines.get(plan.group_line_id or 0, ""),
            courses=tuple(course.slug for course in plan.courses),
            upgrades_from=tuple(better.get(plan.id, ())),
            stock=plan.stock,
            validity_days=plan.validity_days,
            interval=plan.interval,
            grace_days=plan.grace_days,
            per_member=plan.per_member,
            hidden=plan.hidden,
            gift_max=plan.gift_max,
            refund_days=plan.refund_days,
            refund_progress=plan.refund_progress,
            asks=tuple(part for part in plan.asks.split(",") if part),
            position=plan.position,
            seat_priority=plan.seat_priority,
        )


def look(session: Session, template: Template) -> list[Fate]:
    """What would become of each thing, in the file's order.

    Raises:
        Broken: naming a setting that cannot be read, or what the club has no room for.
    """
    fits.check(template)
    tiers = set(session.scalars(select(Tier.code)))
    lines = set(session.scalars(select(GroupLine.slug)))
    plans = set(session.scalars(select(Plan.slug)))
    courses = set(session.scalars(select(Course.slug)))
    rules = points.rules_in_force(session)
    found = [_fate("tiers", one.code, one.name, one.code in tiers) for one in template.tiers]
    found += [_fate("lines", one.slug, one.name, one.slug in lines) for one in template.lines]
    tiers |= {one.code for one in template.tiers}
    lines |= {one.slug for one in template.lines}
    for one in template.plans:
        here = plans | {other.slug for other in template.plans}
        lacks = (
            *(name for name in (one.tier,) if name and name not in tiers),
            *(name for name in (one.line,) if name and name not in lines),
            *(name for name in one.courses if name not in courses),
            *(name for name in one.upgrades_from if name not in here),
        )
        there = one.slug in plans
        found.append(Fate("plans", one.slug, one.title, "there" if there else "new", () if there else lacks))
    for rule in template.points:
        label = points.KINDS[rule.kind].label if rule.kind in points.KINDS else rule.kind
        if rule.kind not in rules:
            found.append(Fate("points", rule.kind, label, "there", (rule.kind,)))
        else:
            state: State = "there" if _same(rule, rules[rule.kind]) else "changed"
            found.append(Fate("points", rule.kind, label, state))
    fates = settings.states(session, template)
    return found + [Fate("settings", name, settings.LABELS[name], fate) for name, fate in fates.items()]


def _fate(part: str, key: str, name: str, there: bool) -> Fate:
    return Fate(part, key, name, "there" if there else "new")


def _same(said: RuleText, rule: points.Rule) -> bool:
    return (rule.amount, rule.honours, rule.active, rule.limits) == (
        said.amount, said.honours, said.active, _limits(said)
    )  # fmt: skip


def _limits(rule: RuleText) -> points.Limits:
    return points.Limits(rule.day, rule.season, rule.pairs(), rule.ring_days)


def bring(session: Session, template: Template, *, actor: Actor, now: dt.datetime) -> list[Fate]:
    """Make what is not there yet and set the rules of points; all of it or, on any problem, nothing.

    Passes come as drafts: an admin looks at them before they are sold.

    Raises:
        Broken: naming the thing and its field.
    """
    fates = look(session, template)
    state = {(one.part, one.key): one.state for one in fates}
    for tier in template.tiers:
        if state["tiers", tier.code] == "new":
            members.ensure_tier(
                session, code=tier.code, name=tier.name, rank=tier.rank, benefits=tier.benefits
            )
    for line in template.lines:
        if state["lines", line.slug] == "new":
            _told(f"lines: {line.slug}", lambda line=line: _make_line(session, line, actor, now))
    known = {slug: ident for slug, ident in session.execute(select(Plan.slug, Plan.id))}
    for plan in in_order([one for one in template.plans if state["plans", one.slug] == "new"]):
        _told(f"plans: {plan.slug}", lambda plan=plan: _make_plan(session, plan, known, actor, now))
    for rule in template.points:
        if state["points", rule.kind] == "changed":
            _told(f"points: {rule.kind}", lambda rule=rule: _set_rule(session, rule, actor, now))
    for name in settings.LABELS:
        if state.get(("settings", name), "there") != "there":
            _told(name, lambda name=name: settings.bring(session, template, name, actor=actor, now=now))
    store.record(
        session,
        actor=actor,
        action="club.template",
        target="settings:template",
        now=now,
        summary=", ".join(f"{one.part} {one.key}" for one in fates if one.state != "there")[:200],
        details={"made": [[one.part, one.key] for one in fates if one.state == "new"]},
    )
    session.flush()
    return fates


def _told(what: str, make: Any) -> None:
    try:
        make()
    except ClubError as error:
        named = getattr(error, "field", "")
        where = f"{what}.{named}" if named else what
        raise Broken([f"{where}: {error}"]) from None


def _make_line(session: Session, line: LineText, actor: Actor, now: dt.datetime) -> None:
    made = groups.create_line(
        session,
        slug=line.slug,
        name=line.name,
        capacities=line.capacities,
        kind=line.kind,
        repeat_last=line.repeat_last,
        name_pattern=line.name_pattern,
        posting=line.posting,
        posting_note=line.posting_note,
        nickname_rule=line.nickname_rule,
        moving=line.moving,
        covenant_md=line.covenant,
        allocation=line.allocation,
        open_at_once=line.open_at_once,
        labels=line.labels,
        offer_hours=line.offer_hours,
        actor=actor,
        now=now,
    )
    if line.questions or line.task_title or line.task:
        groups.set_ritual(
            session,
            line_id=made.id,
            version=0,
            questions_typed="\n".join(line.questions),
            task_title=line.task_title,
            task_md=line.task,
            actor=actor,
            now=now,
        )
    if (line.welcome, line.welcome_zh, line.welcome_en) != ("off", "", ""):
        groups.set_welcome(
            session,
            line_id=made.id,
            version=0,
            mode=line.welcome,
            words_zh=line.welcome_zh,
            words_en=line.welcome_en,
            actor=actor,
            now=now,
        )
    if line.hours or line.slow_seconds:
        house.set_schedule(
            session,
            line_id=made.id,
            group_id=None,
            windows=house.parse_windows("\n".join(line.hours), field="hours"),
            slow_seconds=line.slow_seconds,
            version=0,
            actor=actor,
            now=now,
        )


def _make_plan(
    session: Session, plan: PlanText, known: dict[str, int], actor: Actor, now: dt.datetime
) -> None:
    tier = members.tier_by_code(session, plan.tier) if plan.tier else None
    line = session.scalars(select(GroupLine).where(GroupLine.slug == plan.line)).one_or_none()
    courses = session.scalars(
        select(Course.id).where(Course.slug.in_(plan.courses)).order_by(Course.position)
    )
    known[plan.slug] = passes.create_plan(
        session,
        slug=plan.slug,
        title=plan.title,
        price=plan.price,
        currency=plan.currency,
        state="draft",
        course_ids=courses.all(),
        summary=plan.summary,
        description_md=plan.description,
        tier_id=tier.id if tier else None,
        group_line_id=line.id if line else None,
        stock=plan.stock,
        validity_days=plan.validity_days,
        interval=plan.interval,
        grace_days=plan.grace_days,
        per_member=plan.per_member,
        hidden=plan.hidden,
        gift_max=plan.gift_max,
        refund_days=plan.refund_days,
        refund_progress=plan.refund_progress,
        asks=plan.asks,
        upgrades_from=tuple(known[slug] for slug in plan.upgrades_from if slug in known),
        position=plan.position,
        seat_priority=plan.seat_priority,
        actor=actor,
        now=now,
    ).id


def _set_rule(session: Session, rule: RuleText, actor: Actor, now: dt.datetime) -> None:
    points.set_rule(
        session,
        kind=rule.kind,
        amount=rule.amount,
        honours=rule.honours,
        active=rule.active,
        limits=_limits(rule),
        reason="Template",
        actor=actor,
        now=now,
    )
