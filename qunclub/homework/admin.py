"""Assignments and their rubrics are written here; submissions are looked up, freed and reopened."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from qunclub.courses.queries import choices
from qunclub.kernel import Conflict, Invalid, NotFound, Stale, ids, render_markdown
from qunclub.web import (
    NavItem,
    _,
    _l,
    allow,
    club,
    csv_response,
    current_actor,
    explain,
    flash,
    form_errors,
    now,
    page_number,
    reading,
    register,
    render,
    see_other,
    transact,
    unit_of_work,
    version_in,
)

from . import queries, queries_attempts, queries_desk, services_admin, services_assignments
from .forms import AssignmentForm, to_local, to_utc
from .models import SUBMISSION_STATES, Assignment
from .queries_desk import Filters
from .rules_parts import Parts

bp = Blueprint("homework_admin", __name__, url_prefix="/admin/homework")
register(
    NavItem(
        area="admin",
        label=_l("Homework"),
        endpoint="qunclub.homework_admin.index",
        icon="pencil-square",
        order=45,
        role="admin",
    )
)
SPARE_LINES = 3


@bp.get("")
@allow("admin")
def index() -> Any:
    """Every assignment."""
    q, course_id = request.args.get("q", "").strip(), request.args.get("course", type=int)
    with reading() as session:
        page = queries_desk.assignments(session, q=q, course_id=course_id, page=page_number())
        courses = choices(session)
    return render("homework/admin_index.html", page=page, q=q, course_id=course_id, courses=courses)


@bp.route("/new", methods=["GET", "POST"])
@allow("admin")
def new() -> Any:
    """Write a new assignment."""
    form = AssignmentForm()
    with reading() as session:
        form.course_id.choices = [(row.id, row.title) for row in choices(session)]
    _lines(form)
    if request.method == "GET":
        form.course_id.data = request.args.get("course", type=int)
    if form.validate_on_submit() and "preview" not in request.form:
        with form_errors(form):
            made = transact(
                lambda session: services_assignments.create_assignment(
                    session, course_id=form.course_id.data, **_values(form), now=now(), actor=current_actor()
                )
            )
            flash(_("The assignment is kept as a draft. Look at it, then publish it."))
            return see_other(".edit", assignment_id=made.id)
    return _form_page(form, assignment=None)


@bp.route("/<int:assignment_id>", methods=["GET", "POST"])
@allow("admin")
def edit(assignment_id: int) -> Any:
    """Change an assignment and its rubric."""
    with reading() as session:
        assignment = _load(session, assignment_id)
        lines = queries.criteria(session, assignment.rubric_id)
        courses = [(row.id, row.title) for row in choices(session) if row.id == assignment.course_id]
    zone = club().settings.zone
    form = AssignmentForm(
        data=None
        if request.method == "POST"
        else {
            "course_id": assignment.course_id,
            "title": assignment.title,
            "slug": assignment.slug,
            "brief_md": assignment.brief_md,
            "opens_at": to_local(assignment.opens_at, zone),
            "due_at": to_local(assignment.due_at, zone),
            "cut_off_at": to_local(assignment.cut_off_at, zone),
            "late_policy": assignment.late_policy,
            "late_percent": assignment.late_percent or None,
            "optional": assignment.optional,
            "text_part": assignment.text_part,
            "file_part": assignment.file_part,
            "file_kinds": assignment.file_kinds.split(","),
            "link_part": assignment.link_part,
            "max_attempts": assignment.max_attempts,
            "team_min": assignment.team_min,
            "team_max": assignment.team_max,
            "points_accepted": assignment.points_accepted,
            "points_featured": assignment.points_featured,
            "version": assignment.version,
            "criteria": [
                {
                    "criterion_id": line.id,
                    "title": line.title,
                    "description": line.description,
                    "max_points": line.max_points,
                    "weight": line.weight,
                    "levels": [
                        {"points": one.points, "title": one.title, "description": one.description}
                        for one in line.levels
                    ],
                }
                for line in lines
            ],
        }
    )
    form.course_id.choices = courses
    form.course_id.data = assignment.course_id
    _lines(form)
    context: dict[str, Any] = {}
    if form.validate_on_submit() and "preview" not in request.form:
        version = form.version.data or ""
        try:
            with form_errors(form):
                transact(
                    lambda session: services_assignments.update_assignment(
                        session,
                        assignment_id=assignment_id,
                        version=version_in(version),
                        **_values(form),
                        now=now(),
                        actor=current_actor(),
                    )
                )
                flash(_("Saved."))
                return see_other(".edit", assignment_id=assignment_id)
        except Stale as error:
            form.version.data = str(assignment.version)
            context = {"stale": explain(error), "theirs": assignment.brief_md}
        except Conflict as error:
            form.form_errors.append(explain(error))
    return _form_page(form, assignment=assignment, **context)


@bp.post("/<int:assignment_id>/state/<state>")
@allow("admin")
def set_state(assignment_id: int, state: str) -> Any:
    """Publish an assignment or take it back."""
    if state not in services_assignments.STATES:
        raise NotFound()
    with unit_of_work() as session:
        services_assignments.set_assignment_state(
            session, assignment_id=assignment_id, state=state, now=now(), actor=current_actor()
        )
    flash(_("The homework is published.") if state == "published" else _("The homework is a draft again."))
    return see_other(".edit", assignment_id=assignment_id)


@bp.get("/submissions")
@allow("admin")
def submissions() -> Any:
    """The record of everything handed in."""
    filters = _filters()
    with reading() as session:
        page = queries_desk.record(session, filters, after=request.args.get("after", ""))
        works = queries_desk.assignment_choices(session)
    return render("homework/admin_submissions.html", page=page, filters=filters, works=works, moment=now())


@bp.get("/submissions.csv")
@allow("admin")
def export() -> Response:
    """The same as CSV."""
    header = [
        _("Submission"), _("Course"), _("Homework"), _("Number"), _("Name"), _("Team"), _("State"), _("Attempt"),
        _("Score"), _("Featured"), _("Carried over"), _("Handed in"), _("Reviewed"),
    ]  # fmt: skip
    with reading() as session:
        rows = queries_desk.export(session, _filters())
        return csv_response(
            "submissions",
            header,
            (
                [
                    row.id, row.course, row.assignment, row.number,
                    _("hidden: reviewed blind") if row.veiled else row.author, row.team, row.state, row.attempt,
                    row.score, int(row.featured), int(row.carried_over), row.submitted_at, row.reviewed_at,
                ]
                for row in rows
            ),
        )  # fmt: skip


@bp.post("/submissions/<int:submission_id>/free")
@allow("admin")
def free(submission_id: int) -> Any:
    """Take a stuck claim away."""
    with unit_of_work() as session:
        services_admin.free_claim(session, submission_id=submission_id, actor=current_actor(), now=now())
    flash(_("The claim is gone; the work is back in the queue."))
    return see_other(".submissions")


@bp.route("/submissions/<int:submission_id>/reopen", methods=["GET", "POST"])
@allow("admin")
def reopen(submission_id: int) -> Any:
    """Reopen accepted work after a wrong verdict: shows what it takes back, then does it."""
    with reading() as session:
        row = queries_desk.desk_row(session, submission_id, viewer=current_actor().member_id)
        attempts = queries_attempts.attempts(session, submission_id)
    wrong = ""
    if request.method == "POST":
        try:
            with unit_of_work() as session:
                services_admin.reopen(
                    session,
                    submission_id=submission_id,
                    version=request.form.get("version", 0, type=int),
                    reason=request.form.get("reason", ""),
                    actor=current_actor(),
                    now=now(),
                )
            flash(_("Reopened. The author can hand in again; the points of it were reversed."))
            return see_other(".submissions", q=row.number)
        except Conflict as error:
            wrong = explain(error)
        except Invalid as error:
            wrong = explain(error)
    page = render("homework/admin_reopen.html", row=row, attempt=attempts[0], wrong=wrong)
    return (page, 422) if wrong else page


def _filters() -> Filters:
    state = request.args.get("state", "")
    return Filters(
        assignment_id=request.args.get("assignment", type=int),
        state=state if state in SUBMISSION_STATES else "",
        q=request.args.get("q", "").strip()[:60],
        viewer=current_actor().member_id,
    )


def _load(session: Session, assignment_id: int) -> Assignment:
    assignment = session.get(Assignment, assignment_id)
    if assignment is None:
        raise NotFound()
    # A host may share this session: only what is ours is let go.
    session.expunge(assignment)
    return assignment


def _lines(form: AssignmentForm) -> None:
    """Room for more criteria: the form works without JavaScript, so empty lines wait at its end."""
    if request.method == "GET":
        for _line in range(SPARE_LINES):
            form.criteria.append_entry()
        for entry in form.criteria.entries:
            for _line in range(SPARE_LINES):
                entry.form.levels.append_entry()


def _values(form: AssignmentForm) -> dict[str, Any]:
    title = (form.title.data or "").strip()
    zone = club().settings.zone
    return {
        "title": title,
        "slug": (form.slug.data or "").strip() or ids.slugify(title),
        "brief_md": form.brief_md.data or "",
        "opens_at": to_utc(form.opens_at.data, zone),
        "due_at": to_utc(form.due_at.data, zone),
        "cut_off_at": to_utc(form.cut_off_at.data, zone),
        "late_policy": form.late_policy.data,
        "late_percent": form.late_percent.data or 0,
        "optional": form.optional.data,
        "parts": Parts(
            form.text_part.data or "",
            form.file_part.data or "",
            tuple(form.file_kinds.data or ()),
            form.link_part.data or "",
        ),
        "max_attempts": form.max_attempts.data,
        "team_min": form.team_min.data,
        "team_max": form.team_max.data,
        "points_accepted": form.points_accepted.data,
        "points_featured": form.points_featured.data,
        "criteria": form.specs(),
    }


def _form_page(form: AssignmentForm, *, assignment: Assignment | None, **context: Any) -> Any:
    shown = render_markdown(form.brief_md.data or "") if "preview" in request.form else None
    page = render(
        "homework/admin_assignment.html", form=form, assignment=assignment, preview=shown, **context
    )
    if "stale" in context:
        return page, 409
    return (page, 422) if form.errors else page
