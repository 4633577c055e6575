"""Members and the rules of the house: reporting, one's own standing, appealing."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.groups.models import Group, Seat
from qunclub.kernel import N_, Conflict, Invalid, NotFound
from qunclub.members.models import Member
from qunclub.web import (
    _,
    allow,
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

from . import queries, queries_exceptions, services_appeals, services_exceptions, services_reports, subjects
from .forms import ReasonForm, ReportForm, SubjectReportForm
from .views_words import COMMON

bp = Blueprint("house", __name__)


@bp.get("/me/standing")
@allow("signed_in")
def standing() -> Any:
    """What the hosts decided about me, what remains mine, how to appeal; and what became of my reports."""
    ident = member_id()
    with reading() as session:
        return render(
            "house/standing.html",
            lines=queries.sanctions_of(session, ident),
            reports=queries.reports_by(session, ident),
            silenced=queries_exceptions.silenced(session, ident, now=now()),
            now=now(),
            **COMMON,
        )


@bp.route("/me/standing/<int:sanction_id>/appeal", methods=["GET", "POST"])
@allow("signed_in")
def appeal(sanction_id: int) -> Any:
    """Ask an admin for another look at one's own sanction."""
    form, wrong, ident = ReasonForm(), "", member_id()
    with reading() as session:
        line = queries.sanction(session, sanction_id)
        if line.row.member_id != ident:
            raise NotFound()
        if request.method == "GET" and not line.appealable(now()):
            return see_other(".standing")
    if form.validate_on_submit():
        try:
            with form_errors(form):
                transact(
                    lambda work: (
                        services_appeals.open_appeal(
                            work,
                            sanction_id=sanction_id,
                            member_id=ident,
                            reason=form.reason.data or "",
                            now=now(),
                        ).id
                    )
                )
                flash(
                    _(
                        "Your appeal is with the admins. You get a mail when it is answered, and it stands here."
                    )
                )
                return see_other(".standing")
        except Conflict as error:
            wrong = explain(error)
    with reading() as session:
        line = queries.sanction(session, sanction_id)
        page = render("house/appeal.html", form=form, wrong=wrong, line=line, now=now(), **COMMON)
    return page, 409 if wrong else 422 if form.errors else 200


@bp.route("/me/mutes/<int:mute_id>/exception", methods=["GET", "POST"])
@allow("signed_in")
def exception(mute_id: int) -> Any:
    """Ask an admin to let one write although a mute of one's role or of all holds."""
    form, wrong, ident = ReasonForm(), "", member_id()
    with reading() as session:
        member = session.get_one(Member, ident)
        row = services_exceptions.mute_of(session, mute_id=mute_id, member=member)
        if request.method == "GET" and services_exceptions.over(row, now()):
            return see_other(".standing")
    if form.validate_on_submit():
        try:
            with form_errors(form):
                transact(
                    lambda work: (
                        services_exceptions.ask(
                            work, mute_id=mute_id, member_id=ident, reason=form.reason.data or "", now=now()
                        ).id
                    )
                )
                flash(
                    _("Your wish is with the admins. You get a mail when it is answered, and it stands here.")
                )
                return see_other(".standing")
        except Conflict as error:
            wrong = explain(error)
    with reading() as session:
        member = session.get_one(Member, ident)
        row = services_exceptions.mute_of(session, mute_id=mute_id, member=member)
        group = session.get_one(Group, row.group_id)
        page = render("house/exception.html", form=form, wrong=wrong, mute=row, group=group, **COMMON)
    return page, 409 if wrong else 422 if form.errors else 200


@bp.route("/groups/<slug>/report", methods=["GET", "POST"])
@allow("signed_in")
def report(slug: str) -> Any:
    """Tell the hosts of somebody's conduct in a group one sits in."""
    ident = member_id()
    with reading() as session:
        group = session.scalars(select(Group).where(Group.slug == slug)).one_or_none()
        if group is None or not services_reports.may_see(session, group_id=group.id, member_id=ident):
            raise NotFound()
        group_id, name = group.id, group.name
    form = ReportForm(formdata=request.form if request.method == "POST" else None)
    if request.method == "GET":
        form.number.data = request.args.get("number", type=int)
    return _report(
        form,
        name=name,
        subject=lambda session: (subjects.CONDUCT, _seat_of(session, group_id, form.number.data)),
        back=("qunclub.groups.show", {"slug": slug}),
        label=subjects.label(subjects.CONDUCT),
        excerpt="",
    )


@bp.route("/report/<kind>/<int:subject_id>", methods=["GET", "POST"])
@allow("signed_in")
def report_subject(kind: str, subject_id: int) -> Any:
    """Tell the hosts of something that stands in a group one sits in."""
    with reading() as session:
        found = subjects.find(session, kind, subject_id)
        seen = services_reports.may_see(session, group_id=found.group_id, member_id=member_id())
        if found.hidden or not seen:
            raise NotFound()
        group = session.get_one(Group, found.group_id)
        name, slug = group.name, group.slug
    back = (found.endpoint, dict(found.values)) if found.endpoint else ("qunclub.groups.show", {"slug": slug})
    form: Any = SubjectReportForm(formdata=request.form if request.method == "POST" else None)
    return _report(
        form,
        name=name,
        subject=lambda session: (kind, subject_id),
        back=back,
        label=subjects.label(kind),
        excerpt=found.excerpt[: subjects.MOST_EXCERPT],
    )


def _report(form: Any, *, name: str, subject: Any, back: Any, label: str, excerpt: str) -> Any:
    ident, wrong = member_id(), ""
    if form.validate_on_submit():

        def command(session: Session) -> int:
            kind, subject_id = subject(session)
            return services_reports.report(
                session,
                kind=kind,
                subject_id=subject_id,
                category=form.category.data,
                reason=form.reason.data or "",
                reporter_id=ident,
                now=now(),
            ).id

        try:
            with form_errors(form):
                transact(command)
                flash(_("The hosts will look at it. What becomes of it stands under My standing."))
                return see_other(".standing")
        except Conflict as error:
            wrong = explain(error)
    status = 409 if wrong else 422 if form.errors else 200
    endpoint, values = back
    page = render(
        "house/report.html",
        form=form,
        group=name,
        wrong=wrong,
        label=label,
        excerpt=excerpt,
        back_endpoint=endpoint,
        back_values=values,
    )
    return page, status


def _seat_of(session: Session, group_id: int, number: int | None) -> int:
    found = session.scalar(
        select(Seat.id)
        .join(Member, Member.id == Seat.member_id)
        .where(Seat.group_id == group_id, Seat.state == "admitted", Member.number == number)
    )
    if found is None:
        raise Invalid(
            N_("Nobody with this number sits in the group. Look at the number again."), field="number"
        )
    return found
