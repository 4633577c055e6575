"""Recording what no room of the club sees, for admins: first what it would give, then the line."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from qunclub.web import (
    _,
    allow,
    club,
    current_actor,
    flash,
    form_errors,
    now,
    reading,
    render,
    see_other,
    unit_of_work,
)

from . import queries_rulebook, services
from .forms import RecordForm
from .rules import Rule, recordable
from .services_recorded import Recorded, record
from .views import labels, whys

bp = Blueprint("points_recorded", __name__, url_prefix="/admin/points/record")


class _Shown(Exception):
    """Nothing is written yet: the outcome is shown first."""


@bp.get("")
@allow("admin")
def ask() -> Any:
    """The form, empty."""
    moment = now()
    kind = request.args.get("kind", "")
    data = {
        "number": request.args.get("number", type=int),
        "kind": kind if kind in recordable() else "",
        "day": moment.astimezone(club().settings.zone).date(),
    }
    return _page(RecordForm(formdata=None, data=data))


@bp.post("")
@allow("admin")
def write() -> Any:
    """Show what it would give; when that was shown, write it."""
    form = RecordForm()
    _choices(form, _rules())
    outcome: Recorded | None = None
    name = ""
    if form.validate_on_submit() and form.day.data is not None:
        try:
            with form_errors(form), unit_of_work() as session:
                member = services.member_by_number(session, form.number.data or 0)
                outcome = record(
                    session,
                    member_id=member.id,
                    kind=form.kind.data,
                    day=form.day.data,
                    what=form.what.data or "",
                    actor=current_actor(),
                    now=now(),
                    zone=club().settings.zone,
                )
                name = member.shown_name
                points = outcome.line.amount
                if not outcome.new or form.seen.data != outcome.seal:
                    # The very verb has run, so that the outcome is what it will be; nothing of it stays.
                    for line in {outcome.line, *outcome.lately}:
                        session.expunge(line)
                    raise _Shown
        except _Shown:
            assert outcome is not None
            again = bool(form.seen.data) and outcome.new
            form.seen.data = outcome.seal
            return _page(form, outcome=outcome, name=name, again=again)
        if not form.errors:
            flash(_("Recorded: %(name)s has %(points)s points more.", name=name, points=points))
            return see_other("qunclub.points_admin.index", q=form.number.data)
    form.seen.data = ""
    return _page(form), 422


def _rules() -> dict[str, Rule]:
    with reading() as session:
        return queries_rulebook.rules_in_force(session)


def _choices(form: RecordForm, rules: dict[str, Rule]) -> list[str]:
    """The kinds to choose from; gives those that are switched off."""
    called, off = labels(), [kind for kind in recordable() if not (rules[kind].active and rules[kind].amount)]
    form.kind.choices = [
        (kind, _("%(kind)s (switched off)", kind=called[kind]) if kind in off else called[kind])
        for kind in sorted(recordable(), key=off.__contains__)
    ]
    return off


def _page(form: RecordForm, *, outcome: Recorded | None = None, name: str = "", again: bool = False) -> Any:
    rules = _rules()
    off = _choices(form, rules)
    return render(
        "points/admin_record.html",
        form=form,
        outcome=outcome,
        name=name,
        again=again,
        all_off=len(off) == len(recordable()),
        some_off=bool(off),
        labels=labels(),
        why=whys(),
    )
