"""A small stand-in for Stripe's dashboard: a developer renews, fails, disputes and refunds by pressing a button.

It is there only for the machine itself: the request must come from the loopback interface and name it as its host, so
neither a neighbour on the network nor a page from elsewhere (by a name that resolves here) reaches it, and a form
must come from this very page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from . import texts
from .billing import Billing
from .books import CHARGE, DISPUTE, INVOICE, SUBSCRIPTION, Books
from .errors import ApiError
from .objects import PRIVATE, Object
from .objects_billing import item_of
from .pay import guarded
from .returns import Returns
from .till import Till

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
SHOWN = 20


def dashboard(books: Books, till: Till, billing: Billing, returns: Returns) -> Blueprint:
    """The page of one sandbox."""
    bp = Blueprint("dashboard", __name__, url_prefix="/dashboard")
    acts: dict[str, Callable[[str], object]] = {
        "renew": lambda ref: billing.renew(ref, outcome="paid"),
        "fail": lambda ref: billing.renew(ref, outcome="failed"),
        "end": billing.end,
        "pay": lambda ref: billing.pay_invoice(ref, outcome="paid"),
        "refund": lambda ref: returns.refund({"payment_intent": ref}),
        "dispute": lambda ref: returns.dispute(ref, reason="fraudulent"),
        "ask": lambda ref: returns.dispute(ref, reason="unrecognized", inquiry=True),
        "won": lambda ref: returns.close(ref, outcome="won"),
        "lost": lambda ref: returns.close(ref, outcome="lost"),
    }

    @bp.before_request
    def only_here() -> None:
        host = request.host.rsplit(":", 1)[0].strip("[]")
        if request.remote_addr not in LOOPBACK or host not in LOOPBACK or _forwarded():
            abort(404)
        if request.method == "POST" and not _from_here():
            abort(403)

    @bp.get("/")
    def show() -> Response:
        till.tick()
        return _page(books, "")

    @bp.post("/")
    def act() -> AnyResponse:
        till.tick()
        wanted = acts.get(request.form.get("act", ""))
        if wanted is None:
            abort(400)
        try:
            wanted(request.form.get("ref", ""))
        except ApiError as error:
            return _page(books, str(error))
        return redirect(request.path, 303)

    return bp


def _from_here() -> bool:
    """Whether the browser says that the form was on this very site."""
    told = request.headers.get("Sec-Fetch-Site")
    if told is not None:
        return told == "same-origin"
    return request.headers.get("Origin") == request.host_url.rstrip("/")


def _forwarded() -> bool:
    """Whether a proxy brought the request: then it is somebody else's, wherever it came from."""
    return any(name.lower().startswith(("x-forwarded", "forwarded")) for name, _ in request.headers)


def _page(books: Books, wrong: str) -> Response:
    lang = texts.language(None, request.accept_languages.best_match(["zh", "en"]))

    def money(value: int, currency: str) -> str:
        return texts.amount(value, currency, lang)

    disputes = _newest(books, DISPUTE)
    locked = {one["charge"] for one in disputes if not one["is_charge_refundable"]}
    context: dict[str, Any] = {
        "t": texts.TEXTS[lang],
        "wrong": wrong,
        "memberships": [_membership(books, one, money) for one in _newest(books, SUBSCRIPTION)],
        "payments": [
            {
                "ref": one["payment_intent"],
                "title": one["description"] or one["id"],
                "amount": money(one["amount"], one["currency"]),
                "back": money(one["amount_refunded"], one["currency"]) if one["amount_refunded"] else "",
                "left": one["amount"] > one["amount_refunded"] and one["id"] not in locked,
                "disputed": one["disputed"],
            }
            for one in _newest(books, CHARGE)
            if one["paid"]
        ],
        "disputes": [
            {
                "ref": one["id"],
                "amount": money(one["amount"], one["currency"]),
                "state": one["status"],
                "open": one["status"] in ("needs_response", "warning_needs_response"),
            }
            for one in disputes
        ],
    }
    answer = Response(render_template("dashboard.html", **context), 422 if wrong else 200)
    return guarded(answer, [])


def _membership(books: Books, member: Object, money: Callable[[int, str], str]) -> dict[str, Any]:
    row = item_of(member)
    bill = books.kept(INVOICE, member["latest_invoice"])
    return {
        "ref": member["id"],
        "title": member[PRIVATE]["title"],
        "email": member[PRIVATE]["email"] or "",
        "amount": money(row["price"]["unit_amount"], member["currency"]),
        "state": member["status"] + (" …" if member["cancel_at_period_end"] else ""),
        "living": member["status"] != "canceled",
        "invoice": bill["id"] if bill["status"] == "open" else "",
    }


def _newest(books: Books, kind: str) -> list[Object]:
    return books.store.newest(kind, after=None, limit=SHOWN)
