"""Those of the core write their profile; those who sat in it before are honoured."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from wtforms import BooleanField, StringField, TextAreaField
from wtforms.validators import Length

from qunclub.kernel import Forbidden, skills
from qunclub.web import (
    N_,
    Form,
    _,
    _l,
    allow,
    current_actor_or_none,
    flash,
    form_errors,
    member_id,
    now,
    reading,
    render,
    see_other,
    transact,
)

from . import lists, queries_core, services_profile
from .rules_core import MOST_ABOUT
from .views import sees_names

bp = Blueprint("core_profile", __name__, url_prefix="/core")


class CoreProfileForm(Form):
    """What somebody of the core says of themselves."""

    skills = StringField(
        _l("Good at"), description=_l("With commas between them, such as layout, charts, editing.")
    )
    about = TextAreaField(
        _l("In a few words"), [Length(max=MOST_ABOUT)], render_kw={"rows": 4, "maxlength": MOST_ABOUT}
    )
    public = BooleanField(
        _l("Everybody may read this, with my name and what I made"),
        description=_l("Without it only members do. You can take it back at any time, at once."),
    )


@bp.route("/profile", methods=["GET", "POST"])
@allow("member")
def profile() -> Any:
    """My profile in the core group."""
    ident, moment, saved = member_id(), now(), False
    with reading() as session:
        if not services_profile.may_write(session, ident):
            raise Forbidden(
                N_("This profile is for those who sit, or sat, in the core group."),
                how=N_("Every season the best rise into it; the season's page says how."),
            )
        row = queries_core.profile(session, ident)
        values = {
            "skills": skills.joined(row.skills) if row else "",
            "about": row.about if row else "",
            "public": row is not None and row.public_at is not None,
        }
        public_at = row.public_at if row else None
    form = CoreProfileForm(data=values)
    if form.validate_on_submit():
        with form_errors(form):
            saved = transact(
                lambda session: (
                    services_profile.save_profile(
                        session,
                        member_id=ident,
                        skills_typed=form.skills.data or "",
                        about=form.about.data or "",
                        public=bool(form.public.data),
                        now=moment,
                    ).member_id
                    == ident
                )
            )
        if saved:
            flash(_("Your profile is saved."))
            return see_other("qunclub.seasons.core", _anchor="me")
    page = render("seasons/core_profile.html", form=form, public_at=public_at)
    return page, 422 if form.errors else 200


@bp.post("/profile/take-back")
@allow("signed_in")
def take_back() -> Any:
    """Nobody but members reads it from now on."""
    ident, moment = member_id(), now()
    transact(lambda session: services_profile.take_back(session, member_id=ident, now=moment))
    flash(_("Done: only members read your profile now."))
    return see_other("qunclub.seasons.core", _anchor="me")


@bp.get("/alumni")
@allow("anyone")
def alumni() -> Any:
    """Who sat in the core group before: honorary alumni."""
    actor = current_actor_or_none()
    names = sees_names(actor)
    with reading() as session:
        page = lists.alumni(session, names=names, after=request.args.get("after", ""))
        return render("seasons/alumni.html", page=page, sees_names=names)
