"""A whole club in memory for a state machine: plans, people, a gateway with a truth of its own, and all the doctors."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant
from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.groups import doctor as groups_doctor
from qunclub.kernel import ClubError, outbox
from qunclub.members import doctor as members_doctor
from qunclub.members.models import Member
from qunclub.orders import doctor, jobs, jobs_inbox, jobs_recurring
from qunclub.orders.models import GatewayEvent, Order, Payment
from qunclub.orders.models_money import Dispute
from qunclub.orders.models_selling import Subscription
from qunclub.passes import doctor as passes_doctor
from qunclub.passes import jobs as passes_jobs
from qunclub.passes.models import Plan
from qunclub.web import uow
from qunclub.web.state import ClubState
from tests.factories import Make
from tests.support.clock import FakeClock
from tests.support.databases import Db, fresh
from tests.support.fake_gateway import FakeGateway

START = dt.datetime(2026, 4, 15, 4, 0, tzinfo=dt.UTC)
ALL = (doctor, passes_doctor, groups_doctor, members_doctor)
# What doctors say of work that waits.
WAITS = ("is the job worker running", "more than a day", "should have expired", "outlived its days of grace")
WORK = {
    "refund": jobs.carry_out_refund,
    "checkout_expire": jobs.expire_checkout,
    "subscription_cancel": jobs_recurring.carry_out_wish,
    "dispute_look": jobs_recurring.look_at_dispute,
}


class WholeClub(RuleBasedStateMachine):
    """A club with three plans, three people, one gateway, and whatever happens to them."""

    def __init__(self) -> None:
        super().__init__()
        memory = Path("/dev/shm")
        self._folder = tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)
        self._fresh = fresh("sqlite", Path(self._folder.name))
        self.db: Db = self._fresh.__enter__()
        self.clock = FakeClock(START)
        self.gateway = FakeGateway(self.clock)
        self._session = Session(self.db.engine)
        self._watch, self._seen = self.db.engine.connect(), None
        nothing: Any = None
        self.state = ClubState(
            settings=nothing, session=lambda: self._session, identity=nothing, clock=self.clock, secret="x",
            gateway=self.gateway, mailer=nothing, files=nothing, course_access=nothing, find_member=nothing,
            load_member=nothing, keep_locale=nothing, limiter=nothing, group_book=nothing,
        )  # fmt: skip
        self.delivered: set[str] = set()

    @initialize()
    def open(self) -> None:
        make = Make(self.db, START)
        self.members: list[Member] = [make.member() for _ in range(3)]
        line = make.group_line(capacities=[2, 3])
        self.plans: list[Plan] = [
            make.plan(price=10_000, stock=2, line=line),
            make.monthly(price=3_000, stock=3),
            make.plan(price=5_000, stock=4),
        ]
        with self.db.uow() as session:
            session.get_one(Plan, self.plans[2].id).gift_max = 3

    # What the steps stand on

    def do(self, command: Callable[[Session], Any]) -> Any:
        """A command in a transaction of its own; what the club refuses is refused."""
        self._session.rollback()
        self._session.expunge_all()
        try:
            return uow.retrying(self._session, command)
        except ClubError:
            self._session.rollback()
            return None

    def rows(self, model: type[Any], *where: Any) -> list[Any]:
        with self.db.session() as session:
            return list(session.scalars(select(model).where(*where).order_by(model.id)))

    def deliver(self, told: Any) -> None:
        self._session.expunge_all()
        jobs_inbox.receive(self.state, told, json.dumps({"id": told.id}))
        self.delivered.add(told.id)

    def sweep_all(self) -> None:
        self.gateway.tick()
        self._session.expunge_all()
        jobs.sweep(self.state)
        passes_jobs.sweep(self.state)
        self.dispatch()

    def dispatch(self) -> None:
        """The worker's part of the outbox; mails are thrown away."""
        for _round in range(5):
            with uow.transaction(self._session) as session:
                taken = [
                    (m.id, m.kind, m.key, m.payload, m.attempts)
                    for m in outbox.take(session, now=self.clock(), limit=50)
                ]
            if not taken:
                return
            for ident, kind, key, payload, attempts in taken:
                try:
                    if kind in WORK:
                        WORK[kind](self.state, payload, key)
                except Exception as error:
                    self._session.rollback()
                    with uow.transaction(self._session) as session:
                        outbox.failed(
                            session, ident, attempts=min(attempts, 3), error=str(error), now=self.clock()
                        )
                else:
                    with uow.transaction(self._session) as session:
                        outbox.done(session, ident, now=self.clock())

    @invariant()
    def doctors_find_nothing(self) -> None:
        version = self._watch.exec_driver_sql("PRAGMA data_version").scalar()
        self._watch.rollback()
        # Only what was written can be wrong.
        if hasattr(self, "plans") and version != self._seen:
            self._seen = version
            self.healthy()

    def healthy(self, *, swept: bool = False) -> None:
        """No doctor finds damage; that work waits for the worker is none, until it has *swept*."""
        with self.db.session() as session:
            now = self.clock()
            found = [
                finding.message
                for room in (ALL if swept else ALL[:2])
                for finding in room.check(session, now)
                if swept or not any(words in finding.message for words in WAITS)
            ]
        assert not found, found

    # The end

    def teardown(self) -> None:
        try:
            if hasattr(self, "plans"):
                self.settle_all()
        finally:
            self._session.close()
            self._watch.close()
            self._fresh.__exit__(None, None, None)
            self._folder.cleanup()

    def settle_all(self) -> None:
        """The gateway is back, everything is delivered and swept: the books agree."""
        self.gateway.away = False
        for _round in range(3):
            for told in list(self.gateway.told):
                if told.id not in self.delivered:
                    self.deliver(told)
            self.clock.advance(hours=3)
            self.sweep_all()
        self.healthy(swept=True)
        unhandled = self.rows(GatewayEvent, GatewayEvent.handled_at.is_(None))
        assert not unhandled, [(one.kind, one.outcome, one.error) for one in unhandled]
        self.books_agree()

    def books_agree(self) -> None:
        kept = {one.ref: one for one in self.rows(Payment)}
        orders_by_id = {one.id: one for one in self.rows(Order)}
        assert set(kept) == set(self.gateway.payments)
        for ref, paid in self.gateway.payments.items():
            here = kept[ref]
            assert here.amount == paid.amount
            assert here.refunded == min(paid.amount, paid.given_back + paid.lost), ref
            order = orders_by_id[here.order_id]
            assert here.fulfils or here.refunded == here.amount or order.state == "needs_attention"
        for one in self.rows(Dispute):
            assert one.state == self.gateway.disputes[one.ref].status
        for found in self.rows(Subscription):
            there = self.gateway.subscriptions.get(found.ref or "")
            if there is not None and found.state != "pending":
                assert (there.status == "ended") == (found.state == "ended"), (found.state, there)
                assert found.state == "ended" or there.cancel_at_end == found.cancel_at_end
