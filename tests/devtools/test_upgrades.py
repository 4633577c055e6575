"""A database of the first version, with a club in it, comes through the migrations whole."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, MetaData, text

from qunclub import migrate
from qunclub.kernel.engine import create_club_engine
from tests.support import postgres

AT = "2026-03-01 08:00:00+00:00"
LATER = "2026-03-02 08:00:00+00:00"


@pytest.fixture(params=["sqlite", "postgres"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database at the first version's tables."""
    if request.param == "sqlite":
        engine = create_club_engine(f"sqlite:///{tmp_path / 'old.db'}")
        migrate.upgrade(engine, "0001")
        yield engine
        engine.dispose()
        return
    name = f"old_{uuid.uuid4().hex[:12]}"
    engine = create_club_engine(postgres.create(name))
    migrate.upgrade(engine, "0001")
    yield engine
    engine.dispose()
    postgres.drop(name)


def _fill(engine: Engine) -> None:
    """Two members: one bought, one bought and was refunded; rows that name each other by foreign keys."""
    tables = MetaData()
    tables.reflect(engine)

    def row(name: str, /, **values: Any) -> None:
        table = tables.tables["qunclub_" + name]
        for column in table.columns:
            if column.name not in values and not column.nullable and column.name != "id":
                kind = str(column.type).upper()
                if "DATE" in kind or "TIME" in kind:
                    values[column.name] = _moment(AT)
                elif "BOOL" in kind:
                    values[column.name] = False
                elif "INT" in kind:
                    values[column.name] = 0
                elif "JSON" in kind:
                    values[column.name] = []
                else:
                    values[column.name] = ""
        work.execute(table.insert().values(**values))

    with engine.begin() as work:
        row("plan", id=1, slug="a", title="A", price=9900, currency="CNY", state="on_sale", sold=1, version=1)
        for ident in (1, 2):
            row("member", id=ident, user_key=f"u{ident}", number=ident, name=f"M{ident}")
        for ident, state, refunded in ((1, "refunded", 9900), (2, "paid", 0)):
            # The second order was paid first: receipts follow the payments.
            paid = LATER if ident == 1 else AT
            row("order", id=ident, code=f"CODE{ident}", member_id=ident, state=state, currency="CNY", total=9900,
                paid_at=_moment(paid))  # fmt: skip
            row("order_line", id=ident, order_id=ident, plan_id=1, title="A", quantity=1, unit_price=9900)
            row("payment", id=ident, order_id=ident, provider="stripe", ref=f"pi_{ident}", method="card", amount=9900,
                refunded=refunded, currency="CNY", fulfils=True)  # fmt: skip
            row("order_event", order_id=ident, actor="x", to_state=state)
            row("pass", id=ident, member_id=ident, plan_id=1, source=f"order:{ident}:1",
                state="revoked" if refunded else "active", ended_at=_moment(LATER) if refunded else None)  # fmt: skip
        row("refund", payment_id=1, key="k", amount=9900, state="settled", settled_at=_moment(LATER))


def _moment(written: str) -> Any:
    return dt.datetime.fromisoformat(written)


def test_a_club_of_the_first_version_keeps_everything(old: Engine) -> None:
    _fill(old)
    migrate.upgrade(old)
    assert migrate.differences(old) == []
    with old.connect() as work:
        orders = work.execute(
            text("SELECT id, plan_id, method, refunded, receipt_no, kind FROM qunclub_order ORDER BY id")
        ).all()
        assert [tuple(row) for row in orders] == [
            (1, 1, "card", 9900, 2, "purchase"),
            (2, 1, "card", 0, 1, "purchase"),
        ]
        terms = work.execute(
            text("SELECT pass_id, source, revoked_at IS NOT NULL FROM qunclub_pass_term ORDER BY pass_id")
        ).all()
        assert [(ident, source, bool(gone)) for ident, source, gone in terms] == [
            (1, "order:1:1", True),
            (2, "order:2:1", False),
        ]
        counted = work.execute(text("SELECT value FROM qunclub_counter WHERE name = 'receipt_number'"))
        assert counted.scalar_one() == 2
        for table in ("order_line", "order_event", "payment", "pass"):
            assert work.execute(text(f"SELECT count(*) FROM qunclub_{table}")).scalar_one() == 2, table
        assert work.execute(text("SELECT count(*) FROM qunclub_payment WHERE to_book")).scalar_one() == 2


def test_an_empty_club_has_no_receipt_counter_yet(old: Engine) -> None:
    migrate.upgrade(old)
    with old.connect() as work:
        assert work.execute(text("SELECT count(*) FROM qunclub_counter")).scalar_one() == 0
