"""The hosted pages where a buyer pays a checkout, or a member an invoice that failed; no JavaScript."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from qunclub.kernel.clock import Clock

from . import texts
from .billing import Billing
from .books import INVOICE, Books
from .errors import ApiError
from .objects import PRIVATE, Object
from .till import Till

# The fields of the card form, kept as typed when something has to be corrected (never the security code).
KEPT = ("number", "expiry")


def pay_pages(till: Till, billing: Billing, books: Books, clock: Clock) -> Blueprint:
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
        if session["status"] == "open" and _asks_for_money(session):
            wrong = _wrong_card(number, clock()) if method == "card" else ""
            if wrong or method not in (*session["payment_method_types"], "decline"):
                return _page(session, wrong or "bad_method")
        attempt = till.pay(session_id, method, card=number)
        if attempt.outcome == "declined":
            return _page(attempt.session, attempt.reason)
        if attempt.outcome == "expired":
            return _page(attempt.session)
        return redirect(return_url(attempt.session), 303)

    @bp.get("/invoice/<invoice_id>")
    def show_invoice(invoice_id: str) -> Response:
        till.tick()
        return _invoice_page(books.store.get(INVOICE, invoice_id))

    @bp.post("/invoice/<invoice_id>")
    def pay_invoice(invoice_id: str) -> AnyResponse:
        found = books.store.get(INVOICE, invoice_id)
        if found is None or found["status"] != "open":
            return _invoice_page(found)
        number = re.sub(r"\D", "", request.form.get("number", ""))
        wrong = _wrong_card(number, clock())
        reason = wrong or billing.pay_invoice(invoice_id, card=number)
        if reason:
            return _invoice_page(books.store.get(INVOICE, invoice_id), reason)
        return redirect(request.path, 303)

    return bp


def return_url(session: Object) -> str:
    """Where a buyer who has paid goes."""
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session["id"])


def _asks_for_money(session: Object) -> bool:
    """Whether the page needs a way to pay: a membership does, even when its first time is free."""
    return bool(session["amount_total"] > 0 or session["mode"] == "subscription")


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
    lang = _language(session["locale"] if session else None)
    context: dict[str, Any] = {"session": session}
    status = 404 if session is None else 410 if session["status"] == "expired" else 200
    if session is not None:
        price = session[PRIVATE]["items"][0]["price_data"]
        context |= {
            "title": price["product_data"]["name"],
            "description": price["product_data"].get("description", ""),
            "amount": texts.amount(session["amount_total"], session["currency"], lang),
            "asks": _asks_for_money(session),
            "recurring": texts.recurring(
                session["amount_subtotal"], session["amount_total"], session["currency"], price, lang
            ),
            "return_url": return_url(session),
        }
    ends = [session["success_url"]] if session else []
    return _rendered("pay.html", lang, context, wrong, status=status, ends=ends)


def _invoice_page(found: Object | None, wrong: str = "") -> Response:
    """The page of an invoice in its state."""
    lang = _language(found[PRIVATE]["locale"] if found else None)
    context: dict[str, Any] = {"invoice": found}
    if found is not None:
        context |= {
            "title": found[PRIVATE]["title"],
            "amount": texts.amount(found["amount_due"], found["currency"], lang),
        }
    return _rendered("invoice.html", lang, context, wrong, status=404 if found is None else 200)


def _language(locale: str | None) -> str:
    return texts.language(locale, request.accept_languages.best_match(["zh", "en"]))


def _rendered(
    template: str,
    lang: str,
    context: dict[str, Any],
    wrong: str,
    *,
    status: int,
    ends: list[str] | None = None,
) -> Response:
    """A page with its words; a mistake of the buyer's makes it 422, a refusal of the bank's 402."""
    if wrong and status == 200:
        status = 422 if wrong.startswith("bad_") else 402
    context |= {
        "t": texts.TEXTS[lang],
        "wrong": wrong,
        "typed": {name: request.form.get(name, "") for name in KEPT},
    }
    answer = Response(render_template(template, **context), status)
    return guarded(answer, ends or [])


def guarded(answer: Response, ends: list[str]) -> Response:
    """Nothing but our own style sheet; a form may also end at *ends*, since browsers judge redirects too."""
    allowed = ["'self'"]
    for address in ends:
        parts = urlsplit(address)
        allowed.append(f"{parts.scheme}://{parts.netloc}")
    answer.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action {' '.join(allowed)}"
    )
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer
