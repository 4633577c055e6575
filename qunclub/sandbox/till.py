"""The sandbox's till: opens, pays and expires sessions, each in one transaction together with the events it causes."""

from __future__ import annotations

from dataclasses import dataclass

from . import objects
from .billing import Billing
from .books import DECLINED, INTENT, INVOICE, REFUND, SESSION, SUBSCRIPTION, Books
from .checks import LONGEST, check_lifetime, check_session
from .errors import ApiError, missing
from .objects import PRIVATE, Object
from .returns import Returns

MOST_AT_ONCE = 200  # things that time brings, in one look


@dataclass(frozen=True, slots=True)
class Attempt:
    """How paying went: ``paid``, ``declined`` (with the bank's *reason*) or ``expired``."""

    outcome: str
    session: Object
    reason: str = ""


class Till:
    """Verbs over sessions, and what time does to everything."""

    def __init__(self, books: Books, billing: Billing, returns: Returns) -> None:
        self._books = books
        self._billing = billing
        self._returns = returns

    def open(self, params: Object, *, base_url: str) -> Object:
        """A new session from checked parameters; ApiError for what Stripe would not take."""
        now = self._books.now()
        check_session(params)
        expires_at = params.get("expires_at", now + LONGEST)
        check_lifetime(expires_at, now)
        currency = params["line_items"][0]["price_data"]["currency"]
        methods = objects.fitting(
            params.get("allowed_payment_method_types"),
            currency,
            recurring=params["mode"] == "subscription",
        )
        if not methods:
            raise ApiError("No valid payment method types for this Checkout Session.", saved=True)
        with self._books.transaction():
            made = objects.session(
                params,
                methods=methods,
                now=now,
                expires_at=expires_at,
                base_url=base_url,
                discount=self._billing.discount_of(params),
            )
            self._books.store.add(SESSION, made, due=expires_at)
        return made

    def session(self, session_id: str) -> Object:
        """A session as it stands at this moment."""
        self.tick()
        found = self._books.store.get(SESSION, session_id)
        if found is None:
            raise missing("checkout.session", session_id, "session")
        return found

    def expire(self, session_id: str) -> Object:
        """Close an open session."""
        with self._books.transaction():
            found = self.session(session_id)
            if found["status"] != "open":
                raise ApiError(
                    'Only Checkout Sessions with a status in ["open"] can be expired. '
                    f"This Checkout Session has a status of `{found['status']}`.",
                    saved=True,
                )
            return self._expired(found)

    def pay(self, session_id: str, method: str, *, card: str = "") -> Attempt:
        """Try to pay a session; paying twice pays once.

        Args:
            method: one of the session's methods, or ``decline`` for a bank that says no.
            card: the digits typed, for ``card``.
        """
        with self._books.transaction():
            found = self.session(session_id)
            if found["status"] == "complete":
                return Attempt("paid", found)
            if found["status"] == "expired":
                return Attempt("expired", found)
            recurring = found["mode"] == "subscription"
            free = found["amount_total"] == 0
            if free and not recurring:
                return Attempt("paid", self._complete(found, payment_status="no_payment_required"))
            if method != "decline" and method not in found["payment_method_types"]:
                raise ApiError(f"This session does not offer {method}.", param="method")
            reason = DECLINED.get(card, "") if method == "card" else ""
            if method == "decline":
                reason = "generic_decline"
            if reason:
                if not recurring:
                    self._books.refuse(self._intent_of(found), reason)
                return Attempt("declined", found, reason)
            later = self._books.behaviour.all()["settle"] == "later" and not free
            if recurring:
                self._billing.begin(found, method=method, card=card, later=later)
            else:
                self._books.collect(self._intent_of(found), method=method, card=card, later=later)
            status = "no_payment_required" if free else "unpaid" if later else "paid"
            return Attempt("paid", self._complete(found, payment_status=status))

    def settle(self, session_id: str, *, succeeded: bool) -> Object:
        """End the payment of a session that completed unpaid."""
        with self._books.transaction():
            found = self.session(session_id)
            if found["status"] != "complete" or found["payment_status"] != "unpaid":
                raise ApiError("Only a session whose payment is processing can be settled.")
            if succeeded:
                found["payment_status"] = "paid"
                self._books.store.save(found)
            if found["subscription"]:
                self._billing.settled(found, succeeded=succeeded)
            else:
                self._books.settle(self._books.kept(INTENT, found["payment_intent"]), succeeded=succeeded)
            outcome = "succeeded" if succeeded else "failed"
            self._books.emit(f"checkout.session.async_payment_{outcome}", found)
            return found

    def tick(self) -> None:
        """What happens by itself: sessions end, refunds are decided, memberships renew, failed charges are retried."""
        with self._books.transaction():
            for _ in range(MOST_AT_ONCE):
                due = self._books.store.due(self._books.now(), limit=1)
                if not due:
                    return
                kind, object_id = due[0]
                if kind == SESSION:
                    self._expired(self._books.kept(SESSION, object_id))
                elif kind == REFUND:
                    self._returns.decide(object_id)
                elif kind in (SUBSCRIPTION, INVOICE):
                    self._billing.tick(kind, object_id)

    # -- parts -----------------------------------------------------------------------------------------------------

    def _expired(self, session: Object) -> Object:
        session.update(status="expired", url=None)
        self._books.store.save(session)
        self._books.emit("checkout.session.expired", session)
        return session

    def _complete(self, session: Object, *, payment_status: str) -> Object:
        session.update(
            status="complete",
            payment_status=payment_status,
            url=None,
            customer_details={"email": session["customer_email"], "name": None, "phone": None},
        )
        self._books.store.save(session)
        self._books.emit("checkout.session.completed", session)
        return session

    def _intent_of(self, session: Object) -> Object:
        """The session's payment, made at the first attempt."""
        if session["payment_intent"]:
            return self._books.kept(INTENT, session["payment_intent"])
        asked = session[PRIVATE]["intent"]
        made = objects.payment_intent(
            session["amount_total"],
            session["currency"],
            now=self._books.now(),
            methods=session["payment_method_types"],
            description=asked.get("description"),
            metadata=asked.get("metadata"),
            private={"session": session["id"]},
        )
        self._books.store.add(INTENT, made)
        session["payment_intent"] = made["id"]
        self._books.store.save(session, due=session["expires_at"])
        return made
