"""What must hold of contests on a live database."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from qunclub.kernel import Finding

from . import rules
from .models import Contest, ContestEntry, ContestVote, JuryScore, Prize, PrizeGiven
from .services_results import outcome

PROMISE = 9
# How many of the latest results are worked out anew.
LATEST = 5


def check(session: Session, now: dt.datetime) -> list[Finding]:
    """Findings of contests, in seven statements and three for each of the latest results."""
    return [
        *_finding("entries whose votes are not counted right (entry, kept, given)", _miscounted(session)),
        *_finding("votes for somebody's own entry, or for another contest's (vote)", _strays(session)),
        *_finding("members with more votes than allowed (contest, member, votes)", _too_often(session)),
        *_finding(
            "prizes given more or less often than counted (prize, kept, given, stock)", _prizes(session)
        ),
        *_results(session),
    ]


def _finding(message: str, rows: list[Any]) -> list[Finding]:
    if not rows:
        return []
    shown = "; ".join(str(row) for row in rows[:5])
    return [Finding(PROMISE, f"{message}: {shown}", {"rows": rows[:100]})]


def _miscounted(session: Session) -> list[Any]:
    given = func.count(ContestVote.id)
    query = (
        select(ContestEntry.id, ContestEntry.votes, given)
        .outerjoin(ContestVote, ContestVote.entry_id == ContestEntry.id)
        .group_by(ContestEntry.id, ContestEntry.votes)
        .having(ContestEntry.votes != given)
        .limit(100)
    )
    return [tuple(row) for row in session.execute(query)]


def _strays(session: Session) -> list[Any]:
    own = ContestVote.member_id == ContestEntry.member_id
    query = (
        select(ContestVote.id)
        .join(ContestEntry, ContestEntry.id == ContestVote.entry_id)
        .where(or_(own, ContestVote.contest_id != ContestEntry.contest_id))
        .limit(100)
    )
    return list(session.scalars(query))


def _too_often(session: Session) -> list[Any]:
    votes = func.count(ContestVote.id)
    query = (
        select(Contest.slug, ContestVote.member_id, votes)
        .join(Contest, Contest.id == ContestVote.contest_id)
        .join(ContestEntry, ContestEntry.id == ContestVote.entry_id)
        .where(ContestEntry.state == "entered")
        .group_by(Contest.slug, ContestVote.member_id, Contest.votes_per_member)
        .having(votes > Contest.votes_per_member)
        .limit(100)
    )
    return [tuple(row) for row in session.execute(query)]


def _prizes(session: Session) -> list[Any]:
    given = func.count(PrizeGiven.id)
    query = (
        select(Prize.id, Prize.given, given, Prize.stock)
        .outerjoin(PrizeGiven, PrizeGiven.prize_id == Prize.id)
        .group_by(Prize.id, Prize.given, Prize.stock)
        .having(or_(Prize.given != given, given > Prize.stock))
        .limit(100)
    )
    return [tuple(row) for row in session.execute(query)]


def _results(session: Session) -> list[Finding]:
    """The published places and prizes of the latest contests follow from their scores and votes."""
    wrong: list[Any] = []
    latest = (
        select(Contest).where(Contest.state == "results").order_by(Contest.results_at.desc()).limit(LATEST)
    )
    for contest in session.scalars(latest).all():
        expected = outcome(session, contest)
        kept = session.execute(
            select(
                ContestEntry.id,
                ContestEntry.place,
                ContestEntry.jury,
                ContestEntry.result,
                PrizeGiven.prize_id,
            )
            .outerjoin(PrizeGiven, PrizeGiven.entry_id == ContestEntry.id)
            .where(
                ContestEntry.contest_id == contest.id,
                or_(ContestEntry.place.is_not(None), PrizeGiven.id.is_not(None)),
            )
        )
        published = {tuple(row) for row in kept}
        worked_out = {
            (one.entry_id, one.place, one.jury, one.result, expected.won.get(one.entry_id))
            for one in expected.ranked
        }
        wrong += [(contest.slug, *row) for row in sorted(published ^ worked_out, key=str)]
    found = _finding(
        "results that do not follow from scores and votes (contest, entry, place, jury, result, prize)", wrong
    )
    early = (
        select(ContestEntry.id)
        .join(Contest)
        .where(Contest.state != "results", ContestEntry.place.is_not(None))
    )
    outside = select(JuryScore.id).where((JuryScore.score < 0) | (JuryScore.score > rules.MOST_SCORE))
    found += _finding("places before the results (entry)", list(session.scalars(early.limit(100))))
    found += _finding("jury scores out of range (score)", list(session.scalars(outside.limit(100))))
    return found
