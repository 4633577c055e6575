"""Contests as members see them: the call, the entries, one's own, votes, results."""

from __future__ import annotations

import io
from typing import Any

from flask import Blueprint, Response, request, send_file
from sqlalchemy.orm import Session

from qunclub.kernel import NotFound, Stale, render_markdown, scanning
from qunclub.kernel.text import plain
from qunclub.kernel.uploads import clean_name
from qunclub.web import (
    NavItem,
    _,
    _l,
    absolute_url,
    allow,
    club,
    current_actor_or_none,
    current_me,
    explain,
    flash,
    form_errors,
    is_htmx,
    member_id,
    now,
    page_number,
    reading,
    register,
    render,
    see_other,
    transact,
    unit_of_work,
)

from . import images, queries, services
from .forms import EntryForm
from .models import Contest

bp = Blueprint("contests", __name__, url_prefix="/contests")
register(
    NavItem(
        area="main",
        label=_l("Contests"),
        endpoint="qunclub.contests.index",
        icon="award",
        order=55,
        menu="works",
    )
)

# Even opened by hand a picture runs nothing and belongs to no origin.
SANDBOX = "default-src 'none'; style-src 'none'; sandbox; frame-ancestors 'none'"


@bp.get("")
@allow("anyone")
def index() -> Any:
    """What runs now, and what was decided."""
    moment = now()
    with reading() as session:
        current = queries.current(session)
        past = queries.past(session, page=page_number())
    return render(
        "contests/index.html",
        current=[(row, _phase(row, moment)) for row in current],
        past=past,
        page_meta={
            "title": _("Contests"),
            "description": _("Calls to make something, judged by a jury and by the members."),
            "url": absolute_url("qunclub.contests.index"),
        },
    )


@bp.get("/<slug>")
@allow("anyone")
def show(slug: str) -> Any:
    """The call, how it is judged, the prizes, my entry, and from the close of entering all entries."""
    ident, moment, admin = _member(), now(), _admin()
    with reading() as session:
        contest = queries.by_slug(session, slug, staff=admin)
        at = services.phase_of(contest, moment)
        return render(
            "contests/show.html",
            contest=contest,
            phase=at,
            prizes=queries.prizes(session, contest.id),
            entries=queries.taking_part(session, contest.id),
            mine=queries.mine(session, contest_id=contest.id, member_id=ident),
            reader=queries.reader(session, contest_id=contest.id, member_id=ident),
            gallery=queries.gallery(session, contest, member_id=ident, page=page_number())
            if at in queries.SHOWN
            else None,
            winners=queries.winners(session, contest.id) if at == "results" else [],
            numbered=_numbered(),
            page_meta={
                "title": contest.title,
                "description": contest.summary or plain(contest.call_html, 140) or contest.title,
                "url": absolute_url("qunclub.contests.show", slug=slug),
            },
        )


@bp.get("/<slug>/results")
@allow("anyone")
def results(slug: str) -> Any:
    """Every place, and what led to it."""
    with reading() as session:
        contest = queries.by_slug(session, slug, staff=_admin())
        if contest.state != "results":
            raise NotFound()
        page = queries.results(session, contest.id, page=page_number())
        first = page.items[0] if page.items and page.page == 1 else None
        return render(
            "contests/results.html",
            contest=contest,
            page=page,
            page_meta={
                "title": _("Results of %(contest)s", contest=contest.title),
                "description": _(
                    "First place: %(title)s by %(author)s", title=first.title, author=_shown(first)
                )
                if first
                else contest.summary or contest.title,
                "url": absolute_url("qunclub.contests.results", slug=slug),
            },
        )


@bp.route("/<slug>/enter", methods=["GET", "POST"])
@allow("member")
def enter(slug: str) -> Any:
    """Enter the contest."""
    ident, moment = member_id(), now()
    with reading() as session:
        contest = queries.by_slug(session, slug, staff=_admin())
        contest_id, at = contest.id, services.phase_of(contest, moment)
        form, prizes = EntryForm(), queries.prizes(session, contest_id)
    if at != "open":
        flash(_("Entering is not open at present."), "info")
        return see_other(".show", slug=slug)
    if form.validate_on_submit() and not _previewing():
        made = None
        with form_errors(form), images.kept(club().files, _picture()) as picture:
            made = transact(
                lambda session: (
                    services.enter(
                        session,
                        contest_id=contest_id,
                        member_id=ident,
                        title=form.title.data or "",
                        body_md=form.body_md.data or "",
                        picture=picture,
                        now=moment,
                    ).id
                )
            )
        if made is not None:
            flash(_("You have entered. Until entering closes you can change your entry or take it out."))
            return see_other(".entry", slug=slug, entry_id=made)
    return _form_page(form, contest=contest, prizes=prizes, entry=None)


@bp.get("/<slug>/entries/<int:entry_id>")
@allow("anyone")
def entry(slug: str, entry_id: int) -> Any:
    """One entry: without a name until the results; its author sees all that was said of it then."""
    ident = _member()
    with reading() as session:
        contest, row = _visible(session, slug, entry_id)
        at, mine = services.phase_of(contest, now()), row.member_id == ident
        author = _shown(row) if at == "results" else ""
        reader = queries.reader(session, contest_id=contest.id, member_id=ident)
        said = queries.said(session, entry_id) if at == "results" and (mine or _admin()) else []
        meta = {
            "title": _("%(title)s by %(author)s", title=row.title, author=author) if author else row.title,
            "description": plain(row.body_html, 140) or contest.title,
            "url": absolute_url("qunclub.contests.entry", slug=slug, entry_id=entry_id),
        }
        if row.image_key:
            meta["image"] = absolute_url("qunclub.contests.picture", slug=slug, entry_id=entry_id)
        return render(
            "contests/entry.html",
            contest=contest,
            phase=at,
            row=row,
            author=author,
            mine=mine,
            reader=reader,
            said=said,
            numbered=_numbered(),
            page_meta=meta,
        )


@bp.get("/<slug>/entries/<int:entry_id>/picture")
@allow("anyone")
def picture(slug: str, entry_id: int) -> Response:
    """The picture of an entry, to whoever may see the entry: asked anew each time."""
    with reading() as session:
        _contest, row = _visible(session, slug, entry_id)
        if not row.image_key:
            raise NotFound()
        try:
            data = club().files.get(row.image_key)
        except KeyError:
            raise NotFound() from None
        response = send_file(io.BytesIO(data), mimetype=row.image_type)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = SANDBOX
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers["Cache-Control"] = "private, no-store"
    return response


@bp.route("/<slug>/entries/<int:entry_id>/edit", methods=["GET", "POST"])
@allow("member")
def edit(slug: str, entry_id: int) -> Any:
    """Change my entry while the contest is open."""
    ident, moment = member_id(), now()
    with reading() as session:
        contest = queries.by_slug(session, slug, staff=_admin())
        row = queries.entry(session, contest_id=contest.id, entry_id=entry_id)
        at, prizes = services.phase_of(contest, moment), queries.prizes(session, contest.id)
    if row.member_id != ident:
        raise NotFound()
    if at != "open" or row.state != "entered":
        flash(_("Entering is not open at present."), "info")
        return see_other(".entry", slug=slug, entry_id=entry_id)
    form = EntryForm(obj=row)
    stale = ""
    if form.validate_on_submit() and not _previewing():
        saved = False
        try:
            with form_errors(form), images.kept(club().files, _picture()) as picture:

                def command(session: Session) -> bool:
                    services.edit(
                        session,
                        entry_id=entry_id,
                        member_id=ident,
                        version=_number(form.version.data),
                        title=form.title.data or "",
                        body_md=form.body_md.data or "",
                        picture=picture,
                        drop_picture=bool(form.drop_picture.data),
                        now=moment,
                    )
                    return True

                saved = transact(command)
        except Stale as error:
            stale = explain(error)
            form.version.data = str(row.version)
        if saved:
            flash(_("Saved."))
            return see_other(".entry", slug=slug, entry_id=entry_id)
    return _form_page(form, contest=contest, prizes=prizes, entry=row, stale=stale)


@bp.post("/<slug>/entries/<int:entry_id>/withdraw")
@allow("member")
def withdraw(slug: str, entry_id: int) -> Any:
    """Take my entry out while the contest is open."""
    with reading() as session:
        _visible(session, slug, entry_id)
    with unit_of_work() as session:
        services.withdraw(session, entry_id=entry_id, member_id=member_id(), now=now())
    flash(_("Your entry is out of the contest. You can enter anew until entering closes."))
    return see_other(".show", slug=slug)


@bp.post("/<slug>/entries/<int:entry_id>/vote")
@allow("member")
def vote(slug: str, entry_id: int) -> Any:
    """Give an entry one of my votes, or take it back (``take`` is there)."""
    ident, moment = member_id(), now()
    taking = "take" in request.form
    with reading() as session:
        _visible(session, slug, entry_id)

    def command(session: Session) -> int:
        verb = services.unvote if taking else services.vote
        return verb(session, entry_id=entry_id, member_id=ident, now=moment)

    left = transact(command)
    if is_htmx():
        with reading() as session:
            contest = queries.by_slug(session, slug, staff=False)
            return render(
                "contests/_voted.html",
                contest=contest,
                entry_id=entry_id,
                reader=queries.reader(session, contest_id=contest.id, member_id=ident),
                left=left,
                at="entry" if request.form.get("from") == "entry" else "show",
            )
    flash(_("Your vote is taken back.") if taking else _("Your vote is counted."))
    if request.form.get("from") == "entry":
        return see_other(".entry", slug=slug, entry_id=entry_id)
    return see_other(".show", slug=slug, _anchor=f"entry-{entry_id}")


@bp.post("/preview")
@allow("signed_in")
def preview() -> Any:
    """The rendered text of what is being written: a fragment."""
    text = request.form.get("body_md") or request.form.get("call_md") or ""
    return render("contests/_preview.html", html=render_markdown(text[:60_000]))


def _form_page(form: EntryForm, **context: Any) -> Any:
    preview = render_markdown(form.body_md.data or "") if _previewing() else None
    if form.errors and request.files.get("picture"):
        again = _("Choose your picture again: a browser does not keep it.")
        form.picture.errors = [*form.picture.errors, again]
    page = render(
        "contests/enter.html",
        form=form,
        preview=preview,
        accept=images.ACCEPT,
        max_mb=max(1, club().settings.upload_max_bytes // 1_000_000),
        **context,
    )
    return page, 409 if context.get("stale") else 422 if form.errors else 200


def _visible(session: Session, slug: str, entry_id: int) -> tuple[Contest, Any]:
    """An entry that the reader may see: one's own and an admin's always, others' while it takes part and is shown."""
    contest = queries.by_slug(session, slug, staff=_admin())
    row = queries.entry(session, contest_id=contest.id, entry_id=entry_id)
    shown = row.state == "entered" and services.phase_of(contest, now()) in queries.SHOWN
    if not shown and row.member_id != _member() and not _admin():
        raise NotFound()
    return contest, row


def _picture() -> tuple[str, bytes] | None:
    """The picture that came with the form, checked and written anew."""
    came = request.files.get("picture")
    if came is None or not came.filename:
        return None
    most = club().settings.upload_max_bytes
    # Measured while it is read: one byte more than allowed is enough to know.
    found = images.checked(came.filename, came.stream.read(most + 1), max_bytes=most)
    scanning.scan(club().scanner, clean_name(came.filename), found[1], field=images.FIELD)
    return found


def _phase(row: Any, moment: Any) -> str:
    return services.phase_of(row, moment)


def _shown(row: Any) -> str:
    return str(row.nickname or row.name)


def _member() -> int | None:
    actor = current_actor_or_none()
    return actor.member_id if actor else None


def _admin() -> bool:
    actor = current_actor_or_none()
    return actor is not None and actor.has("admin")


def _numbered() -> bool:
    me = current_me()
    return me is not None and me.number is not None


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 10 else 0


def _previewing() -> bool:
    return request.method == "POST" and "preview" in request.form
