"""Projects, for admins: called and agreed here, called off with a reason, an acceptance taken back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, request

from qunclub.kernel import NotFound, Stale, to_decimal
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
    version_in,
)

from . import queries, services_lead, services_verdict
from .forms import ProjectForm, ReasonForm, data_of
from .models import PROJECT_STATES, Project

bp = Blueprint("projects_admin", __name__, url_prefix="/admin/projects")
register(NavItem("admin", _l("Projects"), "qunclub.projects_admin.index", "kanban", 88, role="admin"))

# What the audit log calls the acts of this room.
ACTS = {
    "project.create": _l("Project drafted"),
    "project.update": _l("Project changed"),
    "project.open": _l("Project opened"),
    "project.done": _l("Project done"),
    "project.cancelled": _l("Project called off"),
    "piece.reverse": _l("Acceptance of a piece taken back"),
}

AGREED_HEADER = (
    "address", "project", "piece", "number", "name", "accepted_at", "points", "pay", "currency",
)  # fmt: skip


@bp.get("")
@allow("admin")
def index() -> Any:
    """Every project."""
    q, state = request.args.get("q", "").strip()[:60], request.args.get("state", "")
    state = state if state in PROJECT_STATES else ""
    with reading() as session:
        states = (state,) if state else PROJECT_STATES
        page = queries.listed(session, actor=current_actor(), states=states, page=page_number(), q=q)
        return render("projects/admin_index.html", page=page, q=q, state=state)


@bp.get("/pay.csv")
@allow("admin")
def agreed() -> Any:
    """What was agreed for every accepted piece, and whose it is."""

    def rows() -> Iterator[list[Any]]:
        with reading() as session:
            for one in queries.agreed(session):
                yield [
                    one.slug, one.project, one.piece, one.number, one.nickname or one.name, one.accepted_at,
                    one.earned, to_decimal(one.pay, one.currency), one.currency,
                ]  # fmt: skip

    return csv_response("projects-pay", AGREED_HEADER, rows())


@bp.route("/new", methods=["GET", "POST"])
@allow("admin")
def new() -> Any:
    """A project in draft."""
    actor, moment, slug = current_actor(), now(), ""
    currency = club().settings.currency
    form = ProjectForm(data={"claims_per_member": 1, "claim_days": 14, "currency": currency, "version": 0})
    if form.validate_on_submit():
        with form_errors(form):
            text, terms, typed = form.text(), form.terms(), (form.slug.data or "").strip()
            slug = transact(
                lambda session: (
                    services_lead.create(
                        session, slug=typed, text=text, terms=terms, now=moment, actor=actor
                    ).slug
                )
            )
        if slug:
            flash(_("The project is a draft. Split it into pieces, then open it."))
            return see_other("qunclub.projects.show", slug=slug)
    page = render("projects/admin_edit.html", form=form, project=None, stale="", theirs="")
    return page, 422 if form.errors else 200


@bp.route("/<int:project_id>/edit", methods=["GET", "POST"])
@allow("admin")
def edit(project_id: int) -> Any:
    """The project and its terms."""
    actor, moment, stale = current_actor(), now(), ""
    with reading() as session:
        project = session.get(Project, project_id)
        if project is None:
            raise NotFound()
        lead = queries.lead_of(session, project)
        form = ProjectForm(data=data_of(project, lead.number if lead else None))
        slug, theirs, version = project.slug, project.description_md, project.version
    if form.validate_on_submit():
        saved = False
        try:
            with form_errors(form):
                text, terms = form.text(), form.terms()
                given = form.version.data or ""
                saved = transact(
                    lambda session: bool(
                        services_lead.save(
                            session,
                            project_id=project_id,
                            version=version_in(given),
                            text=text,
                            terms=terms,
                            now=moment,
                            actor=actor,
                        ).id
                    )
                )
        except Stale as error:
            stale = explain(error)
            form.version.data = str(version)
        if saved:
            flash(_("Saved."))
            return see_other("qunclub.projects.show", slug=slug)
    page = render("projects/admin_edit.html", form=form, project=project, stale=stale, theirs=theirs)
    return page, 409 if stale else 422 if form.errors else 200


@bp.route("/<int:project_id>/cancel", methods=["GET", "POST"])
@allow("admin")
def cancel(project_id: int) -> Any:
    """Call a project off: what that does is said before."""
    actor, moment = current_actor(), now()
    form, done = ReasonForm(), False
    with reading() as session:
        project = session.get(Project, project_id)
        if project is None:
            raise NotFound()
        slug = project.slug
        progress = queries.progress_of(session, [project_id]).get(project_id)
    if form.validate_on_submit():
        reason = form.reason.data or ""
        with form_errors(form):
            done = transact(
                lambda session: bool(
                    services_lead.set_state(
                        session,
                        project_id=project_id,
                        state="cancelled",
                        reason=reason,
                        now=moment,
                        actor=actor,
                    ).id
                )
            )
        if done:
            flash(_("The project is called off; whoever held a piece is told why."))
            return see_other("qunclub.projects.show", slug=slug)
    page = render("projects/admin_cancel.html", form=form, project=project, progress=progress)
    return page, 422 if form.errors else 200


@bp.route("/<int:project_id>/pieces/<int:piece_id>/reverse", methods=["GET", "POST"])
@allow("admin")
def reverse(project_id: int, piece_id: int) -> Any:
    """Take an acceptance back: what that does is said before."""
    actor, moment = current_actor(), now()
    form, done = ReasonForm(), False
    with reading() as session:
        project = session.get(Project, project_id)
        if project is None:
            raise NotFound()
        piece, holder = queries.piece(session, project_id, piece_id)
        slug, accepted = project.slug, piece.state == "accepted"
        told = [one[0] for one in queries.deliveries(session, piece_id) if one[0].verdict == "accepted"]
    if not accepted:
        flash(_("This piece is not accepted."), "info")
        return see_other("qunclub.projects.piece", slug=slug, piece_id=piece_id)
    if form.validate_on_submit():
        reason = form.reason.data or ""
        with form_errors(form):
            done = transact(
                lambda session: bool(
                    services_verdict.reverse(
                        session, piece_id=piece_id, reason=reason, now=moment, actor=actor
                    ).id
                )
            )
        if done:
            flash(_("The acceptance is taken back, and its points with it."))
            return see_other("qunclub.projects.piece", slug=slug, piece_id=piece_id)
    page = render(
        "projects/admin_reverse.html",
        form=form,
        project=project,
        piece=piece,
        holder=holder,
        earned=told[0].earned if told else 0,
    )
    return page, 422 if form.errors else 200
