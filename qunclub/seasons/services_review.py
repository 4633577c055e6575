"""The review between freeze and result: exceptions, dry runs, nominations, and the second admin.

Everything is decided under the season's lock, so whoever publishes publishes what was last said.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Conflict, Forbidden, Invalid, NotFound, locks, store
from qunclub.members.models import Member

from . import field, services_seats, snapshot
from .models import Season
from .models_review import DryRun, Nomination, SeasonException
from .rules import Plan, Row, Ruling
from .rules_review import EXCEPTIONS, idle, outcomes_of, plan_hash

MOST_WORDS = 500


def exceptions(session: Session, season_id: int) -> list[SeasonException]:
    """What was ruled, in the order it was said."""
    query = select(SeasonException).where(SeasonException.season_id == season_id)
    return list(session.scalars(query.order_by(SeasonException.id)))


def considered(session: Session, season: Season) -> tuple[list[Row], list[Ruling]]:
    """The rows a frozen or decided season is planned from, and what was ruled beside the formula.

    While it is frozen, whoever lost the seat or was suspended since is a fact that counts; the result keeps it.
    """
    said = [Ruling(one.member_id, one.kind) for one in exceptions(session, season.id)]
    facts = services_seats.left_since(session, season) if season.state == "frozen" else set()
    named = {one.member for one in said} | facts
    rows = snapshot.deciding(session, season, sorted(named))
    if season.state == "frozen":
        # As many more as are found stand further down, and any of those may be shut or barred too.
        while found := _out_since(session, season, rows, said) - facts:
            facts |= found
            rows = snapshot.deciding(session, season, sorted(named | facts))
        said = [one for one in said if one.member not in facts]
        said += [Ruling(member, "gone") for member in sorted(facts)]
    return rows, said


def _out_since(session: Session, season: Season, rows: list[Row], said: list[Ruling]) -> set[int]:
    """Who of *rows* could have a seat by the snapshot and may have none now: suspended, gone, or barred."""
    seated = {one.member for one in said if one.kind == "promote"}
    able = [row.member for row in rows if not row.bar or row.member in seated]
    return services_seats.shut_among(session, able) | services_seats.barred_among(session, season, able)


def plan(session: Session, season: Season) -> Plan:
    """The plan of a frozen or decided season."""
    rows, said = considered(session, season)
    return field.plan_of(season, rows, said)


def add_exception(
    session: Session,
    *,
    season_id: int,
    number: int | None,
    kind: str,
    reason: str,
    actor: Actor,
    now: dt.datetime,
) -> SeasonException:
    """Rule about one member beside the formula; everybody reads it with the result.

    Raises:
        Invalid: naming the field: nobody with this number, a kind that does not fit, no reason, no effect.
        Conflict: when the season is not frozen.
        Forbidden: about oneself.
    """
    season = _frozen(session, season_id)
    words = " ".join(reason.split())
    member_id = session.scalar(select(Member.id).where(Member.number == number)) if number else None
    if member_id is None:
        raise Invalid(N_("No member has this number."), field="number")
    if actor.member_id == member_id:
        raise Forbidden(N_("This is about yourself."), how=N_("Another admin decides it."))
    if kind not in EXCEPTIONS:
        raise Invalid(N_("Choose from the list."), field="kind")
    if not words or len(words) > MOST_WORDS:
        raise Invalid(
            N_("Write the reason in up to %(most)s characters; everybody reads it."),
            field="reason",
            most=MOST_WORDS,
        )
    if snapshot.row_of(session, season_id, member_id) is None:
        raise Invalid(
            N_("This member has no points in the season and is not in the core group."), field="number"
        )
    known = session.scalar(
        select(SeasonException.id).where(
            SeasonException.season_id == season_id, SeasonException.member_id == member_id
        )
    )
    if known is not None:
        raise Invalid(N_("There is an exception for this member; take it back first."), field="number")
    made = SeasonException(
        season_id=season_id, member_id=member_id, kind=kind, reason=words, by_key=actor.key, by_name=actor.name, at=now
    )  # fmt: skip
    session.add(made)
    session.flush()
    rows, said = considered(session, season)
    ruled = Ruling(member_id, kind)
    # Of whoever may have no seat at all any more, that alone counts.
    if ruled not in said or ruled in idle(rows, season.formula, said):
        raise Invalid(
            N_(
                "This exception would change nothing: it does not fit how the member stands, or no seat is free."
            ),
            field="kind",
        )
    _record(session, season, "season.except", actor, now, number, kind, words)
    return made


def drop_exception(
    session: Session, *, season_id: int, exception_id: int, actor: Actor, now: dt.datetime
) -> None:
    """Take an exception back before the result.

    Raises:
        NotFound: when there is none.
        Conflict: when the season is not frozen.
    """
    season = _frozen(session, season_id)
    made = session.get(SeasonException, exception_id)
    if made is None or made.season_id != season_id:
        raise NotFound()
    number = session.scalar(select(Member.number).where(Member.id == made.member_id))
    session.delete(made)
    session.flush()
    _record(session, season, "season.unexcept", actor, now, number, made.kind, made.reason)


def dry_run(
    session: Session, *, season_id: int, actor: Actor, now: dt.datetime, propose: bool = False
) -> DryRun:
    """Keep what closing would do at this moment; with *propose* the admin stands by it.

    Raises:
        Conflict: when the season is neither open nor frozen, or to propose, not frozen.
    """
    season = locks.lock(session, Season, season_id)
    if season.state not in (("frozen",) if propose else ("open", "frozen")):
        raise Conflict(N_("A season is tried before its result, and proposed once it is frozen."))
    now_plan = (
        plan(session, season)
        if season.state == "frozen"
        else field.plan_of(season, field.live(session, season))
    )
    outcomes = outcomes_of(now_plan)
    made = DryRun(
        season_id=season_id, at=now, by_key=actor.key, by_name=actor.name, proposed=propose,
        plan_hash=plan_hash(outcomes), outcomes=outcomes,
    )  # fmt: skip
    session.add(made)
    session.flush()
    if propose:
        store.record(
            session, actor=actor, action="season.propose", target=f"season:{season.id}", now=now,
            summary=season.name, details={"plan_hash": made.plan_hash},
        )  # fmt: skip
    return made


def last_run(session: Session, season_id: int, *, proposed: bool = False) -> DryRun | None:
    """The last dry run, or the last one that somebody stands by."""
    query = select(DryRun).where(DryRun.season_id == season_id)
    if proposed:
        query = query.where(DryRun.proposed.is_(True))
    return session.scalars(query.order_by(DryRun.id.desc()).limit(1)).one_or_none()


def check_review(
    session: Session, season: Season, rows: list[Row], said: list[Ruling], decided: Plan, actor: Actor
) -> None:
    """Refuse a result that a second admin has not proposed, or with an exception that changes nothing.

    Raises:
        Conflict: saying which.
        Forbidden: for whoever proposed it.
    """
    for one in idle(rows, season.formula, said):
        number = next(row.number for row in rows if row.member == one.member)
        raise Conflict(
            N_("The exception for No. %(number)s changes nothing any more; take it back, then publish."),
            number=number,
        )
    if not season.formula.two_person:
        return
    proposal = last_run(session, season.id, proposed=True)
    if proposal is None or proposal.plan_hash != plan_hash(outcomes_of(decided)):
        raise Conflict(
            N_("By the formula one admin proposes the result and another publishes it. Propose it first.")
        )
    if proposal.by_key == actor.key:
        raise Forbidden(N_("You proposed this result yourself."), how=N_("Another admin publishes it."))


def keep_facts(session: Session, season: Season, said: list[Ruling], now: dt.datetime) -> None:
    """Write down who was gone when the result was published."""
    for one in said:
        if one.kind != "gone":
            continue
        held = session.scalars(
            select(SeasonException).where(
                SeasonException.season_id == season.id, SeasonException.member_id == one.member
            )
        ).one_or_none()
        if held is None:
            held = SeasonException(season_id=season.id, member_id=one.member, reason="")
            session.add(held)
        held.kind, held.by_key, held.by_name, held.at = "gone", services_seats.SWEEPER.key, "", now
    session.flush()


def nominate(
    session: Session, *, season_id: int, number: int | None, reason: str, actor: Actor, now: dt.datetime
) -> Nomination:
    """Speak for a member; saying it again replaces the words.

    Raises:
        Invalid: naming the field.
        Conflict: when the season is neither running nor in review.
        Forbidden: for oneself, or without a member row.
    """
    season = locks.lock(session, Season, season_id)
    if season.state not in ("open", "frozen"):
        raise Conflict(N_("Members are nominated while a season runs or is being decided."))
    words = " ".join(reason.split())
    if not words or len(words) > MOST_WORDS:
        raise Invalid(
            N_("Write the reason in up to %(most)s characters; admins read it."),
            field="reason",
            most=MOST_WORDS,
        )
    member_id = session.scalar(select(Member.id).where(Member.number == number)) if number else None
    if member_id is None:
        raise Invalid(N_("No member has this number."), field="number")
    if actor.member_id is None or actor.member_id == member_id:
        raise Forbidden(N_("Nobody nominates oneself."), how=N_("Another instructor may."))
    query = select(Nomination).where(
        Nomination.season_id == season.id,
        Nomination.member_id == member_id,
        Nomination.by_member_id == actor.member_id,
    )
    made = session.scalars(query).one_or_none()
    if made is None:
        made = Nomination(season_id=season.id, member_id=member_id, by_member_id=actor.member_id)
        session.add(made)
    made.by_name, made.reason, made.at = actor.name, words, now
    session.flush()
    return made


def _frozen(session: Session, season_id: int) -> Season:
    season = locks.lock(session, Season, season_id)
    if season.state != "frozen":
        raise Conflict(N_("Exceptions are made between the freeze and the result."))
    return season


def _record(
    session: Session, season: Season, action: str, actor: Actor, now: dt.datetime, number: int | None, kind: str,
    why: str,
) -> None:  # fmt: skip
    store.record(
        session, actor=actor, action=action, target=f"season:{season.id}", now=now, summary=season.name,
        details={"number": number, "kind": kind, "reason": why},
    )  # fmt: skip
