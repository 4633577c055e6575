"""Spin-offs: proposed by a member, approved or declined by an admin, joined from the parent, led and handed over."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.kernel import N_, Actor, Conflict, Forbidden, Invalid, NotFound, Stale, insert_for, locks, store
from qunclub.members.models import Member

from . import rules_moving, rules_spin_off, services, services_bars, services_lines
from .models import Group, GroupLine, Seat
from .models_hosts import GroupHost
from .models_spin_off import SpinOff
from .rules_spin_off import Proposal

APPROVED = N_("Your group %(group)s is there, and you lead it.")
DECLINED = N_("Your group %(group)s was not approved: %(answer)s")
LEADS = N_("You lead the group %(group)s from now on.")
LED = N_("%(name)s leads the group %(group)s from now on.")
NO_SEAT = N_("Only who has a seat in the parent group comes in.")


def propose(session: Session, *, group_id: int, member_id: int, said: Proposal, now: dt.datetime) -> SpinOff:
    """A member proposes a group of their own beside the group they sit in.

    Raises:
        NotFound: when there is no such group.
        Invalid: naming the field.
        Forbidden: to whoever has no seat there.
        Conflict: when a proposal of theirs waits already, or the group is a spin-off itself.
    """
    said = rules_spin_off.checked(said)
    group = session.get(Group, group_id)
    if group is None:
        raise NotFound()
    line = locks.lock(session, GroupLine, group.line_id)
    if line.kind == "spin_off":
        raise Conflict(N_("A spin-off has no spin-offs of its own."))
    seat = services.live_seat(session, line_id=line.id, member_id=member_id)
    if seat is None or seat.state != "admitted" or seat.group_id != group.id:
        raise Forbidden(NO_SEAT)
    waits = select(SpinOff.id).where(
        SpinOff.parent_line_id == line.id, SpinOff.proposer_id == member_id, SpinOff.state == "proposed"
    )
    if session.scalar(waits) is not None:
        raise Conflict(N_("A proposal of yours is being looked at. Wait for the answer, or withdraw it."))
    made = SpinOff(
        name=said.name,
        purpose=said.purpose,
        capacity=said.capacity,
        open_to=said.open_to,
        parent_line_id=line.id,
        parent_group_id=group.id,
        proposer_id=member_id,
        state="proposed",
        proposed_at=now,
    )
    session.add(made)
    session.flush()
    return made


def withdraw(session: Session, *, ident: int, member_id: int, now: dt.datetime) -> SpinOff:
    """The member takes their proposal back.

    Raises:
        NotFound: when it is not theirs.
        Conflict: when it is answered.
    """
    made = locks.lock(session, SpinOff, ident)
    if made.proposer_id != member_id:
        raise NotFound()
    _check_waits(made)
    made.state, made.answered_at = "withdrawn", now
    session.flush()
    return made


def decide(
    session: Session,
    *,
    ident: int,
    approve: bool,
    slug: str = "",
    answer: str = "",
    actor: Actor,
    now: dt.datetime,
) -> SpinOff:
    """An admin lets the group open, with whoever proposed it as its leader, or says why not.

    It gets a line of its own with the covenant of the parent; nobody pays for its seats.

    Args:
        slug: its address.

    Raises:
        NotFound, Conflict: when there is no such proposal, it is answered, or who proposed it has left the parent.
        Invalid: on ``slug``, or on ``answer`` when it is declined without words.
    """
    parent = session.scalar(select(SpinOff.parent_line_id).where(SpinOff.id == ident))
    if parent is None:
        raise NotFound()
    locks.lock(session, GroupLine, parent)
    made = locks.lock(session, SpinOff, ident)
    _check_waits(made)
    answer = answer.strip() if approve else rules_moving.check_reason(answer, field="answer")
    proposer = made.proposer_id
    if proposer is None:
        raise Conflict(N_("Whoever proposed it has left the club."))
    made.state, made.answer = ("approved" if approve else "declined"), answer
    made.answered_at, made.answered_by = now, actor.member_id
    if approve:
        _open(session, made, proposer, slug, actor, now)
    session.flush()
    store.record(
        session,
        actor=actor,
        action="spin_off.approve" if approve else "spin_off.decline",
        target=f"group:{made.group_id or made.parent_group_id}",
        now=now,
        summary=made.name,
        details={"spin_off": made.id, "proposer": proposer, "answer": answer},
    )
    group = session.get_one(Group, made.group_id or made.parent_group_id)
    _tell(
        session, [proposer], f"spin_off:{made.id}", APPROVED if approve else DECLINED, group, now,
        group=made.name, **({} if approve else {"answer": answer}),
    )  # fmt: skip
    return made


def join(session: Session, *, ident: int, member_id: int, now: dt.datetime) -> Seat:
    """Take a seat, or the next place on its list; who has one keeps it. Nobody pays.

    Raises:
        NotFound: when there is no such group.
        Forbidden: to whoever has no seat in the parent.
        groups.Barred: when they were taken out of it.
    """
    found = session.get(SpinOff, ident)
    if found is None or found.line_id is None:
        raise NotFound()
    # First, so that the seat there does not end meanwhile; the spin-off's line is always the later one.
    locks.lock(session, GroupLine, found.parent_line_id)
    seat = services.live_seat(session, line_id=found.parent_line_id, member_id=member_id)
    admitted = seat is not None and seat.state == "admitted"
    if not rules_spin_off.may_join(
        found.open_to,
        parent_group=found.parent_group_id,
        parent_line=found.parent_line_id,
        group=seat.group_id if seat is not None and admitted else None,
        line=seat.line_id if seat is not None else None,
    ):
        raise Forbidden(NO_SEAT)
    return services.take_seat(session, line_id=found.line_id, member_id=member_id, now=now)


def change(
    session: Session,
    *,
    ident: int,
    version: int,
    purpose: str,
    entry_url: str,
    entry_note: str,
    actor: Actor,
    now: dt.datetime,
) -> SpinOff:
    """Its leader (or an admin) says what it is for, and how to get into its chat.

    Raises:
        NotFound, Forbidden: when there is no such group, or they do not lead it.
        Stale: when somebody else saved it since *version* was read.
        Invalid: naming the field.
    """
    made = led(session, ident, actor)
    if made.version != version:
        raise Stale(N_("Somebody else saved this in the meantime. Look at the new state, then save again."))
    made.purpose = rules_spin_off.check_purpose(purpose)
    made.version += 1
    assert made.group_id is not None
    services_lines.set_entry(
        session, group_id=made.group_id, entry_url=entry_url, entry_note=entry_note, actor=actor, now=now
    )
    line = session.get_one(GroupLine, made.line_id)
    line.posting_note = made.purpose
    session.flush()
    return made


def hand_over(session: Session, *, ident: int, number: str, actor: Actor, now: dt.datetime) -> Member:
    """Somebody else in the group leads it; its leader or an admin says who.

    Args:
        number: the member number of the new leader.

    Raises:
        NotFound, Forbidden: when there is no such group, or they do not lead it.
        Invalid: on ``number``, when nobody in the group has it.
    """
    made = led(session, ident, actor)
    wanted = int(number) if number.isascii() and number.isdigit() and len(number) < 16 else -1
    member = session.scalars(
        select(Member)
        .join(Seat, Seat.member_id == Member.id)
        .where(Member.number == wanted, Seat.group_id == made.group_id, Seat.state == "admitted")
    ).one_or_none()
    if member is None:
        raise Invalid(
            N_("Nobody in this group has the number %(number)s."), field="number", number=number[:16]
        )
    before = made.leader_id
    if before == member.id:
        return member
    assert made.group_id is not None
    _step_down(session, made)
    make_leader(session, made, member, now)
    made.version += 1
    session.flush()
    store.record(
        session,
        actor=actor,
        action="spin_off.hand_over",
        target=f"group:{made.group_id}",
        now=now,
        summary=f"{made.name} · {member.shown_name}",
        details={"before": before, "after": member.id},
    )
    group = session.get_one(Group, made.group_id)
    source = f"spin_off:{made.id}:leader:{made.version}"
    _tell(session, [member.id], source, LEADS, group, now, group=made.name)
    if before is not None:
        _tell(session, [before], source, LED, group, now, group=made.name, name=member.shown_name)
    return member


def put_out(
    session: Session, *, ident: int, seat_id: int, reason: str, actor: Actor, now: dt.datetime
) -> Seat:
    """The leader takes a member out of their group, with a reason; an admin can lift what keeps them out.

    Raises:
        NotFound, Forbidden: when there is no such group or seat in it, or they do not lead it.
        Conflict: for the leader's own seat.
        Invalid: without a reason.
    """
    made = led(session, ident, actor)
    seat = session.get(Seat, seat_id)
    if seat is None or seat.line_id != made.line_id:
        raise NotFound()
    if seat.member_id == made.leader_id:
        raise Conflict(N_("Hand the group over first."))
    reason = rules_moving.check_reason(reason)
    return services_bars.remove_member(session, seat_id=seat_id, reason=reason, actor=actor, now=now)


def led(session: Session, ident: int, actor: Actor) -> SpinOff:
    """A spin-off that is there, for its leader or an admin, under its lock.

    Raises:
        NotFound, Forbidden.
    """
    line_id = session.scalar(select(SpinOff.line_id).where(SpinOff.id == ident))
    if line_id is None:
        raise NotFound()
    # The line first, as whoever ends a seat in it does.
    locks.lock(session, GroupLine, line_id)
    made = locks.lock(session, SpinOff, ident)
    check_leads(made, actor)
    return made


def check_leads(made: SpinOff, actor: Actor) -> None:
    """Refuse who does not lead it.

    Raises:
        NotFound: when it is not there (yet).
        Forbidden: saying who leads.
    """
    if made.state != "approved":
        raise NotFound()
    check_is_leader(made, actor)


def check_is_leader(made: SpinOff, actor: Actor) -> None:
    """Refuse who does not lead it, or did not lead it when it ended.

    Raises:
        Forbidden: saying who leads.
    """
    if not actor.has("admin") and (made.leader_id is None or made.leader_id != actor.member_id):
        raise Forbidden(
            N_("This is for whoever leads the group."), how=N_("The leader or an admin hands it over.")
        )


def forget_spin_offs(session: Session, member_id: int) -> None:
    """Who left the club: proposals that came to nothing go; what they led has ended with their seat there."""
    session.execute(
        delete(SpinOff)
        .where(SpinOff.proposer_id == member_id, SpinOff.state.not_in(("approved", "ended")))
        .execution_options(synchronize_session="fetch")
    )
    # Of one that has ended the last leader is kept.
    for column in (SpinOff.proposer_id, SpinOff.answered_by, SpinOff.leader_id):
        session.execute(
            update(SpinOff)
            .where(column == member_id)
            .values({column: None})
            .execution_options(synchronize_session="fetch")
        )


def _check_waits(made: SpinOff) -> None:
    if made.state != "proposed":
        raise Conflict(N_("This proposal is answered already."))


def _open(session: Session, made: SpinOff, proposer: int, slug: str, actor: Actor, now: dt.datetime) -> None:
    seat = services.live_seat(session, line_id=made.parent_line_id, member_id=proposer)
    if seat is None or seat.state != "admitted":
        raise Conflict(N_("Whoever proposed it has no seat in the parent group any more."))
    covenant = services_lines.current_covenant(session, made.parent_line_id)
    line = services_lines.create_line(
        session,
        slug=slug.strip(),
        name=made.name,
        name_pattern=made.name,
        kind="spin_off",
        capacities=[made.capacity],
        posting="all",
        posting_note=made.purpose,
        covenant_md=covenant.body_md if covenant else "",
        proposed=True,
        actor=actor,
        now=now,
    )
    made.line_id, made.group_id = line.id, services.first_group(session, line, now=now).id
    services.take_seat(session, line_id=line.id, member_id=proposer, now=now)
    make_leader(session, made, session.get_one(Member, proposer), now)


def make_leader(session: Session, made: SpinOff, member: Member, now: dt.datetime) -> None:
    """Make somebody the leader, and a host of this group alone."""
    made.leader_id, made.leader_note = member.id, ""
    held = session.scalar(select(GroupHost.group_id).where(GroupHost.member_id == member.id).limit(1))
    if {"host", "admin"} & set(member.roles) and held is None:
        # A host of the whole club stays one: a door of their own would shut them out of the others.
        return
    insert = insert_for(session, GroupHost).values(group_id=made.group_id, member_id=member.id, since=now)
    session.execute(insert.on_conflict_do_nothing())


def _step_down(session: Session, made: SpinOff) -> None:
    session.execute(
        delete(GroupHost).where(GroupHost.group_id == made.group_id, GroupHost.member_id == made.leader_id)
    )


def _tell(
    session: Session, members: list[int], source: str, text: str, place: Group, now: dt.datetime, **facts: str
) -> None:
    notices.notify(
        session,
        members=members,
        kind="seat",
        source=source,
        facts=facts,
        text=text,
        endpoint="qunclub.groups.show",
        values={"slug": place.slug},
        now=now,
    )
