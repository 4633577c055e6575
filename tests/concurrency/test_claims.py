"""A claim code gives its pass once: two who claim it, a claim against a revocation, a claim against a refund."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from qunclub import orders
from qunclub.kernel import Actor, Conflict
from qunclub.orders import services_claims, services_codes
from qunclub.orders.models_selling import ClaimCode
from tests.concurrency.races import (
    Order,
    Pass,
    Payment,
    Plan,
    fetch,
    findings,
    meeting,
    number_of,
    race_was_seen,
    refused,
    unexpected,
)
from tests.support.concurrency import concurrently, succeeded

ADMIN = Actor("a", "Admin", roles=frozenset({"admin"}))


def redeem(session, code, member, now):
    actor = Actor(member.user_key, member.name, member_id=member.id)
    return services_claims.redeem(session, code=code, member_id=member.id, now=now, actor=actor).id


def one_code(make, **values):
    plan = make.plan(gift_max=10, stock=20, **values)
    order = make.gift(plan)
    return plan, order, make.claim_codes(order)[0]


def race_of_claimers(db, make, now, *, locked, people=8):
    plan, order, code = one_code(make)
    claimers = [make.member() for _ in range(people)]
    with meeting(Order, people, locked=locked):
        outcomes = concurrently(
            db, people, lambda session, index: redeem(session, code.code, claimers[index], now)
        )
    return plan, order, outcomes


def test_8_claimers_of_one_code(db, make, now):
    plan, _order, outcomes = race_of_claimers(db, make, now, locked=True)
    assert unexpected(outcomes, Conflict) == []
    assert len(succeeded(outcomes)) == 1
    assert number_of(db, Pass) == 1
    assert fetch(db, Plan, plan.id).sold == 1
    assert findings(db, now) == []


def test_control_without_the_lock_more_than_one_tries(db, make, now):
    _plan, _order, outcomes = race_of_claimers(db, make, now, locked=False)
    # The unique source of the pass is the last guard: the database turns the others away, or a pass is given twice.
    assert race_was_seen(db, outcomes, lambda: number_of(db, Pass) > 1 or bool(findings(db, now)))
    assert refused(outcomes) or len(succeeded(outcomes)) > 1


def test_one_claimer_clicking_8_times_has_one_pass(db, make, now):
    _plan, _order, code = one_code(make)
    lin = make.member()
    outcomes = concurrently(db, 8, lambda session: redeem(session, code.code, lin, now), retry=True)
    assert unexpected(outcomes) == []
    assert len(set(outcomes)) == 1
    assert findings(db, now) == []


def test_two_codes_claimed_at_once_by_one_member_add_up(db, make, now):
    plan = make.plan(gift_max=10, validity_days=30)
    codes = [make.claim_codes(make.gift(plan))[0].code for _ in range(6)]
    lin = make.member()
    outcomes = concurrently(db, 6, lambda session, index: redeem(session, codes[index], lin, now), retry=True)
    assert unexpected(outcomes) == []
    assert len(set(outcomes)) == 1
    held = fetch(db, Pass, outcomes[0])
    assert (held.ends_at - held.starts_at).days == 180
    assert fetch(db, Plan, plan.id).sold == 1
    assert findings(db, now) == []


def revoke_against_claims(db, make, now, *, locked, rounds=6):
    plan = make.plan(gift_max=10, stock=20)
    buyer = make.member()
    order = make.gift(plan, buyer, quantity=rounds)
    codes = make.claim_codes(order)
    claimers = [make.member() for _ in range(rounds)]

    def act(session, index):
        code, who = codes[index // 2], claimers[index // 2]
        if index % 2:
            return redeem(session, code.code, who, now)
        return services_codes.revoke_code(
            session, code_id=code.id, member_id=buyer.id, now=now, actor=ADMIN
        ).id

    with meeting(Order, 2 * rounds, locked=locked):
        outcomes = concurrently(db, 2 * rounds, act)
    return plan, outcomes


def test_claims_against_revocations(db, make, now):
    plan, outcomes = revoke_against_claims(db, make, now, locked=True)
    assert unexpected(outcomes, Conflict) == []
    # Of each code either the claim or the revocation.
    assert len(succeeded(outcomes)) == 6
    assert number_of(db, ClaimCode, ClaimCode.state == "claimed") == number_of(db, Pass)
    assert fetch(db, Plan, plan.id).sold == number_of(db, Pass)
    assert findings(db, now) == []


def test_control_claims_against_revocations_without_the_lock(db, make, now):
    plan, outcomes = revoke_against_claims(db, make, now, locked=False)
    sold_wrong = fetch(db, Plan, plan.id).sold != number_of(db, Pass)
    assert race_was_seen(db, outcomes, lambda: sold_wrong or len(succeeded(outcomes)) > 6)


@pytest.mark.parametrize("quantity", [4])
def test_claims_against_the_refund_of_the_whole_order(db, make, now, quantity):
    plan = make.plan(gift_max=10, stock=20)
    order = make.gift(plan, quantity=quantity)
    codes = make.claim_codes(order)
    claimers = [make.member() for _ in range(quantity)]
    with db.session() as session:
        payment = session.scalars(select(Payment).where(Payment.order_id == order.id)).one()

    def act(session, index):
        if index < quantity:
            return redeem(session, codes[index].code, claimers[index], now)
        return orders.refund(
            session, payment_id=payment.id, amount=payment.amount, reason="x", key="k", actor=ADMIN, now=now
        ).id

    outcomes = concurrently(db, quantity + 1, act, retry=True)
    assert unexpected(outcomes, Conflict) == []
    assert not isinstance(outcomes[-1], Exception)
    # All the money is back: no code is open, and no pass that one gave still holds.
    assert number_of(db, Pass, Pass.state == "active") == 0
    assert number_of(db, ClaimCode, ClaimCode.state == "open") == 0
    assert fetch(db, Plan, plan.id).sold == 0
    assert findings(db, now) == []
