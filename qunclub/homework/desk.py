"""The review desk: the longest waiting first, one reviewer at a time, no text lost."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Invalid, NotFound, Stale, render_markdown
from qunclub.web import (
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
    page_number,
    reading,
    register,
    render,
    see_other,
    transact,
    unit_of_work,
)

from . import queries, queries_desk, rules, services_review
from .queries_desk import Filters

bp = Blueprint("desk", __name__, url_prefix="/desk")
register(
    NavItem(
        area="desk",
        label=_l("Review desk"),
        endpoint="qunclub.desk.index",
        icon="inbox",
        order=10,
        role="instructor",
    )
)


def _lease() -> dt.timedelta:
    return dt.timedelta(minutes=club().settings.review_lease_minutes)


def _number(name: str) -> int | None:
    return request.values.get(name, type=int)


def _kept() -> dict[str, Any]:
    """The filters of this request, to be handed on in links."""
    kept = {"course": _number("course"), "assignment": _number("assignment")}
    return {key: value for key, value in kept.items() if value}


@bp.get("")
@allow("instructor")
def index() -> Any:
    """The queue."""
    moment, me = now(), member_id()
    mine = request.args.get("mine") == "1"
    filters = Filters(
        course_id=_number("course"), assignment_id=_number("assignment"), mine=me if mine else None
    )
    with reading() as session:
        page = queries_desk.queue(session, filters, now=moment, page=page_number())
        stats = queries_desk.stats(session, member_id=me, now=moment)
        works = queries_desk.assignment_choices(session)
    return render(
        "homework/desk.html",
        page=page,
        stats=stats,
        works=works,
        courses={row.course_id: row.course for row in works},
        filters=filters,
        kept=_kept(),
        mine=mine,
        moment=moment,
        promised=rules.TURNAROUND.days,
    )


@bp.post("/next")
@allow("instructor")
def claim_next() -> Any:
    """Claim the longest waiting free one and open it."""
    actor, moment = current_actor(), now()
    with unit_of_work() as session:
        found = services_review.claim_next(
            session,
            actor=actor,
            lease=_lease(),
            now=moment,
            course_id=_number("course"),
            assignment_id=_number("assignment"),
        )
        found_id = found.id if found else None
    if found_id is None:
        flash(_("Nothing waits that you could claim. Well done."), "info")
        return see_other(".index", **_kept())
    return see_other(".show", submission_id=found_id, **_kept())


@bp.post("/<int:submission_id>/claim")
@allow("instructor")
def claim(submission_id: int) -> Any:
    """Hold a submission, or hold it longer."""
    actor, moment = current_actor(), now()
    with unit_of_work() as session:
        services_review.claim(session, submission_id=submission_id, actor=actor, lease=_lease(), now=moment)
    return see_other(".show", submission_id=submission_id, **_kept())


@bp.post("/<int:submission_id>/release")
@allow("instructor")
def release(submission_id: int) -> Any:
    """Give it back to the queue."""
    with unit_of_work() as session:
        services_review.release_claim(session, submission_id=submission_id, actor=current_actor(), now=now())
    flash(_("Back in the queue."), "info")
    return see_other(".index", **_kept())


@bp.get("/<int:submission_id>")
@allow("instructor")
def show(submission_id: int) -> Any:
    """The submission beside its rubric."""
    return _page(submission_id)


@bp.post("/<int:submission_id>")
@allow("instructor")
def save(submission_id: int) -> Any:
    """Judge it. A stale save changes nothing, shows what happened meanwhile, and keeps what was typed."""
    actor, moment = current_actor(), now()
    if "preview" in request.form:
        return _page(submission_id)
    try:
        version, scores = request.form.get("version", 0, type=int), _scores()

        def command(session: Session) -> None:
            services_review.review(
                session,
                submission_id=submission_id,
                version=version,
                verdict=request.form.get("verdict", ""),
                scores=scores,
                comment_md=request.form.get("comment_md", "").replace("\r\n", "\n"),
                actor=actor,
                now=moment,
            )

        transact(command)
    except Stale as error:
        return _page(submission_id, stale=explain(error)), 409
    except Invalid as error:
        return _page(submission_id, wrong={error.field: explain(error)}), 422
    flash(_("Saved. The author is told by mail."))
    return claim_next() if "next" in request.form else see_other(".index", **_kept())


def _scores() -> dict[int, int]:
    """The scores that were typed; an empty field is no score."""
    found = {}
    for name, value in request.form.items():
        key = name.removeprefix("score-")
        if name.startswith("score-") and key.isdigit() and value.strip():
            try:
                found[int(key)] = int(value)
            except ValueError:
                raise Invalid(
                    N_("A score lies between 0 and the criterion's maximum."), field="scores"
                ) from None
    return found


def _page(submission_id: int, *, stale: str = "", wrong: dict[str, str] | None = None) -> str:
    moment, me = now(), member_id()
    with reading() as session:
        row = queries_desk.desk_row(session, submission_id)
        criteria = queries.criteria(session, row.rubric_id)
        # What its author took back is theirs alone.
        attempts = [one for one in queries.attempts(session, submission_id) if one.withdrawn_at is None]
        if not attempts:
            raise NotFound()
    held_by_other = rules.held_by_other(row.claimed_by, row.claimed_until, member_id=me, now=moment)
    held = row.claimed_by == me and row.claimed_until is not None and row.claimed_until > moment
    typed = request.form if request.method == "POST" else {}
    return render(
        "homework/desk_show.html",
        row=row,
        criteria=criteria,
        attempt=attempts[0],
        earlier=attempts[1:],
        held=held,
        held_by_other=held_by_other,
        own=row.member_id == me,
        late=row.submitted_at < moment - rules.TURNAROUND,
        typed=typed,
        stale=stale,
        wrong=wrong or {},
        kept=_kept(),
        html=_preview(typed),
    )


def _preview(typed: Any) -> str | None:
    return render_markdown(typed.get("comment_md", "")) if "preview" in typed else None
