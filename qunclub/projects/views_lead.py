"""What whoever leads a project does: writes it, splits it, hands pieces out, judges what is delivered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session

from qunclub.kernel import Actor, Forbidden, NotFound
from qunclub.web import (
    N_,
    Saving,
    _,
    allow,
    current_actor,
    flash,
    form_errors,
    now,
    reading,
    render,
    see_other,
    transact,
)

from . import queries, services, services_lead, services_verdict
from .forms import (
    AssignForm,
    ExtendForm,
    PieceForm,
    ReasonForm,
    TextForm,
    VerdictForm,
    data_of,
    data_of_piece,
    kept_due,
    to_utc,
)
from .models import Project
from .views import found, piece_page

bp = Blueprint("projects_lead", __name__, url_prefix="/projects")
SHOW = "qunclub.projects.show"
PIECE = "qunclub.projects.piece"


def _led(session: Session, slug: str, actor: Actor) -> Project:
    project, reader = queries.by_slug(session, slug, actor)
    if not reader.leads:
        raise Forbidden(N_("This is for whoever leads the project."), how=N_("An admin names the lead."))
    return project


@bp.route("/<slug>/edit", methods=["GET", "POST"])
@allow("member")
def edit(slug: str) -> Any:
    """What the project says of itself."""
    actor, moment = current_actor(), now()
    with reading() as session:
        project = _led(session, slug, actor)
        form = TextForm(data=data_of(project, None))
        project_id, theirs, version = project.id, project.description_md, project.version
    saving = Saving(form, version)
    if form.validate_on_submit():
        with saving:
            text = form.text()
            transact(
                lambda session: (
                    services_lead.save(
                        session,
                        project_id=project_id,
                        version=saving.seen,
                        text=text,
                        terms=None,
                        now=moment,
                        actor=actor,
                    ).id
                )
            )
        if saving.done:
            flash(_("Saved."))
            return see_other(SHOW, slug=slug)
    page = render("projects/edit.html", form=form, project=project, stale=saving.stale, theirs=theirs)
    return page, saving.status


@bp.post("/<slug>/state/<state>")
@allow("member")
def set_state(slug: str, state: str) -> Any:
    """Open the project, or end it when all is done."""
    if state not in ("open", "done"):
        raise NotFound()
    actor, moment = current_actor(), now()
    with reading() as session:
        project_id = _led(session, slug, actor).id
    transact(
        lambda session: (
            services_lead.set_state(session, project_id=project_id, state=state, now=moment, actor=actor).id
        )
    )
    flash(
        _("The project is open: the core group sees it and takes pieces up.")
        if state == "open"
        else _("The project is done. What everybody made stays credited here.")
    )
    return see_other(SHOW, slug=slug)


@bp.route("/<slug>/pieces/new", methods=["GET", "POST"])
@allow("member")
def new_piece(slug: str) -> Any:
    """One more piece."""
    actor, moment, made = current_actor(), now(), 0
    with reading() as session:
        project = _led(session, slug, actor)
        project_id, currency = project.id, project.currency
    form = PieceForm(data={"points": 20, "pay": "0", "version": 0})
    if form.validate_on_submit():
        with form_errors(form):
            text = form.text(currency)
            made = transact(
                lambda session: (
                    services_lead.add_piece(
                        session, project_id=project_id, text=text, now=moment, actor=actor
                    ).id
                )
            )
        if made:
            flash(_("The piece is on the list."))
            if "another" in request.form:
                return see_other(".new_piece", slug=slug)
            return see_other(SHOW, slug=slug, _anchor="pieces")
    page = render("projects/piece_edit.html", form=form, project=project, piece=None, stale="", theirs="")
    return page, 422 if form.errors else 200


@bp.route("/<slug>/pieces/<int:piece_id>/edit", methods=["GET", "POST"])
@allow("member")
def edit_piece(slug: str, piece_id: int) -> Any:
    """Change a piece."""
    actor, moment = current_actor(), now()
    with reading() as session:
        project = _led(session, slug, actor)
        piece, _holder = queries.piece(session, project.id, piece_id)
        form = PieceForm(data=data_of_piece(piece, project.currency))
        currency, theirs, version = project.currency, piece.brief_md, piece.version
    saving = Saving(form, version)
    if form.validate_on_submit():
        with saving:
            text = replace(form.text(currency), due_at=kept_due(form, piece))
            transact(
                lambda session: (
                    services_lead.save_piece(
                        session,
                        piece_id=piece_id,
                        version=saving.seen,
                        text=text,
                        now=moment,
                        actor=actor,
                    ).id
                )
            )
        if saving.done:
            flash(_("Saved."))
            return see_other(PIECE, slug=slug, piece_id=piece_id)
    page = render(
        "projects/piece_edit.html", form=form, project=project, piece=piece, stale=saving.stale, theirs=theirs
    )
    return page, saving.status


@bp.post("/<slug>/pieces/<int:piece_id>/verdict")
@allow("member")
def verdict(slug: str, piece_id: int) -> Any:
    """Accept what was delivered, or return it with words."""
    form, accepting = VerdictForm(), "accept" in request.form
    verb = services_verdict.accept if accepting else services_verdict.send_back

    def command(session: Session) -> bool:
        verb(session, piece_id=piece_id, words=form.words.data or "", now=now(), actor=current_actor())
        return True

    if not _done(slug, piece_id, form, command):
        return piece_page(slug, piece_id, verdict=form)
    flash(
        _("Accepted: the credit and the points are theirs.")
        if accepting
        else _("Returned; whoever made it reads your words and has time to mend it.")
    )
    return see_other(PIECE, slug=slug, piece_id=piece_id)


@bp.post("/<slug>/pieces/<int:piece_id>/assign")
@allow("member")
def assign(slug: str, piece_id: int) -> Any:
    """Give the piece to somebody of the core."""
    form = AssignForm(prefix="assign-")

    def command(session: Session) -> bool:
        services.assign(
            session,
            piece_id=piece_id,
            number=form.number.data or 0,
            due_at=to_utc(form.due_at.data),
            words=form.words.data or "",
            now=now(),
            actor=current_actor(),
        )
        return True

    if not _done(slug, piece_id, form, command):
        return piece_page(slug, piece_id, assign=form)
    flash(_("The piece is handed out; they get a mail."))
    return see_other(PIECE, slug=slug, piece_id=piece_id)


@bp.post("/<slug>/pieces/<int:piece_id>/extend")
@allow("member")
def extend(slug: str, piece_id: int) -> Any:
    """Give whoever holds it more time."""
    form = ExtendForm(prefix="extend-")

    def command(session: Session) -> bool:
        due_at = to_utc(form.due_at.data)
        assert due_at is not None  # the field is required
        services_lead.extend(
            session,
            piece_id=piece_id,
            due_at=due_at,
            words=form.words.data or "",
            now=now(),
            actor=current_actor(),
        )
        return True

    if not _done(slug, piece_id, form, command):
        return piece_page(slug, piece_id, extend=form)
    flash(_("They have more time."))
    return see_other(PIECE, slug=slug, piece_id=piece_id)


@bp.post("/<slug>/pieces/<int:piece_id>/cancel")
@allow("member")
def cancel(slug: str, piece_id: int) -> Any:
    """Take the piece out of the project."""
    form = ReasonForm(prefix="cancel-")

    def command(session: Session) -> bool:
        services_lead.cancel_piece(
            session, piece_id=piece_id, reason=form.reason.data or "", now=now(), actor=current_actor()
        )
        return True

    if not _done(slug, piece_id, form, command):
        return piece_page(slug, piece_id, cancel=form)
    flash(_("The piece is out of the project."))
    return see_other(PIECE, slug=slug, piece_id=piece_id)


@bp.post("/<slug>/pieces/<int:piece_id>/restore")
@allow("member")
def restore(slug: str, piece_id: int) -> Any:
    """Put a cancelled piece back."""
    actor, moment = current_actor(), now()
    with reading() as session:
        found(session, slug, piece_id, actor)
    transact(
        lambda session: services_lead.restore_piece(session, piece_id=piece_id, now=moment, actor=actor).id
    )
    flash(_("The piece is in the pool again."))
    return see_other(PIECE, slug=slug, piece_id=piece_id)


def _done(slug: str, piece_id: int, form: Any, command: Callable[[Session], bool]) -> bool:
    """Whether the form was good and the act is done; what was refused stands in the form."""
    with reading() as session:
        found(session, slug, piece_id, current_actor())
    done = False
    if form.validate_on_submit():
        with form_errors(form):
            done = transact(command)
    return done


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 10 else 0
