"""Recurring memberships: renewed once, open in their days of grace, ended once, whatever is told and in which order."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from qunclub import passes
from qunclub.kernel import Actor, Conflict, NotFound
from qunclub.kernel.outbox import OutboxMessage
from qunclub.orders import (
    doctor_recurring,
    rules_subscriptions,
    services,
    services_payments,
    services_refunds,
    services_renewals,
    services_subscriptions,
)
from qunclub.orders.models import Order, OrderEvent, Payment
from qunclub.orders.models_selling import Subscription
from qunclub.passes.models import Pass
from tests.factories_recurring import MONTH

STRIPE = Actor.system("stripe")
DAY = dt.timedelta(days=1)


def held_by(session, found):
    return session.get_one(Pass, found.pass_id, populate_existing=True)


def renew(session, make, found, number=2, *, now=None, **changes):
    invoice = make.charge(found, number, **changes)
    return services_renewals.renewal(session, invoice=invoice, now=now or make.now + MONTH, actor=STRIPE)


def fail(session, make, found, number=2, *, now=None):
    return services_renewals.sync(
        session,
        state=make.recurring(found, status="past_due"),
        invoice=make.unpaid_charge(found, number),
        now=now or make.now + MONTH,
        actor=STRIPE,
    )


def mails(session):
    rows = session.scalars(
        select(OutboxMessage).where(OutboxMessage.kind == "mail").order_by(OutboxMessage.id)
    )
    return [row.payload["template"] for row in rows]


def wishes(session):
    query = select(OutboxMessage.key).where(OutboxMessage.kind == "subscription_cancel")
    return list(session.scalars(query))


def healthy(session, now):
    session.flush()
    assert [finding.message for finding in doctor_recurring.check(session, now)] == []


def test_the_first_payment_begins_it(session, make):
    found = make.membership()
    held = held_by(session, found)
    assert (found.state, found.amount, found.interval, found.provider) == ("active", 3_000, "month", "stripe")
    assert held.ends_at == found.period_ends_at == make.now + MONTH
    assert held.renews
    assert held.grace_until == held.ends_at + 7 * DAY
    healthy(session, make.now)


def test_an_order_without_membership_begins_none(session, make):
    order = make.order()
    assert services_subscriptions.linked(session, order, ref="sub_x", now=make.now) is None
    assert order.subscription_id is None


def test_a_second_membership_for_one_order_is_ended_at_the_gateway(session, make):
    found = make.membership()
    order = make.founding(found)
    services_subscriptions.linked(session, order, ref="sub_other", now=make.now)
    assert wishes(session) == ["subscription_cancel:sub_other"]
    assert found.ref != "sub_other"


class TestRenewal:
    def test_is_an_order_of_its_own_that_extends_the_pass(self, session, make):
        found = make.membership()
        assert renew(session, make, found) == "renewed"
        orders = session.scalars(
            select(Order).where(Order.subscription_id == found.id).order_by(Order.id)
        ).all()
        first, second = orders
        assert (second.kind, second.state, second.total, second.member_id) == (
            "renewal",
            "paid",
            3_000,
            first.member_id,
        )
        assert second.invoice_ref == f"in_{found.ref}_2"
        assert second.receipt_no == first.receipt_no + 1
        paid = session.scalars(select(Payment).where(Payment.order_id == second.id)).one()
        assert (paid.ref, paid.amount, paid.fulfils) == (f"pi_{found.ref}_2", 3_000, True)
        held = held_by(session, found)
        assert held.ends_at == found.period_ends_at == make.now + 2 * MONTH
        assert held.grace_until == held.ends_at + 7 * DAY
        assert session.scalars(select(Pass)).all() == [held]
        story = session.scalars(select(OrderEvent.note).where(OrderEvent.order_id == second.id)).all()
        assert story[-1] == services_renewals.RENEWED_NOTE
        healthy(session, make.now + MONTH)

    def test_once_however_often_it_is_told(self, session, make):
        found = make.membership()
        assert [renew(session, make, found) for _ in range(3)] == ["renewed", "already", "already"]
        assert len(session.scalars(select(Order)).all()) == 2
        assert held_by(session, found).ends_at == make.now + 2 * MONTH

    def test_told_in_the_wrong_order(self, session, make):
        found = make.membership()
        later = make.now + 3 * MONTH
        assert renew(session, make, found, 3, now=later) == "renewed"
        assert held_by(session, found).ends_at == make.now + 3 * MONTH
        assert renew(session, make, found, 2, now=later) == "renewed"
        assert held_by(session, found).ends_at == found.period_ends_at == make.now + 3 * MONTH
        assert len(session.scalars(select(Order).where(Order.kind == "renewal")).all()) == 2
        healthy(session, make.now + 2 * MONTH)

    def test_of_nobody_here(self, session, make):
        found = make.membership()
        assert renew(session, make, found, subscription_ref="sub_elsewhere") == "unknown_order"
        assert len(session.scalars(select(Order)).all()) == 1

    def test_before_its_first_payment_was_told(self, session, make):
        order = make.order(make.monthly())
        found = session.get_one(Subscription, order.subscription_id)
        assert (found.state, found.ref) == ("pending", None)
        told = make.charge(found, 2, subscription_ref="sub_new", order_code=order.code)
        assert services_renewals.renewal(session, invoice=told, now=make.now, actor=STRIPE) == "waiting"

    def test_of_a_pass_that_was_revoked_is_put_before_an_admin(self, session, make):
        found = make.membership()
        passes.revoke(session, pass_id=found.pass_id, reason="x", now=make.now, actor=make.actor())
        assert renew(session, make, found) == "attention"
        order = session.scalars(select(Order).order_by(Order.id.desc()).limit(1)).one()
        assert (order.state, order.attention) == ("needs_attention", rules_subscriptions.NO_PASS)
        paid = session.scalars(select(Payment).where(Payment.order_id == order.id)).one()
        assert (paid.amount, paid.fulfils) == (3_000, False)
        assert "order_attention" in mails(session)
        assert renew(session, make, found) == "already"

    def test_of_a_suspended_pass_counts(self, session, make):
        found = make.membership()
        passes.suspend(session, pass_ids=[found.pass_id], reason="x", now=make.now, actor=STRIPE)
        assert renew(session, make, found) == "renewed"
        held = held_by(session, found)
        assert (held.state, held.ends_at) == ("suspended", make.now + 2 * MONTH)

    def test_its_refund_ends_the_membership(self, session, make):
        found = make.membership()
        renew(session, make, found)
        paid = session.scalars(select(Payment).order_by(Payment.id.desc()).limit(1)).one()
        services_refunds.refund(
            session,
            payment_id=paid.id,
            amount=3_000,
            reason="",
            key="k",
            actor=make.actor(),
            now=make.now + MONTH,
        )
        session.flush()
        assert (found.state, found.end_reason) == ("ended", rules_subscriptions.END_REFUNDED)
        assert wishes(session) == [f"subscription_cancel:{found.id}:1"]
        held = held_by(session, found)
        assert not held.renews or held.state not in ("active", "suspended")
        healthy(session, make.now + MONTH)


class TestFailure:
    def test_opens_the_grace_and_tells_the_member(self, session, make):
        found = make.membership()
        assert fail(session, make, found) == "past_due"
        assert found.state == "past_due"
        assert found.past_due_since == make.now + MONTH
        assert found.grace_until == found.period_ends_at + 7 * DAY
        assert found.pay_url == "https://pay.example/in"
        held = held_by(session, found)
        assert (held.state, held.grace_until) == ("active", found.grace_until)
        assert mails(session).count("renewal_failed") == 1
        assert fail(session, make, found) == "already"
        assert mails(session).count("renewal_failed") == 1
        healthy(session, make.now + MONTH)

    def test_told_after_it_was_paid_is_nothing(self, session, make):
        found = make.membership()
        renew(session, make, found)
        assert fail(session, make, found) == "already"
        assert found.state == "active"

    def test_paid_within_the_grace_loses_nothing(self, session, make):
        found = make.membership()
        fail(session, make, found)
        within = make.now + MONTH + 5 * DAY
        passes.expire_due(session, within)
        assert renew(session, make, found, now=within) == "renewed"
        assert (found.state, found.grace_until, found.past_due_since, found.pay_url) == (
            "active",
            None,
            None,
            "",
        )
        held = held_by(session, found)
        assert (held.state, held.ends_at) == ("active", make.now + 2 * MONTH)
        healthy(session, within)

    def test_notices_come_once_each(self, session, make):
        found = make.membership()
        fail(session, make, found)
        for hours in range(0, 8 * 24, 6):
            services_renewals.remind(session, found, now=make.now + MONTH + dt.timedelta(hours=hours))
        assert [name for name in mails(session) if name.startswith("renewal")] == [
            "renewal_failed",
            "renewal_reminder",
            "renewal_reminder",
        ]

    def test_the_pass_closes_when_the_grace_has_passed(self, session, make):
        found = make.membership()
        fail(session, make, found)
        over = found.grace_until
        assert not services_renewals.lapse(session, subscription_id=found.id, now=over - DAY, actor=STRIPE)
        passes.expire_due(session, over - DAY)
        assert held_by(session, found).state == "active"
        passes.expire_due(session, over)
        assert held_by(session, found).state == "expired"
        assert services_renewals.lapse(session, subscription_id=found.id, now=over, actor=STRIPE)
        assert (found.state, found.end_reason) == ("ended", rules_subscriptions.END_LAPSED)
        assert len(wishes(session)) == 1
        healthy(session, over)
        # Money that comes after all is kept for an admin.
        assert renew(session, make, found, now=over + DAY) == "attention"

    def test_a_bad_address_to_pay_at_is_not_kept(self, session, make):
        found = make.membership()
        told = make.unpaid_charge(found, 2, pay_url="javascript:alert(1)")
        services_renewals.failed(session, found, invoice=told, now=make.now + MONTH, actor=STRIPE)
        assert (found.state, found.pay_url) == ("past_due", "")


class TestEnd:
    def test_cancelled_by_the_member_stays_open_until_paid(self, session, make):
        found = make.membership()
        member = make.actor()
        key = services_subscriptions.cancel(session, subscription_id=found.id, now=make.now, actor=member)
        assert key == f"subscription_cancel:{found.id}:1"
        assert (found.state, found.cancel_at_end, found.cancelled_at) == ("active", True, make.now)
        held = held_by(session, found)
        assert (held.renews, held.grace_until, held.state) == (False, None, "active")
        assert (
            services_subscriptions.cancel(session, subscription_id=found.id, now=make.now, actor=member) == ""
        )
        healthy(session, make.now)

    def test_resumed_before_the_end(self, session, make):
        found = make.membership()
        services_subscriptions.cancel(session, subscription_id=found.id, now=make.now, actor=make.actor())
        key = services_subscriptions.resume(
            session, subscription_id=found.id, now=make.now, actor=make.actor()
        )
        assert key == f"subscription_cancel:{found.id}:2"
        held = held_by(session, found)
        assert held.renews and held.ends_at is not None
        assert held.grace_until == held.ends_at + 7 * DAY
        assert (
            services_subscriptions.resume(session, subscription_id=found.id, now=make.now, actor=make.actor())
            == ""
        )

    def test_not_resumed_after_the_end(self, session, make):
        found = make.membership()
        services_subscriptions.cancel(session, subscription_id=found.id, now=make.now, actor=make.actor())
        with pytest.raises(Conflict):
            services_subscriptions.resume(
                session, subscription_id=found.id, now=make.now + MONTH, actor=make.actor()
            )

    def test_ended_at_once_is_not_charged_again_and_runs_to_its_end(self, session, make):
        found = make.membership()
        key = services_subscriptions.cancel(
            session, subscription_id=found.id, at_end=False, now=make.now, actor=make.actor()
        )
        assert key
        assert (found.state, found.ended_at, found.end_reason) == (
            "ended",
            make.now,
            rules_subscriptions.END_CANCELLED,
        )
        held = held_by(session, found)
        assert (held.state, held.renews, held.grace_until) == ("active", False, None)
        with pytest.raises(Conflict):
            services_subscriptions.cancel(session, subscription_id=found.id, now=make.now, actor=make.actor())

    def test_one_that_has_not_begun_cannot_be_cancelled(self, session, make):
        order = make.order(make.monthly())
        with pytest.raises(Conflict):
            services_subscriptions.cancel(
                session, subscription_id=order.subscription_id, now=make.now, actor=make.actor()
            )
        with pytest.raises(NotFound):
            services_subscriptions.cancel(session, subscription_id=999, now=make.now, actor=make.actor())

    def test_ended_by_the_gateway_has_no_grace(self, session, make):
        found = make.membership()
        gone = make.recurring(found, status="ended", ended_at=make.now + DAY)
        assert (
            services_renewals.sync(session, state=gone, invoice=None, now=make.now + DAY, actor=STRIPE)
            == "ended"
        )
        assert (found.state, found.end_reason) == ("ended", rules_subscriptions.END_GATEWAY)
        held = held_by(session, found)
        assert (held.state, held.renews, held.grace_until) == ("active", False, None)
        assert wishes(session) == []
        again = services_renewals.sync(session, state=gone, invoice=None, now=make.now + DAY, actor=STRIPE)
        assert again == "updated"
        healthy(session, make.now + DAY)

    def test_its_last_charge_told_with_the_end_still_counts(self, session, make):
        found = make.membership()
        gone = make.recurring(found, status="ended")
        services_renewals.sync(
            session, state=gone, invoice=make.charge(found, 2), now=make.now + MONTH, actor=STRIPE
        )
        assert found.state == "ended"
        assert held_by(session, found).ends_at == make.now + 2 * MONTH
        healthy(session, make.now + MONTH)

    def test_cancelled_in_the_gateways_dashboard(self, session, make):
        found = make.membership()
        told = make.recurring(found, cancel_at_end=True)
        services_renewals.sync(session, state=told, invoice=None, now=make.now, actor=STRIPE)
        assert found.cancel_at_end
        assert not held_by(session, found).renews

    def test_a_wish_the_gateway_does_not_know_yet_stands(self, session, make):
        found = make.membership()
        services_subscriptions.cancel(session, subscription_id=found.id, now=make.now, actor=make.actor())
        services_renewals.sync(
            session,
            state=make.recurring(found, cancel_at_end=False),
            invoice=None,
            now=make.now,
            actor=STRIPE,
        )
        assert found.cancel_at_end


def test_a_payment_after_the_order_was_called_off_begins_nothing(session, make):
    order = make.order(make.monthly())
    services.cancel(session, order_code=order.code, now=make.now, actor=make.actor())
    paid = make.checkout(
        order, subscription_ref="sub_late", customer_ref="cus", period_ends_at=make.now + MONTH
    )
    outcome = services_payments.settle_checkout(
        session, provider="stripe", checkout=paid, now=make.now, actor=STRIPE
    )
    assert outcome.kind == "attention"
    found = session.get_one(Subscription, order.subscription_id)
    assert (found.state, found.ref, found.pass_id) == ("pending", "sub_late", None)
    # The gateway goes on charging until the money is given back: the sweeper then ends it there.
    assert renew(session, make, found) == "attention"
    healthy(session, make.now)
