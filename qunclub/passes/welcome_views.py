"""The welcome page: what paying ends on. It can be left at every step and found again."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session

from qunclub import groups, members
from qunclub.groups.views import POLICIES, in_words, way_into
from qunclub.kernel import Invalid, NotFound
from qunclub.members.models import Member
from qunclub.web import (
    _,
    allow,
    explain,
    flash,
    forget_actor,
    form_errors,
    member_id,
    now,
    reading,
    render,
    see_other,
    transact,
)

from . import welcome
from .forms import NameForm

bp = Blueprint("welcome", __name__, url_prefix="/welcome")


@bp.get("/<int:pass_id>")
@allow("signed_in")
def index(pass_id: int) -> Any:
    """Where I stand, and the next step."""
    return _page(pass_id)


def _page(pass_id: int, form: NameForm | None = None) -> Any:
    with reading() as session:
        ritual = welcome.ritual(session, pass_id=pass_id, member_id=member_id())
        if form is None:
            form = NameForm(
                formdata=None, data={"nickname": ritual.member.nickname, "city": ritual.member.city}
            )
        line = ritual.seat.line if ritual.seat else None
        group = ritual.seat.group if ritual.seat else None
        rule = line.nickname_rule if line else groups.DEFAULT_NICKNAME
        page = render(
            "passes/welcome.html",
            ritual=ritual,
            form=form,
            preview=_preview(form, rule, ritual.member),
            nickname_rule=in_words(rule),
            policy=POLICIES[line.posting] if line else "",
            way=way_into(session, group) if group else None,
        )
    return page, 422 if form.errors else 200


def _preview(form: NameForm, rule: str, member: Member) -> str:
    """The name in the group as it would be, or nothing while it cannot be taken."""
    try:
        nickname = members.clean_nickname(form.nickname.data or member.shown_name)
    except Invalid as error:
        return explain(error)
    return groups.nickname(rule, number=member.number, nickname=nickname, city=form.city.data or "")


@bp.post("/<int:pass_id>/covenant")
@allow("signed_in")
def covenant(pass_id: int) -> Any:
    """Accept the version that was read."""
    ident, version = member_id(), request.form.get("version", 0, type=int)

    def command(session: Session) -> None:
        ritual = welcome.ritual(session, pass_id=pass_id, member_id=ident)
        if ritual.seat is None:
            raise NotFound()
        groups.accept_covenant(
            session, member_id=ident, line_id=ritual.seat.line.id, version=version, now=now()
        )

    transact(command)
    flash(_("The covenant is accepted. Thank you."))
    return see_other(".index", pass_id=pass_id)


@bp.post("/<int:pass_id>/name")
@allow("signed_in")
def name(pass_id: int) -> Any:
    """Take the nickname and the city, or only look at them."""
    ident, form = member_id(), NameForm()
    if "preview" in request.form or not form.validate_on_submit():
        return _page(pass_id, form)

    def command(session: Session) -> None:
        ritual = welcome.ritual(session, pass_id=pass_id, member_id=ident)
        members.update_profile(
            session,
            member_id=ident,
            nickname=form.nickname.data or "",
            city=form.city.data or "",
            bio=ritual.member.bio,
        )

    with form_errors(form):
        transact(command)
    if form.errors:
        return _page(pass_id, form)
    forget_actor()
    flash(_("Your name is kept. You can change it later on your own page."))
    return see_other(".index", pass_id=pass_id)


@bp.post("/<int:pass_id>/name/preview")
@allow("signed_in")
def name_preview(pass_id: int) -> Any:
    """The name as it would be shown: a fragment."""
    form = NameForm()
    with reading() as session:
        ritual = welcome.ritual(session, pass_id=pass_id, member_id=member_id())
        rule = ritual.seat.line.nickname_rule if ritual.seat else groups.DEFAULT_NICKNAME
        return render("passes/_name_preview.html", preview=_preview(form, rule, ritual.member))
