"""Projects as their readers and makers see them: the list, a project's progress, a piece to take up and deliver."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from qunclub.homework import rules_links, uploads
from qunclub.kernel import Actor, NotFound
from qunclub.kernel.text import plain
from qunclub.kernel.uploads import PICTURES, stored
from qunclub.web import (
    NavItem,
    _,
    _l,
    absolute_url,
    allow,
    club,
    current_actor,
    current_actor_or_none,
    current_me,
    flash,
    form_errors,
    member_id,
    now,
    reading,
    register,
    render,
    see_other,
    transact,
)
from qunclub.web.files import give_out

from . import queries, rules, services
from .forms import AssignForm, DeliverForm, ExtendForm, ReasonForm, VerdictForm
from .rules import Reader

bp = Blueprint("projects", __name__, url_prefix="/projects")
register(NavItem("main", _l("Projects"), "qunclub.projects.index", "kanban", 85, menu="season"))


@bp.get("")
@allow("anyone")
def index() -> Any:
    """My pieces, what waits for my verdict, what runs, what is done; with ``state=done`` all that is done."""
    actor = current_actor_or_none()
    after = request.args.get("after", "")
    if request.args.get("state") == "done":
        with reading() as session:
            past = queries.listed(session, actor=actor, states=("done",), after=after)
            return render("projects/finished.html", past=past)
    with reading() as session:
        ident = _member(actor)
        return render(
            "projects/index.html",
            mine=queries.mine(session, ident) if ident is not None else [],
            waiting=queries.to_judge(session, actor) if actor is not None and ident is not None else [],
            going=queries.listed(session, actor=actor, states=("draft", "open"), after=after),
            past=queries.listed(session, actor=actor, states=("done",)),
            sees_names=sees_names(actor),
            moment=now(),
            page_meta={
                "title": _("Projects"),
                "description": _("What the core group makes together, piece by piece."),
                "url": absolute_url("qunclub.projects.index"),
            },
        )


@bp.get("/<slug>")
@allow("anyone")
def show(slug: str) -> Any:
    """What a project is about, how far every piece is, and who made what."""
    actor = current_actor_or_none()
    with reading() as session:
        project, reader = queries.by_slug(session, slug, actor)
        rows = queries.pieces(session, project.id)
        return render(
            "projects/show.html",
            project=project,
            reader=reader,
            lead=queries.lead_of(session, project),
            pieces=rows,
            progress=queries.progress_of(session, [project.id]).get(project.id, rules.Progress()),
            credits=queries.credits_of(rows),
            pay=sum(row.pay for row in rows if row.state != "cancelled"),
            my_id=_member(actor),
            sees_names=sees_names(actor),
            moment=now(),
            page_meta={
                "title": project.title,
                "description": project.summary or plain(project.description_html, 140) or project.title,
                "url": absolute_url("qunclub.projects.show", slug=slug),
            },
        )


@bp.get("/<slug>/pieces/<int:piece_id>")
@allow("member")
def piece(slug: str, piece_id: int) -> Any:
    """One piece: what is to be done, who does it, what was delivered and said."""
    return piece_page(slug, piece_id)


@bp.post("/<slug>/pieces/<int:piece_id>/claim")
@allow("member")
def claim(slug: str, piece_id: int) -> Any:
    """Take a piece up."""
    _inside(slug, piece_id)
    ident, moment = member_id(), now()
    due = transact(
        lambda session: services.claim(session, piece_id=piece_id, member_id=ident, now=moment).due_at
    )
    assert due is not None  # whoever takes a piece up has a day
    flash(_("The piece is yours. Deliver it here when it is done; you can give it back until then."))
    return see_other(".piece", slug=slug, piece_id=piece_id)


@bp.post("/<slug>/pieces/<int:piece_id>/give-back")
@allow("member")
def give_back(slug: str, piece_id: int) -> Any:
    """Give my piece back."""
    _inside(slug, piece_id)
    ident, moment = member_id(), now()
    transact(lambda session: services.give_back(session, piece_id=piece_id, member_id=ident, now=moment).id)
    flash(_("The piece is in the pool again. Thank you for saying so in time."))
    return see_other(".show", slug=slug)


@bp.post("/<slug>/pieces/<int:piece_id>/deliver")
@allow("member")
def deliver(slug: str, piece_id: int) -> Any:
    """Deliver my piece: text, link, files, each looked at before it is kept."""
    _inside(slug, piece_id)
    ident, moment, form, done = member_id(), now(), DeliverForm(), False
    if form.validate_on_submit():
        settings = club().settings
        limits = uploads.Limits(settings.upload_max_files, settings.upload_max_bytes)
        with form_errors(form):
            link = rules_links.clean_link(form.link.data or "")
            # Measured while they are read: one byte more than allowed is enough to know.
            came = [
                uploads.Upload(one.filename or "", one.stream.read(limits.max_bytes + 1))
                for one in request.files.getlist("files")[: limits.max_files + 1]
                if one.filename
            ]
            checked = uploads.check_all(came, limits)
            uploads.scan_all(club().scanner, checked)
            with stored(club().files, checked, folder="projects") as kept:

                def command(session: Session) -> bool:
                    services.deliver(
                        session,
                        piece_id=piece_id,
                        member_id=ident,
                        body_md=form.body_md.data or "",
                        link=link,
                        files=kept,
                        now=moment,
                    )
                    return True

                done = transact(command)
    if not done:
        if any(one.filename for one in request.files.getlist("files")):
            again = _("Choose your files again: a browser does not keep them.")
            form.files.errors = [*form.files.errors, again]
        return piece_page(slug, piece_id, deliver=form)
    flash(_("Delivered. Whoever leads the project looks at it, and you get a mail."))
    return see_other(".piece", slug=slug, piece_id=piece_id)


@bp.get("/<slug>/pieces/<int:piece_id>/files/<int:file_id>")
@allow("member")
def file(slug: str, piece_id: int, file_id: int) -> Response:
    """A delivered file, to whoever made it and whoever judges it."""
    actor = current_actor()
    with reading() as session:
        project, reader = queries.by_slug(session, slug, actor)
        queries.piece(session, project.id, piece_id)
        row, author = queries.file(session, piece_id, file_id)
        if not (reader.leads or author == actor.member_id):
            raise NotFound()
        shown = row.content_type in PICTURES
        return give_out(row.storage_key, content_type=row.content_type, name=row.name, inline=shown)


def piece_page(
    slug: str,
    piece_id: int,
    *,
    deliver: DeliverForm | None = None,
    verdict: VerdictForm | None = None,
    assign: AssignForm | None = None,
    extend: ExtendForm | None = None,
    cancel: ReasonForm | None = None,
) -> Any:
    """The page of a piece, with the form that was refused when there is one."""
    actor, moment = current_actor(), now()
    forms = {"deliver": deliver, "verdict": verdict, "assign": assign, "extend": extend, "cancel": cancel}
    with reading() as session:
        project, reader, row, holder = found(session, slug, piece_id, actor)
        mine = row.holder_id is not None and row.holder_id == actor.member_id
        told = queries.deliveries(session, piece_id)
        page = render(
            "projects/piece.html",
            project=project,
            piece=row,
            holder=holder,
            reader=reader,
            mine=mine,
            told=[one for one in told if reader.leads or one[0].member_id == actor.member_id],
            files=queries.files_of(session, piece_id),
            history=queries.history(session, piece_id),
            fits=queries.good_at(session, row.skill)
            if reader.leads and row.state in ("open", "claimed")
            else [],
            pictures=PICTURES,
            moment=moment,
            accept=uploads.ACCEPT,
            max_mb=max(1, club().settings.upload_max_bytes // 1_000_000),
            max_files=club().settings.upload_max_files,
            deliver=deliver or DeliverForm(formdata=None),
            verdict=verdict or VerdictForm(formdata=None),
            assign=assign or AssignForm(formdata=None, prefix="assign-"),
            extend=extend or ExtendForm(formdata=None, prefix="extend-"),
            cancel=cancel or ReasonForm(formdata=None, prefix="cancel-"),
        )
    return page, 422 if any(form is not None and form.errors for form in forms.values()) else 200


def found(session: Session, slug: str, piece_id: int, actor: Actor) -> tuple[Any, Reader, Any, Any]:
    """A piece that this reader may see: whoever only reads the public page does not.

    Raises:
        NotFound: when it is not for them.
    """
    project, reader = queries.by_slug(session, slug, actor)
    row, holder = queries.piece(session, project.id, piece_id)
    if not reader.inside:
        raise NotFound()
    return project, reader, row, holder


def sees_names(actor: Actor | None) -> bool:
    """Names are for members and staff; a visitor sees numbers."""
    me = current_me()
    return (me is not None and me.number is not None) or (actor is not None and actor.has("host"))


def _inside(slug: str, piece_id: int) -> None:
    with reading() as session:
        found(session, slug, piece_id, current_actor())


def _member(actor: Actor | None) -> int | None:
    return actor.member_id if actor is not None and actor.has("member") else None
