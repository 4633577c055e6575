"""Works are meant for somebody: chosen when they are handed in, passed on when that one cannot, never held back.

An instructor's row in ``qunclub_member`` is locked before their open works are counted, so that two works that come
in at once see each other; submissions are locked before instructors. Being meant for somebody is a hint with force:
the desk keeps a work for them, and after the promised time it is everybody's (``rules_allocation.reserved``).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection

from sqlalchemy import Select, delete, select, update
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Conflict, Forbidden, Invalid, locks, store
from qunclub.kernel.ports import GroupBook
from qunclub.members.models import Member

from . import queries_allocation, queries_second, rules, rules_allocation
from .models import Submission
from .models_allocation import AllocationPerson, InstructorAway
from .rules_allocation import FREE, Hand, Plan, Work

BATCH = 200
"""How many works are passed on in one transaction."""


def choose(
    session: Session,
    *,
    assignment_id: int,
    groups: Collection[int],
    kept_from: Collection[int],
    now: dt.datetime,
) -> int | None:
    """Whom a work that comes in is meant for; None for everybody. Three statements with a plan.

    Args:
        groups: in which its author sits.
        kept_from: who may not judge it.
    """
    plan = queries_allocation.plans(session, [assignment_id]).get(assignment_id, FREE)
    if plan.mode == "free":
        return None
    work = Work(0, plan, frozenset(groups), frozenset(kept_from))
    return rules_allocation.meant_for(work, _hands(session, [plan], now))


def pass_on(session: Session, submission: Submission, *, now: dt.datetime) -> None:
    """Another judgement is needed: the work goes to somebody who has not judged it, or stays with such a one."""
    kept_from = queries_allocation.kept_from(session, [submission.id])[submission.id]
    if submission.allocated_to is not None and submission.allocated_to not in kept_from:
        return
    # Whose group the author sits in is not known here: then it is for everybody.
    give(
        submission,
        choose(
            session, assignment_id=submission.assignment_id, groups=(), kept_from=kept_from, now=now
        ),
        now,
    )  # fmt: skip


def refuse_reserved(session: Session, submission: Submission, reviewer: int, now: dt.datetime) -> None:
    """Refuse a claim of what is kept for somebody else; whoever holds it already goes on.

    Raises:
        Conflict: naming until when it is kept.
    """
    if submission.claimed_by == reviewer:
        return
    if not rules_allocation.reserved(
        submission.allocated_to,
        submission.submitted_at,
        reader=reviewer,
        promise=rules.TURNAROUND,
        now=now,
    ):
        return
    there = select(Member.id).where(
        Member.id == submission.allocated_to,
        queries_second.is_instructor(),
        ~queries_allocation.away(Member.id, now),
    )
    if session.scalar(there) is not None:
        raise Conflict(
            N_("This work is meant for another instructor."),
            how=N_(
                "Take it over on its page, or wait: what waits longer than promised is free for everybody."
            ),
        )


def move(
    session: Session,
    *,
    source: int | None,
    target: int | str | None,
    actor: Actor,
    now: dt.datetime,
    book: GroupBook,
) -> tuple[int, int]:
    """An admin gives the open works of *source* to others, the longest waiting first, so many at a time.

    What somebody holds at the moment stays, and what *target* may not judge.

    Args:
        source: an instructor; None for what is meant for nobody.
        target: an instructor, None for everybody, ``"evenly"`` over all instructors, or ``"plan"`` as the plans say.

    Returns:
        How many were given, and how many stayed for a reason or for the next time.

    Raises:
        Forbidden: for whoever is no admin.
        Invalid: when *target* is nobody that works could be given to.
    """
    if not actor.has("admin"):
        raise Forbidden(N_("Only admins allocate the works of others."))
    if source == target:
        raise Invalid(N_("Choose somebody else to give them to."), field="target")
    if isinstance(target, int):
        known = select(Member.id).where(Member.id == target, queries_second.is_instructor())
        if session.scalar(known) is None:
            raise Invalid(N_("Choose an instructor from the list."), field="target")
    ids = session.scalars(queries_allocation.open_works(source, now=now).limit(BATCH + 1)).all()
    more, works = int(len(ids) > BATCH), _locked(session, ids[:BATCH])
    kept_from = queries_allocation.kept_from(session, [one.id for one in works])
    if target is None:
        given: dict[int, int | None] = {one.id: None for one in works}
    elif isinstance(target, int):
        given = {one.id: target for one in works if target not in kept_from[one.id]}
    else:
        by_plan = target == "plan"
        given = _spread(session, works, book, now, plan=None if by_plan else Plan("evenly"), without=source)
        if source is None:
            given = {ident: chosen for ident, chosen in given.items() if chosen is not None}
    for one in works:
        if one.id in given:
            give(one, given[one.id], now)
    if given:
        store.record(
            session,
            actor=actor,
            action="allocation.move",
            target=f"member:{source}" if source else "homework",
            now=now,
            summary=f"{len(given)}",
            details={"from": source, "to": target, "submissions": sorted(given)},
        )
    session.flush()
    return len(given), len(works) - len(given) + more


def hand_over(session: Session, *, ids: Collection[int], book: GroupBook, now: dt.datetime) -> int:
    """Give works away from whom they are meant for, as their plans say, or to everybody; returns how many."""
    works = [one for one in _locked(session, ids) if one.allocated_to is not None]
    given = _spread(session, works, book, now)
    for one in works:
        # Who is there no more was left out of the choice, and who may not judge it.
        give(one, given[one.id], now)
    session.flush()
    return len(works)


def set_away(
    session: Session,
    *,
    member_id: int,
    starts_at: dt.datetime | None,
    ends_at: dt.datetime | None,
    reason: str,
    actor: Actor,
    now: dt.datetime,
    book: GroupBook,
) -> InstructorAway:
    """An instructor is away from *starts_at* until before *ends_at*; what is meant for them goes to others at once.

    Raises:
        Forbidden: for whoever is neither the one nor an admin.
        Invalid: naming the field.
    """
    _refuse_stranger(member_id, actor)
    if starts_at is None:
        raise Invalid(N_("Say from which day on."), field="starts_on")
    if ends_at is None or ends_at <= starts_at:
        raise Invalid(N_("The last day is not before the first."), field="ends_on")
    if ends_at <= now:
        raise Invalid(N_("The last day has not passed yet."), field="ends_on")
    if ends_at - starts_at > rules_allocation.MAX_AWAY:
        raise Invalid(N_("At most a year at a time."), field="ends_on")
    why = " ".join(reason.split())
    if len(why) > rules_allocation.MAX_REASON:
        raise Invalid(
            N_("Your reason is longer than %(limit)s characters."),
            field="reason",
            limit=rules_allocation.MAX_REASON,
        )
    known = select(Member.id).where(Member.id == member_id, queries_second.is_instructor())
    if session.scalar(known) is None:
        raise Invalid(N_("Choose an instructor from the list."), field="member_id")
    # Works before people; what came in until the instructor was locked is found by the second look.
    _locked(session, session.scalars(_theirs(member_id, now)).all())
    _lock_people(session, [member_id])
    row = InstructorAway(
        member_id=member_id,
        starts_at=starts_at,
        ends_at=ends_at,
        reason=why,
        set_by=actor.name,
        created_at=now,
    )
    session.add(row)
    session.flush()
    store.record(
        session,
        actor=actor,
        action="instructor.away",
        target=f"member:{member_id}",
        now=now,
        summary=why,
        details={"starts_at": str(starts_at), "ends_at": str(ends_at)},
    )
    if starts_at <= now:
        hand_over(session, ids=session.scalars(_theirs(member_id, now)).all(), book=book, now=now)
    return row


def end_away(session: Session, *, away_id: int, actor: Actor, now: dt.datetime) -> InstructorAway:
    """Back earlier, or not away after all; works come again with the next ones handed in.

    Raises:
        Forbidden: for whoever is neither the one nor an admin.
    """
    row = locks.lock(session, InstructorAway, away_id)
    _refuse_stranger(row.member_id, actor)
    store.record(
        session,
        actor=actor,
        action="instructor.back",
        target=f"member:{row.member_id}",
        now=now,
        details={"starts_at": str(row.starts_at), "ends_at": str(row.ends_at)},
    )
    if row.starts_at >= now:
        session.delete(row)
    else:
        row.ends_at = min(row.ends_at, now)
    session.flush()
    return row


def forget(session: Session, *, member_id: int) -> None:
    """Who leaves is given nothing any more: what was meant for them is everybody's, and their absences go."""
    session.execute(
        update(Submission)
        .where(Submission.allocated_to == member_id)
        .values(allocated_to=None, allocated_at=None)
        .execution_options(synchronize_session=False)
    )
    session.execute(delete(AllocationPerson).where(AllocationPerson.member_id == member_id))
    session.execute(delete(InstructorAway).where(InstructorAway.member_id == member_id))


def give(submission: Submission, to: int | None, now: dt.datetime) -> None:
    """Say whom a locked submission is meant for."""
    submission.allocated_to, submission.allocated_at = to, now if to is not None else None


def _refuse_stranger(member_id: int, actor: Actor) -> None:
    if actor.has("admin") or (actor.has("instructor") and actor.member_id == member_id):
        return
    raise Forbidden(N_("Only instructors themselves and admins say when somebody is away."))


def _theirs(member_id: int, now: dt.datetime) -> Select[int]:
    return queries_allocation.open_works(member_id, now=now).limit(BATCH)


def _locked(session: Session, ids: Collection[int]) -> list[Submission]:
    """Submissions that still wait, locked, in the order of their ids."""
    query = select(Submission).where(Submission.id.in_(ids), Submission.state == "waiting")
    if locks.enabled():
        query = query.with_for_update()
    query = query.order_by(Submission.id).execution_options(populate_existing=True)
    return list(session.scalars(query))


def _lock_people(session: Session, ids: Collection[int] | None) -> list[int]:
    """Keep the open works of instructors (all of them for None) from changing under a count, until the commit.

    Returns who of them there is.
    """
    query = select(Member.id).where(queries_second.is_instructor()).order_by(Member.id)
    if ids is not None:
        query = query.where(Member.id.in_(ids))
    if locks.enabled():
        # Not so strong that a row which only names them would have to wait.
        query = query.with_for_update(key_share=True)
    return list(session.scalars(query))


def _hands(session: Session, plans: Collection[Plan], now: dt.datetime) -> list[Hand]:
    everybody = any(one.mode == "evenly" for one in plans)
    ids = None if everybody else {ident for one in plans for ident in one.people}
    return queries_allocation.hands(session, _lock_people(session, ids), now=now)


def _spread(
    session: Session,
    works: Collection[Submission],
    book: GroupBook,
    now: dt.datetime,
    *,
    plan: Plan | None = None,
    without: int | None = None,
) -> dict[int, int | None]:
    if not works:
        return {}
    assignments = {one.assignment_id for one in works}
    by_plan = queries_allocation.plans(session, assignments) if plan is None else {}
    plans = {ident: by_plan.get(ident, plan or FREE) for ident in assignments}
    groups = {
        group
        for one in plans.values()
        if one.mode == "group"
        for theirs in one.people.values()
        for group in theirs
    }
    ids = [one.id for one in works]
    authors = queries_allocation.authors(session, ids)
    seats = queries_allocation.seats(session, book, groups, frozenset().union(*authors.values()))
    kept_from = queries_allocation.kept_from(session, ids)
    row = sorted(works, key=lambda one: (one.submitted_at, one.id))
    return rules_allocation.spread(
        [
            Work(
                one.id,
                plans[one.assignment_id],
                frozenset().union(*(seats.get(who, frozenset()) for who in authors[one.id])),
                kept_from[one.id] | ({without} if without is not None else set()),
            )
            for one in row
        ],
        _hands(session, list(plans.values()), now),
        now=now,
    )
