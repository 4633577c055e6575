"""Giving codes back that nobody claimed: which ones, what exactly it does, and what became of it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session

from qunclub.kernel import Conflict, Invalid
from qunclub.web import (
    _,
    allow,
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
from qunclub.web.render import money

from . import queries_refunds, services_refunds_own
from . import services_refund_effects as effects
from .forms_refunds import OwnCodesForm
from .models import Order
from .queries_refunds import Preview
from .refunds_views import WORDS, why_not

bp = Blueprint("codes_refund", __name__, url_prefix="/orders")


@bp.get("/<code>/codes/refund")
@allow("signed_in")
def ask(code: str) -> Any:
    """Which codes can go back; with some chosen, what giving them back does."""
    return _page(code, OwnCodesForm(request.args if "codes" in request.args else None))


@bp.post("/<code>/codes/refund")
@allow("signed_in")
@limit("20 per minute", name="refund")
def give_back(code: str) -> Any:
    """Give the chosen ones back, once."""
    form = OwnCodesForm()
    actor, buyer, at = current_actor(), member_id(), now()
    chosen = tuple(form.codes.data or ())
    if not form.validate() or not chosen:
        return _page(code, form)

    def command(work: Session) -> None:
        services_refunds_own.give_codes_back(
            work,
            order_code=code,
            member_id=buyer,
            code_ids=chosen,
            reason=form.reason.data or "",
            seen=request.form.get("seen", "")[:40],
            actor=actor,
            now=at,
        )

    try:
        transact(command)
    except Conflict as refused:
        return _page(code, form, changed=explain(refused))
    except Invalid as wrong:
        form.form_errors.append(explain(wrong))
        return _page(code, form)
    flash(_("The codes are given back."))
    with reading() as session:
        order = services_refunds_own.own_order(session, code=code, member_id=buyer)
        key = services_refunds_own.codes_key(order, chosen)
    return see_other(".done", code=code, key=key.rpartition(":")[2])


@bp.get("/<code>/codes/refund/<key>")
@allow("signed_in")
def done(code: str, key: str) -> Any:
    """What it did."""
    with reading() as session:
        order = services_refunds_own.own_order(session, code=code, member_id=member_id())
        found = queries_refunds.done(session, order, f"codes:{order.code}:{key}")
        return render(
            "orders/refund_done.html", order=order, done=found, moment=dt.datetime.fromisoformat, **WORDS
        )


def _page(code: str, form: OwnCodesForm, *, changed: str = "") -> Any:
    with reading() as session:
        order = services_refunds_own.own_order(session, code=code, member_id=member_id())
        own = services_refunds_own.standing(session, order, now())
        codes = queries_refunds.desk(session, code).codes if own.codes.may else []
        # A code that was claimed meanwhile is no longer among those that can be chosen.
        known = {one.id for one, _worth in codes}
        form.codes.choices = [
            (
                one.id,
                " · ".join(
                    filter(None, (f"…{one.code[-4:]}", one.recipient_name, money(worth, order.currency)))
                ),
            )
            for one, worth in codes
        ]
        form.codes.data = [ident for ident in form.codes.data or () if ident in known]
        asked = bool(request.form) or "codes" in request.args
        if asked and own.codes.may and not form.codes.data and not changed:
            form.codes.errors = [_("Choose the codes to give back.")]
        shown = _preview(session, order, form) if form.codes.data and own.codes.may else None
        page = render(
            "orders/codes_refund.html",
            order=order,
            own=own,
            codes=codes,
            form=form,
            preview=shown,
            changed=changed,
            reason=why_not(own.codes),
            moment=dt.datetime.fromisoformat,
            **WORDS,
        )
    return page, 409 if changed else 422 if form.errors else 200


def _preview(session: Session, order: Order, form: OwnCodesForm) -> Preview | None:
    chosen = tuple(form.codes.data or ())
    with form_errors(form):
        try:
            taken = effects.for_codes(session, order, chosen)
            return queries_refunds.preview(session, order, taken=taken, code_ids=chosen, now=now())
        except Conflict as refused:
            form.form_errors.append(explain(refused))
    return None
