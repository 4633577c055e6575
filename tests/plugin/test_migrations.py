"""The host's migrations leave the club's tables alone, and the club's leave the host's."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, inspect, text

from tests.plugin.conftest import Host, MakeHost

WARNING = "include_name"


def newest(host: Host) -> str:
    """The text of the host's newest migration."""
    paths = sorted(
        (host.folder / "migrations" / "versions").glob("*.py"), key=lambda path: path.stat().st_mtime_ns
    )
    return paths[-1].read_text()


def tables(engine: Engine) -> dict[str, list[str]]:
    """Every table with its columns."""
    look = inspect(engine)
    return {name: [one["name"] for one in look.get_columns(name)] for name in look.get_table_names()}


@pytest.fixture
def host(make_host: MakeHost) -> Host:
    """The full host; its first migration is made and run, the club's too."""
    return make_host("full").prepare()


@pytest.fixture
def engine(host: Host) -> Engine:
    return create_engine(host.env["HOST_DATABASE_URL"])


def change_the_host(host: Host) -> None:
    """A new column in a table of the host's."""
    path: Path = host.folder / "full.py"
    line = "    email: Mapped[str] = mapped_column(String(120), unique=True)\n"
    source = path.read_text()
    assert line in source
    path.write_text(
        source.replace(line, line + "    phone: Mapped[str | None] = mapped_column(String(40))\n")
    )


def test_a_hosts_migration_knows_nothing_of_the_club(host, engine):
    before = tables(engine)
    change_the_host(host)

    said = host.flask("db", "migrate", "-m", "a phone")
    made = newest(host)
    host.flask("db", "upgrade")
    after = tables(engine)

    assert "phone" in made
    assert "qunclub_" not in made
    assert WARNING not in said
    assert after.pop("user") == [*before.pop("user"), "phone"]
    assert after == before
    assert sum(name.startswith("qunclub_") for name in after) > 20
    host.flask("qunclub", "db", "check")
    # And with nothing changed, nothing is found.
    assert "No changes in schema detected" in host.flask("db", "migrate", "-m", "nothing")


def test_negative_control_without_the_filter_the_host_would_drop_the_club(host):
    said = host.flask("db", "migrate", "-m", "without the filter", HOST_WITHOUT_FILTER="1")

    assert "drop_table('qunclub_member')" in newest(host)
    # The start-up said so, and what to do.
    assert WARNING in said
    assert "exclude_qunclub_tables" in said


def test_the_clubs_migrations_touch_no_table_of_the_host(make_host):
    host = make_host("full")
    host.flask("db", "init")
    host.flask("db", "migrate", "-m", "the host's tables")
    host.flask("db", "upgrade")
    engine = create_engine(host.env["HOST_DATABASE_URL"])
    before = tables(engine)

    failed = host.flask("qunclub", "db", "check", fails=True)
    host.flask("qunclub", "db", "upgrade")
    host.flask("qunclub", "db", "upgrade")
    said = host.flask("qunclub", "db", "check")
    after = tables(engine)

    assert "Migrations are pending" in failed
    assert "match" in said
    assert {name: columns for name, columns in after.items() if not name.startswith("qunclub_")} == before
    with engine.connect() as connection:
        # Two version tables, each with its own head.
        host_head = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        club_head = connection.execute(text("SELECT version_num FROM qunclub_alembic_version")).scalar_one()
    assert host_head != club_head


def test_the_club_sees_when_its_own_table_was_changed(host, engine):
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE qunclub_member ADD COLUMN strange INTEGER"))
        connection.execute(text("ALTER TABLE invoice ADD COLUMN strange INTEGER"))

    said = host.flask("qunclub", "db", "check", fails=True)

    assert "strange" in said
    assert "invoice" not in said
