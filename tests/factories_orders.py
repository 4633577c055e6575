"""Orders and payments for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qunclub import orders
from qunclub.kernel import Actor
from qunclub.kernel.payments import CheckoutSession, Notification, RefundNotice
from qunclub.members.models import Member
from qunclub.orders import services_coupons
from qunclub.orders.models import Order, Payment
from qunclub.orders.models_selling import Coupon
from qunclub.orders.rules_selling import Details, Purchase
from qunclub.passes.models import Plan
from tests.factories import Make


def order(make: Make, plan: Plan | None = None, of: Member | None = None, **values: Any) -> Order:
    """A pending order of *of* for *plan* (new ones unless given) that holds its stock.

    ``gift``, ``quantity``, ``coupons``, ``recipients``, ``details`` and ``pay_by`` say what is bought.
    """
    sold = plan or make.plan()
    buyer = of or make.member()
    purchase = Purchase(
        plan_id=sold.id,
        quantity=values.pop("quantity", 1),
        gift=values.pop("gift", False),
        recipients=values.pop("recipients", ()),
        coupon_codes=values.pop("coupons", ()),
        details=values.pop("details", Details()),
        pay_by=values.pop("pay_by", "gateway"),
    )
    return orders.place(
        make.session,
        member_id=buyer.id,
        purchase=purchase,
        email=values.pop("email", buyer.email),
        locale=values.pop("locale", "en"),
        now=values.pop("now", make.now),
        actor=make.actor(buyer),
        hold_minutes=values.pop("hold_minutes", 35),
    )


def coupon(make: Make, code: str = "", *, plans: Sequence[Plan] = (), **values: Any) -> Coupon:
    """A coupon of 20 percent for every plan unless *values* say otherwise."""
    if "amount" in values:
        values = {"kind": "fixed", "currency": "CNY", **values}
    draft = services_coupons.CouponDraft(
        code=code or f"COUPON-{make.next()}",
        kind=values.pop("kind", "percent"),
        percent=None if "amount" in values else values.pop("percent", 20),
        plan_ids=tuple(plan.id for plan in plans),
        **values,
    )
    return services_coupons.create(make.session, draft=draft, actor=Actor.system("test"), now=make.now)


def paid_order(
    make: Make,
    plan: Plan | None = None,
    of: Member | None = None,
    *,
    provider: str = "stripe",
    ref: str = "",
    **values: Any,
) -> Order:
    """An order that was paid and fulfilled."""
    made: Order = make.order(plan, of, **values)
    return orders.record_payment(
        make.session,
        order_code=made.code,
        provider=provider,
        ref=ref or f"pi_{make.next()}",
        method="card",
        amount=made.total,
        currency=made.currency,
        now=values.get("now", make.now),
        actor=Actor.system(provider),
    ).order


def payment(make: Make, of: Order | None = None) -> Payment:
    """The payment of a paid order."""
    from sqlalchemy import select

    made: Order = of or make.paid_order()
    return make.session.scalars(select(Payment).where(Payment.order_id == made.id)).one()


def checkout(make: Make, of: Order, **changes: Any) -> CheckoutSession:
    """How the gateway sees the order's checkout: paid, unless *changes* say otherwise."""
    values: dict[str, Any] = {
        "id": of.checkout_ref or f"cs_{of.code}",
        "url": None,
        "status": "complete",
        "payment_status": "paid",
        "payment_ref": f"pi_{of.code}",
        "amount_total": of.total,
        "currency": of.currency,
        "order_code": of.code,
        "method": "card",
    }
    return CheckoutSession(**{**values, **changes})


def told(make: Make, outcome: str, of: Order, *, event: str = "", **changes: Any) -> Notification:
    """A notification about the order's checkout: ``paid``, ``expired``, ``pending``, ``failed``."""
    shapes: dict[str, dict[str, Any]] = {
        "paid": {},
        "pending": {"payment_status": "unpaid"},
        "failed": {"payment_status": "unpaid"},
        "expired": {"status": "expired", "payment_status": "unpaid", "payment_ref": None},
    }
    seen = checkout(make, of, **{**shapes[outcome], **changes})
    return Notification(
        id=event or f"evt_{outcome}_{of.code}",
        kind=f"checkout.session.{outcome}",
        created=make.now,
        outcome=outcome,  # type: ignore[arg-type]  # one of the port's words
        session=seen,
        payment_ref=seen.payment_ref,
        refund=None,
        raw={},
    )


def told_refund(
    make: Make,
    payment_ref: str,
    amount: int,
    *,
    ref: str = "re_1",
    status: str = "succeeded",
    event: str = "",
    **more: Any,
) -> Notification:
    """A notification of money given back, as from the gateway's own dashboard."""
    return Notification(
        id=event or f"evt_{ref}_{status}",
        kind="refund.updated",
        created=make.now,
        outcome="refund",
        session=None,
        payment_ref=payment_ref,
        refund=RefundNotice(ref, status, amount, None, more.pop("currency", "CNY"), more.pop("metadata", {})),
        raw={},
    )
