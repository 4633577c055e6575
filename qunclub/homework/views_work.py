"""What an author does beside handing in: keeps a draft, looks at two attempts side by side."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, request
from sqlalchemy.orm import Session

from qunclub.courses import differences
from qunclub.kernel import ClubError, Invalid, NotFound, Stale
from qunclub.web import (
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
from qunclub.web.render import format_datetime

from . import queries, queries_drafts, queries_teams, services_drafts

bp = Blueprint("homework_work", __name__, url_prefix="/homework")


def wants_json() -> bool:
    """Whether the page's script asks, and not the browser itself."""
    return request.accept_mimetypes.best == "application/json"


@bp.post("/<int:assignment_id>/draft")
@allow("signed_in")
def draft(assignment_id: int) -> Any:
    """Keep what is typed. The script is answered with the version; a window that is behind gets both texts."""
    actor, ident, moment = current_actor(), member_id(), now()
    body = request.form.get("body_md", "").replace("\r\n", "\n")
    link = request.form.get("link")
    version = request.form.get("draft_version", 0, type=int)

    def command(session: Session) -> int:
        row = queries.assignment_row(session, assignment_id, staff=actor.has("instructor"))
        opens = club().course_access(session, actor=actor, course_ids=[row.course_id], now=moment)
        return services_drafts.save_draft(
            session,
            assignment_id=assignment_id,
            member_id=ident,
            body_md=body,
            version=version,
            access=opens[row.course_id],
            now=moment,
            actor=actor,
            link=link,
        ).version

    try:
        kept = transact(command)
    except Stale as error:
        return _behind(assignment_id, ident, body, link, error)
    except Invalid as error:
        if not wants_json():
            raise
        return jsonify(said=explain(error)), 422
    if wants_json():
        return jsonify(version=kept, said=_("Draft saved, %(when)s.", when=format_datetime(moment)))
    flash(_("Your draft is kept; nobody but you sees it. Files are added when you hand in."))
    return see_other("qunclub.homework.show", assignment_id=assignment_id, _anchor="mine")


def _behind(assignment_id: int, ident: int, body: str, link: str | None, error: ClubError) -> Any:
    with reading() as session:
        row = queries.assignment_row(session, assignment_id, staff=True)
        team = None
        if row.team_max is not None:
            team = queries_teams.team_of(session, assignment_id=assignment_id, member_id=ident)
        if team is not None:
            theirs = queries_drafts.draft_of_team(session, team.id)
        else:
            theirs = queries_drafts.draft(session, assignment_id=assignment_id, member_id=ident)
    if wants_json():
        return jsonify(
            version=theirs.version, body=theirs.body_md, link=theirs.link, said=explain(error)
        ), 409
    return render(
        "homework/draft_stale.html", work=row, body=body, link=link, theirs=theirs, said=explain(error)
    ), 409  # fmt: skip


@bp.get("/<int:assignment_id>/compare")
@allow("signed_in")
def compare(assignment_id: int) -> Any:
    """Two of one's own attempts: what went, what came."""
    old, new = request.args.get("old", 0, type=int), request.args.get("new", 0, type=int)
    if not 0 < old < new:
        raise NotFound()
    with reading() as session:
        row = queries.assignment_row(session, assignment_id, staff=True)
        found = queries_drafts.comparison(
            session, assignment_id=assignment_id, member_id=member_id(), old=old, new=new
        )
    lines = differences.lines(found.old.body_md, found.new.body_md)
    return render("homework/compare.html", work=row, found=found, lines=lines)
