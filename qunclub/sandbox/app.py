"""The sandbox as a WSGI app: Stripe's API under ``/v1``, the pay pages, switches under ``/sandbox``."""

from __future__ import annotations

import hmac
from pathlib import Path

from flask import Flask, Response, request

from qunclub.kernel.clock import Clock, sleep, utcnow

from . import objects
from .answers import as_json
from .api import payment_api
from .api_billing import billing_api
from .behaviour import Behaviour
from .billing import Billing
from .books import Books
from .courier import ATTEMPTS, BACKOFF, Courier
from .dashboard import dashboard
from .errors import ApiError
from .pay import pay_pages
from .returns import Returns
from .store import Store
from .switches import switches
from .till import Till


class Sandbox:
    """One sandbox's parts; kept in ``app.extensions["sandbox"]``."""

    def __init__(self, store: Store, behaviour: Behaviour, courier: Courier, clock: Clock) -> None:
        self.store = store
        self.behaviour = behaviour
        self.courier = courier
        self.books = Books(store, behaviour, courier, clock)
        self.billing = Billing(self.books)
        self.returns = Returns(self.books)
        self.till = Till(self.books, self.billing, self.returns)

    def close(self) -> None:
        """Stop the courier and let go of the state file."""
        self.courier.stop()
        self.store.close()


def create_sandbox(
    *,
    state_path: str | Path,
    api_key: str,
    webhook_url: str,
    webhook_secret: str,
    clock: Clock = utcnow,
    public_url: str = "",
    webhook_attempts: int = ATTEMPTS,
    webhook_backoff: float = BACKOFF,
    by_itself: bool = True,
) -> Flask:
    """The app, with its courier running; ``app.extensions["sandbox"].close()`` ends it.

    Args:
        state_path: the SQLite file that keeps everything over restarts.
        api_key: what the SDK must present.
        webhook_url: where events go; empty for nowhere.
        webhook_secret: signs them.
        clock: the present moment; sessions end by it, memberships renew by it and events are dated by it.
        public_url: where buyers reach the pay page; empty for the address the API was called at.
        webhook_attempts: tries before a delivery is given up.
        webhook_backoff: seconds before the second try, doubled for each further one.
        by_itself: False: what time brings happens only when somebody asks the API about it, so that a test which
            moves the clock and then acts is not overtaken by the sandbox's own beat.
    """
    app = Flask(__name__)
    store = Store(state_path)
    behaviour = Behaviour(store)
    courier = Courier(
        store,
        behaviour,
        url=webhook_url,
        secret=webhook_secret,
        clock=clock,
        attempts=webhook_attempts,
        backoff=webhook_backoff,
    )
    sandbox = Sandbox(store, behaviour, courier, clock)
    app.extensions["sandbox"] = sandbox
    app.register_blueprint(pay_pages(sandbox.till, sandbox.billing, sandbox.books, clock))
    app.register_blueprint(dashboard(sandbox.books, sandbox.till, sandbox.billing, sandbox.returns))
    _guard(app, api_key, behaviour)
    payment_api(app, store, sandbox.till, sandbox.returns, public_url=public_url.rstrip("/"))
    billing_api(app, store, sandbox.till, sandbox.billing)
    switches(app, sandbox.books, behaviour, courier, sandbox.till, (sandbox.billing, sandbox.returns))
    courier.start(sandbox.till.tick if by_itself else _nothing)
    return app


def _nothing() -> None:
    """What a beat brings when time does nothing by itself."""


def _guard(app: Flask, api_key: str, behaviour: Behaviour) -> None:
    """Who may call, and how the API misbehaves."""

    @app.before_request
    def enter() -> Response | None:
        api = request.path.startswith("/v1/")
        if not api and not request.path.startswith("/sandbox/"):
            return None
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(shown.encode(), api_key.encode()):
            text = f"Invalid API Key provided: {shown[:8]}***" if shown else "You did not provide an API key."
            return as_json(ApiError(text).body, 401)
        if not api:
            return None
        sleep(behaviour.all()["delay_ms"] / 1000)
        if behaviour.take("fail_next_api"):
            return as_json(ApiError("The pay sandbox was told to fail.", kind="api_error").body, 500)
        return None

    @app.after_request
    def leave(answer: Response) -> Response:
        answer.headers["Request-Id"] = objects.new_id("req")
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        if request.path.startswith("/v1/") and answer.status_code < 500 and behaviour.take("lose_next_api"):
            return Response("the pay sandbox lost the answer", 502, mimetype="text/plain")
        return answer

    @app.errorhandler(ApiError)
    def refused(error: ApiError) -> Response:
        return as_json(error.body, error.status)

    @app.errorhandler(404)
    @app.errorhandler(405)
    def nowhere(error: Exception) -> Response:
        text = f"Unrecognized request URL ({request.method}: {request.path})."
        return as_json(ApiError(text).body, 404)
