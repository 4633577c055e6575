"""Seats of the core between two results, for admins: what is free, who is asked, who is next, whom to pass over."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from wtforms import IntegerField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange

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

from . import queries_offers, services_offers, services_resign, services_seats

bp = Blueprint("core_offers_admin", __name__, url_prefix="/admin/core-seats")

ACTS = {
    "core.resign": _l("Core seat given back"),
    "core.offer": _l("Core seat offered"),
    "core.accept": _l("Offered core seat taken"),
    "core.decline": _l("Offered core seat declined"),
    "core.dismiss": _l("Core seat ended for a violation"),
    "core.pass_over": _l("Runner-up passed over"),
}
STATES: dict[str, tuple[Any, str]] = {
    "open": (_l("offered"), "warning"),
    "accepted": (_l("took the seat"), "success"),
    "declined": (_l("declined"), "neutral"),
    "lapsed": (_l("did not answer"), "neutral"),
    "withdrawn": (_l("withdrawn"), "danger"),
    "ended": (_l("ended by the freeze"), "neutral"),
}
WHY: dict[str, Any] = {
    "passed": _l("passed over"),
    "offered": _l("was asked"),
    "core": _l("sits in the core"),
    "shut": _l("suspended or left the club"),
    "violation": _l("an open violation of the house rules"),
    "left": _l("lost a seat by this result or since"),
    "barred": _l("was taken out for cause"),
    "no_pass": _l("holds no pass now"),
}
LEFT: dict[str, Any] = {
    "resigned": _l("gave the seat back"),
    "suspended": _l("was suspended"),
    "refunded": _l("has no pass any more"),
    "removed": _l("was taken out of the group"),
    "left_club": _l("left the club"),
}


# Two forms on one page: their fields have names of their own.
END = "end-"


class DismissForm(Form):
    """Why somebody's seat ends."""

    number = IntegerField(
        _l("Member number"),
        [InputRequired(), NumberRange(1, 999_999_999)],
        render_kw={"inputmode": "numeric", "min": 1},
    )
    reason = TextAreaField(
        _l("Reason"),
        [InputRequired(), Length(max=services_offers.MOST_WORDS)],
        description=_l("The member reads it."),
        render_kw={"rows": 2, "maxlength": services_offers.MOST_WORDS},
    )


class PassOverForm(Form):
    """Why a runner-up is left out."""

    number = IntegerField(
        _l("Member number"),
        [InputRequired(), NumberRange(1, 999_999_999)],
        render_kw={"inputmode": "numeric", "min": 1},
    )
    reason = TextAreaField(
        _l("Reason"),
        [InputRequired(), Length(max=services_offers.MOST_WORDS)],
        description=_l("Admins read it, and the member too when an offer is withdrawn."),
        render_kw={"rows": 2, "maxlength": services_offers.MOST_WORDS},
    )


def _page(form: PassOverForm | None = None, ending: DismissForm | None = None) -> Any:
    form = form or PassOverForm(formdata=None)
    ending = ending or DismissForm(formdata=None, prefix=END)
    with reading() as session:
        season = queries_offers.decided(session)
        return render(
            "seasons/admin_offers.html",
            season=season,
            form=form,
            ending=ending,
            taken=services_seats.core_size(session),
            free=queries_offers.free_seats(session, season) if season else 0,
            vacated=queries_offers.vacated(session, season) if season else [],
            people=queries_offers.listed(session, season, now()) if season else [],
            deciding=queries_offers.being_decided(session),
            offer_states=STATES,
            why=WHY,
            left_words=LEFT,
        ), 422 if form.errors or ending.errors else 200


@bp.get("")
@allow("admin")
def index() -> Any:
    """The list, and who was asked."""
    return _page()


@bp.post("/pass-over")
@allow("admin")
def pass_over() -> Any:
    """Leave somebody out; their offer is withdrawn."""
    form = PassOverForm()
    if form.validate_on_submit():
        with form_errors(form), unit_of_work() as session:
            services_offers.pass_over_number(
                session,
                number=form.number.data,
                reason=form.reason.data or "",
                actor=current_actor(),
                now=now(),
            )
        if not form.errors:
            flash(_("They are passed over. A free seat goes to the next within a minute."))
            return see_other(".index")
    return _page(form)


@bp.post("/dismiss")
@allow("admin")
def dismiss() -> Any:
    """End somebody's seat for a violation."""
    form = DismissForm(prefix=END)
    if form.validate_on_submit():
        with form_errors(form), unit_of_work() as session:
            services_resign.dismiss(
                session,
                number=form.number.data,
                reason=form.reason.data or "",
                actor=current_actor(),
                now=now(),
            )
        if not form.errors:
            flash(_("The seat has ended, and the member has a letter with the reason."))
            return see_other(".index")
    return _page(ending=form)
