"""The clubs that are measured: the demo club with its real texts, grown to a given number of members."""

from __future__ import annotations

import datetime as dt
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Insert, func, insert, select, update
from sqlalchemy.orm import Session

from app import create_app, db
from qunclub import migrate, points
from qunclub.demo.build import PASSWORD, SHOWN_ACCOUNTS, build
from qunclub.kernel import clock, store
from qunclub.members.models import Member
from qunclub.members.services import NUMBER_COUNTER
from qunclub.points.doctor import check
from qunclub.points.models import LedgerEntry, Window
from qunclub.web.state import club
from qunclub.web.uow import transaction

CHUNK = 5_000
ACCOUNT = (dict(SHOWN_ACCOUNTS)["member 会员"], PASSWORD)
DAYS = 120


def settings(instance: Path) -> dict[str, str]:
    """How the club runs while it is measured: as in production, nobody turned away for coming often."""
    return {
        "QUNCLUB_INSTANCE": str(instance),
        "QUNCLUB_ENV": "production",
        "QUNCLUB_SECRET_KEY": "only-for-measuring-" + "0" * 32,
        "QUNCLUB_PUBLIC_URL": "https://club.example.com",
        "QUNCLUB_RATE_LIMITS": "no",
    }


@contextmanager
def opened(instance: Path) -> Iterator[Flask]:
    """The club of *instance* as an app in this process, in its context."""
    app = create_app({**settings(instance), "TESTING": True, "QUNCLUB_LOG_LEVEL": "ERROR"})
    with app.app_context():
        try:
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()


def found(instance: Path, *, members: int) -> None:
    """Make the demo club in *instance* and let it grow to *members*."""
    with opened(instance):
        migrate.upgrade(db.engine)
        build(club())
        _grow(club().session(), members)
        _into_one_file()


def copy(source: Path, target: Path, *, members: int) -> None:
    """The club of *source* once more, grown further."""
    shutil.copytree(source, target)
    with opened(target):
        _grow(club().session(), members)
        _into_one_file()


def _into_one_file() -> None:
    db.session.remove()
    with db.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("ANALYZE")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")


def _grow(session: Session, members: int) -> None:
    now = clock.utcnow()
    rng = random.Random(members)
    with transaction(session):
        there = session.scalar(select(func.count()).select_from(Member)) or 0
        number = session.scalar(select(func.max(Member.number))) or 0
        new = range(number + 1, number + 1 + max(0, members - there))
        _insert(session, insert(Member), [_member(one, now) for one in new])
        rows = session.execute(select(Member.id).where(Member.number > number).order_by(Member.id))
        lines = [line for (ident,) in rows for line in _lines(rng, ident, now)]
        _insert(session, insert(LedgerEntry), lines)
        session.execute(
            update(store.Counter).where(store.Counter.name == NUMBER_COUNTER).values(value=number + len(new))
        )
        # Standings and counts come out of the ledger by the club's own rule.
        for window_id in session.scalars(select(Window.id).order_by(Window.id)).all():
            points.rebuild(session, window_id)
    findings = check(session, now)
    session.rollback()
    if findings:
        raise RuntimeError(f"the club to be measured is not in order: {findings[0].message}")


def _member(number: int, now: dt.datetime) -> dict[str, Any]:
    return {
        "user_key": f"measured:{number}",
        "name": f"Member {number}",
        "email": f"member{number}@example.com",
        "number": number,
        "nickname": f"翻页-{number}",
        "city": "上海",
        "roles": [],
        "joined_at": now,
        "numbered_at": now,
    }


def _lines(rng: random.Random, member_id: int, now: dt.datetime) -> list[dict[str, Any]]:
    return [_line(rng, member_id, place, now) for place in range(rng.randint(1, 3))]


def _line(rng: random.Random, member_id: int, place: int, now: dt.datetime) -> dict[str, Any]:
    amount = rng.randint(40, 100) * rng.randint(1, 5)
    earned = now - dt.timedelta(days=rng.randint(0, DAYS))
    return {
        "member_id": member_id,
        "kind": "homework_accepted",
        "source": f"measured:{member_id}:{place}",
        "amount": amount,
        "actor": "system:measured",
        "occurred_at": earned,
        "counts_at": earned,
        "created_at": now,
    }


def _insert(session: Session, statement: Insert, rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), CHUNK):
        session.execute(statement, rows[start : start + CHUNK])
