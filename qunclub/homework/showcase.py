"""The showcase: featured work, open to everybody, while its author consents."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from qunclub.courses.queries import choices
from qunclub.kernel import NotFound
from qunclub.kernel.text import plain
from qunclub.web import (
    NavItem,
    _,
    _l,
    absolute_url,
    allow,
    current_actor_or_none,
    page_number,
    reading,
    register,
    render,
)

from . import queries, queries_showcase
from .files_views import attachment
from .uploads import PICTURES

bp = Blueprint("showcase", __name__, url_prefix="/showcase")
register(
    NavItem(area="main", label=_l("Showcase"), endpoint="qunclub.showcase.index", icon="images", order=50)
)


@bp.get("")
@allow("anyone")
def index() -> Any:
    """All of it, the newest first."""
    course_id = request.args.get("course", type=int)
    with reading() as session:
        page = queries_showcase.showcase(session, page=page_number(), course_id=course_id)
        courses = choices(session)
    return render(
        "homework/showcase.html",
        page=page,
        courses=courses,
        course_id=course_id,
        page_meta={
            "title": _("Showcase"),
            "description": _("Featured homework of our members, shown with their consent."),
            "url": absolute_url("qunclub.showcase.index"),
        },
    )


@bp.get("/<int:entry_id>")
@allow("anyone")
def show(entry_id: int) -> Any:
    """One work with its pictures; other files stay between author and instructors."""
    with reading() as session:
        row = queries_showcase.showcase_entry(session, entry_id)
        pictures = queries_showcase.pictures_of(session, row.attempt_id)
    actor = current_actor_or_none()
    author = row.nickname or row.name
    meta = {
        "title": _("%(title)s by %(author)s", title=row.title, author=author),
        "description": plain(row.body_html, 140) or row.course,
        "url": absolute_url("qunclub.showcase.show", entry_id=entry_id),
    }
    if pictures:
        meta["image"] = absolute_url("qunclub.showcase.picture", entry_id=entry_id, file_id=pictures[0].id)
    return render(
        "homework/showcase_show.html",
        row=row,
        author=author,
        pictures=pictures,
        mine=actor is not None and actor.member_id == row.member_id,
        page_meta=meta,
    )


@bp.get("/<int:entry_id>/pictures/<int:file_id>")
@allow("anyone")
def picture(entry_id: int, file_id: int) -> Response:
    """A picture of shown work; asked anew each time, so a withdrawn consent hides it at once."""
    with reading() as session:
        entry = queries_showcase.showcase_entry(session, entry_id)
        row = queries.file_row(session, file_id)
    if row.attempt_id != entry.attempt_id or row.content_type not in PICTURES:
        raise NotFound()
    return attachment(row, inline=True)
