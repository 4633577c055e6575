"""What may be sold, what a pass opens, who passes the door."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import pytest

from qunclub.kernel import Invalid
from qunclub.passes import rules, rules_plans
from qunclub.passes.rules_plans import PlanDraft

NOW = dt.datetime(2026, 4, 15, 4, 0, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Offer:
    state: str = "on_sale"
    stock: int | None = None
    held: int = 0
    sold: int = 0
    sale_starts_at: dt.datetime | None = None
    sale_ends_at: dt.datetime | None = None
    valid_until: dt.datetime | None = None


@pytest.mark.parametrize(
    ("offer", "reason"),
    [
        (Offer(), None),
        (Offer(state="draft"), "draft"),
        (Offer(state="closed"), "closed"),
        (Offer(sale_starts_at=NOW + DAY), "not_yet"),
        (Offer(sale_starts_at=NOW), None),
        (Offer(sale_ends_at=NOW), "ended"),
        (Offer(sale_ends_at=NOW + DAY), None),
        (Offer(valid_until=NOW), "ended"),
        (Offer(stock=10, sold=6, held=4), "sold_out"),
        (Offer(stock=10, sold=6, held=3), None),
        (Offer(stock=0), "sold_out"),
    ],
)
def test_why_a_plan_is_not_on_sale(offer, reason):
    assert rules.can_sell(offer, NOW) == reason


def test_the_stock_left_is_never_below_nothing():
    assert rules.stock_left(Offer()) is None
    assert rules.stock_left(Offer(stock=10, sold=6, held=3)) == 1
    assert rules.stock_left(Offer(stock=1, sold=2)) == 0
    assert rules.can_sell(Offer(stock=10, sold=6, held=3), NOW, quantity=2) == "sold_out"


@pytest.mark.parametrize(
    ("ticket", "seat", "suspended", "door"),
    [
        ("valid", "admitted", False, "admit"),
        ("used", "admitted", False, "used"),
        ("void", "admitted", False, "void"),
        ("valid", "waiting", False, "waiting"),
        ("valid", "left", False, "left"),
        ("used", "removed", False, "removed"),
        ("void", "removed", False, "removed"),
        ("valid", "admitted", True, "suspended"),
    ],
)
def test_what_the_door_says(ticket, seat, suspended, door):
    assert rules.admission(ticket=ticket, seat=seat, suspended=suspended) == door


DRAFT = PlanDraft(slug="a-plan", title="A plan", price=19_900, currency="CNY")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"slug": "A plan"}, "slug"),
        ({"title": " "}, "title"),
        ({"currency": "yuan"}, "currency"),
        ({"price": -1}, "price"),
        ({"state": "sold"}, "state"),
        ({"stock": 4}, "stock"),
        ({"sale_starts_at": NOW, "sale_ends_at": NOW}, "sale_ends_at"),
        ({"validity_days": 0}, "validity_days"),
    ],
)
def test_a_draft_that_cannot_be_kept_names_its_field(change, field):
    assert rules_plans.checked(DRAFT, gone=5) == DRAFT
    with pytest.raises(Invalid) as refused:
        rules_plans.checked(replace(DRAFT, **change), gone=5)
    assert refused.value.field == field
