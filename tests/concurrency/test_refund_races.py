"""Promise 5 when many give back at once: never more than came, and each effect once."""

from __future__ import annotations

from sqlalchemy import func, select

from qunclub.kernel import Actor, Conflict, Invalid
from qunclub.kernel.payments import RefundNotice
from qunclub.kernel.store import AuditEntry
from qunclub.orders import services_claims, services_refund_effects, services_refunds
from qunclub.orders.models import Refund
from qunclub.orders.models_selling import ClaimCode
from tests.concurrency.races import (
    GATEWAY,
    Order,
    Pass,
    Payment,
    Plan,
    fetch,
    findings,
    meeting,
    number_of,
    pay,
    race_was_seen,
    unexpected,
)
from tests.support.concurrency import concurrently, succeeded

ADMIN = Actor("admin", "Ada", roles=frozenset({"admin"}))


def given_back(db, payment):
    with db.session() as session:
        return session.scalar(
            # A lost dispute that a refund took the place of is written down as failed.
            select(func.coalesce(func.sum(Refund.amount), 0)).where(
                Refund.payment_id == payment.id, Refund.state != "failed"
            )
        )


def whole(session, order, payment, now, key):
    return services_refunds.give_back(
        session,
        order_id=order.id,
        taken={payment.id: payment.amount},
        reason="",
        key=key,
        actor=ADMIN,
        now=now,
    )


def test_16_admins_give_the_whole_order_back(db, make, now):
    plan = make.plan(stock=3, line=make.group_line())
    order = make.paid_order(plan)
    payment = make.payment(order)
    outcomes = concurrently(
        db, 16, lambda session, index: whole(session, order, payment, now, f"k{index}"), retry=True
    )
    assert len(succeeded(outcomes)) == 1
    assert unexpected(outcomes, Invalid) == []
    assert given_back(db, payment) == payment.amount == fetch(db, Order, order.id).refunded
    assert (fetch(db, Plan, plan.id).sold, number_of(db, Pass, Pass.state == "revoked")) == (0, 1)
    assert number_of(db, AuditEntry, AuditEntry.action == "pass.revoke") == 1
    assert findings(db, now) == []


def all_at_once(db, make, now, *, locked):
    order = make.paid_order(make.plan(stock=3))
    payment = make.payment(order)
    told = [RefundNotice("re_dash", "succeeded", payment.amount, None, "CNY")]

    def act(session, index):
        if index % 3 == 0:
            return bool(whole(session, order, payment, now, f"k{index}"))
        if index % 3 == 1:
            return (
                services_refunds.reconcile(
                    session, provider="stripe", payment_ref=payment.ref, told=told, actor=GATEWAY, now=now
                )
                == "recorded"
            )
        made = services_refunds.take_back_for_dispute(
            session, payment_id=payment.id, amount=payment.amount, ref="dp_1", now=now, actor=GATEWAY
        )
        return made is not None

    with meeting(Payment, 9, locked=locked):
        return order, payment, concurrently(db, 9, act)


def test_the_desk_the_dashboard_and_the_bank_at_once(db, make, now):
    order, payment, outcomes = all_at_once(db, make, now, locked=True)
    assert unexpected(outcomes, Invalid, Conflict) == []
    assert True in outcomes
    assert given_back(db, payment) == payment.amount == fetch(db, Payment, payment.id).refunded
    assert fetch(db, Order, order.id).state == "refunded"
    assert number_of(db, AuditEntry, AuditEntry.action == "pass.revoke") == 1
    assert findings(db, now) == []


def test_control_without_the_lock_it_goes_back_several_times(db, make, now):
    _, payment, outcomes = all_at_once(db, make, now, locked=False)
    assert race_was_seen(db, outcomes, lambda: given_back(db, payment) > payment.amount)
    if db.kind == "postgres":
        # What the payment says is kept in bounds by the database alone; the refunds are not, and the doctor says so.
        assert fetch(db, Payment, payment.id).refunded <= payment.amount
        assert given_back(db, payment) > payment.amount
        assert findings(db, now) != []


def claim_or_refund(db, make, now, *, locked):
    order = make.paid_order(make.plan(stock=9, gift_max=3), quantity=2, gift=True)
    payment = make.payment(order)
    people = [make.member() for _ in range(4)]
    with db.session() as session:
        code = services_claims.codes_of(session, order.id)[0]

    def act(session, index):
        if index % 2:
            who = people[index // 2]
            actor = Actor(who.user_key, who.name, member_id=who.id)
            return services_claims.redeem(session, code=code.code, member_id=who.id, now=now, actor=actor).id
        return services_refunds.refund(
            session,
            payment_id=payment.id,
            amount=payment.amount // 2,
            reason="",
            key=f"k{index}",
            actor=ADMIN,
            now=now,
            code_ids=[code.id],
        ).id

    with meeting(Order, 8, locked=locked):
        return payment, code, concurrently(db, 8, act)


def test_a_code_is_claimed_or_given_back_never_both(db, make, now):
    payment, code, outcomes = claim_or_refund(db, make, now, locked=True)
    assert unexpected(outcomes, Conflict) == []
    assert len(succeeded(outcomes)) == 1
    state = fetch(db, ClaimCode, code.id).state
    assert (state, given_back(db, payment), number_of(db, Pass)) in (
        ("claimed", 0, 1),
        ("revoked", payment.amount // 2, 0),
    )
    assert findings(db, now) == []


def test_control_without_the_lock_a_code_goes_several_ways(db, make, now):
    _, _, outcomes = claim_or_refund(db, make, now, locked=False)
    assert race_was_seen(db, outcomes, lambda: len(succeeded(outcomes)) > 1)


def test_an_upgrade_is_paid_for_while_its_base_goes_back(db, make, now):
    for _ in range(3):
        buyer = make.member()
        base = make.plan(price=10_000)
        first = make.paid_order(base, buyer)
        payment = make.payment(first)
        better = make.order(make.plan(price=30_000, upgrades_from=(base.id,)), buyer)

        def act(session, index, first=first, payment=payment, better=better):
            if index:
                return pay(session, better, now).kind
            return whole(session, first, payment, now, f"k{first.id}")[0].id

        back, paid = concurrently(db, 2, act, retry=True)
        if isinstance(back, Conflict):
            assert paid == "fulfilled"
            assert fetch(db, Order, first.id).state == "paid"
        else:
            assert not isinstance(back, Exception), back
            # Either the upgrade came too late, or it was there first and could not have been refused.
            assert paid == "attention"
            assert fetch(db, Order, first.id).state == "refunded"
        assert findings(db, now) == []


def test_the_dashboard_takes_the_base_while_the_upgrade_is_paid(db, make, now):
    for _ in range(3):
        buyer = make.member()
        base = make.plan(price=10_000)
        first = make.paid_order(base, buyer)
        payment = make.payment(first)
        better = make.order(make.plan(price=30_000, upgrades_from=(base.id,)), buyer)
        told = [RefundNotice(f"re_{first.id}", "succeeded", 10_000, None, "CNY")]

        def act(session, index, payment=payment, better=better, told=told):
            if index:
                return pay(session, better, now).kind
            return services_refunds.reconcile(
                session, provider="stripe", payment_ref=payment.ref, told=told, actor=GATEWAY, now=now
            )

        outcomes = concurrently(db, 2, act, retry=True)
        assert outcomes[0] == "recorded"
        assert outcomes[1] in ("fulfilled", "attention")
        assert fetch(db, Order, first.id).state == "refunded"
        found = fetch(db, Order, better.id)
        assert found.state == "needs_attention"
        if outcomes[1] == "fulfilled":
            assert found.attention == services_refund_effects.UPGRADE_BASE_GONE
        assert findings(db, now) == []
