"""A group split in two: looked at by name, announced, called off."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask import Blueprint, request
from sqlalchemy import select
from sqlalchemy.orm import Session
from wtforms import HiddenField, IntegerField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange

from qunclub.kernel import ClubError, NotFound, ids
from qunclub.members.models import Member
from qunclub.web import (
    Form,
    RadioField,
    _,
    _l,
    allow,
    club,
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

from . import queries_split, rules, rules_moving, rules_split, services_split
from .models import Group, GroupLine, Seat
from .rules_split import SplitRule

bp = Blueprint("groups_split", __name__, url_prefix="/admin/groups/groups")
NAMES_SHOWN = 200
CITIES_SHOWN = 8
WAYS = {
    "newest": _l("The newest half"),
    "even": _l("An even half, drawn by lot"),
    "city": _l("Those of one city"),
    "course": _l("Those whose pass is for one course"),
    "hand": _l("Those I name"),
}
ACTS = {
    "group.split_announce": _l("A split of a group announced"),
    "group.split_off": _l("A split of a group called off"),
    "group.split": _l("A group split in two"),
}


class SplitForm(Form):
    """Who goes, how many seats the new group has, and when."""

    way = RadioField(
        _l("Who goes into the new group"), [InputRequired()], choices=list(WAYS.items()), default="newest"
    )
    key = StringField(
        _l("City or course"),
        [Length(max=80)],
        description=_l("For one city: its name. For one course: the last part of its address."),
    )
    numbers = TextAreaField(
        _l("Numbers of those I name"),
        [Length(max=20_000)],
        description=_l("Member numbers with spaces or commas between them."),
        render_kw={"rows": 2},
    )
    capacity = IntegerField(
        _l("Seats of the new group"), [InputRequired(), NumberRange(min=1, max=rules.MAX_CAPACITY)]
    )
    days = IntegerField(
        _l("In how many days"),
        [InputRequired(), NumberRange(min=1, max=rules_split.MOST_DAYS)],
        default=7,
        description=_l("Everybody in the group is told today; until then you may call it off."),
    )
    reason = TextAreaField(
        _l("Reason"),
        [InputRequired(), Length(max=rules_moving.LONGEST)],
        description=_l("Everybody in the group reads it."),
        render_kw={"rows": 3},
    )
    seed = HiddenField()
    seal = HiddenField()

    def rule(self) -> SplitRule:
        """What was chosen."""
        return SplitRule(self.way.data, (self.key.data or "").strip(), (self.seed.data or "")[:20])


class OffForm(Form):
    """Why everything stays as it is."""

    reason = TextAreaField(
        _l("Reason"),
        [InputRequired(), Length(max=rules_moving.LONGEST)],
        description=_l("Everybody in the group reads it."),
        render_kw={"rows": 2},
    )


def _group(session: Session, group_id: int) -> Group:
    group = session.get(Group, group_id)
    if group is None:
        raise NotFound()
    return group


@bp.route("/<int:group_id>/split", methods=["GET", "POST"])
@allow("admin")
def split(group_id: int) -> Any:
    """Look at who would go; then announce it."""
    form, refused = SplitForm(), ""
    with reading() as session:
        group = _group(session, group_id)
        if not form.is_submitted():
            form.seed.data, form.capacity.data = ids.code(8), group.capacity
    lists: tuple[list[int], list[int]] | None = None
    if form.validate_on_submit():
        try:
            with form_errors(form):
                if "announce" in request.form:
                    transact(
                        lambda session: (
                            services_split.announce(
                                session,
                                group_id=group_id,
                                rule=form.rule(),
                                numbers=form.numbers.data or "",
                                capacity=form.capacity.data or 0,
                                days=form.days.data or 0,
                                reason=form.reason.data or "",
                                seal=form.seal.data or "",
                                zone=club().settings.zone,
                                actor=current_actor(),
                                now=now(),
                            ).id
                        )
                    )
                    flash(_("Announced: everybody in the group is told."))
                    return see_other(".split", group_id=group_id)
        except ClubError as error:
            refused = explain(error)
    with reading() as session:
        group = _group(session, group_id)
        if form.is_submitted() and not form.errors:
            try:
                with form_errors(form):
                    lists = services_split.planned(
                        session, group_id, form.rule(), form.numbers.data or "", form.capacity.data or 0
                    )
                    form.seal.data = rules_split.seal(lists[1])
            except ClubError as error:
                refused = explain(error)
        page = render(
            "groups/admin_split.html",
            form=form,
            off=OffForm(formdata=None),
            group=group,
            line=session.get_one(GroupLine, group.line_id),
            planned=queries_split.planned_of(session, group_id),
            cities=_cities(session, group_id),
            going=_names(session, lists[1]) if lists else [],
            staying=_names(session, lists[0]) if lists else [],
            counts=(len(lists[1]), len(lists[0])) if lists else None,
            ways=WAYS,
            refused=refused,
        )
    return page, 409 if refused else 422 if form.errors else 200


@bp.post("/<int:group_id>/split/<int:split_id>/off")
@allow("admin")
def off(group_id: int, split_id: int) -> Any:
    """Call it off."""
    form = OffForm()
    if not form.validate_on_submit():
        flash(_("Say why in a few words."), "danger")
        return see_other(".split", group_id=group_id)
    transact(
        lambda session: (
            services_split.call_off(
                session, split_id=split_id, reason=form.reason.data or "", actor=current_actor(), now=now()
            ).id
        )
    )
    flash(_("Called off; everybody in the group is told."))
    return see_other(".split", group_id=group_id)


def _cities(session: Session, group_id: int) -> list[tuple[str, int]]:
    query = select(Member.city).join(Seat, Seat.member_id == Member.id)
    query = query.where(Seat.group_id == group_id, Seat.state == "admitted", Member.city != "")
    return Counter(session.scalars(query.limit(services_split.MOST))).most_common(CITIES_SHOWN)


def _names(session: Session, seats: list[int]) -> list[str]:
    query = select(Member).join(Seat, Seat.member_id == Member.id).where(Seat.id.in_(seats[:NAMES_SHOWN]))
    return [one.shown_name for one in session.scalars(query.order_by(Seat.id))]
