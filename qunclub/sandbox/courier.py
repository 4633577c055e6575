"""Carries the sandbox's events to the webhook, signed as Stripe signs them, in the background and with retries."""

from __future__ import annotations

import heapq
import json
import logging
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import stripe

from qunclub.kernel.clock import Clock, monotonic

from .behaviour import Behaviour
from .store import Store

log = logging.getLogger(__name__)

BEAT = 0.25  # seconds between looks at what time brings
ATTEMPTS = 6
BACKOFF = 0.5  # seconds before the second attempt, doubled for each further one
TIMEOUT = 20.0

# What a club subscribes to; other events are kept and listed, not sent.
SENT = (
    "checkout.session.",
    "charge.refunded",
    "charge.dispute.",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "invoice.paid",
    "invoice.payment_action_required",
    "invoice.payment_failed",
    "refund.",
)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect is a failed delivery, as at Stripe."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Refuse."""


class Courier:
    """One beat and a few hands.

    Args:
        url: the webhook; empty sends nothing.
        secret: signs each attempt, with the time of that attempt.
        attempts: how often one delivery is tried before it is given up.
    """

    def __init__(
        self,
        store: Store,
        behaviour: Behaviour,
        *,
        url: str,
        secret: str,
        clock: Clock,
        attempts: int = ATTEMPTS,
        backoff: float = BACKOFF,
    ) -> None:
        self._store = store
        self._behaviour = behaviour
        self._url = url
        self._secret = secret
        self._clock = clock
        self._attempts = attempts
        self._backoff = backoff
        self._jobs: list[tuple[float, int, list[int]]] = []
        self._gathered_at = 0.0
        self._wake = threading.Condition()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._hands = ThreadPoolExecutor(max_workers=4, thread_name_prefix="sandbox-webhook")
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())

    def start(self, tick: Callable[[], None]) -> None:
        """Begin; *tick* is called at every beat. What an earlier process left unsent goes first."""
        for (delivery,) in self._store.rows("SELECT id FROM delivery WHERE state = 'pending' ORDER BY id"):
            self._at(0.0, [delivery])
        self._thread = threading.Thread(target=self._run, args=(tick,), name="sandbox-courier", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being sent and end; the rest stays for the next start."""
        with self._wake:
            self._stopped.set()
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()
        self._hands.shutdown(wait=True, cancel_futures=True)

    def enqueue(self, event_id: str, kind: str) -> None:
        """Note deliveries of an event as the behaviour says, in the caller's transaction."""
        if not self._url or not kind.startswith(SENT):
            return
        settings = self._behaviour.all()
        mode = settings["webhooks"]
        state = {"never": "withheld", "reversed": "gathering"}.get(mode, "pending")
        for _ in range(2 if mode == "twice" else 1):
            delivery = self._insert(event_id, state)
            if state == "pending":
                # A hand that comes before the commit waits for the store's lock.
                self._at(settings["late_ms"] / 1000 if mode == "late" else 0.0, [delivery])
        if state == "gathering":
            self._gathered_at = monotonic()

    def release(self) -> int:
        """Send everything kept back, oldest first; how many."""
        with self._store.transaction():
            held = self._ids("state IN ('withheld', 'gathering')")
            self._store.rows("UPDATE delivery SET state = 'pending' WHERE state IN ('withheld', 'gathering')")
        if held:
            self._at(0.0, held)
        return len(held)

    def again(self, event_id: str) -> None:
        """Send one event once more."""
        with self._store.transaction():
            self._at(0.0, [self._insert(event_id, "pending")])

    def log(self) -> list[dict[str, Any]]:
        """Every delivery, oldest first."""
        rows = self._store.rows(
            "SELECT delivery.id, event, json_extract(body, '$.type'), state, attempts, answer"
            " FROM delivery JOIN object ON object.id = delivery.event ORDER BY delivery.id"
        )
        names = ("id", "event", "type", "state", "attempts", "answer")
        return [dict(zip(names, row, strict=True)) for row in rows]

    # -- inside ----------------------------------------------------------------------------------------------------

    def _insert(self, event_id: str, state: str) -> int:
        rows = self._store.rows(
            "INSERT INTO delivery (event, state) VALUES (?, ?) RETURNING id", event_id, state
        )
        return int(rows[0][0])

    def _ids(self, where: str) -> list[int]:
        return [row[0] for row in self._store.rows(f"SELECT id FROM delivery WHERE {where} ORDER BY id")]

    def _at(self, delay: float, deliveries: list[int]) -> None:
        with self._wake:
            heapq.heappush(self._jobs, (monotonic() + delay, deliveries[0], deliveries))
            self._wake.notify()

    def _run(self, tick: Callable[[], None]) -> None:
        beat = 0.0
        while not self._stopped.is_set():
            with self._wake:
                if not (self._jobs and self._jobs[0][0] <= monotonic()):
                    next_due = self._jobs[0][0] - monotonic() if self._jobs else BEAT
                    self._wake.wait(max(0.001, min(BEAT, next_due)))
                due = []
                while self._jobs and self._jobs[0][0] <= monotonic():
                    due.append(heapq.heappop(self._jobs)[2])
            if self._stopped.is_set():
                return
            for deliveries in due:
                self._hands.submit(self._carry, deliveries)
            if monotonic() - beat >= BEAT:
                beat = monotonic()
                try:
                    tick()
                    self._flush()
                except Exception:
                    log.exception("the sandbox's beat failed")

    def _flush(self) -> None:
        """Send what gathered for ``reversed``, newest first, once nothing more comes."""
        if monotonic() - self._gathered_at < self._behaviour.all()["gather_ms"] / 1000:
            return
        with self._store.transaction():
            gathered = self._ids("state = 'gathering'")
            self._store.rows("UPDATE delivery SET state = 'pending' WHERE state = 'gathering'")
        if gathered:
            self._at(0.0, gathered[::-1])

    def _carry(self, deliveries: list[int]) -> None:
        """Send some, one after the other; what fails comes again on its own."""
        for delivery in deliveries:
            try:
                self._carry_one(delivery)
            except Exception:
                log.exception("the sandbox could not carry a webhook")

    def _carry_one(self, delivery: int) -> None:
        rows = self._store.rows(
            "SELECT body, attempts FROM delivery JOIN object ON object.id = delivery.event"
            " WHERE delivery.id = ? AND state = 'pending'",
            delivery,
        )
        if not rows:  # its transaction was rolled back
            return
        body, attempts = json.dumps(json.loads(rows[0][0]), indent=2), rows[0][1] + 1
        answer = self._post(body)
        sent = answer.startswith("2")
        state = "sent" if sent else "failed" if attempts >= self._attempts else "pending"
        self._store.rows(
            "UPDATE delivery SET state = ?, attempts = ?, answer = ? WHERE id = ?",
            state,
            attempts,
            answer,
            delivery,
        )
        if state == "pending":
            self._at(self._backoff * 2 ** (attempts - 1), [delivery])
        elif state == "failed":
            log.warning("webhook given up after %d attempts: %s", attempts, answer)

    def _post(self, body: str) -> str:
        """Send once; the answer's status, or why there was none."""
        moment = int(self._clock().timestamp())
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (qunclub pay sandbox)",
            "Stripe-Signature": stripe.WebhookSignature.generate_signature_header(body, self._secret, moment),
        }
        request = urllib.request.Request(self._url, data=body.encode(), headers=headers, method="POST")
        try:
            with self._opener.open(request, timeout=TIMEOUT) as answer:
                return str(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return str(error.code)
        except (OSError, ValueError) as error:
            return f"{type(error).__name__}: {error}"
