"""Giving an order back oneself: the promise of the plan, the exact effect, and what became of it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session

from qunclub.kernel import Conflict
from qunclub.web import (
    _,
    allow,
    current_actor,
    explain,
    flash,
    limit,
    member_id,
    now,
    reading,
    render,
    see_other,
    transact,
)

from . import queries_refunds, rules, rules_refunds, services_refunds_own
from .forms_refunds import OwnRefundForm
from .rules_refunds import OwnAnswer

bp = Blueprint("refunds", __name__)
WORDS = {"methods": rules.METHOD_LABELS, "refund_labels": rules.REFUND_LABELS}


def why_not(answer: OwnAnswer) -> str:
    """Why an order cannot be given back by its buyer, in the visitor's language."""
    return explain(Conflict(answer.reason, **answer.params)) if answer.reason else ""


@bp.get("/orders/<code>/refund")
@allow("signed_in")
def ask(code: str) -> Any:
    """What giving the order back does, or why it cannot be given back."""
    return _page(code, OwnRefundForm(formdata=None))


def _page(code: str, form: OwnRefundForm, *, changed: str = "") -> Any:
    with reading() as session:
        order = services_refunds_own.own_order(session, code=code, member_id=member_id())
        key = services_refunds_own.key_of(order)
        if queries_refunds.was_made(session, order, key):
            return _done(session, order, key)
        own = services_refunds_own.standing(session, order, now())
        shown = services_refunds_own.preview(session, order, now()) if own.answer.may else None
        page = render(
            "orders/refund.html",
            order=order,
            own=own,
            preview=shown,
            form=form,
            changed=changed,
            reason=why_not(own.answer),
            moment=dt.datetime.fromisoformat,
            **WORDS,
        )
    return page, 409 if changed else 422 if form.errors else 200


def _done(session: Session, order: Any, key: str) -> Any:
    return render(
        "orders/refund_done.html",
        order=order,
        done=queries_refunds.done(session, order, key),
        moment=dt.datetime.fromisoformat,
        **WORDS,
    )


@bp.post("/orders/<code>/refund")
@allow("signed_in")
@limit("20 per minute", name="refund")
def give_back(code: str) -> Any:
    """Give it back, once."""
    form = OwnRefundForm()
    actor, buyer, at = current_actor(), member_id(), now()
    if not form.validate():
        return _page(code, form)

    def command(work: Session) -> None:
        services_refunds_own.give_back_own(
            work,
            order_code=code,
            member_id=buyer,
            reason=form.reason.data or "",
            seen=request.form.get("seen", "")[:40],
            actor=actor,
            now=at,
        )

    try:
        transact(command)
    except Conflict as refused:
        # The page says by itself why it cannot be given back any more; only a changed effect has to be told.
        told = explain(refused) if refused.message == rules_refunds.STALE else ""
        return _page(code, form, changed=told)
    flash(_("The order is given back."))
    return see_other(".ask", code=code)
