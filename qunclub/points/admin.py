"""Points, for admins: every line of the ledger, points by hand, taking a line back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, request

from qunclub.kernel import ids
from qunclub.web import (
    NavItem,
    _,
    _l,
    allow,
    csv_response,
    current_actor,
    flash,
    form_errors,
    now,
    reading,
    register,
    render,
    see_other,
    transact,
    unit_of_work,
)

from . import queries, services
from .forms import GrantForm, ReverseForm
from .queries import LineFilter
from .rules import KINDS
from .views import labels, whys

bp = Blueprint("points_admin", __name__, url_prefix="/admin/points")
register(NavItem("admin", _l("Points"), "qunclub.points_admin.index", "plus-slash-minus", 80, role="admin"))

# What the audit log calls the acts of this room.
ACTS = {
    "points.grant": _l("Points given by hand"),
    "points.record": _l("Contribution recorded"),
    "points.reverse": _l("Points taken back"),
    "points.rule": _l("Point rule changed"),
}
HEADER = (
    "id", "number", "name", "kind", "points", "featured", "occurred_at", "written_at", "source", "reason", "by",
    "reverses", "taken_back", "rule_version",
)  # fmt: skip


def _filter() -> LineFilter:
    kind = request.args.get("kind", "")
    return LineFilter(request.args.get("q", "")[:60], kind if kind in KINDS else "")


@bp.get("")
@allow("admin")
def index() -> Any:
    """The ledger: search by member, one kind, newest first."""
    wanted = _filter()
    with reading() as session:
        page = queries.lines(session, wanted, request.args.get("after", ""))
        return render(
            "points/admin_lines.html",
            page=page,
            wanted=wanted,
            labels=labels(),
            why=whys(),
            my_key=current_actor().key,
        )


@bp.get("/lines.csv")
@allow("admin")
def export() -> Any:
    """The same lines as a table of record."""
    wanted = _filter()

    def rows() -> Iterator[list[Any]]:
        with reading() as session:
            for line in queries.export(session, wanted):
                entry = line.entry
                yield [
                    entry.id, line.number, line.name, entry.kind, entry.amount, entry.honours, entry.occurred_at,
                    entry.created_at, entry.source, entry.reason, entry.actor, entry.reverses_id, line.undone,
                    entry.rule_version,
                ]  # fmt: skip

    return csv_response("points", HEADER, rows())


@bp.get("/give")
@allow("admin")
def give() -> Any:
    """The form for points by hand."""
    number = request.args.get("number", type=int)
    form = GrantForm(formdata=None, data={"key": ids.token(12), "number": number})
    return render("points/admin_give.html", form=form)


@bp.post("/give")
@allow("admin")
def grant() -> Any:
    """Give points by hand."""
    form = GrantForm()
    if form.validate_on_submit():
        with form_errors(form), unit_of_work() as session:
            member = services.member_by_number(session, form.number.data or 0)
            line = services.grant(
                session,
                member_id=member.id,
                amount=form.amount.data or 0,
                reason=form.reason.data or "",
                key=form.key.data or "",
                actor=current_actor(),
                now=now(),
            )
            name = member.shown_name
        if not form.errors:
            if line is None:
                flash(_("These points were given already; nothing happened twice."), "info")
            else:
                flash(_("%(name)s has %(points)s points more.", name=name, points=line.amount))
            return see_other("qunclub.points_admin.index")
    return render("points/admin_give.html", form=form), 422


@bp.get("/<int:entry_id>/reverse")
@allow("admin")
def ask_reverse(entry_id: int) -> Any:
    """What taking a line back does, before it is done."""
    return _reverse_page(entry_id, ReverseForm(formdata=None))


def _reverse_page(entry_id: int, form: ReverseForm) -> Any:
    with reading() as session:
        line = queries.line(session, entry_id)
        return render("points/admin_reverse.html", line=line, form=form, labels=labels())


@bp.post("/<int:entry_id>/reverse")
@allow("admin")
def reverse(entry_id: int) -> Any:
    """Take a line back."""
    form = ReverseForm()
    if form.validate_on_submit():
        actor, moment = current_actor(), now()
        with form_errors(form):
            transact(
                lambda session: services.reverse(
                    session, entry_id=entry_id, reason=form.reason.data or "", actor=actor, now=moment
                )
            )
        if not form.errors:
            flash(_("The line is taken back; the ranking has changed with it."))
            return see_other("qunclub.points_admin.index")
    return _reverse_page(entry_id, form), 422
