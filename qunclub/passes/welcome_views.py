"""The welcome page: what paying ends on. It can be left at every step and found again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session

from qunclub import groups, members
from qunclub.groups.views import POLICIES, QUIET, in_words, way_into
from qunclub.kernel import Invalid, NotFound, Stale
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

from . import services_seats, welcome
from .forms import NameForm

bp = Blueprint("welcome", __name__, url_prefix="/welcome")


@bp.get("/<int:pass_id>")
@allow("signed_in")
def index(pass_id: int) -> Any:
    """Where I stand, and the next step."""
    return page(pass_id)


def page(
    pass_id: int,
    form: NameForm | None = None,
    *,
    said: Sequence[str] | None = None,
    refused: tuple[str, str] = ("", ""),
) -> Any:
    """The welcome page, with a form that was refused when there is one.

    Args:
        said: the answers of an introduction that was refused.
        refused: its field and the sentence why.
    """
    with reading() as session:
        ritual = welcome.ritual(session, pass_id=pass_id, member_id=member_id())
        if form is None:
            form = NameForm(
                formdata=None, data={"nickname": ritual.member.nickname, "city": ritual.member.city}
            )
        line = ritual.seat.line if ritual.seat else None
        group = ritual.seat.group if ritual.seat else None
        line_id = ritual.holding.plan.group_line_id
        bar = None
        if line is None and line_id is not None:
            bar = groups.bar_in(session, line_id=line_id, member_id=member_id(), now=now())
        rule = line.nickname_rule if line else groups.DEFAULT_NICKNAME
        shown = render(
            "passes/welcome.html",
            ritual=ritual,
            form=form,
            preview=_preview(form, rule, ritual.member),
            nickname_rule=in_words(rule),
            policy=POLICIES[line.posting] if line else "",
            way=way_into(session, group) if group else None,
            quiet=QUIET if line and line.posting == "staff" else "",
            said=said if said is not None else _said(ritual),
            refused=refused,
            bar=bar,
            lost=ritual.holding.seat,
            ask_line=groups.line_view(session, line_id).line.name
            if line is None and line_id is not None and bar is None and ritual.holding.live(now())
            else "",
            nameless=ritual.member.nickname and "name" not in ritual.done,
        )
    return shown, 422 if form.errors or refused[0] else 200


def _said(ritual: welcome.Ritual) -> list[str]:
    """What was said before, for each question that is asked now."""
    answers = ritual.asked.introduction.answers if ritual.asked.introduction else []
    kept = {one["ask"]: one["text"] for one in answers}
    return [kept.get(question, "") for question in ritual.asked.questions]


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

    try:
        transact(command)
    except Stale as error:
        # It has a new version since the page was shown: that one is there to be read and accepted.
        flash(explain(error), "warning")
        return see_other(".index", pass_id=pass_id, _anchor="step-covenant")
    flash(_("The covenant is accepted. Thank you."))
    return see_other(".index", pass_id=pass_id)


@bp.post("/<int:pass_id>/seat")
@allow("signed_in")
def ask(pass_id: int) -> Any:
    """Ask for a seat again after one was given up."""
    ident, moment = member_id(), now()
    state = transact(
        lambda session: services_seats.ask_again(session, pass_id=pass_id, member_id=ident, now=moment).state
    )
    flash(_("You have a seat again.") if state == "admitted" else _("You are on the waiting list."))
    return see_other(".index", pass_id=pass_id)


@bp.post("/<int:pass_id>/name")
@allow("signed_in")
def name(pass_id: int) -> Any:
    """Take the nickname and the city, or only look at them."""
    ident, form = member_id(), NameForm()
    if "preview" in request.form or not form.validate_on_submit():
        return page(pass_id, form)
    with reading() as session:
        seat = welcome.ritual(session, pass_id=pass_id, member_id=ident).seat
        rule = seat.line.nickname_rule if seat else groups.DEFAULT_NICKNAME
    if seat is not None and welcome.missing(form.city.data or "", rule):
        form.city.errors = [_("The rule for names in the group asks for it: %(rule)s.", rule=in_words(rule))]
        return page(pass_id, form)

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
        return page(pass_id, form)
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
