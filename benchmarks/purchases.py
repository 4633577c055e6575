"""Fulfilments: paid orders turned into passes with number, seat and points, by several writers at once."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from benchmarks.scale import Scale
from qunclub import courses, groups, members, orders, passes, points
from qunclub.extension import doctors
from qunclub.kernel import Actor
from qunclub.members.models import Member
from qunclub.orders.models import Order
from qunclub.passes.models import Plan
from tests.support import postgres
from tests.support.databases import Db, fresh

ACTOR = Actor.system("measuring")
PRICE = 19_900
HOLD_MINUTES = 35


@dataclass(frozen=True, slots=True)
class Fulfilments:
    """How many orders a second were placed, paid and fulfilled."""

    database: str
    version: str
    rates: tuple[float, ...]

    @property
    def rate(self) -> float:
        """The median of the rounds."""
        return median(self.rates)


def measure(folder: Path, scale: Scale, now: dt.datetime, say: Callable[[str], None]) -> list[Fulfilments]:
    """The fulfilments on each database, with the doctor's word that every promise held."""
    found = []
    for kind in scale.databases:
        with fresh("postgres" if kind == "postgres" else "sqlite", folder) as database:
            if kind == "postgres" and scale.durable:
                postgres.as_delivered()
            with database.uow() as session:
                plan = _shelf(session, now)
            rates = []
            for turn in range(1, scale.write_rounds + 1):
                rates.append(_round(database, plan, turn, scale, now))
                say(f"fulfilments on {kind}: round {turn} of {scale.write_rounds}")
            _prove(database, now)
            found.append(Fulfilments(kind, version(database), tuple(rates)))
    return found


def version(database: Db) -> str:
    """The name and version of the database."""
    with database.session() as session:
        if database.kind == "sqlite":
            return f"SQLite {session.scalar(text('SELECT sqlite_version()'))}"
        return f"PostgreSQL {session.scalar(text('SHOW server_version'))}"


def _shelf(session: Session, now: dt.datetime) -> Plan:
    points.ensure_rules(session, now=now)
    tier = members.ensure_tier(session, code="ordinary", name="Ordinary", rank=1, benefits="")
    line = groups.create_line(
        session, slug="learners", name="Learners", capacities=[2000] * 6 + [1500, 1000], actor=ACTOR, now=now
    )
    course = courses.create(
        session,
        slug="course",
        title="Course",
        summary="",
        description_md="",
        state="published",
        now=now,
        actor=ACTOR,
    )
    return passes.create_plan(
        session,
        slug="plan",
        title="Plan",
        price=PRICE,
        currency="CNY",
        tier_id=tier.id,
        group_line_id=line.id,
        course_ids=[course.id],
        stock=1_000_000,
        state="on_sale",
        actor=ACTOR,
        now=now,
    )


def _round(database: Db, plan: Plan, turn: int, scale: Scale, now: dt.datetime) -> float:
    buyers = _buyers(database, turn, scale.writers * scale.orders, now)
    shares = [buyers[place :: scale.writers] for place in range(scale.writers)]
    start = threading.Barrier(scale.writers + 1)

    def write(share: list[int]) -> None:
        start.wait()
        for member_id in share:
            _buy(database, plan, member_id, now)

    with ThreadPoolExecutor(scale.writers) as pool:
        running = [pool.submit(write, share) for share in shares]
        start.wait()
        began = perf_counter()
        for one in running:
            one.result()
        return len(buyers) / (perf_counter() - began)


def _buyers(database: Db, turn: int, number: int, now: dt.datetime) -> list[int]:
    rows: list[dict[str, Any]] = [
        {
            "user_key": f"buyer:{turn}:{place}",
            "name": f"Buyer {turn}-{place}",
            "email": f"buyer{turn}-{place}@example.com",
            "roles": [],
            "joined_at": now,
        }
        for place in range(number)
    ]
    with database.uow() as session:
        session.execute(insert(Member), rows)
        return list(session.scalars(select(Member.id).where(Member.user_key.startswith(f"buyer:{turn}:"))))


def _buy(database: Db, plan: Plan, member_id: int, now: dt.datetime) -> None:
    """As on the web: the order in one transaction, the gateway's word of the payment in another."""

    def place(session: Session) -> Order:
        return orders.place(
            session,
            member_id=member_id,
            plan_id=plan.id,
            email="buyer@example.com",
            locale="zh",
            now=now,
            actor=ACTOR,
            hold_minutes=HOLD_MINUTES,
        )

    order = database.transact(place)

    def pay(session: Session) -> str:
        return orders.record_payment(
            session,
            order_code=order.code,
            provider="stripe",
            ref=f"pi_{order.code}",
            method="card",
            amount=PRICE,
            currency="CNY",
            now=now,
            actor=ACTOR,
        ).kind

    outcome = database.transact(pay)
    if outcome != "fulfilled":
        raise RuntimeError(f"a paid order was not fulfilled but {outcome}")


def _prove(database: Db, now: dt.datetime) -> None:
    with database.session() as session:
        findings = [finding for check in doctors().values() for finding in check(session, now)]
    if findings:
        raise RuntimeError(f"a promise broke while it was measured: {findings[0].message}")
