"""The showcase as an admin sees it: what is shown, what is hidden, and both ways between them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from wtforms import TextAreaField
from wtforms.validators import InputRequired, Length

from qunclub.web import (
    Form,
    NavItem,
    _,
    _l,
    allow,
    current_actor,
    flash,
    form_errors,
    now,
    page_number,
    reading,
    register,
    render,
    see_other,
    transact,
)

from . import queries_showcase, services_showcase

bp = Blueprint("showcase_admin", __name__, url_prefix="/admin/showcase")
register(
    NavItem(
        area="admin",
        label=_l("Showcase"),
        endpoint="qunclub.showcase_admin.index",
        icon="images",
        order=47,
        role="admin",
    )
)
# What the audit log calls the acts of this room.
ACTS = {
    "showcase.hide": _l("Work hidden from the showcase"),
    "showcase.unhide": _l("Work back in the showcase"),
}


class HideForm(Form):
    """Why a work is taken down."""

    reason = TextAreaField(
        _l("Reason"),
        [InputRequired(), Length(max=services_showcase.MOST_REASON)],
        description=_l("The author reads it, and it is kept in the audit log."),
    )


@bp.get("")
@allow("admin")
def index() -> Any:
    """Search and filter."""
    q = request.args.get("q", "").strip()[:120]
    state = request.args.get("state", "")
    with reading() as session:
        page = queries_showcase.admin_list(session, q=q, state=state, page=page_number())
    return render("homework/showcase_admin.html", page=page, q=q, state=state)


@bp.route("/<int:entry_id>/hide", methods=["GET", "POST"])
@allow("admin")
def hide(entry_id: int) -> Any:
    """Take a work out of everybody's sight, with a reason."""
    with reading() as session:
        row = queries_showcase.admin_one(session, entry_id)
    form = HideForm()
    if form.validate_on_submit():
        with form_errors(form):
            transact(
                lambda work: services_showcase.hide(
                    work,
                    entry_id=entry_id,
                    reason=form.reason.data or "",
                    actor=current_actor(),
                    now=now(),
                )
            )
            flash(_("The work is hidden, and its author is told why."), "warning")
            return see_other(".index")
    page = render("homework/showcase_hide.html", form=form, row=row)
    return (page, 422) if form.errors else page


@bp.post("/<int:entry_id>/unhide")
@allow("admin")
def unhide(entry_id: int) -> Any:
    """Let a hidden work be seen again."""
    transact(lambda work: services_showcase.unhide(work, entry_id=entry_id, actor=current_actor(), now=now()))
    flash(_("The work can be seen again, as far as its author agrees."))
    return see_other(".index")
