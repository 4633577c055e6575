"""Money that went back without our asking: lost disputes, and what the gateway lists of a payment."""

from __future__ import annotations

from sqlalchemy import select

from qunclub.kernel.payments import RefundNotice
from qunclub.orders import (
    rules,
    services_refunds,
)
from qunclub.orders.models import Refund
from tests.orders.refunding import (
    STRIPE,
    give_back,
    healthy,
    payment_of,
)


class TestDispute:
    def test_it_takes_what_is_left_once(self, session, make, now):
        order = make.paid_order()
        paid = payment_of(session, order)
        give_back(session, order, 5_000, now=now)
        for _ in range(2):
            services_refunds.take_back_for_dispute(
                session, payment_id=paid.id, amount=19_900, ref="dp_1", now=now, actor=STRIPE
            )
        assert (paid.refunded, order.refunded, order.state) == (19_900, 19_900, "refunded")
        made = session.scalars(select(Refund).where(Refund.key == "dispute:dp_1")).one()
        assert (made.amount, made.state, made.to_book) == (14_900, "settled", True)
        again = services_refunds.take_back_for_dispute(
            session, payment_id=paid.id, amount=1, ref="dp_2", now=now, actor=STRIPE
        )
        assert again is None
        assert healthy(session, now)

    def test_a_part_leaves_the_pass(self, session, make, now):
        order = make.paid_order()
        services_refunds.take_back_for_dispute(
            session, payment_id=payment_of(session, order).id, amount=900, ref="dp_1", now=now, actor=STRIPE
        )
        assert (order.state, order.refunded) == ("paid", 900)
        assert healthy(session, now)


class TestReconcile:
    def tell(self, *made):
        return [RefundNotice(ref, status, amount, None, "CNY", data) for ref, status, amount, data in made]

    def run(self, session, order, told, now):
        return services_refunds.reconcile(
            session,
            provider="stripe",
            payment_ref=payment_of(session, order).ref,
            told=told,
            actor=STRIPE,
            now=now,
        )

    def test_what_is_missing_is_recorded_once(self, session, make, now):
        order = make.paid_order()
        give_back(session, order, 100, now=now, key="ours")
        told = self.tell(
            ("re_3", "succeeded", 10_000, {}),
            ("re_2", "failed", 7, {}),
            ("re_1", "succeeded", 100, {"refund": "ours"}),
        )
        assert self.run(session, order, told, now) == "recorded"
        assert order.refunded == 10_100
        assert self.run(session, order, told, now) == "known"
        assert order.refunded == 10_100
        states = session.execute(select(Refund.provider_ref, Refund.state).order_by(Refund.id)).all()
        assert [tuple(row) for row in states] == [("re_1", "settled"), ("re_3", "settled")]
        assert self.run(session, order, self.tell(("re_4", "succeeded", 9_800, {}), *()), now) == "recorded"
        assert order.state == "refunded"
        assert healthy(session, now)

    def test_it_waits_for_its_payment(self, session, now):
        told = self.tell(("re_1", "succeeded", 100, {}))
        outcome = services_refunds.reconcile(
            session, provider="stripe", payment_ref="pi_x", told=told, actor=STRIPE, now=now
        )
        assert outcome == "waiting"

    def test_one_that_failed_later(self, session, make, now):
        order = make.paid_order()
        assert self.run(session, order, self.tell(("re_1", "succeeded", 19_900, {})), now) == "recorded"
        assert self.run(session, order, self.tell(("re_1", "failed", 19_900, {})), now) == "failed"
        assert (order.state, order.attention, order.refunded) == ("needs_attention", rules.REFUND_FAILED, 0)
        assert healthy(session, now)
