"""Any interleaving of what buyers, the gateway, admins and time do ends in a state that every doctor accepts.

The gateway is one in memory with a truth of its own. After every step the doctors find nothing; when all is delivered
and swept, the club's books say what the gateway's do, and money that bought nothing lies before an admin.
"""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import precondition, rule
from sqlalchemy import select

from qunclub.kernel import Actor, ids
from qunclub.kernel.payments import CheckoutRequest
from qunclub.orders import (
    services,
    services_attention,
    services_claims,
    services_refunds,
    services_subscriptions,
)
from qunclub.orders.models import Order, OrderLine, Payment
from qunclub.orders.models_selling import ClaimCode, Subscription
from qunclub.orders.rules_selling import Purchase
from qunclub.passes.models import Plan
from tests.support.whole_club import WholeClub

ADMIN = Actor("admin", "Ada", "ada@example.com", frozenset({"admin"}), None)
MANY = st.integers(0, 10_000)


def pick(items: Any, at: int) -> Any:
    """One of *items*, or None."""
    found = list(items)
    return found[at % len(found)] if found else None


class Till(WholeClub):
    """Whatever happens to a club's money."""

    @rule(who=MANY, what=MANY, units=st.integers(1, 2))
    def place(self, who: int, what: int, units: int) -> None:
        if len(self.rows(Order)) >= 6:
            return
        member, plan = pick(self.members, who), pick(self.plans, what)
        gift = plan.id == self.plans[2].id and units > 1
        placed = self.do(
            lambda session: (
                services.place(
                    session,
                    member_id=member.id,
                    purchase=Purchase(plan.id, units if gift else 1, gift),
                    email=member.email,
                    locale="en",
                    now=self.clock(),
                    actor=ADMIN,
                    hold_minutes=35,
                ).code
            )
        )
        if placed is not None:
            self.pay_page(placed)

    @rule(who=MANY, what=MANY, units=st.integers(1, 2))
    def buy(self, who: int, what: int, units: int) -> None:
        """The way it mostly goes: placed, paid, told."""
        before = len(self.gateway.sessions)
        self.place(who, what, units)
        if len(self.gateway.sessions) > before:
            self.gateway.pay(list(self.gateway.sessions)[-1])
            self.deliver(next(one for one in reversed(self.gateway.told) if one.outcome == "paid"))

    def pay_page(self, code: str) -> None:
        with self.db.session() as session:
            order = session.scalars(select(Order).where(Order.code == code)).one()
            line = session.scalars(select(OrderLine).where(OrderLine.order_id == order.id)).one()
            plan = session.get_one(Plan, line.plan_id)
        if order.state != "pending" or self.gateway.away:
            return
        assert order.expires_at is not None
        interval: Any = plan.interval
        request = CheckoutRequest(
            order.code, plan.title, "", line.unit_price if interval else order.total, order.currency, order.email,
            "", "", order.expires_at, interval=interval, discount=order.discount if interval else 0,
        )  # fmt: skip
        opened = self.gateway.create_checkout(request, idempotency_key=code)
        self.do(
            lambda session: services.attach_checkout(
                session, order_id=order.id, ref=opened.id, url=opened.url or "", actor=ADMIN, now=self.clock()
            )
        )

    @precondition(lambda self: any(one.status == "open" for one in self.gateway.sessions.values()))
    @rule(at=MANY, later=st.booleans())
    def pay(self, at: int, later: bool) -> None:
        found = pick([ref for ref, one in self.gateway.sessions.items() if one.status == "open"], at)
        self.gateway.pay(found, later=later)

    @precondition(
        lambda self: any(
            one.payment_status == "unpaid" and one.status == "complete"
            for one in self.gateway.sessions.values()
        )
    )
    @rule(at=MANY, good=st.booleans())
    def money_arrives(self, at: int, good: bool) -> None:
        waiting = [
            ident
            for ident, one in self.gateway.sessions.items()
            if one.status == "complete" and one.payment_status == "unpaid"
        ]
        self.gateway.arrive(pick(waiting, at), good=good)

    @precondition(lambda self: bool(self.gateway.told))
    @rule(at=MANY, times=st.integers(1, 2))
    def webhook(self, at: int, times: int) -> None:
        told = pick(self.gateway.told, at)
        for _time in range(times if told else 0):
            self.deliver(told)

    @precondition(lambda self: bool(self.gateway.told))
    @rule()
    def newest_webhook(self) -> None:
        if self.gateway.told:
            self.deliver(self.gateway.told[-1])

    @precondition(lambda self: bool(self.gateway.sessions))
    @rule(hours=st.sampled_from([0.2, 0.4, 1, 30, 24 * 9]))
    def time_passes(self, hours: float) -> None:
        self.clock.advance(hours=hours)
        self.gateway.tick()

    @precondition(lambda self: bool(self.gateway.sessions))
    @rule()
    def sweep(self) -> None:
        self.sweep_all()

    @precondition(lambda self: bool(self.gateway.sessions))
    @rule()
    def worker(self) -> None:
        self.dispatch()

    @precondition(lambda self: bool(self.gateway.sessions))
    @rule(at=MANY)
    def cancel_order(self, at: int) -> None:
        order = pick(self.rows(Order), at)
        if order:
            self.do(
                lambda session: services.cancel(session, order_code=order.code, now=self.clock(), actor=ADMIN)
            )

    @precondition(lambda self: bool(self.gateway.payments))
    @rule(at=MANY, share=st.sampled_from([1, 2]), pend=st.booleans())
    def refund(self, at: int, share: int, pend: bool) -> None:
        self.gateway.refunds_pend = pend
        paid = pick(self.rows(Payment), at)
        if paid:
            self.do(
                lambda session: services_refunds.refund(
                    session,
                    payment_id=paid.id,
                    amount=(paid.amount - paid.refunded) // share,
                    reason="",
                    key=ids.token(8),
                    actor=ADMIN,
                    now=self.clock(),
                )
            )

    @precondition(lambda self: bool(self.gateway.payments))
    @rule(at=MANY, share=st.sampled_from([1, 3]), total_only=st.booleans())
    def dashboard_refund(self, at: int, share: int, total_only: bool) -> None:
        ref = pick(self.gateway.payments, at)
        if ref:
            paid = self.gateway.payments[ref]
            asked = sum(one.amount - one.refunded for one in self.rows(Payment, Payment.ref == ref))
            # What the club has promised back already is not in the dashboard's reach in this test.
            if asked or not self.rows(Payment, Payment.ref == ref):
                self.gateway.give_back(
                    ref, min(asked or paid.amount, paid.amount // share), total_only=total_only
                )

    @precondition(lambda self: bool(self.gateway.payments))
    @rule(at=MANY, share=st.sampled_from([1, 2]), status=st.sampled_from(["open", "inquiry"]))
    def dispute(self, at: int, share: int, status: str) -> None:
        ref = pick(self.gateway.payments, at)
        if ref:
            self.gateway.dispute(ref, self.gateway.payments[ref].amount // share, status)

    @precondition(lambda self: bool(self.gateway.disputes))
    @rule(at=MANY, status=st.sampled_from(["open", "won", "lost"]))
    def dispute_goes_on(self, at: int, status: str) -> None:
        self.gateway.close_dispute(pick(self.gateway.disputes, at), status)

    @precondition(lambda self: bool(self.gateway.subscriptions))
    @rule(at=MANY, good=st.booleans())
    def renew(self, at: int, good: bool) -> None:
        ref = pick(self.gateway.subscriptions, at)
        ends = self.gateway.subscriptions[ref].period_ends_at
        if ends and self.clock() < ends:
            self.clock.now = ends
            self.gateway.tick()
        self.gateway.renew(ref, good=good)

    @precondition(lambda self: any(one.status == "open" for one in self.gateway.invoices.values()))
    @rule(at=MANY)
    def late_payment(self, at: int) -> None:
        self.gateway.pay_invoice(
            pick([ref for ref, one in self.gateway.invoices.items() if one.status == "open"], at)
        )

    @precondition(lambda self: bool(self.gateway.subscriptions))
    @rule(at=MANY, what=st.sampled_from(["end", "now", "resume"]))
    def membership(self, at: int, what: str) -> None:
        found = pick(self.rows(Subscription), at)
        if found is None:
            return
        if what == "resume":
            self.do(
                lambda session: services_subscriptions.resume(
                    session, subscription_id=found.id, now=self.clock(), actor=ADMIN
                )
            )
        else:
            self.do(
                lambda session: services_subscriptions.cancel(
                    session, subscription_id=found.id, at_end=what == "end", now=self.clock(), actor=ADMIN
                )
            )

    @precondition(lambda self: bool(self.gateway.payments))
    @rule(at=MANY)
    def fulfil(self, at: int) -> None:
        order = pick(self.rows(Order, Order.state == "needs_attention"), at)
        if order:
            self.do(
                lambda session: services_attention.fulfil_attention(
                    session, order_code=order.code, now=self.clock(), actor=ADMIN
                )
            )

    @precondition(lambda self: bool(self.gateway.payments))
    @rule(at=MANY, who=MANY)
    def claim(self, at: int, who: int) -> None:
        code, member = pick(self.rows(ClaimCode, ClaimCode.state == "open"), at), pick(self.members, who)
        if code:
            self.do(
                lambda session: services_claims.redeem(
                    session, code=code.code, member_id=member.id, now=self.clock(), actor=ADMIN
                )
            )

    @precondition(lambda self: any(paid.refunds for paid in self.gateway.payments.values()))
    @rule(at=MANY)
    def refund_fails(self, at: int) -> None:
        made = [(ref, paid.ref) for paid in self.gateway.payments.values() for ref in paid.refunds]
        found = pick(made, at)
        if found:
            self.gateway.refund_fails(*found)

    @rule(away=st.booleans())
    def gateway_goes(self, away: bool) -> None:
        self.gateway.away = away


TestInterleavings: Any = Till.TestCase
TestInterleavings.settings = settings(
    max_examples=20,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
