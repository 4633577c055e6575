"""Seasons, for admins: draft, open, look at every outcome before it happens, freeze, publish once, put away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session

from qunclub.members import queries_people
from qunclub.points import KINDS
from qunclub.web import (
    NavItem,
    Saving,
    _,
    _l,
    allow,
    csv_response,
    current_actor,
    flash,
    form_errors,
    now,
    reading,
    register,
    render,
    see_other,
    unit_of_work,
)

from . import (
    ending,
    lists,
    queries,
    queries_appeals,
    queries_review,
    services,
    services_calendar,
    services_leave,
    services_proposal,
)
from . import views_words as words
from .admin_calendar import WithdrawForm
from .admin_review import ExceptionForm, UndoForm
from .forms import EndForm, SeasonForm, data_of, fresh
from .models import SEASON_STATES, Season

bp = Blueprint("seasons_admin", __name__, url_prefix="/admin/seasons")
register(NavItem("admin", _l("Seasons"), "qunclub.seasons_admin.index", "flag", 85, role="admin"))

# What the audit log calls the acts of this room.
ACTS = {
    "season.proposal": _l("Formula brought for the first season"),
    "season.create": _l("Season drafted"),
    "season.update": _l("Season changed"),
    "season.open": _l("Season opened"),
    "season.end": _l("Season ended early"),
    "season.leave": _l("Leave taken for a season"),
    "season.leave_end": _l("Back from leave"),
    "season.freeze": _l("Season frozen"),
    "season.publish": _l("Season published"),
    "season.close": _l("Season put away"),
}
OUTCOME_HEADER = (
    "outcome",
    "place",
    "position",
    "number",
    "name",
    "points",
    "featured",
    "last_day",
    "reason",
)
SNAPSHOT_HEADER = (
    "position", "number", "points", "featured", "last_day", "core", "safe_closings", "member", "bar", "on_leave",
    "outcome",
)  # fmt: skip


@bp.get("")
@allow("admin")
def index() -> Any:
    """All seasons, newest first."""
    q, state = request.args.get("q", "")[:60], request.args.get("state", "")
    state = state if state in SEASON_STATES else ""
    with reading() as session:
        page = lists.listed(session, q=q, state=state, after=request.args.get("after", ""))
        return render("seasons/admin_index.html", page=page, q=q, state=state, states=words.STATES)


def _form(session: Session, **values: Any) -> SeasonForm:
    form = SeasonForm(**values)
    groups = queries.core_groups(session)
    form.group_id.choices = [("", _("No group")), *((str(ident), name) for ident, name in groups)]
    return form


def _edit_page(form: SeasonForm, season: Season | None, stale: str = "") -> Any:
    return render("seasons/admin_edit.html", form=form, season=season, stale=stale)


@bp.get("/new")
@allow("admin")
def new() -> Any:
    """A draft, with the formula of the last season as a proposal."""
    with reading() as session:
        proposal = fresh(
            now(),
            queries.latest(session),
            admins=queries_people.admins(session),
            brought=services_proposal.brought_formula(session),
        )
        return _edit_page(_form(session, formdata=None, data=proposal), None)


@bp.post("/new")
@allow("admin")
def create() -> Any:
    """Make a draft."""
    with reading() as session:
        form = _form(session)
        valid = form.validate_on_submit()
    if valid:
        with form_errors(form), unit_of_work() as session:
            made = services.create_season(session, **form.values(), actor=current_actor(), now=now())
            ident = made.id
        if not form.errors:
            flash(_("The draft is saved. Nobody sees it until you announce it."))
            return see_other(".show", season_id=ident)
    return _edit_page(form, None), 422


@bp.get("/<int:season_id>/edit")
@allow("admin")
def edit(season_id: int) -> Any:
    """Change a draft."""
    with reading() as session:
        season = queries.get(session, season_id)
        return _edit_page(_form(session, formdata=None, data=data_of(season)), season)


@bp.post("/<int:season_id>/edit")
@allow("admin")
def update(season_id: int) -> Any:
    """Save a draft."""
    with reading() as session:
        season = queries.get(session, season_id)
        form = _form(session)
        valid = form.validate_on_submit()
    saving = Saving(form, season.version)
    if valid:
        with saving, unit_of_work() as session:
            services.update_season(
                session,
                season_id=season_id,
                version=saving.seen,
                **form.values(),
                actor=current_actor(),
                now=now(),
            )
        if saving.done:
            flash(_("The draft is saved."))
            return see_other(".show", season_id=season_id)
    with reading() as session:
        return _edit_page(form, queries.get(session, season_id), saving.stale), saving.status


@bp.get("/<int:season_id>")
@allow("admin")
def show(season_id: int) -> Any:
    """One season: where it stands, every outcome with its reason, and the one next step with its effect."""
    return _show(season_id, EndForm(formdata=None))


def show_with(season_id: int, **refused: Any) -> Any:
    """The same page with a form that was refused: ``exception=``, ``undo=`` or ``withdrawal=``."""
    return _show(season_id, EndForm(formdata=None), **refused)


def _show(
    season_id: int,
    end: EndForm,
    exception: ExceptionForm | None = None,
    undo: UndoForm | None = None,
    withdrawal: WithdrawForm | None = None,
) -> Any:
    exception = exception or ExceptionForm(formdata=None)
    undo = undo or UndoForm(formdata=None)
    withdrawal = withdrawal or WithdrawForm(formdata=None)
    refused = any(one.errors for one in (end, exception, undo, withdrawal))
    with reading() as session:
        season = queries.get(session, season_id)
        plan = queries.preview(session, season, now())
        return render(
            "seasons/admin_show.html",
            season=season,
            plan=plan,
            names=queries.names(session, plan),
            group=queries.group_name(session, season.group_id),
            ended=now() >= season.ends_at,
            begun=now() >= season.starts_at,
            states=words.STATES,
            state_names=SEASON_STATES,
            outcomes=words.OUTCOMES,
            reasons=words.REASONS,
            kinds=KINDS,
            away=services_leave.away(session, season.id),
            end=end,
            review=queries_review.review(session, season, plan),
            rulings=words.RULINGS,
            appeals=queries_appeals.open_of(session, season.id),
            exception=exception,
            undo=undo,
            withdrawal=withdrawal,
            me=current_actor().key,
        ), 422 if refused else 200


@bp.get("/<int:season_id>/outcomes.csv")
@allow("admin")
def outcomes(season_id: int) -> Any:
    """Every outcome with its reason, as it was decided or as it would be."""
    with reading() as session:
        season = queries.get(session, season_id)
        plan = queries.preview(session, season, now())
        called = queries.names(session, plan)
    rows: list[tuple[Any, ...]] = [
        (
            one.outcome, one.place, one.position, one.number, called.get(one.row.member, ""), one.row.points,
            one.row.honours, one.row.last_day, one.reason,
        )
        for one in plan.outcomes
    ]  # fmt: skip
    rows += [
        (
            "held", "", row.position, row.number, called.get(row.member, ""), row.points, row.honours, row.last_day,
            row.bar,
        )
        for row in plan.held
    ]  # fmt: skip
    return csv_response(f"season-{season.slug}-outcomes", OUTCOME_HEADER, rows)


@bp.get("/<int:season_id>/snapshot.csv")
@allow("admin")
def snapshot(season_id: int) -> Any:
    """The whole snapshot, row by row, to check the outcome by hand."""
    with reading() as session:
        slug = queries.get(session, season_id).slug

    def rows() -> Iterator[list[Any]]:
        with reading() as session:
            for row, outcome in queries.whole_snapshot(session, season_id):
                yield [
                    row.position, row.number, row.points, row.honours, row.last_day, int(row.core),
                    row.safe_closings, row.member, row.bar, int(row.on_leave), outcome,
                ]  # fmt: skip

    return csv_response(f"season-{slug}-snapshot", SNAPSHOT_HEADER, rows())


def _step(season_id: int, verb: Callable[..., Any], said: str) -> Any:
    with unit_of_work() as session:
        verb(session, season_id=season_id, actor=current_actor(), now=now())
    flash(said)
    return see_other(".show", season_id=season_id)


@bp.post("/<int:season_id>/open")
@allow("admin")
def open_(season_id: int) -> Any:
    """Open a season whose start is past: promise the formula and begin to count."""
    return _step(
        season_id,
        services_calendar.open_late,
        _("The season is open. Its formula is public and cannot change."),
    )


@bp.post("/<int:season_id>/end")
@allow("admin")
def end_early(season_id: int) -> Any:
    """End a running season now, with a reason that everybody reads."""
    form = EndForm()
    if form.validate_on_submit():
        with form_errors(form), unit_of_work() as session:
            ending.end_early(
                session, season_id=season_id, reason=form.reason.data or "", actor=current_actor(), now=now()
            )
        if not form.errors:
            flash(_("The season has ended. Look at every outcome, then freeze the standings."))
            return see_other(".show", season_id=season_id)
    return _show(season_id, form)


@bp.post("/<int:season_id>/freeze")
@allow("admin")
def freeze(season_id: int) -> Any:
    """Write down how everybody stands."""
    return _step(
        season_id,
        services.freeze,
        _("The standings are frozen. Look at every outcome once more, then publish."),
    )


@bp.post("/<int:season_id>/publish")
@allow("admin")
def publish(season_id: int) -> Any:
    """Decide, once."""
    with unit_of_work() as session:
        done = services.publish(session, season_id=season_id, actor=current_actor(), now=now())
    if done.first:
        flash(
            _(
                "The season is published: %(up)s rose, %(stay)s stay, %(down)s left.",
                up=done.promoted,
                stay=done.kept,
                down=done.eliminated,
            )
        )
    else:
        flash(_("Somebody published this season before you. Nothing happened twice."), "info")
    return see_other(".show", season_id=season_id)


@bp.post("/<int:season_id>/close")
@allow("admin")
def close(season_id: int) -> Any:
    """Put a published season away."""
    return _step(season_id, services.close, _("The season is put away. Its result stays readable."))
