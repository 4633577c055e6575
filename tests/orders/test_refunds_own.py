"""Buyers give an order back themselves: inside the promise, once, with the effect they saw."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from qunclub import courses, orders
from qunclub.kernel import Access, Actor, Conflict, NotFound, Stale
from qunclub.orders import (
    doctor,
    rules_refunds,
    services_claims,
    services_refunds,
    services_refunds_own,
)
from qunclub.orders.models import Order, Payment, Refund
from qunclub.passes.models import Pass
from tests.support.concurrency import concurrently, succeeded
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

DAY = dt.timedelta(days=1)
STRIPE = Actor.system("stripe")


def finish(session, member, lesson, now):
    return courses.complete_lesson(
        session,
        member_id=member.id,
        lesson_id=lesson.id,
        access=Access(True, "pass"),
        now=now,
        actor=Actor(member.user_key, member.name, member_id=member.id),
    )


def back(session, order, *, now, seen="", member_id=None):
    who = member_id or order.member_id
    return services_refunds_own.give_back_own(
        session,
        order_code=order.code,
        member_id=who,
        reason="",
        seen=seen,
        actor=Actor("m", "M", member_id=who),
        now=now,
    )


@pytest.fixture
def course(make):
    made = make.course(title="Writing")
    made_lessons = [make.lesson(made) for _ in range(4)]
    return made, made_lessons


@pytest.fixture
def plan(make, course):
    return make.plan(
        slug="master", title="Master pass", courses=[course[0]], refund_days=7, refund_progress=25, gift_max=5
    )


class TestVerb:
    def test_inside_the_promise(self, session, make, now, plan):
        order = make.paid_order(plan)
        own = services_refunds_own.standing(session, order, now + 6 * DAY)
        assert (own.answer.may, own.lessons, own.done) == (True, 4, 0)
        made = back(session, order, now=now + 6 * DAY)
        assert back(session, order, now=now + 6 * DAY)[0].id == made[0].id
        assert (order.state, order.refunded) == ("refunded", 19_900)
        assert session.scalars(select(Pass.state)).all() == ["revoked"]
        assert doctor.check(session, now) == []

    def test_too_late(self, session, make, now, plan):
        order = make.paid_order(plan)
        with pytest.raises(Conflict) as refused:
            back(session, order, now=now + 7 * DAY)
        assert refused.value.message == rules_refunds.TOO_LATE

    def test_what_was_promised_stays_promised(self, session, make, now, plan):
        order = make.paid_order(plan)
        plan.refund_days, plan.refund_progress = None, 0
        later = make.paid_order(plan)
        assert services_refunds_own.standing(session, order, now + DAY).answer.may
        own = services_refunds_own.standing(session, later, now + DAY)
        assert own.answer.reason == rules_refunds.NO_PROMISE

    def test_progress_over_all_courses(self, session, make, now, course):
        more = make.course()
        lessons = [*course[1], *(make.lesson(more) for _ in range(4))]
        buyer = make.member()
        plan = make.plan(courses=[course[0], more], refund_days=7, refund_progress=25)
        order = make.paid_order(plan, buyer)
        for lesson in lessons[:2]:
            finish(session, buyer, lesson, now)
        assert services_refunds_own.standing(session, order, now).answer.may
        finish(session, buyer, lessons[5], now)
        with pytest.raises(Conflict) as refused:
            back(session, order, now=now)
        assert refused.value.params == {"limit": 25, "percent": 38}

    def test_drafts_do_not_count(self, session, make, now, plan, course):
        course[0].state = "draft"
        order = make.paid_order(plan)
        assert services_refunds_own.standing(session, order, now).lessons == 0

    def test_somebody_elses(self, session, make, now, plan):
        order = make.paid_order(plan)
        with pytest.raises(NotFound):
            back(session, order, now=now, member_id=make.member().id)

    def test_a_gift_of_which_nothing_was_claimed(self, session, make, now, plan):
        order = make.paid_order(plan, quantity=3, gift=True)
        back(session, order, now=now)
        assert {code.state for code in services_claims.codes_of(session, order.id)} == {"revoked"}
        other = make.paid_order(plan, quantity=2, gift=True)
        code, who = services_claims.codes_of(session, other.id)[0], make.member()
        actor = Actor("x", "X", member_id=who.id)
        services_claims.redeem(session, code=code.code, member_id=who.id, now=now, actor=actor)
        with pytest.raises(Conflict) as refused:
            back(session, other, now=now)
        assert refused.value.message == rules_refunds.CLAIMED

    def test_an_upgrade_goes_back_first(self, session, make, now, plan):
        buyer = make.member()
        first = make.paid_order(plan, buyer)
        better = make.plan(price=30_000, upgrades_from=(plan.id,), refund_days=7)
        second = make.paid_order(better, buyer)
        own = services_refunds_own.standing(session, first, now)
        assert own.answer.params == {"code": second.code}
        back(session, second, now=now)
        back(session, first, now=now)
        assert doctor.check(session, now) == []

    def test_a_changed_effect_is_shown_first(self, session, make, now, plan):
        order = make.paid_order(plan)
        with pytest.raises(Stale):
            back(session, order, now=now, seen="something else")

    def test_one_that_failed_is_in_an_admins_hands(self, session, make, now, plan):
        order = make.paid_order(plan)
        key = services_refunds_own.key_of(order)
        back(session, order, now=now)
        services_refunds.answer(session, key=key, ref="re", status="failed", actor=STRIPE, now=now)
        own = services_refunds_own.standing(session, order, now)
        assert own.answer.reason == rules_refunds.IN_HANDS


class TestTransfer:
    def test_somebody_has_to_send_it(self, session, make, now, plan):
        order = make.paid_order(plan, provider="offline", ref="bank-1")
        (made,) = back(session, order, now=now)
        assert (made.state, order.state, order.attention) == (
            "requested",
            "needs_attention",
            rules_refunds.TO_SEND,
        )
        assert session.scalars(select(Pass.state)).all() == ["revoked"]
        assert doctor.check(session, now + 9 * DAY) == []
        for _ in range(2):
            services_refunds.sent(session, refund_id=made.id, actor=Actor("a", "Ada"), now=now)
        assert (made.state, order.state, order.refunded) == ("settled", "refunded", 19_900)
        assert doctor.check(session, now) == []

    def test_only_transfers_are_sent_by_hand(self, session, make, now, plan):
        (made,) = back(session, make.paid_order(plan), now=now)
        with pytest.raises(NotFound):
            services_refunds.sent(session, refund_id=made.id, actor=Actor("a", "Ada"), now=now)

    def test_the_pages(self, client, make, plan, site_db):
        person, member = make.person(name="Lin", number=True)
        order = make.paid_order(plan, member, provider="offline", ref="bank-1")
        buyer = in_language(sign_in(client, person), "en")
        where = f"/orders/{order.code}/refund"
        shown = text_of(buyer.get(where))
        assert "is sent back to you by a person" in shown
        post(buyer, where, {"seen": shown.split('name="seen" value="')[1].split('"')[0]})
        assert "Your money is on its way." in text_of(buyer.get(where))
        with site_db.session() as session:
            made = session.scalars(select(Refund)).one()
        act = f"/admin/orders/{order.code}/refunds/{made.id}/sent"
        assert post(buyer, act).status_code == 403
        admin = in_language(sign_in(client, make.account(roles=("admin",))), "en")
        page = text_of(admin.get(f"/admin/orders/{order.code}"))
        for words in ("send the money, then say so here", "It came with the reference bank-1.", act):
            assert words in page, words
        done = text_of(post(admin, act, follow_redirects=True))
        assert "The refund is done" in done
        assert "This order needs a decision" not in done
        buyer = in_language(sign_in(client, person), "en")
        assert "The money went back on" in text_of(buyer.get(where))


class TestRaces:
    def test_two_windows(self, db, make, now, plan):
        order = make.paid_order(plan)
        outcomes = concurrently(db, 8, lambda session: back(session, order, now=now)[0].id, retry=True)
        assert len(set(succeeded(outcomes))) == 1
        assert len(succeeded(outcomes)) == 8
        with db.session() as session:
            assert session.scalars(select(Refund.amount)).all() == [19_900]
            assert doctor.check(session, now) == []

    def test_the_desk_and_the_buyer_at_once(self, db, make, now, plan):
        order = make.paid_order(plan)
        paid = make.payment(order)
        admin = Actor("admin", "Ada")

        def act(session, index):
            if index % 2:
                return orders.refund(
                    session, payment_id=paid.id, amount=19_900, reason="", key="desk", actor=admin, now=now
                ).id
            return back(session, order, now=now)[0].id

        concurrently(db, 8, act, retry=True)
        with db.session() as session:
            assert session.scalars(select(Refund.amount)).all() == [19_900]
            assert session.get_one(Payment, paid.id).refunded == 19_900
            assert doctor.check(session, now) == []

    def test_lessons_done_while_it_goes_back(self, db, make, now, plan, course):
        """Whoever is first: what was done before the refund began counts, and the books agree in any case."""
        buyer = make.member(number=True)
        order = make.paid_order(plan, buyer)

        def act(session, index):
            if index:
                return finish(session, buyer, course[1][index - 1], now)
            return back(session, order, now=now)

        outcomes = concurrently(db, 4, act, retry=True)
        with db.session() as session:
            found = session.get_one(Order, order.id)
            refused = isinstance(outcomes[0], Conflict)
            assert found.state == ("paid" if refused else "refunded")
            assert not isinstance(outcomes[0], Exception) or refused
            assert doctor.check(session, now) == []

    def test_lessons_done_before_always_count(self, db, make, now, plan, course):
        buyer = make.member(number=True)
        order = make.paid_order(plan, buyer)
        outcomes = concurrently(db, 3, lambda s, n: finish(s, buyer, course[1][n], now), retry=True)
        assert len(succeeded(outcomes)) == 3
        outcomes = concurrently(db, 4, lambda session: back(session, order, now=now), retry=True)
        assert all(isinstance(one, Conflict) for one in outcomes)


class TestPages:
    @pytest.fixture
    def buyer(self, make):
        return make.person(name="Lin", number=True)

    @pytest.fixture
    def mine(self, client, buyer):
        return in_language(sign_in(client, buyer[0]), "en")

    def test_the_whole_way(self, mine, make, buyer, plan, site_db):
        order = make.paid_order(plan, buyer[1])
        page = text_of(mine.get(f"/orders/{order.code}"))
        assert "You can give this order back yourself until" in page
        assert "up to 25 % of the lessons done" in page
        shown = text_of(mine.get(f"/orders/{order.code}/refund"))
        for words in (
            "CN¥199.00",
            "goes back the way it came",
            "The pass Master pass.",
            "Access to the course Writing.",
            "The number, homework and reviews",
            "0 of 4 (0 %)",
        ):
            assert words in shown, words
        seen = shown.split('name="seen" value="')[1].split('"')[0]
        where = f"/orders/{order.code}/refund"
        for _ in range(2):
            assert post(mine, where, {"seen": seen, "reason": "Too hard"}).location == where
        done = text_of(mine.get(where))
        assert "Your money is on its way." in done
        assert "What has ended:" in done
        with site_db.session() as session:
            assert session.scalars(select(Refund.reason)).all() == ["Too hard"]
        page = text_of(mine.get(f"/orders/{order.code}"))
        assert "You gave this order back." in page
        assert "You can give this order back" not in page

    def test_why_not(self, mine, make, buyer, plan, clock):
        order = make.paid_order(plan, buyer[1])
        clock.advance(days=8)
        page = text_of(mine.get(f"/orders/{order.code}/refund"))
        assert "It could be given back until Apr 22, 2026 12:00." in page
        assert "Give it back now" not in page
        refused = post(mine, f"/orders/{order.code}/refund", {"seen": "x"})
        assert "It could be given back until" in text_of(refused)

    def test_without_a_promise_it_says_how_to_ask(self, mine, make, buyer):
        order = make.paid_order(make.plan(), buyer[1])
        page = text_of(mine.get(f"/orders/{order.code}"))
        assert "This pass was sold without a promise to take it back." in page

    def test_a_changed_effect_is_shown_again(self, mine, make, buyer, plan):
        order = make.paid_order(plan, buyer[1])
        answer = post(mine, f"/orders/{order.code}/refund", {"seen": "old"})
        assert answer.status_code == 409
        assert "Something changed since you looked." in text_of(answer)
        assert make.payment(order).refunded == 0

    def test_what_was_typed_is_kept(self, mine, make, buyer, plan):
        order = make.paid_order(plan, buyer[1])
        answer = post(mine, f"/orders/{order.code}/refund", {"seen": "x", "reason": "y" * 301})
        assert answer.status_code == 422
        assert "y" * 301 in text_of(answer)

    def test_only_ones_own(self, client, mine, make, plan):
        order = make.paid_order(plan)
        assert mine.get(f"/orders/{order.code}/refund").status_code == 404
        assert post(mine, f"/orders/{order.code}/refund").status_code == 404
        assert make.payment(order).refunded == 0
        assert client.application.test_client().get(f"/orders/{order.code}/refund").status_code == 303

    def test_in_chinese(self, mine, make, buyer, plan):
        order = make.paid_order(plan, buyer[1])
        page = text_of(in_language(mine, "zh").get(f"/orders/{order.code}/refund"))
        for words in ("退回这笔订单", "通行证 Master pass", "最多"):
            assert words in page, words

    def test_it_costs_the_same_with_many_courses(self, mine, make, buyer, course, site_db):
        few = make.paid_order(make.plan(courses=[course[0]], refund_days=7), buyer[1])
        many = make.paid_order(
            make.plan(courses=[make.course() for _ in range(6)], refund_days=7, line=None), buyer[1]
        )
        mine.get(f"/orders/{few.code}/refund")
        counts = []
        for order in (few, many):
            with count_statements(site_db.engine) as counted:
                mine.get(f"/orders/{order.code}/refund")
            counts.append(counted.count)
        assert counts[0] == counts[1]
        assert counts[0] < 30
