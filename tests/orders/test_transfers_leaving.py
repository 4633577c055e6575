"""Leaving the club: papers go with the person, and money that waits for an admin keeps one here."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from qunclub.home import leaving
from qunclub.home.export import export
from qunclub.kernel import Actor, Conflict, outbox
from qunclub.orders import services_fapiao, services_proofs
from qunclub.orders.models import Order
from qunclub.orders.models_money import TransferProof
from qunclub.orders.models_selling import Fapiao
from qunclub.orders.rules_selling import Details

ADMIN = Actor("admin", "Ada", roles=frozenset({"admin"}))
CREDIT = "91350100M000100Y43"


def leave(session, member, now):
    actor = Actor(member.user_key, member.name, member.email, member_id=member.id)
    leaving.leave(session, actor=actor, member_id=member.id, now=now)


def test_a_transfer_that_is_being_checked_keeps_one_here(session, make, now):
    member = make.member()
    order = make.transfer_order(of=member)
    proof = make.proof(order)
    key = proof.file_key
    assert leaving.effects(session, member.id).in_need
    with pytest.raises(Conflict):
        leave(session, member, now)
    services_proofs.reject(
        session, order_code=order.code, seen=[proof.id], reason="no", days=3, now=now, actor=ADMIN
    )
    leave(session, member, now)
    assert session.scalars(select(TransferProof)).all() == []
    rows = session.scalars(select(outbox.OutboxMessage).where(outbox.OutboxMessage.kind == "file_delete"))
    assert [row.payload["storage_key"] for row in rows] == [key]


def test_books_stay_without_a_person(session, make, now):
    member = make.member()
    plan = make.plan(asks=("name", "phone", "address"))
    orders = [
        make.paid_order(plan, member, details=Details("Lin", "138", "1 Lake Road")),
        make.paid_order(make.plan(), member),
    ]
    made = [
        services_fapiao.ask(
            session, order_code=order.code, kind="company", title="Lake Ltd", tax_no=CREDIT, email="a@b.example",
            on=True, now=now, actor=Actor("buyer", "Lin", member_id=member.id),
        )
        for order in orders
    ]  # fmt: skip
    services_fapiao.issue(session, fapiao_id=made[0].id, number="12345", seen=now, now=now, actor=ADMIN)
    leave(session, member, now)
    kept = session.scalars(select(Fapiao)).all()
    assert [(row.title, row.tax_no, row.email, row.number) for row in kept] == [
        ("Lake Ltd", CREDIT, "", "12345")
    ]
    for order in session.scalars(select(Order).where(Order.member_id == member.id)):
        assert (order.buyer_name, order.buyer_phone, order.buyer_address, order.email) == ("", "", "", "")
        assert order.receipt_no is not None


def test_ones_own_data_has_them(session, make, now):
    member = make.member()
    make.proof(make.transfer_order(of=member), note="my words")
    make.proof(make.transfer_order(), note="words of another")
    paid = make.paid_order(make.plan(), member)
    services_fapiao.ask(
        session, order_code=paid.code, kind="personal", title="Lin", tax_no="", email="a@b.example",
        on=True, now=now, actor=Actor("buyer", "Lin", member_id=member.id),
    )  # fmt: skip
    data = export(session, member.id, now=now)
    assert [row["note"] for row in data["transfer_proofs"]] == ["my words"]
    assert [row["title"] for row in data["fapiao"]] == ["Lin"]
    assert "file_key" not in data["transfer_proofs"][0]
