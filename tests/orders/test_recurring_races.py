"""Memberships under fire: one charge told by many at once, and refunds, disputes and renewals that cross."""

from __future__ import annotations

import dataclasses

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from qunclub.kernel import Actor, locks
from qunclub.orders import (
    doctor,
    services_disputes,
    services_refunds,
    services_renewals,
    services_subscriptions,
)
from qunclub.orders.models import Order, Payment
from qunclub.orders.models_selling import Subscription
from qunclub.passes.models import Pass
from tests.factories_recurring import MONTH
from tests.support.concurrency import concurrently

STRIPE = Actor.system("stripe")


def healthy(db, now):
    with db.session() as session:
        assert [finding.message for finding in doctor.check(session, now)] == []


def rows(db, model):
    with db.session() as session:
        return session.scalars(select(model).order_by(model.id)).all()


def test_one_charge_told_eight_times_at_once_is_one_renewal(db, make):
    invoice = make.charge(make.membership(), 2)

    def renew(session):
        return services_renewals.renewal(session, invoice=invoice, now=make.now, actor=STRIPE)

    outcomes = concurrently(db, 8, renew)
    assert sorted(outcomes) == ["already"] * 7 + ["renewed"]
    assert len(rows(db, Order)) == 2
    assert rows(db, Pass)[0].ends_at == make.now + 2 * MONTH
    healthy(db, make.now)


def test_without_the_lock_the_database_refuses_the_second(db, make):
    """The negative control: then it is the unique invoice that stops them, by an error."""
    invoice = make.charge(make.membership(), 2)

    def renew(session):
        return services_renewals.renewal(session, invoice=invoice, now=make.now, actor=STRIPE)

    with locks.disabled():
        outcomes = concurrently(db, 8, renew)
    assert any(isinstance(one, Exception) for one in outcomes), outcomes
    assert len(rows(db, Order)) <= 2


def test_renewals_refunds_disputes_and_cancellations_that_cross(db, make):
    members = [make.membership() for _ in range(3)]
    charges = {one.id: [make.charge(one, number) for number in (2, 3)] for one in members}
    paid = {one.order_id: one for one in rows(db, Payment)}
    first = {one.subscription_id: paid[one.id] for one in rows(db, Order)}
    told = {
        one.id: dataclasses.replace(make.disputed(first[one.id].ref, 3_000), ref=f"dp_{one.id}")
        for one in members
    }

    def act(session, index):
        found, step = members[index % 3], index // 3
        if step < 2:
            invoice = charges[found.id][step]
            return services_renewals.renewal(session, invoice=invoice, now=make.now, actor=STRIPE)
        if step == 2:
            payment_id = first[found.id].id
            return services_refunds.refund(
                session, payment_id=payment_id, amount=3_000, reason="", key=f"k{found.id}",
                actor=STRIPE, now=make.now,
            ).state  # fmt: skip
        if step == 3:
            return services_disputes.notice(session, told=told[found.id], now=make.now, actor=STRIPE)
        return services_subscriptions.cancel(
            session, subscription_id=found.id, now=make.now, actor=make_admin
        )

    make_admin = Actor("admin", "Ada", "ada@example.com", frozenset({"admin"}), None)
    outcomes = concurrently(db, 15, act, retry=True)
    broken = [one for one in outcomes if isinstance(one, IntegrityError) or "deadlock" in str(one)]
    assert not broken, broken
    assert len(rows(db, Order)) == 9
    # Given back, or, where the dispute came first and forbade it, cancelled.
    assert all(one.state == "ended" or one.cancel_at_end for one in rows(db, Subscription)), outcomes
    healthy(db, make.now)
