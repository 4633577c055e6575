"""The review desk: the longest waiting first, one reviewer at a time, no text lost."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session

from qunclub.courses import differences
from qunclub.kernel import N_, Conflict, Invalid, NotFound, Stale, render_markdown
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

from . import (
    queries,
    queries_blind,
    queries_desk,
    queries_release,
    queries_second,
    queries_writing,
    rules,
    rules_desk,
    services_desk,
    services_review,
)
from .models import Submission
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


def lease() -> dt.timedelta:
    """How long a claim lasts."""
    return dt.timedelta(minutes=club().settings.review_lease_minutes)


def _number(name: str) -> int | None:
    return request.values.get(name, type=int)


def kept() -> dict[str, Any]:
    """The filters of this request, to be handed on in links."""
    found: dict[str, Any] = {name: _number(name) for name in ("course", "assignment", "group")}
    found["state"] = _state() if _state() != "waiting" else None
    found |= {name: 1 if request.values.get(name) == "1" else None for name in ("mine", "late")}
    return {key: value for key, value in found.items() if value}


def _state() -> str:
    state = request.values.get("state", "")
    return state if state in rules_desk.STATES else "waiting"


def _filters() -> Filters:
    group, wanted = _number("group"), kept()
    return Filters(
        course_id=_number("course"),
        assignment_id=_number("assignment"),
        mine=member_id() if "mine" in wanted else None,
        state=_state(),
        late="late" in wanted,
        members=club().group_book.members_of(group) if group else None,
        viewer=member_id(),
    )


@bp.get("")
@allow("instructor")
def index() -> Any:
    """The queue."""
    moment, me = now(), member_id()
    filters = _filters()
    with reading() as session:
        page = queries_desk.queue(session, filters, now=moment, page=page_number())
        stats = queries_desk.stats(session, member_id=me, now=moment)
        works = queries_desk.assignment_choices(session)
        groups = club().group_book.choices(session)
        drafts = queries_writing.drafts(session, reviewer_id=me)
    return render(
        "homework/desk.html",
        page=page,
        stats=stats,
        works=works,
        courses={row.course_id: row.course for row in works},
        groups=groups,
        drafts=drafts,
        filters=filters,
        group=_number("group"),
        kept=kept(),
        moment=moment,
        promised=rules.TURNAROUND.days,
        longest=(moment - stats.oldest).days if stats.oldest else 0,
    )


@bp.post("/next")
@allow("instructor")
def claim_next() -> Any:
    """Claim the longest waiting free one of the shown queue and open it."""
    actor, moment = current_actor(), now()
    filters = _filters()
    with unit_of_work() as session:
        found_id = None
        for candidate in queries_desk.next_free(session, filters, member_id=member_id(), now=moment):
            try:
                services_review.claim(
                    session, submission_id=candidate, actor=actor, lease=lease(), now=moment
                )
            except Conflict:
                continue  # somebody else was quicker; the next one waits too
            found_id = candidate
            break
    if found_id is None:
        flash(_("Nothing waits that you could claim. Well done."), "info")
        return see_other(".index", **kept())
    return see_other(".show", submission_id=found_id, **kept())


@bp.post("/<int:submission_id>/claim")
@allow("instructor")
def claim(submission_id: int) -> Any:
    """Hold a submission, or hold it longer."""
    actor, moment = current_actor(), now()
    with unit_of_work() as session:
        services_review.claim(session, submission_id=submission_id, actor=actor, lease=lease(), now=moment)
    return see_other(".show", submission_id=submission_id, **kept())


@bp.post("/<int:submission_id>/release")
@allow("instructor")
def release(submission_id: int) -> Any:
    """Give it back to the queue."""
    with unit_of_work() as session:
        services_review.release_claim(session, submission_id=submission_id, actor=current_actor(), now=now())
    flash(_("Back in the queue."), "info")
    return see_other(".index", **kept())


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
    if "phrase" in request.form:
        return _with_phrase(submission_id)
    if "draft" in request.form:
        return _keep_draft(submission_id)
    try:
        version, scores = request.form.get("version", 0, type=int), _scores()

        def command(session: Session) -> str:
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
            services_desk.finish_draft(
                session, submission_id=submission_id, version=_draft_version(), actor=actor
            )
            return session.get_one(Submission, submission_id).state

        state = transact(command)
    except Stale as error:
        return _page(submission_id, stale=explain(error)), 409
    except Invalid as error:
        return _page(submission_id, wrong={error.field: explain(error)}), 422
    flash(
        {
            "waiting": _("Saved. Another instructor judges it too; the author is told when it is decided."),
            "held": _("Saved. The author is told when the results come out together."),
        }.get(state, _("Saved. The author is told by mail."))
    )
    return claim_next() if "next" in request.form else see_other(".index", **kept())


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


def _draft_version() -> int:
    return request.form.get("draft_version", 0, type=int)


def _with_phrase(submission_id: int) -> Any:
    """The form again, with a phrase at the end of the comment: what the script does at the cursor."""
    phrase_id = request.form.get("phrase", 0, type=int)
    with unit_of_work() as session:
        phrase = services_desk.use_phrase(session, phrase_id=phrase_id, actor=current_actor()).body
    comment = request.form.get("comment_md", "").rstrip()
    return _page(submission_id, comment=f"{comment}\n\n{phrase}" if comment else phrase)


def _keep_draft(submission_id: int) -> Any:
    """Keep what was typed without judging; the script does it while one types."""
    actor, moment = current_actor(), now()
    try:
        transact(
            lambda session: services_desk.save_draft(
                session,
                submission_id=submission_id,
                fields=request.form,
                version=_draft_version(),
                actor=actor,
                now=moment,
            )
        )
    except Stale as error:
        return _page(submission_id, clash=explain(error)), 409
    except Invalid as error:
        return _page(submission_id, wrong={error.field: explain(error)}), 422
    flash(_("Draft kept. It waits for you here."), "info")
    return see_other(".show", submission_id=submission_id, **kept())


def _page(
    submission_id: int,
    *,
    stale: str = "",
    clash: str = "",
    wrong: dict[str, str] | None = None,
    comment: str | None = None,
) -> str:
    moment, me = now(), member_id()
    with reading() as session:
        row = queries_desk.desk_row(session, submission_id, viewer=me)
        criteria = queries.criteria(session, row.rubric_id)
        # What its author took back is theirs alone.
        attempts = [one for one in queries.attempts(session, submission_id) if one.withdrawn_at is None]
        if not attempts:
            raise NotFound()
        if row.veiled:
            attempts = queries_blind.masked(attempts)
        seen = queries_second.seen(session, attempts[0].id, me) if row.stage != "first" else False
        opinions = (
            queries_second.opinions(session, attempts[0].id) if row.stage == "third" and not seen else []
        )
        judges_left = queries_second.left(session, submission_id) if row.stage != "first" else 1
        kept_back = queries_release.held(session, submission_id) if row.state == "held" else None
        revising = kept_back is not None and kept_back[0] == me and not row.sampled
        words = queries_release.comment(session, kept_back[1].id) if kept_back and revising else ""
        draft = queries_writing.draft_of(session, submission_id, reviewer_id=me)
        phrases = queries_writing.phrases(session, member_id=me)
    held_by_other = rules.held_by_other(row.claimed_by, row.claimed_until, member_id=me, now=moment)
    held = row.claimed_by == me and row.claimed_until is not None and row.claimed_until > moment
    posted = request.method == "POST"
    typed = dict(request.form) if posted else dict(draft.fields) if draft else {}
    if revising and kept_back and not typed:
        typed = _of_review(kept_back[1], words)
    if comment is not None:
        typed["comment_md"] = comment
    return render(
        "homework/desk_show.html",
        row=row,
        criteria=criteria,
        attempt=attempts[0],
        earlier=attempts[1:],
        changes=differences.lines(attempts[1].body_md, attempts[0].body_md) if attempts[1:] else (),
        held=held,
        held_by_other=held_by_other,
        own=row.member_id == me,
        seen=seen,
        revising=revising,
        verdict_held=kept_back[1] if kept_back and row.member_id != me else None,
        opinions=opinions if row.member_id != me else [],
        judges_left=judges_left,
        late=row.submitted_at < moment - rules.TURNAROUND,
        typed=typed,
        version=typed.get("version") if posted and not stale else row.version,
        draft=draft,
        # A window that saves goes on from the draft it began with, unless both texts have been shown to it.
        draft_version=_draft_version() if posted and not clash else draft.version if draft else 0,
        phrases=phrases,
        posted=posted,
        stale=stale,
        clash=clash,
        wrong=wrong or {},
        kept=kept(),
        html=_preview(typed),
    )


def _of_review(review: queries.ReviewView, words: str) -> dict[str, str]:
    """A judgement as the form that gave it."""
    scores = {f"score-{ident}": str(got) for ident, got in review.points}
    return {"verdict": review.verdict, "comment_md": words, **scores}


def _preview(typed: dict[str, str]) -> str | None:
    return render_markdown(typed.get("comment_md", "")) if "preview" in typed else None
