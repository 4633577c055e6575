"""Putting a judgement in force: the state, the points, the showcase and one line of history move together.

Every change of a verdict or score goes through here, under the submission's lock. What an earlier judgement earned is
reversed line by line and the new one earns under sources of its own, so a replay finds its sources used.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.orm import Session, aliased

from qunclub import points
from qunclub.kernel import Actor, insert_for
from qunclub.members.models import Member
from qunclub.points.models import LedgerEntry

from . import rules_fair, rules_points, rules_work
from .models import Assignment, Attempt, Review, ShowcaseEntry, Submission
from .models_fair import VerdictChange
from .models_teams import WorkShare

KINDS = ("accepted", "on_time", "featured")
# Built once: a replay of many years of homework sends these a hundred thousand times.
_FACTS = (
    select(
        Attempt.id.label("attempt_id"),
        Attempt.n,
        Attempt.on_time,
        Attempt.taken_off,
        Attempt.points_accepted,
        Attempt.points_featured,
        Assignment.id.label("assignment_id"),
        Assignment.title,
        Assignment.course_id,
        Assignment.rubric_id,
        Assignment.divergence,
        Assignment.release,
        Assignment.released_at,
        Member.number,
        Member.email,
        Member.locale,
        Member.name,
        Member.nickname,
    )
    .select_from(Attempt)
    .join(Assignment, Assignment.id == bindparam("assignment_id"))
    .join(Member, Member.id == bindparam("member_id"))
    .where(Attempt.submission_id == bindparam("submission_id"), Attempt.n == bindparam("attempt"))
)
_NEW_LINE = insert(VerdictChange)


def facts_of(session: Session, submission: Submission) -> Any:
    """All that a judgement needs to know of the attempt, its assignment and its author, in one statement."""
    keys = {
        "submission_id": submission.id,
        "attempt": submission.attempt,
        "assignment_id": submission.assignment_id,
        "member_id": submission.member_id,
    }
    return session.execute(_FACTS, keys).one()


def counting(session: Session, attempt_id: int) -> Review | None:
    """The judgement of an attempt that counts."""
    query = select(Review).where(Review.attempt_id == attempt_id, Review.counts.is_(True))
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def next_n(session: Session, attempt_id: int) -> int:
    """The number of the next judgement of an attempt."""
    most = session.scalar(select(func.max(Review.n)).where(Review.attempt_id == attempt_id))
    return (most or 0) + 1


def put_in_force(
    session: Session,
    submission: Submission,
    facts: Any,
    row: Review,
    *,
    scored: bool,
    kind: str,
    actor: Actor,
    now: dt.datetime,
    reason: str = "",
    instead_of: Review | None = None,
) -> None:
    """Make *row* what the submission is judged.

    Args:
        row: flushed already; with *instead_of* it does not count yet.
        scored: whether its score means something: returned work need not be measured.
        kind: what the history calls it; see ``models_fair.CHANGES``.
        reason: why an earlier judgement gives way; the ledger shows it beside the reversed lines.
        instead_of: the judgement that counted until now.
    """
    earned: dict[str, dt.datetime] = {}
    before, score_before = "", None
    if instead_of is not None:
        if rules_fair.in_force(submission.state, instead_of.verdict):
            before, score_before = instead_of.verdict, submission.score
        instead_of.counts = False
        # One counts at a time: the index would not have both.
        session.flush()
        row.counts = True
        earned = take_back(session, submission, reason=reason or facts.title, actor=actor, now=now)
    was_featured = submission.featured
    submission.state = "returned" if row.verdict == "return" else "accepted"
    submission.featured = row.verdict == "feature"
    submission.score = rules_work.settled_score(row.score, facts.taken_off) if scored else None
    submission.reviewed_at = now
    submission.claimed_by = submission.claimed_until = None
    submission.stage = "first"
    submission.version += 1
    session.flush()
    write_line(
        session,
        submission,
        facts.attempt_id,
        review_id=row.id,
        kind=kind,
        before=(before, score_before),
        after=(row.verdict, submission.score),
        reason=reason,
        actor=actor,
        name=row.reviewer_name,
        now=now,
    )
    # Of a team everybody with a number earns; whoever works alone needs one of their own.
    earning = facts.number is not None or submission.team_id is not None
    if row.verdict != "return" and not submission.carried_over and earning:
        _award(session, submission, facts, row, earned, actor, now, anew=instead_of is not None)
    if submission.featured and not was_featured:
        _feature(session, submission, facts.attempt_id, now)
    elif was_featured and not submission.featured:
        out_of_showcase(session, submission.id, now)


def write_line(
    session: Session,
    submission: Submission,
    attempt_id: int,
    *,
    review_id: int | None,
    kind: str,
    before: tuple[str, int | None],
    after: tuple[str, int | None],
    reason: str,
    actor: Actor,
    name: str,
    now: dt.datetime,
) -> None:
    """One line of a submission's history."""
    session.execute(
        _NEW_LINE,
        {
            "submission_id": submission.id,
            "attempt_id": attempt_id,
            "review_id": review_id,
            "kind": kind,
            "before": before[0],
            "after": after[0],
            "score_before": before[1],
            "score_after": after[1],
            "reason": reason,
            "actor": actor.key,
            "actor_name": name,
            "at": now,
        },
    )


def award_source(
    submission_id: int,
    what: str,
    attempt: int,
    *,
    again: bool,
    review_id: int | None = None,
    of_team: int | None = None,
) -> str:
    """The ledger's source of what a submission earns.

    Work accepted *again* after being reopened earns anew, and so does a judgement (*review_id*) that takes the place
    of another. Each member *of_team* earns under a source of their own.
    """
    whose = "" if of_team is None else f"m{of_team}:"
    plain = f"submission:{submission_id}:{whose}{what}"
    if review_id is not None:
        return f"{plain}:{attempt}:{review_id}"
    return f"{plain}:{attempt}" if again else plain


def take_back(
    session: Session, submission: Submission, *, reason: str, actor: Actor, now: dt.datetime
) -> dict[str, dt.datetime]:
    """Reverse whatever the submission has earned and still holds; when each kind was earned."""
    judged = session.execute(
        select(Review.id, Attempt.n)
        .join(Attempt, Attempt.id == Review.attempt_id)
        .where(Review.submission_id == submission.id)
    ).all()
    sources = []
    for one in _earners(session, submission):
        sources += [
            award_source(submission.id, what, submission.attempt, again=again, of_team=one)
            for what in KINDS
            for again in (False, True)
        ]
        sources += [
            award_source(submission.id, what, n, again=True, review_id=review_id, of_team=one)
            for review_id, n in judged
            for what in KINDS
        ]
    reversal = aliased(LedgerEntry)
    query = (
        select(LedgerEntry.id, LedgerEntry.kind, LedgerEntry.occurred_at)
        .outerjoin(reversal, reversal.reverses_id == LedgerEntry.id)
        .where(LedgerEntry.source.in_(sources), reversal.id.is_(None))
        .order_by(LedgerEntry.id)
    )
    earned = {}
    for entry_id, kind, occurred_at in session.execute(query).all():
        points.reverse(session, entry_id=entry_id, reason=reason, actor=actor, now=now)
        earned[kind] = occurred_at
    return earned


def _award(
    session: Session,
    submission: Submission,
    facts: Any,
    row: Review,
    earned: Mapping[str, dt.datetime],
    actor: Actor,
    now: dt.datetime,
    *,
    anew: bool,
) -> None:
    again = facts.n > 1 and _accepted_before(session, submission.id, facts.attempt_id)
    given: list[tuple[str, int | None]] = [
        ("accepted", rules_points.accepted_points(facts.points_accepted, submission.score or 0))
    ]
    if facts.on_time:
        given.append(("on_time", None))
    if submission.featured:
        given.append(("featured", facts.points_featured))
    points.award_many(
        session,
        [
            points.Award(
                member_id=submission.member_id if one is None else one,
                kind=f"homework_{what}",
                source=award_source(
                    submission.id,
                    what,
                    facts.n,
                    again=again,
                    review_id=row.id if anew else None,
                    of_team=one,
                ),
                # What is corrected counts in the season in which it was earned.
                occurred_at=earned.get(f"homework_{what}", now),
                amount=amount,
                reason=facts.title,
                from_member_id=row.reviewer_id,
                scope=points.course_scope(facts.course_id),
            )
            for one in _earners(session, submission, numbered=True)
            for what, amount in given
        ],
        now=now,
        actor=actor,
    )


def _earners(session: Session, submission: Submission, *, numbered: bool = False) -> Sequence[int | None]:
    """Who of a team earns with its work, as it was when it handed in; [None] for work done alone."""
    if submission.team_id is None:
        return [None]
    query = select(WorkShare.member_id).where(WorkShare.submission_id == submission.id)
    if numbered:
        query = query.join(Member, Member.id == WorkShare.member_id).where(Member.number.is_not(None))
    return session.scalars(query.order_by(WorkShare.member_id)).all()


def _accepted_before(session: Session, submission_id: int, attempt_id: int) -> bool:
    query = select(Review.id).where(
        Review.submission_id == submission_id, Review.attempt_id != attempt_id, Review.verdict != "return"
    )
    return session.scalar(query.limit(1)) is not None


def _feature(session: Session, submission: Submission, attempt_id: int, now: dt.datetime) -> None:
    # Featured again after being reopened: another text, so the author is asked anew.
    fresh = {"attempt_id": attempt_id, "featured_at": now, "consented_at": None, "revoked_at": None}
    session.execute(
        insert_for(session, ShowcaseEntry)
        .values(submission_id=submission.id, member_id=submission.member_id, **fresh)
        .on_conflict_do_update(index_elements=[ShowcaseEntry.submission_id], set_=fresh)
    )
    if submission.team_id is not None:
        session.execute(
            update(WorkShare).where(WorkShare.submission_id == submission.id).values(consented_at=None)
        )


def out_of_showcase(session: Session, submission_id: int, now: dt.datetime) -> None:
    """Work that is no longer featured is out of sight at once."""
    entry = session.scalar(select(ShowcaseEntry).where(ShowcaseEntry.submission_id == submission_id))
    if entry is not None and entry.consented_at is not None:
        entry.consented_at, entry.revoked_at = None, now
