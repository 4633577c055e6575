"""Fapiao, for admins: what was asked for, the table for the accountant, and what was issued."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session

from qunclub.kernel import Conflict
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

from . import queries_papers as queries
from . import rules_papers as papers
from . import services_fapiao
from .forms_papers import IssueForm, RedForm, RefuseForm

bp = Blueprint("fapiao_admin", __name__, url_prefix="/admin/fapiao")
register(NavItem("admin", _l("Fapiao"), "qunclub.fapiao_admin.index", "file-earmark-text", 17, role="admin"))

STATES = (papers.REQUESTED, papers.ISSUED, papers.REJECTED, queries.RED)


def _asked() -> dict[str, str]:
    """What is looked for: by default what waits, unless something is searched."""
    q = request.args.get("q", "")[:120]
    state = request.args.get("state", "" if q else papers.REQUESTED)
    return {"q": q, "state": state if state in STATES else ""}


@bp.get("")
@allow("admin")
def index() -> Any:
    """What waits first; everything else by its tab."""
    asked = _asked()
    with reading() as session:
        return render(
            "orders/admin_fapiao_list.html",
            page=queries.fapiao_list(session, state=asked["state"], q=asked["q"], page=page_number()),
            on=services_fapiao.load(session).offers_fapiao(club().settings.currency),
            asked=asked,
            labels=papers.FAPIAO_LABELS,
            kinds=papers.FAPIAO_KINDS,
        )


@bp.get("/export.csv")
@allow("admin")
def export() -> Any:
    """The same list for the accountant's tool."""
    asked = _asked()
    with reading() as session:
        rows = queries.fapiao_rows(session, state=asked["state"], q=asked["q"])
        return csv_response("fapiao", queries.HEADER, rows)


@bp.get("/<int:fapiao_id>")
@allow("admin")
def show(fapiao_id: int) -> Any:
    """One request, and the decision."""
    return _page(fapiao_id)


def _page(
    fapiao_id: int,
    *,
    issuing: IssueForm | None = None,
    refusing: RefuseForm | None = None,
    putting: RedForm | None = None,
) -> Any:
    with reading() as session:
        row = queries.fapiao_row(session, fapiao_id)
        seen = {"seen": row.fapiao.requested_at.isoformat()}
        page = render(
            "orders/admin_fapiao.html",
            row=row,
            fapiao=row.fapiao,
            order=row.order,
            issuing=issuing or IssueForm(formdata=None, data=seen),
            refusing=refusing or RefuseForm(formdata=None, data=seen),
            putting=putting or RedForm(formdata=None),
            labels=papers.FAPIAO_LABELS,
            kinds=papers.FAPIAO_KINDS,
        )
    failed = any(form is not None and form.errors for form in (issuing, refusing, putting))
    return (page, 422) if failed else page


def _seen(text: str | None) -> dt.datetime:
    """The moment in the form; one that cannot be read is older than every request."""
    try:
        return dt.datetime.fromisoformat(text or "")
    except ValueError:
        return dt.datetime.min.replace(tzinfo=dt.UTC)


def _decide(fapiao_id: int, verb: Callable[[Session], Any]) -> Any:
    try:
        with unit_of_work() as session:
            verb(session)
    except Conflict as refused:
        flash(explain(refused), "warning")
        return see_other(".show", fapiao_id=fapiao_id)
    return None


@bp.post("/<int:fapiao_id>/issue")
@allow("admin")
def issue(fapiao_id: int) -> Any:
    """It was issued: its number."""
    form = IssueForm()
    if form.validate_on_submit():
        with form_errors(form):
            refused = _decide(
                fapiao_id,
                lambda session: services_fapiao.issue(
                    session,
                    fapiao_id=fapiao_id,
                    number=form.number.data or "",
                    seen=_seen(form.seen.data),
                    now=now(),
                    actor=current_actor(),
                ),
            )
            if refused is not None:
                return refused
            flash(_("Issued; the buyer has a mail with the number."))
            return see_other(".index")
    return _page(fapiao_id, issuing=form)


@bp.post("/<int:fapiao_id>/reject")
@allow("admin")
def reject(fapiao_id: int) -> Any:
    """It is not issued: why."""
    form = RefuseForm()
    if form.validate_on_submit():
        with form_errors(form):
            refused = _decide(
                fapiao_id,
                lambda session: services_fapiao.reject(
                    session,
                    fapiao_id=fapiao_id,
                    reason=form.reason.data or "",
                    seen=_seen(form.seen.data),
                    now=now(),
                    actor=current_actor(),
                ),
            )
            if refused is not None:
                return refused
            flash(_("Refused; the buyer is told why and can ask again."))
            return see_other(".index")
    return _page(fapiao_id, refusing=form)


@bp.post("/<int:fapiao_id>/red")
@allow("admin")
def put_right(fapiao_id: int) -> Any:
    """The red-letter one was issued: its number."""
    form = RedForm()
    if form.validate_on_submit():
        with form_errors(form):
            refused = _decide(
                fapiao_id,
                lambda session: services_fapiao.put_right(
                    session,
                    fapiao_id=fapiao_id,
                    number=form.number.data or "",
                    now=now(),
                    actor=current_actor(),
                ),
            )
            if refused is not None:
                return refused
            flash(_("Written down; nothing more has to be put right."))
            return see_other(".show", fapiao_id=fapiao_id)
    return _page(fapiao_id, putting=form)
