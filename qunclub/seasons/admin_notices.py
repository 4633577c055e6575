"""The weekly letters, for admins: whether they go out, to whom, and how many did."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from wtforms import BooleanField, IntegerField
from wtforms.validators import InputRequired

from qunclub.web import (
    Form,
    _,
    _l,
    allow,
    current_actor,
    flash,
    form_errors,
    now,
    reading,
    render,
    see_other,
    unit_of_work,
)

from . import queries_notices, services_notices

bp = Blueprint("seasons_notices", __name__, url_prefix="/admin/seasons")

ACTS = {"season.notices": _l("Letters about the season set")}


class NoticesForm(Form):
    """Whether the letters go out, and who is near."""

    on = BooleanField(
        _l("Send letters"),
        description=_l("Once a week at most; members can switch them off for themselves."),
    )
    reach = IntegerField(
        _l("Near means"),
        [InputRequired()],
        description=_l("So many points or fewer below the line of promotion."),
        render_kw={"inputmode": "numeric", "min": 1},
    )


def _page(form: NoticesForm | None = None) -> Any:
    with reading() as session:
        if form is None:
            kept = queries_notices.settings(session)
            form = NoticesForm(formdata=None, data={"on": kept.on, "reach": kept.reach})
        return render(
            "seasons/admin_notices.html", form=form, sent=queries_notices.sent(session)
        ), 422 if form.errors else 200


@bp.get("/notices")
@allow("admin")
def show() -> Any:
    """The settings, and what went out of late."""
    return _page()


@bp.post("/notices")
@allow("admin")
def keep() -> Any:
    """Set them."""
    form = NoticesForm()
    if form.validate_on_submit():
        with form_errors(form), unit_of_work() as session:
            services_notices.set_notices(
                session, on=bool(form.on.data), reach=form.reach.data or 0, actor=current_actor(), now=now()
            )
        if not form.errors:
            flash(_("The letters are set."))
            return see_other(".show")
    return _page(form)
