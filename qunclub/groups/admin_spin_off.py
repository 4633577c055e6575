"""What members propose, for admins; and the groups they lead."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session

from qunclub.kernel import Conflict
from qunclub.web import (
    _,
    _l,
    allow,
    current_actor,
    explain,
    flash,
    form_errors,
    now,
    reading,
    render,
    see_other,
    transact,
)

from . import queries_spin_off, services_spin_off, services_spin_off_end
from .forms_spin_off import DecideForm
from .models import Group

bp = Blueprint("spin_offs_admin", __name__, url_prefix="/admin/groups/spin-offs")
ACTS = {
    "spin_off.approve": _l("A group of a member approved"),
    "spin_off.decline": _l("A group of a member declined"),
    "spin_off.hand_over": _l("A group of a member handed over"),
    "spin_off.end": _l("A group of a member ended"),
    "spin_off.restore": _l("A group of a member brought back"),
}


@bp.get("")
@allow("admin")
def index() -> Any:
    """What waits for an answer, then the groups that are there."""
    before = max(0, request.args.get("before", 0, type=int))
    with reading() as session:
        return render(
            "groups/admin_spin_offs.html",
            waiting=queries_spin_off.listed(session, "proposed").items,
            page=queries_spin_off.listed(session, "approved", before=before),
            ended=queries_spin_off.listed(
                session, "ended", before=max(0, request.args.get("ended", 0, type=int))
            ),
            before=before,
        )


@bp.post("/<int:ident>/restore")
@allow("admin")
def restore(ident: int) -> Any:
    """Bring an ended group back with those who may still come in."""
    try:
        slug, count = transact(lambda session: _restored(session, ident))
    except Conflict as error:
        flash(explain(error), "danger")
        return see_other(".index")
    flash(_("The group is there again. In their seats and told: %(count)s.", count=count))
    return see_other("qunclub.groups.show", slug=slug)


def _restored(session: Session, ident: int) -> tuple[str, int]:
    made, count = services_spin_off_end.restore(session, ident=ident, actor=current_actor(), now=now())
    return session.get_one(Group, made.group_id).slug, count


@bp.route("/<int:ident>", methods=["GET", "POST"])
@allow("admin")
def show(ident: int) -> Any:
    """Approve a proposal, or decline it with a reason."""
    form, refused = DecideForm(), ""
    if form.validate_on_submit():
        approve = "approve" in request.form
        try:
            with form_errors(form):
                transact(
                    lambda session: (
                        services_spin_off.decide(
                            session,
                            ident=ident,
                            approve=approve,
                            slug=form.slug.data or "",
                            answer=form.answer.data or "",
                            actor=current_actor(),
                            now=now(),
                        ).id
                    )
                )
                flash(
                    _("The group is open and its leader is told.")
                    if approve
                    else _("Declined; they are told why.")
                )
                return see_other(".index")
        except Conflict as error:
            refused = explain(error)
    with reading() as session:
        row = queries_spin_off.spin_off(session, ident)
        if not form.is_submitted():
            form.slug.data = f"{row.parent.slug[:60]}-s{row.spin.id}"
        page = render("groups/admin_spin_off.html", form=form, row=row, refused=refused)
    return page, 409 if refused else 422 if form.errors else 200
