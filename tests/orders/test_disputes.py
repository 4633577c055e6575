"""Disputes: what a disputed payment bought is suspended, then opens again or ends, in whatever order notices come."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from qunclub import orders, passes
from qunclub.kernel import Actor, Conflict
from qunclub.kernel.outbox import OutboxMessage
from qunclub.kernel.payments import RefundNotice
from qunclub.members.models import Member
from qunclub.orders import (
    doctor_recurring,
    rules_disputes,
    services_claims,
    services_disputes,
    services_refunds,
    services_renewals,
)
from qunclub.orders.models import Order, OrderEvent, Payment, Refund
from qunclub.orders.models_money import Dispute
from qunclub.orders.models_selling import ClaimCode
from qunclub.orders.rules_selling import Purchase
from qunclub.passes.models import Pass
from tests.factories_recurring import MONTH

STRIPE = Actor.system("stripe")


@pytest.fixture
def order(make):
    return make.paid_order(make.plan(line=make.group_line()), ref="pi_1")


@pytest.fixture
def tell(session, make):
    """Tells of a dispute about the payment ``pi_1``."""

    def told(status="open", amount=19_900, **changes):
        payment_ref = changes.pop("payment_ref", "pi_1")
        notice = make.disputed(payment_ref, amount, status, **changes)
        outcome = services_disputes.notice(session, told=notice, now=make.now, actor=STRIPE)
        session.expire_all()
        return outcome

    return told


def states(session):
    return [held.state for held in session.scalars(select(Pass).order_by(Pass.id))]


def notes(session, order):
    return list(session.scalars(select(OrderEvent.note).where(OrderEvent.order_id == order.id)))


def dashboard_refund(session, make, ref, amount):
    """Only the gateway itself can give back what is disputed."""
    told = RefundNotice("re_1", "succeeded", amount, None, "CNY")
    services_refunds.notice(
        session, provider="stripe", payment_ref=ref, told=told, actor=STRIPE, now=make.now
    )
    session.expire_all()


def mails(session):
    rows = session.scalars(
        select(OutboxMessage).where(OutboxMessage.kind == "mail").order_by(OutboxMessage.id)
    )
    return [row.payload["template"] for row in rows]


@pytest.fixture(autouse=True)
def healthy(session, make):
    yield
    session.flush()
    assert [finding.message for finding in doctor_recurring.check(session, make.now)] == []


def test_an_open_one_suspends_what_was_bought(session, make, order, tell):
    assert tell(due_at=make.now + dt.timedelta(days=7)) == "disputed"
    assert states(session) == ["suspended"]
    assert (order.state, order.disputed) == ("paid", True)
    found = session.scalars(select(Dispute)).one()
    assert (found.state, found.amount, found.reason, found.due_at) == (
        "open", 19_900, "fraudulent", make.now + dt.timedelta(days=7),
    )  # fmt: skip
    assert rules_disputes.OPEN_NOTE in notes(session, order)
    assert mails(session)[-1] == "dispute_opened"


def test_won_opens_it_again(session, order, tell):
    tell()
    assert tell("won") == "won"
    assert states(session) == ["active"]
    assert not order.disputed
    assert session.scalars(select(Dispute)).one().closed_at is not None
    assert mails(session)[-1] == "dispute_over"


def test_lost_ends_it_and_writes_the_money_down(session, make, order, tell):
    tell()
    assert tell("lost") == "lost"
    assert states(session) == ["revoked"]
    assert (order.state, order.disputed, order.refunded) == ("refunded", False, 19_900)
    gone = session.scalars(select(Refund)).one()
    assert (gone.key, gone.amount, gone.state) == ("dispute:dp_1", 19_900, "settled")
    assert session.scalars(select(OutboxMessage.key).where(OutboxMessage.kind == "refund")).all() == []


def test_an_inquiry_is_only_written_down(session, order, tell):
    assert tell("inquiry") == "inquiry"
    assert (states(session), order.disputed) == (["active"], False)
    assert tell("won") == "won"
    assert rules_disputes.INQUIRY_OVER_NOTE in notes(session, order)
    assert "dispute_over" not in mails(session)


def test_an_inquiry_becomes_a_dispute(session, order, tell):
    tell("inquiry")
    assert tell("open") == "disputed"
    assert states(session) == ["suspended"]


@pytest.mark.parametrize(
    ("told", "came_to"),
    [
        (["open", "open"], ["disputed", "already"]),
        (["won", "open"], ["won", "already"]),
        (["lost", "open", "lost"], ["lost", "already", "already"]),
        (["open", "inquiry"], ["disputed", "already"]),
        (["open", "won", "lost"], ["disputed", "won", "already"]),
    ],
)
def test_repeated_and_out_of_order(session, order, tell, told, came_to):
    assert [tell(status) for status in told] == came_to
    assert len(session.scalars(select(Dispute)).all()) == 1


def test_of_a_part_leaves_the_pass_when_lost(session, order, tell):
    tell(amount=5_000)
    assert states(session) == ["suspended"]
    tell("lost", amount=5_000)
    assert states(session) == ["active"]
    assert (order.state, order.refunded) == ("paid", 5_000)


def test_after_a_refund(session, make, order, tell):
    paid = session.scalars(select(Payment)).one()
    services_refunds.refund(
        session, payment_id=paid.id, amount=19_900, reason="", key="k", actor=make.actor(), now=make.now
    )
    assert tell() == "disputed"
    assert (states(session), order.state) == (["revoked"], "refunded")
    assert tell("lost") == "lost"
    assert rules_disputes.LOST_TWICE_NOTE in notes(session, order)
    assert len(session.scalars(select(Refund)).all()) == 1
    assert paid.refunded == paid.amount


def test_a_refund_while_it_is_open(session, make, order, tell):
    tell()
    dashboard_refund(session, make, "pi_1", 19_900)
    assert states(session) == ["revoked"]
    tell("won")
    assert states(session) == ["revoked"]


def test_a_refund_that_fails_after_it_was_lost(session, make, order, tell):
    """The refund had reserved the money that the bank then took."""
    paid = session.scalars(select(Payment)).one()
    services_refunds.refund(
        session, payment_id=paid.id, amount=10_000, reason="", key="k", actor=make.actor(), now=make.now
    )
    tell("lost")
    assert paid.refunded == 19_900
    services_refunds.refuse(session, key="k", error="charge_disputed", actor=STRIPE, now=make.now)
    session.expire_all()
    assert (paid.refunded, order.refunded, order.state) == (19_900, 19_900, "refunded")
    assert states(session) == ["revoked"]


def test_a_refund_that_is_told_after_it_was_lost(session, make, order, tell):
    """The other way round it is the same: the money left the club twice, and the books hold it once."""
    tell("lost")
    dashboard_refund(session, make, "pi_1", 19_900)
    dashboard_refund(session, make, "pi_1", 19_900)
    paid = session.scalars(select(Payment)).one()
    assert (paid.refunded, order.refunded, order.state) == (19_900, 19_900, "refunded")
    assert [(one.key, one.state) for one in session.scalars(select(Refund).order_by(Refund.id))] == [
        ("dispute:dp_1", "failed"),
        ("stripe:re_1", "settled"),
    ]
    assert notes(session, order).count(rules_disputes.LOST_TWICE_NOTE) == 1


def test_a_refund_of_a_part_that_is_told_after_it_was_lost(session, make, order, tell):
    tell("lost")
    dashboard_refund(session, make, "pi_1", 5_000)
    paid = session.scalars(select(Payment)).one()
    assert (paid.refunded, order.refunded) == (19_900, 19_900)
    assert [one.amount for one in session.scalars(select(Refund).order_by(Refund.id))] == [14_900, 5_000]


def test_of_a_payment_that_is_not_here_waits(session, tell):
    assert tell(payment_ref="pi_elsewhere") == "waiting"
    assert session.scalars(select(Dispute)).all() == []


def test_two_at_once(session, order, tell):
    tell(ref="dp_1", amount=9_000)
    tell(ref="dp_2", amount=9_000)
    tell("won", ref="dp_1", amount=9_000)
    assert (states(session), order.disputed) == (["suspended"], True)
    tell("won", ref="dp_2", amount=9_000)
    assert (states(session), order.disputed) == (["active"], False)


def test_of_a_renewal_suspends_the_membership_and_takes_its_time_when_lost(session, make, tell):
    found = make.membership()
    services_renewals.renewal(session, invoice=make.charge(found, 2), now=make.now, actor=STRIPE)
    ref = f"pi_{found.ref}_2"
    tell(payment_ref=ref, amount=3_000)
    assert states(session) == ["suspended"]
    tell("lost", payment_ref=ref, amount=3_000)
    held = session.scalars(select(Pass)).one()
    assert (held.state, held.ends_at) == ("active", make.now + MONTH)
    assert found.state == "ended"


def test_both_charges_of_one_pass_disputed(session, make, tell):
    found = make.membership()
    services_renewals.renewal(session, invoice=make.charge(found, 2), now=make.now, actor=STRIPE)
    first = make.founding(found)
    tell(ref="dp_1", payment_ref=f"pi_{first.code}", amount=3_000)
    tell(ref="dp_2", payment_ref=f"pi_{found.ref}_2", amount=3_000)
    tell("won", ref="dp_1", payment_ref=f"pi_{first.code}", amount=3_000)
    assert states(session) == ["suspended"]
    tell("won", ref="dp_2", payment_ref=f"pi_{found.ref}_2", amount=3_000)
    assert states(session) == ["active"]


def test_a_refund_of_the_disputed_charge_opens_what_others_paid_for(session, make, tell):
    found = make.membership()
    services_renewals.renewal(session, invoice=make.charge(found, 2), now=make.now, actor=STRIPE)
    ref = f"pi_{found.ref}_2"
    tell(payment_ref=ref, amount=3_000)
    assert states(session) == ["suspended"]
    dashboard_refund(session, make, ref, 3_000)
    assert states(session) == ["active"]
    tell("lost", payment_ref=ref, amount=3_000)
    assert states(session) == ["active"]


def test_a_dispute_of_a_charge_that_was_given_back_closes_nothing(session, make, tell):
    found = make.membership()
    services_renewals.renewal(session, invoice=make.charge(found, 2), now=make.now, actor=STRIPE)
    ref = f"pi_{found.ref}_2"
    paid = session.scalars(select(Payment).where(Payment.ref == ref)).one()
    services_refunds.refund(
        session, payment_id=paid.id, amount=3_000, reason="", key="k", actor=make.actor(), now=make.now
    )
    tell(payment_ref=ref, amount=3_000)
    assert states(session) == ["active"]


class TestGifts:
    @pytest.fixture
    def codes(self, session, make):
        buyer = make.member()
        plan = make.plan()
        plan.gift_max = 5
        session.flush()
        order = orders.place(
            session,
            member_id=buyer.id,
            purchase=Purchase(plan.id, quantity=2, gift=True),
            email=buyer.email,
            locale="en",
            now=make.now,
            actor=make.actor(buyer),
            hold_minutes=35,
        )
        orders.record_payment(
            session, order_code=order.code, provider="stripe", ref="pi_1", method="card",
            amount=order.total, currency="CNY", now=make.now, actor=STRIPE,
        )  # fmt: skip
        return session.scalars(select(ClaimCode).order_by(ClaimCode.unit)).all()

    def test_claimed_passes_close_and_open_codes_wait(self, session, make, codes, tell):
        friend = make.member()
        services_claims.redeem(
            session, code=codes[0].code, member_id=friend.id, now=make.now, actor=make.actor(friend)
        )
        tell(amount=39_800)
        assert states(session) == ["suspended"]
        with pytest.raises(Conflict):
            services_claims.redeem(
                session, code=codes[1].code, member_id=friend.id, now=make.now, actor=make.actor(friend)
            )
        tell("won", amount=39_800)
        assert states(session) == ["active"]
        other = make.member()
        services_claims.redeem(
            session, code=codes[1].code, member_id=other.id, now=make.now, actor=make.actor(other)
        )

    def test_lost_ends_all(self, session, make, codes, tell):
        friend = make.member()
        services_claims.redeem(
            session, code=codes[0].code, member_id=friend.id, now=make.now, actor=make.actor(friend)
        )
        tell(amount=39_800)
        tell("lost", amount=39_800)
        assert states(session) == ["revoked"]
        assert [code.state for code in codes] == ["claimed", "revoked"]
        assert session.get_one(Order, codes[0].order_id).state == "refunded"


def test_access_is_closed_while_it_is_open(session, make, tell):
    course = make.course()
    order = make.paid_order(make.plan(courses=[course]), ref="pi_1")
    buyer = make.actor(session.get_one(Member, order.member_id))

    def access():
        return passes.course_access(session, actor=buyer, course_ids=[course.id], now=make.now)[course.id]

    assert access().allowed
    tell()
    assert (access().allowed, access().reason) == (False, "suspended_payment")
    tell("won")
    assert access().allowed
