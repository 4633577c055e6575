"""Money that goes back: refunds, by the API or in the dashboard, and disputes."""

from __future__ import annotations

from . import objects
from .books import (
    CHARGE,
    DISPUTE,
    DISPUTE_FEE,
    INTENT,
    REFUND,
    REFUND_FATES,
    Books,
)
from .checks import check_amount
from .errors import ApiError
from .objects import PRIVATE, Object

REFUND_FATE_AFTER = 2  # seconds
ANSWER_WITHIN = 9 * 86_400
REASONS = (
    "credit_not_processed",
    "duplicate",
    "fraudulent",
    "general",
    "product_not_received",
    "product_unacceptable",
    "subscription_canceled",
    "unrecognized",
)
OUTCOMES = ("won", "lost", "escalated")
_INQUIRY, _OPEN = "warning_needs_response", "needs_response"


class Returns:
    """Verbs over charges that were paid."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def refund(self, params: Object) -> Object:
        """Give back some or all of a payment; never more than is left of it."""
        books = self._books
        with books.transaction():
            charge = self._refundable(params)
            left = charge["amount"] - charge["amount_refunded"]
            amount = params.get("amount", left)
            if amount <= 0 and left > 0:
                raise ApiError("Invalid positive integer", code="parameter_invalid_integer", param="amount")
            if left == 0:
                raise ApiError(
                    f"Charge {charge['id']} has already been refunded.",
                    code="charge_already_refunded",
                    saved=True,
                )
            if amount > left:
                raise ApiError(
                    f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})",
                    param="amount",
                    saved=True,
                )
            check_amount(amount, charge["currency"], "amount")
            status, then = REFUND_FATES.get(charge[PRIVATE]["card"], ("succeeded", ""))
            made = objects.refund(charge, params, amount=amount, status=status, now=books.now())
            books.store.add(REFUND, made, due=books.now() + REFUND_FATE_AFTER if then else None)
            self._give_back(charge, amount)
            books.enter("refund", made, charge, amount=-amount)
            books.emit("refund.created", made)
            books.emit("charge.refunded", charge)
            return made

    def decide(self, refund_id: str) -> None:
        """A refund that could go either way has."""
        books = self._books
        refund = books.kept(REFUND, refund_id)
        charge = books.kept(CHARGE, refund["charge"])
        refund["status"] = REFUND_FATES[charge[PRIVATE]["card"]][1]
        failed = refund["status"] == "failed"
        if failed:
            refund["failure_reason"] = "expired_or_canceled_card"
            self._give_back(charge, -refund["amount"])
            books.enter("refund_failure", refund, charge, amount=refund["amount"])
        books.store.save(refund)
        books.emit("refund.updated", refund)
        if failed:
            books.emit("refund.failed", refund)

    def dispute(
        self, intent_id: str, *, reason: str, amount: int | None = None, inquiry: bool = False
    ) -> Object:
        """The buyer's bank takes money back, or (*inquiry*) only asks."""
        books = self._books
        if reason not in REASONS:
            raise ApiError(f"reason is one of {', '.join(REASONS)}.", param="reason")
        with books.transaction():
            charge = self._paid_by(intent_id)
            if charge["disputed"]:
                raise ApiError("This charge has been disputed already.", code="charge_disputed")
            left = charge["amount"] - charge["amount_refunded"]
            wanted = left if amount is None else amount
            if not 0 < wanted <= left:
                raise ApiError(f"amount is from 1 to {left}, what is left of the charge.", param="amount")
            made = objects.dispute(
                charge,
                amount=wanted,
                reason=reason,
                inquiry=inquiry,
                refundable=inquiry,
                now=books.now(),
                due_by=books.now() + ANSWER_WITHIN,
            )
            books.store.add(DISPUTE, made)
            charge["disputed"] = True
            books.store.save(charge)
            books.emit("charge.dispute.created", made)
            if not inquiry:
                self._withdraw(made, charge)
            return made

    def close(self, dispute_id: str, *, outcome: str) -> Object:
        """Decide a dispute; ``escalated`` makes a dispute of a mere inquiry."""
        books = self._books
        if outcome not in OUTCOMES:
            raise ApiError(f"outcome is one of {', '.join(OUTCOMES)}.", param="outcome")
        with books.transaction():
            found = books.kept(DISPUTE, dispute_id)
            asked = found["status"] == _INQUIRY
            if found["status"] not in (_INQUIRY, _OPEN):
                raise ApiError(f"This dispute is {found['status']} already.")
            if outcome == "escalated" and not asked:
                raise ApiError("Only an inquiry can be escalated.", param="outcome")
            charge = books.kept(CHARGE, found["charge"])
            if asked and outcome != "won":
                found.update(status=_OPEN, is_charge_refundable=False)
                books.store.save(found)
                books.emit("charge.dispute.updated", found)
                self._withdraw(found, charge)
            if outcome == "escalated":
                return found
            found["status"] = "warning_closed" if asked and outcome == "won" else outcome
            found["is_charge_refundable"] = outcome == "won"
            books.store.save(found)
            books.emit("charge.dispute.closed", found)
            if outcome == "won" and not asked:
                entry = books.enter("dispute_reversal", found, charge, amount=found["amount"])
                found["balance_transactions"].append(objects.public(entry))
                books.store.save(found)
                books.emit("charge.dispute.funds_reinstated", found)
            return found

    # -- parts -----------------------------------------------------------------------------------------------------

    def _withdraw(self, dispute: Object, charge: Object) -> None:
        books = self._books
        entry = books.enter("dispute", dispute, charge, amount=-dispute["amount"], fee=DISPUTE_FEE)
        dispute["balance_transactions"].append(objects.public(entry))
        books.store.save(dispute)
        books.emit("charge.dispute.funds_withdrawn", dispute)

    def _refundable(self, params: Object) -> Object:
        if ("payment_intent" in params) == ("charge" in params):
            raise ApiError("Specify exactly one of `charge` and `payment_intent`.", code="parameter_missing")
        if "charge" in params:
            found = self._books.kept(CHARGE, params["charge"], "charge")
        else:
            found = self._paid_by(params["payment_intent"])
        for one in self._books.every(DISPUTE, "$.charge", found["id"]):
            if not one["is_charge_refundable"]:
                raise ApiError(
                    f"Charge {found['id']} has been charged back; cannot issue a refund.",
                    code="charge_disputed",
                    saved=True,
                )
        return found

    def _paid_by(self, intent_id: str) -> Object:
        """The charge that paid an intent."""
        intent = self._books.kept(INTENT, intent_id, "payment_intent")
        if intent["status"] != "succeeded":
            raise ApiError(
                f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
                param="payment_intent",
                saved=True,
            )
        return self._books.kept(CHARGE, intent["latest_charge"])

    def _give_back(self, charge: Object, amount: int) -> None:
        charge["amount_refunded"] += amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        self._books.store.save(charge)
