"""The review desk: the longest waiting first, one reviewer at a time, no text lost."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import partial
from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session

from qunclub.courses import differences
from qunclub.kernel import N_, Invalid, Stale, render_markdown
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
    reading,
    register,
    render,
    see_other,
    transact,
    unit_of_work,
)

from . import (
    desk_gone,
    desk_remarks,
    desk_sides,
    desk_voice,
    queries,
    queries_attempts,
    queries_blind,
    queries_desk,
    queries_judging,
    queries_similar,
    queries_teams,
    queries_voice,
    queries_writing,
    rules,
    rules_desk,
    rules_remarks,
    rules_sides,
    services_desk,
    services_remarks,
    services_review,
    services_voice,
    voice_files,
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
    found |= {name: 1 if request.values.get(name) == "1" else None for name in ("mine", "late", "for_me")}
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
        for_me=member_id() if "for_me" in wanted else None,
        state=_state(),
        late="late" in wanted,
        members=club().group_book.members_of(group) if group else None,
        seated=partial(club().group_book.seated, group) if group else None,
        viewer=member_id(),
    )


@bp.get("")
@allow("instructor")
def index() -> Any:
    """The queue."""
    moment, me = now(), member_id()
    filters = _filters()
    with reading() as session:
        page = queries_desk.queue(session, filters, now=moment, after=request.args.get("after", ""))
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
        after=request.args.get("after", ""),
        moment=moment,
        promised=rules.TURNAROUND.days,
        longest=(moment - stats.oldest).days if stats.oldest else 0,
    )


@bp.post("/next")
@allow("instructor")
def claim_next() -> Any:
    """Claim the longest waiting free one of the shown queue and open it."""
    actor, moment = current_actor(), now()
    with unit_of_work() as session:
        claimed = services_review.claim_next(
            session, filters=_filters(), actor=actor, lease=lease(), now=moment
        )
        found_id = claimed.id if claimed else None
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
    """Judge it. A stale save changes nothing, shows both versions side by side, and keeps what was typed."""
    actor, moment = current_actor(), now()
    try:
        # Without the script a recording comes with the form, whatever its button; it is kept before anything else.
        desk_voice.keep_sent(submission_id)
    except Invalid as error:
        return _page(submission_id, wrong={error.field: explain(error)}), 422
    if "voice_keep" in request.form:
        return _page(submission_id)
    if "unvoice" in request.form:
        gone = request.form.get("unvoice", 0, type=int)
        with unit_of_work() as session:
            services_voice.throw_away(session, voice_id=gone, actor=actor, now=moment)
        return _page(submission_id)
    if "take" in request.form:
        return _page(submission_id, taken=rules_sides.chosen(request.form, request.form["take"]))
    if "remark" in request.form:
        return _page(submission_id, adding=True)
    if "unremark" in request.form:
        gone = request.form.get("unremark", 0, type=int)
        return _page(submission_id, taken=rules_remarks.without(request.form, gone))
    if "drop_beside" in request.form:
        with unit_of_work() as session:
            services_desk.drop_beside(
                session, submission_id=submission_id, version=_draft_version(), actor=actor
            )
        flash(_("The other versions are gone."), "info")
        return see_other(".show", submission_id=submission_id, **kept())
    if "preview" in request.form:
        return _page(submission_id)
    if "phrase" in request.form:
        return _with_phrase(submission_id)
    if "draft" in request.form:
        return _keep_draft(submission_id)
    try:
        version, scores = request.form.get("version", 0, type=int), _scores()

        def command(session: Session) -> str:
            review = services_review.review(
                session,
                submission_id=submission_id,
                version=version,
                verdict=request.form.get("verdict", ""),
                scores=scores,
                comment_md=request.form.get("comment_md", "").replace("\r\n", "\n"),
                actor=actor,
                now=moment,
            )
            services_remarks.write(session, review, request.form)
            heard = request.form.getlist("voice_id", type=int)
            services_voice.send(session, review=review, ids=heard, actor=actor)
            services_desk.finish_draft(
                session, submission_id=submission_id, version=_draft_version(), actor=actor
            )
            return session.get_one(Submission, submission_id).state

        state = transact(command)
    except Stale as error:
        desk_sides.keep(submission_id, actor, moment)
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
    return _page(
        submission_id,
        taken={**request.form, "comment_md": f"{comment}\n\n{phrase}" if comment else phrase},
    )


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
                shown=rules_sides.shown(request.form),
            )
        )
    except Stale as error:
        desk_sides.keep(submission_id, actor, moment)
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
    taken: dict[str, str] | None = None,
    adding: bool = False,
) -> str:
    moment, me = now(), member_id()
    with reading() as session:
        row = queries_desk.desk_row(session, submission_id, viewer=me)
        criteria = queries.criteria(session, row.rubric_id)
        # What its author took back is theirs alone.
        attempts = [
            one for one in queries_attempts.attempts(session, submission_id) if one.withdrawn_at is None
        ]
        if not attempts:
            typed = request.form if request.method == "POST" else {}
            return desk_gone.page(session, row, typed, viewer=me, kept=kept())
        if row.veiled:
            attempts = queries_blind.masked(attempts)
        unread = queries_judging.unread(session, row, attempts[0].id, viewer=me)
        draft = queries_writing.draft_of(session, submission_id, reviewer_id=me)
        phrases = queries_writing.phrases(session, member_id=me)
        team = queries_teams.authors(session, [row.id]).get(row.id, []) if row.team else []
        voices = queries_voice.drafts(session, submission_id, reviewer_id=me)
        alike = queries_similar.similar(session, attempt_id=attempts[0].id)
        shown = queries_blind.open_attempts(session, [one.attempt_id for one in alike], viewer=me)
    held_by_other = rules.held_by_other(row.claimed_by, row.claimed_until, member_id=me, now=moment)
    held = row.claimed_by == me and row.claimed_until is not None and row.claimed_until > moment
    posted = request.method == "POST"
    typed = dict(request.form) if posted else dict(draft.fields) if draft else {}
    if unread.revising and unread.held and not typed:
        typed = {**unread.held.as_typed, **desk_remarks.as_typed(attempts[0], unread.remarks)}
    elif not unread.revising:
        attempts[0] = replace(attempts[0], remarks=(*attempts[0].remarks, *unread.remarks))
    sides = desk_sides.sides(typed, attempts, draft, stale=bool(stale), clash=bool(clash))
    if taken is not None:
        typed = taken
    wrong = dict(wrong or {})
    if adding:
        try:
            typed = desk_remarks.added(attempts[0])
        except Invalid as error:
            wrong[error.field] = explain(error)
    return render(
        "homework/desk_show.html",
        row=row,
        criteria=criteria,
        attempt=attempts[0],
        earlier=attempts[1:],
        changes=differences.lines(attempts[1].body_md, attempts[0].body_md) if attempts[1:] else (),
        held=held,
        held_by_other=held_by_other,
        own=row.own,
        team=team,
        unread=unread,
        late=row.submitted_at < moment - rules.TURNAROUND,
        typed=typed,
        version=request.form.get("version") if posted and not stale else row.version,
        draft=draft,
        # A window that saves goes on from the draft it began with, unless all texts have been shown to it.
        draft_version=_draft_version() if posted and not (clash or stale) else draft.version if draft else 0,
        sides=sides,
        # What the browser still holds of a review that arrived is no draft any more.
        said=next((one.review.comment_md for one in attempts if one.review), ""),
        phrases=phrases,
        posted=posted,
        stale=stale,
        clash=clash,
        wrong=wrong,
        kept=kept(),
        # A reviewer's own work is as any other author's to them: no hint about it.
        alike=[one for one in alike if one.attempt_id in shown and not row.own and not row.veiled],
        voices=voices,
        accept=voice_files.ACCEPT,
        seconds=voice_files.MAX_SECONDS,
        board=desk_remarks.board(typed, attempts[0]),
        html=_preview(typed),
    )


def _preview(typed: dict[str, str]) -> str | None:
    return render_markdown(typed.get("comment_md", "")) if "preview" in typed else None


desk_sides.keep_across_sign_in(bp, _page)
