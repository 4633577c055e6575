"""What the pages of projects show, each in a constant number of statements."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from qunclub import seasons
from qunclub.kernel import Actor, Marked, NotFound, Page, paginate_by_mark
from qunclub.members.models import Member

from . import rules
from .access import reader_of
from .models import Delivery, DeliveryFile, Piece, PieceEvent, Project
from .rules import Progress, Reader

Rows = list[Row[Any]]
PER_PAGE = 24
NEWEST = Marked(Project.created_at, Project.id, True, lambda row: (row.created_at, row.id))


@dataclass(frozen=True, slots=True)
class Card:
    """A project in a list."""

    id: int
    slug: str
    title: str
    summary: str
    skills: list[str]
    state: str
    public: bool
    lead: str
    progress: Progress


@dataclass(frozen=True, slots=True)
class Credit:
    """Somebody whose pieces of a project were accepted."""

    member_id: int
    number: int | None
    name: str
    pieces: int


@dataclass(frozen=True, slots=True)
class Made:
    """A piece somebody made, as their own page and the core's show it."""

    project: str
    slug: str
    piece: str
    at: dt.datetime
    public: bool


def progress_of(session: Session, project_ids: Iterable[int]) -> dict[int, Progress]:
    """How far projects are: one statement."""
    rows = session.execute(
        select(Piece.project_id, Piece.state, func.count())
        .where(Piece.project_id.in_(list(project_ids)), Piece.state != "cancelled")
        .group_by(Piece.project_id, Piece.state)
    )
    found: dict[int, dict[str, int]] = {}
    for project_id, state, count in rows:
        found.setdefault(project_id, {})[state] = count
    return {ident: Progress(**counts) for ident, counts in found.items()}


def listed(
    session: Session, *, actor: Actor | None, states: tuple[str, ...], after: str = "", q: str = ""
) -> Page[Card]:
    """The projects this reader may see, the newest first; drafts for whoever leads them."""
    query = select(
        Project.id, Project.slug, Project.title, Project.summary, Project.skills, Project.state, Project.public,
        Project.created_at, Member.nickname, Member.name,
    ).outerjoin(Member, Member.id == Project.lead_id)  # fmt: skip
    query = query.where(Project.state.in_(states))
    if q:
        query = query.where(Project.title.icontains(q, autoescape=True) | (Project.slug == q))
    admin = actor is not None and actor.has("admin")
    if not admin:
        me = actor.member_id if actor is not None and actor.has("member") else None
        inside = me is not None and seasons.is_core(session, me)
        seen = Project.state != "draft"
        if not inside:
            hand = exists().where(Piece.project_id == Project.id, Piece.holder_id == me)
            seen = seen & (
                or_(Project.public.is_(True), hand) if me is not None else Project.public.is_(True)
            )
        query = query.where(or_(seen, Project.lead_id == me) if me is not None else seen)
    found = paginate_by_mark(session, query, NEWEST, after=after, per_page=PER_PAGE)
    far = progress_of(session, [row.id for row in found.items])
    cards = [
        Card(
            row.id, row.slug, row.title, row.summary, row.skills, row.state, row.public,
            row.nickname or row.name or "", far.get(row.id, Progress()),
        )
        for row in found.items
    ]  # fmt: skip
    return Page(cards, found.page, found.per_page, found.has_next, found.more)


def by_slug(session: Session, slug: str, actor: Actor | None) -> tuple[Project, Reader]:
    """A project and what it knows of its reader.

    Raises:
        NotFound: also for one that is not for this reader.
    """
    project = session.scalars(select(Project).where(Project.slug == slug)).one_or_none()
    if project is None:
        raise NotFound()
    reader = reader_of(session, project, actor)
    if not rules.may_see(state=project.state, public=project.public, reader=reader):
        raise NotFound()
    return project, reader


def lead_of(session: Session, project: Project) -> Member | None:
    """Who leads a project."""
    return session.get(Member, project.lead_id) if project.lead_id is not None else None


def pieces(session: Session, project_id: int) -> Rows:
    """Every piece in order, with who holds it: one statement."""
    return list(
        session.execute(
            select(
                Piece.id, Piece.title, Piece.skill, Piece.points, Piece.pay, Piece.state, Piece.due_at,
                Piece.holder_id, Piece.accepted_at, Member.number, Member.nickname, Member.name,
            )
            .outerjoin(Member, Member.id == Piece.holder_id)
            .where(Piece.project_id == project_id)
            .order_by(Piece.position, Piece.id)
        )
    )  # fmt: skip


def credits_of(rows: Rows) -> list[Credit]:
    """Who made what is accepted, the most pieces first."""
    found: dict[int, list[Any]] = {}
    for row in rows:
        if row.state == "accepted":
            found.setdefault(row.holder_id, []).append(row)
    made = [
        Credit(ident, mine[0].number, mine[0].nickname or mine[0].name, len(mine))
        for ident, mine in found.items()
    ]
    return sorted(made, key=lambda one: (-one.pieces, one.number or 0))


def piece(session: Session, project_id: int, piece_id: int) -> tuple[Piece, Member | None]:
    """A piece of this project, and who holds it.

    Raises:
        NotFound: when it is another project's.
    """
    row = session.execute(
        select(Piece, Member)
        .outerjoin(Member, Member.id == Piece.holder_id)
        .where(Piece.id == piece_id, Piece.project_id == project_id)
    ).one_or_none()
    if row is None:
        raise NotFound()
    return row[0], row[1]


def deliveries(session: Session, piece_id: int) -> Rows:
    """What was delivered, the newest first, with who delivered and who judged it."""
    judge = aliased(Member)
    return list(
        session.execute(
            select(Delivery, Member.nickname, Member.name, judge.nickname, judge.name)
            .join(Member, Member.id == Delivery.member_id)
            .outerjoin(judge, judge.id == Delivery.decided_by)
            .where(Delivery.piece_id == piece_id)
            .order_by(Delivery.n.desc())
        )
    )


def files_of(session: Session, piece_id: int) -> dict[int, list[DeliveryFile]]:
    """The files of a piece's deliveries, by delivery: one statement."""
    rows = session.scalars(
        select(DeliveryFile)
        .join(Delivery, Delivery.id == DeliveryFile.delivery_id)
        .where(Delivery.piece_id == piece_id)
        .order_by(DeliveryFile.id)
    )
    found: dict[int, list[DeliveryFile]] = {}
    for row in rows:
        found.setdefault(row.delivery_id, []).append(row)
    return found


def file(session: Session, piece_id: int, file_id: int) -> tuple[DeliveryFile, int]:
    """A file and who delivered it.

    Raises:
        NotFound: when it is another piece's.
    """
    row = session.execute(
        select(DeliveryFile, Delivery.member_id)
        .join(Delivery, Delivery.id == DeliveryFile.delivery_id)
        .where(DeliveryFile.id == file_id, Delivery.piece_id == piece_id)
    ).one_or_none()
    if row is None:
        raise NotFound()
    return row[0], row[1]


def history(session: Session, piece_id: int) -> Rows:
    """All that happened to a piece, the newest first."""
    whom, by = aliased(Member), aliased(Member)
    return list(
        session.execute(
            select(
                PieceEvent.at, PieceEvent.kind, PieceEvent.words,
                func.coalesce(func.nullif(whom.nickname, ""), whom.name).label("whom"),
                func.coalesce(func.nullif(by.nickname, ""), by.name).label("by"),
            )
            .outerjoin(whom, whom.id == PieceEvent.member_id)
            .outerjoin(by, by.id == PieceEvent.by_id)
            .where(PieceEvent.piece_id == piece_id)
            .order_by(PieceEvent.at.desc(), PieceEvent.id.desc())
            .limit(100)
        )
    )  # fmt: skip


def agreed(session: Session) -> Iterator[Any]:
    """Every accepted piece with who made it, what it earned and the agreed pay (minor units), the newest first."""
    yield from session.execute(
        select(
            Project.slug, Project.title.label("project"), Piece.title.label("piece"), Member.number, Member.nickname,
            Member.name, Piece.accepted_at, Delivery.earned, Piece.pay, Project.currency,
        )
        .join(Project, Project.id == Piece.project_id)
        .join(Member, Member.id == Piece.holder_id)
        .join(Delivery, (Delivery.piece_id == Piece.id) & (Delivery.verdict == "accepted"))
        .where(Piece.state == "accepted")
        .order_by(Piece.accepted_at.desc(), Piece.id.desc()),
        execution_options={"yield_per": 500},
    )  # fmt: skip


def good_at(session: Session, skill: str) -> list[seasons.CoreCard]:
    """Core members who say that they are good at *skill*, by number: one statement, none without a skill."""
    if not skill:
        return []
    cards = seasons.core_cards(session, names=True)
    return [card for card in cards if skill.casefold() in (one.casefold() for one in card.skills)]


def mine(session: Session, member_id: int) -> Rows:
    """The pieces somebody is at work on, the soonest due first: one statement."""
    return list(
        session.execute(
            select(
                Piece.id, Piece.title, Piece.state, Piece.due_at, Project.slug, Project.title.label("project")
            )
            .join(Project, Project.id == Piece.project_id)
            .where(Piece.holder_id == member_id, Piece.state.in_(rules.HELD))
            .order_by(case((Piece.state == "claimed", 0), else_=1), Piece.due_at, Piece.id)
        )
    )


def to_judge(session: Session, actor: Actor) -> Rows:
    """What waits for a verdict of this lead (or admin), the longest first: one statement."""
    query = (
        select(Piece.id, Piece.title, Project.slug, Project.title.label("project"), Delivery.delivered_at)
        .join(Project, Project.id == Piece.project_id)
        .join(Delivery, (Delivery.piece_id == Piece.id) & (Delivery.verdict == ""))
        .where(Piece.state == "delivered", Piece.holder_id != actor.member_id)
    )
    if not actor.has("admin"):
        query = query.where(Project.lead_id == actor.member_id)
    return list(session.execute(query.order_by(Delivery.delivered_at).limit(50)))


def made_by(session: Session, member_ids: Iterable[int], *, public_only: bool) -> dict[int, list[Made]]:
    """What members made that was accepted, the newest first: one statement. Drafts are told to nobody."""
    query = (
        select(Piece.holder_id, Project.title, Project.slug, Piece.title, Piece.accepted_at, Project.public)
        .join(Project, Project.id == Piece.project_id)
        .where(Piece.holder_id.in_(list(member_ids)), Piece.state == "accepted", Project.state != "draft")
        .order_by(Piece.accepted_at.desc(), Piece.id.desc())
    )
    if public_only:
        query = query.where(Project.public.is_(True))
    found: dict[int, list[Made]] = {}
    row: Any
    for row in session.execute(query):
        found.setdefault(row[0], []).append(Made(*row[1:]))
    return found
