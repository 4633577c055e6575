"""The pay sandbox on a free port, and a letterbox for its webhooks."""

from __future__ import annotations

import datetime as dt
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import stripe
from flask import Flask, request
from werkzeug.serving import make_server

from qunclub.adapters.stripe_gateway import StripeGateway
from qunclub.kernel.payments import CheckoutRequest, CheckoutSession
from qunclub.sandbox import RunningSandbox, serve

API_KEY = "sk_test_sandbox"
SECRET = "whsec_sandbox"
GOOD_CARD = "4242 4242 4242 4242"
CARD = {"method": "card", "number": GOOD_CARD, "expiry": "12 / 34", "cvc": "123"}


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Redirects are looked at, not followed."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    text: str
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)


class LiveSandbox:
    """What a test does with a running sandbox."""

    def __init__(self, running: RunningSandbox, clock: Callable[[], dt.datetime]) -> None:
        self.running = running
        self.url = running.url
        self.clock = clock
        self._opener = urllib.request.build_opener(_Stay())

    def client(self, *, key: str = API_KEY, retries: int = 0) -> stripe.StripeClient:
        """The real SDK, pointed here."""
        return stripe.StripeClient(key, base_addresses={"api": self.url}, max_network_retries=retries)

    def gateway(self, **more: Any) -> StripeGateway:
        """The club's gateway, pointed here."""
        defaults: dict[str, Any] = {
            "api_base": self.url,
            "webhook_secrets": (SECRET,),
            "clock": self.clock,
            "retries": 0,
        }
        return StripeGateway(more.pop("api_key", API_KEY), **{**defaults, **more})

    def behave(self, **switches: Any) -> dict[str, Any]:
        """Turn switches (the sandbox's docstring lists them)."""
        return dict(self.control("/sandbox/behaviour", switches).json)

    def control(self, path: str, body: Any = None, *, key: str = API_KEY) -> Answer:
        """A call of ``/sandbox/…``: POST with a body, GET without."""
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        return self._ask(urllib.request.Request(self.url + path, data=data, headers=headers))

    def deliveries(self) -> list[dict[str, Any]]:
        """The log of what was sent to the webhook."""
        return list(self.control("/sandbox/deliveries").json["data"])

    def open(self, path: str, **headers: str) -> Answer:
        """Look at a page."""
        return self._ask(urllib.request.Request(urllib.parse.urljoin(self.url, path), headers=headers))

    def pay(self, session_id: str, **form: str) -> Answer:
        """Press a button of the pay page; with no form, pay by the good card."""
        data = urllib.parse.urlencode(form or CARD).encode()
        return self._ask(urllib.request.Request(f"{self.url}/pay/{session_id}", data=data))

    def pay_page(self, address: str, **form: str) -> Answer:
        """Press the button of an invoice's page."""
        data = urllib.parse.urlencode(form or CARD).encode()
        return self._ask(urllib.request.Request(urllib.parse.urljoin(self.url, address), data=data))

    def press(self, act: str, ref: str, *, headers: dict[str, str] | None = None) -> Answer:
        """Press a button of the dashboard, from the dashboard unless other *headers* say where from."""
        data = urllib.parse.urlencode({"act": act, "ref": ref}).encode()
        told = {"Origin": self.url} if headers is None else headers
        return self._ask(urllib.request.Request(f"{self.url}/dashboard/", data=data, headers=told))

    def _ask(self, asked: urllib.request.Request) -> Answer:
        try:
            with self._opener.open(asked, timeout=20) as answer:
                return Answer(answer.status, answer.read().decode(), dict(answer.headers))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read().decode(), dict(error.headers))


@contextmanager
def live_sandbox(
    folder: Path, *, clock: Callable[[], dt.datetime], webhook_url: str = "", **more: Any
) -> Iterator[LiveSandbox]:
    """A sandbox of one's own with its state in *folder*; the same folder again is a restart.

    On a test's clock, what time brings comes when the API is asked, never in between: see ``by_itself``.
    """
    running = serve(
        state_path=folder / "sandbox.db",
        api_key=API_KEY,
        webhook_url=webhook_url,
        webhook_secret=SECRET,
        clock=clock,
        **{"webhook_backoff": 0.05, "by_itself": False, **more},
    )
    thread = threading.Thread(target=running.run, name="test-sandbox", daemon=True)
    thread.start()
    try:
        yield LiveSandbox(running, clock)
    finally:
        running.stop()
        thread.join(timeout=20)


@dataclass
class Letterbox:
    """Where webhooks arrive: every body with its signature, in the order they came."""

    url: str = ""
    letters: list[tuple[bytes, str]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)  # statuses to give first, then 200 for ever

    def kinds(self) -> list[str]:
        """The events' types in the order they came."""
        return [json.loads(body)["type"] for body, _ in list(self.letters)]

    def wait(self, count: int, seconds: float = 10) -> list[str]:
        """Until so many letters are there; gives their types."""
        wait_until(lambda: len(self.letters) >= count, seconds)
        return self.kinds()


@contextmanager
def letterbox() -> Iterator[Letterbox]:
    """A webhook endpoint that keeps what it gets."""
    box = Letterbox()
    app = Flask("letterbox")

    @app.post("/hook")
    def hook() -> tuple[str, int]:
        box.letters.append((request.get_data(), request.headers["Stripe-Signature"]))
        return "", box.answers.pop(0) if box.answers else 200

    server = make_server("127.0.0.1", 0, app, threaded=True)
    box.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="test-letterbox", daemon=True)
    thread.start()
    try:
        yield box
    finally:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()


def wait_until(true: Callable[[], bool], seconds: float = 10) -> None:
    """Until it is true; fails after so many seconds."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def order(now: dt.datetime, **changes: Any) -> CheckoutRequest:
    """What somebody is to pay for."""
    values: dict[str, Any] = {
        "order_code": "QC7F3K9M2P",
        "title": "PPT 大师通行证",
        "description": "两门课程、作业点评与群位",
        "amount": 19900,
        "currency": "CNY",
        "customer_email": "lin@example.com",
        "success_url": "http://127.0.0.1:9/back?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "http://127.0.0.1:9/orders/QC7F3K9M2P",
        "expires_at": now + dt.timedelta(minutes=35),
        "locale": "zh",
        "methods": ("card", "alipay", "wechat_pay"),
        "metadata": {"plan": "master"},
    }
    return CheckoutRequest(**{**values, **changes})


def opened(sandbox: LiveSandbox, key: str = "order-1", **changes: Any) -> CheckoutSession:
    """A checkout opened through the club's gateway."""
    return sandbox.gateway().create_checkout(order(sandbox.clock(), **changes), idempotency_key=key)


def paid(sandbox: LiveSandbox, key: str = "order-1", **changes: Any) -> CheckoutSession:
    """A checkout that was paid by the good card, or as a membership with ``interval="month"``."""
    made = opened(sandbox, key=key, **changes)
    assert sandbox.pay(made.id).status == 303
    return sandbox.gateway().retrieve_checkout(made.id)
