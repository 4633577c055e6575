"""Admins give a member or a group more time, see who has it, and take it back."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from sqlalchemy.orm import Session

from qunclub import points
from qunclub.kernel import N_, Invalid
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
    transact,
    unit_of_work,
)

from . import queries, queries_extensions, services_extensions
from .forms import ExtensionForm, to_utc

bp = Blueprint("homework_extensions", __name__, url_prefix="/admin/homework/<int:assignment_id>/extensions")


@bp.route("", methods=["GET", "POST"])
@allow("admin")
def index(assignment_id: int) -> Any:
    """Who has more time, and a form to give it."""
    form = ExtensionForm()
    with reading() as session:
        work = queries.assignment_row(session, assignment_id, staff=True)
        groups = dict(club().group_book.choices(session))
        rows = queries_extensions.listed(session, assignment_id)
    form.group_id.choices = [(0, "—"), *groups.items()]
    if form.validate_on_submit():
        with form_errors(form):
            transact(lambda session: _grant(session, assignment_id, form))
            flash(_("More time is given."))
            return see_other(".index", assignment_id=assignment_id)
    page = render("homework/admin_extensions.html", work=work, groups=groups, rows=rows, form=form)
    return (page, 422) if form.errors else page


@bp.post("/<int:extension_id>/revoke")
@allow("admin")
def revoke(assignment_id: int, extension_id: int) -> Any:
    """Take it back."""
    with unit_of_work() as session:
        services_extensions.revoke(
            session,
            extension_id=extension_id,
            assignment_id=assignment_id,
            actor=current_actor(),
            now=now(),
        )
    flash(_("The extra time is taken back; what was handed in stays as it was taken."))
    return see_other(".index", assignment_id=assignment_id)


def _grant(session: Session, assignment_id: int, form: ExtensionForm) -> None:
    zone = club().settings.zone
    number, group_id = form.number.data, form.group_id.data or None
    if (number is None) == (group_id is None):
        raise Invalid(N_("Name a member or a group, one of them."), field="number")
    member_id = None
    if number is not None:
        member_id = points.member_by_number(session, number).id
    due_at = to_utc(form.due_at.data, zone)
    assert due_at is not None  # the field is required
    services_extensions.grant(
        session,
        assignment_id=assignment_id,
        member_id=member_id,
        group_id=group_id,
        due_at=due_at,
        cut_off_at=to_utc(form.cut_off_at.data, zone),
        reason=form.reason.data or "",
        actor=current_actor(),
        now=now(),
    )
