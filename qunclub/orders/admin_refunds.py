"""Giving back, for admins: how much, what exactly it does, and what it did."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Blueprint, request, url_for
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from qunclub.kernel import N_, Conflict, Invalid, ids, parse_amount, to_decimal
from qunclub.web import (
    _,
    _l,
    allow,
    current_actor,
    explain,
    flash,
    form_errors,
    now,
    reading,
    render,
    see_other,
    unit_of_work,
)
from qunclub.web.render import money

from . import queries_refunds, rules, services_refunds
from . import services_refund_effects as effects
from .forms_refunds import CODES, PART, WAYS, WHOLE, RefundForm
from .queries_refunds import Desk, Preview

bp = Blueprint("orders_refunds", __name__, url_prefix="/admin/orders")

WORDS = {"methods": rules.METHOD_LABELS, "refund_labels": rules.REFUND_LABELS}


def moment(text: str) -> dt.datetime:
    """A moment as the facts carry it."""
    return dt.datetime.fromisoformat(text)


@bp.get("/<code>/refund")
@allow("admin")
def refund_order(code: str) -> Any:
    """How much of an order goes back, and what that would do, exactly, before it is done."""
    return _ask(code, None)


@bp.get("/payments/<int:payment_id>/refund")
@allow("admin")
def refund(payment_id: int) -> Any:
    """The same, beginning with one payment."""
    return _ask(_code_of(payment_id), payment_id)


@bp.post("/<code>/refund")
@allow("admin")
def give_back_order(code: str) -> Any:
    """Give money back. The page's own key makes a double click one refund."""
    return _give_back(code, None)


@bp.post("/payments/<int:payment_id>/refund")
@allow("admin")
def give_back(payment_id: int) -> Any:
    """The same, from the page of one payment."""
    return _give_back(_code_of(payment_id), payment_id)


@bp.get("/<code>/refunds/<key>")
@allow("admin")
def done(code: str, key: str) -> Any:
    """What a refund did."""
    with reading() as session:
        desk = queries_refunds.desk(session, code)
        found = queries_refunds.done(session, desk.order, f"desk-{key}")
        return render(
            "orders/admin_refund_done.html",
            order=desk.order,
            done=found,
            waiting=any(made.state == "requested" for made in found.refunds),
            by_hand=any(back["by_hand"] for back in found.facts["backs"]),
            moment=moment,
            **WORDS,
        )


@bp.post("/<code>/refunds/<int:refund_id>/sent")
@allow("admin")
def sent(code: str, refund_id: int) -> Any:
    """The transfer of a buyer's own refund was sent."""
    with unit_of_work() as session:
        order = services_refunds.sent(session, refund_id=refund_id, actor=current_actor(), now=now())
        where = order.code
    flash(_("The refund is done; the buyer gets a mail."))
    return see_other("qunclub.orders_admin.show", code=where)


def _code_of(payment_id: int) -> str:
    with reading() as session:
        return queries_refunds.order_code_of(session, payment_id)


def _form(desk: Desk, payment_id: int | None, given: MultiDict[str, str] | None) -> RefundForm:
    """The form of an order: it offers what the order has."""
    first = payment_id or (desk.left[0].id if desk.left else 0)
    start = next((paid for paid in desk.left if paid.id == first), None)
    left = str(to_decimal(start.amount - start.refunded, start.currency)) if start else ""
    if given is None:
        form = RefundForm(
            formdata=None, what=PART if payment_id else WHOLE, payment=first, amount=left, codes=[]
        )
    else:
        # What one payment's page leaves out is meant: an amount of this payment.
        asked = MultiDict(given)
        asked.setdefault("what", PART)
        if payment_id or len(desk.left) == 1:
            asked.setdefault("payment", str(first))
        form = RefundForm(asked)
    if not payment_id and len(desk.left) == 1 and form.payment.data is None:
        form.payment.data = first
    form.payment.choices = [
        (paid.id, f"{money(paid.amount - paid.refunded, paid.currency)} · {paid.ref}") for paid in desk.left
    ]
    form.codes.choices = [
        (one.id, " · ".join(filter(None, (one.code, money(worth, desk.order.currency), one.recipient_name))))
        for one, worth in desk.codes
    ]
    if desk.codes:
        form.what.choices = [*WAYS, (CODES, _l("Claim codes"))]
    return form


def _wanted(session: Session, desk: Desk, form: RefundForm) -> tuple[dict[int, int], tuple[int, ...]]:
    """What the form asks for: payment id → amount, and the codes that go with it.

    Raises:
        Invalid: naming the field.
    """
    if form.what.data == CODES:
        known = {one.id for one, _worth in desk.codes}
        chosen = tuple(sorted(known & set(form.codes.data or ())))
        return effects.for_codes(session, desk.order, chosen), chosen
    if form.what.data == WHOLE:
        return {paid.id: paid.amount - paid.refunded for paid in desk.left}, ()
    paid = next((one for one in desk.payments if one.id == form.payment.data), None)
    if paid is None:
        raise Invalid(N_("Choose the payment."), field="payment")
    amount = parse_amount(form.amount.data or "", paid.currency, field="amount")
    rules.check_refund(amount, paid.amount - paid.refunded)
    return {paid.id: amount}, ()


def _ask(code: str, payment_id: int | None) -> Any:
    sent = "reason" in request.args or "amount" in request.args
    with reading() as session:
        desk = queries_refunds.desk(session, code)
        form = _form(desk, payment_id, request.args if sent else None)
        if not sent or not form.validate():
            return _page(desk, form, payment_id)
        return _preview_page(session, desk, form, payment_id)


def _preview_page(session: Session, desk: Desk, form: RefundForm, payment_id: int | None) -> Any:
    shown: Preview | None = None
    with form_errors(form):
        try:
            taken, codes = _wanted(session, desk, form)
            effects.check_disputes(session, taken)
            shown = queries_refunds.preview(session, desk.order, taken=taken, code_ids=codes, now=now())
        except Conflict as refused:
            form.form_errors.append(explain(refused))
    return _page(desk, form, payment_id, shown)


def _page(desk: Desk, form: RefundForm, payment_id: int | None, shown: Preview | None = None) -> Any:
    order = desk.order
    here = (
        url_for(".refund", payment_id=payment_id) if payment_id else url_for(".refund_order", code=order.code)
    )
    hidden: list[tuple[str, Any]] = []
    total = ""
    if shown is not None:
        hidden = [("what", form.what.data), ("amount", form.amount.data or "")]
        hidden += [("payment", form.payment.data)] if form.payment.data is not None else []
        hidden += [("codes", ident) for ident in form.codes.data or ()]
        hidden += [("reason", form.reason.data), ("key", ids.token(12)), ("seen", shown.digest)]
        total = " + ".join(money(back["amount"], back["currency"]) for back in _by_currency(shown))
    page = render(
        "orders/admin_refund.html",
        desk=desk,
        order=order,
        form=form,
        preview=shown,
        hidden=hidden,
        total=total,
        here=here,
        change=here,
        moment=moment,
        **WORDS,
    )
    return page, 422 if form.errors else 200


def _by_currency(shown: Preview) -> list[dict[str, Any]]:
    sums: dict[str, int] = {}
    for back in shown.facts["backs"]:
        sums[back["currency"]] = sums.get(back["currency"], 0) + back["amount"]
    return [{"currency": currency, "amount": amount} for currency, amount in sums.items()]


def _give_back(code: str, payment_id: int | None) -> Any:
    key = request.form.get("key", "")[:60]
    with reading() as session:
        desk = queries_refunds.desk(session, code)
        if key and queries_refunds.was_made(session, desk.order, f"desk-{key}"):
            return see_other(".done", code=code, key=key)
        form = _form(desk, payment_id, request.form)
        if not form.validate() or not key:
            return _page(desk, form, payment_id)
    try:
        with form_errors(form), unit_of_work() as work:
            _do(work, code, form, key)
            return see_other(".done", code=code, key=key)
    except Conflict as refused:
        # Another click, another admin, a claim: what was shown is no longer what would happen.
        form.form_errors.append(explain(refused))
    with reading() as session:
        desk = queries_refunds.desk(session, code)
        if form.form_errors:
            return _preview_page(session, desk, form, payment_id)
        return _page(desk, form, payment_id)


def _do(work: Session, code: str, form: RefundForm, key: str) -> None:
    desk = queries_refunds.desk(work, code)
    taken, codes = _wanted(work, desk, form)
    services_refunds.give_back(
        work,
        order_id=desk.order.id,
        taken=taken,
        code_ids=codes,
        reason=form.reason.data or "",
        key=f"desk-{key}",
        actor=current_actor(),
        now=now(),
        seen=request.form.get("seen", "")[:40],
    )
