"""Boards as members read them: my boards, one board, a thread, what is new, pictures, people to mention."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request
from sqlalchemy.orm import Session

from qunclub.groups import rules_welcome
from qunclub.house import Verdict
from qunclub.kernel import Page, scanning, uploads
from qunclub.web import (
    NavItem,
    _,
    _l,
    absolute_url,
    allow,
    club,
    current_actor,
    flash,
    is_htmx,
    limit,
    locale,
    member_id,
    now,
    reading,
    register,
    render,
    see_other,
    transact,
)
from qunclub.web.files import give_out
from qunclub.web.render import format_datetime
from qunclub.web.urls import path_to

from . import files, posting, queries, queries_notes, queries_posts, queries_welcome, rules, services
from .forms import PostForm, StaffPostForm, kept
from .models import BoardPost
from .queries import Place
from .queries_notes import Note
from .queries_posts import Shown
from .queries_welcome import Newcomer, Welcomes

bp = Blueprint("board", __name__)
register(
    NavItem(
        area="main",
        label=_l("Boards"),
        endpoint="qunclub.board.mine",
        icon="chat-square-text",
        order=61,
        menu="community",
    )
)


def _me() -> str:
    return str(member_id())


def words(shown: Shown) -> str:
    """The HTML of a post with the names of those it mentions."""
    return rules.named(shown.html, shown.names, lambda number: path_to("qunclub.members.show", number=number))


def why(verdict: Verdict) -> str:
    """Why somebody may not write, in their language."""
    return str(_(verdict.reason, **_readable(verdict.params)))


def greet(came: Welcomes, one: Newcomer) -> str:
    """The welcome of a newcomer in the reader's language: the admin's words, else the club's."""
    words = rules_welcome.chosen(came.words_zh, came.words_en, locale())
    return rules_welcome.filled(
        words or str(_("Welcome, {nickname}[ from {city}], No. {number}.")),
        number=one.number,
        nickname=one.nickname,
        city=one.city,
    )


def told(note: Note) -> str:
    """What the club announces, in the reader's language."""
    return str(_(note.text, **_readable(note.facts)))


def _readable(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: format_datetime(value) if isinstance(value, dt.datetime) else value
        for name, value in facts.items()
    }


def _notes(
    session: Session, here: Place, page: Page[Shown], top: list[Shown], before: int | None
) -> dict[int, list[Note]]:
    pinned = {one.id for one in top}
    return queries_notes.notes(
        session, here, page.items, pinned=pinned, older_than=before, more=page.has_next
    )


def _came(session: Session, here: Place, page: Page[Shown], top: list[Shown], before: int | None) -> Welcomes:
    return queries_welcome.welcomes(
        session,
        here,
        page.items,
        pinned={one.id for one in top},
        older_than=before,
        more=page.has_next,
    )


@bp.get("/board")
@allow("member")
def mine() -> Any:
    """The boards of my groups with what I have not read; for hosts every group's too."""
    actor = current_actor()
    after = request.args.get("after", type=int)
    with reading() as session:
        own = queries.my_boards(session, member_id())
        every = queries.all_boards(session, member_id(), before=after) if actor.has("host") else None
    return render("board/mine.html", own=own, every=every, first=after is None)


@bp.route("/groups/<slug>/board", methods=["GET", "POST"])
@allow("member")
@limit("20 per minute", name="board", key=_me)
def index(slug: str) -> Any:
    """A group's board, the newest first, and writing on it."""
    actor, moment = current_actor(), now()
    with reading() as session:
        here = queries.place(session, slug, actor)
        form = _form(session, here)
    if request.method == "POST":
        written = _write(form, slug, None)
        if written:
            flash(_("It is on the board."))
            return see_other(".index", slug=slug)
        with reading() as session:
            here = queries.place(session, slug, actor)
    after = request.args.get("after", type=int)
    announcements = request.args.get("show") == "announcements"
    with reading() as session:
        first = after is None and not announcements
        page = queries_posts.posts(session, here, before=after, announcements=announcements)
        top = queries_posts.pinned(session, here) if first else []
        context = {
            "here": here,
            "page": page,
            "pinned": top,
            "came": None if announcements else _came(session, here, page, top, after),
            "notes": _notes(session, here, page, top, after),
            "verdict": posting.may_post(session, place=here, now=moment, zone=club().settings.zone),
        }
    answer = render(
        "board/index.html",
        **context,
        greet=greet,
        told=told,
        form=form,
        announcements=announcements,
        first=first,
        etag=_etag(here.changed, here.staff),
        why=why,
        words=words,
    )
    return (answer, form.status) if form.errors else answer


@bp.route("/groups/<slug>/board/<int:n>", methods=["GET", "POST"])
@allow("member")
@limit("20 per minute", name="board", key=_me)
def thread(slug: str, n: int) -> Any:
    """A post with its answers, and answering it."""
    actor, moment = current_actor(), now()
    with reading() as session:
        here = queries.place(session, slug, actor)
        row = queries_posts.post_row(session, here, n)
        root = queries_posts.root_of(session, row)
        if root.id != row.id:
            return see_other(".thread", slug=slug, n=root.n, after=n - 1)
        verdict = posting.may_post(session, place=here, now=moment, zone=club().settings.zone, answering=root)
    form = PostForm()
    if request.method == "POST":
        written = _write(form, slug, n)
        if written:
            flash(_("Your answer is there."))
            return see_other(".thread", slug=slug, n=n, after=written - 1, _anchor=f"n{written}")
    after = request.args.get("after", type=int)
    with reading() as session:
        first, answers = queries_posts.thread(session, here, n, after=after)
    page = render(
        "board/thread.html",
        here=here,
        root=first,
        page=answers,
        form=form,
        verdict=verdict,
        live=after is None,
        etag=_etag(here.changed, here.staff),
        why=why,
        words=words,
    )
    return (page, form.status) if form.errors else page


def _form(session: Session, here: Place) -> PostForm:
    if not here.staff:
        return PostForm()
    form = StaffPostForm()
    if not _in_a_chat(session, here.group_id):
        del form.to_chat
    if request.method == "GET":
        # In a pyramid, what is opened for answers is opened by hand.
        form.open_answers.data = here.posting == "all"
    return form


def _in_a_chat(session: Session, group_id: int) -> bool:
    """Whether the club's bot speaks in the group's chat."""
    state = club()
    if state.chat_book is None or not state.connectors:
        return False
    return state.chat_book.way_in(session, group_id=group_id, entry_url="", connected=True, now=now()).by_bot


def _say(work: Session, post: BoardPost, slug: str) -> None:
    """Have an announcement said in the group's chat; where no bot works any more, it stands on the board alone."""
    book = club().chat_book
    if book is not None:
        link = absolute_url("qunclub.board.thread", slug=slug, n=post.n)
        book.say(
            work,
            group_id=post.group_id,
            key=f"board:{post.id}",
            text=f"{post.title}\n\n{post.body_md}",
            link=link,
            actor=current_actor(),
            now=now(),
        )


def _write(form: PostForm, slug: str, answer_to: int | None) -> int | None:
    """What was sent, on the board: its number; None when something needs another look."""
    if not form.validate():
        return None
    more: dict[str, Any] = {}
    to_chat = False
    if isinstance(form, StaffPostForm):
        to_chat = bool(form.to_chat and form.to_chat.data)
        if to_chat and not form.announcement.data:
            form.to_chat.errors = [_("Only announcements are said in the chat: tick that it is one.")]
            return None
        more = {
            "announcement": bool(form.announcement.data),
            "title": form.title.data or "",
            "open_answers": bool(form.open_answers.data),
        }
    state, written = club(), None
    most = state.settings.upload_max_bytes
    with kept(form):
        pictures = files.checked(_sent(most), max_bytes=most)
        scanning.scan_all(state.scanner, pictures, field=files.FIELD)
        with uploads.stored(state.files, pictures, folder="board") as stored:

            def command(work: Session) -> int:
                post = services.write(
                    work,
                    slug=slug,
                    actor=current_actor(),
                    body_md=form.body_md.data or "",
                    answer_to=answer_to,
                    pictures=stored,
                    now=now(),
                    zone=state.settings.zone,
                    **more,
                )
                if to_chat:
                    _say(work, post, slug)
                return post.n

            written = transact(command)
    return written


def _sent(most: int) -> list[uploads.Upload]:
    came = [one for one in request.files.getlist(files.FIELD) if one.filename]
    # One more than is taken tells that there are too many; the rest is not read.
    return [
        uploads.Upload(one.filename or "", one.stream.read(most + 1))
        for one in came[: rules.MOST_PICTURES + 1]
    ]


def _etag(changed: int, staff: bool) -> str:
    """What a reader's fragment depends on: the board, their language and whether they are its staff."""
    return f'W/"{changed}.{locale()}.{int(staff)}"'


def _not_modified(slug: str) -> Response | None:
    """An answer without a body when nothing has changed since the reader looked: one statement."""
    actor = current_actor()
    with reading() as session:
        tag = _etag(*queries.pulse(session, slug, actor))
    if request.headers.get("If-None-Match") == tag:
        return Response(status=304, headers={"ETag": tag, "Cache-Control": "private, no-cache"})
    return None


def _fragment(text: str, here: Place) -> Response:
    return Response(
        text,
        headers={
            "ETag": _etag(here.changed, here.staff),
            "Cache-Control": "private, no-cache",
            "X-Last": str(here.last_n),
        },
    )


@bp.get("/groups/<slug>/board/news")
@allow("member")
def news(slug: str) -> Any:
    """The newest posts as they are put into a page that is open; nothing while nothing has changed."""
    unchanged = _not_modified(slug)
    if unchanged is not None:
        return unchanged
    with reading() as session:
        here = queries.place(session, slug, current_actor())
        page = queries_posts.posts(session, here)
        top = queries_posts.pinned(session, here)
        came, notes = _came(session, here, page, top, None), _notes(session, here, page, top, None)
    return _fragment(
        render(
            "board/_posts.html",
            here=here,
            page=page,
            pinned=top,
            came=came,
            first=True,
            words=words,
            greet=greet,
            notes=notes,
            told=told,
        ),
        here,
    )


@bp.get("/groups/<slug>/board/<int:n>/news")
@allow("member")
def thread_news(slug: str, n: int) -> Any:
    """A thread as it is put into a page that is open."""
    unchanged = _not_modified(slug)
    if unchanged is not None:
        return unchanged
    with reading() as session:
        here = queries.place(session, slug, current_actor())
        first, answers = queries_posts.thread(session, here, n)
    return _fragment(render("board/_thread.html", here=here, root=first, page=answers, words=words), here)


@bp.post("/groups/<slug>/board/seen")
@allow("member")
def seen(slug: str) -> Any:
    """Remember up to where I have read."""
    upto = request.form.get("upto", 0, type=int)
    transact(lambda work: services.seen(work, slug=slug, upto=upto, actor=current_actor()))
    if is_htmx():
        return "", 204
    return see_other(".index", slug=slug)


@bp.get("/groups/<slug>/board/pictures/<int:picture_id>")
@allow("member")
def picture(slug: str, picture_id: int) -> Response:
    """A picture, to whoever may read the post it belongs to."""
    with reading() as session:
        here = queries.place(session, slug, current_actor())
        row = queries_posts.picture(session, here, picture_id)
        key, content_type, name = row.storage_key, row.content_type, row.name
    return give_out(key, content_type=content_type, name=name, inline=True)


@bp.get("/groups/<slug>/board/people")
@allow("member")
def people(slug: str) -> Response:
    """Members of the group to mention, by the beginning of a name or by number."""
    with reading() as session:
        here = queries.place(session, slug, current_actor())
        found = queries_posts.people(session, here, request.args.get("q", ""))
    return jsonify(people=[{"number": number, "name": name} for number, name in found])
