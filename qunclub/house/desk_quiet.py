"""When groups are open, how slowly they are written in, and who is muted in them, for hosts."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from qunclub.groups.models import Group, GroupLine
from qunclub.kernel import NotFound, Stale
from qunclub.web import (
    NavItem,
    _,
    _l,
    allow,
    current_actor,
    explain,
    flash,
    form_errors,
    now,
    reading,
    register,
    render,
    see_other,
    transact,
    version_in,
)

from . import queries, queries_exceptions, rules_windows, services_quiet
from .forms import MuteForm, ScheduleForm
from .views_words import COMMON, ROLES

bp = Blueprint("house_quiet", __name__, url_prefix="/desk/quiet")
register(
    NavItem(
        area="desk",
        label=_l("Open hours"),
        endpoint="qunclub.house_quiet.index",
        icon="clock-history",
        order=41,
        role="host",
    )
)


@bp.get("")
@allow("host")
def index() -> Any:
    """Every group with the hours in force."""
    with reading() as session:
        page = queries.quiet_list(session, after=request.args.get("after", ""))
        return render("house/quiet.html", page=page, **COMMON)


@bp.route("/lines/<int:line_id>", methods=["GET", "POST"])
@allow("host")
def line(line_id: int) -> Any:
    """The hours of a whole line."""
    with reading() as session:
        row = session.get(GroupLine, line_id)
        if row is None:
            raise NotFound()
        name = row.name
    return _schedule(line_id, None, name)


@bp.route("/<int:group_id>", methods=["GET", "POST"])
@allow("host")
def group(group_id: int) -> Any:
    """The hours of a group, and its mutes."""
    with reading() as session:
        row = _group(session, group_id)
        line_id, name = row.line_id, row.name
    return _schedule(line_id, group_id, name)


def _group(session: Any, group_id: int) -> Group:
    row: Group | None = session.get(Group, group_id)
    if row is None:
        raise NotFound()
    return row


def _schedule(line_id: int, group_id: int | None, name: str) -> Any:
    form, stale = ScheduleForm(), ""
    if form.validate_on_submit():
        try:
            with form_errors(form):
                windows = rules_windows.parse(form.windows.data or "")
                transact(
                    lambda work: (
                        services_quiet.set_schedule(
                            work,
                            line_id=line_id,
                            group_id=group_id,
                            windows=windows,
                            slow_seconds=form.slow_seconds.data or 0,
                            version=version_in(form.version.data),
                            actor=current_actor(),
                            now=now(),
                        ).id
                    )
                )
                flash(_("Saved."))
                return see_other(".index")
        except Stale as error:
            stale = explain(error)
    return _page(line_id, group_id, name, form=form, stale=stale)


def _page(
    line_id: int,
    group_id: int | None,
    name: str,
    *,
    form: ScheduleForm | None = None,
    muting: MuteForm | None = None,
    stale: str = "",
) -> Any:
    moment = now()
    with reading() as session:
        kept = queries.schedule(session, line_id=line_id, group_id=group_id)
        shown = kept
        if kept is None and group_id is not None:
            shown = queries.schedule(session, line_id=line_id, group_id=None)
        if form is None:
            form = ScheduleForm(formdata=None)
        if form.windows.raw_data is None:
            form.windows.data = rules_windows.write(rules_windows.from_json(shown.windows)) if shown else ""
            form.slow_seconds.data = shown.slow_seconds if shown else 0
            form.version.data = str(kept.version) if kept else "0"
        elif stale:
            # What was typed stays; saving again from here is a decision, so it carries the new version.
            form.version.data = str(kept.version) if kept else "0"
        page = render(
            "house/quiet_edit.html",
            line_id=line_id,
            group_id=group_id,
            name=name,
            form=form,
            muting=muting or MuteForm(formdata=None),
            own=kept,
            stale=stale,
            mutes=queries.mutes(session, group_id, now=moment) if group_id is not None else [],
            roles=ROLES,
            granted=queries_exceptions.granted_in(session, group_id, now=moment)
            if group_id is not None
            else [],
            now=moment,
            **COMMON,
        )
    failed = form.errors or (muting is not None and muting.errors)
    return page, 409 if stale else 422 if failed else 200


@bp.post("/<int:group_id>/follow")
@allow("host")
def follow(group_id: int) -> Any:
    """Give a group's own hours up."""
    version = request.form.get("version", 0, type=int)
    transact(
        lambda work: services_quiet.follow_line(
            work, group_id=group_id, version=version, actor=current_actor(), now=now()
        )
    )
    flash(_("The group follows its line again."))
    return see_other(".group", group_id=group_id)


@bp.post("/<int:group_id>/mute")
@allow("host")
def mute(group_id: int) -> Any:
    """Mute a role, or all of the group."""
    form, moment = MuteForm(), now()
    with reading() as session:
        row = _group(session, group_id)
        line_id, name = row.line_id, row.name
    if form.validate_on_submit():
        starts_at, until = form.span(moment)
        with form_errors(form):
            transact(
                lambda work: (
                    services_quiet.mute(
                        work,
                        group_id=group_id,
                        role=form.role.data,
                        reason=form.reason.data or "",
                        starts_at=starts_at,
                        until=until,
                        actor=current_actor(),
                        now=moment,
                    ).id
                )
            )
            flash(_("Muted. Members read the reason on the group's page."))
            return see_other(".group", group_id=group_id)
    return _page(line_id, group_id, name, muting=form)


@bp.post("/mutes/<int:mute_id>/lift")
@allow("host")
def lift(mute_id: int) -> Any:
    """End a mute before its time."""
    group_id = transact(
        lambda work: services_quiet.lift(work, mute_id=mute_id, actor=current_actor(), now=now()).group_id
    )
    flash(_("The mute is lifted."))
    return see_other(".group", group_id=group_id)
