"""What is done with one post: changed and taken back by its author, noted by members, pinned and hidden by hosts."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from qunclub.kernel import Forbidden, NotFound, Stale
from qunclub.web import (
    N_,
    _,
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
    version_in,
)

from . import queries, queries_posts, services, services_desk
from .forms import EditForm, HideForm, StaffEditForm, kept
from .models import BoardPost
from .queries import Place

bp = Blueprint("board_post", __name__, url_prefix="/groups/<slug>/board/<int:n>")
HOSTS = N_("This is for the hosts of groups.")


def _found(slug: str, n: int) -> tuple[Place, BoardPost, int]:
    """The place, the post and the number of the thread it stands in."""
    with reading() as session:
        here = queries.place(session, slug, current_actor())
        row = queries_posts.post_row(session, here, n)
        root = queries_posts.root_of(session, row).n
        session.expunge(row)
    return here, row, root


def _staff(slug: str, n: int) -> tuple[Place, BoardPost, int]:
    here, row, root = _found(slug, n)
    if not here.staff:
        raise Forbidden(HOSTS, how=N_("An admin can make you a host."))
    return here, row, root


def _back(slug: str, n: int, root: int) -> Any:
    if n == root:
        return see_other("qunclub.board.thread", slug=slug, n=n)
    return see_other("qunclub.board.thread", slug=slug, n=root, after=n - 1, _anchor=f"n{n}")


@bp.route("/edit", methods=["GET", "POST"])
@allow("member")
def edit(slug: str, n: int) -> Any:
    """Change one's own words."""
    here, row, root = _found(slug, n)
    if row.member_id != here.member_id:
        raise Forbidden(services.OWN)
    if row.deleted_at is not None:
        raise NotFound()
    form = StaffEditForm(obj=row) if here.staff and row.parent_id is None else EditForm(obj=row)
    context: dict[str, Any] = {"here": here, "row": row, "root": root}
    if form.validate_on_submit():
        staffs = isinstance(form, StaffEditForm)
        try:
            with kept(form):
                transact(
                    lambda work: services.edit(
                        work,
                        slug=slug,
                        n=n,
                        version=version_in(form.version.data),
                        actor=current_actor(),
                        body_md=form.body_md.data or "",
                        title=(form.title.data or "") if isinstance(form, StaffEditForm) else row.title,
                        open_answers=bool(form.open_answers.data)
                        if isinstance(form, StaffEditForm)
                        else None,
                        now=now(),
                        zone=club().settings.zone,
                    )
                )
                flash(_("Saved."))
                return _back(slug, n, root)
        except Stale as error:
            form.version.data = str(row.version)
            theirs = f"{row.title}\n\n{row.body_md}" if staffs and row.title else row.body_md
            context |= {"stale": explain(error), "theirs": theirs}
    page = render("board/edit.html", form=form, **context)
    return (page, 409) if "stale" in context else (page, form.status) if form.errors else page


@bp.post("/delete")
@allow("member")
def delete(slug: str, n: int) -> Any:
    """Take one's own words back."""
    root = _found(slug, n)[2]
    transact(lambda work: services.remove(work, slug=slug, n=n, actor=current_actor(), now=now()))
    flash(_("Taken back. The hosts can still read it; nobody else can."), "info")
    return see_other("qunclub.board.index", slug=slug) if n == root else _back(slug, n, root)


@bp.post("/received")
@allow("member")
def received(slug: str, n: int) -> Any:
    """Take note of an announcement."""
    transact(lambda work: services.receive(work, slug=slug, n=n, actor=current_actor(), now=now()))
    flash(_("Noted. Thank you."))
    return see_other("qunclub.board.thread", slug=slug, n=n)


@bp.get("/receipts")
@allow("member")
def receipts(slug: str, n: int) -> Any:
    """Who has taken note of an announcement, and who has not, for hosts."""
    here, row, _root = _staff(slug, n)
    if row.kind != "announcement":
        raise NotFound()
    after = request.args.get("after", type=int)
    missing = request.args.get("show") == "missing"
    with reading() as session:
        if missing:
            page = queries_posts.missing(session, here, row.id, after=after)
        else:
            page = queries_posts.receipts(session, row.id, after=after)
    return render("board/receipts.html", here=here, row=row, page=page, missing=missing)


@bp.get("/history")
@allow("member")
def history(slug: str, n: int) -> Any:
    """How a post read before, and who did what to it, for hosts."""
    here, row, root = _staff(slug, n)
    with reading() as session:
        versions = queries_posts.versions(session, row.id)
    return render("board/history.html", here=here, row=row, root=root, versions=versions)


@bp.route("/hide", methods=["GET", "POST"])
@allow("member")
def hide(slug: str, n: int) -> Any:
    """Take a post out of sight, with a reason."""
    here, _row, root = _staff(slug, n)
    form = HideForm()
    if form.validate_on_submit():
        with form_errors(form):
            transact(
                lambda work: services_desk.hide(
                    work, slug=slug, n=n, reason=form.reason.data or "", actor=current_actor(), now=now()
                )
            )
            flash(_("Hidden. Its author is told why."), "info")
            return _back(slug, n, root)
    page = render("board/hide.html", here=here, n=n, root=root, form=form)
    return (page, 422) if form.errors else page


@bp.post("/show")
@allow("member")
def show(slug: str, n: int) -> Any:
    """Bring a hidden post back."""
    root = _found(slug, n)[2]
    transact(lambda work: services_desk.show(work, slug=slug, n=n, actor=current_actor(), now=now()))
    flash(_("Everybody in the group sees it again."))
    return _back(slug, n, root)


@bp.post("/pin")
@allow("member")
def pin(slug: str, n: int) -> Any:
    """Put a post on top, or take it down."""
    on = request.form.get("on") == "1"
    transact(lambda work: services_desk.pin(work, slug=slug, n=n, on=on, actor=current_actor(), now=now()))
    flash(_("Pinned on top of the board.") if on else _("Taken down from the top."))
    return see_other("qunclub.board.thread", slug=slug, n=n)
