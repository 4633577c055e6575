"""My homework, one assignment with everything handed in for it, and the files."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Blueprint, Response, jsonify, request, url_for
from sqlalchemy.orm import Session

from qunclub.courses.access_text import opens_when, ways_in, why_locked
from qunclub.courses.queries import CourseView
from qunclub.courses.views import SECTIONS
from qunclub.kernel import Access, Actor, NotFound, render_markdown
from qunclub.kernel.uploads import stored
from qunclub.web import (
    NavItem,
    _,
    _l,
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
    render_alike,
    see_other,
    transact,
    unit_of_work,
)

from . import (
    queries,
    queries_attempts,
    queries_blind,
    queries_drafts,
    queries_extensions,
    queries_list,
    queries_receipt,
    queries_teams,
    rules,
    rules_parts,
    rules_work,
    services,
    uploads,
)
from .files_views import attachment
from .forms import SubmitForm
from .views_appeals import fairness_of
from .views_work import wants_json

bp = Blueprint("homework", __name__, url_prefix="/homework")
register(
    NavItem(
        area="main",
        label=_l("Homework"),
        endpoint="qunclub.homework.index",
        icon="pencil-square",
        order=40,
        role="member",
        phone=True,
    )
)

# What can still earn its whole stands first; among equals the nearer due date.
ORDER = {"revise": 0, "write": 1, "late": 2, "soon": 3, "wait": 4, "used_up": 5, "closed": 5, "done": 6}
NOTHING = queries.Worth(False, 0, 0)
FAR = dt.datetime.max.replace(tzinfo=dt.UTC)


def course_section(
    session: Session, course: CourseView, actor: Actor | None, access: Access, moment: dt.datetime
) -> str:
    """The homework of a course, for the course's own page."""
    ident = actor.member_id if actor else None
    groups = club().group_book.of_member(session, ident) if ident else frozenset()
    items = queries_list.work_list(
        session, member_id=ident, now=moment, course_id=course.id, group_ids=groups
    )
    shown = [item for item in items if item.published or item.state]
    return render("homework/_course_section.html", items=shown, access=access) if shown else ""


SECTIONS.append(course_section)


@bp.get("")
@allow("signed_in")
def index() -> Any:
    """What to do next, when it is due, how it stands and what it earns."""
    actor, moment = current_actor(), now()
    with reading() as session:
        groups = club().group_book.of_member(session, member_id())
        items = queries_list.work_list(session, member_id=member_id(), now=moment, group_ids=groups)
        access = club().course_access(
            session, actor=actor, course_ids=sorted({item.course_id for item in items}), now=moment
        )
        worth = queries.worth(session) if _earns() else NOTHING
        asked = [
            one
            for one in queries_teams.invitations(session, member_id())
            if one.course_id in access and access[one.course_id].allowed
        ]
    mine = [item for item in items if item.state or (item.published and access[item.course_id].allowed)]
    mine.sort(key=lambda item: (ORDER[item.action], item.due_at or FAR, item.assignment_id))
    locked = sum(
        1 for item in items if item.published and not item.state and not access[item.course_id].allowed
    )
    return render(
        "homework/index.html",
        todo=[item for item in mine if item.action in ("revise", "late", "write", "soon")],
        waiting=[item for item in mine if item.action == "wait"],
        done=[item for item in mine if item.action in ("done", "used_up", "closed")],
        locked=locked,
        asked=asked,
        worth=worth,
        earns=_earns(),
    )


@bp.route("/<int:assignment_id>", methods=["GET", "POST"])
@allow("anyone")
def show(assignment_id: int) -> Any:
    """The brief, the rubric, what I handed in and what was said of it; a POST hands in."""
    actor = current_actor_or_none()
    if request.method == "POST" and "preview" not in request.form and actor is None:
        # The guard of one's own list asks to sign in.
        return see_other(".index")
    form = SubmitForm()
    if request.method == "POST" and "preview" not in request.form:
        done = _hand_in(assignment_id, form)
        if done is not None:
            return done
    page = assignment_page(assignment_id, actor, form)
    return (page, 422) if form.errors else page


def limits_of(ident: int | None) -> uploads.Limits:
    """How much an attempt of a member may carry: twice as much where their level on the path says so."""
    settings, book = club().settings, club().level_book
    more = False
    if ident is not None and book is not None:
        with reading() as session:
            more = "more_files" in book.rights_of(session, ident)
    times = 2 if more else 1
    return uploads.Limits(settings.upload_max_files * times, settings.upload_max_bytes * times)


def _hand_in(assignment_id: int, form: SubmitForm) -> Any:
    """Hand in what the form holds; None when the form has to be shown again."""
    actor, ident, moment = current_actor(), member_id(), now()
    limits = limits_of(ident)
    body = (form.body_md.data or "").replace("\r\n", "\n")

    attempt = 0
    with form_errors(form):
        # Measured while they are read: one byte more than allowed is enough to know.
        came = [
            uploads.Upload(one.filename or "", one.stream.read(limits.max_bytes + 1))
            for one in request.files.getlist("files")[: limits.max_files + 1]
            if one.filename
        ]
        checked = uploads.check_all(came, limits)
        uploads.scan_all(club().scanner, checked)
        with stored(club().files, checked, folder="homework") as kept:

            def command(session: Session) -> int:
                row = queries.assignment_row(session, assignment_id, staff=actor.has("instructor"))
                opens = club().course_access(session, actor=actor, course_ids=[row.course_id], now=moment)
                return services.submit(
                    session,
                    assignment_id=assignment_id,
                    member_id=ident,
                    body_md=body,
                    files=kept,
                    access=opens[row.course_id],
                    now=moment,
                    actor=actor,
                    group_ids=club().group_book.of_member(session, ident),
                    link=form.link.data or "",
                ).attempt

            attempt = transact(command)
    if not attempt:
        if wants_json():
            # The page with the text and the chosen files is still there: only what is wrong is told.
            return jsonify(errors=[str(one) for found in form.errors.values() for one in found]), 422
        if any(one.filename for one in request.files.getlist("files")):
            again = _("Choose your files again: a browser does not keep them.")
            form.files.errors = [*form.files.errors, again]
        return None
    flash(
        _(
            "Handed in. An instructor reads it within %(days)s days; you get a mail.",
            days=rules.TURNAROUND.days,
        )
        if attempt == 1
        else _("Handed in again, attempt %(n)s. You get a mail when it is reviewed.", n=attempt)
    )
    if wants_json():
        return jsonify(to=url_for(".show", assignment_id=assignment_id, _anchor="mine"))
    return see_other(".show", assignment_id=assignment_id, _anchor="mine")


def assignment_page(
    assignment_id: int, actor: Actor | None, form: SubmitForm, *, team_wrong: str = "", team_typed: str = ""
) -> str:
    """An assignment's page as *actor* sees it.

    Args:
        team_wrong: why nobody was asked into the team by the number *team_typed*.
    """
    moment = now()
    ident = actor.member_id if actor else None
    with reading() as session:
        row = queries.assignment_row(
            session, assignment_id, staff=actor is not None and actor.has("instructor")
        )
        access = club().course_access(session, actor=actor, course_ids=[row.course_id], now=moment)[
            row.course_id
        ]
        criteria = queries.criteria(session, row.rubric_id)
        worth = queries.worth(session) if _earns() else NOTHING
        mine = (
            queries.own_submission(session, assignment_id=assignment_id, member_id=ident) if ident else None
        )
        attempts = queries_attempts.attempts(session, mine.id) if mine else []
        fair = fairness_of(session, mine.id, ident, moment) if ident and mine else None
        if mine and fair and row.blind == "both" and mine.unreleased:
            somebody = _("an instructor")
            attempts = queries_blind.unnamed(attempts, somebody)
            fair = queries_blind.unnamed_fair(fair, somebody)
        more: dict[int, list[queries_extensions.More]] = {}
        draft, together = queries_drafts.Draft(), queries_teams.Together()
        if ident and row.team_max is not None:
            together = queries_teams.together(
                session, assignment_id=assignment_id, member_id=ident, submission_id=mine.id if mine else None
            )
            if together.team is not None:
                draft = queries_drafts.draft_of_team(session, together.team.id)
        elif ident:
            draft = queries_drafts.draft(session, assignment_id=assignment_id, member_id=ident)
        if ident:
            more = queries_extensions.of_member(
                session,
                member_id=ident,
                group_ids=club().group_book.of_member(session, ident),
                assignment_id=assignment_id,
            )
    own = rules_work.Deadlines(row.opens_at, row.due_at, row.cut_off_at, row.late_policy, row.late_percent)
    deadlines = rules_work.extended(own, more.get(assignment_id, ()))
    action = rules.next_action(
        state=mine.state if mine else None,
        attempt=mine.attempt - mine.withdrawn if mine else 0,
        max_attempts=row.max_attempts,
        opens_at=row.opens_at,
        due_at=deadlines.due_at,
        now=moment,
        closes_at=deadlines.closes_at,
    )
    if request.method == "GET" or team_wrong:
        form.draft_version.data = str(draft.version)
        if draft.body_md or draft.link:
            form.body_md.data, form.link.data = draft.body_md, draft.link
        elif attempts and action in ("revise", "write", "late"):
            # Revising starts from what was handed in, not from an empty page; so does what was taken back.
            form.body_md.data, form.link.data = attempts[0].body_md, attempts[0].link
    most = limits_of(ident)
    parts = rules_parts.parts_of(row.text_part, row.file_part, row.file_kinds, row.link_part)
    previewing = request.method == "POST" and "preview" in request.form
    return render_alike(
        "homework/show.html",
        work=row,
        access=access,
        why=why_locked(access),
        ways=ways_in(access),
        when=opens_when(access),
        criteria=criteria,
        worth=worth.of(row.points_accepted, row.points_featured),
        earns=_earns(),
        mine=mine,
        attempts=attempts,
        fair=fair,
        action=action,
        deadlines=deadlines,
        more_time=deadlines != own,
        off=rules_work.taken_off(deadlines, moment),
        can_take_back=mine is not None
        and mine.state == "waiting"
        and not (mine.claimed_until and mine.claimed_until > moment),
        form=form if actor else None,
        draft=draft,
        draft_key=f"{ident}:{assignment_id}",
        team=together.team,
        invitations=together.invitations,
        agreed=together.agreed,
        awaited=together.awaited,
        team_wrong=team_wrong,
        team_typed=team_typed,
        parts=parts,
        accept=",".join(rules_parts.endings(parts)),
        promised=rules.TURNAROUND.days,
        max_files=most.max_files,
        max_mb=max(1, most.max_bytes // 1_000_000),
        preview=render_markdown(form.body_md.data or "") if previewing else None,
    )


@bp.post("/preview")
@allow("signed_in")
def preview() -> Any:
    """The rendered text of what is being written: a fragment, for work and for comments."""
    text = request.form.get("body_md") or request.form.get("comment_md") or request.form.get("brief_md") or ""
    return render("homework/_preview.html", html=render_markdown(text[:60_000]))


@bp.post("/<int:submission_id>/take-back")
@allow("signed_in")
def take_back(submission_id: int) -> Any:
    """Take work back before anybody reads it."""
    ident, moment = member_id(), now()
    with unit_of_work() as session:
        services.take_back(session, submission_id=submission_id, member_id=ident, now=moment)
        assignment_id = queries.assignment_of(session, submission_id)
    flash(_("Your work is back with you; its text stands in the form below. Nobody has read it."))
    return see_other(".show", assignment_id=assignment_id, _anchor="mine")


@bp.get("/<int:assignment_id>/receipt/<int:attempt>")
@allow("signed_in")
def receipt(assignment_id: int, attempt: int) -> Any:
    """What was handed in when, with the hash that proves it, to keep or to print."""
    with reading() as session:
        row = queries.assignment_row(session, assignment_id, staff=True)
        proof = queries_receipt.receipt(
            session, assignment_id=assignment_id, member_id=member_id(), attempt=attempt
        )
    return render("homework/receipt.html", work=row, proof=proof)


@bp.get("/files/<int:file_id>")
@allow("signed_in")
def file(file_id: int) -> Response:
    """A file, for its author and for instructors; to everybody else there is none."""
    actor = current_actor()
    with reading() as session:
        row = queries.file_row(session, file_id)
        name = queries_blind.file_name_shown(session, file_id, viewer=actor.member_id) or row.name
        own = queries_teams.is_mine(session, row.submission_id, actor.member_id)
    if not own and not actor.has("instructor"):
        raise NotFound()
    return attachment(row, name=row.name if own else name)


@bp.post("/<int:submission_id>/consent")
@allow("signed_in")
def consent(submission_id: int) -> Any:
    """Let featured work be shown, or take that back at once."""
    ident, moment = member_id(), now()
    agree = request.form.get("agree") == "yes"
    with unit_of_work() as session:
        verb = services.consent if agree else services.withdraw
        entry = verb(session, submission_id=submission_id, member_id=ident, now=moment)
        shown = entry.consented_at is not None
        assignment_id = queries.assignment_of(session, submission_id)
    flash(
        _("Your work is in the showcase now. You can take it out whenever you like.")
        if shown
        else _("Your yes is noted. Your team's work is shown once all of you have said so.")
        if agree
        else _("Your work is out of the showcase, from this moment on.")
    )
    return see_other(".show", assignment_id=assignment_id, _anchor="showcase")


def _earns() -> bool:
    me = current_me()
    return me is not None and me.number is not None
