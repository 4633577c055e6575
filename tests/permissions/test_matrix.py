"""Every route × every role × one's own thing and somebody else's, in the demo club, which has some of everything.

What is refused is refused before the form is read (403 or 404, a visitor is sent to sign in), and writes nothing.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, text
from werkzeug.routing import Rule

from qunclub.adapters.accounts.models import Account
from qunclub.members.models import Member
from qunclub.orders import memberships_views
from qunclub.web.guards import ATTRIBUTE
from tests.factories import Make
from tests.support.clock import FakeClock
from tests.support.databases import Db
from tests.support.demo import NOON, demo_copy
from tests.support.pages import csrf_token, sign_in
from tests.support.statements import count_statements

from .owners import OWN, PUBLIC, SELF, STAFF, TOKENS, Own
from .seeds import seed

STAFF_EMAILS = {
    "admin": "wenshuhuai@example.com",
    "instructor": "yezhiwei@example.com",
    "host": "xiangxiaoman@example.com",
}
ROLES = ("visitor", "newcomer", "suspended", "member", *STAFF_EMAILS)
# Who passes a guard: each role is listed with every guard that lets it in.
PASSES = {
    "visitor": {"anyone"},
    "newcomer": {"anyone", "signed_in"},
    "suspended": {"anyone", "signed_in"},
    "member": {"anyone", "signed_in", "member"},
    "instructor": {"anyone", "signed_in", "member", "instructor"},
    "host": {"anyone", "signed_in", "member", "host"},
    "admin": {"anyone", "signed_in", "member", "instructor", "host", "admin"},
}
WRITES = ("INSERT", "UPDATE", "DELETE", "WITH")
MOST = 3
"""How many things of a kind are tried: the first, and two more."""


@dataclass
class House:
    """The demo club with a client for each role, and for each member when asked."""

    app: Flask
    db: Db
    clients: dict[str, FlaskClient] = field(default_factory=dict)
    accounts: dict[int, Account] = field(default_factory=dict)
    roles: dict[int, list[str]] = field(default_factory=dict)
    plain: list[int] = field(default_factory=list)

    @property
    def engine(self) -> Engine:
        """Where writes are watched."""
        with self.app.app_context():
            bind = self.app.extensions["qunclub"].session().get_bind()
            assert isinstance(bind, Engine)
            return bind

    @contextmanager
    def watched(self) -> Iterator[Callable[[], bool]]:
        """Whether anything was committed since the block began; a statement that met no row changes nothing."""
        with closing(sqlite3.connect(str(self.engine.url.database), isolation_level=None)) as watch:

            def number() -> int:
                return int(watch.execute("PRAGMA data_version").fetchone()[0])

            before = number()
            yield lambda: number() != before

    def of(self, member_id: int) -> FlaskClient:
        """A client signed in as this member."""
        return sign_in(self.app.test_client(), self.accounts[member_id])

    @contextmanager
    def as_it_was(self) -> Iterator[None]:
        """Whatever happens in the block is undone after it."""
        place = Path(str(self.engine.url.database))
        kept = place.with_suffix(".kept")
        if not kept.exists():
            with self.engine.connect() as connection:
                sqlite: Any = connection.connection.driver_connection
                sqlite.execute("VACUUM INTO ?", [str(kept)])
        try:
            yield
        finally:
            self.engine.dispose()
            self.db.engine.dispose()
            for tail in ("-wal", "-shm"):
                place.with_name(place.name + tail).unlink(missing_ok=True)
            shutil.copyfile(kept, place)

    def address(self, rule: Rule, values: dict[str, Any]) -> str:
        """The address of *rule* with these arguments."""
        with self.app.test_request_context():
            return url_for(rule.endpoint, **values)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Built once: nothing here changes the club."""
    from app import create_app

    folder: Path = tmp_path_factory.mktemp("house") / "instance"
    db = demo_copy(folder)
    app = create_app({
        "TESTING": True, "QUNCLUB_DATABASE_URL": db.url, "QUNCLUB_INSTANCE": str(folder),
        "QUNCLUB_RATE_LIMITS": "no", "QUNCLUB_LOG_LEVEL": "ERROR",
    })  # fmt: skip
    app.extensions["qunclub"].clock = FakeClock(NOON)
    yield _peopled(House(app, db))
    db.engine.dispose()


def _peopled(house: House) -> House:
    make = Make(house.db, NOON)
    seed(make, house.db, house.app.extensions["qunclub"].files)
    outside = {"newcomer": make.account(), "suspended": make.account(number=True, suspended_at=NOON)}
    with house.db.session() as session:
        people = session.execute(
            select(Member, Account).join(Account, Account.email == Member.email).order_by(Member.id)
        ).all()
        for member, account in people:
            house.accounts[member.id], house.roles[member.id] = account, list(member.roles)
            if not member.roles and member.suspended_at is None and member.number is not None:
                house.plain.append(member.id)
        by_email = {account.email: account for _, account in people}
        session.expunge_all()
    house.clients["visitor"] = house.app.test_client()
    for role, account in outside.items():
        house.clients[role] = sign_in(house.app.test_client(), account)
    for role, email in STAFF_EMAILS.items():
        house.clients[role] = sign_in(house.app.test_client(), by_email[email])
    house.clients["member"] = house.of(house.plain[-1])
    return house


def ours(house: House) -> list[tuple[Rule, str]]:
    """Every route of the club with its guard."""
    views = house.app.view_functions
    found = [(rule, getattr(views[rule.endpoint], ATTRIBUTE, "")) for rule in house.app.url_map.iter_rules()]
    return [(rule, who) for rule, who in found if rule.endpoint.startswith("qunclub.") and who]


def short(rule: Rule) -> str:
    name: str = rule.endpoint
    return name.removeprefix("qunclub.")


def ask(house: House, client: FlaskClient, rule: Rule, values: dict[str, Any]) -> tuple[int, list[str]]:
    """The worst answer of the route's methods, with what they wrote."""
    address, written, worst = house.address(rule, values), list[str](), 0
    for method in sorted((rule.methods or set()) & {"GET", "POST"}):
        headers = {"X-CSRFToken": csrf_token(client)} if method == "POST" else {}
        with house.watched() as changed, count_statements(house.engine) as sent:
            answer = client.open(address, method=method, headers=headers)
            touched = changed()
        if touched:
            written += [one for one in sent.sent if one.lstrip().upper().startswith(WRITES)]
        code = answer.status_code
        if code in (302, 303) and "/account/sign-in" in answer.headers["Location"]:
            code = 401
        worst = code if worst == 0 or code not in (401, 403, 404) else worst
        answer.close()
    return worst, written


def dummy(rule: Rule) -> dict[str, Any]:
    """Arguments that fit the rule and name nothing."""
    converters: dict[str, Any] = rule._converters
    return {
        name: 2_000_000_000 if "Integer" in type(one).__name__ else "x" for name, one in converters.items()
    }


def test_every_route_is_in_one_table(house: House) -> None:
    routes = ours(house)
    tables = (OWN, PUBLIC, SELF, STAFF, TOKENS)
    wrong = [
        f"{short(rule)}: in {sum(short(rule) in table for table in tables)} tables of owners.py"
        for rule, who in routes
        if ((rule.arguments and who != "admin") or short(rule) in OWN)
        and sum(short(rule) in table for table in tables) != 1
    ]
    assert not wrong, "\n".join(wrong)
    known = {short(rule) for rule, _ in routes}
    gone = sorted(set().union(*tables) - known)
    assert not gone, f"no such route: {gone}"


@pytest.mark.parametrize("role", ROLES)
def test_no_guard_is_passed_without_the_role(house: House, role: str) -> None:
    wrong = []
    for rule, who in ours(house):
        if who in PASSES[role]:
            continue
        code, written = ask(house, house.clients[role], rule, dummy(rule))
        # A session is no token: whoever is signed in, a program's address asks for one.
        expected = (401,) if role == "visitor" or who == "token" else (403,)
        if code not in expected or written:
            wrong.append(f"{short(rule)} ({who}): {code} {written}")
    assert not wrong, "\n".join(wrong)


def things(house: House, what: Own) -> list[tuple[dict[str, Any], set[int]]]:
    """Each thing's arguments with its owners."""
    found: dict[tuple[tuple[str, Any], ...], set[int]] = {}
    with house.db.session() as session:
        for row in session.execute(text(what.sql)).mappings():
            key = tuple((name, value) for name, value in row.items() if name != "owner")
            found.setdefault(key, set()).add(row["owner"])
    return [(dict(key), owners) for key, owners in found.items()]


@pytest.mark.parametrize("endpoint", sorted(OWN))
def test_one_reaches_ones_own_and_nobody_elses(house: House, endpoint: str) -> None:
    [rule] = [rule for rule, _ in ours(house) if short(rule) == endpoint]
    what = OWN[endpoint]
    found = things(house, what)
    assert found, "the demo has none of these"
    fill = dummy(rule)
    wrong = []
    for values, owners in found[:MOST]:
        intruder = next(one for one in reversed(house.plain) if one not in owners)
        clients = {**house.clients, "member": house.of(intruder)}
        for role in ROLES:
            if role in what.also or any(
                house.accounts[one].email == STAFF_EMAILS.get(role) for one in owners
            ):
                continue
            code, written = ask(house, clients[role], rule, {**fill, **values})
            if code not in ((401,) if role == "visitor" else (403, 404)) or written:
                wrong.append(f"{role} with {values} of {sorted(owners)}: {code} {written}")
    assert not wrong, "\n".join(wrong)
    with house.as_it_was():
        for values, owners in found:
            able = [one for one in owners if one in house.accounts]
            if able and ask(house, house.of(able[0]), rule, {**fill, **values})[0] not in (401, 403, 404):
                return
    pytest.fail("no owner reaches any of these: the test would see no leak")


def test_a_check_that_is_missing_is_seen(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memberships_views, "_own", lambda ident: None)
    with house.as_it_was(), pytest.raises(AssertionError, match="UPDATE qunclub_subscription"):
        test_one_reaches_ones_own_and_nobody_elses(house, "memberships.cancel")
