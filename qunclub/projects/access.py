"""What everything here begins with: the project locked, who acts, a line of history, a mail."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from qunclub import notices, seasons
from qunclub.kernel import N_, Actor, Forbidden, NotFound, locks
from qunclub.members.models import Member

from . import rules
from .models import Piece, PieceEvent, Project
from .rules import Reader


def reader_of(session: Session, project: Project, actor: Actor | None) -> Reader:
    """What *project* knows of *actor*, in two statements at most."""
    if actor is None or actor.member_id is None or not actor.has("member"):
        return Reader(admin=actor is not None and actor.has("admin"))
    hand = session.scalar(
        select(func.count())
        .select_from(Piece)
        .where(Piece.project_id == project.id, Piece.holder_id == actor.member_id)
    )
    return Reader(
        admin=actor.has("admin"),
        core=seasons.is_core(session, actor.member_id),
        lead=project.lead_id == actor.member_id,
        hand=bool(hand),
    )


def check_leads(project: Project, actor: Actor) -> None:
    """Raises:
    Forbidden: for whoever neither leads the project nor is an admin.
    """
    leads = project.lead_id is not None and project.lead_id == actor.member_id and actor.has("member")
    if not (leads or actor.has("admin")):
        raise Forbidden(N_("This is for whoever leads the project."), how=N_("An admin names the lead."))


def check_admin(actor: Actor) -> None:
    """Raises:
    Forbidden: for everybody but an admin.
    """
    if not actor.has("admin"):
        raise Forbidden(N_("This is for the admins of the club."), how=N_("An admin can give you the role."))


def locked(session: Session, piece_id: int) -> tuple[Project, Piece]:
    """A piece and its project, which is locked first: whoever changes anything of a project waits for it."""
    project_id = session.scalar(select(Piece.project_id).where(Piece.id == piece_id))
    if project_id is None:
        raise NotFound()
    project = locks.lock(session, Project, project_id)
    piece = session.scalars(
        select(Piece).where(Piece.id == piece_id).execution_options(populate_existing=True)
    ).one()
    return project, piece


def held_by(session: Session, project_id: int, member_id: int) -> int:
    """How many pieces of a project somebody is at work on."""
    query = select(func.count()).select_from(Piece)
    mine = query.where(
        Piece.project_id == project_id, Piece.holder_id == member_id, Piece.state.in_(rules.HELD)
    )
    return session.scalar(mine) or 0


def note(
    session: Session,
    piece: Piece,
    kind: str,
    *,
    now: dt.datetime,
    member_id: int | None = None,
    by: int | None = None,
    words: str = "",
) -> None:
    """One line of the piece's history."""
    session.add(PieceEvent(piece_id=piece.id, at=now, kind=kind, member_id=member_id, by_id=by, words=words))
    session.flush()


def tell(
    session: Session,
    member_id: int | None,
    what: str,
    project: Project,
    piece: Piece,
    *,
    key: str,
    now: dt.datetime,
    **facts: Any,
) -> None:
    """Tell a member about a piece, at the bell and by mail, once for each *key*."""
    member = session.get(Member, member_id) if member_id is not None else None
    if member is None:
        return
    notices.letter(
        session,
        member=member.id,
        template="piece_news",
        context={
            "what": what,
            "name": member.shown_name,
            "project": project.title,
            "piece": piece.title,
            "path": f"/projects/{project.slug}/pieces/{piece.id}",
            "slug": project.slug,
            "piece_id": piece.id,
            **facts,
        },
        key=f"piece:{piece.id}:{key}",
        now=now,
    )


def free(piece: Piece) -> None:
    """Nobody holds the piece any more."""
    piece.state, piece.holder_id, piece.held_since = "open", None, None
    piece.version += 1


def take(piece: Piece, member_id: int, *, due_at: dt.datetime, now: dt.datetime) -> None:
    """Somebody holds the piece from now on."""
    piece.state, piece.holder_id, piece.held_since, piece.due_at = "claimed", member_id, now, due_at
    piece.turn += 1
    piece.version += 1
