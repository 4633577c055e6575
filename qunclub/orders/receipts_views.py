"""Receipts: one page for the screen and for paper."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from qunclub.kernel import NotFound
from qunclub.web import allow, club, current_actor, reading, render

from . import queries_papers, rules, services_fapiao
from . import rules_papers as papers
from .queries_papers import Receipt

bp = Blueprint("receipts", __name__, url_prefix="/orders/<code>/receipt")


@bp.get("")
@allow("signed_in")
def show(code: str) -> Any:
    """The receipt of an order, for its buyer and for admins; to everybody else there is none."""
    actor = current_actor()
    with reading() as session:
        found = queries_papers.receipt(session, code)
        if found.order.member_id != actor.member_id and not actor.has("admin"):
            raise NotFound()
        if found.order.receipt_no is None:
            why = papers.NO_RECEIPT_FREE if found.order.total == 0 else papers.NO_RECEIPT_YET
            mine = found.order.member_id == actor.member_id
            return render("orders/no_receipt.html", order=found.order, why=why, mine=mine), 404
        return render("orders/receipt.html", **facts(found), settings=services_fapiao.load(session))


def facts(found: Receipt) -> dict[str, Any]:
    """What the receipt's template reads."""
    order = found.order
    assert order.receipt_no is not None  # the view has looked
    return {
        "receipt": found,
        "order": order,
        "number": papers.receipt_code(order.receipt_no),
        "is_early": papers.is_early,
        "methods": rules.METHOD_LABELS,
        "refund_labels": rules.REFUND_LABELS,
        "issuer_name": club().settings.club_name,
        "mine": order.member_id == current_actor().member_id,
    }
