"""What a test or a developer steers, under ``/sandbox``; docs/sandbox.md lists every switch."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, request

from . import balance, billing, objects
from .answers import as_json, body, kept
from .behaviour import Behaviour
from .billing import Billing
from .books import EVENT, INVOICE, Books
from .courier import Courier
from .errors import ApiError
from .returns import Returns
from .till import Till


def switches(
    app: Flask,
    books: Books,
    behaviour: Behaviour,
    courier: Courier,
    till: Till,
    money: tuple[Billing, Returns],
) -> None:
    """Add the routes."""
    memberships, returns = money

    @app.route("/sandbox/behaviour", methods=["GET", "POST"])
    def change_behaviour() -> Response:
        if request.method == "GET":
            return as_json(behaviour.all())
        return as_json(behaviour.change(request.get_json(silent=True)))

    @app.post("/sandbox/sessions/<session_id>/pay")
    def pay(session_id: str) -> Response:
        wanted = body()
        attempt = till.pay(
            session_id, wanted.get("method", "card"), card=_digits(wanted.get("number", "4242424242424242"))
        )
        answer = {
            "outcome": attempt.outcome,
            "reason": attempt.reason,
            "session": objects.public(attempt.session),
        }
        return as_json(answer)

    @app.post("/sandbox/sessions/<session_id>/settle")
    def settle(session_id: str) -> Response:
        outcome = _word("outcome", ("succeeded", "failed"), "succeeded")
        return as_json(till.settle(session_id, succeeded=outcome == "succeeded"))

    @app.post("/sandbox/subscriptions/<subscription_id>/renew")
    def renew(subscription_id: str) -> Response:
        outcome = _word("outcome", billing.OUTCOMES, "")
        return as_json(memberships.renew(subscription_id, outcome=outcome))

    @app.post("/sandbox/subscriptions/<subscription_id>/end")
    def end(subscription_id: str) -> Response:
        return as_json(memberships.end(subscription_id))

    @app.post("/sandbox/invoices/<invoice_id>/pay")
    def pay_invoice(invoice_id: str) -> Response:
        memberships.pay_invoice(invoice_id, outcome=_word("outcome", billing.OUTCOMES, "paid"))
        return as_json(books.kept(INVOICE, invoice_id))

    @app.post("/sandbox/payments/<intent_id>/refund")
    def refund(intent_id: str) -> Response:
        amount = _amount()
        return as_json(
            returns.refund(
                {"payment_intent": intent_id}
                if amount is None
                else {"payment_intent": intent_id, "amount": amount}
            )
        )

    @app.post("/sandbox/payments/<intent_id>/dispute")
    def dispute(intent_id: str) -> Response:
        wanted = body()
        made = returns.dispute(
            intent_id,
            reason=str(wanted.get("reason", "fraudulent")),
            amount=_amount(),
            inquiry=bool(wanted.get("inquiry", False)),
        )
        return as_json(made)

    @app.post("/sandbox/disputes/<dispute_id>/close")
    def close(dispute_id: str) -> Response:
        return as_json(returns.close(dispute_id, outcome=str(body().get("outcome", ""))))

    @app.get("/sandbox/balance.csv")
    def statement() -> Response:
        return Response(balance.report(books), mimetype="text/csv; charset=utf-8")

    @app.post("/sandbox/deliver")
    def deliver() -> Response:
        event_id = body().get("event")
        if event_id is None:
            return as_json({"sent": courier.release()})
        courier.again(kept(books.store, EVENT, event_id)["id"])
        return as_json({"sent": 1})

    @app.get("/sandbox/deliveries")
    def deliveries() -> Response:
        return as_json({"data": courier.log()})


def _word(name: str, words: tuple[str, ...], default: str) -> str:
    """One of some words in the request's JSON."""
    found = body().get(name, default)
    if found not in (*words, default):
        raise ApiError(f"{name} is one of {', '.join(words)}.", param=name)
    return str(found)


def _amount() -> int | None:
    """The amount in the request's JSON, in Stripe's integer; None for all of it."""
    found: Any = body().get("amount")
    if found is not None and type(found) is not int:
        raise ApiError("amount is a whole number.", param="amount")
    return found


def _digits(text: Any) -> str:
    return "".join(ch for ch in str(text) if ch.isdigit())
