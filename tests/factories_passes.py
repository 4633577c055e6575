"""Plans and passes for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qunclub import passes
from qunclub.courses.models import Course
from qunclub.groups.models import GroupLine
from qunclub.kernel import Actor
from qunclub.members.models import Member, Tier
from qunclub.passes.models import Pass, Plan
from tests.factories import Make


def plan(
    make: Make,
    *,
    slug: str = "",
    title: str = "",
    price: int = 19_900,
    currency: str = "CNY",
    line: GroupLine | None = None,
    tier: Tier | None = None,
    courses: Sequence[Course] = (),
    **values: Any,
) -> Plan:
    """A plan on sale for CNY 199.00 without group, tier or course unless given."""
    serial = make.next()
    return passes.create_plan(
        make.session,
        slug=slug or f"plan-{serial}",
        title=title or f"Plan {serial}",
        price=price,
        currency=currency,
        group_line_id=line.id if line else None,
        tier_id=tier.id if tier else None,
        course_ids=[one.id for one in courses],
        actor=Actor.system("test"),
        now=make.now,
        **values,
    )


def pass_(
    make: Make, plan: Plan | None = None, of: Member | None = None, *, source: str = "", **values: Any
) -> Pass:
    """A pass of *plan* held by *of* (new ones unless given), with number, seat and ticket."""
    sold = plan or make.plan()
    holder = of or make.member()
    return passes.issue(
        make.session,
        member_id=holder.id,
        plan_id=sold.id,
        source=source or f"test:{make.next()}",
        now=values.pop("now", make.now),
        actor=Actor.system("test"),
    )
