"""What is known of members for their path: read for a whole batch in a constant number of statements."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from sqlalchemy import ColumnElement, case, false, func, or_, select
from sqlalchemy.orm import Session

from qunclub import groups, house
from qunclub.courses.models import Answer, Question
from qunclub.homework.models import Submission
from qunclub.homework.models_teams import TeamMember
from qunclub.members import ERASED
from qunclub.members.models import Member
from qunclub.passes.models import Pass
from qunclub.points.models import LedgerEntry
from qunclub.seasons.models import CoreSeat

from .rules import DAY, Facts, Ladder


def gather(
    session: Session, member_ids: Collection[int], ladder: Ladder, now: dt.datetime
) -> dict[int, Facts]:
    """The facts of members with a number who did not leave the club, in seven statements however many they are.

    Args:
        now: UTC; "recent" is counted back from it by the ladder's days.
    """
    ids = list(member_ids)
    recent = now - ladder.recent_days * DAY
    kinds: dict[int, dict[str, int]] = {}
    lately: dict[int, dict[str, int]] = {}
    line = LedgerEntry
    sums = (
        select(
            line.member_id,
            line.kind,
            func.sum(line.amount),
            # A reversal has the day of its line, so that the two cancel out in both sums.
            func.sum(case((line.occurred_at >= recent, line.amount), else_=0)),
        )
        .where(line.member_id.in_(ids))
        .group_by(line.member_id, line.kind)
    )
    for ident, kind, whole, new in session.execute(sums):
        kinds.setdefault(ident, {})[kind] = int(whole)
        lately.setdefault(ident, {})[kind] = int(new)
    works = _works(session, ids)
    answers: dict[int, int] = {
        ident: count
        for ident, count in session.execute(
            select(Answer.member_id, func.count())
            .join(Question, (Question.id == Answer.question_id) & (Question.best_answer_id == Answer.id))
            .where(Answer.member_id.in_(ids), Answer.member_id != Question.member_id)
            .where(Answer.hidden_at.is_(None), Question.hidden_at.is_(None))
            .group_by(Answer.member_id)
        )
    }
    live = or_(Pass.ends_at.is_(None), Pass.ends_at > now, Pass.grace_until > now)
    passes = set(
        session.scalars(
            select(Pass.member_id).where(Pass.member_id.in_(ids), Pass.state == "active", live).distinct()
        )
    )
    core = set(
        session.scalars(
            select(CoreSeat.member_id).where(CoreSeat.member_id.in_(ids), CoreSeat.left_at.is_(None))
        )
    )
    people = session.execute(
        select(
            Member.id,
            Member.numbered_at,
            Member.suspended_at.is_not(None),
            _violation(ladder.clean_days, now),
        ).where(
            Member.id.in_(ids),
            Member.number.is_not(None),
            Member.user_key.not_like(ERASED + "%"),
        )
    )
    return {
        ident: Facts(
            points=sum(kinds.get(ident, {}).values()),
            recent_points=sum(lately.get(ident, {}).values()),
            kinds=kinds.get(ident, {}),
            recent_kinds={kind: new for kind, new in lately.get(ident, {}).items() if new},
            works=works.get(ident, (0, 0))[0],
            featured=works.get(ident, (0, 0))[1],
            answers=answers.get(ident, 0),
            days=max(0, (now - numbered_at).days) if numbered_at else 0,
            has_pass=ident in passes,
            clean=not closed,
            core=ident in core,
            violation=bool(open_one),
        )
        for ident, numbered_at, closed, open_one in people
    }


def _violation(days: int, now: dt.datetime) -> ColumnElement[bool]:
    """SQL: what keeps a member from rising in a season too – an open violation, or a bar – asked of the whole club."""
    if not days:
        return false()
    asked = (house.open_violations(since=now - days * DAY, until=now), groups.barred(None, now))
    return or_(*(people.where(who == Member.id).exists() for people, who in asked))


def _works(session: Session, ids: list[int]) -> dict[int, tuple[int, int]]:
    """Accepted and featured works of one's own and of one's teams; two statements."""
    counts = (func.count(), func.sum(case((Submission.featured.is_(True), 1), else_=0)))
    good = (Submission.state == "accepted", Submission.carried_over.is_(False))
    alone = (
        select(Submission.member_id, *counts)
        .where(Submission.member_id.in_(ids), Submission.team_id.is_(None), *good)
        .group_by(Submission.member_id)
    )
    together = (
        select(TeamMember.member_id, *counts)
        .join(Submission, Submission.team_id == TeamMember.team_id)
        .where(TeamMember.member_id.in_(ids), TeamMember.state == "joined", *good)
        .group_by(TeamMember.member_id)
    )
    found: dict[int, tuple[int, int]] = {}
    for query in (alone, together):
        for ident, works, featured in session.execute(query):
            before = found.get(ident, (0, 0))
            found[ident] = (before[0] + works, before[1] + int(featured or 0))
    return found
