"""What goes back with the money, for each kind of thing that is sold; and that the preview says exactly that."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from qunclub import orders
from qunclub.groups.models import Seat
from qunclub.kernel import Conflict, NotFound, Stale
from qunclub.orders import (
    queries_refunds,
    services,
    services_refund_effects,
    services_refunds,
)
from qunclub.orders.models import Payment
from qunclub.orders.models_selling import Coupon, CouponUse
from qunclub.passes.models import Pass
from tests.orders.refunding import (
    ADMIN,
    DAY,
    STRIPE,
    as_shown,
    give_back,
    healthy,
    look,
    payment_of,
)


class TestNew:
    def test_everything_that_hangs_on_the_pass(self, session, make, now):
        line = make.group_line(capacities=(1,), repeat_last=False)
        plan = make.plan(line=line, tier=make.tier(), courses=[make.course(title="Writing")], stock=2)
        order, other = make.paid_order(plan), make.paid_order(plan)
        shown = look(session, order, now=now)
        (one,) = shown.facts["ends"]
        assert (one["seat"], one["next"], one["courses"], one["tier"]) == (
            "ends",
            True,
            ["Writing"],
            "Ordinary",
        )
        give_back(session, order, now=now)
        assert as_shown(session, shown, now)
        # The one who waited has the seat now.
        assert {seat.state for seat in session.scalars(select(Seat))} == {"removed", "admitted"}
        assert other.state == "paid"
        assert healthy(session, now)

    def test_a_waiting_place_ends(self, session, make, now):
        line = make.group_line(capacities=(1,), repeat_last=False)
        plan = make.plan(line=line)
        make.paid_order(plan)
        order = make.paid_order(plan)
        shown = look(session, order, now=now)
        assert shown.facts["ends"][0]["seat"] == "place_ends"
        give_back(session, order, now=now)
        assert as_shown(session, shown, now)
        assert healthy(session, now)

    def test_what_another_pass_keeps_stays(self, session, make, now):
        line, course = make.group_line(), make.course(title="Writing")
        high, low = make.tier(name="High", rank=5), make.tier(name="Low", rank=1)
        buyer = make.member()
        kept = make.plan(line=line, courses=[course], tier=low, title="The other")
        make.paid_order(kept, buyer)
        order = make.paid_order(
            make.plan(line=line, courses=[course, make.course(title="More")], tier=high), buyer
        )
        shown = look(session, order, now=now)
        (one,) = shown.facts["ends"]
        assert one["seat"] == "kept"
        assert one["courses"] == ["More"]
        assert one["kept"] == [["Writing", "The other"]]
        assert (one["tier"], one["tier_after"]) == ("High", "Low")
        give_back(session, order, now=now)
        assert as_shown(session, shown, now)
        assert healthy(session, now)

    def test_a_coupon_stays_used(self, session, make, now):
        coupon = make.coupon("SAVE", percent=50, max_uses=1)
        order = make.paid_order(make.plan(), coupons=("SAVE",))
        assert payment_of(session, order).amount == 9_950
        give_back(session, order, now=now)
        assert (order.state, order.refunded) == ("refunded", 9_950)
        assert session.get_one(Coupon, coupon.id, populate_existing=True).used == 1
        assert session.scalars(select(CouponUse.state)).all() == ["used"]
        assert healthy(session, now)


class TestRenewal:
    @pytest.fixture
    def renewed(self, session, make, now):
        plan = make.plan(validity_days=30, courses=[make.course()])
        buyer = make.member()
        first = make.paid_order(plan, buyer)
        second = make.paid_order(plan, buyer, now=now + DAY)
        held = session.scalars(select(Pass)).one()
        assert services.lines_of(session, second)[0].kind == "renewal"
        assert held.ends_at == now + 60 * DAY
        return first, second, held

    def test_only_that_term_goes(self, session, make, now, renewed):
        _, second, held = renewed
        later = now + 2 * DAY
        shown = look(session, second, now=later)
        assert shown.facts["ends"] == []
        assert shown.facts["shorter"][0]["after"] == (now + 30 * DAY).isoformat()
        give_back(session, second, now=later)
        assert as_shown(session, shown, later)
        assert (held.state, second.state) == ("active", "refunded")
        assert healthy(session, later)

    def test_the_first_term_goes_and_the_renewal_comes_forward(self, session, make, now, renewed):
        first, _, _ = renewed
        later = now + 10 * DAY
        shown = look(session, first, now=later)
        assert shown.facts["shorter"][0]["after"] == (now + 40 * DAY).isoformat()
        give_back(session, first, now=later)
        assert as_shown(session, shown, later)
        assert healthy(session, later)

    def test_both_end_it(self, session, make, now, renewed):
        first, second, held = renewed
        give_back(session, second, now=now + DAY, key="a")
        shown = look(session, first, now=now + DAY)
        assert [one["pass"] for one in shown.facts["ends"]] == [held.id]
        give_back(session, first, now=now + DAY, key="b")
        assert as_shown(session, shown, now + DAY)
        assert healthy(session, now + DAY)

    def test_a_renewal_whose_old_time_is_used_up_ends_the_pass(self, session, make, now, renewed):
        _, second, held = renewed
        later = now + 45 * DAY
        shown = look(session, second, now=later)
        assert [one["pass"] for one in shown.facts["ends"]] == [held.id]
        give_back(session, second, now=later)
        assert as_shown(session, shown, later)
        assert session.get_one(Pass, held.id).state == "expired"

    def test_one_that_fails_to_go_back_is_given_again(self, session, make, now, renewed):
        _, second, held = renewed
        later = now + 2 * DAY
        give_back(session, second, now=later)
        services_refunds.answer(session, key="k", ref="re_1", status="failed", actor=STRIPE, now=later)
        assert second.state == "needs_attention"
        assert session.get_one(Pass, held.id, populate_existing=True).ends_at == now + 30 * DAY
        orders.fulfil_attention(session, order_code=second.code, now=later, actor=ADMIN)
        assert session.get_one(Pass, held.id, populate_existing=True).ends_at == now + 60 * DAY
        assert healthy(session, later)


class TestUpgrade:
    @pytest.fixture
    def upgraded(self, session, make, now):
        base = make.plan(price=10_000, title="Ordinary pass", courses=[make.course(title="One")])
        better = make.plan(price=30_000, title="Diehard pass", upgrades_from=(base.id,))
        buyer = make.member()
        first = make.paid_order(base, buyer)
        second = make.paid_order(better, buyer)
        assert services.lines_of(session, second)[0].kind == "upgrade"
        assert second.total == 20_000
        return first, second

    def test_the_upgrade_goes_back_first(self, session, make, now, upgraded):
        first, second = upgraded
        shown = look(session, first, now=now)
        assert shown.facts["upgrades"] == [second.code]
        with pytest.raises(Conflict, match=second.code):
            give_back(session, first, now=now)
        # A part of it ends nothing.
        give_back(session, first, 100, now=now, key="part")
        give_back(session, second, now=now, key="two")
        assert {held.state for held in session.scalars(select(Pass))} == {"active", "revoked"}
        give_back(session, first, now=now, key="one")
        assert (first.state, second.state) == ("refunded", "refunded")
        assert healthy(session, now)

    @pytest.mark.parametrize("how", ["dashboard", "dispute"])
    def test_nobody_asks_when_the_money_is_gone_already(self, session, make, now, upgraded, how):
        first, second = upgraded
        paid = payment_of(session, first)
        if how == "dashboard":
            told = make.told_refund(paid.ref, 10_000)
            orders.handle_notification(session, notification=told, payload="{}", now=now)
        else:
            services_refunds.take_back_for_dispute(
                session, payment_id=paid.id, amount=10_000, ref="dp_1", now=now, actor=STRIPE
            )
        assert first.state == "refunded"
        assert (second.state, second.attention) == (
            "needs_attention",
            services_refund_effects.UPGRADE_BASE_GONE,
        )
        assert sorted(held.state for held in session.scalars(select(Pass))) == ["active", "revoked"]
        assert healthy(session, now)
        # The admin keeps it: the buyer has what the upgrade gave.
        orders.add_note(session, order_code=second.code, text="Kept", close=True, actor=ADMIN, now=now)
        assert second.state == "paid"


class TestSeen:
    def test_a_changed_effect_is_shown_again(self, session, make, now):
        buyer, course = make.member(), make.course(title="One")
        order = make.paid_order(make.plan(courses=[course]), buyer)
        seen = look(session, order, now=now).digest
        make.paid_order(make.plan(courses=[course]), buyer)
        with pytest.raises(Stale):
            give_back(session, order, now=now, seen=seen)
        assert order.refunded == 0
        give_back(session, order, now=now)
        assert order.state == "refunded"

    def test_the_same_key_again_is_the_same_refund_whatever_it_would_do_now(self, session, make, now):
        order = make.paid_order()
        seen = look(session, order, 100, now=now).digest
        taken = {payment_of(session, order).id: 100}
        both = [
            services_refunds.give_back(
                session,
                order_id=order.id,
                taken=taken,
                reason="",
                key="k",
                actor=ADMIN,
                now=now,
                seen=seen,
            )[0].id
            for _ in range(2)
        ]
        assert both[0] == both[1]
        assert order.refunded == 100


class TestSeveralPayments:
    def test_all_of_them_at_once(self, session, make, now):
        order = make.paid_order()
        orders.record_payment(
            session,
            order_code=order.code,
            provider="offline",
            ref="bank-1",
            method="bank",
            amount=500,
            currency="CNY",
            now=now,
            actor=STRIPE,
        )
        taken = {ident: amount for ident, amount in session.execute(select(Payment.id, Payment.amount))}
        shown = queries_refunds.preview(session, order, taken=taken, now=now)
        assert [back["by_hand"] for back in shown.facts["backs"]] == [False, True]
        made = services_refunds.give_back(
            session, order_id=order.id, taken=taken, reason="", key="k", actor=ADMIN, now=now
        )
        assert [one.state for one in made] == ["requested", "settled"]
        assert (order.state, order.refunded) == ("refunded", 20_400)
        assert queries_refunds.done(session, order, "k").facts == shown.facts
        assert healthy(session, now)

    def test_only_ones_own_payments(self, session, make, now):
        order, other = make.paid_order(), make.paid_order()
        with pytest.raises(NotFound):
            services_refunds.give_back(
                session,
                order_id=order.id,
                taken={payment_of(session, other).id: 1},
                reason="",
                key="k",
                actor=ADMIN,
                now=now,
            )
