"""Claim codes: written down with the order, opened by its payment, claimed once, revoked, sent."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from qunclub import orders
from qunclub.groups.models import Seat
from qunclub.kernel import Actor, Conflict, Invalid, NotFound
from qunclub.kernel.outbox import OutboxMessage
from qunclub.kernel.store import AuditEntry
from qunclub.orders import doctor, rules_claims, services_claims, services_codes
from qunclub.orders.models import Order, OrderEvent, Payment
from qunclub.orders.models_selling import ClaimCode
from qunclub.orders.rules_claims import Recipient, recipients_of
from qunclub.passes.models import Pass, PassTerm, Plan

ADMIN = Actor("a", "Admin", roles=frozenset({"admin"}))


def redeem(session, code, member, now):
    actor = Actor(member.user_key, member.name, member_id=member.id)
    return services_claims.redeem(session, code=code, member_id=member.id, now=now, actor=actor)


def healthy(session, now):
    assert [finding.message for finding in doctor.check(session, now)] == []


def mails(session, template="gift"):
    rows = session.scalars(
        select(OutboxMessage).where(OutboxMessage.kind == "mail").order_by(OutboxMessage.id)
    )
    return [row.payload for row in rows if row.payload["template"] == template]


class TestList:
    def test_names_and_addresses_one_a_line(self):
        typed = "Lin, lin@example.com\n\n 何然；he@example.com；生日快乐\nonly@example.com\nBo\nx@example.com，小 X\n"
        assert recipients_of(typed, most=5, message="Hi") == (
            Recipient("Lin", "lin@example.com", "Hi"),
            Recipient("何然", "he@example.com", "生日快乐"),
            Recipient("", "only@example.com", "Hi"),
            Recipient("Bo", "", "Hi"),
            Recipient("小 X", "x@example.com", "Hi"),
        )

    def test_a_copied_table(self):
        assert recipients_of("Lin\tlin@example.com", most=1) == (Recipient("Lin", "lin@example.com"),)

    def test_the_line_that_is_wrong_is_named(self):
        with pytest.raises(Invalid, match="Line 2") as caught:
            recipients_of("Lin\nBo, bo@nowhere", most=5)
        assert caught.value.field == "recipients"

    def test_more_people_than_passes(self):
        with pytest.raises(Invalid, match="3 for 2"):
            recipients_of("a\nb\nc", most=2)

    def test_a_message_alone_is_for_everybody(self):
        assert recipients_of("", most=2, message="Hi") == (Recipient(message="Hi"),) * 2


class TestLife:
    def test_codes_open_with_the_payment(self, session, make, now):
        plan = make.plan(gift_max=10, stock=5)
        order = make.gift(
            plan, quantity=3, recipients=[Recipient("Lin", "lin@example.com", "Enjoy")], paid=False
        )
        codes = make.claim_codes(order)
        assert [code.state for code in codes] == ["unpaid"] * 3
        assert all(len(code.code) == rules_claims.CODE_LENGTH for code in codes)
        assert len({code.code for code in codes}) == 3
        assert mails(session) == []
        orders.record_payment(
            session,
            order_code=order.code,
            provider="stripe",
            ref="pi_1",
            method="card",
            amount=order.total,
            currency="CNY",
            now=now,
            actor=ADMIN,
        )
        assert [code.state for code in make.claim_codes(order)] == ["open"] * 3
        assert session.scalars(select(Pass)).all() == []
        assert session.get_one(Plan, plan.id).sold == 3
        sent = mails(session)
        assert [(mail["to"], mail["context"]["name"], mail["context"]["message"]) for mail in sent] == [
            ("lin@example.com", "Lin", "Enjoy")
        ]
        assert make.claim_codes(order)[0].sent_at == now
        healthy(session, now)

    def test_whoever_claims_gets_the_pass_once(self, session, make, now):
        plan = make.plan(gift_max=10, line=make.group_line())
        order = make.gift(plan, quantity=2)
        code = make.claim_codes(order)[0]
        lin = make.member()
        typed = rules_claims.spaced(code.code).lower()
        held = redeem(session, typed, lin, now)
        assert (held.member_id, held.plan_id, held.state) == (lin.id, plan.id, "active")
        assert held.source == f"order:{code.line_id}:1"
        assert lin.number is not None
        assert session.scalars(select(Seat).where(Seat.member_id == lin.id)).one().state == "admitted"
        claimed = make.claim_codes(order)[0]
        assert (claimed.state, claimed.claimed_by, claimed.pass_id) == ("claimed", lin.id, held.id)
        assert session.get_one(Plan, plan.id).sold == 2
        # A second click of the same member leads to the same pass; anybody else is refused.
        assert redeem(session, code.code, lin, now).id == held.id
        with pytest.raises(Conflict, match="used already"):
            redeem(session, code.code, make.member(), now)
        notes = session.scalars(select(OrderEvent.note).where(OrderEvent.order_id == order.id)).all()
        assert services_claims.CLAIMED_NOTE in notes
        healthy(session, now)

    def test_nobody_guesses(self, session, make, now):
        make.gift()
        with pytest.raises(NotFound):
            redeem(session, "A" * 20, make.member(), now)

    def test_an_unpaid_code_gives_nothing(self, session, make, now):
        code = make.claim_codes(make.gift(paid=False))[0]
        with pytest.raises(Conflict, match="not paid"):
            redeem(session, code.code, make.member(), now)

    def test_a_disputed_order_gives_nothing_for_now(self, session, make, now):
        order = make.gift()
        session.get_one(Order, order.id).disputed = True
        with pytest.raises(Conflict, match="looked into"):
            redeem(session, make.claim_codes(order)[0].code, make.member(), now)

    def test_who_holds_it_with_an_end_gets_more_time(self, session, make, now):
        plan = make.plan(gift_max=10, validity_days=30, stock=10)
        lin = make.member()
        held = make.paid_order(plan, lin)
        order = make.gift(plan)
        code = make.claim_codes(order)[0]
        before = session.scalars(select(Pass).where(Pass.member_id == lin.id)).one()
        end = before.ends_at
        got = redeem(session, code.code, lin, now)
        assert got.id == before.id
        assert got.ends_at == end + dt.timedelta(days=30)
        assert session.get_one(Plan, plan.id).sold == 1
        assert not services_claims.is_own(session, got, code=code.code)
        assert held.state == "paid"
        healthy(session, now)

    def test_who_holds_it_for_life_keeps_the_code_open(self, session, make, now):
        plan = make.plan(gift_max=10)
        lin = make.member()
        make.paid_order(plan, lin)
        order = make.gift(plan)
        with pytest.raises(Conflict, match="stays open"):
            redeem(session, make.claim_codes(order)[0].code, lin, now)
        assert make.claim_codes(order)[0].state == "open"
        healthy(session, now)

    def test_until_a_date_it_is_held_already(self, session, make, now):
        plan = make.plan(gift_max=10, valid_until=now + dt.timedelta(days=90))
        lin = make.member()
        make.paid_order(plan, lin)
        with pytest.raises(Conflict, match="stays open"):
            redeem(session, make.claim_codes(make.gift(plan))[0].code, lin, now)

    def test_two_codes_of_two_orders_follow_each_other(self, session, make, now):
        plan = make.plan(gift_max=10, validity_days=30)
        lin = make.member()
        first, second = (make.claim_codes(make.gift(plan))[0] for _ in range(2))
        one = redeem(session, first.code, lin, now)
        assert redeem(session, second.code, lin, now).id == one.id
        assert one.ends_at == now + dt.timedelta(days=60)
        assert len(session.scalars(select(PassTerm).where(PassTerm.pass_id == one.id)).all()) == 2
        healthy(session, now)


class TestRevoking:
    def test_an_open_code_ends_and_its_pass_is_back_on_sale(self, session, make, now):
        plan = make.plan(gift_max=10, stock=2)
        buyer = make.member()
        order = make.gift(plan, buyer, quantity=2)
        code = make.claim_codes(order)[0]
        for _ in range(2):
            services_codes.revoke_code(
                session, code_id=code.id, member_id=buyer.id, now=now, actor=make.actor(buyer)
            )
        assert session.get_one(Plan, plan.id).sold == 1
        with pytest.raises(Conflict, match="revoked"):
            redeem(session, code.code, make.member(), now)
        assert session.scalars(select(AuditEntry).where(AuditEntry.action == "code.revoke")).all() == []
        healthy(session, now)

    def test_an_admins_hand_is_audited(self, session, make, now):
        code = make.claim_codes(make.gift())[0]
        services_codes.revoke_code(session, code_id=code.id, member_id=None, now=now, actor=ADMIN)
        session.flush()
        assert session.scalars(select(AuditEntry).where(AuditEntry.action == "code.revoke")).one()

    def test_a_claimed_code_cannot_be_revoked(self, session, make, now):
        buyer = make.member()
        code = make.claim_codes(make.gift(of=buyer))[0]
        redeem(session, code.code, make.member(), now)
        with pytest.raises(Conflict, match="used already"):
            services_codes.revoke_code(session, code_id=code.id, member_id=buyer.id, now=now, actor=ADMIN)

    def test_other_peoples_codes_are_not_there(self, session, make, now):
        code = make.claim_codes(make.gift())[0]
        other = make.member()
        act = {"code_id": code.id, "member_id": other.id, "now": now, "actor": make.actor(other)}
        with pytest.raises(NotFound):
            services_codes.revoke_code(session, **act)
        with pytest.raises(NotFound):
            services_codes.renew(session, seen=code.code, **act)
        with pytest.raises(NotFound):
            services_codes.send(session, seen="", **act)
        with pytest.raises(NotFound):
            services_codes.name_recipient(session, name="", email="", message="", **act)

    def test_a_code_that_went_astray_is_replaced_once(self, session, make, now):
        buyer = make.member()
        code = make.claim_codes(make.gift(of=buyer))[0]
        old = code.code
        act = {"code_id": code.id, "member_id": buyer.id, "seen": old, "now": now, "actor": make.actor(buyer)}
        new = services_codes.renew(session, **act).code
        assert new != old
        assert services_codes.renew(session, **act).code == new
        with pytest.raises(NotFound):
            redeem(session, old, make.member(), now)
        assert redeem(session, new, make.member(), now).state == "active"
        healthy(session, now)

    def test_a_refund_takes_the_open_codes_and_the_claimed_pass(self, session, make, now):
        order = make.gift(quantity=2)
        codes = make.claim_codes(order)
        held = redeem(session, codes[0].code, make.member(), now)
        payment = session.scalars(select(Payment).where(Payment.order_id == order.id)).one()
        orders.refund(
            session, payment_id=payment.id, amount=payment.amount, reason="x", key="k", actor=ADMIN, now=now
        )
        assert session.get_one(Pass, held.id).state == "revoked"
        assert make.claim_codes(order)[1].state == "revoked"
        assert session.get_one(Plan, held.plan_id).sold == 0
        with pytest.raises(Conflict):
            redeem(session, codes[1].code, make.member(), now)
        healthy(session, now)


class TestSending:
    @pytest.fixture
    def buyer(self, make):
        return make.member()

    @pytest.fixture
    def code(self, make, buyer):
        return make.claim_codes(make.gift(of=buyer))[0]

    def name(self, session, code, buyer, now, email="lin@example.com"):
        services_codes.name_recipient(
            session,
            code_id=code.id,
            member_id=buyer.id,
            name="Lin",
            email=email,
            message="Enjoy",
            now=now,
            actor=ADMIN,
        )

    def send(self, session, code, buyer, now, seen=""):
        return services_codes.send(
            session, code_id=code.id, member_id=buyer.id, seen=seen, now=now, actor=ADMIN
        )

    def test_two_clicks_send_one_mail(self, session, code, buyer, now):
        self.name(session, code, buyer, now)
        assert self.send(session, code, buyer, now) is True
        assert self.send(session, code, buyer, now) is False
        assert len(mails(session)) == 1

    def test_again_after_a_while(self, session, code, buyer, now):
        self.name(session, code, buyer, now)
        self.send(session, code, buyer, now)
        seen = services_codes.mark(code)
        with pytest.raises(Conflict, match="ten minutes"):
            self.send(session, code, buyer, now + dt.timedelta(minutes=9), seen)
        assert self.send(session, code, buyer, now + dt.timedelta(minutes=10), seen) is True
        assert len(mails(session)) == 2

    def test_somebody_else_is_sent_it_at_once(self, session, code, buyer, now):
        self.name(session, code, buyer, now)
        self.send(session, code, buyer, now)
        self.name(session, code, buyer, now, "bo@example.com")
        assert self.send(session, code, buyer, now + dt.timedelta(seconds=1)) is True
        assert [mail["to"] for mail in mails(session)] == ["lin@example.com", "bo@example.com"]

    def test_nobody_named(self, session, code, buyer, now):
        with pytest.raises(Invalid):
            self.send(session, code, buyer, now)
        with pytest.raises(Invalid) as caught:
            self.name(session, code, buyer, now, "nonsense")
        assert caught.value.field == "email"

    def test_all_that_were_not_sent(self, session, make, buyer, now):
        order = make.gift(of=buyer, quantity=3, recipients=[Recipient("Lin", "lin@example.com")])
        code = make.claim_codes(order)[1]
        self.name(session, code, buyer, now, "bo@example.com")
        send_all = {"order_code": order.code, "member_id": buyer.id, "now": now}
        assert services_codes.send_all(session, **send_all) == 1
        assert services_codes.send_all(session, **send_all) == 0
        with pytest.raises(NotFound):
            services_codes.send_all(session, **{**send_all, "member_id": make.member().id})


def test_a_failed_refund_that_is_fulfilled_again_opens_the_codes_again(session, make, now):
    plan = make.plan(gift_max=5, stock=5)
    order = make.gift(plan, quantity=2)
    lin = make.member()
    codes = make.claim_codes(order)
    redeem(session, codes[0].code, lin, now)
    payment = session.scalars(select(Payment).where(Payment.order_id == order.id)).one()
    orders.refund(
        session, payment_id=payment.id, amount=payment.amount, reason="x", key="k", actor=ADMIN, now=now
    )
    from qunclub.orders import services_refunds

    services_refunds.refuse(session, key="k", error="no", actor=ADMIN, now=now)
    orders.fulfil_attention(session, order_code=order.code, actor=ADMIN, now=now)
    assert [code.state for code in make.claim_codes(order)] == ["open", "open"]
    assert session.get_one(Plan, plan.id).sold == 2
    again = redeem(session, codes[0].code, lin, now)
    assert again.source == f"order:{codes[0].line_id}:1:2"
    assert session.get_one(Plan, plan.id).sold == 2
    assert session.scalars(select(ClaimCode.state).where(ClaimCode.id == codes[0].id)).one() == "claimed"
    healthy(session, now)
