"""What a test does at the club's till: buy in the browser's stead, bring webhooks, sweep, look into the books."""

from __future__ import annotations

import json
from typing import Any

import stripe
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from qunclub import jobs
from qunclub.adapters.accounts.models import Account
from qunclub.kernel.outbox import OutboxMessage
from qunclub.kernel.payments import PaymentGateway
from qunclub.orders import doctor
from qunclub.orders.models import GatewayEvent, Order, Payment, Refund
from qunclub.passes.models import Pass, Plan
from qunclub.web.state import ClubState
from tests.support.clock import FakeClock
from tests.support.databases import Db
from tests.support.pages import in_language, post, sign_in
from tests.support.sandbox import SECRET, Letterbox, LiveSandbox

HOOK = "/webhooks/stripe"
NOWHERE = "http://127.0.0.1:9"


class Shop:
    """The club, its gateway and its books."""

    def __init__(self, app: Flask, db: Db, sandbox: LiveSandbox, box: Letterbox, clock: FakeClock) -> None:
        self.app, self.db, self.sandbox, self.box, self.clock = app, db, sandbox, box, clock
        self.state: ClubState = app.extensions["qunclub"]
        self.state.gateway = sandbox.gateway(timeout=5.0)
        self.visitor = app.test_client()

    def buyer(self, account: Account, language: str = "en") -> FlaskClient:
        """A browser in which *account* is signed in."""
        return in_language(sign_in(self.app.test_client(), account), language)

    def away(self) -> PaymentGateway:
        """From now on the gateway cannot be reached; gives the one that could, to put back."""
        kept, self.state.gateway = self.state.gateway, self.sandbox.gateway(api_base=NOWHERE, timeout=0.5)
        return kept

    def buy(self, client: FlaskClient, plan: Plan) -> Order:
        """Order and be sent to the pay page."""
        answer = post(client, f"/passes/{plan.slug}/order")
        assert answer.status_code == 303, answer.get_data(as_text=True)[:500]
        assert answer.location.startswith(self.sandbox.url), answer.location
        return self.newest()

    def newest(self) -> Order:
        """The newest order."""
        with self.db.session() as session:
            return session.scalars(select(Order).order_by(Order.id.desc()).limit(1)).one()

    def order(self, code: str) -> Order:
        """An order as it stands."""
        with self.db.session() as session:
            return session.scalars(select(Order).where(Order.code == code)).one()

    def rows(self, model: type[Any]) -> list[Any]:
        """All rows of a table, by id."""
        with self.db.session() as session:
            return list(session.scalars(select(model).order_by(model.id)))

    def passes(self) -> list[Pass]:
        """Every pass."""
        return self.rows(Pass)

    def payments(self) -> list[Payment]:
        """Every payment."""
        return self.rows(Payment)

    def refunds(self) -> list[Refund]:
        """Every refund."""
        return self.rows(Refund)

    def events(self) -> list[GatewayEvent]:
        """The inbox."""
        return self.rows(GatewayEvent)

    def mails(self) -> list[str]:
        """The templates of the mails queued or sent."""
        return [m.payload["template"] for m in self.rows(OutboxMessage) if m.kind == "mail"]

    def letter(self, kind: str) -> tuple[bytes, str]:
        """The first notification of *kind* that the sandbox sent."""
        return next(letter for letter in self.box.letters if json.loads(letter[0])["type"] == kind)

    def bring(self, letter: tuple[bytes, str]) -> TestResponse:
        """Deliver a notification to the club's webhook."""
        body, signature = letter
        return self.visitor.post(HOOK, data=body, headers={"Stripe-Signature": signature})

    def sign(self, body: bytes, secret: str = SECRET) -> tuple[bytes, str]:
        """A letter with a signature of this moment."""
        moment = int(self.clock().timestamp())
        return body, stripe.WebhookSignature.generate_signature_header(body.decode(), secret, moment)

    def sweep(self) -> dict[str, int]:
        """What the job worker does every minute."""
        with self.app.app_context():
            return jobs.sweep(self.state)

    def dispatch(self) -> int:
        """What the job worker does after a commit."""
        with self.app.app_context():
            return jobs.dispatch(self.state)

    def healthy(self) -> bool:
        """Whether the doctor of this room finds nothing."""
        with self.db.session() as session:
            found = [finding.message for finding in doctor.check(session, self.clock())]
        assert not found, found
        return True
