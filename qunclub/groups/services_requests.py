"""Members who wish to move: where the line lets them, at once or after a host or an admin has answered."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.kernel import N_, Actor, Conflict, NotFound, store
from qunclub.members.models import Member

from . import rules_moving, services_moving
from .models import Group
from .models_moving import MoveRequest, SeatMove
from .moving_ends import close_request


def ask(
    session: Session, *, seat_id: int, member_id: int, to_id: int, words: str, actor: Actor, now: dt.datetime
) -> MoveRequest | None:
    """The member wishes to move. None when they are moved at once; else the request that is answered later.

    A second wish takes the place of the first.

    Raises:
        NotFound: when it is not their seat.
        Invalid: without words, where a host reads them.
        Conflict: when the line does not let them, they have no seat, or the group is none they can come into.
    """
    line, seat = services_moving.locked(session, seat_id)
    if seat.member_id != member_id:
        raise NotFound()
    if line.moving == "no":
        raise Conflict(N_("In this line members do not choose their group. Ask a host."))
    if line.moving == "free":
        services_moving.move(
            session,
            seat_id=seat_id,
            to_id=to_id,
            reason=services_moving.OWN_WISH,
            actor=actor,
            now=now,
            how="free",
        )
        return None
    words = rules_moving.check_reason(words, field="words")
    target = session.get(Group, to_id)
    if seat.state != "admitted" or seat.group_id is None:
        raise Conflict(N_("Only who has a seat in a group can be moved."))
    if target is None or target.line_id != line.id or target.id == seat.group_id:
        raise Conflict(N_("Choose another group of the same line."))
    if target.closed_at is not None or target.seated >= target.capacity:
        raise Conflict(N_("%(group)s has no free seat. Choose another group."), group=target.name)
    close_request(session, seat.id, "withdrawn", now)
    request = MoveRequest(
        seat_id=seat.id,
        member_id=member_id,
        from_id=seat.group_id,
        to_id=target.id,
        words=words,
        state="open",
        asked_at=now,
    )
    session.add(request)
    session.flush()
    return request


def withdraw(session: Session, *, seat_id: int, member_id: int, now: dt.datetime) -> None:
    """The member does not wish to move any more; harmless when nothing is open.

    Raises:
        NotFound: when it is not their seat.
    """
    _line, seat = services_moving.locked(session, seat_id)
    if seat.member_id != member_id:
        raise NotFound()
    close_request(session, seat.id, "withdrawn", now)


def answer(
    session: Session, *, request_id: int, grant: bool, words: str, actor: Actor, now: dt.datetime
) -> MoveRequest:
    """Move the member as they wish, or say why not.

    Raises:
        NotFound: when there is no such request.
        Conflict: when it is answered already, or the group is full meanwhile.
        Forbidden: to whoever is host of one of the groups only.
        Invalid: on ``words``, when it is declined without any.
    """
    seat_id = session.scalar(select(MoveRequest.seat_id).where(MoveRequest.id == request_id))
    if seat_id is None:
        raise NotFound()
    services_moving.locked(session, seat_id)
    request = session.get_one(MoveRequest, request_id, populate_existing=True)
    if request.state != "open":
        raise Conflict(N_("This wish is answered already."))
    services_moving.check_may_move(session, actor, request.from_id, request.to_id)
    words = words.strip() if grant else rules_moving.check_reason(words, field="words")
    request.state, request.answer = ("granted" if grant else "declined"), words
    request.answered_at, request.answered_by = now, actor.member_id
    session.flush()
    if grant:
        services_moving.move(
            session,
            seat_id=seat_id,
            to_id=request.to_id,
            reason=words or services_moving.OWN_WISH,
            actor=actor,
            now=now,
            how="asked",
        )
        return request
    _decline(session, request, actor, now)
    return request


def forget_moves(session: Session, member_id: int) -> None:
    """Who left the club: their words go, and their name from what they did for others; the moves stay."""
    for statement in (
        update(MoveRequest).where(MoveRequest.member_id == member_id).values(words=""),
        update(MoveRequest).where(MoveRequest.answered_by == member_id).values(answered_by=None),
        update(SeatMove).where(SeatMove.by_id == member_id).values(by_id=None),
    ):
        session.execute(statement.execution_options(synchronize_session="fetch"))


def _decline(session: Session, request: MoveRequest, actor: Actor, now: dt.datetime) -> None:
    target = session.get_one(Group, request.to_id)
    source = session.get_one(Group, request.from_id)
    member = session.get_one(Member, request.member_id)
    store.record(
        session,
        actor=actor,
        action="seat.move_decline",
        target=f"seat:{request.seat_id}",
        now=now,
        summary=f"{source.name} → {target.name}",
        details={"member_id": member.id, "from": source.id, "to": target.id, "reason": request.answer},
    )
    notices.letter(
        session,
        member=member.id,
        template="move_declined",
        context={
            "name": member.shown_name,
            "old": source.name,
            "group": target.name,
            "slug": source.slug,
            "answer": request.answer,
        },
        key=f"move_declined:{request.id}",
        now=now,
    )
