"""Transfers, for admins: the queue, what the buyer sent, and the decision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from qunclub.kernel import Conflict, parse_amount, to_decimal
from qunclub.passes import queries_admin as passes_queries
from qunclub.web import (
    NavItem,
    _,
    _l,
    allow,
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

from . import queries_story, rules, services_proofs, transfer_settings
from . import queries_transfers as queries
from . import rules_transfers as transfers
from .forms_transfers import ConfirmForm, RejectForm
from .queries_transfers import Filters
from .transfers_views import proof_file

bp = Blueprint("transfers_admin", __name__, url_prefix="/admin/transfers")
register(NavItem("admin", _l("Transfers"), "qunclub.transfers_admin.index", "bank", 16, role="admin"))


def _filters() -> tuple[Filters, dict[str, str]]:
    asked = {key: request.args.get(key, "")[:120] for key in ("q", "show", "plan")}
    return (
        Filters(
            q=asked["q"],
            show=asked["show"] if asked["show"] in (queries.CHECK, queries.WAIT) else "",
            plan_id=int(asked["plan"][:15]) if asked["plan"].isdecimal() else None,
        ),
        {key: value for key, value in asked.items() if value},
    )


@bp.get("")
@allow("admin")
def index() -> Any:
    """Orders that wait for a transfer: those with proofs first, the oldest first."""
    filters, asked = _filters()
    with reading() as session:
        return render(
            "orders/admin_transfers.html",
            page=queries.queue(session, filters, page=page_number()),
            counts=queries.counts(session),
            plans=passes_queries.plan_names(session),
            settings=transfer_settings.load(session),
            asked=asked,
            labels=rules.STATE_LABELS,
            kinds=rules.STATE_KINDS,
        )


@bp.get("/export.csv")
@allow("admin")
def export() -> Any:
    """The same list as a table."""
    filters, _asked = _filters()
    with reading() as session:
        return csv_response("transfers", queries.HEADER, queries.queue_rows(session, filters))


@bp.get("/proofs/<int:proof_id>")
@allow("admin")
def proof(proof_id: int) -> Response:
    """What a buyer sent."""
    with reading() as session:
        found, _order = queries.proof(session, proof_id)
        return proof_file(found)


@bp.get("/<code>")
@allow("admin")
def show(code: str) -> Any:
    """One order with its proofs, and the decision."""
    return _page(code)


def _page(code: str, *, confirming: ConfirmForm | None = None, rejecting: RejectForm | None = None) -> Any:
    with reading() as session:
        story = queries_story.story(session, code)
        order = story.order
        sent = queries.proofs(session, order.id)
        seen = ",".join(str(proof.id) for proof in sent if proof.state == transfers.SUBMITTED)
        failed = any(form is not None and form.errors for form in (confirming, rejecting))
        typed = {"amount": str(to_decimal(order.total, order.currency)), "seen": seen}
        page = render(
            "orders/admin_transfer.html",
            story=story,
            order=order,
            proofs=sent,
            twins=services_proofs.twins_of(session, sent) if sent else {},
            waiting=bool(seen),
            open=order.state in (rules.PENDING, rules.EXPIRED, rules.CANCELLED)
            and order.pay_by == transfers.TRANSFER,
            confirming=confirming or ConfirmForm(formdata=None, data=typed),
            rejecting=rejecting or RejectForm(formdata=None, data={"seen": seen}),
            labels=rules.STATE_LABELS,
            kinds=rules.STATE_KINDS,
            proof_labels=transfers.PROOF_LABELS,
            proof_kinds=transfers.PROOF_KINDS,
        )
    return (page, 422) if failed else page


def _seen(text: str | None) -> list[int]:
    return [int(one) for one in (text or "")[:400].split(",") if one.isdecimal() and len(one) < 16]


def _decide(code: str, verb: Callable[[Session], Any]) -> Any:
    """Carry *verb* out; when somebody else was first, say so and show how it stands now."""
    try:
        with unit_of_work() as session:
            return verb(session)
    except Conflict as refused:
        flash(explain(refused), "warning")
        return see_other(".show", code=code)


@bp.post("/<code>/confirm")
@allow("admin")
def confirm(code: str) -> Any:
    """The money is there: it is recorded, and the right amount gives the pass."""
    form = ConfirmForm()
    if form.validate_on_submit():
        with form_errors(form):
            with reading() as session:
                currency = queries_story.story(session, code).order.currency
            amount = parse_amount(form.amount.data or "", currency, field="amount")

            def command(session: Session) -> Any:
                outcome = services_proofs.confirm(
                    session,
                    order_code=code,
                    ref=form.ref.data or "",
                    method=form.method.data or "",
                    amount=amount,
                    seen=_seen(form.seen.data),
                    now=now(),
                    actor=current_actor(),
                )
                return outcome.kind == "fulfilled", outcome.reason

            done = _decide(code, command)
            if not isinstance(done, tuple):
                return done
            fulfilled, reason = done
            if fulfilled:
                flash(_("Confirmed: order %(code)s is paid and its buyer has a mail.", code=code))
                return see_other(".index")
            flash(_("The transfer is recorded, but:") + " " + _(reason), "warning")
            return see_other("qunclub.orders_admin.show", code=code)
    return _page(code, confirming=form)


@bp.post("/<code>/reject")
@allow("admin")
def reject(code: str) -> Any:
    """Something is wrong with the proof: the buyer is told and has time to put it right."""
    form = RejectForm()
    if form.validate_on_submit():
        with form_errors(form):

            def command(session: Session) -> None:
                services_proofs.reject(
                    session,
                    order_code=code,
                    seen=_seen(form.seen.data),
                    reason=form.reason.data or "",
                    days=transfer_settings.load(session).days,
                    now=now(),
                    actor=current_actor(),
                )

            refused = _decide(code, command)
            if refused is not None:
                return refused
            flash(_("Rejected; the buyer is told why and can send another proof."))
            return see_other(".index")
    return _page(code, rejecting=form)
