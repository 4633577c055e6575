"""A member whom a mute of their role or of all keeps from writing asks for an exception; an admin answers and says why.

The way is that of an appeal: once, in the same queue, by another admin than whoever set the mute. What is granted holds
for this member as long as this mute; the mute stays for everybody else.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.groups.models import Group, Seat
from qunclub.kernel import N_, Actor, Conflict, Forbidden, Invalid, NotFound, Stale, locks, store, watch
from qunclub.members.models import Member

from . import posting, rules_ladder, services_reports
from .models import Mute, MuteException
from .rules import Silence, concerns
from .services_quiet import checked_reason

BATCH = 200
ENDED = N_("This mute has ended already.")


def means(row: Mute, member: Member) -> bool:
    """Whether a mute of a role or of all means somebody; one member's own has its appeal, and is none of these."""
    offices = posting.offices_of(member)
    if row.member_id is not None or "admin" in offices:
        return False
    silence = Silence("role" if row.role else "all", row.starts_at, row.until, row.reason, row.role)
    return concerns(silence, offices)


def over(row: Mute, now: dt.datetime) -> bool:
    """Whether a mute has run out or was lifted."""
    return row.lifted_at is not None or (row.until is not None and row.until <= now)


def mute_of(session: Session, *, mute_id: int, member: Member) -> Mute:
    """The mute of a role or of all that keeps a member from writing in a group where they sit.

    Raises:
        NotFound: when it is not theirs to ask about.
    """
    row = session.get(Mute, mute_id)
    if row is None or not means(row, member) or not _seated(session, row.group_id, member.id):
        raise NotFound()
    return row


def ask(session: Session, *, mute_id: int, member_id: int, reason: str, now: dt.datetime) -> MuteException:
    """Ask for an exception from a mute of one's role or of all, once.

    Raises:
        NotFound: when the mute does not mean them, or not where they sit.
        Invalid: without a reason.
        Conflict: when it has ended, or they have asked before.
    """
    mute_of(session, mute_id=mute_id, member=session.get_one(Member, member_id))
    text = checked_reason(reason, most=rules_ladder.MOST_REASON)
    # Lifting takes the same lock; two clicks of one member meet here.
    row = locks.lock(session, Mute, mute_id)
    if over(row, now):
        raise Conflict(ENDED)
    known = select(MuteException.id).where(
        MuteException.mute_id == mute_id, MuteException.member_id == member_id
    )
    if session.scalar(known) is not None:
        raise Conflict(N_("You have asked for an exception from this mute already."))
    wish = MuteException(
        mute_id=mute_id, member_id=member_id, reason=text, state="open", answer="", opened_at=now
    )
    session.add(wish)
    session.flush()
    services_reports.count(session, services_reports.APPEALS, 1)
    return wish


def answer(
    session: Session,
    *,
    exception_id: int,
    outcome: Literal["granted", "declined"],
    answer: str,
    actor: Actor,
    now: dt.datetime,
) -> MuteException:
    """Let a member write although the mute holds for the others, or not; the member reads why.

    Raises:
        Stale: when it was answered meanwhile.
        Forbidden: for whoever is no admin, set the mute, or asks.
        Invalid: without an answer.
        Conflict: when the mute has ended.
    """
    if outcome not in ("granted", "declined"):
        raise Invalid(N_("Choose an answer."), field="answer")
    text = checked_reason(answer, field="answer", most=rules_ladder.MOST_REASON)
    wish = session.get(MuteException, exception_id)
    if wish is None:
        raise NotFound()
    no = refused(session.get_one(Mute, wish.mute_id), wish, actor)
    if no is not None:
        raise no
    wish = locks.lock(session, MuteException, exception_id)
    if wish.state != "open":
        raise Stale(N_("This wish was answered meanwhile. Nothing was overwritten."))
    row = session.get_one(Mute, wish.mute_id)
    if over(row, now):
        raise Conflict(ENDED)
    wish.state, wish.answer, wish.decided_by, wish.decided_at = outcome, text, actor.member_id, now
    session.flush()
    services_reports.count(session, services_reports.APPEALS, -1)
    if outcome == "granted":
        # For this member it is as if it were lifted: their chat outside follows.
        watch.mutes.tell(session, watch.MuteChange(row.id, row.group_id, wish.member_id, False, now))
    _say(session, row, wish, actor, now)
    return wish


def refused(row: Mute, wish: MuteException, actor: Actor) -> Forbidden | None:
    """Why somebody may not answer a wish for an exception, None when they may."""
    if not actor.has("admin"):
        return Forbidden(N_("This is for the admins of the club."), how=N_("An admin can give you the role."))
    if actor.member_id == wish.member_id:
        return Forbidden(N_("Nobody judges a case of their own."), how=N_("Another admin decides it."))
    if actor.member_id == row.set_by:
        return Forbidden(
            N_("You have set this mute yourself."), how=N_("Another admin answers it, or you lift it.")
        )
    return None


def lapse(session: Session, *, now: dt.datetime, limit: int = BATCH) -> int:
    """End wishes whose mute has ended, or whose members sit in the group no more: one batch; how many that were."""
    gone = (
        select(MuteException.id)
        .join(Mute, Mute.id == MuteException.mute_id)
        .where(
            MuteException.state == "open",
            or_(
                Mute.lifted_at.is_not(None),
                Mute.until <= now,
                ~exists().where(
                    Seat.group_id == Mute.group_id,
                    Seat.member_id == MuteException.member_id,
                    Seat.state == "admitted",
                ),
            ),
        )
        .limit(limit)
    )
    ended = session.scalars(
        update(MuteException)
        .where(MuteException.id.in_(session.scalars(gone).all()), MuteException.state == "open")
        .values(state="lapsed", decided_at=now)
        .returning(MuteException.id)
        .execution_options(synchronize_session="fetch")
    ).all()
    if ended:
        services_reports.count(session, services_reports.APPEALS, -len(ended))
    return len(ended)


def _seated(session: Session, group_id: int, member_id: int) -> bool:
    query = select(Seat.id).where(
        Seat.group_id == group_id, Seat.member_id == member_id, Seat.state == "admitted"
    )
    return session.scalar(query) is not None


def _say(session: Session, row: Mute, wish: MuteException, actor: Actor, now: dt.datetime) -> None:
    group, member = session.get_one(Group, row.group_id), session.get_one(Member, wish.member_id)
    store.record(
        session,
        actor=actor,
        action="house.exception",
        target=f"member:{member.id}",
        now=now,
        summary=f"{member.shown_name} · {group.name}",
        details={"mute_id": row.id, "exception_id": wish.id, "outcome": wish.state, "answer": wish.answer},
    )
    notices.letter(
        session,
        member=member.id,
        template="house_exception",
        context={
            "name": member.shown_name,
            "group": group.name,
            "outcome": wish.state,
            "answer": wish.answer,
        },
        key=f"house_exception:{wish.id}",
        now=now,
    )
