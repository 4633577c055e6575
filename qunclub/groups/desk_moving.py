"""Hosts and admins move members between groups, and answer those who wish to move."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from wtforms import TextAreaField
from wtforms.validators import InputRequired, Length

from qunclub.kernel import ClubError, Forbidden
from qunclub.web import (
    Form,
    NavItem,
    RadioField,
    _,
    _l,
    allow,
    current_actor,
    explain,
    flash,
    form_errors,
    now,
    reading,
    register,
    render,
    see_other,
    transact,
)

from . import entry, queries, queries_moving, rules_moving, services_moving, services_requests
from .models import GroupLine
from .views_moving import choice

bp = Blueprint("moving_desk", __name__, url_prefix="/desk/moves")
register(
    NavItem(
        area="desk", label=_l("Moves"), endpoint="qunclub.moving_desk.index", icon="arrow-left-right", order=45,
        role="host", count_for=queries_moving.waiting_wishes,
    )
)  # fmt: skip
ACTS = {
    "seat.move": _l("Moved to another group"),
    "seat.move_decline": _l("A wish to move declined"),
    "group.merge": _l("Two groups made one"),
}


class MoveForm(Form):
    """Where somebody goes, and why."""

    to = RadioField(_l("To which group"), [InputRequired()], coerce=int, choices=[])
    reason = TextAreaField(
        _l("Reason"),
        [InputRequired(), Length(max=rules_moving.LONGEST)],
        description=_l("The member gets it by mail and at the bell."),
        render_kw={"rows": 3},
    )


class AnswerForm(Form):
    """What the member is told."""

    words = TextAreaField(
        _l("Your words to them"),
        [Length(max=rules_moving.LONGEST)],
        description=_l("Needed when you decline."),
        render_kw={"rows": 3},
    )


@bp.get("")
@allow("host")
def index() -> Any:
    """Who wishes to move, the longest waiting first."""
    with reading() as session:
        after = max(0, request.args.get("after", 0, type=int))
        page = queries_moving.wishes(session, current_actor(), after=after)
        return render("groups/desk_moves.html", page=page, form=AnswerForm(formdata=None), after=after)


@bp.route("/<int:request_id>", methods=["GET", "POST"])
@allow("host")
def show(request_id: int) -> Any:
    """One wish: move them, or say why not."""
    form, refused, actor = AnswerForm(), "", current_actor()
    if form.validate_on_submit():
        grant = "grant" in request.form
        try:
            with form_errors(form):
                transact(
                    lambda session: (
                        services_requests.answer(
                            session,
                            request_id=request_id,
                            grant=grant,
                            words=form.words.data or "",
                            actor=actor,
                            now=now(),
                        ).id
                    )
                )
                flash(_("They are moved and told.") if grant else _("They stay and are told why."))
                return see_other(".index")
        except Forbidden:
            raise
        except ClubError as error:
            refused = explain(error)
    with reading() as session:
        wish = queries_moving.wish(session, request_id)
        services_moving.check_may_move(session, actor, wish.old.id, wish.new.id)
        page = render("groups/desk_move.html", wish=wish, form=form, refused=refused)
    return page, 409 if refused else 422 if form.errors else 200


@bp.route("/seats/<int:seat_id>", methods=["GET", "POST"])
@allow("host")
def move(seat_id: int) -> Any:
    """Move a member to another group with room: what happens is said first."""
    form, refused, actor = MoveForm(), "", current_actor()
    with reading() as session:
        row = queries.seat_row(session, seat_id)
        line = session.get_one(GroupLine, row.seat.line_id)
        here = row.seat.group_id
        services_moving.check_may_move(session, actor, *([here] if here else []))
        others = queries_moving.open_groups(session, line.id, without=here, room=True)
        form.to.choices = [choice(group) for group in others]
        name, line_id, slug = row.member.shown_name, line.id, row.group.slug if row.group else ""
    if form.validate_on_submit():
        try:
            with form_errors(form):
                transact(
                    lambda session: (
                        services_moving.move(
                            session,
                            seat_id=seat_id,
                            to_id=form.to.data,
                            reason=form.reason.data or "",
                            actor=actor,
                            now=now(),
                        ).id
                    )
                )
                flash(_("%(name)s is moved and told why.", name=name))
                if actor.has("admin"):
                    return see_other("qunclub.groups_admin.seats", line_id=line_id)
                return see_other("qunclub.groups.show", slug=slug)
        except Forbidden:
            raise
        except ClubError as error:
            refused = explain(error)
    with reading() as session:
        page = render(
            "groups/desk_move_seat.html",
            form=form,
            row=queries.seat_row(session, seat_id),
            line=session.get_one(GroupLine, line_id),
            others=others,
            moves=queries_moving.history(session, seat_id),
            opened=entry.opened_by(session, here) if here else [],
            refused=refused,
            admin=actor.has("admin"),
        )
    return page, 409 if refused else 422 if form.errors else 200
