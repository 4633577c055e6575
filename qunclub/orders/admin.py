"""Orders, for admins: find them, tell their story, record transfers, give money back, decide what is odd."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Blueprint, request

from qunclub.kernel import Conflict, ids, parse_amount, to_decimal
from qunclub.passes import queries_admin as passes_queries
from qunclub.web import (
    NavItem,
    _,
    _l,
    allow,
    club,
    csv_response,
    current_actor,
    explain,
    flash,
    form_errors,
    now,
    page_number,
    reading,
    register,
    render,
    see_other,
    unit_of_work,
)

from . import queries_admin as queries
from . import rules, services, services_attention, services_refunds, services_transfers
from .forms import NoteForm, RefundForm, TransferForm, day
from .queries_admin import Filters

bp = Blueprint("orders_admin", __name__, url_prefix="/admin/orders")
register(NavItem("admin", _l("Orders"), "qunclub.orders_admin.index", "receipt", 15, role="admin"))

WORDS = {
    "labels": rules.STATE_LABELS,
    "kinds": rules.STATE_KINDS,
    "methods": rules.METHOD_LABELS,
    "refund_labels": rules.REFUND_LABELS,
}


def _filters() -> tuple[Filters, dict[str, str]]:
    """What is looked for, and the same as it stood in the address."""
    asked = {key: request.args.get(key, "")[:120] for key in ("q", "state", "plan", "since", "until")}
    zone = club().settings.zone
    since, until = day(asked["since"]), day(asked["until"])
    return (
        Filters(
            q=asked["q"],
            state=asked["state"] if asked["state"] in rules.STATES else "",
            plan_id=int(asked["plan"][:15]) if asked["plan"].isdecimal() else None,
            since=dt.datetime.combine(since, dt.time(), zone) if since else None,
            # The day itself is meant to be in.
            until=dt.datetime.combine(until + dt.timedelta(days=1), dt.time(), zone) if until else None,
        ),
        {key: value for key, value in asked.items() if value},
    )


@bp.get("")
@allow("admin")
def index() -> Any:
    """Search and filter."""
    filters, asked = _filters()
    with reading() as session:
        return render(
            "orders/admin_index.html",
            page=queries.orders(session, filters, page=page_number()),
            plans=queries.plan_names(session),
            asked=asked,
            **WORDS,
        )


@bp.get("/export.csv")
@allow("admin")
def export() -> Any:
    """The same list as a table of record."""
    filters, _asked = _filters()
    with reading() as session:
        return csv_response("orders", queries.ORDERS_HEADER, queries.orders_rows(session, filters))


@bp.get("/<code>")
@allow("admin")
def show(code: str) -> Any:
    """One order's whole story, and what can be done with it."""
    return _page(code)


def _page(code: str, *, transfer: TransferForm | None = None, note: NoteForm | None = None) -> Any:
    with reading() as session:
        story = queries.story(session, code)
        order = story.order
        money = [rules.Money(paid.amount, paid.refunded, paid.fulfils) for paid in story.view.payments]
        if transfer is None:
            typed = {"amount": str(to_decimal(order.total, order.currency))}
            transfer = TransferForm(formdata=None, data=typed)
        failed = any(form is not None and form.errors for form in (transfer, note))
        page = render(
            "orders/admin_show.html",
            story=story,
            order=order,
            transfer=transfer,
            note=note or NoteForm(formdata=None),
            entitled=rules.entitled(money),
            unspent=sum(paid.left for paid in money if not paid.fulfils),
            **WORDS,
        )
    return page, 422 if failed else 200


@bp.post("/<code>/transfer")
@allow("admin")
def transfer(code: str) -> Any:
    """Record a transfer that arrived."""
    form = TransferForm()
    if form.validate_on_submit():
        with form_errors(form):
            with reading() as session:
                currency = queries.story(session, code).order.currency
            amount = parse_amount(form.amount.data or "", currency, field="amount")
            with unit_of_work() as session:
                outcome = services_transfers.record_transfer(
                    session,
                    order_code=code,
                    ref=form.ref.data or "",
                    method=form.method.data or "",
                    amount=amount,
                    now=now(),
                    actor=current_actor(),
                )
                fulfilled, reason = outcome.kind == "fulfilled", outcome.reason
            if fulfilled:
                flash(_("The transfer is recorded; the pass is issued."))
            else:
                flash(_("The transfer is recorded, but:") + " " + _(reason), "warning")
            return see_other(".show", code=code)
    return _page(code, transfer=form)


@bp.post("/<code>/note")
@allow("admin")
def note(code: str) -> Any:
    """Write a word on the order, and perhaps settle its need for attention by it."""
    form = NoteForm()
    if form.validate_on_submit():
        with form_errors(form):
            try:
                with unit_of_work() as session:
                    services_attention.add_note(
                        session,
                        order_code=code,
                        text=form.text.data or "",
                        close=bool(form.close.data),
                        actor=current_actor(),
                        now=now(),
                    )
            except Conflict as refused:
                form.form_errors.append(explain(refused))
                return _page(code, note=form)
            flash(_("The note is written."))
            return see_other(".show", code=code)
    return _page(code, note=form)


@bp.post("/<code>/fulfil")
@allow("admin")
def fulfil(code: str) -> Any:
    """Give what was ordered for the money that is here."""
    try:
        with unit_of_work() as session:
            services_attention.fulfil_attention(session, order_code=code, now=now(), actor=current_actor())
    except Conflict as refused:
        flash(explain(refused), "danger")
    else:
        flash(_("The order is fulfilled; the buyer has the pass and a mail."))
    return see_other(".show", code=code)


@bp.post("/<code>/cancel")
@allow("admin")
def cancel(code: str) -> Any:
    """Call a pending order off for its buyer."""
    try:
        with unit_of_work() as session:
            services.cancel(session, order_code=code, now=now(), actor=current_actor())
    except Conflict as refused:
        flash(explain(refused), "danger")
    else:
        flash(_("The order is cancelled; its stock is back on sale."))
    return see_other(".show", code=code)


@bp.get("/payments/<int:payment_id>/refund")
@allow("admin")
def refund(payment_id: int) -> Any:
    """What giving money back would do, exactly, before it is done."""
    with reading() as session:
        payment, _order = queries.payment_with_order(session, payment_id)
        left = to_decimal(payment.amount - payment.refunded, payment.currency)
    form = (
        RefundForm(request.args) if "amount" in request.args else RefundForm(formdata=None, amount=str(left))
    )
    return _refund_page(payment_id, form, sent="amount" in request.args and form.validate())


def _refund_page(payment_id: int, form: RefundForm, *, sent: bool) -> Any:
    with reading() as session:
        payment, order = queries.payment_with_order(session, payment_id)
        shown, effects = None, []
        if sent:
            with form_errors(form):
                amount = parse_amount(form.amount.data or "", payment.currency, field="amount")
                shown = services_refunds.preview(session, payment_id=payment_id, amount=amount)
                effects = [passes_queries.effect_of_revoking(session, held.id, now()) for held in shown.ends]
        page = render(
            "orders/admin_refund.html",
            payment=payment,
            order=order,
            form=form,
            preview=shown,
            effects=effects,
            key=ids.token(12),
            **WORDS,
        )
    return page, 422 if form.errors else 200


@bp.post("/payments/<int:payment_id>/refund")
@allow("admin")
def give_back(payment_id: int) -> Any:
    """Give money back. The page's own key makes a double click one refund."""
    form = RefundForm()
    key = request.form.get("key", "")[:60]
    if not form.validate_on_submit() or not key:
        return _refund_page(payment_id, form, sent=False)
    with reading() as session:
        payment, order = queries.payment_with_order(session, payment_id)
        code, currency = order.code, payment.currency
    settled = False
    with form_errors(form):
        amount = parse_amount(form.amount.data or "", currency, field="amount")
        with unit_of_work() as session:
            made = services_refunds.refund(
                session,
                payment_id=payment_id,
                amount=amount,
                reason=form.reason.data or "",
                key=f"desk-{key}",
                actor=current_actor(),
                now=now(),
            )
            settled = made.state == "settled"
    if form.errors:
        return _refund_page(payment_id, form, sent=False)
    if settled:
        flash(_("Recorded as given back. Send the transfer if you have not done so yet."))
    else:
        flash(_("The refund is on its way to the payment service; this page shows when it has answered."))
    return see_other(".show", code=code)
