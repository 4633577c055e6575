"""Searching, one's own order, and the inbox on both databases."""

from __future__ import annotations

import pytest

from qunclub.kernel import NotFound
from qunclub.orders import queries, queries_inbox, queries_orders, services_inbox
from qunclub.orders.queries_orders import Filters


@pytest.mark.parametrize(
    "q", ["", "lin", "Lin", "lin@example.com", "1", "pi_777", "%", "_", "' OR 1=1", "x" * 120]
)
def test_searching_is_safe_and_finds(session, make, q):
    lin = make.member(name="Lin", email="lin@example.com")
    order = make.paid_order(of=lin, ref="pi_777")
    found = queries_orders.orders(session, Filters(q=q)).items
    means = ("", "Lin", "lin", "lin@example.com", "1", "pi_777")
    assert [one.code for one in found] == ([order.code] if q in means else [])


def test_ones_own_order_only(session, make):
    mine = make.member()
    order = make.order(of=mine)
    assert queries.order_of(session, code=order.code, member_id=mine.id).order.id == order.id
    for code, member_id in ((order.code, make.member().id), ("NOSUCH", mine.id)):
        with pytest.raises(NotFound):
            queries.order_of(session, code=code, member_id=member_id)
        with pytest.raises(NotFound):
            queries.state_of(session, code=code, member_id=member_id)


def test_the_inbox_by_what_became_of_it(session, make, now):
    paid = make.told("paid", make.order())
    lost = make.told("paid", make.order(), order_code="NOSUCH", event="evt_lost")
    waits = make.told_refund("pi_unknown", 5)
    for note in (paid, lost, waits):
        services_inbox.handle_notification(session, notification=note, payload="{}", now=now)
    broken = make.told("expired", make.order())
    services_inbox.keep_failure(session, notification=broken, payload="{}", error="x", now=now)

    def ids_of(show):
        return [event.outcome for event in queries_inbox.events(session, show=show).items]

    assert ids_of("") == ["failed", "waiting", "unknown_order", "fulfilled"]
    assert ids_of("open") == ["failed", "waiting"]
    assert ids_of("failed") == ["failed"]
    assert ids_of("unknown") == ["unknown_order"]
