"""Fapiao, for buyers: ask for one, change what was asked for, read how it stands."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from qunclub.kernel import Conflict
from qunclub.web import (
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
)

from . import queries_papers, services_fapiao
from . import rules_papers as papers
from .forms_papers import FapiaoForm

bp = Blueprint("fapiao", __name__, url_prefix="/orders/<code>/fapiao")


@bp.get("")
@allow("signed_in")
def show(code: str) -> Any:
    """The form, and what became of it."""
    return _page(code)


def _page(code: str, form: FapiaoForm | None = None) -> Any:
    with reading() as session:
        order, found = queries_papers.own_order(session, code=code, member_id=member_id())
        net = sum(paid.amount - paid.refunded for paid in order.payments)
        why_not = papers.why_no_fapiao(
            on=services_fapiao.load(session).offers_fapiao(club().settings.currency),
            state=order.state,
            currency=order.currency,
            total=order.total,
            net=net,
        )
    if form is None:
        known = {
            "kind": found.kind if found else papers.PERSONAL,
            "title": found.title if found else order.buyer_name or order.member.name,
            "tax_no": found.tax_no if found else "",
            "email": found.email if found else order.email,
        }
        form = FapiaoForm(formdata=None, data=known)
    page = render(
        "orders/fapiao.html",
        order=order,
        fapiao=found,
        net=net,
        why_not=why_not,
        changing=why_not is None and (found is None or found.state != papers.ISSUED),
        red=found is not None and papers.needs_red(found.state, found.amount, net),
        form=form,
        labels=papers.FAPIAO_LABELS,
        kinds=papers.FAPIAO_KINDS,
    )
    return (page, 422) if form.errors else page


@bp.post("")
@allow("signed_in")
@limit("20 per minute", name="fapiao")
def ask(code: str) -> Any:
    """Ask for it, or change it."""
    with reading() as session:
        queries_papers.own_order(session, code=code, member_id=member_id())
        on = services_fapiao.load(session).offers_fapiao(club().settings.currency)
    form, actor, moment = FapiaoForm(), current_actor(), now()
    if form.validate_on_submit():
        try:
            with form_errors(form):
                transact(
                    lambda session: services_fapiao.ask(
                        session,
                        order_code=code,
                        kind=form.kind.data or "",
                        title=form.title.data or "",
                        tax_no=form.tax_no.data or "",
                        email=form.email.data or "",
                        on=on,
                        now=moment,
                        actor=actor,
                    )
                )
                flash(_("Your request is here. We write to you when the fapiao is issued."))
                return see_other(".show", code=code)
        except Conflict as refused:
            flash(explain(refused), "warning")
            return see_other(".show", code=code)
    return _page(code, form)
