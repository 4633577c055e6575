"""An error at any step of a payment leaves nothing half-written, and the next try settles it once."""

from __future__ import annotations

import pytest
from sqlalchemy import event, func, select

from qunclub import orders
from qunclub.groups.models import Seat
from qunclub.kernel import Actor
from qunclub.kernel.outbox import OutboxMessage
from qunclub.members.models import Member
from qunclub.orders import doctor
from qunclub.orders.models import Order, OrderEvent, Payment
from qunclub.passes.models import EntryTicket, Pass, PassTerm, Plan
from qunclub.points.models import LedgerEntry, Standing
from tests.support.statements import FRAME

GATEWAY = Actor.system("stripe")
WRITTEN = (Payment, Pass, Seat, EntryTicket, LedgerEntry, Standing, OutboxMessage, OrderEvent)


class Fault(Exception):
    """What goes wrong."""


class Saboteur:
    """Lets so many statements through and then fails, before or after the database has carried the next one out."""

    def __init__(self, engine, after, moment):
        self.engine, self.left, self.moment, self.fired = engine, after, moment, False
        self.name = f"{moment}_cursor_execute"

    def _step(self, _conn, _cursor, statement, *_rest):
        if statement.lstrip().upper().startswith(FRAME):
            return
        self.left -= 1
        if self.left < 0 and not self.fired:
            self.fired = True
            raise Fault(statement)

    def __enter__(self):
        event.listen(self.engine, self.name, self._step)
        return self

    def __exit__(self, *_):
        event.remove(self.engine, self.name, self._step)


def pay(session, order, now):
    return orders.record_payment(
        session,
        order_code=order.code,
        provider="stripe",
        ref="pi_1",
        method="card",
        amount=order.total,
        currency=order.currency,
        now=now,
        actor=GATEWAY,
    ).kind


def books(db, order):
    with db.session() as session:
        counts = tuple(session.scalar(select(func.count()).select_from(model)) for model in WRITTEN)
        kept = session.get_one(Order, order.id)
        plan = session.scalars(select(Plan)).one()
        numbers = session.scalars(select(Member.number).where(Member.id == order.member_id)).one()
        return counts, kept.state, kept.holds_stock, kept.paid_at, plan.held, plan.sold, numbers


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_fault_at_every_statement_of_a_payment(db, make, now, moment):
    make.pass_()  # the first member's counter and window are there
    with db.uow() as session:
        session.delete(session.scalars(select(PassTerm)).one())
        session.flush()
        session.delete(session.scalars(select(Pass)).one())
        session.delete(session.scalars(select(Plan)).one())
    line = make.group_line(capacities=(1, 5))
    order = make.order(make.plan(line=line, stock=3, tier=make.tier()))
    untouched = books(db, order)
    steps = 0
    while True:
        with Saboteur(db.engine, steps, moment) as saboteur:
            try:
                with db.uow() as session:
                    outcome = pay(session, order, now)
            except Fault:
                assert books(db, order) == untouched, f"step {steps} left something behind"
            else:
                break
        steps += 1
    assert not saboteur.fired
    assert steps > 25
    assert outcome == "fulfilled"
    with db.uow() as session:
        assert pay(session, order, now) == "already"
    with db.session() as session:
        assert session.scalar(select(func.count()).select_from(Pass)) == 1
        assert session.scalars(select(Order.state).where(Order.id == order.id)).one() == "paid"
        # The number was not lost by all those tries: promise 1.
        assert session.scalars(select(Member.number).where(Member.id == order.member_id)).one() == 2
        assert doctor.check(session, now) == []


def test_a_crash_before_the_commit_is_settled_by_the_next_telling(db, make, now):
    order = make.order()
    with pytest.raises(Fault), db.uow() as session:
        pay(session, order, now)
        raise Fault
    note = make.told("paid", order)
    with db.uow() as session:
        assert orders.handle_notification(session, notification=note, payload="{}", now=now) == "fulfilled"
    with db.session() as session:
        assert session.scalar(select(func.count()).select_from(Pass)) == 1
