"""The hosted pay page: what a buyer sees between the shop's checkout and its welcome page; no JavaScript."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from qunclub.kernel.clock import Clock

from . import texts
from .errors import ApiError
from .objects import PRIVATE, Object
from .till import Till

# The fields of the card form, kept as typed when something has to be corrected (never the security code).
KEPT = ("number", "expiry")


def pay_pages(till: Till, clock: Clock) -> Blueprint:
    """The pages of one sandbox; cards expire by *clock*."""
    bp = Blueprint("pay", __name__)

    @bp.get("/pay/<session_id>")
    def show(session_id: str) -> Response:
        return _page(_found(till, session_id))

    @bp.post("/pay/<session_id>")
    def pay(session_id: str) -> AnyResponse:
        session = _found(till, session_id)
        if session is None or session["status"] == "expired":
            return _page(session)
        method = request.form.get("method", "")
        number = re.sub(r"\D", "", request.form.get("number", ""))
        if session["status"] == "open" and session["amount_total"] > 0:
            wrong = _wrong_card(number, clock()) if method == "card" else ""
            if wrong or method not in (*session["payment_method_types"], "decline"):
                return _page(session, wrong or "bad_method")
        attempt = till.pay(session_id, method, card=number)
        if attempt.outcome == "declined":
            return _page(attempt.session, attempt.reason)
        if attempt.outcome == "expired":
            return _page(attempt.session)
        return redirect(return_url(attempt.session), 303)

    return bp


def return_url(session: Object) -> str:
    """Where a buyer who has paid goes."""
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def _found(till: Till, session_id: str) -> Object | None:
    try:
        return till.session(session_id)
    except ApiError:
        return None


def _wrong_card(number: str, now: dt.datetime) -> str:
    """Which field of the card form needs another look, or nothing."""
    if not 12 <= len(number) <= 19 or not luhn(number):
        return "bad_number"
    expiry = re.fullmatch(r"\s*(\d{1,2})\s*/?\s*(?:20)?(\d{2})\s*", request.form.get("expiry", ""))
    if expiry is None or not 1 <= int(expiry[1]) <= 12:
        return "bad_expiry"
    if (2000 + int(expiry[2]), int(expiry[1])) < (now.year, now.month):
        return "bad_expiry"
    if not re.fullmatch(r"\s*\d{3,4}\s*", request.form.get("cvc", "")):
        return "bad_cvc"
    return ""


def luhn(number: str) -> bool:
    """Whether the last digit of a card number fits the others."""
    digits = [int(ch) for ch in reversed(number)]
    return (sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])) % 10 == 0


def _page(session: Object | None, wrong: str = "") -> Response:
    """The page of a session in its state; *wrong* names the message above the form."""
    lang = texts.language(
        session["locale"] if session else None, request.accept_languages.best_match(["zh", "en"])
    )
    words = texts.TEXTS[lang]
    context: dict[str, Any] = {"t": words, "session": session, "wrong": wrong, "typed": {}}
    status = 404 if session is None else 410 if session["status"] == "expired" else 402 if wrong else 200
    if session is not None:
        product = session[PRIVATE]["items"][0]["price_data"]["product_data"]
        context |= {
            "title": product["name"],
            "description": product.get("description", ""),
            "amount": texts.amount(session["amount_total"], session["currency"], lang),
            "return_url": return_url(session),
            "typed": {name: request.form.get(name, "") for name in KEPT},
            "declined": wrong and not wrong.startswith("bad_"),
        }
        if wrong.startswith("bad_"):
            status = 422
    answer = Response(render_template("pay.html", **context), status)
    answer.headers["Content-Security-Policy"] = _policy(session)
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


def _policy(session: Object | None) -> str:
    """Nothing but our own style sheet; a form may end at the shop, since browsers judge redirects too."""
    ends = ["'self'"]
    if session is not None:
        parts = urlsplit(session["success_url"])
        ends.append(f"{parts.scheme}://{parts.netloc}")
    return (
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action {' '.join(ends)}"
    )
