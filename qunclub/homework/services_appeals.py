"""Appeals against reviews: opened by the author for a token, answered by somebody who has not judged the work yet.

An appeal that is upheld brings a better judgement and the token back; one that is declined keeps it and says why.
Locks: the submission first, then the author's row, under which tokens are counted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.kernel import (
    N_,
    Actor,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Stale,
    locks,
    store,
)
from qunclub.members.models import Member

from . import queries_teams, rules_fair, services_review, services_settle, services_verdict
from .models import Assignment, Review, Submission
from .models_fair import PAID, WorkAppeal
from .rules_fair import Span, Terms


def paid_tokens(session: Session, member_id: int, span: Span) -> int:
    """How many tokens a member's appeals of *span* keep."""
    query = select(func.count()).where(
        WorkAppeal.member_id == member_id,
        WorkAppeal.opened_at >= span.starts_at,
        WorkAppeal.state.in_(PAID),
    )
    if span.ends_at is not None:
        query = query.where(WorkAppeal.opened_at < span.ends_at)
    return session.scalars(query).one()


def open_appeal(
    session: Session,
    *,
    submission_id: int,
    member_id: int,
    reason: str,
    terms: Terms,
    now: dt.datetime,
) -> WorkAppeal:
    """Ask for another judgement of the present attempt; one of a team does it for all, with a token of their own.

    Raises:
        NotFound: for work of somebody else.
        Invalid: without a reason.
        Conflict: when it cannot be appealed (any more), or no token is left.
    """
    submission = locks.lock(session, Submission, submission_id)
    if not queries_teams.is_author(session, submission, member_id):
        raise NotFound()
    why = reason.strip()
    if not why:
        raise Invalid(N_("Say what the review has overlooked."), field="reason")
    if len(why) > rules_fair.MAX_REASON:
        raise Invalid(
            N_("Your reason is longer than %(limit)s characters."),
            field="reason",
            limit=rules_fair.MAX_REASON,
        )
    # Two works appealed at once share their author's tokens.
    locks.lock(session, Member, member_id)
    facts = services_verdict.facts_of(session, submission)
    counting = services_verdict.counting(session, facts.attempt_id)
    appealed = session.scalar(select(WorkAppeal.id).where(WorkAppeal.attempt_id == facts.attempt_id))
    left = rules_fair.tokens_left(terms.tokens, paid_tokens(session, member_id, terms.span))
    refused = rules_fair.refuse_appeal(
        judged=counting is not None and rules_fair.in_force(submission.state, counting.verdict),
        reviewed_at=submission.reviewed_at,
        appealed=appealed is not None,
        left=left,
        days=terms.days,
        now=now,
    )
    if refused is not None:
        raise refused
    row = WorkAppeal(
        submission_id=submission_id,
        attempt_id=facts.attempt_id,
        member_id=member_id,
        reason=why,
        state="open",
        opened_at=now,
    )
    session.add(row)
    session.flush()
    more = {"left": left - 1, "days": rules_fair.ANSWER_WITHIN.days}
    _tell(session, row, submission, facts, "appeal_opened", more, now)
    return row


def uphold(
    session: Session,
    *,
    appeal_id: int,
    verdict: str,
    scores: Mapping[int, int],
    comment_md: str,
    actor: Actor,
    now: dt.datetime,
) -> Review:
    """Answer an appeal with a better judgement; the token goes back.

    Raises:
        Stale: when it was answered or ended meanwhile.
        Forbidden: for the author and for whoever has judged this attempt.
        Invalid: when the judgement is not complete, or not better.
    """
    appeal, submission, reviewer = _to_answer(session, appeal_id, actor)
    if verdict not in rules_fair.RANK:
        raise Invalid(N_("Choose a verdict."), field="verdict")
    if not comment_md.strip():
        raise Invalid(N_("Say why the judgement changes; the author reads it."), field="comment_md")
    facts = services_verdict.facts_of(session, submission)
    before = services_verdict.counting(session, facts.attempt_id)
    if before is None:
        raise Stale(N_("This appeal was answered or has ended meanwhile. Nothing was overwritten."))
    judged = services_review.judge(
        session,
        facts.rubric_id,
        services_settle.Judgement(verdict, None, scores, comment_md.strip()),
        process=False,
    )
    if not rules_fair.better((before.verdict, before.score), (judged.verdict, judged.score or 0)):
        raise Invalid(
            N_("An upheld appeal ends better for its author: raise the score or the verdict, or decline it."),
            field="verdict",
        )
    row = services_settle.write(
        session,
        submission.id,
        facts.attempt_id,
        judged,
        reviewer=reviewer,
        name=actor.name,
        now=now,
        n=services_verdict.next_n(session, facts.attempt_id),
        stage="appeal",
        counts=False,
    )
    services_verdict.put_in_force(
        session,
        submission,
        facts,
        row,
        scored=judged.score is not None,
        kind="appeal",
        reason=facts.title,
        actor=actor,
        now=now,
        instead_of=before,
    )
    _close(appeal, "upheld", comment_md.strip(), reviewer, now)
    more = {"verdict": row.verdict, "score": row.score}
    _tell(session, appeal, submission, facts, "appeal_answered", more, now)
    return row


def decline(session: Session, *, appeal_id: int, answer: str, actor: Actor, now: dt.datetime) -> WorkAppeal:
    """Let the judgement stand, and say why; the token is used.

    Raises:
        Stale: when it was answered or ended meanwhile.
        Forbidden: for the author and for whoever has judged this attempt.
        Invalid: without a reason.
    """
    appeal, submission, reviewer = _to_answer(session, appeal_id, actor)
    if not answer.strip():
        raise Invalid(N_("Say why the judgement stands; the author reads it."), field="comment_md")
    _close(appeal, "declined", answer.strip(), reviewer, now)
    facts = services_verdict.facts_of(session, submission)
    _tell(session, appeal, submission, facts, "appeal_answered", {"verdict": "", "score": 0}, now)
    return appeal


def lapse(session: Session, *, submission_id: int, now: dt.datetime, told: bool = False) -> int | None:
    """End an open appeal because there is a new attempt to come or to judge; the token goes back.

    Args:
        told: whether the caller's own mail says so; otherwise its author gets one.

    Returns:
        Which appeal has ended.
    """
    ended: int | None = session.scalar(
        update(WorkAppeal)
        .where(WorkAppeal.submission_id == submission_id, WorkAppeal.state == "open")
        .values(state="lapsed", decided_at=now)
        .returning(WorkAppeal.id)
    )
    if ended is None or told:
        return ended
    query = (
        select(Member, Assignment.id, Assignment.title)
        .select_from(Submission)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .join(WorkAppeal, WorkAppeal.submission_id == Submission.id)
        .join(Member, Member.id == WorkAppeal.member_id)
        .where(WorkAppeal.id == ended)
    )
    member, assignment_id, title = session.execute(query).one()
    notices.letter(
        session,
        member=member.id,
        template="appeal_ended",
        context={"name": member.shown_name, "title": title, "assignment_id": assignment_id},
        key=f"appeal:{ended}:lapsed",
        now=now,
    )
    return ended


def give_back(session: Session, *, appeal_id: int, reason: str, actor: Actor, now: dt.datetime) -> WorkAppeal:
    """An admin ends an open appeal, or mends a declined one: the author has the token back and is told why.

    Raises:
        Conflict: when the token is the author's already.
        Invalid: without a reason.
    """
    if not reason.strip():
        raise Invalid(N_("Say why; the author and the audit log read it."), field="reason")
    appeal, submission = _locked(session, appeal_id)
    if appeal.state not in PAID:
        raise Conflict(N_("The token of this appeal is with its author already."))
    store.record(
        session,
        actor=actor,
        action="appeal.give_back",
        target=f"appeal:{appeal.id}",
        now=now,
        summary=reason.strip(),
        details={"state": appeal.state, "submission_id": appeal.submission_id},
    )
    facts = services_verdict.facts_of(session, submission)
    answer = "\n\n".join(part for part in (appeal.answer, reason.strip()) if part)
    _close(appeal, "returned", answer, actor.member_id, now)
    _tell(session, appeal, submission, facts, "appeal_answered", {"verdict": "", "score": 0}, now)
    return appeal


def _locked(session: Session, appeal_id: int) -> tuple[WorkAppeal, Submission]:
    submission_id = session.scalar(select(WorkAppeal.submission_id).where(WorkAppeal.id == appeal_id))
    if submission_id is None:
        raise NotFound()
    submission = locks.lock(session, Submission, submission_id)
    # Read again under the submission's lock: two who answer at once meet there.
    query = select(WorkAppeal).where(WorkAppeal.id == appeal_id).execution_options(populate_existing=True)
    return session.scalars(query).one(), submission


def _to_answer(session: Session, appeal_id: int, actor: Actor) -> tuple[WorkAppeal, Submission, int]:
    reviewer = services_review.reviewer_of(actor)
    appeal, submission = _locked(session, appeal_id)
    if appeal.member_id == reviewer or queries_teams.is_author(session, submission, reviewer):
        raise Forbidden(N_("This is your own work."), how=N_("Another instructor reviews it."))
    judged = select(Review.id).where(Review.attempt_id == appeal.attempt_id, Review.reviewer_id == reviewer)
    if appeal.state != "open":
        raise Stale(N_("This appeal was answered or has ended meanwhile. Nothing was overwritten."))
    if session.scalar(judged.limit(1)) is not None:
        raise Forbidden(
            N_("You have judged this work yourself."), how=N_("Another instructor answers the appeal.")
        )
    return appeal, submission, reviewer


def _close(appeal: WorkAppeal, state: str, answer: str, by: int | None, now: dt.datetime) -> None:
    appeal.state, appeal.answer = state, answer
    appeal.decided_by, appeal.decided_at = by, now


def _tell(
    session: Session,
    appeal: WorkAppeal,
    submission: Submission,
    facts: Any,
    template: str,
    more: dict[str, Any],
    now: dt.datetime,
) -> None:
    """Mail who appealed; what became of it is told to all of a team."""
    asked = session.get_one(Member, appeal.member_id).shown_name if submission.team_id is not None else ""
    for reader, key in queries_teams.readers(session, submission, facts):
        mine = submission.team_id is None or reader.id == appeal.member_id
        if not mine and appeal.state == "open":
            continue
        notices.letter(
            session,
            member=reader.id,
            template=template,
            context={
                "name": reader.shown_name,
                "title": facts.title,
                "assignment_id": facts.assignment_id,
                "state": appeal.state,
                "answer": appeal.answer,
                "by": "" if mine else asked,
                **more,
            },
            key=f"appeal:{appeal.id}:{appeal.state}{key}",
            now=now,
        )
