"""The lists and the story on both databases, and that their cost does not grow."""

from __future__ import annotations

import datetime as dt

import pytest

from qunclub.kernel import NotFound
from qunclub.orders import queries, queries_admin, services_inbox
from qunclub.orders.queries_admin import Filters
from tests.support.statements import count_statements


@pytest.mark.parametrize(
    "q", ["", "lin", "Lin", "lin@example.com", "1", "pi_777", "%", "_", "' OR 1=1", "x" * 120]
)
def test_searching_is_safe_and_finds(session, make, q):
    lin = make.member(name="Lin", email="lin@example.com")
    order = make.paid_order(of=lin, ref="pi_777")
    found = queries_admin.orders(session, Filters(q=q)).items
    means = ("", "Lin", "lin", "lin@example.com", "1", "pi_777")
    assert [one.code for one in found] == ([order.code] if q in means else [])


def test_every_filter_together(session, make, now):
    plan = make.plan()
    order = make.paid_order(plan, make.member(name="Lin"))
    day = dt.timedelta(days=1)
    every = Filters(q=order.code, state="paid", plan_id=plan.id, since=now - day, until=now + day)
    assert [one.code for one in queries_admin.orders(session, every).items] == [order.code]
    rows = list(queries_admin.orders_rows(session, every))
    assert len(rows) == 1
    assert len(rows[0]) == len(queries_admin.ORDERS_HEADER)


def test_the_record_has_a_line_for_each_payment(session, make):
    make.paid_order()
    make.order()
    rows = [row[10:] for row in queries_admin.orders_rows(session, Filters())]
    assert sorted(rows)[0] == ("", "", "", 0, 0)
    assert len(rows) == 2


def test_the_story_costs_the_same_for_any_order(db, make):
    short, long = make.paid_order(), make.paid_order()
    with db.session() as session, count_statements(db.engine) as few:
        told = queries_admin.story(session, short.code)
    assert [event.to_state for event in told.events] == ["pending", "paid"]
    assert told.view.newest_pass is not None
    with db.session() as session, count_statements(db.engine) as many:
        queries_admin.story(session, long.code)
    assert many.count == few.count <= 9, few


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
        return [event.outcome for event in queries_admin.gateway_events(session, show=show).items]

    assert ids_of("") == ["failed", "waiting", "unknown_order", "fulfilled"]
    assert ids_of("open") == ["failed", "waiting"]
    assert ids_of("failed") == ["failed"]
    assert ids_of("unknown") == ["unknown_order"]
