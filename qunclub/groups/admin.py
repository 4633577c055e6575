"""Group lines for admins: capacities, covenant, seats, the waiting list, removal with a reason."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session

from qunclub.kernel import Conflict, NotFound, render_markdown
from qunclub.members.models import Member
from qunclub.web import (
    NavItem,
    Saving,
    _,
    _l,
    allow,
    csv_response,
    current_actor,
    explain,
    flash,
    form_errors,
    now,
    page_number,
    reading,
    register,
    render,
    see_other,
    transact,
)

from . import entry as hooks
from . import queries, rules, services_bars, services_lines, services_offers
from .forms import (
    ALLOCATION_LABELS,
    KIND_LABELS,
    MOVING_LABELS,
    POSTING_LABELS,
    CovenantForm,
    LineForm,
    NewLineForm,
    PriorityForm,
    RemoveForm,
)
from .models import GroupLine

bp = Blueprint("groups_admin", __name__, url_prefix="/admin/groups")
register(
    NavItem(
        area="admin",
        label=_l("Groups"),
        endpoint="qunclub.groups_admin.index",
        icon="people",
        order=50,
        role="admin",
    )
)

STATE_LABELS = {
    "waiting": _l("Waiting for a seat"),
    "offered": _l("A seat is on offer"),
    "admitted": _l("Has a seat"),
    "left": _l("Left the group"),
    "removed": _l("Removed from the group"),
}


@bp.get("")
@allow("admin")
def index() -> Any:
    """Every line with its room."""
    q = request.args.get("q", "").strip()
    with reading() as session:
        page = queries.lines(session, q=q, page=page_number())
        seats = queries.seats_left(session, [line.id for line in page.items])
        return render("groups/admin_index.html", page=page, seats=seats, q=q, kinds=KIND_LABELS)


@bp.post("/preview")
@allow("admin")
def preview() -> Any:
    """The rendered covenant that is being written: a fragment."""
    text = request.form.get("body_md") or request.form.get("covenant_md") or ""
    return render("groups/_covenant_preview.html", html=render_markdown(text))


@bp.route("/new", methods=["GET", "POST"])
@allow("admin")
def new() -> Any:
    """Make a line; its first group opens with it."""
    form = NewLineForm(data=None if request.form else {"nickname_rule": rules.DEFAULT_NICKNAME})
    if form.validate_on_submit():
        with form_errors(form):
            draft = form.draft()
            line_id = transact(
                lambda session: (
                    services_lines.create_line(
                        session,
                        slug=draft.slug,
                        name=draft.name,
                        capacities=draft.capacities,
                        kind=draft.kind,
                        repeat_last=draft.repeat_last,
                        name_pattern=draft.name_pattern,
                        posting=draft.posting,
                        posting_note=draft.posting_note,
                        nickname_rule=draft.nickname_rule,
                        allocation=draft.allocation,
                        open_at_once=draft.open_at_once,
                        labels=draft.labels,
                        offer_hours=draft.offer_hours,
                        moving=draft.moving,
                        covenant_md=form.covenant_md.data or "",
                        actor=current_actor(),
                        now=now(),
                    ).id
                )
            )
            flash(_("The line is made and its first group is open."))
            return see_other(".show", line_id=line_id)
    return render("groups/admin_edit.html", form=form, line=None), 422 if form.errors else 200


@bp.get("/<int:line_id>")
@allow("admin")
def show(line_id: int) -> Any:
    """One line: its groups filling up, who waits, its covenant."""
    with reading() as session:
        view = queries.line_view(session, line_id)
        return render(
            "groups/admin_show.html",
            view=view,
            line=view.line,
            groups=queries.groups_of(session, line_id),
            written=rules.write_capacities(view.line.capacities),
            kinds=KIND_LABELS,
            postings=POSTING_LABELS,
            ways=ALLOCATION_LABELS,
            moving=MOVING_LABELS,
        )


@bp.route("/<int:line_id>/edit", methods=["GET", "POST"])
@allow("admin")
def edit(line_id: int) -> Any:
    """Change a line; more seats go at once to those who wait."""
    with reading() as session:
        line = _line(session, line_id)
        session.expunge(line)
    form = LineForm(obj=line)
    if not form.is_submitted():
        form.capacities.data = rules.write_capacities(line.capacities)
        form.labels.data = "\n".join(line.labels)
    saving = Saving(form, line.version)
    if form.validate_on_submit():
        with saving:
            draft = form.draft()
            transact(
                lambda session: services_lines.update_line(
                    session,
                    line_id=line_id,
                    version=saving.seen,
                    draft=draft,
                    actor=current_actor(),
                    now=now(),
                )
            )
        if saving.done:
            flash(_("Saved."))
            return see_other(".show", line_id=line_id)
    return render("groups/admin_edit.html", form=form, line=line, stale=saving.stale), saving.status


@bp.route("/<int:line_id>/covenant", methods=["GET", "POST"])
@allow("admin")
def covenant(line_id: int) -> Any:
    """Publish the next version; see the earlier ones."""
    form = CovenantForm()
    if form.validate_on_submit():
        with form_errors(form):
            version = transact(
                lambda session: (
                    services_lines.publish_covenant(
                        session,
                        line_id=line_id,
                        body_md=form.body_md.data or "",
                        actor=current_actor(),
                        now=now(),
                    ).version
                )
            )
            flash(_("Version %(version)s is in force; members are asked to accept it.", version=version))
            return see_other(".show", line_id=line_id)
    with reading() as session:
        line = _line(session, line_id)
        versions = queries.covenant_versions(session, line_id)
        if not form.is_submitted() and versions:
            form.body_md.data = versions[0].body_md
        page = render("groups/admin_covenant.html", form=form, line=line, versions=versions)
    return page, 422 if form.errors else 200


def _filters() -> dict[str, Any]:
    return {
        "q": request.args.get("q", "").strip()[:120],
        "state": request.args.get("state", ""),
        "group_id": request.args.get("group", type=int),
    }


@bp.get("/<int:line_id>/seats")
@allow("admin")
def seats(line_id: int) -> Any:
    """Who sits where, who waits, who left."""
    filters = _filters()
    with reading() as session:
        line = _line(session, line_id)
        page = queries.seats(session, line_id, **filters, page=page_number())
        return render(
            "groups/admin_seats.html",
            line=line,
            page=page,
            groups=queries.groups_of(session, line_id),
            states=STATE_LABELS,
            **filters,
        )


@bp.get("/<int:line_id>/seats.csv")
@allow("admin")
def seats_csv(line_id: int) -> Any:
    """The same list as a table of record."""
    with reading() as session:
        return csv_response("seats", queries.SEATS_HEADER, queries.seats_rows(session, line_id, **_filters()))


@bp.route("/seats/<int:seat_id>/remove", methods=["GET", "POST"])
@allow("admin")
def remove(seat_id: int) -> Any:
    """Take a member out of a group: what happens is shown first, the reason goes to them by mail."""
    form, refused = RemoveForm(), ""
    if form.validate_on_submit():
        moment, scope = now(), form.scope.data
        until = moment + dt.timedelta(days=form.days.data) if form.days.data else None

        def command(session: Session) -> tuple[str, int]:
            seat = services_bars.remove_member(
                session,
                seat_id=seat_id,
                reason=(form.reason.data or "").strip(),
                actor=current_actor(),
                now=moment,
                scope=scope,
                until=until,
            )
            return session.get_one(Member, seat.member_id).shown_name, seat.line_id

        try:
            name, line_id = transact(command)
            flash(
                _("%(name)s is removed and is told why: by mail, and on their groups page.", name=name),
                "warning",
            )
            return see_other(".seats", line_id=line_id)
        except Conflict as error:
            refused = explain(error)
    with reading() as session:
        row = queries.seat_row(session, seat_id)
        line = _line(session, row.seat.line_id)
        opened = hooks.opened_by(session, row.group.id) if row.group else []
        page = render(
            "groups/admin_remove.html", form=form, row=row, line=line, opened=opened, refused=refused
        )
    return page, 409 if refused else 422 if form.errors else 200


@bp.route("/seats/<int:seat_id>/priority", methods=["GET", "POST"])
@allow("admin")
def priority(seat_id: int) -> Any:
    """Let somebody on the waiting list come sooner, with a reason for the log."""
    form, refused = PriorityForm(), ""
    if form.validate_on_submit():
        try:
            line_id = transact(
                lambda session: (
                    services_offers.set_priority(
                        session,
                        seat_id=seat_id,
                        priority=form.priority.data or 0,
                        reason=(form.reason.data or "").strip(),
                        actor=current_actor(),
                        now=now(),
                    ).line_id
                )
            )
            flash(_("Saved."))
            return see_other(".seats", line_id=line_id, state="waiting")
        except Conflict as error:
            refused = explain(error)
    with reading() as session:
        row = queries.seat_row(session, seat_id)
        if not form.is_submitted():
            form.priority.data = -row.seat.turn
        page = render(
            "groups/admin_priority.html",
            form=form,
            row=row,
            line=_line(session, row.seat.line_id),
            refused=refused,
        )
    return page, 409 if refused else 422 if form.errors else 200


def _line(session: Any, line_id: int) -> GroupLine:
    line = session.get(GroupLine, line_id)
    if line is None:
        raise NotFound()
    found: GroupLine = line
    return found
