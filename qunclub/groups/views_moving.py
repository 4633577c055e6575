"""A member wishes to move to another group of their line."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from wtforms import TextAreaField
from wtforms.validators import InputRequired, Length

from qunclub.kernel import Conflict, NotFound
from qunclub.web import (
    Form,
    RadioField,
    _,
    _l,
    allow,
    current_actor,
    explain,
    flash,
    form_errors,
    member_id,
    now,
    reading,
    render,
    see_other,
    transact,
)

from . import queries_mine, queries_moving, rules_moving, services_requests
from .models import Group

bp = Blueprint("group_moves", __name__, url_prefix="/groups/seats")


class WishForm(Form):
    """Where to, and why."""

    to = RadioField(_l("To which group"), [InputRequired()], coerce=int, choices=[])
    words = TextAreaField(
        _l("Why"),
        [Length(max=rules_moving.LONGEST)],
        description=_l("The host who answers reads it."),
        render_kw={"rows": 3},
    )


def choice(group: Group) -> tuple[int, str]:
    """A group as something to choose."""
    free = _("%(free)s of %(seats)s seats are free", free=group.capacity - group.seated, seats=group.capacity)
    name = f"{group.name} ({group.label})" if group.label else group.name
    return group.id, f"{name} · {free}"


@bp.route("/<int:seat_id>/move", methods=["GET", "POST"])
@allow("signed_in")
def move(seat_id: int) -> Any:
    """Choose another group; where the line asks for it, a host answers."""
    with reading() as session:
        mine = queries_mine.seat_of(session, seat_id)
        if mine is None or mine.seat.member_id != member_id():
            raise NotFound()
        if mine.group is None or mine.seat.state != "admitted":
            return see_other("qunclub.groups.index")
        others = queries_moving.open_groups(session, mine.line.id, without=mine.group.id, room=True)
        form = WishForm()
        form.to.choices = [choice(group) for group in others]
        if mine.line.moving != "ask":
            form.words.data = ""
        open_ = queries_moving.open_request(session, seat_id)
        slug, refused = mine.group.slug, ""
        if not form.validate_on_submit():
            page = render("groups/move.html", form=form, mine=mine, others=others, open=open_, refused="")
            return page, 422 if form.errors else 200
    try:
        with form_errors(form):
            waits = transact(
                lambda session: (
                    services_requests.ask(
                        session,
                        seat_id=seat_id,
                        member_id=member_id(),
                        to_id=form.to.data,
                        words=form.words.data or "",
                        actor=current_actor(),
                        now=now(),
                    )
                    is not None
                )
            )
            if waits:
                flash(_("Your wish is with the hosts; you are told what they answer."))
                return see_other("qunclub.groups.show", slug=slug)
            flash(_("You have moved. The new way in is here."))
            return see_other("qunclub.groups.index")
    except Conflict as error:
        refused = explain(error)
    with reading() as session:
        mine = queries_mine.seat_of(session, seat_id)
        page = render("groups/move.html", form=form, mine=mine, others=others, open=open_, refused=refused)
    return page, 409 if refused else 422


@bp.post("/<int:seat_id>/move/withdraw")
@allow("signed_in")
def withdraw(seat_id: int) -> Any:
    """Stay after all."""
    with reading() as session:
        mine = queries_mine.seat_of(session, seat_id)
        slug = mine.group.slug if mine is not None and mine.group is not None else ""
    transact(
        lambda session: services_requests.withdraw(session, seat_id=seat_id, member_id=member_id(), now=now())
    )
    flash(_("You stay where you are."))
    return see_other("qunclub.groups.show", slug=slug) if slug else see_other("qunclub.groups.index")
