"""Two groups of a line made one, looked at before it is done."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from wtforms import IntegerField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from qunclub.kernel import Conflict, NotFound
from qunclub.web import (
    Form,
    SelectField,
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

from . import queries_moving, rules, rules_moving, services_merge
from .models import Group, GroupLine

bp = Blueprint("groups_merge", __name__, url_prefix="/admin/groups/groups")
NAMES_SHOWN = 100


class MergeForm(Form):
    """Into which group, with how many seats, and why."""

    into = SelectField(_l("Into which group"), [InputRequired()], coerce=int, choices=[])
    capacity = IntegerField(
        _l("Seats of that group afterwards"),
        [Optional(), NumberRange(min=1, max=rules.MAX_CAPACITY)],
        description=_l("Empty: as many as it has."),
    )
    reason = TextAreaField(
        _l("Reason"),
        [InputRequired(), Length(max=rules_moving.LONGEST)],
        description=_l("Everybody who is moved gets it by mail and at the bell."),
        render_kw={"rows": 3},
    )


@bp.route("/<int:group_id>/merge", methods=["GET", "POST"])
@allow("admin")
def merge(group_id: int) -> Any:
    """Who moves and what comes of it, then doing it."""
    form, refused = MergeForm(), ""
    with reading() as session:
        group = session.get(Group, group_id)
        if group is None:
            raise NotFound()
        others = queries_moving.open_groups(session, group.line_id, without=group.id)
        form.into.choices = [
            (
                one.id,
                _(
                    "%(name)s: %(seated)s of %(seats)s seats taken, %(sum)s of them together",
                    name=one.name,
                    seated=one.seated,
                    seats=one.capacity,
                    sum=one.seated + group.seated,
                ),
            )
            for one in others
        ]
        line_id = group.line_id
    if form.validate_on_submit():
        try:
            with form_errors(form):
                moved = transact(
                    lambda session: services_merge.merge(
                        session,
                        from_id=group_id,
                        into_id=form.into.data,
                        capacity=form.capacity.data,
                        reason=form.reason.data or "",
                        actor=current_actor(),
                        now=now(),
                    )
                )
                flash(_("The groups are one. Moved and told: %(count)s.", count=moved))
                return see_other("qunclub.groups_admin.show", line_id=line_id)
        except Conflict as error:
            refused = explain(error)
    with reading() as session:
        group = session.get_one(Group, group_id)
        people = queries_moving.seated_in(session, group_id, limit=NAMES_SHOWN)
        page = render(
            "groups/admin_merge.html",
            form=form,
            group=group,
            line=session.get_one(GroupLine, line_id),
            others=others,
            people=people,
            refused=refused,
        )
    return page, 409 if refused else 422 if form.errors else 200
