"""Who brought whom along, for admins: terms, every case with its reason, an end by hand."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from wtforms import IntegerField, StringField
from wtforms.validators import InputRequired, Length, NumberRange

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
    reading,
    register,
    render,
    see_other,
    unit_of_work,
)

from . import queries_referral as queries
from . import rules_referral as rules
from . import services_referral as services
from .referral_views import words

bp = Blueprint("referral_admin", __name__, url_prefix="/admin/referrals")
register(
    NavItem("admin", _l("Brought along"), "qunclub.referral_admin.index", "person-plus", 87, role="admin")
)

# What the audit log calls the acts of this page.
ACTS = {
    "referrals.terms": _l("Terms of bringing somebody along changed"),
    "referrals.refuse": _l("Points for bringing somebody along ended"),
}


class TermsForm(Form):
    """How long a pass must be held, and the cap of a year."""

    days = IntegerField(
        _l("Days the new person must hold their pass"),
        [InputRequired(), NumberRange(1, rules.MOST_DAYS)],
        description=_l("Without money given back; only then points are earned."),
        render_kw={"inputmode": "numeric", "min": 1},
    )
    most = IntegerField(
        _l("Most people of a calendar year that earn one member points"),
        [InputRequired(), NumberRange(1, rules.MOST_YEAR)],
        render_kw={"inputmode": "numeric", "min": 1},
    )


class EndForm(Form):
    """Why it ends."""

    reason = StringField(_l("Reason"), [InputRequired(), Length(max=200)])


@bp.route("", methods=["GET", "POST"])
@allow("admin")
def index() -> Any:
    """Terms and cases."""
    form = None
    if request.method == "POST":
        form = TermsForm()
        if form.validate_on_submit():
            with form_errors(form), unit_of_work() as session:
                services.save(
                    session,
                    terms=rules.Terms(form.days.data or 0, form.most.data or 0),
                    now=now(),
                    actor=current_actor(),
                )
            if not form.errors:
                flash(_("Saved."))
                return see_other(".index")
    typed = request.args.get("number", "").strip()
    number = int(typed) if typed.isdecimal() and len(typed) < 10 else None
    with reading() as session:
        terms = services.load(session)
        if form is None:
            form = TermsForm(formdata=None, data={"days": terms.days, "most": terms.most})
        page = render(
            "orders/admin_referral.html",
            form=form,
            on=services.is_on(session),
            page=queries.listed(session, after=request.args.get("after", ""), number=number),
            typed=typed,
            why=words(),
        )
    return page, 422 if form.errors else 200


@bp.post("/<int:referral_id>/end")
@allow("admin")
def end(referral_id: int) -> Any:
    """End one, or take its points back."""
    form = EndForm()
    if form.validate_on_submit():
        with unit_of_work() as session:
            services.refuse(
                session,
                referral_id=referral_id,
                reason=form.reason.data or "",
                now=now(),
                actor=current_actor(),
            )
        flash(_("It is ended; points that were earned are taken back."))
    else:
        flash(_("Write the reason; the member reads it beside the line."), "danger")
    return see_other(".index")
