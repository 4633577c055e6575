"""An order's page at the desk: its whole story in one place, in the same number of statements however long it is."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from qunclub.kernel import Actor
from qunclub.orders import jobs_inbox, services_attention
from qunclub.orders.models import GatewayEvent, Order, OrderLine, Refund
from qunclub.orders.models_money import Dispute, TransferProof
from qunclub.orders.models_selling import ClaimCode, Coupon, CouponUse, Fapiao
from tests.support.pages import in_language, sign_in, text_of
from tests.support.statements import count_statements

ADA = Actor("ada", "Ada", roles=frozenset({"admin"}))


@pytest.fixture
def admin(client, make):
    return in_language(sign_in(client, make.account(name="Boss", roles=("admin",))), "en")


def enrich(session, make, order, payment, number):
    """One more of everything that can hang on an order."""
    line_id = session.execute(select(OrderLine.id).where(OrderLine.order_id == order.id)).scalar_one()
    coupon = Coupon(code=f"SPRING{number}", kind="fixed", amount=100, created_at=make.now)
    session.add(coupon)
    session.flush()
    session.add_all(
        [
            CouponUse(
                coupon_id=coupon.id,
                order_id=order.id,
                member_id=order.member_id,
                amount=100,
                state="overshot",
                created_at=make.now,
            ),
            ClaimCode(
                order_id=order.id,
                line_id=line_id,
                unit=number,
                code=f"GGGGGGGGGGGGGGGGGGG{number}",
                state="open",
                recipient_name=f"Friend {number}",
                created_at=make.now,
            ),
            Refund(
                payment_id=payment.id,
                key=f"r{number}",
                amount=100,
                state="failed",
                error="card_lost",
                reason="asked",
                requested_by="desk",
                provider_ref=f"re_{number}",
                created_at=make.now,
                to_book=False,
            ),
            Dispute(
                payment_id=payment.id,
                provider="stripe",
                ref=f"dp_{number}",
                amount=100,
                currency="CNY",
                reason="fraudulent",
                opened_at=make.now,
            ),
            TransferProof(
                order_id=order.id,
                file_key="f",
                content_type="image/png",
                size=1,
                sha256=f"x{number}",
                note=f"From the bank {number}",
                submitted_at=make.now,
            ),
            GatewayEvent(
                provider="stripe",
                event_id=f"evt_{number}",
                kind="checkout.session.completed",
                payload="{}",
                received_at=make.now,
                handled_at=make.now,
                outcome="fulfilled",
                order_code=order.code,
            ),
        ]
    )
    services_attention.add_note(
        session, order_code=order.code, text=f"Called {number}", close=False, actor=ADA, now=make.now
    )


@pytest.fixture
def told(make, site_db):
    order = make.paid_order(
        make.plan(title="Master pass"),
        make.member(name="Lin", email="lin@example.com", number=True),
        ref="pi_9",
    )
    payment = make.payment(order)
    with site_db.uow() as session:
        row = session.get_one(Order, order.id)
        row.buyer_name, row.buyer_phone, row.buyer_address = "Lin Kehe", "+86 138", "Shanghai"
        session.add(
            Fapiao(order_id=order.id, kind="company", title="Page Ltd", tax_no="9131", requested_at=make.now)
        )
        enrich(session, make, order, payment, 1)
    return order


def test_everything_stands_in_one_place(admin, told):
    page = text_of(admin.get(f"/admin/orders/{told.code}"))
    for words in (
        # how the total came about
        "Master pass", "New pass", "Coupon SPRING1", "over its limit", "−CN¥1.00", "CN¥199.00",
        # the buyer and their papers
        "Lin Kehe", "+86 138", "Shanghai", "Page Ltd", f"/orders/{told.code}/receipt",
        # the money
        "pi_9", "re_1", "card_lost", "Failed", "dp_1", "From the bank 1",
        # what it gave
        "What it bought", "for life", "Friend 1",
        # who was told, and who did what
        "receipt", "in the queue", "checkout.session.completed", "order.note", "Called 1",
    ):  # fmt: skip
        assert words in page, words


def test_in_chinese(admin, told):
    page = text_of(in_language(admin, "zh").get(f"/admin/orders/{told.code}"))
    for words in (
        "新通行证",
        "优惠码 SPRING1",
        "超出限量",
        "转账凭证",
        "邮件",
        "排队中",
        "这位买家的全部订单",
    ):
        assert words in page, words


def test_a_long_story_costs_no_more(admin, told, make, site_db):
    where = f"/admin/orders/{told.code}"
    admin.get(where)
    with count_statements(site_db.engine) as few:
        admin.get(where)
    payment = make.payment(told)
    with site_db.uow() as session:
        for number in range(2, 6):
            enrich(session, make, told, payment, number)
    with count_statements(site_db.engine) as many:
        page = text_of(admin.get(where))
    assert "Friend 5" in page
    assert many.count == few.count, str(many)


def test_an_order_without_anything_reads_well(admin, make):
    page = text_of(admin.get(f"/admin/orders/{make.order().code}"))
    assert "No money has arrived for this order." in page
    assert "What it bought" not in page


def test_a_notification_finds_its_order(app, make, site_db):
    order = make.order()
    with app.app_context():
        jobs_inbox.receive(app.extensions["qunclub"], make.told("paid", order), "{}")
    with site_db.session() as session:
        assert [event.order_code for event in session.scalars(select(GatewayEvent))] == [order.code]
