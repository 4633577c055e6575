"""Appeals against a season's result: opened by the member, decided by an admin who did not publish it.

An upheld appeal is carried out in the same transaction by a correction, a decision beside the first. It takes a free
seat; when there is none, an admin may give a spare one for a reason that everybody reads. Nobody who was told that they
have a seat loses it by another's appeal, so nothing is swapped, and a correction is the last word on its result.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import groups, notices
from qunclub.groups.models import Group
from qunclub.kernel import N_, Actor, Conflict, Forbidden, Invalid, NotFound, Stale, locks, store
from qunclub.members.models import Member

from . import letters, queries_appeals, queries_offers, rules_appeals, services_offers, services_seats, signs
from .models import CoreSeat, Season
from .models_appeals import SeasonAppeal, SeasonCorrection
from .rules import safe_after

MOST_SPARE_WORDS = 500
REFUSED = {
    "no_result": N_("There is no result one could appeal against: it is not published, or put away."),
    "no_appeals": N_("This season knows no appeals; its formula says so."),
    "appealed": N_("You have appealed against this result already; it is looked at once."),
    "has_seat": N_("The result gave you a seat in the core group, so there is nothing to appeal against."),
    "not_listed": N_(
        "You stood nowhere in this ranking. If points are missing, write to an admin: they count in what runs now."
    ),
    "late": N_("The time to appeal against this result is over."),
}


def open_appeal(
    session: Session, *, season_id: int, member_id: int, reason: str, actor: Actor, now: dt.datetime
) -> SeasonAppeal:
    """Ask to look again at what a season decided about oneself.

    Raises:
        Conflict: saying why it cannot be (any more).
        Invalid: on ``reason``, without one or with too long a one.
    """
    season = locks.lock(session, Season, season_id)
    case = queries_appeals.case_of(session, season, member_id)
    why = rules_appeals.refused(case, now)
    if why:
        raise Conflict(REFUSED[why])
    words = _words(
        reason,
        rules_appeals.MOST_WORDS,
        "reason",
        N_("Write in up to %(most)s characters what was overlooked."),
    )
    made = SeasonAppeal(
        season_id=season_id,
        member_id=member_id,
        first=case.outcome,
        reason=words,
        state="open",
        opened_at=now,
    )
    session.add(made)
    session.flush()
    _record(session, made, season, "season.appeal", actor, now)
    _ask(session, made, season, now)
    return made


def decline(session: Session, *, appeal_id: int, answer: str, actor: Actor, now: dt.datetime) -> SeasonAppeal:
    """Let the result stand, and say why.

    Raises:
        Stale: when it is decided already.
        Forbidden: for whoever appealed, and for whoever published where there is another admin.
        Invalid: on ``answer``.
    """
    appeal, season = _to_decide(session, appeal_id, actor)
    _decided(appeal, "declined", answer, actor, now)
    _record(session, appeal, season, "season.appeal_decline", actor, now)
    _tell(session, appeal, season, now)
    session.flush()
    return appeal


def uphold(
    session: Session, *, appeal_id: int, answer: str, spare: str = "", actor: Actor, now: dt.datetime
) -> SeasonCorrection:
    """Correct the result for one member: they have a seat in the core group, and whoever else has one keeps it.

    Args:
        spare: why one seat more than the formula's is given; needed when none is free, left aside when one is.

    Raises:
        Stale: when it is decided already.
        Forbidden: for whoever appealed, and for whoever published where there is another admin.
        Conflict: while a season is being decided, or when the member is suspended or has left.
        Invalid: on ``answer``; on ``spare``, when no seat is free and no reason for one more is given.
    """
    appeal, season = _to_decide(session, appeal_id, actor)
    if queries_offers.being_decided(session):
        raise Conflict(
            N_("A season is being decided from who sits in the core now; publish it first, or decline.")
        )
    if services_seats.shut_among(session, [appeal.member_id]):
        raise Conflict(N_("This member is suspended or has left, and cannot have a seat."))
    _decided(appeal, "upheld", answer, actor, now)
    last = queries_offers.decided(session)
    assert last is not None  # the appeal's season is decided
    made = SeasonCorrection(
        season_id=season.id, member_id=appeal.member_id, appeal_id=appeal.id,
        outcome=rules_appeals.CORRECTS[appeal.first], spare=False, spare_reason="", decided_at=now,
    )  # fmt: skip
    live = select(CoreSeat.id).where(CoreSeat.member_id == appeal.member_id, CoreSeat.left_at.is_(None))
    if session.scalar(live) is None:
        # The seat they were offered meanwhile is theirs now, by the appeal.
        services_offers.end_own(session, member_id=appeal.member_id, now=now)
        if not queries_offers.free_seats(session, last):
            made.spare = True
            made.spare_reason = _words(
                spare, MOST_SPARE_WORDS, "spare",
                N_("No seat is free. Write in up to %(most)s characters why one more is given; everybody reads it."),
            )  # fmt: skip
        made.seat_id = _seat(session, appeal, season, now).id
        if last.group_id is not None:
            if made.spare:
                _widen(session, last.group_id)
            groups.enter_core(session, group_id=last.group_id, member_id=appeal.member_id, now=now)
    session.add(made)
    session.flush()
    _record(
        session, appeal, season, "season.correct", actor, now, outcome=made.outcome, spare=made.spare_reason
    )
    _tell(session, appeal, season, now, outcome=made.outcome, protection=season.protection)
    return made


def _seat(session: Session, appeal: SeasonAppeal, season: Season, now: dt.datetime) -> CoreSeat:
    """The seat they should have: the old one as if it had been kept, or a new one."""
    if appeal.first == "eliminated":
        was = select(CoreSeat.id).where(
            CoreSeat.member_id == appeal.member_id, CoreSeat.left_season_id == season.id
        )
        seat = locks.lock(session, CoreSeat, session.scalars(was).one())
        seat.left_at, seat.left_season_id, seat.left_reason = None, None, ""
        seat.safe_closings = safe_after(seat.safe_closings)
    else:
        number = session.scalar(select(Member.number).where(Member.id == appeal.member_id))
        seat = CoreSeat(
            member_id=appeal.member_id, number=number, since_season_id=season.id, joined_at=now,
            safe_closings=season.protection, left_reason="",
        )  # fmt: skip
        session.add(seat)
    session.flush()
    signs.taken(session, seat)
    return seat


def _widen(session: Session, group_id: int) -> None:
    """Room for a spare seat; the group's line is locked."""
    group = session.get_one(Group, group_id, populate_existing=True)
    if group.seated >= group.capacity:
        group.capacity = group.seated + 1
        session.flush()


def check_close(session: Session, season: Season, now: dt.datetime) -> None:
    """Refuse to put a season away while members may appeal or wait. Called under the season's lock.

    Raises:
        Conflict: saying which.
    """
    if queries_appeals.open_of(session, season.id):
        raise Conflict(
            N_("An appeal against this result waits to be decided; then the season can be put away.")
        )
    days = season.formula.appeal_days
    if days and season.published_at is not None and now < season.published_at + dt.timedelta(days=days):
        raise Conflict(
            N_("By the formula members may still appeal against this result; put it away afterwards.")
        )


def void(session: Session, season: Season, *, now: dt.datetime) -> None:
    """The result is taken back: its appeals are answered by that. Called under the season's lock.

    Raises:
        Conflict: when an appeal was upheld: there is no state to go back to.
    """
    upheld = select(SeasonCorrection.id).where(SeasonCorrection.season_id == season.id).limit(1)
    if session.scalar(upheld) is not None:
        raise Conflict(N_("An appeal against this result was upheld; it cannot be taken back any more."))
    standing = select(SeasonAppeal).where(SeasonAppeal.season_id == season.id, SeasonAppeal.state != "void")
    for one in session.scalars(standing.order_by(SeasonAppeal.id)).all():
        waited = one.state == "open"
        one.state = "void"
        if waited:
            one.decided_at = now
            _tell(session, one, season, now)
    session.flush()


def forget(session: Session, *, member_id: int, now: dt.datetime) -> None:
    """They leave the club: what they wrote goes, and what waits is answered by their leaving."""
    mine = select(SeasonAppeal).where(SeasonAppeal.member_id == member_id).order_by(SeasonAppeal.id)
    waiting = [one.season_id for one in session.scalars(mine) if one.state == "open"]
    if waiting:
        services_offers.lock_core(session, *waiting)
    for one in session.scalars(mine.execution_options(populate_existing=True)).all():
        one.reason = one.answer = ""
        if one.state == "open":
            one.state, one.decided_at = "declined", now
    session.flush()


def _words(typed: str, most: int, field: str, message: str) -> str:
    words = " ".join(typed.split())
    if not words or len(words) > most:
        raise Invalid(message, field=field, most=most)
    return words


def _to_decide(session: Session, appeal_id: int, actor: Actor) -> tuple[SeasonAppeal, Season]:
    season_id = session.scalar(select(SeasonAppeal.season_id).where(SeasonAppeal.id == appeal_id))
    if season_id is None:
        raise NotFound()
    services_offers.lock_core(session, season_id)
    appeal = session.get_one(SeasonAppeal, appeal_id, populate_existing=True)
    season = session.get_one(Season, season_id)
    if appeal.state != "open" or season.state != "published":
        raise Stale(N_("This appeal was decided meanwhile. Nothing was overwritten."))
    why = rules_appeals.may_decide(
        own=actor.member_id == appeal.member_id,
        published=queries_appeals.publisher(session, season_id) == actor.key,
        admins=queries_appeals.admins_beside(session, appeal.member_id),
    )
    if why:
        raise Forbidden(
            N_("This is about yourself.")
            if why == "own"
            else N_("You published this result, so somebody else looks at it again."),
            how=N_("Another admin decides it."),
        )
    return appeal, season


def _decided(appeal: SeasonAppeal, state: str, answer: str, actor: Actor, now: dt.datetime) -> None:
    appeal.answer = _words(
        answer, rules_appeals.MOST_WORDS, "answer",
        N_("Write in up to %(most)s characters why; the member reads it."),
    )  # fmt: skip
    appeal.state, appeal.decided_at, appeal.by_key, appeal.by_name = state, now, actor.key, actor.name


def _tell(
    session: Session, appeal: SeasonAppeal, season: Season, now: dt.datetime, **context: object
) -> None:
    member = session.get_one(Member, appeal.member_id)
    told = {
        "name": member.shown_name, "season": season.name, "slug": season.slug, "state": appeal.state,
        "answer": appeal.answer, **context,
    }  # fmt: skip
    notices.letter(
        session, member=member.id, template="season_appeal", context=told, key=f"season_appeal:{appeal.id}",
        now=now,
    )  # fmt: skip


def _ask(session: Session, appeal: SeasonAppeal, season: Season, now: dt.datetime) -> None:
    """Tell every admin that it waits; whoever published reads that another one decides, where there is one."""
    number = session.scalar(select(Member.number).where(Member.id == appeal.member_id))
    publisher = queries_appeals.publisher(session, season.id)
    several = queries_appeals.admins_beside(session, appeal.member_id) > 1

    def about(admin: Member) -> dict[str, object]:
        return {
            "season": season.name, "season_id": season.id, "number": number,
            "published": several and admin.user_key == publisher,
        }  # fmt: skip

    letters.to_admins(
        session, template="season_appealed", key=f"season_appealed:{appeal.id}", about=about, now=now,
        without=appeal.member_id,
    )  # fmt: skip


def _record(
    session: Session, appeal: SeasonAppeal, season: Season, action: str, actor: Actor, now: dt.datetime,
    **details: object,
) -> None:  # fmt: skip
    store.record(
        session, actor=actor, action=action, target=f"season:{season.id}", now=now, summary=season.name,
        details={"appeal": appeal.id, "member_id": appeal.member_id, **details},
    )  # fmt: skip
