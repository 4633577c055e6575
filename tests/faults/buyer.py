"""A purchase, a membership and a refund step by step in one process, and what the club's books say afterwards.

Run as a program it waits for commands, one JSON a line, and carries each out in a child of its own that may be killed,
or with ``"here": true`` itself: importing and warming the club once makes a child cheap.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import sys
import traceback
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import stripe
from flask import Flask
from sqlalchemy import func, select

from app import create_app, db
from qunclub import jobs
from qunclub.adapters.accounts.models import Account
from qunclub.adapters.stripe_gateway import StripeGateway
from qunclub.kernel import locks
from qunclub.orders.models import Order, Payment, Refund
from qunclub.passes.models import Pass, PassTerm, Plan
from tests.faults.killer import Killer
from tests.support.clock import FakeClock
from tests.support.pages import post, sign_in
from tests.support.sandbox import API_KEY, CARD, SECRET

STORIES = ("buy", "join", "renew", "give_back")
# What is told during them.
HEARD = (
    "checkout.session.completed",
    "charge.refunded",
    "refund.created",
    "invoice.paid",
    "customer.subscription.updated",
)


class Club:
    """The web site and its job worker in this process, with a buyer and an admin."""

    def __init__(self, url: str, instance: str, now: dt.datetime) -> None:
        assert locks.enabled()
        self.app: Flask = create_app(
            {
                "TESTING": True,
                "QUNCLUB_DATABASE_URL": url,
                "QUNCLUB_INSTANCE": instance,
                "QUNCLUB_RATE_LIMITS": "no",
                "QUNCLUB_LOG_LEVEL": "ERROR",
            }
        )
        self.began, self.clock = now, FakeClock(now)
        self.state = self.app.extensions["qunclub"]
        self.state.clock = self.clock
        self.killer = Killer()
        with self.app.app_context():
            self.engine = db.engine
        self.killer.watch(self.engine)
        self.at_sandbox("http://127.0.0.1:9")

    def at_sandbox(self, address: str) -> None:
        """From now on pay there."""
        self.sandbox = address
        gateway = StripeGateway(
            API_KEY, webhook_secrets=(SECRET,), api_base=address, retries=0, clock=self.clock
        )
        self.state.gateway = self.killer.beside(gateway)
        self.stripe = stripe.StripeClient(API_KEY, base_addresses={"api": address}).v1

    # -- the stories -----------------------------------------------------------------------------------------------

    def buy(self, notes: dict[str, str], plan: str = "killed") -> None:
        """Order, pay, come back; the webhook comes too, and the worker does what is left. *notes* is the browser."""
        client = self._client("buyer@example.com")
        if "page" not in notes:
            answer = post(client, f"/passes/{plan}/order")
            assert answer.status_code == 303, answer.get_data(as_text=True)[:2000]
            assert answer.location.startswith(self.sandbox), answer.location
            notes["page"] = answer.location
            self.keep(notes)
        if "back" not in notes:
            form = urllib.parse.urlencode(CARD).encode()
            opener = urllib.request.build_opener(_Stay())
            try:
                opener.open(urllib.request.Request(notes["page"], data=form), timeout=10)
            except urllib.error.HTTPError as there:
                shop = urllib.parse.urlsplit(there.headers["Location"])
                notes["back"] = f"{shop.path}?{shop.query}"
            self.keep(notes)
        assert client.get(notes["back"]).status_code == 303
        self.hear()
        self.work()

    def join(self, notes: dict[str, str]) -> None:
        """The same with a membership that is charged again each month."""
        self.buy(notes, plan="monthly")

    def renew(self, notes: dict[str, str]) -> None:
        """The gateway charges for the next month, once, and tells."""
        if "renewed" not in notes:
            member = self.stripe.subscriptions.list().data[0].id
            asked = urllib.request.Request(
                f"{self.sandbox}/sandbox/subscriptions/{member}/renew",
                data=b"{}",
                headers={"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"},
            )
            urllib.request.urlopen(asked, timeout=10).close()
            notes["renewed"] = member
            self.keep(notes)
        self.hear()
        self.work()

    def give_back(self, notes: dict[str, str]) -> None:
        """An admin gives the money back; the worker asks Stripe, which tells."""
        client = self._client("admin@example.com")
        with self.app.app_context():
            code = db.session.scalars(select(Order.code).where(Order.paid_at.is_not(None))).one()
            db.session.rollback()
        where = f"/admin/orders/{code}/refund"
        asked = {"what": "whole", "reason": "sorry"}
        if "refund" not in notes:
            page = client.get(where, query_string=asked).get_data(as_text=True)
            notes["refund"] = json.dumps({**asked, **_hidden(page)})
            self.keep(notes)
        answer = post(client, where, json.loads(notes["refund"]))
        assert answer.status_code == 303, answer.get_data(as_text=True)[:2000]
        self.work()
        self.hear()
        self.work()

    # -- parts -----------------------------------------------------------------------------------------------------

    def _client(self, email: str) -> Any:
        with self.app.app_context():
            account = db.session.scalars(select(Account).where(Account.email == email)).one()
            db.session.expunge_all()
            db.session.rollback()
        return sign_in(self.app.test_client(), account)

    def hear(self) -> None:
        """Bring every notification that the gateway has made, oldest first."""
        told = self.stripe.events.list({"types": list(HEARD), "limit": 100}).data
        client = self.app.test_client()
        for event in reversed(told):
            body = json.dumps(event.to_dict())
            moment = int(self.clock().timestamp())
            signed = stripe.WebhookSignature.generate_signature_header(body, SECRET, moment)
            answer = client.post("/webhooks/stripe", data=body, headers={"Stripe-Signature": signed})
            assert answer.status_code == 200, answer.get_data(as_text=True)

    def work(self) -> None:
        """What the job worker does after a commit."""
        with self.app.app_context():
            jobs.dispatch(self.state)

    def sweep(self, **later: float) -> None:
        """What it does each minute, some time later."""
        self.clock.advance(**later)
        with self.app.app_context():
            jobs.sweep(self.state)

    def keep(self, notes: dict[str, str]) -> None:
        """Write down what the browser knows, where a kill does not reach."""
        Path(self.app.extensions["qunclub"].settings.instance_path, "browser.json").write_text(
            json.dumps(notes)
        )

    def books(self) -> dict[str, Any]:
        """How everything stands, here and at the gateway."""
        with self.app.app_context():
            session = db.session()
            held, sold = session.execute(select(func.sum(Plan.held), func.sum(Plan.sold))).one()
            found = {
                "doctor": [
                    f"{name}: {finding.message} {finding.details}"
                    for name, check in self.state.doctors.items()
                    for finding in check(session, self.clock())
                ],
                "orders": sorted(session.scalars(select(Order.state))),
                "payments": session.scalar(select(func.count()).select_from(Payment)),
                "refunds": sorted(session.scalars(select(Refund.state))),
                "refunded": session.scalar(select(func.sum(Payment.refunded))) or 0,
                "passes": sorted(session.scalars(select(Pass.state))),
                "terms": session.scalar(select(func.count()).select_from(PassTerm)),
                "held": held,
                "sold": sold,
            }
            session.rollback()
        charged = self.stripe.balance_transactions.list({"limit": 100}).data
        return {**found, "moved": sorted(one.amount for one in charged)}


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Redirects are looked at, not followed."""


def _hidden(page: str) -> dict[str, str]:
    """The hidden fields of the form that does it."""
    fields = {}
    for tag in re.findall(r"<input[^>]*type=\"hidden\"[^>]*>", page):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and value and name[1] != "csrf_token":
            fields[name[1]] = value[1]
    return fields


def carry_out(club: Club, asked: dict[str, Any]) -> dict[str, Any]:
    """One command: a story, perhaps killed on the way, or what follows after a restart."""
    club.at_sandbox(asked["sandbox"])
    club.clock.now = club.began
    notes = asked["notes"]
    if asked["do"] in STORIES:
        at = asked.get("at")
        club.killer.arm(lambda number, _: number == at)
        getattr(club, asked["do"])(notes)
        return {"steps": club.killer.seen}
    if asked["do"] == "go_on":
        club.sweep()
        getattr(club, asked["story"])(notes)
    if asked["do"] in ("go_on", "sweep"):
        # Past the order's end, past the patience with a silent gateway, past the wait for an answer to a refund.
        club.sweep(minutes=40)
        club.sweep(minutes=40)
    return club.books()


def main() -> None:
    """Wait for commands; each is carried out by a child."""
    settings = json.loads(sys.stdin.readline())
    club = Club(settings["url"], settings["instance"], dt.datetime.fromisoformat(settings["now"]))
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if asked.get("here"):
            # What this process has compiled once, its children need not: statements, templates, translations.
            answer = carry_out(club, asked)
            # The database is put back next; nothing may hold on to the file that was.
            club.engine.dispose()
            print(json.dumps({"killed": False, **answer}), flush=True)
            continue
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                answer = carry_out(club, asked)
            except BaseException:
                answer = {"error": traceback.format_exc()}
            os.write(write, json.dumps(answer).encode())
            os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            told = pipe.read()
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status)
        print(json.dumps({"killed": killed, **(json.loads(told) if told else {})}), flush=True)


if __name__ == "__main__":
    main()
