"""Admins say how works are allocated, give the works of one to others, and see everybody's workload."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from qunclub.courses.models import Course
from qunclub.kernel import NotFound, Stale
from qunclub.web import (
    _,
    _l,
    _n,
    allow,
    club,
    csv_response,
    current_actor,
    explain,
    flash,
    form_errors,
    now,
    reading,
    render,
    see_other,
    transact,
    version_in,
)

from . import (
    queries_allocation,
    queries_second,
    queries_workload,
    rules,
    services_allocation,
    services_plans,
)
from .forms_allocation import MODES, MoveForm, PlanForm
from .models import Assignment
from .queries_workload import Load

bp = Blueprint("allocation_admin", __name__, url_prefix="/admin/homework")
SPARE_LINES = 3
PERIODS = {"30": _l("the last 30 days"), "season": _l("the season"), "all": _l("all there is")}


@bp.route("/allocation", methods=["GET", "POST"])
@allow("admin")
def index() -> Any:
    """How every course allocates, who is away, and a form to give works to others."""
    form = MoveForm()
    with reading() as session:
        courses = queries_allocation.listed(session)
        works = queries_allocation.overrides(session)
        people = [(row.id, row.name) for row in queries_second.instructors(session)]
        loads = queries_workload.workload(session, now=now())
        aways = queries_allocation.aways(session, now=now())
    form.source.choices = [(0, _("nobody by name")), *((one.member_id, one.name) for one in loads)]
    form.target.choices = [
        ("evenly", _("all instructors, evenly")),
        ("plan", _("as the courses say")),
        ("free", _("whoever takes it")),
        *((str(ident), name) for ident, name in people),
    ]
    if form.validate_on_submit():
        target = form.target.data or ""
        with form_errors(form):
            given, left = transact(
                lambda session: services_allocation.move(
                    session,
                    source=form.source.data or None,
                    target=int(target) if target.isdecimal() else None if target == "free" else target,
                    actor=current_actor(),
                    now=now(),
                    book=club().group_book,
                )
            )
            flash(
                _n(
                    "%(num)s work has another reviewer now.",
                    "%(num)s works have another reviewer now.",
                    given,
                )
                + (
                    " "
                    + _(
                        "Some stay where they are: their receiver may not judge them, or there are many; press again."
                    )
                    if left
                    else ""
                )
            )
            return see_other(".index")
    page = render(
        "homework/admin_allocation.html",
        form=form,
        courses=courses,
        works=works,
        modes=dict(MODES),
        loads=[one for one in loads if one.open],
        aways=aways,
        day=dt.timedelta(days=1),
    )
    return (page, 422) if form.errors else page


@bp.route("/allocation/course/<int:course_id>", methods=["GET", "POST"])
@allow("admin")
def course(course_id: int) -> Any:
    """The plan of a course."""
    with reading() as session:
        row = session.get(Course, course_id)
        if row is None:
            raise NotFound()
        title = row.title
    return _plan_page(title, course_id=course_id)


@bp.route("/<int:assignment_id>/allocation", methods=["GET", "POST"])
@allow("admin")
def assignment(assignment_id: int) -> Any:
    """The plan of an assignment that differs from its course."""
    with reading() as session:
        row = session.get(Assignment, assignment_id)
        if row is None:
            raise NotFound()
        title = row.title
    return _plan_page(title, assignment_id=assignment_id)


@bp.get("/workload")
@allow("admin")
def workload() -> Any:
    """How much each instructor has and does."""
    period, seasons, loads = _workload()
    return render(
        "homework/admin_workload.html",
        loads=loads,
        period=period,
        periods=[(key, label) for key, label in PERIODS.items() if key != "season" or seasons],
        promised=rules.TURNAROUND.days,
        moment=now(),
    )


@bp.get("/workload.csv")
@allow("admin")
def export() -> Response:
    """The same as CSV."""
    header = [
        _("Instructor"), _("Open for them"), _("Held now"), _("Judged"), _("Median, hours"),
        _("90th percentile, hours"), _("Within the promise, percent"), _("Longest waiting since"),
        _("Appeals upheld"), _("Away"),
    ]  # fmt: skip
    _period, _seasons, loads = _workload()
    return csv_response(
        "workload",
        header,
        [
            [
                one.name, one.open, one.held, one.judged, one.median, one.ninety, one.within, one.oldest,
                one.upheld, int(one.away),
            ]
            for one in loads
        ],
    )  # fmt: skip


def _workload() -> tuple[str, bool, list[Load]]:
    moment = now()
    with reading() as session:
        begun = [
            one
            for one in club().season_book.choices(session)
            if one.state != "draft" and one.starts_at <= moment
        ]
        wanted = request.args.get("period", "")
        period = wanted if wanted in PERIODS and (wanted != "season" or begun) else "30"
        since, until = None, None
        if period == "30":
            since = moment - dt.timedelta(days=30)
        elif period == "season":
            since, until = begun[0].starts_at, begun[0].ends_at
        loads = queries_workload.workload(session, now=moment, since=since, until=until)
    return period, bool(begun), loads


def _plan_page(title: str, *, course_id: int | None = None, assignment_id: int | None = None) -> Any:
    whose = {"course_id": course_id, "assignment_id": assignment_id}
    with reading() as session:
        kept = services_plans.kept(session, **whose)
        people = [(row.id, row.name) for row in queries_second.instructors(session)]
        groups = club().group_book.choices(session)
    data = {"mode": kept.mode, "people": list(kept.people), "version": kept.version}
    form = PlanForm(data=None if request.method == "POST" else data)
    form.people.choices = people
    form.mode.choices = [*([("", _("as its course"))] if assignment_id is not None else []), *MODES]
    pairs = _typed_pairs() if request.method == "POST" else list(kept.groups)
    if form.validate_on_submit():
        try:
            with form_errors(form):
                transact(lambda session: _save(session, form, pairs, whose))
                flash(_("Saved. It holds for what is handed in from now on."))
                return see_other(".index")
        except Stale as error:
            form.version.data = str(kept.version)
            form.form_errors.append(explain(error))
    page = render(
        "homework/admin_allocation_plan.html",
        title=title,
        form=form,
        people=people,
        groups=groups,
        pairs=[*pairs, *[(0, 0)] * SPARE_LINES],
        assignment_id=assignment_id,
        course_id=course_id,
    )
    return (page, 422) if form.errors else page


def _typed_pairs() -> list[tuple[int, int]]:
    members = request.form.getlist("pair_member", type=int)
    pairs = zip(members, request.form.getlist("pair_group", type=int), strict=False)
    return [(who, group) for who, group in pairs if who and group]


def _save(
    session: Session, form: PlanForm, pairs: list[tuple[int, int]], whose: dict[str, int | None]
) -> None:
    people: dict[int, set[int]] = {}
    if form.mode.data == "named":
        people = {ident: set() for ident in form.people.data or ()}
    elif form.mode.data == "group":
        known = {ident for ident, _name in club().group_book.choices(session)}
        for who, group in pairs:
            if group in known:
                people.setdefault(who, set()).add(group)
    version = form.version.data or ""
    services_plans.set_plan(
        session,
        mode=form.mode.data or "",
        people=people,
        version=version_in(version),
        actor=current_actor(),
        now=now(),
        **whose,
    )
