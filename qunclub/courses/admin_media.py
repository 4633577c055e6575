"""A course's files for editors: added by button, paste or drop, renamed, replaced, deleted with the exact effect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session
from werkzeug.exceptions import RequestEntityTooLarge

from qunclub.kernel import Conflict, Invalid, NotFound, scanning
from qunclub.kernel.uploads import Checked, StoredFile, Upload, stored
from qunclub.web import (
    N_,
    _,
    _l,
    _n,
    allow,
    club,
    current_actor,
    explain,
    flash,
    now,
    reading,
    render,
    see_other,
    transact,
)
from qunclub.web.ranges import give_out_ranges

from . import media_files, queries_media, services_media
from .models import Course
from .models_media import Media
from .rules_media import SHOWN

bp = Blueprint("media_admin", __name__, url_prefix="/admin")
MOST_AT_ONCE = 20
# What the audit log calls the acts of this room.
ACTS = {
    "media.add": _l("File added to a course"),
    "media.rename": _l("File of a course renamed"),
    "media.replace": _l("File of a course replaced"),
    "media.delete": _l("File of a course deleted"),
}


@bp.get("/courses/<int:course_id>/files")
@allow("admin")
def index(course_id: int) -> Any:
    """Every file with its size and the lessons that show it."""
    return _page(course_id)


@bp.post("/courses/<int:course_id>/files")
@allow("admin")
def upload(course_id: int) -> Any:
    """Add files; the editor's script is answered in JSON, with what to write into the text."""
    wants_json = request.accept_mimetypes.best == "application/json"
    try:
        checked = _checked(_sent())
        if not checked:
            raise Invalid(N_("Choose a file."), field="files")
        with stored(club().files, checked, folder="media") as kept:
            names = transact(lambda session: _added(session, course_id, kept))
    except Invalid as error:
        if wants_json:
            return {"error": str(explain(error))}, 422
        return _page(course_id, error=explain(error)), 422
    if wants_json:
        return {"files": [{"name": name, "markdown": _markdown(name, kind)} for name, kind in names]}
    flash(_n("%(num)s file is added.", "%(num)s files are added.", len(names)))
    return see_other(".index", course_id=course_id)


@bp.get("/courses/<int:course_id>/files/<name>")
@allow("admin")
def look(course_id: int, name: str) -> Any:
    """A file as its editor sees it, in the preview and in the list, before any lesson shows it."""
    with reading() as session:
        row = queries_media.by_name(session, course_id=course_id, name=name)
        if row is None:
            raise NotFound()
        facts: dict[str, Any] = {
            "key": row.storage_key, "size": row.size, "etag": row.sha256[:32], "modified": row.uploaded_at,
            "content_type": row.content_type, "name": row.name, "inline": row.content_type in SHOWN,
        }  # fmt: skip
    return give_out_ranges(**facts)


@bp.post("/files/<int:media_id>/rename")
@allow("admin")
def rename(media_id: int) -> Any:
    """Give a file another name, in the texts too."""
    name = request.form.get("name", "")[:200]
    course_id = _course_of(media_id)
    try:
        touched = transact(
            lambda session: services_media.rename(
                session, media_id=media_id, name=name, now=now(), actor=current_actor()
            )
        )
    except Invalid as error:
        return _page(course_id, error=explain(error), at=media_id, typed=name), 422
    flash(_n("Renamed, in %(num)s text too.", "Renamed, in %(num)s texts too.", touched))
    return see_other(".index", course_id=course_id)


@bp.post("/files/<int:media_id>/replace")
@allow("admin")
def replace(media_id: int) -> Any:
    """Put another file of the same type in its place."""
    course_id = _course_of(media_id)
    try:
        checked = _checked(_sent()[:1])
        if not checked:
            raise Invalid(N_("Choose a file."), field="files")
        with stored(club().files, checked, folder="media") as kept:
            transact(
                lambda session: services_media.replace(
                    session, media_id=media_id, file=kept[0], now=now(), actor=current_actor()
                )
            )
    except Invalid as error:
        return _page(course_id, error=explain(error), at=media_id), 422
    flash(_("The new file is shown wherever the old one was."))
    return see_other(".index", course_id=course_id)


@bp.post("/files/<int:media_id>/delete")
@allow("admin")
def delete(media_id: int) -> Any:
    """Delete a file that nothing shows."""
    course_id = _course_of(media_id)
    try:
        transact(
            lambda session: services_media.delete(
                session, media_id=media_id, now=now(), actor=current_actor()
            )
        )
    except Conflict as error:
        return _page(course_id, error=explain(error), at=media_id), 409
    flash(_("The file is deleted."))
    return see_other(".index", course_id=course_id)


def _sent() -> list[Upload]:
    most = club().settings.media_max_bytes
    try:
        came = request.files.getlist("files")[:MOST_AT_ONCE]
    except RequestEntityTooLarge:
        raise Invalid(
            N_("%(name)s is larger than %(limit)s MB."),
            field="files",
            name=_("What you sent"),
            limit=max(1, most // 1_000_000),
        ) from None
    return [Upload(one.filename or "", one.stream.read(most + 1)) for one in came if one.filename]


def _checked(came: Sequence[Upload]) -> list[Checked]:
    found = [media_files.check(one, max_bytes=club().settings.media_max_bytes) for one in came]
    scanning.scan_all(club().scanner, found)
    return found


def _added(session: Session, course_id: int, kept: Sequence[StoredFile]) -> list[tuple[str, str]]:
    rows = services_media.add(session, course_id=course_id, files=kept, now=now(), actor=current_actor())
    return [(row.name, row.content_type) for row in rows]


def _markdown(name: str, content_type: str) -> str:
    return (
        f"![{name.rpartition('.')[0]}]({name})" if content_type.startswith("image/") else f"[{name}]({name})"
    )


def _course_of(media_id: int) -> int:
    with reading() as session:
        media = session.get(Media, media_id)
        if media is None:
            raise NotFound()
        return media.course_id


def _page(course_id: int, *, error: Any = "", at: int = 0, typed: str = "") -> Any:
    with reading() as session:
        course = session.get(Course, course_id)
        if course is None:
            raise NotFound()
        rows = queries_media.admin_list(session, course_id)
        return render(
            "courses/admin_media.html",
            course=course,
            rows=rows,
            total=sum(row.size for row in rows),
            error=error,
            at=at,
            typed=typed,
            accept=media_files.ACCEPT,
            markdown=_markdown,
            max_mb=max(1, club().settings.media_max_bytes // 1_000_000),
        )
