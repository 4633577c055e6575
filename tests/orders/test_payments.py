"""Money arrives: in time, late, twice, wrong; and what is given for it."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import func, select

from qunclub import orders, passes
from qunclub.groups.models import Seat
from qunclub.kernel import Actor, Conflict, Invalid, NotFound
from qunclub.kernel.outbox import OutboxMessage
from qunclub.kernel.store import AuditEntry
from qunclub.orders import doctor, rules
from qunclub.orders.models import Order, OrderEvent, Payment
from qunclub.passes.models import Pass
from qunclub.points.models import LedgerEntry
from tests.support.statements import count_statements

GATEWAY = Actor.system("stripe")
ADMIN = Actor("admin", "Ada", roles=frozenset({"admin"}))


def pay(session, order, now, *, ref="pi_1", provider="stripe", **changes):
    values = {"amount": order.total, "currency": order.currency, "method": "card", **changes}
    return orders.record_payment(
        session, order_code=order.code, provider=provider, ref=ref, now=now, actor=GATEWAY, **values
    )


def kinds(session):
    return [
        m.key.split(":")[1]
        for m in session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "mail"))
    ]


def story(session, order):
    rows = session.execute(
        select(OrderEvent.from_state, OrderEvent.to_state)
        .where(OrderEvent.order_id == order.id)
        .order_by(OrderEvent.id)
    )
    return [tuple(row) for row in rows]


def healthy(session, now):
    session.flush()
    return [finding.message for finding in doctor.check(session, now)] == []


def passes_of(session, order):
    return list(session.scalars(select(Pass).where(Pass.member_id == order.member_id).order_by(Pass.id)))


def test_placing_holds_stock_and_the_same_click_again_is_the_same_order(session, make, now):
    plan = make.plan(stock=1)
    buyer = make.member()
    first = make.order(plan, buyer)
    assert (first.state, first.total, first.holds_stock, plan.held) == ("pending", 19_900, True, 1)
    assert first.expires_at == now + dt.timedelta(minutes=35)
    assert make.order(plan, buyer).id == first.id
    assert plan.held == 1
    with pytest.raises(Conflict):
        make.order(plan, make.member())
    assert healthy(session, now)


def test_paying_gives_everything_in_one_go(session, make, now):
    line = make.group_line(capacities=(5,))
    plan = make.plan(line=line, stock=3, tier=make.tier(name="Diehard"))
    order = make.order(plan)
    outcome = pay(session, order, now)
    held = outcome.passes[0]
    buyer = make.session.get(type(make.member()), order.member_id)
    seat = session.get(Seat, held.seat_id)
    assert outcome.kind == "fulfilled"
    assert (order.state, order.paid_at, order.holds_stock) == ("paid", now, False)
    assert (plan.held, plan.sold) == (0, 1)
    assert buyer.number == 1
    assert buyer.tier_id == plan.tier_id
    assert seat.state == "admitted"
    assert session.scalars(select(passes.EntryTicket)).one().seat_id == seat.id
    assert session.scalars(select(LedgerEntry.kind)).all() == ["pass_issued"]
    assert kinds(session) == ["receipt"]
    assert story(session, order) == [("", "pending"), ("pending", "paid")]
    assert healthy(session, now)


def test_the_same_payment_again_changes_nothing(session, make, now):
    order = make.order()
    pay(session, order, now, method="")
    again = pay(session, order, now)
    assert again.kind == "already"
    assert len(passes_of(session, order)) == 1
    payment = session.scalars(select(Payment)).one()
    assert payment.method == "card"  # what the first telling did not know
    assert healthy(session, now)


def test_one_reference_cannot_pay_two_orders(session, make, now):
    first, second = make.order(), make.order()
    pay(session, first, now)
    with pytest.raises(Conflict):
        pay(session, second, now)


def test_money_for_no_order(session, make, now):
    with pytest.raises(NotFound):
        orders.record_payment(
            session,
            order_code="NOSUCH",
            provider="stripe",
            ref="pi",
            method="",
            amount=1,
            currency="CNY",
            now=now,
            actor=GATEWAY,
        )


def test_without_seats_the_buyer_waits_and_still_has_the_pass(session, make, now):
    line = make.group_line(capacities=(1,))
    plan = make.plan(line=line)
    make.paid_order(plan)
    order = make.order(plan)
    held = pay(session, order, now).passes[0]
    assert session.get(Seat, held.seat_id).state == "waiting"
    assert held.state == "active"
    assert healthy(session, now)


@pytest.mark.parametrize("ended", ["expired", "cancelled"])
def test_ending_puts_the_stock_back_and_closes_the_pay_page(session, make, now, ended):
    plan = make.plan(stock=1)
    order = make.order(plan)
    actor = make.actor(session.get_one(type(make.member()), order.member_id))
    orders.attach_checkout(session, order_id=order.id, ref="cs_1", url="https://pay/1", actor=actor, now=now)
    if ended == "expired":
        assert orders.expire_order(session, order_code=order.code, now=now, actor=GATEWAY)
        assert not orders.expire_order(session, order_code=order.code, now=now, actor=GATEWAY)
    else:
        assert orders.cancel(session, order_code=order.code, now=now, actor=actor)
        assert not orders.cancel(session, order_code=order.code, now=now, actor=actor)
    assert (order.state, plan.held, order.holds_stock) == (ended, 0, False)
    work = session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "checkout_expire")).one()
    assert work.payload == {"order": order.code, "ref": "cs_1"}
    assert healthy(session, now)


def test_closing_the_pay_page_first_does_not_keep_an_order_from_being_cancelled(session, make, now):
    order = make.order(make.plan(stock=1))
    actor = make.actor(session.get_one(type(make.member()), order.member_id))
    orders.expire_order(session, order_code=order.code, now=now, actor=GATEWAY)
    assert orders.cancel(session, order_code=order.code, now=now, actor=actor)
    assert order.state == "cancelled"
    assert healthy(session, now)


def test_a_paid_order_cannot_be_cancelled_or_expired(session, make, now):
    order = make.paid_order()
    with pytest.raises(Conflict):
        orders.cancel(session, order_code=order.code, now=now, actor=ADMIN)
    assert not orders.expire_order(session, order_code=order.code, now=now, actor=GATEWAY)
    assert order.state == "paid"


def late(session, make, now, **plan):
    order = make.order(make.plan(**plan))
    orders.expire_order(session, order_code=order.code, now=now, actor=GATEWAY)
    return order


def test_a_late_payment_is_honoured(session, make, now):
    order = late(session, make, now, stock=1, line=make.group_line(capacities=(1,)))
    assert pay(session, order, now).kind == "fulfilled"
    assert order.state == "paid"
    assert healthy(session, now)


def test_a_late_payment_without_stock_needs_attention(session, make, now):
    plan = make.plan(stock=1)
    order = make.order(plan)
    orders.expire_order(session, order_code=order.code, now=now, actor=GATEWAY)
    make.order(plan)
    outcome = pay(session, order, now)
    assert (outcome.kind, outcome.reason) == ("attention", rules.LATE_NO_STOCK)
    assert (order.state, order.attention) == ("needs_attention", rules.LATE_NO_STOCK)
    assert passes_of(session, order) == []
    assert kinds(session) == ["order_attention"]
    assert healthy(session, now)


def test_a_late_payment_without_seat_needs_attention(session, make, now):
    line = make.group_line(capacities=(1,))
    order = late(session, make, now, line=line)
    make.seat(line)
    assert pay(session, order, now).reason == rules.LATE_NO_SEAT
    assert healthy(session, now)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"amount": 19_800}, rules.WRONG_AMOUNT),
        ({"amount": 29_900}, rules.WRONG_AMOUNT),
        ({"currency": "USD"}, rules.WRONG_CURRENCY),
    ],
)
def test_wrong_money_needs_attention_and_keeps_its_stock(session, make, now, changes, reason):
    plan = make.plan(stock=1)
    order = make.order(plan)
    outcome = pay(session, order, now, **changes)
    assert (outcome.kind, outcome.reason) == ("attention", reason)
    assert (order.state, order.holds_stock, plan.held) == ("needs_attention", True, 1)
    assert healthy(session, now)
    orders.fulfil_attention(session, order_code=order.code, now=now, actor=ADMIN)
    assert (order.state, plan.held, plan.sold, len(passes_of(session, order))) == ("paid", 0, 1, 1)
    assert session.scalars(select(AuditEntry.action).where(AuditEntry.action.like("order.%"))).all() == [
        "order.fulfil"
    ]
    assert healthy(session, now)


def test_paying_twice_needs_attention_and_gives_one_pass(session, make, now):
    order = make.order()
    pay(session, order, now, ref="pi_1")
    outcome = pay(session, order, now, ref="pi_2")
    assert (outcome.kind, outcome.reason, order.state) == ("attention", rules.DOUBLE, "needs_attention")
    assert len(passes_of(session, order)) == 1
    assert healthy(session, now)
    with pytest.raises(Conflict):
        orders.fulfil_attention(session, order_code=order.code, now=now, actor=ADMIN)
    extra = session.scalars(select(Payment).where(Payment.ref == "pi_2")).one()
    orders.refund(
        session, payment_id=extra.id, amount=extra.amount, reason="", key="r1", actor=ADMIN, now=now
    )
    assert order.state == "paid"
    assert passes_of(session, order)[0].state == "active"
    assert healthy(session, now)


def test_extra_money_may_be_kept_with_a_word(session, make, now):
    order = make.order()
    pay(session, order, now, ref="pi_1")
    pay(session, order, now, ref="pi_2")
    with pytest.raises(Invalid):
        orders.add_note(session, order_code=order.code, text=" ", close=True, actor=ADMIN, now=now)
    orders.add_note(
        session, order_code=order.code, text="A gift to the club", close=True, actor=ADMIN, now=now
    )
    assert (order.state, order.attention) == ("paid", "")


def test_money_that_bought_nothing_cannot_be_noted_away(session, make, now):
    order = make.order()
    pay(session, order, now, amount=5)
    with pytest.raises(Conflict):
        orders.add_note(session, order_code=order.code, text="Fine", close=True, actor=ADMIN, now=now)
    orders.add_note(
        session, order_code=order.code, text="Called the buyer", close=False, actor=ADMIN, now=now
    )
    assert order.state == "needs_attention"


def test_money_after_a_cancellation_needs_attention(session, make, now):
    order = make.order()
    orders.cancel(session, order_code=order.code, now=now, actor=ADMIN)
    assert pay(session, order, now).reason == rules.AFTER_CANCEL
    assert healthy(session, now)


def test_fulfilling_needs_stock(session, make, now):
    plan = make.plan(stock=1)
    order = make.order(plan)
    orders.cancel(session, order_code=order.code, now=now, actor=ADMIN)
    make.paid_order(plan)
    pay(session, order, now)
    with pytest.raises(Conflict):
        orders.fulfil_attention(session, order_code=order.code, now=now, actor=ADMIN)


def test_a_transfer_closes_the_pay_page(session, make, now):
    order = make.order()
    orders.attach_checkout(session, order_id=order.id, ref="cs_1", url="https://pay/1", actor=ADMIN, now=now)
    outcome = orders.record_transfer(
        session,
        order_code=order.code,
        ref=" 2026-77 ",
        method="bank",
        amount=order.total,
        now=now,
        actor=ADMIN,
    )
    assert outcome.kind == "fulfilled"
    payment = session.scalars(select(Payment)).one()
    assert (payment.provider, payment.ref, payment.recorded_by) == ("offline", "2026-77", "admin")
    assert session.scalars(select(OutboxMessage.kind)).all().count("checkout_expire") == 1
    for ref, amount in (("2026-77", 1), ("", 1), ("x", 0)):
        with pytest.raises(Invalid):
            orders.record_transfer(
                session, order_code=order.code, ref=ref, method="bank", amount=amount, now=now, actor=ADMIN
            )


def test_what_costs_nothing_needs_no_gateway(session, make, now):
    order = make.order(make.plan(price=0))
    assert orders.take_free(session, order_code=order.code, now=now, actor=ADMIN).kind == "fulfilled"
    assert order.state == "paid"
    assert healthy(session, now)
    with pytest.raises(Conflict):
        orders.take_free(session, order_code=make.order().code, now=now, actor=ADMIN)


def test_buying_offline_is_one_verb_and_idempotent(session, make, now):
    plan = make.plan(line=make.group_line())
    buyer = make.member()
    first = orders.buy_offline(session, member_id=buyer.id, plan_id=plan.id, ref="t-1", now=now, actor=ADMIN)
    again = orders.buy_offline(session, member_id=buyer.id, plan_id=plan.id, ref="t-1", now=now, actor=ADMIN)
    other = orders.buy_offline(session, member_id=buyer.id, plan_id=plan.id, ref="t-2", now=now, actor=ADMIN)
    assert first.id == again.id != other.id
    assert (plan.sold, plan.held, buyer.number) == (2, 0, 1)
    assert session.scalar(select(func.count()).select_from(Order)) == 2
    assert first.seat_id == other.seat_id
    assert healthy(session, now)


def test_a_pay_page_that_opens_after_the_end_is_closed_at_once(session, make, now):
    order = make.order()
    orders.cancel(session, order_code=order.code, now=now, actor=ADMIN)
    orders.attach_checkout(session, order_id=order.id, ref="cs_9", url="https://pay/9", actor=ADMIN, now=now)
    assert session.scalars(select(OutboxMessage.kind)).all() == ["checkout_expire"]


def test_a_purchase_costs_at_most_50_statements(db, make, now):
    make.paid_order()  # the counter and the all-time window are there
    plan = make.plan(line=make.group_line(capacities=(100,)), stock=9, tier=make.tier())
    buyer, other = make.member(), make.member()
    with count_statements(db.engine) as seen:
        with db.uow() as session:
            order = make_order(session, plan, buyer, now)
        with db.uow() as session:
            assert pay(session, order, now).kind == "fulfilled"
    # Three are for the bell, one asks whether the line welcomes newcomers, one whether the group has a chat,
    # one whether a mute comes along.
    assert seen.count <= 50, seen
    with count_statements(db.engine) as offline, db.uow() as session:
        orders.buy_offline(session, member_id=other.id, plan_id=plan.id, ref="t-1", now=now, actor=ADMIN)
    assert offline.count <= 43, offline


def make_order(session, plan, buyer, now):
    return orders.place(
        session,
        member_id=buyer.id,
        plan_id=plan.id,
        email=buyer.email,
        locale="en",
        now=now,
        actor=ADMIN,
        hold_minutes=35,
    )
