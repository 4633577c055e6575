"""The shape of the club as a file to keep, and a file brought in: looked at first, then done, all of it or nothing."""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Blueprint, Response, request

from qunclub.kernel import NotFound, Stale
from qunclub.web import (
    N_,
    NavItem,
    _,
    _l,
    allow,
    club,
    current_actor,
    explain,
    flash,
    member_id,
    now,
    reading,
    register,
    render,
    see_other,
    transact,
)

from . import rules, services
from .rules import Broken, Template

bp = Blueprint("cloning", __name__, url_prefix="/admin/template")
register(
    NavItem(
        area="admin",
        label=_l("Template"),
        endpoint="qunclub.cloning.index",
        icon="files",
        order=52,
        role="admin",
    )
)
ACTS = {"club.template": _l("A template brought in")}
CHANGED = N_("The club or the file has changed since you looked. Look again before you bring it in.")


@bp.get("")
@allow("admin")
def index() -> Any:
    """Take the shape out, or bring one in."""
    return _page()


@bp.get("/club.json")
@allow("admin")
def download() -> Response:
    """The whole shape."""
    with reading() as session:
        return _file(services.take(session), "club")


@bp.get("/line/<int:line_id>.json")
@allow("admin")
def download_line(line_id: int) -> Response:
    """One line alone."""
    with reading() as session:
        template = services.take(session, line_id=line_id)
        return _file(template, template.lines[0].slug)


@bp.post("/look")
@allow("admin")
def look() -> Any:
    """Upload a file; what it would make is shown before anything is made."""
    sent = request.files.get("template")
    data = sent.read(rules.MOST_BYTES + 1) if sent else b""
    if not data:
        return _page(error=_("Choose the .json of a template.")), 422
    try:
        template = rules.parse(data)
        renamed = request.form.get("slug", "").strip()
        if renamed and len(template.lines) == 1:
            template = template.line_renamed(renamed)
        with reading() as session:
            fates = services.look(session, template)
    except Broken as broken:
        return _page(problems=broken.problems), 422
    kept = rules.dump(template)
    club().files.put(_key(), kept)
    return _page(fates=fates, seal=_seal(kept, fates), one_line=len(template.lines) == 1)


@bp.post("/bring")
@allow("admin")
def bring() -> Any:
    """Do what was shown."""
    actor, moment, seal = current_actor(), now(), request.form.get("seal", "")
    try:
        data = club().files.get(_key())
    except KeyError:
        raise NotFound(N_("The file is gone. Choose it again.")) from None

    def command(session: Any) -> int:
        template = rules.parse(data)
        if _seal(data, services.look(session, template)) != seal:
            raise Stale(CHANGED)
        done = services.bring(session, template, actor=actor, now=moment)
        return sum(one.state != "there" for one in done)

    try:
        made = transact(command)
    except Broken as broken:
        return _page(problems=broken.problems), 422
    except Stale as error:
        return _page(error=explain(error)), 409
    club().files.delete(_key())
    flash(_("Done: %(count)s things are made or changed. Passes came as drafts.", count=made))
    return see_other(".index")


def _page(
    *,
    problems: tuple[str, ...] = (),
    error: str = "",
    fates: list[services.Fate] | None = None,
    seal: str = "",
    one_line: bool = False,
) -> str:
    return render(
        "cloning/admin.html", problems=problems, error=error, fates=fates, seal=seal, one_line=one_line
    )


def _file(template: Template, name: str) -> Response:
    return Response(
        rules.dump(template),
        mimetype="application/json",
        headers={
            "Content-Disposition": f'attachment; filename="{name}.json"',
            "Cache-Control": "private, no-store",
        },
    )


def _key() -> str:
    # One place for each admin: the next upload takes it, so nothing is left lying about.
    return f"imports/{member_id()}.json"


def _seal(data: bytes, fates: list[services.Fate]) -> str:
    """Stands for the file and for how the club was when it was looked at."""
    return hashlib.sha256(hashlib.sha256(data).digest() + repr(fates).encode()).hexdigest()
