"""Databases full of orders for measuring the desk, written by the database itself: a million takes about a minute.

What a club has grows with its orders: members, payments, passes, mails, notifications, refunds, coupon uses, gifts.
What waits for a hand does not, so both databases have the same backlog and the same pages are full in both.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from benchmarks import bulk
from benchmarks.bulk import Speech
from qunclub import passes
from qunclub.kernel import Actor
from qunclub.passes.models import Plan
from tests.support.databases import Db

ACTOR = Actor.system("measuring")
PRICE = 19_900
BACKLOG = 60
ORDERS_EACH = 5
DAYS = 400


def fill(database: Db, *, orders: int, now: dt.datetime) -> None:
    """Write *orders* orders of the last :data:`DAYS` days, and all that hangs on them, into an empty database."""
    with database.uow() as session:
        plans = [_plan(session, slug, now, **facts).id for slug, facts in PLANS.items()]
    with bulk.writing(database, STATEMENTS) as (connection, say):
        _write(connection, say, orders, DAYS, plans, now)


PLANS: dict[str, dict[str, Any]] = {"ordinary": {}, "diehard": {}, "monthly": {"interval": "month"}}


def _plan(session: Session, slug: str, now: dt.datetime, **facts: Any) -> Plan:
    return passes.create_plan(
        session,
        slug=slug,
        title=slug.title(),
        price=PRICE,
        currency="CNY",
        actor=ACTOR,
        now=now,
        **facts,
    )


def _write(
    connection: Connection, say: Speech, orders: int, days: int, plans: list[int], now: dt.datetime
) -> None:
    last = int(now.timestamp()) - 60
    # Every hundredth order or so belongs to a backlog; which one says the remainder.
    every = max(orders // BACKLOG, 6)
    at = f"({last - days * 86_400} + CAST(n AS bigint) * {days * 86_400} / {orders})"
    here = {
        "n": orders,
        "at": say.moment(at),
        "day": say.day(at),
        "member": f"(1000 + (n - 1) % {max(orders // ORDERS_EACH, 1)})",
        "plan": f"(CASE n % 10 WHEN 9 THEN {plans[2]} WHEN 8 THEN {plans[1]} ELSE {plans[0]} END)",
        "kind": "(CASE n % 10 WHEN 9 THEN 'renewal' WHEN 7 THEN 'gift' ELSE 'purchase' END)",
        "line_kind": "(CASE n % 10 WHEN 9 THEN 'renewal' WHEN 7 THEN 'gift' ELSE 'new' END)",
        "state": (
            f"(CASE WHEN n % {every} = 1 THEN 'needs_attention' WHEN n % {every} = 2 THEN 'pending' "
            "WHEN n % 16 = 3 THEN 'expired' WHEN n % 16 = 4 THEN 'refunded' ELSE 'paid' END)"
        ),
        "paid": f"(n % {every} <> 2 AND (n % 16 <> 3 OR n % {every} = 1))",
        "method": "(CASE WHEN n % 7 = 0 THEN 'bank' WHEN n % 3 = 0 THEN 'alipay' ELSE 'card' END)",
        "provider": "(CASE WHEN n % 7 = 0 THEN 'offline' ELSE 'stripe' END)",
        "pay_by": "(CASE WHEN n % 7 = 0 THEN 'transfer' ELSE 'gateway' END)",
        "disputed": f"(n % {every} = 5)",
        "code": "('C' || " + say.padded("n") + ")",
        "name": "('Member ' || " + say.padded("n") + ")",
        "pad": say.padded("n"),
        "series": say.numbers(orders),
        "people": say.numbers(max(orders // ORDERS_EACH, 1)),
        "every": every,
        "price": PRICE,
        "now": say.moment(str(last)),
        "coupon_every": 10,
    }
    bulk.fill(connection, STATEMENTS, lambda statement: statement.format(**here))
    connection.execute(
        text(
            "INSERT INTO qunclub_taking (day, plan_id, provider, method, currency, received, payments, refunded, "
            "refunds) SELECT {day} AS d, {plan} AS p, {provider} AS v, {method} AS m, 'CNY', SUM({price}), COUNT(*), "
            "0, 0 FROM {series} WHERE {paid} GROUP BY d, p, v, m".format(**here).replace(":", r"\:")
        )
    )
    month = "date_trunc('month', day)::date" if say.kind == "postgres" else "strftime('%Y-%m-01', day)"
    connection.execute(
        text(
            "INSERT INTO qunclub_month_taking (day, plan_id, provider, method, currency, received, payments, refunded, "
            f"refunds) SELECT {month} AS d, plan_id, provider, method, currency, SUM(received), SUM(payments), "
            "SUM(refunded), SUM(refunds) FROM qunclub_taking GROUP BY d, plan_id, provider, method, currency".replace(
                ":", r"\:"
            )
        )
    )
    bulk.count_on(
        connection,
        say,
        ("order", "order_line", "payment", "member", "pass", "coupon", "refund", "subscription"),
    )


STATEMENTS = (
    "INSERT INTO qunclub_member (id, user_key, name, email, number, nickname, city, bio, locale, roles, joined_at, "
    "numbered_at, suspend_reason) SELECT 999 + n, 'measured-' || n, {name}, 'member' || {pad} || '@example.com', "
    "1000 + n, '', '', '', 'zh', '[]', {now}, {now}, '' FROM {people}",
    "INSERT INTO qunclub_coupon (id, code, title, kind, percent, currency, stackable, active, held, used, overshot, "
    "version, created_at) VALUES (1, 'SPRING', '', 'percent', 10, '', false, true, 0, 0, 0, 1, {now})",
    "INSERT INTO qunclub_coupon (id, code, title, kind, percent, currency, stackable, active, held, used, overshot, "
    "version, created_at) SELECT 100 + n, 'CODE-' || n, '', 'percent', 10, '', false, true, 0, 0, 0, 1, {now} "
    "FROM {people} WHERE n <= 60",
    "INSERT INTO qunclub_subscription (id, member_id, plan_id, provider, ref, customer_ref, state, amount, currency, "
    "interval, period_ends_at, cancel_at_end, pay_url, end_reason, created_at) SELECT n, {member}, {plan}, 'stripe', "
    "'sub_' || n, '', CASE WHEN n % {every} = 9 THEN 'past_due' ELSE 'active' END, {price}, 'CNY', 'month', {at}, "
    "false, '', '', {at} FROM {series} WHERE n % 10 = 9",
    "INSERT INTO qunclub_order (id, code, member_id, state, currency, total, discount, refunded, kind, plan_id, "
    "pay_by, method, subscription_id, receipt_no, disputed, buyer_name, buyer_phone, buyer_address, email, locale, "
    "holds_stock, checkout_url, attention, created_at, expires_at, paid_at) SELECT n, {code}, {member}, {state}, "
    "'CNY', {price}, 0, 0, {kind}, {plan}, {pay_by}, CASE WHEN {paid} THEN {method} ELSE '' END, "
    "CASE WHEN n % 10 = 9 THEN n END, CASE WHEN {paid} THEN n END, {disputed}, '', '', '', '', 'zh', false, '', '', "
    "{at}, {at}, CASE WHEN {paid} THEN {at} END FROM {series}",
    "INSERT INTO qunclub_order_line (id, order_id, plan_id, title, quantity, unit_price, kind, reduction) "
    "SELECT n, n, {plan}, 'Pass', 1, {price}, {line_kind}, 0 FROM {series}",
    "INSERT INTO qunclub_order_event (order_id, at, actor, from_state, to_state, note) SELECT n, {at}, 'Member', "
    "'pending', {state}, 'Paid; the passes are issued.' FROM {series}",
    "INSERT INTO qunclub_payment (id, order_id, provider, ref, method, amount, refunded, currency, fulfils, "
    "received_at, recorded_by, to_book) SELECT n, n, {provider}, 'pi_' || n, {method}, {price}, 0, 'CNY', true, {at}, "
    "'system:stripe', false FROM {series} WHERE {paid}",
    "INSERT INTO qunclub_pass (id, member_id, plan_id, source, state, starts_at, renews, end_reason) SELECT n, "
    "{member}, {plan}, 'order:' || n || ':1', 'active', {at}, false, '' FROM {series} WHERE {paid}",
    "INSERT INTO qunclub_pass_term (id, pass_id, source, starts_at) SELECT n, n, 'order:' || n || ':1', {at} "
    "FROM {series} WHERE {paid}",
    "INSERT INTO qunclub_refund (id, payment_id, key, amount, state, reason, provider_ref, error, requested_by, "
    "created_at, settled_at, to_book, booked) SELECT n, n, 'r' || n, 1, CASE WHEN n % {every} = 1 THEN 'failed' "
    "ELSE 'settled' END, '', 're_' || n, '', 'desk', {at}, {at}, false, 0 FROM {series} "
    "WHERE n % {every} = 1 OR (n % 16 = 4 AND {paid})",
    "INSERT INTO qunclub_dispute (payment_id, provider, ref, amount, currency, reason, state, opened_at) SELECT n, "
    "'stripe', 'dp_' || n, {price}, 'CNY', '', CASE WHEN {disputed} THEN 'open' ELSE 'lost' END, {at} FROM {series} "
    "WHERE {disputed} OR (n % 100 = 5 AND {paid})",
    "INSERT INTO qunclub_transfer_proof (order_id, file_key, content_type, size, sha256, note, state, reason, "
    "submitted_at, decided_by) SELECT n, 'x', 'image/png', 1, 'x' || n, '', CASE WHEN n % {every} = 2 "
    "THEN 'submitted' ELSE 'confirmed' END, '', {at}, '' FROM {series} WHERE n % {every} = 2 OR n % 7 = 0",
    "INSERT INTO qunclub_coupon_use (coupon_id, order_id, member_id, amount, state, created_at) SELECT 1, n, {member}, "
    "100, 'used', {at} FROM {series} WHERE n % {coupon_every} = 6",
    "INSERT INTO qunclub_claim_code (order_id, line_id, unit, code, state, recipient_name, recipient_email, message, "
    "end_reason, created_at) SELECT n, n, 1, 'GG' || {pad}, 'open', '', '', '', '', {at} FROM {series} "
    "WHERE n % 10 = 7 AND {paid}",
    "INSERT INTO qunclub_gateway_event (provider, event_id, kind, payload, received_at, handled_at, outcome, error, "
    "attempts, order_code) SELECT 'stripe', 'evt_' || n, 'checkout.session.completed', '{{}}', {at}, {at}, "
    "'fulfilled', '', 1, {code} FROM {series} WHERE {paid}",
    "INSERT INTO qunclub_outbox (kind, key, payload, created_at, done_at, attempts, error) SELECT 'mail', "
    '\'mail:receipt:\' || {code}, \'{{"to": "a@example.com", "template": "receipt"}}\', {at}, {at}, 1, \'\' '
    "FROM {series} WHERE {paid}",
)
