"""What a plan costs now: the rule by example and by property, the statement, and what cannot be kept."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunclub import passes
from qunclub.kernel import Actor, Invalid
from qunclub.passes import rules, rules_plans, services_plans
from qunclub.passes.models import PriceStep
from qunclub.passes.rules import PriceNow
from qunclub.passes.rules_plans import PlanDraft, StepDraft
from tests.support.statements import count_statements

NOW = dt.datetime(2026, 4, 15, 4, 0, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
SYSTEM = Actor.system("test")
BOTH = StepDraft(29_900, NOW + DAY, 12)
LATER = StepDraft(34_900, NOW + 9 * DAY, None)


@pytest.mark.parametrize(
    ("steps", "sold", "now", "price"),
    [
        ((), 0, NOW, PriceNow(39_900, 39_900)),
        ((BOTH,), 0, NOW, PriceNow(29_900, 39_900, NOW + DAY, 12, 39_900)),
        ((BOTH,), 11, NOW, PriceNow(29_900, 39_900, NOW + DAY, 1, 39_900)),
        ((BOTH,), 12, NOW, PriceNow(39_900, 39_900)),
        ((BOTH,), 0, NOW + DAY, PriceNow(39_900, 39_900)),
        ((BOTH, LATER), 3, NOW, PriceNow(29_900, 39_900, NOW + DAY, 9, 34_900)),
        ((BOTH, LATER), 12, NOW, PriceNow(34_900, 39_900, NOW + 9 * DAY, None, 39_900)),
        ((BOTH, LATER), 0, NOW + 9 * DAY, PriceNow(39_900, 39_900)),
        ((StepDraft(100, None, 5),), 2, NOW, PriceNow(100, 39_900, None, 3, 39_900)),
    ],
)
def test_the_price_is_that_of_the_first_step_that_holds(steps, sold, now, price):
    assert rules.price_at(39_900, steps, sold=sold, now=now) == price
    assert price.early == (price.next_price is not None)


def climbing(values, size):
    return st.lists(values, min_size=size, max_size=size, unique=True).map(sorted)


@st.composite
def ladders(draw):
    size = draw(st.integers(0, 5))
    dates = draw(climbing(st.integers(1, 100), size))
    counts = draw(climbing(st.integers(1, 100), size))
    kinds = draw(st.lists(st.sampled_from(["date", "count", "both"]), min_size=size, max_size=size))
    return tuple(
        StepDraft(
            100 + at,
            NOW + dates[at] * DAY if kind != "count" else None,
            counts[at] if kind != "date" else None,
        )
        for at, kind in enumerate(kinds)
    )


@given(ladders(), st.integers(0, 110), st.integers(0, 110))
def test_what_is_promised_as_the_next_price_comes(steps, sold, days):
    """A kept ladder only climbs: no price comes back, and the price said to hold holds until the moment said."""
    draft = PlanDraft(slug="a", title="A", price=999, currency="CNY", steps=steps)
    assert rules_plans.checked(draft) is draft
    now = NOW + days * DAY
    price = rules.price_at(999, steps, sold=sold, now=now)
    if not price.early:
        assert price.price == 999
        return
    assert price.until_at is not None or price.left is not None
    just_before = now if price.until_at is None else price.until_at - dt.timedelta(seconds=1)
    last = sold if price.left is None else sold + price.left - 1
    assert rules.price_at(999, steps, sold=last, now=just_before).price == price.price
    ended = rules.price_at(
        999, steps, sold=sold + (price.left or 0), now=price.until_at if price.until_at else now
    )
    assert ended.price == price.next_price


DRAFT = PlanDraft(slug="a-plan", title="A plan", price=19_900, currency="CNY")
STEP = StepDraft(9_900, NOW + DAY, 5)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"steps": (StepDraft(9_900),)}, "steps-0-until_at"),
        ({"steps": (StepDraft(-1, NOW),)}, "steps-0-price"),
        ({"steps": (STEP, StepDraft(9_900, NOW + DAY))}, "steps-1-until_at"),
        ({"steps": (STEP, StepDraft(9_900, None, 5))}, "steps-1-until_sold"),
        ({"steps": (STEP, StepDraft(9_900, None, 0))}, "steps-1-until_sold"),
        ({"steps": tuple(StepDraft(1, NOW + at * DAY) for at in range(13))}, "steps"),
        ({"validity_days": 3, "valid_until": NOW}, "validity"),
        ({"validity_days": 3, "interval": "month"}, "validity"),
        ({"interval": "week"}, "validity"),
        ({"valid_until": NOW, "sale_ends_at": NOW}, "valid_until"),
        ({"interval": "month", "price": 0}, "price"),
        ({"interval": "month", "steps": (StepDraft(0, NOW),)}, "steps-0-price"),
        ({"interval": "month", "gift_max": 1}, "gift_max"),
        ({"interval": "month", "upgrades_from": (1,)}, "upgrades_from"),
        ({"grace_days": 91}, "grace_days"),
        ({"per_member": 0}, "per_member"),
        ({"gift_max": 1001}, "gift_max"),
        ({"refund_days": 0}, "refund_days"),
        ({"refund_progress": 101}, "refund_progress"),
        ({"asks": ("blood_group",)}, "asks"),
    ],
)
def test_what_cannot_be_kept_names_its_field(change, field):
    assert rules_plans.checked(DRAFT) == DRAFT
    with pytest.raises(Invalid) as refused:
        rules_plans.checked(replace(DRAFT, **change))
    assert refused.value.field == field


@pytest.mark.parametrize(
    "change",
    [
        {"price": 0},
        {"currency": "JPY", "price": 500},
        {"interval": "year", "steps": (STEP,)},
        {"valid_until": NOW + DAY, "sale_ends_at": NOW},
        {"steps": (StepDraft(1, NOW + DAY), StepDraft(0, None, 3), StepDraft(50_000, NOW + 2 * DAY, 4))},
    ],
)
def test_what_can_be_kept(change):
    assert rules_plans.checked(replace(DRAFT, **change))


def test_the_price_counts_what_is_sold_and_what_is_held(session, make, now):
    plan = make.plan(price=39_900, steps=(StepDraft(29_900, None, 3), StepDraft(34_900, now + DAY)))
    assert passes.price_of(session, plan, now) == PriceNow(29_900, 39_900, None, 3, 34_900)
    passes.sell(session, plan_id=plan.id, quantity=1, now=now, held=False)
    passes.hold(session, plan_id=plan.id, quantity=1, now=now)
    assert passes.price_of(session, plan, now).left == 1
    passes.hold(session, plan_id=plan.id, quantity=1, now=now)
    assert passes.price_of(session, plan, now).price == 34_900
    passes.release(session, plan_id=plan.id, quantity=1, now=now)
    assert passes.price_of(session, plan, now).price == 29_900
    assert passes.price_of(session, plan, now + DAY).price == 29_900


def test_the_price_is_one_statement(db, make, now):
    plan = make.plan(steps=(StepDraft(1, None, 3), StepDraft(2, None, 4)))
    with db.session() as session, count_statements(db.engine) as sent:
        passes.price_of(session, plan, now)
    assert sent.count == 1


def refused(session, plan, now, **change):
    draft = replace(services_plans.draft_of(session, plan), **change)
    with pytest.raises(Invalid) as error:
        passes.update_plan(session, plan_id=plan.id, version=plan.version, draft=draft, actor=SYSTEM, now=now)
    return error.value.field


def test_a_plan_is_kept_whole_and_reads_back_as_it_was(session, make, now):
    base = make.plan()
    said = {
        "valid_until": now + 99 * DAY, "per_member": 2, "gift_max": 30, "refund_days": 7, "refund_progress": 30,
        "asks": ("name", "address"), "steps": (STEP,), "upgrades_from": (base.id,), "hidden": True, "stock": 9,
    }  # fmt: skip
    plan = make.plan(slug="whole", title="Whole", **said)
    draft = services_plans.draft_of(session, plan)
    assert {key: getattr(draft, key) for key in said} == said
    assert plan.asks == "name,address" and len(plan.link_key) >= 20
    passes.update_plan(session, plan_id=plan.id, version=1, draft=draft, actor=SYSTEM, now=now)
    assert services_plans.draft_of(session, plan) == draft
    assert session.query(PriceStep).count() == 1


def test_what_an_upgrade_and_a_membership_cannot_be(session, make, now):
    base, plan = make.plan(), make.plan()
    monthly, yen = make.plan(interval="month"), make.plan(currency="JPY", price=100)
    assert refused(session, plan, now, upgrades_from=(plan.id,)) == "upgrades_from"
    assert refused(session, plan, now, upgrades_from=(999,)) == "upgrades_from"
    assert refused(session, plan, now, upgrades_from=(monthly.id,)) == "upgrades_from"
    assert refused(session, plan, now, upgrades_from=(yen.id,)) == "upgrades_from"
    draft = replace(services_plans.draft_of(session, plan), upgrades_from=(base.id,))
    passes.update_plan(session, plan_id=plan.id, version=1, draft=draft, actor=SYSTEM, now=now)
    assert refused(session, base, now, interval="month") == "validity"
    make.pass_(monthly)
    assert refused(session, monthly, now, interval="year") == "validity"
    assert refused(session, monthly, now, interval="", validity_days=3) == "validity"
