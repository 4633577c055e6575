"""What projects tell of a member elsewhere: the pieces they made."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from qunclub.kernel import Actor, ports
from qunclub.kernel.ports import Part
from qunclub.members.models import Member
from qunclub.seasons.models import CoreSeat

from .models import Piece, Project
from .queries import Made, made_by

MOST = 20


def of_member(session: Session, *, number: int, actor: Actor | None) -> list[Part]:
    """Accepted pieces of projects that this reader may see, the newest first: one statement."""
    query = (
        select(Project.title, Project.slug, Piece.title, Piece.accepted_at, Project.public)
        .join(Piece, Piece.project_id == Project.id)
        .join(Member, Member.id == Piece.holder_id)
        .where(Member.number == number, Piece.state == "accepted", Project.state != "draft")
        .order_by(Piece.accepted_at.desc(), Piece.id.desc())
        .limit(MOST)
    )
    if actor is None or not actor.has("admin"):
        me = actor.member_id if actor is not None else None
        core = exists().where(CoreSeat.member_id == me, CoreSeat.left_at.is_(None))
        query = query.where(or_(Project.public.is_(True), Member.id == me, Project.lead_id == me, core))
    rows: list[Any] = list(session.execute(query))
    made = [Made(*row) for row in rows]
    return [Part("qunclub/projects/_made.html", made)] if made else []


def made(session: Session, *, member_ids: Collection[int], reader: str) -> dict[int, list[ports.Made]]:
    """Accepted pieces (``kernel.ports.MadeBook``): whoever is not of the core sees those of public projects."""
    found = made_by(session, member_ids, public_only=reader != "core")
    return {
        ident: [
            ports.Made("piece", one.piece, one.project, "qunclub.projects.show", {"slug": one.slug}, one.at)
            for one in things
        ]
        for ident, things in found.items()
    }
