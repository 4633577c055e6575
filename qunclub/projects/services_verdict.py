"""What was delivered is accepted, or comes back with words; an admin can take an acceptance back."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import points
from qunclub.kernel import N_, Actor, Conflict, Invalid, store
from qunclub.members.models import Member
from qunclub.points.models import LedgerEntry

from . import rules
from .access import check_admin, check_leads, locked, note, tell
from .models import Delivery, Piece, Project

ERASED = "erased:"


def accept(session: Session, *, piece_id: int, now: dt.datetime, actor: Actor, words: str = "") -> Delivery:
    """Accept what was delivered: the piece is done, its holder has the credit and, once, the points.

    Raises:
        Forbidden: for whoever does not lead the project, and for one's own piece.
        Conflict: when nothing waits.
    """
    project, piece, delivery = _waiting(session, piece_id, actor)
    words = rules.check_text(words, rules.MOST_WORDS, "words")
    _decide(delivery, "accepted", words, actor, now)
    piece.state, piece.accepted_at = "accepted", now
    piece.version += 1
    note(session, piece, "accepted", now=now, member_id=piece.holder_id, by=actor.member_id, words=words)
    tell(
        session, piece.holder_id, "accepted", project, piece,
        key=f"accepted:{delivery.n}", now=now, words=words, points=piece.points,
    )  # fmt: skip
    if piece.points:
        line = points.award(
            session,
            member_id=delivery.member_id,
            kind="piece_delivered",
            source=rules.source_of(piece.id, delivery.id),
            occurred_at=now,
            now=now,
            actor=actor,
            amount=piece.points,
            reason=f"{project.title} · {piece.title}"[:300],
            from_member_id=actor.member_id,
        )
        if line is not None:
            delivery.earned, delivery.entry_id = line.amount, line.id
    session.flush()
    return delivery


def send_back(session: Session, *, piece_id: int, words: str, now: dt.datetime, actor: Actor) -> Delivery:
    """Return what was delivered with words; its holder has time to mend it.

    Raises:
        Forbidden: for whoever does not lead the project, and for one's own piece.
        Conflict: when nothing waits.
        Invalid: on ``words`` without any.
    """
    words = _said(words, "words", N_("Write what is missing; whoever made it reads it."))
    project, piece, delivery = _waiting(session, piece_id, actor)
    _decide(delivery, "returned", words, actor, now)
    _to_work(piece, project, now)
    note(session, piece, "returned", now=now, member_id=piece.holder_id, by=actor.member_id, words=words)
    tell(
        session, piece.holder_id, "returned", project, piece,
        key=f"returned:{delivery.n}", now=now, words=words,
    )  # fmt: skip
    return delivery


def reverse(session: Session, *, piece_id: int, reason: str, now: dt.datetime, actor: Actor) -> Delivery:
    """Take an acceptance back: its points by a line of their own, the piece to its holder or, when gone, to the pool.

    Raises:
        Forbidden: for everybody but an admin.
        Invalid: on ``reason`` without one.
        Conflict: when it is not accepted.
    """
    check_admin(actor)
    reason = _said(reason, "reason", N_("Write the reason; whoever made it reads it."))
    project, piece = locked(session, piece_id)
    if piece.state != "accepted":
        raise Conflict(N_("This piece is not accepted."))
    delivery = session.scalars(
        select(Delivery).where(Delivery.piece_id == piece_id, Delivery.verdict == "accepted")
    ).one()
    holder = session.get_one(Member, delivery.member_id)
    _decide(delivery, "reversed", reason, actor, now)
    note(session, piece, "reversed", now=now, member_id=holder.id, by=actor.member_id, words=reason)
    tell(session, holder.id, "reversed", project, piece, key=f"reversed:{delivery.n}", now=now, words=reason)
    gone = holder.user_key.startswith(ERASED)
    if gone or project.state != "open":
        # Nobody is there to mend it: whoever takes it up next does.
        piece.state, piece.holder_id, piece.held_since = "open", None, None
        piece.version += 1
    else:
        _to_work(piece, project, now)
    piece.accepted_at = None
    store.record(
        session,
        actor=actor,
        action="piece.reverse",
        target=f"project:{project.id}",
        now=now,
        summary=f"{project.title} · {piece.title}",
        details={
            "piece_id": piece.id,
            "delivery_id": delivery.id,
            "earned": delivery.earned,
            "reason": reason,
        },
    )
    session.flush()
    if delivery.entry_id is not None and not _taken_back(session, delivery.entry_id):
        points.reverse(session, entry_id=delivery.entry_id, reason=reason, actor=actor, now=now)
    return delivery


def _taken_back(session: Session, entry_id: int) -> bool:
    """Whether an admin has reversed the line by hand already."""
    line = select(LedgerEntry.id).where(LedgerEntry.reverses_id == entry_id)
    return session.scalar(line) is not None


def _waiting(session: Session, piece_id: int, actor: Actor) -> tuple[Project, Piece, Delivery]:
    project, piece = locked(session, piece_id)
    check_leads(project, actor)
    own = actor.member_id is not None and piece.holder_id == actor.member_id
    refused = rules.refuse_verdict(state=piece.state, own=own)
    if refused is not None:
        raise refused
    delivery = session.scalars(
        select(Delivery).where(Delivery.piece_id == piece_id, Delivery.verdict == "")
    ).one()
    return project, piece, delivery


def _decide(delivery: Delivery, verdict: str, words: str, actor: Actor, now: dt.datetime) -> None:
    delivery.verdict, delivery.words = verdict, words
    delivery.decided_by, delivery.decided_at = actor.member_id, now


def _to_work(piece: Piece, project: Project, now: dt.datetime) -> None:
    piece.state = "claimed"
    piece.due_at = rules.due_after_return(piece.due_at, now=now, days=project.claim_days)
    piece.turn += 1
    piece.version += 1


def _said(text: str, field: str, message: str) -> str:
    text = rules.check_text(text, rules.MOST_WORDS, field)
    if not text:
        raise Invalid(message, field=field)
    return text
