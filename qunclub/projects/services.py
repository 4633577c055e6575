"""Taking pieces up, giving them back, delivering them; and what comes of those nobody delivers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from qunclub import seasons
from qunclub.kernel import N_, Actor, Conflict, Forbidden, Invalid, NotFound, render_markdown
from qunclub.kernel.uploads import StoredFile
from qunclub.members.models import Member

from . import rules
from .access import check_leads, free, held_by, locked, note, take, tell
from .models import Delivery, DeliveryFile, Piece, PieceEvent, Project


def claim(session: Session, *, piece_id: int, member_id: int, now: dt.datetime) -> Piece:
    """Take a piece up: one piece has one holder, and nobody holds more of a project than it allows.

    Raises:
        Forbidden: for whoever does not sit in the core.
        Conflict: when somebody holds it, the project takes no hands, or one holds enough already.
    """
    project, piece = locked(session, piece_id)
    refused = rules.refuse_claim(
        project_state=project.state,
        piece_state=piece.state,
        core=seasons.is_core(session, member_id),
        held=held_by(session, project.id, member_id),
        most=project.claims_per_member,
    )
    if refused is not None:
        raise refused
    take(
        piece,
        member_id,
        due_at=rules.due_on_taking(piece.due_at, now=now, days=project.claim_days),
        now=now,
    )
    note(session, piece, "claimed", now=now, member_id=member_id, by=member_id)
    return piece


def assign(
    session: Session,
    *,
    piece_id: int,
    number: int,
    now: dt.datetime,
    actor: Actor,
    due_at: dt.datetime | None = None,
    words: str = "",
) -> Piece:
    """Give a piece to a core member, in place of whoever holds it; both are told.

    Raises:
        Forbidden: for whoever does not lead the project.
        Invalid: on ``number`` when it is nobody's of the core; on ``due_at``; on ``words`` when it is taken from
            somebody without a reason.
        Conflict: when it is delivered, accepted or cancelled, or the project takes no hands.
    """
    project, piece = locked(session, piece_id)
    check_leads(project, actor)
    words = rules.check_text(words, rules.MOST_WORDS, "words")
    if project.state != "open":
        raise Conflict(N_("This project takes no hands at present."))
    if piece.state not in ("open", "claimed"):
        raise Conflict(N_("This piece is delivered or done; there is nothing to hand out."))
    member = session.scalars(select(Member).where(Member.number == number)).one_or_none()
    if member is None or member.suspended_at is not None or not seasons.is_core(session, member.id):
        raise Invalid(N_("No member of the core group has number %(number)s."), field="number", number=number)
    before = piece.holder_id
    if before == member.id:
        raise Invalid(N_("They hold this piece already."), field="number")
    if before is not None and not words:
        raise Invalid(N_("Write why it goes to somebody else; whoever holds it reads it."), field="words")
    due = (
        rules.check_due(due_at, now=now)
        if due_at is not None
        else rules.due_on_taking(piece.due_at, now=now, days=project.claim_days)
    )
    if before is not None:
        note(session, piece, "taken", now=now, member_id=before, by=actor.member_id, words=words)
        tell(session, before, "taken", project, piece, key=f"taken:{piece.turn}", now=now, words=words)
    take(piece, member.id, due_at=due, now=now)
    note(session, piece, "assigned", now=now, member_id=member.id, by=actor.member_id, words=words)
    tell(session, member.id, "assigned", project, piece, key=f"assigned:{piece.turn}", now=now, words=words)
    return piece


def give_back(session: Session, *, piece_id: int, member_id: int, now: dt.datetime) -> Piece:
    """Give a piece of one's own back to the pool.

    Raises:
        Forbidden: for whoever does not hold it.
        Conflict: when it is delivered already.
    """
    _project, piece = _mine(session, piece_id, member_id)
    if piece.state != "claimed":
        raise Conflict(N_("It is delivered already."))
    note(session, piece, "given_back", now=now, member_id=member_id, by=member_id)
    free(piece)
    session.flush()
    return piece


def deliver(
    session: Session,
    *,
    piece_id: int,
    member_id: int,
    now: dt.datetime,
    body_md: str = "",
    link: str = "",
    files: Sequence[StoredFile] = (),
) -> Delivery:
    """Deliver a piece that one holds; the project's lead is told.

    Args:
        link: an address that was looked at already.
        files: checked, scanned, and stored already.

    Raises:
        Forbidden: for whoever does not hold the piece.
        Conflict: when it is not theirs to deliver now.
        Invalid: on ``body_md`` when there is nothing in it, or too much.
    """
    project, piece = _mine(session, piece_id, member_id)
    if piece.state != "claimed":
        raise Conflict(N_("It is delivered already."))
    if project.state != "open":
        raise Conflict(N_("This project takes no hands at present."))
    body_md = rules.check_text(body_md, rules.MOST_TEXT, "body_md")
    if not (body_md or link or files):
        raise Invalid(N_("Write something, add a link, or add a file."), field="body_md")
    last = session.scalar(select(func.max(Delivery.n)).where(Delivery.piece_id == piece_id)) or 0
    made = Delivery(
        piece_id=piece_id,
        member_id=member_id,
        n=last + 1,
        body_md=body_md,
        body_html=render_markdown(body_md) if body_md else "",
        link=link,
        delivered_at=now,
        verdict="",
        words="",
        earned=0,
    )
    session.add(made)
    session.flush()
    session.add_all(
        DeliveryFile(
            delivery_id=made.id,
            name=one.name,
            content_type=one.content_type,
            size=one.size,
            sha256=one.sha256,
            storage_key=one.storage_key,
        )
        for one in files
    )
    piece.state = "delivered"
    piece.version += 1
    note(session, piece, "delivered", now=now, member_id=member_id, by=member_id)
    if project.lead_id != member_id:
        tell(session, project.lead_id, "delivered", project, piece, key=f"delivered:{made.n}", now=now)
    return made


def overdue(session: Session, *, now: dt.datetime, after: int, limit: int) -> list[int]:
    """Pieces that go back to the pool, by id from *after* on."""
    late = select(Piece.id).join(Project, Project.id == Piece.project_id)
    query = late.where(
        Project.state == "open", Piece.state == "claimed", Piece.due_at <= now, Piece.id > after
    )
    return list(session.scalars(query.order_by(Piece.id).limit(limit)))


def return_overdue(session: Session, *, piece_id: int, now: dt.datetime) -> bool:
    """Put an overdue piece back into the pool and tell whoever held it, once; False when there is nothing to do."""
    project, piece = locked(session, piece_id)
    if project.state != "open" or not rules.is_overdue(state=piece.state, due_at=piece.due_at, now=now):
        return False
    holder, due_at = piece.holder_id, piece.due_at
    assert due_at is not None  # or it would not be overdue
    note(session, piece, "overdue", now=now, member_id=holder)
    tell(
        session, holder, "overdue", project, piece,
        key=f"overdue:{piece.turn}", now=now, due=due_at.isoformat(),
    )  # fmt: skip
    free(piece)
    session.flush()
    return True


def forget(session: Session, *, member_id: int, now: dt.datetime) -> list[str]:
    """Take away what a member wrote here at their own wish; the keys of their files, to be deleted after the commit.

    Pieces they are at work on go back to the pool; what was accepted stays credited to their number, without a word
    of it. A project they led waits for another lead.
    """
    working = select(Piece.id).where(Piece.holder_id == member_id, Piece.state.in_(rules.HELD))
    for piece_id in session.scalars(working.order_by(Piece.project_id, Piece.id)).all():
        _project, piece = locked(session, piece_id)
        note(session, piece, "left", now=now)
        free(piece)
    session.flush()
    mine = select(Delivery.id).where(Delivery.member_id == member_id)
    keys = list(session.scalars(select(DeliveryFile.storage_key).where(DeliveryFile.delivery_id.in_(mine))))
    quiet = {"synchronize_session": False}
    session.execute(delete(DeliveryFile).where(DeliveryFile.delivery_id.in_(mine)).execution_options(**quiet))
    said = update(Delivery).where(Delivery.member_id == member_id)
    session.execute(
        said.where(Delivery.verdict == "")
        .values(verdict="withdrawn", decided_at=now)
        .execution_options(**quiet)
    )
    session.execute(said.values(body_md="", body_html="", link="").execution_options(**quiet))
    session.execute(
        update(PieceEvent).where(PieceEvent.by_id == member_id).values(words="").execution_options(**quiet)
    )
    session.execute(
        update(Project).where(Project.lead_id == member_id).values(lead_id=None).execution_options(**quiet)
    )
    session.expire_all()
    return keys


def _mine(session: Session, piece_id: int, member_id: int) -> tuple[Project, Piece]:
    project, piece = locked(session, piece_id)
    if piece.holder_id != member_id:
        if project.state == "draft":
            raise NotFound()
        raise Forbidden(
            N_("You do not hold this piece."), how=N_("Only whoever holds a piece can deliver it.")
        )
    return project, piece
