"""The database itself refuses to change or delete a line, on SQLite and on PostgreSQL, whoever asks."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.exc import DBAPIError

from qunclub import migrate
from qunclub.kernel import append_only
from qunclub.points import doctor
from qunclub.points.models import LedgerEntry, PointRuleVersion
from tests.support.tampering import tampering

GUARDED = ("qunclub_ledger_entry", "qunclub_point_rule_version")


@pytest.mark.parametrize("model", [LedgerEntry, PointRuleVersion])
def test_neither_bulk_nor_raw_sql_changes_a_line(session, make, model):
    make.earn(make.member(number=True), 10)
    name = model.__tablename__
    attempts = [
        update(model).values(amount=1000),
        delete(model),
        text(f"UPDATE {name} SET amount = amount WHERE id > 0"),
        text(f"DELETE FROM {name} WHERE id = (SELECT min(id) FROM {name})"),
    ]
    if session.get_bind().dialect.name == "postgresql":
        attempts.append(text(f"TRUNCATE {name} CASCADE"))
    for attempt in attempts:
        with pytest.raises(DBAPIError, match="append-only"), session.begin_nested():
            session.execute(attempt)
    assert session.scalar(select(func.count()).where(model.amount == 1000)) == 0


def test_a_table_whose_guard_is_gone_is_seen(session, make, now):
    connection = session.connection()
    assert append_only.unguarded(connection, LedgerEntry.metadata) == []
    for table in GUARDED:
        append_only.release(connection, table)
    missing = append_only.unguarded(connection, LedgerEntry.metadata)
    assert len(missing) == 4 and all(name.startswith(GUARDED) for name in missing)
    assert any("does not guard" in finding.message for finding in doctor.check(session, now))
    for table in GUARDED:
        append_only.guard(connection, table)
    assert append_only.unguarded(connection, LedgerEntry.metadata) == []


def test_the_check_of_migrations_sees_it_too(db):
    assert migrate.differences(db.engine) == []
    with db.engine.begin() as connection:
        append_only.release(connection, GUARDED[0])
    found = migrate.differences(db.engine)
    assert len(found) == 2 and all(f"trigger {GUARDED[0]}_no_" in one for one in found)
    with db.engine.begin() as connection:
        append_only.guard(connection, GUARDED[0])


def test_the_door_for_tests_closes_behind_them(session, make):
    make.earn(make.member(number=True), 10)
    with tampering(session):
        session.execute(update(LedgerEntry).values(reason="x"))
    with pytest.raises(DBAPIError, match="append-only"), session.begin_nested():
        session.execute(update(LedgerEntry).values(reason="y"))
