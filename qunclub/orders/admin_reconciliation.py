"""Reconciliation, for admins: hand in Stripe's list, see where it differs from the books, and what to do."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, request
from wtforms import FileField

from qunclub.kernel import Invalid, NotFound
from qunclub.web import (
    Form,
    NavItem,
    _,
    _l,
    allow,
    club,
    csv_response,
    current_actor,
    explain,
    flash,
    now,
    reading,
    register,
    render,
    see_other,
    transact,
)

from . import reconciliation_file, services_reconciliation
from .reconciliation import KINDS

bp = Blueprint("orders_reconciliation", __name__, url_prefix="/admin/reconciliation")
register(
    NavItem(
        "admin",
        _l("Reconciliation"),
        "qunclub.orders_reconciliation.index",
        "file-earmark-check",
        18,
        role="admin",
    )
)
SHOWN = 200
HEADER = (
    "difference", "about", "reference", "order", "time", "line", "at_stripe", "stripe_currency", "here",
    "here_currency", "near_the_edge", "what_to_do",
)  # fmt: skip


class FileForm(Form):
    """Stripe's list."""

    file = FileField(
        _l("Stripe's list as CSV"),
        description=_l("The itemised report “Balance change from activity”, up to 20 MB."),
        render_kw={"accept": ".csv,text/csv"},
    )


@bp.get("")
@allow("admin")
def index() -> Any:
    """What came of it the last time, and the way to hand in the next list."""
    return _page(FileForm(formdata=None))


def _page(form: FileForm) -> Any:
    with reading() as session:
        page = render(
            "orders/admin_reconciliation.html",
            form=form,
            result=services_reconciliation.last_result(session),
            kinds=KINDS,
            shown=SHOWN,
        )
    return page, 422 if form.errors else 200


@bp.post("")
@allow("admin")
def compare() -> Any:
    """Compare a list with the books."""
    form = FileForm()
    upload = request.files.get("file")
    if upload is None or not upload.filename:
        return _refused(form, _("Choose the file first."))
    upload.stream.seek(0, io.SEEK_END)
    size = upload.stream.tell()
    upload.stream.seek(0)
    if size > reconciliation_file.MOST_BYTES:
        return _refused(form, _("The file is larger than 20 MB. Have the report made for a shorter time."))
    state = club()
    try:
        lines = io.TextIOWrapper(upload.stream, encoding="utf-8-sig", newline="")
        listed = reconciliation_file.read(lines, state.settings.zone)
    except Invalid as refused:
        return _refused(form, explain(refused))
    actor, moment = current_actor(), now()
    result = transact(
        lambda session: services_reconciliation.reconcile(
            session,
            listed=listed,
            file=upload.filename or "",
            provider=state.gateway.name,
            actor=actor,
            now=moment,
        )
    )
    if result.count:
        flash(_("The list is compared; the differences stand below."), "warning")
    else:
        flash(_("The list is compared: everything agrees."))
    return see_other(".index")


def _refused(form: FileForm, message: str) -> Any:
    form.file.errors = [message]
    return _page(form)


@bp.get("/differences.csv")
@allow("admin")
def differences() -> Any:
    """The differences of the last comparison as a table."""
    with reading() as session:
        result = services_reconciliation.last_result(session)
    if result is None:
        raise NotFound()

    def rows() -> Iterator[tuple[Any, ...]]:
        for one in result.differences:
            title, advice = KINDS[one.kind]
            yield (
                _(title), one.what, one.ref, one.order, one.at, one.line, one.there, one.there_currency, one.here,
                one.here_currency, "yes" if one.edge else "", _(advice),
            )  # fmt: skip

    return csv_response("differences", HEADER, rows())
