"""Memberships, their charges and disputes for tests, as the gateway would tell of them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select

from qunclub.kernel import Actor
from qunclub.kernel.payments import DisputeNotice, Invoice, RecurringState
from qunclub.members.models import Member
from qunclub.orders import services_payments
from qunclub.orders.models import Order
from qunclub.orders.models_selling import Subscription
from qunclub.passes.models import Plan
from tests.factories import Make

MONTH = dt.timedelta(days=30)


def monthly(make: Make, **values: Any) -> Plan:
    """A membership for CNY 30.00 a month."""
    made: Plan = make.plan(price=values.pop("price", 3_000), **values)
    made.interval, made.grace_days, made.validity_days = "month", 7, None
    make.session.flush()
    return made


def membership(
    make: Make, plan: Plan | None = None, of: Member | None = None, *, ref: str = ""
) -> Subscription:
    """A membership whose first month is paid."""
    order: Order = make.order(plan or make.monthly(), of)
    name = ref or f"sub_{order.code}"
    paid = make.checkout(
        order,
        subscription_ref=name,
        customer_ref=f"cus_{order.member_id}",
        invoice_ref=f"in_{order.code}_1",
        period_ends_at=make.now + MONTH,
    )
    services_payments.settle_checkout(
        make.session, provider="stripe", checkout=paid, now=make.now, actor=Actor.system("stripe")
    )
    make.session.flush()
    return make.session.scalars(select(Subscription).where(Subscription.ref == name)).one()


def charge(make: Make, of: Subscription, number: int = 2, **changes: Any) -> Invoice:
    """The charge for the *number*-th month as the gateway sees it: paid, unless *changes* say otherwise."""
    values: dict[str, Any] = {
        "ref": f"in_{of.ref}_{number}",
        "status": "paid",
        "first": number == 1,
        "amount": of.amount,
        "currency": of.currency,
        "subscription_ref": of.ref,
        "order_code": "",
        "payment_ref": f"pi_{of.ref}_{number}",
        "method": "card",
        "period_starts_at": of.created_at + MONTH * (number - 1),
        "period_ends_at": of.created_at + MONTH * number,
    }
    return Invoice(**{**values, **changes})


def unpaid_charge(make: Make, of: Subscription, number: int = 2, **changes: Any) -> Invoice:
    """The same, when the card was refused."""
    told = {"status": "open", "payment_ref": None, "method": None, "pay_url": "https://pay.example/in"}
    made: Invoice = make.charge(of, number, **{**told, **changes})
    return made


def recurring(make: Make, of: Subscription, **changes: Any) -> RecurringState:
    """A membership as the gateway sees it: active, unless *changes* say otherwise."""
    values: dict[str, Any] = {
        "ref": of.ref,
        "status": "active",
        "order_code": "",
        "customer_ref": of.customer_ref,
        "cancel_at_end": of.cancel_at_end,
        "period_ends_at": of.period_ends_at,
    }
    return RecurringState(**{**values, **changes})


def disputed(
    make: Make, payment_ref: str, amount: int, status: str = "open", **changes: Any
) -> DisputeNotice:
    """What the gateway says of a dispute."""
    values: dict[str, Any] = {
        "ref": "dp_1",
        "payment_ref": payment_ref,
        "amount": amount,
        "currency": "CNY",
        "reason": "fraudulent",
        "status": status,
    }
    return DisputeNotice(**{**values, **changes})


def founding(make: Make, of: Subscription) -> Order:
    """The order that began a membership."""
    query = select(Order).where(Order.subscription_id == of.id).order_by(Order.id).limit(1)
    return make.session.scalars(query).one()
