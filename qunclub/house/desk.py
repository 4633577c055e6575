"""The hosts' queue of reports: hold one, dismiss it, or say what follows; and the log of what was decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session

from qunclub.kernel import ClubError, Conflict, Forbidden
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
)

from . import queries, queries_exceptions, services_appeals, services_reports, services_sanctions, subjects
from .forms import ActForm, AnswerForm, ReasonForm, SanctionForm
from .views_words import COMMON

bp = Blueprint("house_desk", __name__, url_prefix="/desk/reports")
register(
    NavItem(
        area="desk",
        label=_l("Reports"),
        endpoint="qunclub.house_desk.index",
        icon="flag",
        order=40,
        role="host",
        count=services_reports.waiting,
    )
)


@bp.get("")
@allow("host")
def index() -> Any:
    """What waits, the longest waiting first."""
    with reading() as session:
        return render(
            "house/desk.html",
            page=queries.queue(session, but=current_actor().member_id, after=request.args.get("after", "")),
            label=subjects.label,
            now=now(),
            me=current_actor().member_id,
            **_counts(session),
            **COMMON,
        )


def _counts(session: Session) -> dict[str, int]:
    return {
        "waiting": services_reports.waiting(session),
        "appealed": services_reports.waiting(session, services_reports.APPEALS),
    }


@bp.get("/<int:report_id>")
@allow("host")
def show(report_id: int) -> Any:
    """One report with what led to it."""
    return _page(report_id)


@bp.post("/<int:report_id>/claim")
@allow("host")
def claim(report_id: int) -> Any:
    """Hold it."""
    transact(
        lambda work: services_reports.claim(work, report_id=report_id, actor=current_actor(), now=now()).id
    )
    return see_other(".show", report_id=report_id)


@bp.post("/<int:report_id>/release")
@allow("host")
def release(report_id: int) -> Any:
    """Give it back."""
    transact(
        lambda work: services_reports.release(work, report_id=report_id, actor=current_actor(), now=now())
    )
    return see_other(".index")


@bp.post("/<int:report_id>/dismiss")
@allow("host")
def dismiss(report_id: int) -> Any:
    """No rule was broken."""
    form = AnswerForm()
    return _decided(
        form,
        lambda work: (
            services_reports.dismiss(
                work, report_id=report_id, answer=form.answer.data or "", actor=current_actor(), now=now()
            ).id
        ),
        lambda wrong: _page(report_id, dismissing=form, wrong=wrong),
        _("Dismissed; whoever reported it is told why."),
    )


@bp.post("/<int:report_id>/decide")
@allow("host")
def decide(report_id: int) -> Any:
    """A rule was broken: what follows."""
    form = SanctionForm()
    return _decided(
        form,
        lambda work: (
            services_sanctions.decide(
                work,
                report_id=report_id,
                act=form.act.data,
                days=form.days.data or 0,
                reason=form.reason.data or "",
                departure=form.departure.data or "",
                actor=current_actor(),
                now=now(),
            ).id
        ),
        lambda wrong: _page(report_id, deciding=form, wrong=wrong),
        _("Decided. The member is told why, what remains theirs, and how to appeal."),
    )


def _decided(form: Any, command: Callable[[Session], int], page: Callable[[str], Any], done: str) -> Any:
    """Run *command*; what was typed stays on the page when it is refused."""
    wrong = ""
    if form.validate_on_submit():
        try:
            with form_errors(form):
                transact(command)
                flash(done)
                return see_other(".index")
        except Conflict as error:
            wrong = explain(error)
    return page(wrong), 409 if wrong else 422


def _page(report_id: int, *, deciding: Any = None, dismissing: Any = None, wrong: str = "") -> str:
    actor, moment = current_actor(), now()
    with reading() as session:
        case = queries.case(session, report_id, now=moment)
        if actor.member_id == case.author.id:
            # Who reported a host is not told to them either.
            raise Forbidden(services_reports.OWN_CASE, how=services_reports.ANOTHER)
        refused = _refusal(session, case, actor)
        held = case.row.claimed_by == actor.member_id and (case.row.claimed_until or moment) > moment
        taken = not held and case.row.claimed_by is not None and (case.row.claimed_until or moment) > moment
        if deciding is None:
            deciding = SanctionForm(formdata=None, data={"act": case.rung.act, "days": case.rung.days})
        return render(
            "house/desk_report.html",
            case=case,
            label=subjects.label(case.row.subject_kind),
            place=_place(session, case),
            refused=refused,
            held=held,
            taken=taken,
            deciding=deciding,
            dismissing=dismissing or AnswerForm(formdata=None),
            wrong=wrong,
            now=moment,
            **COMMON,
        )


def _refusal(session: Session, case: queries.Case, actor: Any) -> str:
    if actor.member_id in case.parties:
        return _("Nobody judges a case of their own. Another host decides it.")
    try:
        services_reports.refuse_rank(session, case.author.id, actor)
    except ClubError as error:
        return explain(error) + " " + _("An admin decides it.")
    return ""


def _place(session: Session, case: queries.Case) -> tuple[str, dict[str, Any]] | None:
    """Where the thing itself is seen, when it is there still and has a page."""
    try:
        found = subjects.find(session, case.row.subject_kind, case.row.subject_id)
    except ClubError:
        return None
    return (found.endpoint, dict(found.values)) if found.endpoint else None


@bp.route("/seats/<int:seat_id>", methods=["GET", "POST"])
@allow("host")
def act(seat_id: int) -> Any:
    """Sanction what a host saw, without a report."""
    actor, moment, wrong = current_actor(), now(), ""
    form = ActForm()
    with reading() as session:
        seated = queries.seated(session, seat_id, now=moment)
        services_reports.refuse_rank(session, seated.member.id, actor)
        if not form.is_submitted():
            form.act.data, form.days.data = seated.rung.act, seated.rung.days
    if form.validate_on_submit():
        try:
            with form_errors(form):
                line = transact(
                    lambda work: (
                        services_sanctions.sanction_seat(
                            work,
                            seat_id=seat_id,
                            category=form.category.data,
                            act=form.act.data,
                            days=form.days.data or 0,
                            reason=form.reason.data or "",
                            departure=form.departure.data or "",
                            actor=actor,
                            now=moment,
                        ).id
                    )
                )
                flash(_("Decided. The member is told why, what remains theirs, and how to appeal."))
                return see_other(".sanction", sanction_id=line)
        except Conflict as error:
            wrong = explain(error)
    with reading() as session:
        seated = queries.seated(session, seat_id, now=moment)
        page = render("house/desk_act.html", seated=seated, form=form, wrong=wrong, now=moment, **COMMON)
    return page, 409 if wrong else 422 if form.errors else 200


@bp.get("/log")
@allow("host")
def log() -> Any:
    """What was decided, the newest first."""
    group_id = request.args.get("group", type=int)
    with reading() as session:
        return render(
            "house/desk_log.html",
            page=queries.log(session, group_id=group_id, after=request.args.get("after", "")),
            group_id=group_id,
            now=now(),
            **_counts(session),
            **COMMON,
        )


@bp.get("/appeals")
@allow("admin")
def appeals() -> Any:
    """Members who ask for another look, the longest waiting first."""
    with reading() as session:
        return render(
            "house/desk_appeals.html",
            page=queries.appeals(session, after=request.args.get("after", "")),
            wishes=queries_exceptions.waiting(session, after=request.args.get("after_wish", "")),
            now=now(),
            **_counts(session),
            **COMMON,
        )


@bp.get("/sanctions/<int:sanction_id>")
@allow("host")
def sanction(sanction_id: int) -> Any:
    """One decision, what became of it, and for admins: the appeal, and taking it back."""
    return _sanction_page(sanction_id)


def _sanction_page(
    sanction_id: int, *, answering: Any = None, overturning: Any = None, wrong: str = ""
) -> str:
    actor = current_actor()
    with reading() as session:
        line = queries.sanction(session, sanction_id)
        refused = services_appeals.refused(session, line.row, actor)
        return render(
            "house/desk_sanction.html",
            line=line,
            refused=explain(refused) if refused is not None else "",
            mine=line.row.member_id == actor.member_id,
            admin=actor.has("admin"),
            answering=answering or AnswerForm(formdata=None),
            overturning=overturning or ReasonForm(formdata=None),
            wrong=wrong,
            now=now(),
            **COMMON,
        )


@bp.post("/sanctions/<int:sanction_id>/overturn")
@allow("admin")
def overturn(sanction_id: int) -> Any:
    """Take it back; the member is told."""
    form, wrong = ReasonForm(), ""
    if form.validate_on_submit():
        try:
            with form_errors(form):
                transact(
                    lambda work: (
                        services_sanctions.overturn(
                            work,
                            sanction_id=sanction_id,
                            reason=form.reason.data or "",
                            actor=current_actor(),
                            now=now(),
                        ).id
                    )
                )
                flash(_("Taken back. The member is told."))
                return see_other(".sanction", sanction_id=sanction_id)
        except Conflict as error:
            wrong = explain(error)
    return _sanction_page(sanction_id, overturning=form, wrong=wrong), 409 if wrong else 422


@bp.post("/appeals/<int:appeal_id>/answer")
@allow("admin")
def answer(appeal_id: int) -> Any:
    """Uphold an appeal or decline it, with a reason either way."""
    form, wrong = AnswerForm(), ""
    with reading() as session:
        sanction_id = queries.appealed(session, appeal_id)
    verb = services_appeals.uphold if request.form.get("outcome") == "uphold" else services_appeals.decline
    if form.validate_on_submit():
        try:
            with form_errors(form):
                transact(
                    lambda work: (
                        verb(
                            work,
                            appeal_id=appeal_id,
                            answer=form.answer.data or "",
                            actor=current_actor(),
                            now=now(),
                        ).id
                    )
                )
                flash(_("Answered. The member is told."))
                return see_other(".appeals")
        except Conflict as error:
            wrong = explain(error)
    return _sanction_page(sanction_id, answering=form, wrong=wrong), 409 if wrong else 422
