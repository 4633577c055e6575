"""Disputes, for admins: which are open, until when they can be answered, and what became of the others."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from qunclub.web import (
    NavItem,
    _l,
    allow,
    club,
    csv_response,
    now,
    page_number,
    reading,
    register,
    render,
)

from . import dashboard
from . import queries_memberships as queries
from . import rules_disputes as rules

bp = Blueprint("disputes", __name__, url_prefix="/admin/disputes")
register(NavItem("admin", _l("Disputes"), "qunclub.disputes.index", "shield-exclamation", 18, role="admin"))


def _state() -> str:
    state = request.args.get("state", "")
    return state if state in rules.RANK else ""


@bp.get("")
@allow("admin")
def index() -> Any:
    """All of them, or those of one state."""
    with reading() as session:
        page = queries.disputes(session, state=_state(), page=page_number())
        return render(
            "orders/admin_disputes.html",
            page=page,
            state=_state(),
            labels=rules.STATE_LABELS,
            address=lambda ref: dashboard.address(club().settings, "disputes", ref),
            now=now(),
        )


@bp.get("/export.csv")
@allow("admin")
def export() -> Any:
    """The same list as a table of record."""
    with reading() as session:
        return csv_response(
            "disputes", queries.DISPUTES_HEADER, queries.disputes_rows(session, state=_state())
        )
