"""At the desk: taking over what is meant for another instructor, and saying when one is away."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Blueprint

from qunclub.web import (
    _,
    allow,
    club,
    current_actor,
    flash,
    form_errors,
    member_id,
    now,
    reading,
    render,
    see_other,
    transact,
)

from . import desk, queries_allocation, queries_second, services_allocation, services_take_over
from .forms import to_utc
from .forms_allocation import AwayForm

bp = Blueprint("desk_allocation", __name__, url_prefix="/desk")


@bp.post("/<int:submission_id>/take-over")
@allow("instructor")
def take_over(submission_id: int) -> Any:
    """Claim what is kept for somebody else."""
    actor, moment, lease = current_actor(), now(), desk.lease()
    transact(
        lambda session: (
            services_take_over.take_over(
                session, submission_id=submission_id, actor=actor, lease=lease, now=moment
            ).id
        )
    )
    flash(_("You have taken it over; the audit log says so."), "info")
    return see_other("qunclub.desk.show", submission_id=submission_id, **desk.kept())


@bp.route("/away", methods=["GET", "POST"])
@allow("instructor")
def away() -> Any:
    """Who is away; an instructor says it of themselves, an admin of everybody."""
    actor, moment, me = current_actor(), now(), member_id()
    admin = actor.has("admin")
    with reading() as session:
        rows = queries_allocation.aways(session, now=moment)
        people = [(row.id, row.name) for row in queries_second.instructors(session)]
    form = AwayForm()
    form.member_id.choices = people if admin else [one for one in people if one[0] == me]
    if not form.is_submitted():
        form.member_id.data = me
    if form.validate_on_submit():
        with form_errors(form):
            transact(
                lambda session: (
                    services_allocation.set_away(
                        session,
                        member_id=form.member_id.data,
                        starts_at=_midnight(form.starts_on.data),
                        ends_at=_midnight(form.ends_on.data, days=1),
                        reason=form.reason.data or "",
                        actor=actor,
                        now=moment,
                        book=club().group_book,
                    ).id
                )
            )
            flash(_("Kept. Nothing is given to whoever is away; what waited for them goes to others."))
            return see_other(".away")
    page = render(
        "homework/desk_away.html",
        form=form,
        rows=rows,
        me=me,
        admin=admin,
        listed=bool(form.member_id.choices),
        moment=moment,
        day=dt.timedelta(days=1),
    )
    return (page, 422) if form.errors else page


@bp.post("/away/<int:away_id>/end")
@allow("instructor")
def end(away_id: int) -> Any:
    """Back, or not away after all."""
    actor, moment = current_actor(), now()
    transact(
        lambda session: services_allocation.end_away(session, away_id=away_id, actor=actor, now=moment).id
    )
    flash(_("Back. New works are given again."))
    return see_other(".away")


def _midnight(day: dt.date | None, *, days: int = 0) -> dt.datetime | None:
    if day is None:
        return None
    try:
        return to_utc(dt.datetime.combine(day + dt.timedelta(days=days), dt.time()), club().settings.zone)
    except OverflowError:
        return None
