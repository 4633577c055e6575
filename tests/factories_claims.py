"""Passes bought to give away, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from qunclub import orders
from qunclub.kernel import Actor
from qunclub.members.models import Member
from qunclub.orders.models import Order
from qunclub.orders.models_selling import ClaimCode
from qunclub.orders.rules_selling import Purchase
from qunclub.passes.models import Plan
from tests.factories import Make


def gift(
    make: Make,
    plan: Plan | None = None,
    of: Member | None = None,
    *,
    quantity: int = 1,
    recipients: Sequence[Any] = (),
    paid: bool = True,
    **values: Any,
) -> Order:
    """An order of so many passes to give away, paid by card unless told otherwise."""
    sold = plan or make.plan(gift_max=50)
    buyer = of or make.member()
    made = orders.place(
        make.session,
        member_id=buyer.id,
        purchase=Purchase(sold.id, quantity=quantity, gift=True, recipients=recipients),
        email=values.pop("email", buyer.email),
        locale=values.pop("locale", "en"),
        now=make.now,
        actor=make.actor(buyer),
        hold_minutes=35,
    )
    if paid:
        orders.record_payment(
            make.session,
            order_code=made.code,
            provider="stripe",
            ref=f"pi_gift_{make.next()}",
            method="card",
            amount=made.total,
            currency=made.currency,
            now=make.now,
            actor=Actor.system("stripe"),
        )
    return made


def claim_codes(make: Make, of: Order) -> list[ClaimCode]:
    """The codes of an order, by their units."""
    query = select(ClaimCode).where(ClaimCode.order_id == of.id).order_by(ClaimCode.unit)
    return list(make.session.scalars(query.execution_options(populate_existing=True)))
