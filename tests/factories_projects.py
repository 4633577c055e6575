"""Projects, pieces and core members for tests."""

from __future__ import annotations

import datetime as dt
from typing import Any

from qunclub import projects
from qunclub.kernel import Actor
from qunclub.members.models import Member
from qunclub.projects.models import Delivery, Piece, Project
from qunclub.seasons.models import CoreSeat
from tests.factories import Make
from tests.factories_members import member as make_member

_TEST = Actor.system("test")


def core_member(make: Make, member: Member | None = None, **values: Any) -> Member:
    """Somebody who sits in the core."""
    row = member or make_member(make, number=True, **values)
    assert row.number is not None  # the core is numbered
    make.add(
        CoreSeat(member_id=row.id, number=row.number, joined_at=make.now, safe_closings=0, left_reason="")
    )
    return row


def project(
    make: Make,
    *,
    pieces: int = 1,
    lead: Member | None = None,
    state: str = "open",
    claims: int = 1,
    days: int = 14,
    title: str = "",
    points: int = 20,
    pay: int = 0,
    due_at: dt.datetime | None = None,
    **text: Any,
) -> Project:
    """A project with *pieces* free pieces."""
    serial = make.next()
    made = projects.create(
        make.session,
        slug=text.pop("slug", f"project-{serial}"),
        text=projects.ProjectText(title=title or f"Project {serial}", **text),
        terms=projects.Terms(
            lead_number=lead.number if lead else None, claims_per_member=claims, claim_days=days
        ),
        now=make.now,
        actor=_TEST,
    )
    for n in range(pieces):
        words = projects.PieceText(title=f"Piece {n + 1}", points=points, pay=pay, due_at=due_at)
        projects.add_piece(make.session, project_id=made.id, text=words, now=make.now, actor=_TEST)
    if state == "open":
        projects.set_state(make.session, project_id=made.id, state="open", now=make.now, actor=_TEST)
    return made


def pieces_of(make: Make, project: Project) -> list[Piece]:
    """The pieces of a project in order."""
    query = make.session.query(Piece).filter(Piece.project_id == project.id)
    return list(query.order_by(Piece.position))


def delivered(make: Make, piece: Piece, member: Member, *, body: str = "My **work**.") -> Delivery:
    """*member* takes the piece up and delivers it."""
    projects.claim(make.session, piece_id=piece.id, member_id=member.id, now=make.now)
    return projects.deliver(make.session, piece_id=piece.id, member_id=member.id, body_md=body, now=make.now)
