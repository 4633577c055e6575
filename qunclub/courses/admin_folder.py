"""A course out as a .zip of its folder, and in again: looked at first, then done, all of it or nothing."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from qunclub.kernel import Invalid, NotFound, Stale, scanning
from qunclub.kernel.uploads import Checked, StoredFile
from qunclub.web import (
    N_,
    _,
    allow,
    club,
    current_actor,
    explain,
    flash,
    member_id,
    now,
    reading,
    render,
    see_other,
    transact,
)

from . import archive, services_folder, services_folder_files
from .admin_conditions import books
from .folder import Broken, CourseText
from .models import Course
from .services_folder import Report

bp = Blueprint("courses_folder", __name__, url_prefix="/admin/courses")
CHANGED = N_("The course or the file has changed since you looked. Look again before you import.")


@bp.get("/<int:course_id>/folder.zip")
@allow("admin")
def download(course_id: int) -> Response:
    """The course as a folder of Markdown."""
    with reading() as session:
        course = session.get(Course, course_id)
        if course is None:
            raise NotFound()
        text = services_folder.export(session, slug=course.slug, books=books(), store=club().files)
    return Response(
        archive.pack(text),
        mimetype="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{text.slug}.zip"',
            "Cache-Control": "private, no-store",
        },
    )


@bp.route("/import", methods=["GET", "POST"])
@allow("admin")
def upload() -> Any:
    """Upload an archive; what it would do is shown before anything is done."""
    if request.method == "GET":
        return _page()
    sent = request.files.get("folder")
    data = sent.read(archive.MOST_BYTES + 1) if sent else b""
    if not data:
        return _refused(error=_("Choose the .zip of a course."))
    try:
        text = archive.unpack(data)
        files = services_folder_files.looked_at(text, max_bytes=club().settings.media_max_bytes)
        scanning.scan_all(club().scanner, files)
    except Broken as broken:
        return _refused(problems=broken.problems)
    except Invalid as error:
        return _refused(error=explain(error))
    with reading() as session:
        lacking = [
            *services_folder.unknown_names(session, text, books=books()),
            *services_folder_files.problems_of(session, text, files),
        ]
        if lacking:
            return _refused(problems=tuple(lacking))
        plan = services_folder.plan(session, text, books=books(), files=files)
    club().files.put(_key(), data)
    return _page(plan=plan, seal=_seal(data, plan))


@bp.post("/import/apply")
@allow("admin")
def apply() -> Any:
    """Do what was shown."""
    actor, moment = current_actor(), now()
    try:
        data = club().files.get(_key())
    except KeyError:
        data = b""
    seal = request.form.get("seal", "")

    def command(session: Session, text: CourseText, files: list[Checked], kept: list[StoredFile]) -> Report:
        plan = services_folder.plan(session, text, books=books(), files=files)
        if _seal(data, plan) != seal:
            raise Stale(CHANGED)
        return services_folder.bring_in(session, text, actor=actor, now=moment, books=books(), files=kept)

    try:
        text = archive.unpack(data)
        files = services_folder_files.looked_at(text, max_bytes=club().settings.media_max_bytes)
        scanning.scan_all(club().scanner, files)
        with reading() as session:
            old = services_folder_files.there(session, text.slug)
        with services_folder_files.keeping(club().files, files, old) as kept:
            report = transact(lambda session: command(session, text, files, kept))
    except Broken as broken:
        return _refused(problems=broken.problems)
    except (Stale, Invalid) as error:
        return _refused(error=explain(error), status=409 if isinstance(error, Stale) else 422)
    club().files.delete(_key())
    flash(
        _("The course is made from your folder.")
        if report.created
        else _("The course is as your folder has it.")
    )
    return see_other("qunclub.courses_admin.edit", course_id=report.course_id)


def _refused(problems: tuple[str, ...] = (), error: str = "", status: int = 422) -> Any:
    return _page(problems=problems, error=error), status


def _page(
    *,
    problems: tuple[str, ...] = (),
    error: str = "",
    plan: services_folder.Plan | None = None,
    seal: str = "",
) -> str:
    most = archive.MOST_BYTES // 1_000_000
    return render(
        "courses/admin_import.html", problems=problems, error=error, plan=plan, seal=seal, max_mb=most
    )


def _key() -> str:
    # One place for each admin: the next upload takes it, so nothing is left lying about.
    return f"imports/{member_id()}.zip"


def _seal(data: bytes, plan: services_folder.Plan) -> str:
    """Stands for the archive and for how the course was when it was looked at."""
    return hashlib.sha256(hashlib.sha256(data).digest() + repr(plan).encode()).hexdigest()
