"""How the sandbox reads requests and shapes answers: JSON, idempotency keys, ``expand`` and lists."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from flask import Request, Response, request

from . import books, objects
from .errors import ApiError, missing
from .objects import Object
from .params import nested
from .store import Store

DEEPEST = 4  # levels that ``expand`` may go down
# Fields that hold an id which ``expand`` turns into the object.
EXPANDABLE = {
    "charge": books.CHARGE,
    "customer": books.CUSTOMER,
    "invoice": books.INVOICE,
    "latest_charge": books.CHARGE,
    "latest_invoice": books.INVOICE,
    "payment_intent": books.INTENT,
    "subscription": books.SUBSCRIPTION,
}
# Fields that are there only when asked for, by the object they are of.
INCLUDABLE = {(books.SESSION, "line_items"), (books.INVOICE, "payments")}


def form() -> Object:
    """The request's form."""
    return nested(request.form.items(multi=True))


def query() -> Object:
    """The request's query."""
    return nested(request.args.items(multi=True))


def body() -> dict[str, Any]:
    """The request's JSON object, or an empty one."""
    sent = request.get_json(silent=True)
    return sent if isinstance(sent, dict) else {}


def as_json(answer: Object, status: int = 200) -> Response:
    """An answer without what only the sandbox knows."""
    return Response(json.dumps(objects.public(answer), indent=2), status, mimetype="application/json")


def kept(store: Store, kind: str, object_id: str) -> Object:
    """The object of that kind and id; ApiError when there is none."""
    found = store.get(kind, object_id)
    if found is None:
        raise missing(kind, object_id, "id")
    return found


def once(store: Store, asked: Request, work: Callable[[], Object]) -> Response:
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
            again = as_json(json.loads(known[0][2]), known[0][1])
            again.headers["Idempotent-Replayed"] = "true"
            return again
        status, saved = 200, True
        try:
            answer = work()
        except ApiError as error:
            status, saved, answer = error.status, error.saved, error.body
        if key is not None and saved:
            store.rows(
                "INSERT INTO answer (key, fingerprint, status, body) VALUES (?, ?, ?, ?)",
                key,
                fingerprint,
                status,
                json.dumps(objects.public(answer)),
            )
    return as_json(answer, status)


def expanded(store: Store, answer: Object, params: Object) -> Object:
    """*answer* with the objects that ``expand`` asks for in place of their ids."""
    answer = dict(answer)
    for path in params.get("expand", ()):
        names = path.split(".")
        if len(names) > DEEPEST:
            raise ApiError(
                f"You cannot expand more than {DEEPEST} levels of a property. Property: {path}",
                code="property_expansion_max_depth",
            )
        _expand(store, answer, names, path)
    return answer


def _expand(store: Store, here: Object, names: list[str], path: str) -> None:
    """Expand the first of *names* in *here* and go on inside it."""
    name, rest = names[0], names[1:]
    if name == "data" and here.get("object") == "list":
        for item in here["data"]:
            _expand(store, item, rest, path)
        return
    if (here.get("object"), name) in INCLUDABLE:
        here.setdefault(name, _included(store, here, name))
    elif name in EXPANDABLE and name in here:
        if isinstance(here[name], str):
            here[name] = objects.public(kept(store, EXPANDABLE[name], here[name]))
    elif not (rest and isinstance(here.get(name), dict)):
        raise ApiError(f"This property cannot be expanded ({path}).", param="expand")
    if rest and here[name] is not None:
        _expand(store, here[name], rest, path)


def _included(store: Store, here: Object, name: str) -> Object:
    if name == "line_items":
        return objects.line_items(kept(store, books.SESSION, here["id"]))
    found = store.newest(
        books.INVOICE_PAYMENT,
        after=None,
        limit=100,
        where="json_extract(body, '$.invoice') = ?",
        values=(here["id"],),
    )
    data = [objects.public(one) for one in found]
    return objects.listed(data, f"/v1/invoice_payments?invoice={here['id']}")


def page(store: Store, kind: str, params: Object, where: dict[str, Any]) -> Object:
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
    data = [objects.public(one) for one in found[:limit]]
    answer = {"object": "list", "data": data, "has_more": len(found) > limit, "url": request.path}
    return expanded(store, answer, params)
