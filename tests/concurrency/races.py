"""What the races share: orders made ready, a meeting point between reading and writing, and what must hold after."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from qunclub import orders
from qunclub.groups import doctor as groups_doctor
from qunclub.groups.models import Seat
from qunclub.kernel import Actor, locks
from qunclub.members import doctor as members_doctor
from qunclub.members.models import Member
from qunclub.orders import doctor as orders_doctor
from qunclub.orders.models import Order, Payment
from qunclub.passes import doctor as passes_doctor
from qunclub.passes.models import Pass, Plan
from tests.support.databases import Db

GATEWAY = Actor.system("stripe")
DOCTORS = (members_doctor, groups_doctor, passes_doctor, orders_doctor)


def pay(session: Session, order: Order, now: dt.datetime, *, ref: str = "") -> orders.Outcome:
    """The order's money arrives."""
    return orders.record_payment(
        session,
        order_code=order.code,
        provider="stripe",
        ref=ref or f"pi_{order.code}",
        method="card",
        amount=order.total,
        currency=order.currency,
        now=now,
        actor=GATEWAY,
    )


def place(session: Session, plan: Plan, buyer: Member, now: dt.datetime) -> Order:
    """One buyer orders."""
    return orders.place(
        session,
        member_id=buyer.id,
        plan_id=plan.id,
        email="",
        locale="en",
        now=now,
        actor=Actor(buyer.user_key, buyer.name, member_id=buyer.id),
        hold_minutes=35,
    )


def ready(make: Any, plan: Plan, count: int) -> list[Order]:
    """So many pending orders of as many buyers."""
    return [make.order(plan) for _ in range(count)]


def findings(db: Db, now: dt.datetime) -> list[str]:
    """What the doctors of the rooms concerned say."""
    with db.session() as session:
        return [finding.message for doctor in DOCTORS for finding in doctor.check(session, now)]


def fetch(db: Db, model: type[Any], ident: int) -> Any:
    """A row as it is now."""
    with db.session() as session:
        return session.get_one(model, ident)


def number_of(db: Db, model: type[Any], *where: Any) -> int:
    """How many rows."""
    with db.session() as session:
        return session.scalar(select(func.count()).select_from(model).where(*where)) or 0


def numbers(db: Db) -> list[int]:
    """The numbers given, in order."""
    with db.session() as session:
        return [n for n in session.scalars(select(Member.number).order_by(Member.number)) if n is not None]


class Meeting:
    """Everybody who has read a row of *model* waits for the others before going on to write.

    With the lock nobody else can have read it, so the wait times out and they go one by one; without it they all act
    on what they read together. This makes a race certain that is otherwise a matter of luck.
    """

    def __init__(self, model: type[Any], parties: int, *, patience: float) -> None:
        self._model = model
        self._barrier = threading.Barrier(parties)
        self._patience = patience
        self._seen = threading.local()
        self._lock = locks.lock

    def __call__(self, session: Session, model: type[Any], ident: int) -> Any:
        """In place of ``locks.lock``."""
        row = self._lock(session, model, ident)
        if model is self._model and not getattr(self._seen, "met", False):
            self._seen.met = True
            self.wait()
        return row

    def wait(self) -> None:
        """Meet the others, or go on alone."""
        try:
            self._barrier.wait(self._patience)
        except threading.BrokenBarrierError:
            return


@contextmanager
def meeting(model: type[Any], parties: int, *, locked: bool, patience: float = 5) -> Iterator[None]:
    """A meeting at the rows of *model*, with the locks or (the negative control) without.

    *patience* is for the control: small where SQLite's own write lock lets only one come so far.
    """
    with ExitStack() as stack:
        stack.enter_context(
            patch.object(locks, "lock", Meeting(model, parties, patience=0.2 if locked else patience))
        )
        if not locked:
            stack.enter_context(locks.disabled())
        yield


def refused(outcomes: list[Any]) -> list[Exception]:
    """Those the database itself turned away: SQLite's "database is locked", a broken constraint, a deadlock."""
    return [outcome for outcome in outcomes if isinstance(outcome, DBAPIError)]


def unexpected(outcomes: list[Any], *expected: type[Exception]) -> list[Exception]:
    """Exceptions of other kinds than the race allows."""
    return [one for one in outcomes if isinstance(one, Exception) and not isinstance(one, expected)]


def race_was_seen(db: Db, outcomes: list[Any], broken: Callable[[], bool]) -> bool:
    """Whether a test would notice: the database refused somebody, or what must hold does not."""
    return bool(refused(outcomes)) or broken()


__all__ = [
    "GATEWAY",
    "Order",
    "Pass",
    "Payment",
    "Plan",
    "Seat",
    "fetch",
    "findings",
    "meeting",
    "number_of",
    "numbers",
    "pay",
    "place",
    "race_was_seen",
    "ready",
    "refused",
    "unexpected",
]
