"""Contests, for admins: the call, prizes, jury, entries, and the results looked at before they are published."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session

from qunclub.kernel import NotFound, ids, render_markdown
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
    page_number,
    reading,
    register,
    render,
    see_other,
    transact,
    unit_of_work,
)

from . import queries, queries_admin, services, services_admin, services_results
from .forms import ContestForm, JurorForm, PrizeForm, ReasonForm, data_of, fresh
from .models import CONTEST_STATES, ENTRY_STATES, Contest

bp = Blueprint("contests_admin", __name__, url_prefix="/admin/contests")
register(NavItem("admin", _l("Contests"), "qunclub.contests_admin.index", "award", 60, role="admin"))

# What the audit log calls the acts of this room.
ACTS = {
    "contest.create": _l("Contest drafted"),
    "contest.update": _l("Contest changed"),
    "contest.publish": _l("Contest published"),
    "contest.unpublish": _l("Contest taken back"),
    "contest.prize_add": _l("Prize added"),
    "contest.prize_remove": _l("Prize removed"),
    "contest.appoint": _l("Juror appointed"),
    "contest.dismiss": _l("Juror dismissed"),
    "contest.disqualify": _l("Entry disqualified"),
    "contest.results": _l("Results of a contest published"),
    "contest.hand_over": _l("Prize handed over"),
}
HEADER = (
    "place", "entry", "title", "number", "author", "state", "reason", "result", "jury", "scores", "votes", "prize",
    "handed_over_at", "entered_at",
)  # fmt: skip


@bp.get("")
@allow("admin")
def index() -> Any:
    """Every contest."""
    q, state = request.args.get("q", "").strip()[:60], request.args.get("state", "")
    state = state if state in CONTEST_STATES else ""
    moment = now()
    with reading() as session:
        page = queries_admin.admin_list(session, q=q, state=state, page=page_number())
    shown = [(row, services.phase_of(row, moment)) for row in page.items]
    return render("contests/admin_index.html", page=page, shown=shown, q=q, state=state)


@bp.route("/new", methods=["GET", "POST"])
@allow("admin")
def new() -> Any:
    """Write a new contest."""
    form = ContestForm() if request.method == "POST" else ContestForm(formdata=None, data=fresh(now()))
    if form.validate_on_submit() and not _previewing():
        made = None
        with form_errors(form):
            values = form.values()
            values["slug"] = values["slug"] or f"contest-{ids.code(6).lower()}"
            made = transact(
                lambda session: services_admin.create(session, **values, now=now(), actor=current_actor()).id
            )
        if made is not None:
            flash(_("The contest is kept as a draft. Give it prizes and a jury, then publish it."))
            return see_other(".show", contest_id=made)
    return _edit_page(form, None)


@bp.route("/<int:contest_id>/edit", methods=["GET", "POST"])
@allow("admin")
def edit(contest_id: int) -> Any:
    """Change a contest."""
    with reading() as session:
        contest = queries.by_id(session, contest_id)
        session.expunge(contest)
    form = ContestForm() if request.method == "POST" else ContestForm(formdata=None, data=data_of(contest))
    saving = Saving(form, contest.version)
    if form.validate_on_submit() and not _previewing():
        with saving:
            values = form.values()
            values["slug"] = values["slug"] or contest.slug
            transact(
                lambda session: services_admin.save(
                    session,
                    contest_id=contest_id,
                    version=saving.seen,
                    **values,
                    now=now(),
                    actor=current_actor(),
                )
            )
        if saving.done:
            flash(_("Saved."))
            return see_other(".show", contest_id=contest_id)
    return _edit_page(form, contest, saving.stale)


def _edit_page(form: ContestForm, contest: Contest | None, stale: str = "") -> Any:
    page = render(
        "contests/admin_edit.html",
        form=form,
        contest=contest,
        stale=stale,
        theirs=contest.call_md if contest else "",
        preview=render_markdown(form.call_md.data or "") if _previewing() else None,
    )
    return page, 409 if stale else 422 if form.errors else 200


@bp.get("/<int:contest_id>")
@allow("admin")
def show(contest_id: int) -> Any:
    """Where a contest stands: its next step with the exact effect, prizes, jury."""
    return _show(contest_id)


def _show(contest_id: int, prize: PrizeForm | None = None, juror: JurorForm | None = None) -> Any:
    with reading() as session:
        contest = queries.by_id(session, contest_id)
        at = services.phase_of(contest, now())
        page = render(
            "contests/admin_show.html",
            contest=contest,
            phase=at,
            prizes=queries.prizes(session, contest_id),
            jury=queries_admin.jury(session, contest_id),
            entries=queries.taking_part(session, contest_id),
            outcome=services_results.outcome(session, contest),
            names=queries_admin.names(session, contest_id),
            winners=queries.winners(session, contest_id),
            prize_form=prize or PrizeForm(formdata=None),
            juror_form=juror or JurorForm(formdata=None),
        )
    return page, 422 if (prize and prize.errors) or (juror and juror.errors) else 200


@bp.post("/<int:contest_id>/state/<state>")
@allow("admin")
def set_state(contest_id: int, state: str) -> Any:
    """Publish a contest, or take it back while nobody has entered."""
    if state not in ("published", "draft"):
        raise NotFound()
    verb = services_admin.publish if state == "published" else services_admin.unpublish
    with unit_of_work() as session:
        verb(session, contest_id=contest_id, now=now(), actor=current_actor())
    flash(_("The contest is published.") if state == "published" else _("The contest is a draft again."))
    return see_other(".show", contest_id=contest_id)


@bp.post("/<int:contest_id>/prizes")
@allow("admin")
def add_prize(contest_id: int) -> Any:
    """One more prize."""
    form = PrizeForm()
    if form.validate_on_submit():
        with form_errors(form), unit_of_work() as session:
            services_admin.add_prize(
                session,
                contest_id=contest_id,
                title=form.title.data or "",
                first_place=form.first_place.data or 0,
                stock=form.stock.data or 0,
                now=now(),
                actor=current_actor(),
            )
        if not form.errors:
            flash(_("The prize is on the list."))
            return see_other(".show", contest_id=contest_id, _anchor="prizes")
    return _show(contest_id, prize=form)


@bp.post("/<int:contest_id>/prizes/<int:prize_id>/remove")
@allow("admin")
def remove_prize(contest_id: int, prize_id: int) -> Any:
    """Take a prize off the list before entering opens."""
    with unit_of_work() as session:
        services_admin.remove_prize(session, prize_id=prize_id, now=now(), actor=current_actor())
    flash(_("The prize is off the list."))
    return see_other(".show", contest_id=contest_id, _anchor="prizes")


@bp.post("/<int:contest_id>/jury")
@allow("admin")
def appoint(contest_id: int) -> Any:
    """One more juror, by number."""
    form = JurorForm()
    if form.validate_on_submit():
        name = ""
        with form_errors(form), unit_of_work() as session:
            name = services_admin.appoint(
                session,
                contest_id=contest_id,
                who=form.who.data or "",
                now=now(),
                actor=current_actor(),
            ).shown_name
        if not form.errors:
            flash(_("%(name)s is on the jury.", name=name))
            return see_other(".show", contest_id=contest_id, _anchor="jury")
    return _show(contest_id, juror=form)


@bp.post("/<int:contest_id>/jury/<int:member_id>/dismiss")
@allow("admin")
def dismiss(contest_id: int, member_id: int) -> Any:
    """Take somebody off the jury who has not scored."""
    with unit_of_work() as session:
        services_admin.dismiss(
            session, contest_id=contest_id, member_id=member_id, now=now(), actor=current_actor()
        )
    flash(_("The juror is dismissed."))
    return see_other(".show", contest_id=contest_id, _anchor="jury")


@bp.get("/<int:contest_id>/entries")
@allow("admin")
def entries(contest_id: int) -> Any:
    """All entries with votes and scores."""
    q, state = request.args.get("q", "").strip()[:60], request.args.get("state", "")
    state = state if state in ENTRY_STATES else ""
    with reading() as session:
        contest = queries.by_id(session, contest_id)
        page = queries_admin.admin_entries(session, contest_id, q=q, state=state, page=page_number())
        return render("contests/admin_entries.html", contest=contest, page=page, q=q, state=state)


@bp.get("/<int:contest_id>/entries.csv")
@allow("admin")
def entries_csv(contest_id: int) -> Any:
    """The same as a table of record."""
    with reading() as session:
        slug = queries.by_id(session, contest_id).slug
        rows = [
            (
                one.place, one.id, one.title, one.number, one.author, one.state, one.reason,
                _hundredths(one.result), _hundredths(one.jury), one.scored, one.votes, one.prize,
                one.handed_over_at, one.entered_at,
            )
            for one in queries_admin.all_entries(session, contest_id)
        ]  # fmt: skip
    return csv_response(f"contest-{slug}-entries", HEADER, rows)


def _hundredths(value: int | None) -> str | None:
    return None if value is None else f"{value // 100}.{value % 100:02d}"


@bp.route("/<int:contest_id>/entries/<int:entry_id>/disqualify", methods=["GET", "POST"])
@allow("admin")
def disqualify(contest_id: int, entry_id: int) -> Any:
    """Take an entry out, with a reason: what it does is said before."""
    with reading() as session:
        contest = queries.by_id(session, contest_id)
        row = queries.entry(session, contest_id=contest_id, entry_id=entry_id)
        title, author = row.title, row.nickname or row.name
        session.expunge(contest)
    form = ReasonForm()
    if form.validate_on_submit():
        with form_errors(form), unit_of_work() as session:
            services_admin.disqualify(
                session, entry_id=entry_id, reason=form.reason.data or "", now=now(), actor=current_actor()
            )
        if not form.errors:
            flash(_("The entry is out of the contest; its author is told."))
            return see_other(".entries", contest_id=contest_id)
    page = render(
        "contests/admin_disqualify.html", contest=contest, row=row, title=title, author=author, form=form
    )
    return page, 422 if form.errors else 200


@bp.post("/<int:contest_id>/results")
@allow("admin")
def publish_results(contest_id: int) -> Any:
    """Publish the results, once."""
    actor, moment = current_actor(), now()

    def command(session: Session) -> services_results.Published:
        return services_results.publish_results(session, contest_id=contest_id, now=moment, actor=actor)

    done = transact(command)
    if done.first:
        flash(
            _(
                "The results are published: %(places)s places, %(prizes)s prizes.",
                places=done.places,
                prizes=done.prizes,
            )
        )
    else:
        flash(_("Somebody published these results before you. Nothing happened twice."), "info")
    return see_other(".show", contest_id=contest_id)


@bp.post("/<int:contest_id>/given/<int:given_id>/hand-over")
@allow("admin")
def hand_over(contest_id: int, given_id: int) -> Any:
    """Write down that a prize was handed over."""
    with unit_of_work() as session:
        services_results.hand_over(
            session,
            given_id=given_id,
            note=request.form.get("note", ""),
            now=now(),
            actor=current_actor(),
        )
    flash(_("Written down: the prize was handed over."))
    return see_other(".show", contest_id=contest_id, _anchor="winners")


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 10 else 0


def _previewing() -> bool:
    return request.method == "POST" and "preview" in request.form
