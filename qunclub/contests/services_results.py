"""The results: looked at before, published once, and the prizes handed over."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.kernel import N_, Actor, Conflict, NotFound, locks, store
from qunclub.members.models import Member

from . import rules
from .models import Contest, ContestEntry, JuryScore, Prize, PrizeGiven
from .rules import Offer, Placed, Tally
from .services import phase_of


@dataclass(frozen=True, slots=True)
class Outcome:
    """What publishing does, or did: the places, and which entry wins which prize."""

    ranked: tuple[Placed, ...]
    won: dict[int, int]


@dataclass(frozen=True, slots=True)
class Published:
    """Whether this call published the results, or somebody was there before; and what they are then."""

    first: bool
    places: int
    prizes: int


def tallies(session: Session, contest_id: int) -> list[Tally]:
    """What was given to every entry that takes part: one statement."""
    rows = session.execute(
        select(
            ContestEntry.id,
            ContestEntry.entered_at,
            ContestEntry.votes,
            func.coalesce(func.sum(JuryScore.score), 0),
            func.count(JuryScore.id),
        )
        .outerjoin(JuryScore, JuryScore.entry_id == ContestEntry.id)
        .where(ContestEntry.contest_id == contest_id, ContestEntry.state == "entered")
        .group_by(ContestEntry.id, ContestEntry.entered_at, ContestEntry.votes)
        .order_by(ContestEntry.id)
    )
    return [Tally(ident, at, votes, int(scores), scored) for ident, at, votes, scores, scored in rows]


def outcome(session: Session, contest: Contest) -> Outcome:
    """The places and prizes as they would be if the results were published now; nothing is written."""
    ranked = rules.places(tallies(session, contest.id), jury_percent=contest.jury_percent)
    offers = [
        Offer(*row)
        for row in session.execute(
            select(Prize.id, Prize.first_place, Prize.stock)
            .where(Prize.contest_id == contest.id)
            .order_by(Prize.position, Prize.id)
        )
    ]
    return Outcome(tuple(ranked), rules.prizes(ranked, offers))


def publish_results(session: Session, *, contest_id: int, now: dt.datetime, actor: Actor) -> Published:
    """Work the places out and give the prizes, once; a second call finds it done and changes nothing.

    Raises:
        Conflict: before voting has ended, and for a contest without an entry.
    """
    contest = locks.lock(session, Contest, contest_id)
    if contest.state == "results":
        return _already(session, contest_id)
    if phase_of(contest, now) != "judging":
        raise Conflict(N_("The results can be published when voting has ended."))
    found = outcome(session, contest)
    if not found.ranked:
        raise Conflict(N_("Nobody takes part; there are no results to publish."))
    session.execute(
        update(ContestEntry),
        [
            {"id": one.entry_id, "jury": one.jury, "result": one.result, "place": one.place}
            for one in found.ranked
        ],
    )
    given: dict[int, int] = {}
    for entry_id, prize_id in found.won.items():
        session.add(PrizeGiven(prize_id=prize_id, entry_id=entry_id, given_at=now, note=""))
        given[prize_id] = given.get(prize_id, 0) + 1
    for prize_id, count in given.items():
        session.get_one(Prize, prize_id).given = count
    contest.state, contest.results_at = "results", now
    contest.version += 1
    session.flush()
    store.record(
        session,
        actor=actor,
        action="contest.results",
        target=f"contest:{contest.id}",
        now=now,
        summary=contest.title,
        details={"places": len(found.ranked), "prizes": len(found.won)},
    )
    _tell_winners(session, contest, found.ranked, now)
    return Published(True, len(found.ranked), len(found.won))


def hand_over(session: Session, *, given_id: int, note: str, now: dt.datetime, actor: Actor) -> PrizeGiven:
    """Write down that a prize was handed over; the first time counts."""
    row = locks.lock(session, PrizeGiven, given_id)
    if row.handed_over_at is None:
        row.handed_over_at, row.note = now, note.strip()[:500]
        found = session.execute(
            select(Contest.id, Contest.title, Prize.title)
            .join(Prize, Prize.contest_id == Contest.id)
            .where(Prize.id == row.prize_id)
        ).one_or_none()
        if found is None:
            raise NotFound()
        store.record(
            session,
            actor=actor,
            action="contest.hand_over",
            target=f"contest:{found[0]}",
            now=now,
            summary=found[1],
            details={"entry": row.entry_id, "prize": found[2], "note": row.note},
        )
    return row


def _already(session: Session, contest_id: int) -> Published:
    places, prizes = session.execute(
        select(
            select(func.count())
            .select_from(ContestEntry)
            .where(ContestEntry.contest_id == contest_id, ContestEntry.place.is_not(None))
            .scalar_subquery(),
            select(func.coalesce(func.sum(Prize.given), 0))
            .where(Prize.contest_id == contest_id)
            .scalar_subquery(),
        )
    ).one()
    return Published(False, places, int(prizes))


def _tell_winners(session: Session, contest: Contest, ranked: Sequence[Placed], now: dt.datetime) -> None:
    place = {one.entry_id: one.place for one in ranked}
    rows = session.execute(
        select(
            ContestEntry.id,
            ContestEntry.title,
            Prize.title,
            Member.id,
            Member.nickname,
            Member.name,
        )
        .join(PrizeGiven, PrizeGiven.entry_id == ContestEntry.id)
        .join(Prize, Prize.id == PrizeGiven.prize_id)
        .join(Member, Member.id == ContestEntry.member_id)
        .where(ContestEntry.contest_id == contest.id)
        .order_by(ContestEntry.place)
    )
    letters = [
        notices.Letter(
            member=member_id,
            context={
                "name": nickname or name,
                "contest": contest.title,
                "slug": contest.slug,
                "entry": entry,
                "place": place[ident],
                "prize": prize,
            },
            key=f"contest:{contest.id}:prize:{ident}",
        )
        for ident, entry, prize, member_id, nickname, name in rows
    ]
    notices.letters(session, letters, template="contest_prize", now=now)
