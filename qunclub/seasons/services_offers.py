"""A core seat that becomes free between two results is offered to the next by the last one, one after the other.

Everything happens under the core's lock (:func:`lock_core`), so one seat has one offer at a time, and an answer and a
deadline cannot both count. While a season is being decided nothing is offered: its result gives the seats.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from qunclub import groups, notices
from qunclub.groups.models import Group, GroupLine
from qunclub.kernel import N_, Actor, Conflict, Forbidden, Invalid, NotFound, locks, store
from qunclub.members.models import Member

from . import queries_offers, rules_offers, signs, snapshot
from .models import CoreSeat, Decision, Season
from .models_offers import RunnerUp, SeatOffer
from .models_review import SeasonException

MOST_WORDS = 500
MOST_RUNNERS = 200
"""How long the kept list is; more seats than this do not become free between two results."""


def keep_runners(session: Session, season: Season) -> None:
    """As the result is published, write down who might have risen, in order. Called under the season's lock."""
    decided = select(Decision.member_id).where(Decision.season_id == season.id)
    ruled = select(SeasonException.member_id).where(
        SeasonException.season_id == season.id, SeasonException.kind.in_(("exclude", "gone"))
    )
    out = {*session.scalars(decided), *session.scalars(ruled)}
    best = snapshot.best_able(session, season.id, MOST_RUNNERS + len(out))
    least = max(1, season.min_points)
    runners = [row for row in best if row.member not in out and row.points >= least][:MOST_RUNNERS]
    rows = [
        {"season_id": season.id, "member_id": row.member, "points": row.points, "place": place}
        for place, row in enumerate(runners, start=1)
    ]
    if rows:
        session.execute(insert(RunnerUp), rows)


def drop_runners(session: Session, season_id: int) -> None:
    """The result is taken back, and its list with it."""
    session.execute(
        delete(RunnerUp).where(RunnerUp.season_id == season_id),
        execution_options={"synchronize_session": False},
    )


def lock_core(session: Session, *also: int) -> Season | None:
    """Lock what seats the core: seasons that run or are decided, the last result, the core group's line.

    Args:
        also: ids of seasons that are locked with them.

    Returns:
        the season whose result holds, afresh; None before the first.
    """
    going = select(Season.id).where(Season.state.in_(("open", "frozen")))
    last = select(Season.id).where(Season.state.in_(("published", "closed")))
    last = last.order_by(Season.starts_at.desc()).limit(1)
    for ident in sorted({*session.scalars(going), *session.scalars(last), *also}):
        locks.lock(session, Season, ident)
    season = queries_offers.decided(session)
    if season is not None and season.group_id is not None:
        line_id = session.scalar(select(Group.line_id).where(Group.id == season.group_id))
        assert line_id is not None  # the group is there
        locks.lock(session, GroupLine, line_id)
    return season


def offer_due(session: Session, *, now: dt.datetime) -> int:
    """End the offers whose deadline is past and offer every free seat to the next; how many began or ended."""
    season = lock_core(session)
    if season is None or queries_offers.being_decided(session):
        return 0
    moved = 0
    late = select(SeatOffer).where(SeatOffer.state == "open", SeatOffer.until <= now).order_by(SeatOffer.id)
    for one in session.scalars(late.execution_options(populate_existing=True)).all():
        _end(session, one, "lapsed", now=now)
        moved += 1
    session.flush()
    formula = season.formula
    until = rules_offers.until(
        now, days=formula.offer_days, running_ends=queries_offers.running_ends(session)
    )
    if until is None:
        return moved
    # An appeal that waits may need a seat: it comes before the next on the list.
    many = max(0, queries_offers.free_seats(session, season) - queries_offers.appealed(session))
    free = queries_offers.vacated(session, season)[:many]
    if not free:
        return moved
    listed = queries_offers.candidates(session, season, now)
    following = rules_offers.next_up(listed, need_pass=formula.need_pass, many=len(free))
    for seat, runner in zip(free, following, strict=False):
        made = SeatOffer(
            season_id=season.id,
            seat_id=seat.id,
            member_id=runner.member,
            state="open",
            offered_at=now,
            until=until,
        )
        session.add(made)
        session.flush()
        _tell(session, made, season, "core_offer", now=now, place=runner.place, until=until.isoformat())
        store.record(
            session, actor=SWEEPER, action="core.offer", target=f"season:{season.id}", now=now,
            summary=season.name, details={"member_id": runner.member, "seat_of": seat.number},
        )  # fmt: skip
        moved += 1
    return moved


SWEEPER = Actor.system("core offers")


def accept(session: Session, *, offer_id: int, member_id: int, actor: Actor, now: dt.datetime) -> CoreSeat:
    """Take the seat; doing it again changes nothing.

    Raises:
        NotFound: for somebody else's offer.
        Conflict: when it has ended, a season is being decided, or they may not sit (any more).
    """
    offer, season = _mine(session, offer_id, member_id)
    if offer.state == "accepted" and offer.taken_id is not None:
        return session.get_one(CoreSeat, offer.taken_id)
    _check_open(session, offer, now)
    one = queries_offers.candidate(session, season, member_id, now)
    # Their own offer is open, so of what stands back the offer itself does not count.
    why = "" if one is None else _beside_the_offer(one, need_pass=season.formula.need_pass)
    if one is None or why:
        raise Conflict(
            {
                "core": N_("You sit in the core group already."),
                "violation": N_(
                    "By the formula whoever rises has no open violation of the house rules. Your page of the rules of "
                    "the house says which one is, and how to appeal."
                ),
                "no_pass": N_(
                    "By the formula whoever rises holds a pass that is good, and you hold none now."
                ),
            }.get(
                why, N_("This seat cannot be yours at the moment; write to an admin if you think it should.")
            )
        )
    number = session.scalar(select(Member.number).where(Member.id == member_id))
    seat = CoreSeat(
        member_id=member_id, number=number, since_season_id=season.id, joined_at=now,
        safe_closings=season.protection, left_reason="",
    )  # fmt: skip
    session.add(seat)
    session.flush()
    offer.state, offer.ended_at, offer.taken_id = "accepted", now, seat.id
    if season.group_id is not None:
        groups.enter_core(session, group_id=season.group_id, member_id=member_id, now=now)
    signs.taken(session, seat)
    _record(session, offer, season, "core.accept", actor, now)
    _tell(session, offer, season, "core_welcome", now=now, protection=season.protection)
    session.flush()
    return seat


def _beside_the_offer(one: rules_offers.Candidate, *, need_pass: bool) -> str:
    return rules_offers.stands_back(replace(one, offered=False), need_pass=need_pass)


def decline(session: Session, *, offer_id: int, member_id: int, actor: Actor, now: dt.datetime) -> None:
    """Leave the seat to the next; doing it again changes nothing.

    Raises:
        NotFound: for somebody else's offer.
        Conflict: when it has ended in another way.
    """
    offer, season = _mine(session, offer_id, member_id)
    if offer.state == "declined":
        return
    _check_open(session, offer, now)
    offer.state, offer.ended_at = "declined", now
    _record(session, offer, season, "core.decline", actor, now)
    session.flush()


def pass_over(
    session: Session, *, season_id: int, member_id: int, reason: str, actor: Actor, now: dt.datetime
) -> RunnerUp:
    """Leave a runner-up out, with a reason; an offer they have is withdrawn, and they read why.

    Raises:
        NotFound: when they are not on the list of the last result.
        Invalid: on ``reason``, without one or with too long a one.
        Forbidden: about oneself, or one who gains by it: whoever stands behind them on the list.
        Conflict: when they took the seat, or were passed over already.
    """
    season = lock_core(session)
    words = " ".join(reason.split())
    if not words or len(words) > MOST_WORDS:
        raise Invalid(
            N_("Write the reason in up to %(most)s characters; whoever had the offer reads it."),
            field="reason",
            most=MOST_WORDS,
        )
    row = session.get(RunnerUp, (season_id, member_id), populate_existing=True)
    if season is None or season.id != season_id or row is None:
        raise NotFound()
    behind = session.get(RunnerUp, (season_id, actor.member_id or 0))
    if behind is not None and behind.place >= row.place:
        raise Forbidden(
            N_("You stand on this list yourself, so this is about you too."),
            how=N_("Another admin decides it."),
        )
    if row.passed_at is not None:
        raise Conflict(N_("This member is passed over already."))
    offer = session.scalars(
        select(SeatOffer)
        .where(SeatOffer.season_id == season_id, SeatOffer.member_id == member_id)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if offer is not None and offer.state == "accepted":
        raise Conflict(N_("This member has taken the seat already."))
    row.passed_at, row.passed_reason, row.passed_by = now, words, actor.name
    if offer is not None and offer.state == "open":
        _end(session, offer, "withdrawn", now=now, words=words)
    store.record(
        session, actor=actor, action="core.pass_over", target=f"season:{season_id}", now=now,
        summary=season.name, details={"member_id": member_id, "place": row.place, "reason": words},
    )  # fmt: skip
    session.flush()
    return row


def pass_over_number(
    session: Session, *, number: int | None, reason: str, actor: Actor, now: dt.datetime
) -> RunnerUp:
    """The same for who is told by their number, on the list of the last result.

    Raises:
        Invalid: on ``number``, when nobody on the list has it.
    """
    season = lock_core(session)
    listed = select(RunnerUp.member_id).join(Member, Member.id == RunnerUp.member_id)
    listed = listed.where(RunnerUp.season_id == (season.id if season else 0), Member.number == number)
    member_id = session.scalar(listed) if number else None
    if season is None or member_id is None:
        raise Invalid(N_("Nobody on this list has this number."), field="number")
    return pass_over(session, season_id=season.id, member_id=member_id, reason=reason, actor=actor, now=now)


def stands_on_the_list(session: Session, member_id: int | None) -> bool:
    """Whether somebody may gain by a seat that becomes free. Called under the core's lock."""
    season = queries_offers.decided(session)
    return season is not None and session.get(RunnerUp, (season.id, member_id or 0)) is not None


def end_open(session: Session, *, now: dt.datetime) -> int:
    """End every open offer: a season is frozen, and its result gives the seats. Called under that season's lock."""
    live = select(SeatOffer).where(SeatOffer.state == "open").order_by(SeatOffer.id)
    ended = session.scalars(live.execution_options(populate_existing=True)).all()
    for one in ended:
        _end(session, one, "ended", now=now)
    session.flush()
    return len(ended)


def end_own(session: Session, *, member_id: int, now: dt.datetime) -> None:
    """End a member's open offer without a letter: they have a seat in another way. Called under the core's lock."""
    live = select(SeatOffer).where(SeatOffer.member_id == member_id, SeatOffer.state == "open")
    for one in session.scalars(live.execution_options(populate_existing=True)).all():
        one.state, one.ended_at = "ended", now
    session.flush()


def forget(session: Session, *, member_id: int, now: dt.datetime) -> None:
    """They leave the club: an offer of theirs goes on to the next, and no word about them stays on the list."""
    live = select(SeatOffer).where(SeatOffer.member_id == member_id, SeatOffer.state == "open")
    if session.scalars(live).all():
        lock_core(session)
    for one in session.scalars(live.execution_options(populate_existing=True)).all():
        one.state, one.ended_at = "declined", now
    for row in session.scalars(select(RunnerUp).where(RunnerUp.member_id == member_id)).all():
        row.passed_reason = ""
    session.flush()


def _mine(session: Session, offer_id: int, member_id: int) -> tuple[SeatOffer, Season]:
    lock_core(session)
    offer = session.get(SeatOffer, offer_id, populate_existing=True)
    if offer is None or offer.member_id != member_id:
        raise NotFound()
    return offer, session.get_one(Season, offer.season_id)


def _check_open(session: Session, offer: SeatOffer, now: dt.datetime) -> None:
    if offer.state != "open" or now >= offer.until:
        raise Conflict(N_("This offer has ended. Your place in the ranking and all you have stay yours."))
    if queries_offers.being_decided(session):
        raise Conflict(N_("A season is being decided right now; its result gives the seats."))


def _end(session: Session, offer: SeatOffer, state: str, *, now: dt.datetime, words: str = "") -> None:
    offer.state, offer.ended_at = state, now
    season = session.get_one(Season, offer.season_id)
    _tell(session, offer, season, "core_offer_ended", now=now, state=state, reason=words)


def _tell(
    session: Session, offer: SeatOffer, season: Season, template: str, *, now: dt.datetime, **context: object
) -> None:
    member = session.get_one(Member, offer.member_id)
    told = {"name": member.shown_name, "season": season.name, "slug": season.slug, **context}
    notices.letter(
        session, member=member.id, template=template, context=told, key=f"{template}:{offer.id}", now=now
    )


def _record(
    session: Session, offer: SeatOffer, season: Season, action: str, actor: Actor, now: dt.datetime
) -> None:
    store.record(
        session, actor=actor, action=action, target=f"season:{season.id}", now=now, summary=season.name,
        details={"member_id": offer.member_id, "offer": offer.id},
    )  # fmt: skip
