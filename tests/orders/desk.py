"""What the tests of the admin's desk share: money that arrives, a row read afresh, a page's own button pressed."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from qunclub import orders
from qunclub.kernel import Actor
from qunclub.orders.models import Order
from tests.factories import Make
from tests.support.databases import Db
from tests.support.pages import post

GATEWAY = Actor.system("stripe")


def money(db: Db, order: Order, make: Make, **changes: Any) -> str:
    """A card payment of the order's total, unless *changes* say otherwise; gives what came of it."""
    values = {"amount": order.total, "currency": order.currency, "ref": f"pi_{order.code}", **changes}
    with db.uow() as session:
        return orders.record_payment(
            session,
            order_code=order.code,
            provider=values.pop("provider", "stripe"),
            method="card",
            now=make.now,
            actor=GATEWAY,
            **values,
        ).kind


def refresh(db: Db, order: Order) -> Order:
    """The order as it stands now."""
    with db.session() as session:
        return session.get_one(Order, order.id)


def hidden(page: str) -> list[tuple[str, str]]:
    """The hidden fields of the page's last form."""
    form = page[page.rindex('<form method="post"') :]
    return [
        (part.split('"')[0], part.split('value="')[1].split('"')[0])
        for part in form.split('type="hidden" name="')[1:]
    ]


def confirm(admin: FlaskClient, where: str, page: str) -> TestResponse:
    """Press the button of the page's last form."""
    data: dict[str, Any] = {}
    for name, value in hidden(page):
        data.setdefault(name, []).append(value)
    return post(admin, where, data)
