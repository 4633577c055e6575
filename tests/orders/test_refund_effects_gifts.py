"""The same for gifts and memberships, and for whatever was bought in whatever order."""

from __future__ import annotations

import contextlib
import datetime as dt
import random

import pytest
from sqlalchemy import select

from qunclub import orders, passes
from qunclub.kernel import Conflict, Invalid
from qunclub.orders import (
    doctor,
    services,
    services_refund_effects,
    services_refunds,
    services_renewals,
)
from qunclub.orders.models import Order
from qunclub.orders.models_selling import ClaimCode, Subscription
from qunclub.passes.models import Pass
from tests.factories_recurring import MONTH
from tests.orders.refunding import (
    ADMIN,
    DAY,
    STRIPE,
    as_shown,
    codes_of,
    give_back,
    healthy,
    look,
    redeem,
)


class TestGift:
    @pytest.fixture
    def gift(self, session, make):
        plan = make.plan(price=10_000, gift_max=10, stock=20, courses=[make.course(title="One")])
        coupon = make.coupon("CENT", amount=1)
        return make.paid_order(plan, quantity=3, gift=True, coupons=(coupon.code,))

    def test_shares_add_up_to_what_was_paid(self, session, gift):
        values = services_refund_effects.worth(session, gift)
        assert sorted(values.values()) == [9_999, 10_000, 10_000]
        assert sum(values.values()) == gift.total == 29_999

    def test_codes_one_by_one(self, session, make, now, gift):
        first, second, third = codes_of(session, gift)
        plan = services.lines_of(session, gift)[0].plan_id
        shown = look(session, gift, codes=[second.id], now=now)
        assert shown.facts["codes"][0]["worth"] == 10_000
        give_back(session, gift, codes=[second.id], now=now, key="a")
        assert as_shown(session, shown, now)
        assert (gift.state, gift.refunded) == ("paid", 10_000)
        assert session.get_one(passes.Plan, plan, populate_existing=True).sold == 2
        assert healthy(session, now)
        give_back(session, gift, codes=[first.id, third.id], now=now, key="b")
        assert (gift.state, gift.refunded) == ("refunded", 29_999)
        assert session.get_one(passes.Plan, plan, populate_existing=True).sold == 0
        assert healthy(session, now)

    def test_a_code_claimed_meanwhile(self, session, make, now, gift):
        code = codes_of(session, gift)[0]
        shown = look(session, gift, codes=[code.id], now=now)
        redeem(session, make, code, now=now)
        with pytest.raises(Conflict, match="claimed"):
            services_refunds.give_back(
                session,
                order_id=gift.id,
                taken=shown.taken,
                code_ids=[code.id],
                reason="",
                key="k",
                actor=ADMIN,
                now=now,
            )
        assert gift.refunded == 0

    def test_the_whole_order_ends_claimed_passes_too(self, session, make, now, gift):
        code = codes_of(session, gift)[0]
        held = redeem(session, make, code, now=now)
        shown = look(session, gift, now=now)
        assert [one["pass"] for one in shown.facts["ends"]] == [held.id]
        assert shown.facts["ends"][0]["number"] == 1
        assert len(shown.facts["codes"]) == 2
        give_back(session, gift, now=now)
        assert as_shown(session, shown, now)
        assert gift.state == "refunded"
        assert healthy(session, now)

    def test_a_gift_that_made_a_pass_longer(self, session, make, now):
        plan = make.plan(price=10_000, gift_max=5, validity_days=30)
        someone = make.member()
        make.paid_order(plan, someone)
        order = make.paid_order(plan, quantity=2, gift=True)
        held = redeem(session, make, codes_of(session, order)[0], someone, now=now)
        assert held.ends_at == now + 60 * DAY
        shown = look(session, order, now=now)
        assert shown.facts["shorter"][0]["after"] == (now + 30 * DAY).isoformat()
        give_back(session, order, now=now)
        assert as_shown(session, shown, now)
        assert healthy(session, now)

    def test_a_part_given_before_lowers_what_is_left_for_codes(self, session, make, now, gift):
        give_back(session, gift, 25_000, now=now, key="kind")
        codes = [code.id for code in codes_of(session, gift)]
        give_back(session, gift, codes=codes[:1], now=now, key="code")
        assert (gift.state, gift.refunded) == ("refunded", 29_999)
        assert {code.state for code in codes_of(session, gift)} == {"revoked"}
        assert healthy(session, now)

    def test_no_codes_is_no_refund(self, session, now, gift):
        with pytest.raises(Invalid) as refused:
            services_refund_effects.for_codes(session, gift, [])
        assert refused.value.field == "codes"

    def test_one_that_fails_to_go_back_opens_again(self, session, make, now, gift):
        held = redeem(session, make, codes_of(session, gift)[0], now=now)
        give_back(session, gift, now=now)
        services_refunds.answer(session, key="k", ref="re_1", status="failed", actor=STRIPE, now=now)
        assert gift.state == "needs_attention"
        assert session.get_one(Pass, held.id, populate_existing=True).state == "revoked"
        assert {code.state for code in codes_of(session, gift)} == {"revoked", "claimed"}
        assert healthy(session, now)
        orders.fulfil_attention(session, order_code=gift.code, now=now, actor=ADMIN)
        assert {code.state for code in codes_of(session, gift)} == {"open"}
        redeem(session, make, codes_of(session, gift)[0], now=now)
        assert healthy(session, now)

    def test_codes_of_a_failed_part_stay_revoked(self, session, make, now, gift):
        code = codes_of(session, gift)[0]
        give_back(session, gift, codes=[code.id], now=now)
        services_refunds.answer(session, key="k", ref="re_1", status="failed", actor=STRIPE, now=now)
        assert (gift.state, gift.refunded) == ("needs_attention", 0)
        assert session.get_one(ClaimCode, code.id, populate_existing=True).state == "revoked"
        assert healthy(session, now)


class TestMembership:
    def test_it_is_not_charged_again(self, session, make, now):
        found = make.membership()
        order = session.scalars(select(Order)).one()
        shown = look(session, order, now=now)
        assert shown.facts["renewals"] is True
        give_back(session, order, now=now)
        assert as_shown(session, shown, now)
        assert session.get_one(Subscription, found.id, populate_existing=True).state == "ended"
        assert healthy(session, now)

    def test_a_renewal_takes_its_month_and_all_later_charges(self, session, make, now):
        found = make.membership()
        invoice = make.charge(found, 2)
        assert (
            services_renewals.renewal(session, invoice=invoice, now=now + 20 * DAY, actor=STRIPE) == "renewed"
        )
        order = session.scalars(select(Order).where(Order.kind == "renewal")).one()
        later = now + 21 * DAY
        shown = look(session, order, now=later)
        assert shown.facts["renewals"] is True
        assert shown.facts["shorter"][0]["after"] == (now + MONTH).isoformat()
        give_back(session, order, now=later)
        assert as_shown(session, shown, later)
        assert session.get_one(Subscription, found.id, populate_existing=True).state == "ended"
        assert healthy(session, later)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_was_bought_the_preview_is_what_happens(session, make, now, seed):
    """Random holdings of three members, given back in random order, each exactly as it was shown."""
    chance = random.Random(seed)
    line = make.group_line(capacities=(2,), repeat_last=False)
    taught = [make.course(title=f"Course {n}") for n in range(4)]
    tiers = [make.tier(name=f"Tier {n}", rank=n) for n in range(3)]
    plans = [
        make.plan(
            price=1_000 * (n + 1),
            line=line if chance.random() < 0.6 else None,
            courses=chance.sample(taught, chance.randint(0, 3)),
            tier=chance.choice([None, *tiers]),
            validity_days=chance.choice([None, 30]),
            gift_max=5,
        )
        for n in range(4)
    ]
    better = make.plan(price=9_000, upgrades_from=tuple(plan.id for plan in plans), line=line)
    people, moment, bought = [make.member() for _ in range(3)], now, []
    for _ in range(9):
        moment += chance.choice((dt.timedelta(0), DAY, 12 * DAY))
        passes.expire_due(session, moment)
        gift = chance.random() < 0.3
        quantity = chance.randint(1, 3) if gift else 1
        try:
            order = make.paid_order(
                better if chance.random() < 0.2 and not gift else chance.choice(plans),
                chance.choice(people),
                now=moment,
                gift=gift,
                quantity=quantity,
            )
        except Conflict:
            continue
        bought.append(order)
        for code in codes_of(session, order)[: chance.randint(0, quantity)]:
            with contextlib.suppress(Conflict):
                redeem(session, make, code, chance.choice(people), now=moment)
    chance.shuffle(bought)
    while bought:
        moment += chance.choice((dt.timedelta(0), 5 * DAY))
        passes.expire_due(session, moment)
        order = bought.pop(0)
        shown = look(session, order, now=moment)
        if shown.reach.upgrades:
            with pytest.raises(Conflict):
                give_back(session, order, now=moment, key=order.code)
            bought.append(order)
            continue
        give_back(session, order, now=moment, key=order.code)
        services_refunds.answer(
            session, key=order.code, ref=order.code, status="succeeded", actor=STRIPE, now=moment
        )
        assert as_shown(session, shown, moment)
        assert healthy(session, moment)
    assert session.scalars(select(Pass).where(Pass.state.in_(("active", "suspended")))).all() == []


def test_the_doctor_sees_what_was_not_taken_back(session, make, now):
    order = make.paid_order(make.plan(gift_max=3), quantity=2, gift=True)
    plain = make.paid_order()
    give_back(session, order, now=now, key="a")
    give_back(session, plain, now=now, key="b")
    assert healthy(session, now)
    codes_of(session, order)[0].state = "open"
    plain.refunded += 1
    from qunclub.passes.models import PassTerm

    session.scalars(select(PassTerm)).one().revoked_at = None
    session.flush()
    said = " ".join(one.message for one in doctor.check(session, now))
    for words in ("can still be used", "says 19901 was given back", "was not taken off"):
        assert words in said, said
