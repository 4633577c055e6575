"""What every verb of the sandbox works on: kept objects, the moment, events, and money moving once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from qunclub.kernel.clock import Clock

from . import objects
from .behaviour import Behaviour
from .errors import ApiError, missing
from .objects import Object
from .store import Store

SESSION, INTENT, CHARGE, REFUND, EVENT = "checkout.session", "payment_intent", "charge", "refund", "event"
CUSTOMER, COUPON, SUBSCRIPTION, INVOICE = "customer", "coupon", "subscription", "invoice"
INVOICE_PAYMENT, DISPUTE, BALANCE = "invoice_payment", "dispute", "balance_transaction"

# Test cards with a fate, by number: a decline's code; what becomes of a refund; a renewal that fails.
DECLINED = {"4000000000000002": "generic_decline", "4000000000009995": "insufficient_funds"}
REFUND_FATES = {"4000000000005126": ("succeeded", "failed"), "4000000000007726": ("pending", "succeeded")}
PAYS_ONCE = frozenset({"4000000000000341"})

FEE_PERMILLE = 29  # what the sandbox keeps of a charge
DISPUTE_FEE = 1500  # and takes for a dispute, in Stripe's integer


class Deliveries(Protocol):
    """Who carries events to the webhook."""

    def enqueue(self, event_id: str, kind: str) -> None:
        """Note a delivery, inside the transaction that made the event."""


class Books:
    """The store with the moment, events and the balance.

    Args:
        deliveries: gets every event.
    """

    def __init__(self, store: Store, behaviour: Behaviour, deliveries: Deliveries, clock: Clock) -> None:
        self.store = store
        self.behaviour = behaviour
        self._deliveries = deliveries
        self._clock = clock

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing."""
        with self.store.transaction():
            yield

    def now(self) -> int:
        """The present moment as Stripe writes it."""
        return int(self._clock().timestamp())

    def kept(self, kind: str, object_id: str, param: str = "id") -> Object:
        """The object of that kind and id; ApiError when there is none."""
        found = self.store.get(kind, object_id)
        if found is None:
            raise missing(kind, object_id, param)
        return found

    def every(self, kind: str, path: str, value: str) -> list[Object]:
        """The objects of a kind whose field at the JSON *path* is *value*, the newest first."""
        return self.store.newest(
            kind, after=None, limit=1000, where=f"json_extract(body, '{path}') = ?", values=(value,)
        )

    def emit(self, kind: str, body: Object) -> None:
        """Make an event of *body* as it is now."""
        made = objects.event(kind, body, now=self.now())
        self.store.add(EVENT, made)
        self._deliveries.enqueue(made["id"], kind)

    # -- money in --------------------------------------------------------------------------------------------------

    def collect(self, intent: Object, *, method: str, card: str, later: bool = False) -> Object:
        """Take the money of a payment, now or (*later*) once somebody settles it."""
        intent["payment_method"] = objects.new_id("pm")
        made = objects.charge(
            intent, method=method, card=card, status="pending" if later else "succeeded", now=self.now()
        )
        intent["latest_charge"] = made["id"]
        intent["status"] = "processing" if later else "succeeded"
        intent["amount_received"] = 0 if later else intent["amount"]
        self.store.save(intent)
        self.store.add(CHARGE, made)
        if not later:
            self._received(intent, made)
        return made

    def settle(self, intent: Object, *, succeeded: bool) -> None:
        """End a payment that was on its way."""
        if intent["status"] != "processing":
            raise ApiError("Only a session whose payment is processing can be settled.")
        made = self.kept(CHARGE, intent["latest_charge"])
        if succeeded:
            intent.update(status="succeeded", amount_received=intent["amount"])
            made.update(status="succeeded", paid=True, captured=True, amount_captured=made["amount"])
        else:
            intent.update(status="requires_payment_method")
            made.update(status="failed", failure_code="card_declined")
        self.store.save(intent)
        self.store.save(made)
        if succeeded:
            self._received(intent, made)
        else:
            self.emit("charge.failed", made)
            self.emit("payment_intent.payment_failed", intent)

    def refuse(self, intent: Object, reason: str) -> None:
        """The bank says no."""
        intent["last_payment_error"] = {
            "type": "card_error",
            "code": "card_declined",
            "decline_code": reason,
        }
        self.store.save(intent)
        self.emit("payment_intent.payment_failed", intent)

    def _received(self, intent: Object, made: Object) -> None:
        self.enter("charge", made, made, amount=made["amount"], fee=made["amount"] * FEE_PERMILLE // 1000)
        self.emit("charge.succeeded", made)
        self.emit("payment_intent.succeeded", intent)

    def enter(self, category: str, source: Object, paid: Object, *, amount: int, fee: int = 0) -> Object:
        """Write a line of the balance; *paid* is the charge that *source* is or belongs to."""
        made = objects.balance_transaction(category, source, paid, amount=amount, fee=fee, now=self.now())
        self.store.add(BALANCE, made)
        return made
