"""The real web server is killed at each phase of a payment, and the real job command in a refund; then it goes on."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import func, select

from qunclub.kernel.clock import utcnow
from qunclub.members.models import Member
from qunclub.orders.models import Order, Payment, Refund
from qunclub.passes.models import Pass, Plan
from tests.factories import Make
from tests.support.databases import Db, fresh
from tests.support.sandbox import API_KEY, SECRET, LiveSandbox, live_sandbox, wait_until
from tests.support.servers import ROOT, free_port, stop, wait_for

pytestmark = pytest.mark.slow

START, BACK, HOOK = "qunclub.orders.start", "qunclub.orders.back", "qunclub.orders_webhook.stripe"
POINTS = (
    (START, "before create_checkout", 1),  # placed, Stripe not asked
    (START, "after create_checkout", 1),  # asked, the answer lost
    (BACK, "statement INSERT", 4),  # in the middle of fulfilling
    (BACK, "after commit", 2),  # fulfilled, the buyer was not told
    (HOOK, "statement INSERT", 4),  # the same by webhook, the buyer gone
    (HOOK, "after commit", 1),  # fulfilled, Stripe was not answered
)
PASSWORD = "a long enough password"


class Server:
    """The web process, which can be started again on the same port."""

    def __init__(self, db: Db, folder: Path, port: int, sandbox: LiveSandbox) -> None:
        self.folder, self.url = folder / "instance", f"http://127.0.0.1:{port}"
        self.folder.mkdir()
        for name, value in (("sandbox-api", API_KEY), ("sandbox-webhook", SECRET)):
            (self.folder / f"{name}.key").write_text(value)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("QUNCLUB_")}
        self.environment = kept | {
            "PORT": str(port),
            "QUNCLUB_SANDBOX_PORT": sandbox.url.rpartition(":")[2],
            "QUNCLUB_INSTANCE": str(self.folder),
            "QUNCLUB_DATABASE_URL": db.url,
            "QUNCLUB_RATE_LIMITS": "no",
            "QUNCLUB_LOG_LEVEL": "WARNING",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it answers."""
        log = self.folder / "web.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.club"],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        wait_for(self.url + "/readyz", self._process, log)

    def end(self) -> None:
        """Stop what is left of it."""
        if self._process is not None:
            stop(self._process)
            self._process = None

    def kill_at(self, point: tuple[str, str, int]) -> None:
        """Die there, the next time."""
        (self.folder / "kill-at").write_text(" ".join(str(part) for part in point))

    def was_killed(self) -> bool:
        """Whether it died where it was told; then it is started again."""
        if (self.folder / "kill-at").exists():
            return False
        self.end()
        self.start()
        return True

    def jobs(self) -> int:
        """What the job worker does, once, in a process of its own; how that ended."""
        return self.command("jobs").returncode

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """``flask qunclub …``."""
        return subprocess.run(
            [sys.executable, "-m", "flask", "--app", "tests.faults.club", "qunclub", *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def later(self, minutes: int) -> None:
        """Put the club's clock ahead."""
        (self.folder / "later").write_text(str(minutes))


class Browser:
    """Somebody at the site, who tries again when it does not answer."""

    def __init__(self, server: Server, email: str) -> None:
        self.server, self._http = server, requests.Session()
        self._http.trust_env = False
        self.post("/account/sign-in", {"email": email, "password": PASSWORD})

    def get(self, path: str) -> requests.Response:
        """Look; at most one kill on the way."""
        return self._patiently("GET", path, None)

    def post(self, path: str, data: dict[str, Any], page: str = "") -> requests.Response:
        """Send a form as *page* (or the account's) would."""
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.get(page or "/account/sign-in").text)
        if token is None:
            token = re.search(
                r"X-CSRFToken&#34;: ?&#34;([^&]+)|X-CSRFToken\": ?\"([^\"]+)", self.get("/").text
            )
        assert token is not None
        return self._patiently("POST", path, {**data, "csrf_token": next(filter(None, token.groups()))})

    def _patiently(self, method: str, path: str, data: dict[str, Any] | None) -> requests.Response:
        address = urllib.parse.urljoin(self.server.url, path)
        try:
            return self._http.request(method, address, data=data, allow_redirects=False, timeout=30)
        except requests.ConnectionError:
            assert self.server.was_killed()
            return self._http.request(method, address, data=data, allow_redirects=False, timeout=30)


@contextmanager
def club(folder: Path) -> Iterator[tuple[Server, Db, LiveSandbox]]:
    """A club with a buyer for each point and an admin, its server running, its sandbox silent."""
    port = free_port()
    hook = f"http://127.0.0.1:{port}/webhooks/stripe"
    with (
        fresh("sqlite", folder) as db,
        live_sandbox(folder, clock=utcnow, webhook_url=hook, webhook_attempts=12) as sandbox,
    ):
        make = Make(db, utcnow())
        make.plan(slug="killed", stock=20, line=make.group_line(capacities=(20,)))
        for number in range(len(POINTS)):
            make.account(email=f"buyer{number}@example.com", password=PASSWORD)
        make.account(email="admin@example.com", password=PASSWORD, roles=("admin",))
        sandbox.behave(webhooks="never")
        server = Server(db, folder, port, sandbox)
        server.start()
        try:
            yield server, db, sandbox
        finally:
            server.end()


def test_every_phase(tmp_path: Path) -> None:
    with club(tmp_path) as (server, db, sandbox):
        for number, point in enumerate(POINTS):
            browser = Browser(server, f"buyer{number}@example.com")
            server.kill_at(point)
            page = browser.post("/passes/killed/order", {}, "/passes/killed/order").headers["Location"]
            assert page.startswith(sandbox.url), page
            paid = sandbox.pay(page.rpartition("/")[2], method="alipay")
            if point[0] == HOOK:
                sandbox.control("/sandbox/deliver", {})
                wait_until(lambda: not (server.folder / "kill-at").exists(), 20)
                assert server.was_killed()
            else:
                assert "/welcome/" in browser.get(paid.headers["Location"]).headers["Location"]
                sandbox.control("/sandbox/deliver", {})
            assert not (server.folder / "kill-at").exists(), f"{point} was never reached"
            wait_until(lambda: all(one["state"] == "sent" for one in sandbox.deliveries()), 30)
            assert _passes_of(db, f"buyer{number}@example.com") == 1, point
        _give_back(server, db, sandbox)
        server.later(80)
        assert server.jobs() == 0
        assert server.command("doctor").returncode == 0
        _books(db, sandbox)


def _passes_of(db: Db, email: str) -> int:
    with db.session() as session:
        held = select(func.count()).select_from(Pass).join(Member).where(Member.email == email)
        return session.scalars(held).one()


def _give_back(server: Server, db: Db, sandbox: LiveSandbox) -> None:
    """The first order's money goes back, while the job command is killed about asking Stripe."""
    with db.session() as session:
        code = session.scalars(select(Order.code).where(Order.state == "paid").order_by(Order.id)).first()
    admin = Browser(server, "admin@example.com")
    where = f"/admin/orders/{code}/refund"
    page = f"{where}?what=whole&reason=sorry"
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', admin.get(page).text))
    assert admin.post(where, hidden | {"reason": "sorry"}, page).status_code == 303
    for ahead, step in enumerate(("before refund", "after refund"), start=1):
        server.kill_at(("-", step, 1))
        assert server.jobs() == -signal.SIGKILL
        server.later(15 * ahead)  # past the time for which the killed one had taken the work
    assert server.jobs() == 0


def _books(db: Db, sandbox: LiveSandbox) -> None:
    """Everybody has one pass for one payment but the one whose money went back, once."""
    buyers = len(POINTS)
    moved = sandbox.client().v1.balance_transactions.list({"limit": 100}).data
    assert sorted(line.amount for line in moved) == [-19900, *[19900] * buyers]
    with db.session() as session:
        states = sorted(session.scalars(select(Order.state)))
        assert states.count("paid") == buyers - 1
        assert states.count("refunded") == 1
        assert set(states) <= {"paid", "refunded", "expired"}
        assert session.scalar(select(func.count()).select_from(Payment)) == buyers
        assert list(session.scalars(select(Refund.state))) == ["settled"]
        assert sorted(session.scalars(select(Pass.state))) == ["active"] * (buyers - 1) + ["revoked"]
        plan = session.scalars(select(Plan).where(Plan.slug == "killed")).one()
        assert (plan.held, plan.sold) == (0, buyers - 1)
