"""The sandbox as a WSGI app: Stripe's API under ``/v1``, the pay page under ``/pay``, switches under ``/sandbox``."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask, Request, Response, request
from stripe.params import EventListParams, RefundCreateParams, RefundListParams
from stripe.params.checkout import (
    SessionCreateParams,
    SessionExpireParams,
    SessionListParams,
    SessionRetrieveParams,
)

from qunclub.kernel.clock import Clock, sleep, utcnow

from . import objects
from .behaviour import Behaviour
from .courier import ATTEMPTS, BACKOFF, Courier
from .errors import ApiError, missing
from .objects import Object
from .params import checked, nested
from .pay import pay_pages
from .store import Store
from .till import CHARGE, EVENT, INTENT, REFUND, SESSION, Till

CREATE_SESSION = frozenset(
    {
        "allowed_payment_method_types",
        "cancel_url",
        "client_reference_id",
        "customer_email",
        "expand",
        "expires_at",
        "line_items[price_data][currency]",
        "line_items[price_data][product_data][description]",
        "line_items[price_data][product_data][name]",
        "line_items[price_data][unit_amount]",
        "line_items[quantity]",
        "locale",
        "metadata[*",
        "mode",
        "payment_intent_data[description]",
        "payment_intent_data[metadata][*",
        "payment_method_options[wechat_pay][client]",
        "success_url",
        "ui_mode",
    }
)
CREATE_REFUND = frozenset({"amount", "charge", "expand", "metadata[*", "payment_intent", "reason"})
PAGE = frozenset({"limit", "starting_after", "expand"})


class Sandbox:
    """One sandbox's parts; kept in ``app.extensions["sandbox"]``."""

    def __init__(self, store: Store, behaviour: Behaviour, courier: Courier, till: Till) -> None:
        self.store = store
        self.behaviour = behaviour
        self.courier = courier
        self.till = till

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
) -> Flask:
    """The app, with its courier running; ``app.extensions["sandbox"].close()`` ends it.

    Args:
        state_path: the SQLite file that keeps everything over restarts.
        api_key: what the SDK must present.
        webhook_url: where events go; empty for nowhere.
        webhook_secret: signs them.
        clock: the present moment; sessions end by it and events are dated by it.
        public_url: where buyers reach the pay page; empty for the address the API was called at.
        webhook_attempts: tries before a delivery is given up.
        webhook_backoff: seconds before the second try, doubled for each further one.
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
    till = Till(store, behaviour, courier, clock)
    sandbox = Sandbox(store, behaviour, courier, till)
    app.extensions["sandbox"] = sandbox
    app.register_blueprint(pay_pages(till, clock))
    _guard(app, api_key, behaviour)
    _api(app, sandbox, public_url.rstrip("/"))
    _switches(app, sandbox)
    courier.start(till.tick)
    return app


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
            return _json(ApiError(text).body, 401)
        if not api:
            return None
        sleep(behaviour.all()["delay_ms"] / 1000)
        if behaviour.take("fail_next_api"):
            return _json(ApiError("The pay sandbox was told to fail.", kind="api_error").body, 500)
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
        return _json(error.body, error.status)

    @app.errorhandler(404)
    @app.errorhandler(405)
    def nowhere(error: Exception) -> Response:
        text = f"Unrecognized request URL ({request.method}: {request.path})."
        return _json(ApiError(text).body, 404)


def _api(app: Flask, sandbox: Sandbox, public_url: str) -> None:
    """The part of Stripe's API that the club uses."""
    store, till = sandbox.store, sandbox.till

    def post(work: Callable[[], Object]) -> Response:
        return _once(store, request, work)

    @app.post("/v1/checkout/sessions")
    def create_session() -> Response:
        params = checked(_form(), SessionCreateParams, supported=CREATE_SESSION)
        base = public_url or request.url_root.rstrip("/")
        return post(lambda: _expanded(store, till.open(params, base_url=base), params))

    @app.get("/v1/checkout/sessions/<session_id>")
    def retrieve_session(session_id: str) -> Response:
        params = checked(_query(), SessionRetrieveParams, supported=frozenset({"expand"}))
        return _json(_expanded(store, till.session(session_id), params))

    @app.post("/v1/checkout/sessions/<session_id>/expire")
    def expire_session(session_id: str) -> Response:
        params = checked(_form(), SessionExpireParams, supported=frozenset({"expand"}))
        return post(lambda: _expanded(store, till.expire(session_id), params))

    @app.get("/v1/checkout/sessions")
    def list_sessions() -> Response:
        till.tick()
        params = checked(_query(), SessionListParams, supported=PAGE | {"payment_intent", "status"})
        where = {"$.payment_intent": params.get("payment_intent"), "$.status": params.get("status")}
        return _json(_page(store, SESSION, params, where))

    @app.get("/v1/payment_intents/<intent_id>")
    def retrieve_intent(intent_id: str) -> Response:
        return _json(_expanded(store, _kept(store, INTENT, intent_id), _query()))

    @app.get("/v1/charges/<charge_id>")
    def retrieve_charge(charge_id: str) -> Response:
        return _json(_kept(store, CHARGE, charge_id))

    @app.post("/v1/refunds")
    def create_refund() -> Response:
        params = checked(_form(), RefundCreateParams, supported=CREATE_REFUND)
        return post(lambda: till.refund(params))

    @app.get("/v1/refunds/<refund_id>")
    def retrieve_refund(refund_id: str) -> Response:
        till.tick()
        return _json(_kept(store, REFUND, refund_id))

    @app.get("/v1/refunds")
    def list_refunds() -> Response:
        till.tick()
        params = checked(_query(), RefundListParams, supported=PAGE | {"payment_intent", "charge"})
        where = {"$.payment_intent": params.get("payment_intent"), "$.charge": params.get("charge")}
        return _json(_page(store, REFUND, params, where))

    @app.get("/v1/events")
    def list_events() -> Response:
        till.tick()
        params = checked(_query(), EventListParams, supported=PAGE | {"type", "types"})
        kinds = params.get("types") or ([params["type"]] if "type" in params else None)
        return _json(_page(store, EVENT, params, {"$.type": kinds}))

    @app.get("/v1/events/<event_id>")
    def retrieve_event(event_id: str) -> Response:
        return _json(_kept(store, EVENT, event_id))


def _switches(app: Flask, sandbox: Sandbox) -> None:
    """What tests steer; see the package's docstring."""

    @app.route("/sandbox/behaviour", methods=["GET", "POST"])
    def behaviour() -> Response:
        if request.method == "GET":
            return _json(sandbox.behaviour.all())
        return _json(sandbox.behaviour.change(request.get_json(silent=True)))

    @app.post("/sandbox/sessions/<session_id>/pay")
    def pay(session_id: str) -> Response:
        wanted = _body()
        attempt = sandbox.till.pay(
            session_id, wanted.get("method", "card"), card=_digits(wanted.get("number", "4242424242424242"))
        )
        answer = {
            "outcome": attempt.outcome,
            "reason": attempt.reason,
            "session": objects.public(attempt.session),
        }
        return _json(answer)

    @app.post("/sandbox/sessions/<session_id>/settle")
    def settle(session_id: str) -> Response:
        outcome = _body().get("outcome", "succeeded")
        if outcome not in ("succeeded", "failed"):
            raise ApiError("outcome is succeeded or failed.", param="outcome")
        return _json(sandbox.till.settle(session_id, succeeded=outcome == "succeeded"))

    @app.post("/sandbox/deliver")
    def deliver() -> Response:
        event_id = _body().get("event")
        if event_id is None:
            return _json({"sent": sandbox.courier.release()})
        sandbox.courier.again(_kept(sandbox.store, EVENT, event_id)["id"])
        return _json({"sent": 1})

    @app.get("/sandbox/deliveries")
    def deliveries() -> Response:
        return _json({"data": sandbox.courier.log()})


def _once(store: Store, asked: Request, work: Callable[[], Object]) -> Response:
    """Do *work* once for an idempotency key and give the same answer ever after."""
    key = asked.headers.get("Idempotency-Key")
    if key is not None and not 0 < len(key) <= 255:
        raise ApiError("Idempotency keys have 1 to 255 characters.", kind="idempotency_error")
    sent = json.dumps([asked.path, sorted(asked.form.items(multi=True))])
    fingerprint = hashlib.sha256(sent.encode()).hexdigest()
    with store.transaction():
        known = store.rows("SELECT fingerprint, status, body FROM answer WHERE key = ?", key)
        if known and known[0][0] != fingerprint:
            raise ApiError(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                f"Try using a key other than '{key}' if you meant to execute a different request.",
                kind="idempotency_error",
            )
        if known:
            answer = _json(json.loads(known[0][2]), known[0][1])
            answer.headers["Idempotent-Replayed"] = "true"
            return answer
        status, saved = 200, True
        try:
            body = work()
        except ApiError as error:
            status, saved, body = error.status, error.saved, error.body
        if key is not None and saved:
            store.rows(
                "INSERT INTO answer (key, fingerprint, status, body) VALUES (?, ?, ?, ?)",
                key,
                fingerprint,
                status,
                json.dumps(objects.public(body)),
            )
    return _json(body, status)


def _form() -> Object:
    return nested(request.form.items(multi=True))


def _query() -> Object:
    return nested(request.args.items(multi=True))


def _body() -> dict[str, Any]:
    sent = request.get_json(silent=True)
    return sent if isinstance(sent, dict) else {}


def _digits(text: Any) -> str:
    return "".join(ch for ch in str(text) if ch.isdigit())


def _json(body: Object, status: int = 200) -> Response:
    return Response(json.dumps(objects.public(body), indent=2), status, mimetype="application/json")


def _kept(store: Store, kind: str, object_id: str) -> Object:
    found = store.get(kind, object_id)
    if found is None:
        raise missing(kind, object_id, "id")
    return found


def _expanded(store: Store, body: Object, params: Object) -> Object:
    """*body* with the objects that ``expand`` asks for in place of their ids."""
    body = dict(body)
    for path in params.get("expand", ()):
        here = body
        for name in path.split("."):
            if name == "line_items" and here["object"] == SESSION:
                here[name] = objects.line_items(here)
            elif name in ("payment_intent", "latest_charge"):
                kind = INTENT if name == "payment_intent" else CHARGE
                if isinstance(here.get(name), str):
                    here[name] = objects.public(_kept(store, kind, here[name]))
            else:
                raise ApiError(f"This property cannot be expanded ({path}).", param="expand")
            if here.get(name) is None:
                break
            here = here[name]
    return body


def _page(store: Store, kind: str, params: Object, where: dict[str, Any]) -> Object:
    """A list as Stripe gives it: newest first, with ``has_more``."""
    limit = params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise ApiError("Limit must be between 1 and 100.", code="parameter_invalid_integer", param="limit")
    terms: list[str] = []
    values: list[Any] = []
    for path, wanted in where.items():
        if wanted is not None:
            any_of = wanted if isinstance(wanted, list) else [wanted]
            terms.append(f"json_extract(body, '{path}') IN ({', '.join('?' * len(any_of))})")
            values += any_of
    found = store.newest(
        kind,
        after=params.get("starting_after"),
        limit=limit + 1,
        where=" AND ".join(terms),
        values=tuple(values),
    )
    data = [objects.public(body) for body in found[:limit]]
    return {"object": "list", "data": data, "has_more": len(found) > limit, "url": request.path}
