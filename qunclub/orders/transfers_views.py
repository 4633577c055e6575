"""Paying by transfer: where to send the money, what to write with it, and showing that it was sent."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from qunclub.kernel import Conflict, Invalid, NotFound, scanning, to_decimal
from qunclub.kernel.payments import GatewayError
from qunclub.kernel.uploads import PICTURES, clean_name
from qunclub.web import (
    N_,
    _,
    allow,
    club,
    current_actor,
    explain,
    flash,
    form_errors,
    limit,
    member_id,
    now,
    reading,
    render,
    see_other,
    transact,
    unit_of_work,
)
from qunclub.web.files import give_out

from . import jobs, queries, queries_transfers, rules, services_inbox, services_proofs, services_transfers
from . import rules_transfers as transfers
from .forms_transfers import ProofForm
from .models_money import TransferProof
from .queries import OrderView
from .transfer_settings import load

bp = Blueprint("transfers", __name__, url_prefix="/checkout/<code>/transfer")

ENDINGS = {"application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
FOLDER = "transfer-codes"


def _own(session: Session, code: str) -> OrderView:
    return queries.order_of(session, code=code, member_id=member_id())


@bp.get("")
@allow("signed_in")
def show(code: str) -> Any:
    """What to transfer where, and how it stands."""
    return _page(code, ProofForm(formdata=None))


def _page(code: str, form: ProofForm) -> Any:
    with reading() as session:
        view = _own(session, code)
        order = view.order
        if order.pay_by != transfers.TRANSFER:
            return see_other("qunclub.orders.checkout", code=code)
        sent = queries_transfers.proofs(session, order.id)
        settings = load(session)
        page = render(
            "orders/transfer.html",
            view=view,
            order=order,
            step=transfers.step_of(order.state, [proof.state for proof in sent]),
            proofs=sent,
            settings=settings,
            plain_total=str(to_decimal(order.total, order.currency)),
            form=form,
            accept=services_proofs.ACCEPT,
            room=sum(proof.state == transfers.SUBMITTED for proof in sent) < transfers.MOST_WAITING,
            labels=transfers.PROOF_LABELS,
            kinds=transfers.PROOF_KINDS,
        )
    return (page, 422) if form.errors else page


@bp.post("")
@allow("signed_in")
@limit("20 per minute", name="checkout")
def choose(code: str) -> Any:
    """By transfer, then. The pay page is closed first, so that nobody pays twice."""
    with reading() as session:
        view = _own(session, code)
    order = view.order
    if order.state == rules.PENDING and order.checkout_ref:
        try:
            found = club().gateway.expire_checkout(order.checkout_ref)
        except GatewayError:
            found = None  # the outbox closes it later
        if found is not None and found.status == "complete":
            if found.settled:
                jobs.settle(club(), found, actor=services_inbox.gateway_actor())
            flash(_("This order was paid online a moment ago, so no transfer is needed."), "info")
            return see_other("qunclub.orders.checkout", code=code)
    try:
        with unit_of_work() as work:
            services_transfers.choose(work, order_code=code, now=now(), actor=current_actor())
    except Conflict as refused:
        flash(explain(refused), "warning")
        return see_other("qunclub.orders.checkout", code=code)
    return see_other(".show", code=code)


@bp.post("/online")
@allow("signed_in")
@limit("20 per minute", name="checkout")
def online(code: str) -> Any:
    """On the pay page after all."""
    with reading() as session:
        _own(session, code)
    try:
        with unit_of_work() as work:
            services_transfers.choose_gateway(
                work,
                order_code=code,
                now=now(),
                actor=current_actor(),
                hold_minutes=club().settings.order_hold_minutes,
            )
    except Conflict as refused:
        flash(explain(refused), "warning")
        return see_other(".show", code=code)
    return see_other("qunclub.orders.checkout", code=code)


@bp.post("/proof")
@allow("signed_in")
@limit("20 per minute", name="proof")
def prove(code: str) -> Any:
    """A proof of the transfer: checked, written anew, kept."""
    with reading() as session:
        _own(session, code)
    form, done = ProofForm(), False
    if form.validate_on_submit():
        try:
            with form_errors(form):
                done = _take(code, form.note.data or "")
        except Conflict as refused:
            flash(explain(refused), "warning")
            return see_other(".show", code=code)
    if not done:
        return _page(code, form)
    flash(_("Thank you, your proof is here. An admin checks it and you get a mail."))
    return see_other(".show", code=code)


def _take(code: str, note: str) -> bool:
    came = request.files.get("file")
    if came is None or not came.filename:
        raise Invalid(N_("Choose a file first."), field="file")
    # One byte more than allowed is enough to know.
    checked = services_proofs.check_file(came.stream.read(services_proofs.MAX_BYTES + 1))
    scanning.scan(club().scanner, clean_name(came.filename), checked.data, field="file")
    actor, moment = current_actor(), now()
    with services_proofs.stored(club().files, checked) as kept:
        transact(
            lambda session: services_proofs.submit(
                session, order_code=code, file=kept, note=note, now=moment, actor=actor
            )
        )
    return True


@bp.get("/proofs/<int:proof_id>")
@allow("signed_in")
def proof(code: str, proof_id: int) -> Response:
    """One's own proof, as it is kept."""
    with reading() as session:
        found, order = queries_transfers.proof(session, proof_id)
        if order.code != code or order.member_id != member_id():
            raise NotFound()
        return proof_file(found)


def proof_file(found: TransferProof) -> Response:
    """The bytes of a proof: pictures of the club's own writing are shown, everything else is a download."""
    return give_out(
        found.file_key,
        content_type=found.content_type,
        name=f"proof-{found.id}.{ENDINGS[found.content_type]}",
        inline=found.content_type in PICTURES,
    )


@bp.get("/codes/<token>.png")
@allow("signed_in")
def picture(code: str, token: str) -> Response:
    """A collection code, for who is about to pay with it."""
    with reading() as session:
        order = _own(session, code).order
        if order.pay_by != transfers.TRANSFER or order.state != rules.PENDING:
            raise NotFound()
        key = f"{FOLDER}/{token}"
        if load(session).picture(key) is None:
            raise NotFound()
    return give_out(key, content_type="image/png", name="code.png", inline=True)
