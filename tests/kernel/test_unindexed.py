"""What the planners are told: an index that is not to be followed, a choice that is to be looked up."""

import pytest
from sqlalchemy import column, select, table
from sqlalchemy.dialects import postgresql, sqlite

from qunclub.kernel.unindexed import among, unindexed

WORKS, SHARES = table("work", column("id")), table("share", column("work_id"))


@pytest.mark.parametrize(
    ("dialect", "wanted"),
    [
        (sqlite.dialect(), "(work.id IN (SELECT share.work_id"),
        (postgresql.dialect(), "(work.id = ANY (ARRAY(SELECT share.work_id"),
    ],
    ids=["sqlite", "postgres"],
)
def test_a_choice_is_a_bare_condition(dialect, wanted):
    """Compared with 1, as SQLAlchemy does with conditions on SQLite, no index would be followed."""
    query = select(WORKS.c.id).where(among(WORKS.c.id, select(SHARES.c.work_id)), WORKS.c.id > 1)
    text = " ".join(str(query.compile(dialect=dialect)).split())
    assert wanted in text and "= 1" not in text


def test_a_column_is_hidden_from_sqlite_alone():
    query = select(WORKS.c.id).where(unindexed(WORKS.c.id) == 3)
    assert "+work.id = " in str(query.compile(dialect=sqlite.dialect()))
    assert "+work.id" not in str(query.compile(dialect=postgresql.dialect()))
