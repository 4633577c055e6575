"""Memberships that are charged again: begun by a session, renewed by time or by a switch, failed, paid, ended."""

from __future__ import annotations

import calendar
import datetime as dt

from . import objects
from . import objects_billing as made_of
from .books import (
    COUPON,
    CUSTOMER,
    DECLINED,
    INTENT,
    INVOICE,
    INVOICE_PAYMENT,
    PAYS_ONCE,
    SUBSCRIPTION,
    Books,
)
from .errors import ApiError, missing
from .objects import PRIVATE, Object
from .objects_billing import item_of

DAY = 86_400
RETRY_DAYS = (3, 5, 7)  # after each failed try; after the last the membership ends, as Stripe can be set
OUTCOMES = ("paid", "failed")


class Billing:
    """Verbs over memberships, each inside the caller's or its own transaction."""

    def __init__(self, books: Books) -> None:
        self._books = books

    # -- beginning -------------------------------------------------------------------------------------------------

    def coupon(self, params: Object) -> Object:
        """Keep a coupon."""
        with self._books.transaction():
            made = made_of.coupon(params, now=self._books.now())
            if self._books.store.get(COUPON, made["id"]) is not None:
                raise ApiError("Coupon already exists.", code="resource_already_exists", param="id")
            self._books.store.add(COUPON, made)
            return made

    def discount_of(self, params: Object) -> int:
        """What the coupon of a new session takes off its total."""
        total = sum(
            item["price_data"]["unit_amount"] * item["quantity"] for item in params.get("line_items", ())
        )
        for number, one in enumerate(params.get("discounts", ())):
            where = f"discounts[{number}][coupon]"
            found = self._books.store.get(COUPON, one.get("coupon", ""))
            if found is None:
                raise missing("coupon", one.get("coupon", ""), where)
            if not found["valid"]:
                raise ApiError(f"Coupon {found['id']} is used up.", code="coupon_expired", param=where)
            if found["currency"] != params["line_items"][0]["price_data"]["currency"]:
                raise ApiError(
                    f"The coupon's currency is {found['currency']}, not the session's.", param=where
                )
            return made_of.off_first_charge(found, total)
        return 0

    def begin(self, session: Object, *, method: str, card: str, later: bool) -> None:
        """Make customer, membership and first invoice of a session that is being paid; the session names them."""
        books, now = self._books, self._books.now()
        who = made_of.customer(session["customer_email"], locale=session["locale"], now=now)
        books.store.add(CUSTOMER, who)
        recurring = session[PRIVATE]["items"][0]["price_data"]["recurring"]
        member = made_of.subscription(
            session, customer_id=who["id"], card=card, now=now, ends=_after(now, recurring, 1)
        )
        books.store.add(SUBSCRIPTION, member)
        off = [
            (self._redeem(one["coupon"]), session["total_details"]["amount_discount"])
            for one in session["discounts"]
        ]
        bill = self._bill(member, discounts=off, usage=(now, now))
        session.update(customer=who["id"], subscription=member["id"], invoice=bill["id"])
        self._save(member)
        books.emit("customer.created", who)
        books.emit("customer.subscription.created", member)
        self._announce(bill)
        if bill["amount_due"]:
            self._try(member, bill, method=method, card=card, later=later, words="Subscription creation")
        else:
            self._paid(member, bill)

    def settled(self, session: Object, *, succeeded: bool) -> None:
        """A delayed first charge of a session arrived or failed."""
        member = self._books.kept(SUBSCRIPTION, session["subscription"])
        bill = self._books.kept(INVOICE, session["invoice"])
        intent = self._books.kept(INTENT, bill[PRIVATE]["intent"])
        self._books.settle(intent, succeeded=succeeded)
        if succeeded:
            self._paid(member, bill)
        else:
            self._failed(member, bill)

    # -- going on --------------------------------------------------------------------------------------------------

    def renew(self, subscription_id: str, *, outcome: str = "") -> Object:
        """Move a membership to its next period and charge for it.

        Args:
            outcome: ``paid`` or ``failed``; empty for what the behaviour and the card say.
        """
        books = self._books
        with books.transaction():
            member = self._living(subscription_id)
            if member["cancel_at_period_end"]:
                return self._end(member, reason="cancellation_requested")
            row, private = item_of(member), member[PRIVATE]
            usage = (row["current_period_start"], row["current_period_end"])
            private["periods"] += 1
            row["current_period_start"] = usage[1]
            row["current_period_end"] = _after(
                member["billing_cycle_anchor"], row["price"]["recurring"], private["periods"]
            )
            bill = self._bill(member, discounts=[], usage=usage)
            self._save(member)
            books.emit("invoice.created", bill)
            books.emit("customer.subscription.updated", member)
            books.emit("invoice.finalized", bill)
            self._attempt(member, bill, outcome)
            return member

    def pay_invoice(self, invoice_id: str, *, card: str = "", outcome: str = "") -> str:
        """Try an open invoice again, by the kept card or (*card*) one typed on its page; why not, or nothing."""
        with self._books.transaction():
            bill = self._books.kept(INVOICE, invoice_id, "invoice")
            if bill["status"] == "paid":
                return ""
            if bill["status"] != "open":
                raise ApiError("Only an open invoice can be paid.", code="invoice_not_editable")
            member = self._books.kept(SUBSCRIPTION, bill[PRIVATE]["subscription"])
            if card and card not in DECLINED:
                member[PRIVATE]["card"] = card
                member["default_payment_method"] = objects.new_id("pm")
                self._save(member)
            return self._attempt(member, bill, outcome, typed=card)

    def change(self, subscription_id: str, params: Object) -> Object:
        """End a membership at its period's end, or take that back."""
        with self._books.transaction():
            member = self._living(subscription_id, gone="update")
            ends = params.get("cancel_at_period_end")
            if "metadata" in params:
                member["metadata"] = {**member["metadata"], **(params["metadata"] or {})}
            if ends is not None and ends != member["cancel_at_period_end"]:
                member.update(
                    cancel_at_period_end=ends,
                    cancel_at=item_of(member)["current_period_end"] if ends else None,
                    canceled_at=self._books.now() if ends else None,
                )
                member["cancellation_details"]["reason"] = "cancellation_requested" if ends else None
            self._save(member)
            self._books.emit("customer.subscription.updated", member)
            return member

    def end(self, subscription_id: str) -> Object:
        """End a membership at once; nothing is given back."""
        with self._books.transaction():
            return self._end(self._living(subscription_id), reason="cancellation_requested")

    def tick(self, kind: str, object_id: str) -> None:
        """A period or the wait for another try is over."""
        if kind == SUBSCRIPTION:
            self.renew(object_id)
        else:
            self.pay_invoice(object_id)

    # -- parts -----------------------------------------------------------------------------------------------------

    def _living(self, subscription_id: str, *, gone: str = "end") -> Object:
        member = self._books.kept(SUBSCRIPTION, subscription_id)
        if member["status"] == "canceled":
            if gone == "update":
                raise ApiError(
                    "A canceled subscription can only update its cancellation_details and metadata."
                )
            raise missing("subscription", subscription_id, "id")
        return member

    def _save(self, member: Object) -> None:
        """Keep a membership, to be looked at when its period ends."""
        living = member["status"] != "canceled"
        self._books.store.save(member, due=item_of(member)["current_period_end"] if living else None)

    def _redeem(self, coupon_id: str) -> str:
        found = self._books.kept(COUPON, coupon_id)
        if not found["valid"]:
            raise ApiError(f"Coupon {coupon_id} is used up.", code="coupon_expired")
        found["times_redeemed"] += 1
        found["valid"] = found["times_redeemed"] < (found["max_redemptions"] or found["times_redeemed"] + 1)
        self._books.store.save(found)
        return coupon_id

    def _bill(self, member: Object, *, discounts: list[tuple[str, int]], usage: tuple[int, int]) -> Object:
        books, row = self._books, item_of(member)
        number = int(books.store.setting("invoices", 0)) + 1
        books.store.set("invoices", number)
        bill = made_of.invoice(
            member,
            first=member["latest_invoice"] is None,
            number=number,
            discounts=discounts,
            usage=usage,
            period=(row["current_period_start"], row["current_period_end"]),
            now=books.now(),
        )
        books.store.add(INVOICE, bill)
        member["latest_invoice"] = bill["id"]
        return bill

    def _announce(self, bill: Object) -> None:
        self._books.emit("invoice.created", bill)
        self._books.emit("invoice.finalized", bill)

    def _attempt(self, member: Object, bill: Object, outcome: str, *, typed: str = "") -> str:
        """Try to charge for an open invoice; the bank's reason when it says no."""
        if not bill["amount_due"]:
            self._paid(member, bill)
            return ""
        card = typed or member[PRIVATE]["card"]
        fails = not typed and (
            self._books.behaviour.all()["renewals"] == "failed"
            or (card in PAYS_ONCE and bill["billing_reason"] == "subscription_cycle")
        )
        reason = DECLINED.get(card, "generic_decline" if fails else "")
        if outcome:
            reason = "generic_decline" if outcome == "failed" else ""
        words = "Subscription update"
        self._try(
            member, bill, method="card", card=card, later=False, words=words, reason=reason, typed=bool(typed)
        )
        return reason

    def _try(
        self,
        member: Object,
        bill: Object,
        *,
        method: str,
        card: str,
        later: bool,
        words: str,
        reason: str = "",
        typed: bool = False,
    ) -> None:
        books = self._books
        intent = self._intent_of(member, bill, words=words)
        bill["attempted"] = True
        if reason and typed:
            # Somebody's own try on the invoice's page does not move the next one.
            books.refuse(intent, reason)
            books.store.save(bill, due=bill["next_payment_attempt"])
            books.emit("invoice.payment_failed", bill)
            return
        bill["attempt_count"] += 1
        if reason:
            books.refuse(intent, reason)
            self._failed(member, bill)
            return
        books.collect(intent, method=method, card=card, later=later)
        if later:
            books.store.save(bill)
        else:
            self._paid(member, bill)

    def _intent_of(self, member: Object, bill: Object, *, words: str) -> Object:
        """An invoice's payment, made at its first attempt."""
        books = self._books
        if "intent" in bill[PRIVATE]:
            return books.kept(INTENT, bill[PRIVATE]["intent"])
        made = objects.payment_intent(
            bill["amount_due"],
            bill["currency"],
            now=books.now(),
            methods=["card"],
            description=words,
            customer=bill["customer"],
            private={"invoice": bill["id"], "subscription": member["id"]},
        )
        books.store.add(INTENT, made)
        books.store.add(INVOICE_PAYMENT, made_of.invoice_payment(bill, made, now=books.now()))
        bill[PRIVATE]["intent"] = made["id"]
        return made

    def _paid(self, member: Object, bill: Object) -> None:
        books, now = self._books, self._books.now()
        bill.update(
            status="paid",
            amount_paid=bill["amount_due"],
            amount_remaining=0,
            auto_advance=False,
            next_payment_attempt=None,
        )
        bill["status_transitions"]["paid_at"] = now
        books.store.save(bill)
        for one in books.every(INVOICE_PAYMENT, "$.invoice", bill["id"]):
            one.update(status="paid", amount_paid=bill["amount_paid"])
            one["status_transitions"]["paid_at"] = now
            books.store.save(one)
        books.emit("invoice.paid", bill)
        books.emit("invoice.payment_succeeded", bill)
        # Whether a membership is behind is judged by its newest invoice.
        if member["status"] == "past_due" and member["latest_invoice"] == bill["id"]:
            member["status"] = "active"
            self._save(member)
            books.emit("customer.subscription.updated", member)

    def _failed(self, member: Object, bill: Object) -> None:
        books = self._books
        tries = bill["attempt_count"]
        again = books.now() + RETRY_DAYS[tries - 1] * DAY if tries <= len(RETRY_DAYS) else None
        if member["status"] == "canceled":
            again = None
        bill.update(next_payment_attempt=again, auto_advance=again is not None)
        books.store.save(bill, due=again)
        books.emit("invoice.payment_failed", bill)
        if member["status"] == "canceled":
            return
        if again is None:
            self._end(member, reason="payment_failed")
        elif member["status"] == "active":
            member["status"] = "past_due"
            self._save(member)
            books.emit("customer.subscription.updated", member)

    def _end(self, member: Object, *, reason: str) -> Object:
        books, now = self._books, self._books.now()
        member.update(status="canceled", canceled_at=member["canceled_at"] or now, ended_at=now)
        member["cancellation_details"]["reason"] = reason
        self._save(member)
        for bill in books.every(INVOICE, f"$.{PRIVATE}.subscription", member["id"]):
            if bill["status"] == "open":
                bill.update(auto_advance=False, next_payment_attempt=None)
                books.store.save(bill)
        books.emit("customer.subscription.deleted", member)
        return member


def _after(anchor: int, recurring: Object, count: int) -> int:
    """The end of the *count*-th period from *anchor* on; a 31st falls on the last day of a shorter month."""
    months = recurring.get("interval_count", 1) * (12 if recurring["interval"] == "year" else 1) * count
    began = dt.datetime.fromtimestamp(anchor, dt.UTC)
    year, month = divmod(began.year * 12 + began.month - 1 + months, 12)
    day = min(began.day, calendar.monthrange(year, month + 1)[1])
    return int(began.replace(year=year, month=month + 1, day=day).timestamp())
