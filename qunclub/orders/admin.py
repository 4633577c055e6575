"""Orders, for admins: find them, tell their story, record transfers, give money back, decide what is odd."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Blueprint, request

from qunclub.kernel import Conflict, parse_amount, to_decimal
from qunclub.passes import queries_admin as passes_queries
from qunclub.web import (
    N_,
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
    reading,
    register,
    render,
    see_other,
    unit_of_work,
)

from . import (
    dashboard,
    queries_attention,
    queries_orders,
    queries_story,
    rules,
    rules_papers,
    rules_subscriptions,
    rules_transfers,
    services,
    services_attention,
    services_transfers,
)
from .forms import NoteForm, TransferForm, day
from .models import Payment
from .queries_memberships import DisputeView
from .queries_orders import Filters

bp = Blueprint("orders_admin", __name__, url_prefix="/admin/orders")
register(NavItem("admin", _l("Orders"), "qunclub.orders_admin.index", "receipt", 15, role="admin"))

KIND_LABELS = {"purchase": N_("Purchase"), "gift": N_("Gift"), "renewal": N_("Renewal")}
LINE_LABELS = {
    "new": N_("New pass"),
    "gift": N_("To give away"),
    "renewal": N_("More time"),
    "upgrade": N_("Upgrade"),
}
PAY_BY_LABELS = {"gateway": N_("Payment service"), "transfer": N_("Transfer")}
WORDS = {
    "labels": rules.STATE_LABELS,
    "kinds": rules.STATE_KINDS,
    "methods": rules.METHOD_LABELS,
    "refund_labels": rules.REFUND_LABELS,
    "order_kinds": KIND_LABELS,
    "line_kinds": LINE_LABELS,
    "pay_by": PAY_BY_LABELS,
    "proof_labels": rules_transfers.PROOF_LABELS,
    "proof_kinds": rules_transfers.PROOF_KINDS,
    "fapiao_labels": rules_papers.FAPIAO_LABELS,
    "fapiao_kinds": rules_papers.FAPIAO_KINDS,
    "membership_labels": rules_subscriptions.STATE_LABELS,
    "membership_kinds": rules_subscriptions.STATE_KINDS,
    "intervals": rules_subscriptions.INTERVAL_LABELS,
}
ASKED = (
    "q", "state", "plan", "method", "kind", "pay_by", "disputed", "coupon", "show", "since", "until", "sort"
)  # fmt: skip


def _filters() -> tuple[Filters, dict[str, str]]:
    """What is looked for, and the same as it stood in the address."""
    asked = {key: request.args.get(key, "")[:120] for key in ASKED}
    zone = club().settings.zone
    since, until = day(asked["since"]), day(asked["until"])
    return (
        Filters(
            q=asked["q"],
            state=asked["state"] if asked["state"] in rules.STATES else "",
            plan_id=int(asked["plan"][:15]) if asked["plan"].isdecimal() else None,
            method=asked["method"] if asked["method"] in rules.METHOD_LABELS else "",
            kind=asked["kind"] if asked["kind"] in KIND_LABELS else "",
            pay_by=asked["pay_by"] if asked["pay_by"] in PAY_BY_LABELS else "",
            disputed=bool(asked["disputed"]),
            coupon=asked["coupon"],
            show=asked["show"] if asked["show"] in queries_orders.SHOWS else "",
            since=dt.datetime.combine(since, dt.time(), zone) if since else None,
            # The day itself is meant to be in.
            until=dt.datetime.combine(until + dt.timedelta(days=1), dt.time(), zone) if until else None,
            oldest=asked["sort"] == "oldest",
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
            found=queries_orders.orders(session, filters, after=request.args.get("after", type=int)),
            plans=passes_queries.plan_names(session),
            waiting=queries_orders.waiting(session),
            looked=queries_orders.LOOKED_THROUGH,
            asked=asked,
            **WORDS,
        )


@bp.get("/export.csv")
@allow("admin")
def export() -> Any:
    """The same list as a table of record."""
    filters, _asked = _filters()
    with reading() as session:
        return csv_response(
            "orders", queries_orders.ORDERS_HEADER, queries_orders.orders_rows(session, filters)
        )


@bp.get("/<code>")
@allow("admin")
def show(code: str) -> Any:
    """One order's whole story, and what can be done with it."""
    return _page(code)


def _page(code: str, *, transfer: TransferForm | None = None, note: NoteForm | None = None) -> Any:
    with reading() as session:
        story = queries_story.story(session, code)
        order = story.order
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
            dashboard=_dashboard,
            disputes=[DisputeView(dispute) for dispute in story.disputes],
            choices=queries_attention.choices(session, order, now()),
            **WORDS,
        )
    return page, 422 if failed else 200


def _dashboard(payment: Payment) -> str | None:
    """The payment's page in Stripe's own dashboard; None for a transfer."""
    stripe = payment.provider == club().gateway.name
    return dashboard.address(club().settings, "payments", payment.ref) if stripe else None


@bp.post("/<code>/transfer")
@allow("admin")
def transfer(code: str) -> Any:
    """Record a transfer that arrived."""
    form = TransferForm()
    if form.validate_on_submit():
        with form_errors(form):
            with reading() as session:
                currency = queries_story.story(session, code).order.currency
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
