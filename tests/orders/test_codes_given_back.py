"""Buyers give codes back that nobody claimed: each for its share, inside the promise, once."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from qunclub.kernel import Actor, Conflict, Invalid, NotFound, Stale
from qunclub.orders import doctor, rules_refunds, services_claims, services_refunds_own
from qunclub.orders.models import Refund
from tests.support.concurrency import concurrently, succeeded
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements


@pytest.fixture
def plan(make):
    return make.plan(
        slug="master", title="Master pass", refund_days=7, refund_progress=25, gift_max=50, price=10_000
    )


def codes_of(session, order):
    return services_claims.codes_of(session, order.id)


def claim(session, code, who, now):
    actor = Actor("x", "X", member_id=who.id)
    return services_claims.redeem(session, code=code.code, member_id=who.id, now=now, actor=actor)


def back(session, order, codes, *, now, seen="", member_id=None):
    who = member_id or order.member_id
    return services_refunds_own.give_codes_back(
        session,
        order_code=order.code,
        member_id=who,
        code_ids=[code.id for code in codes],
        reason="",
        seen=seen,
        actor=Actor("m", "M", member_id=who),
        now=now,
    )


class TestVerb:
    def test_some_then_the_rest_each_for_its_share(self, session, make, now, plan):
        order = make.paid_order(plan, quantity=4, gift=True)
        codes = codes_of(session, order)
        claim(session, codes[0], make.member(), now)
        assert [made.amount for made in back(session, order, codes[1:3], now=now)] == [20_000]
        assert [code.state for code in codes_of(session, order)] == ["claimed", "revoked", "revoked", "open"]
        assert [made.amount for made in back(session, order, codes[3:], now=now)] == [10_000]
        session.refresh(order)
        assert (order.state, order.refunded) == ("paid", 30_000)
        assert doctor.check(session, now) == []

    def test_the_same_ones_again_change_nothing(self, session, make, now, plan):
        order = make.paid_order(plan, quantity=3, gift=True)
        codes = codes_of(session, order)
        first = back(session, order, codes[:2], now=now)
        again = back(session, order, codes[:2][::-1], now=now)
        assert [made.id for made in again] == [made.id for made in first]
        with pytest.raises(Conflict):
            back(session, order, codes[1:], now=now)  # one of them is gone
        assert len(session.scalars(select(Refund)).all()) == 1

    def test_one_that_was_claimed_or_is_of_another_order(self, session, make, now, plan):
        order, other = (make.paid_order(plan, quantity=2, gift=True) for _ in range(2))
        codes = codes_of(session, order)
        claim(session, codes[0], make.member(), now)
        with pytest.raises(Conflict):
            back(session, order, codes, now=now)
        with pytest.raises((Conflict, Invalid)):
            back(session, order, [codes[1], codes_of(session, other)[0]], now=now)
        with pytest.raises(Invalid):
            back(session, order, [], now=now)
        with pytest.raises(NotFound):
            back(session, order, codes[1:], now=now, member_id=make.member().id)
        assert session.scalars(select(Refund)).all() == []

    def test_only_inside_the_promise_and_when_some_are_left(self, session, make, now, plan):
        order = make.paid_order(plan, quantity=1, gift=True)
        codes = codes_of(session, order)
        with pytest.raises(Conflict) as late:
            back(session, order, codes, now=now + dt.timedelta(days=7))
        assert late.value.message == rules_refunds.TOO_LATE
        claim(session, codes[0], make.member(), now)
        with pytest.raises(Conflict) as none:
            back(session, order, codes, now=now)
        assert none.value.message == rules_refunds.NO_CODES
        bare = make.paid_order(make.plan(gift_max=5), quantity=2, gift=True)
        with pytest.raises(Conflict) as unpromised:
            back(session, bare, codes_of(session, bare), now=now)
        assert unpromised.value.message == rules_refunds.NO_PROMISE

    def test_a_changed_effect_is_shown_first(self, session, make, now, plan):
        order = make.paid_order(plan, quantity=2, gift=True)
        with pytest.raises(Stale):
            back(session, order, codes_of(session, order)[:1], now=now, seen="old")


class TestRaces:
    def test_given_back_and_claimed_at_once(self, db, make, now, plan):
        """Either the code is claimed and nothing goes back, or it goes back and nobody has it."""
        order = make.paid_order(plan, quantity=2, gift=True)
        who = make.member()
        with db.session() as session:
            code = codes_of(session, order)[0]

        def act(session, index):
            if index % 2:
                return claim(session, code, who, now).id
            return back(session, order, [code], now=now)[0].id

        outcomes = concurrently(db, 4, act, retry=True)
        with db.session() as session:
            state = codes_of(session, order)[0].state
            refunds = session.scalars(select(Refund)).all()
            assert (state, len(refunds)) in (("claimed", 0), ("revoked", 1))
            assert succeeded(outcomes)
            assert doctor.check(session, now) == []


class TestPages:
    @pytest.fixture
    def buyer(self, make):
        return make.person(name="Lin", number=True)

    @pytest.fixture
    def mine(self, client, buyer):
        return in_language(sign_in(client, buyer[0]), "en")

    def test_the_whole_way(self, mine, make, buyer, plan, site_db, now):
        order = make.paid_order(plan, buyer[1], quantity=3, gift=True)
        with site_db.session() as session:
            first, second, third = codes_of(session, order)
        who = make.member()
        with site_db.uow() as session:
            claim(session, first, who, now)
        where = f"/orders/{order.code}/codes/refund"
        assert where in text_of(mine.get(f"/orders/{order.code}/codes"))
        assert f"…{second.code[-4:]} · CN¥100.00" in text_of(mine.get(where))
        refused = mine.get(where + "?codes=999999")
        assert refused.status_code == 422
        assert "Choose the codes to give back." in text_of(refused)
        shown = text_of(mine.get(f"{where}?codes={second.id}&codes={third.id}"))
        assert "CN¥200.00" in shown
        assert "goes back the way it came" in shown
        seen = shown.split('name="seen" value="')[1].split('"')[0]
        stale = post(mine, where, {"codes": [second.id, third.id], "seen": "old"})
        assert stale.status_code == 409
        assert "Something changed since you looked." in text_of(stale)
        targets = {
            post(mine, where, {"codes": [second.id, third.id], "seen": seen}).location for _ in range(2)
        }
        (target,) = targets
        assert "Your money is on its way." in text_of(mine.get(target))
        assert "退回" in text_of(in_language(mine, "zh").get(where))
        with site_db.session() as session:
            assert [made.amount for made in session.scalars(select(Refund))] == [20_000]

    def test_only_ones_own(self, client, mine, make, plan):
        order = make.paid_order(plan, quantity=2, gift=True)
        where = f"/orders/{order.code}/codes/refund"
        assert mine.get(where).status_code == 404
        assert post(mine, where, {"codes": [1]}).status_code == 404
        assert mine.get(where + "/abc").status_code == 404
        assert client.application.test_client().get(where).status_code == 303

    def test_it_costs_the_same_with_many_codes(self, mine, make, buyer, plan, site_db):
        few, many = (make.paid_order(plan, buyer[1], quantity=n, gift=True) for n in (2, 30))
        mine.get(f"/orders/{few.code}/codes/refund")
        counts = []
        for order in (few, many):
            with site_db.session() as session:
                chosen = "&".join(f"codes={code.id}" for code in codes_of(session, order))
            with count_statements(site_db.engine) as counted:
                assert mine.get(f"/orders/{order.code}/codes/refund?{chosen}").status_code == 200
            counts.append(counted.count)
        assert counts[0] == counts[1]
