"""A project is called, split into pieces, kept going and ended."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from qunclub import levels, seasons
from qunclub.kernel import N_, Actor, Conflict, Invalid, Stale, ids, locks, render_markdown, store
from qunclub.members.models import Member

from . import rules
from .access import check_admin, check_leads, free, locked, note, tell
from .models import Delivery, Piece, Project

STALE = N_("Somebody else saved this while you were writing. Compare both texts below; yours is not lost.")


@dataclass(frozen=True, slots=True)
class ProjectText:
    """What a project says of itself."""

    title: str
    summary: str = ""
    description_md: str = ""
    skills: list[str] = field(default_factory=list)
    public: bool = False


@dataclass(frozen=True, slots=True)
class Terms:
    """What an admin sets: who leads, how pay is agreed, how many pieces one holds, how long one has.

    Attributes:
        lead_number: the member's number; None for a project that admins lead themselves.
        currency: of every piece's pay.
    """

    lead_number: int | None = None
    currency: str = "CNY"
    pay_note: str = ""
    claims_per_member: int = 1
    claim_days: int = 14


@dataclass(frozen=True, slots=True)
class PieceText:
    """A piece as its lead writes it; *pay* in minor units."""

    title: str
    brief_md: str = ""
    skill: str = ""
    points: int = 0
    pay: int = 0
    due_at: dt.datetime | None = None


def create(
    session: Session, *, slug: str, text: ProjectText, terms: Terms, now: dt.datetime, actor: Actor
) -> Project:
    """A project in draft.

    Raises:
        Forbidden: for everybody but an admin.
        Invalid: on the field that does not fit.
    """
    check_admin(actor)
    slug = rules.check_slug(slug or f"project-{ids.token(6).lower().replace('_', '').replace('-', '')}")
    if session.scalar(select(Project.id).where(Project.slug == slug)) is not None:
        raise Invalid(N_("Another project has this address."), field="slug")
    project = Project(slug=slug, state="draft", created_at=now, version=1)
    _write(project, text)
    _agree(session, project, terms)
    session.add(project)
    session.flush()
    _record(session, "project.create", project, actor, now)
    return project


def save(
    session: Session,
    *,
    project_id: int,
    version: int,
    text: ProjectText,
    terms: Terms | None,
    now: dt.datetime,
    actor: Actor,
) -> Project:
    """Change what a project says; *terms* are an admin's to change, None leaves them.

    Raises:
        Stale: when somebody saved meanwhile.
        Invalid: on the field that does not fit; on ``currency`` once pay is agreed in another.
    """
    project = locks.lock(session, Project, project_id)
    check_leads(project, actor)
    if project.version != version:
        raise Stale(STALE)
    _write(project, text)
    if terms is not None:
        check_admin(actor)
        if terms.currency != project.currency and _paid(session, project_id):
            raise Invalid(N_("Pay is agreed in this currency already."), field="currency")
        _agree(session, project, terms)
    project.version += 1
    _record(session, "project.update", project, actor, now)
    return project


def set_state(
    session: Session, *, project_id: int, state: str, now: dt.datetime, actor: Actor, reason: str = ""
) -> Project:
    """Open a project, end it when all is done, open it again, or call it off with a reason.

    Raises:
        Forbidden: for whoever does not lead it; to call it off, for everybody but an admin.
        Conflict: to end it while somebody is at work on a piece, or to open it without one.
        Invalid: on ``reason`` without one, to call it off.
    """
    project = locks.lock(session, Project, project_id)
    check_leads(project, actor)
    if project.state == state:
        return project
    pieces = session.scalars(
        select(Piece)
        .where(Piece.project_id == project_id)
        .order_by(Piece.id)
        .execution_options(populate_existing=True)
    ).all()
    if state == "open":
        if not any(piece.state != "cancelled" for piece in pieces):
            raise Conflict(N_("Split it first: a project opens with at least one piece."))
        if project.state == "cancelled":
            check_admin(actor)
        project.ended_at, project.end_reason = None, ""
    elif state == "done":
        if project.state != "open" or any(piece.state in rules.HELD for piece in pieces):
            raise Conflict(N_("Somebody is still at work on a piece: accept it or take it back first."))
        project.ended_at = now
    else:
        check_admin(actor)
        reason = _reason(reason)
        for piece in pieces:
            if piece.state in rules.HELD:
                _stop(session, project, piece, actor, reason, now, to="open")
        project.ended_at, project.end_reason = now, reason
    project.state = state
    project.version += 1
    _record(session, f"project.{state}", project, actor, now, reason=reason)
    return project


def add_piece(session: Session, *, project_id: int, text: PieceText, now: dt.datetime, actor: Actor) -> Piece:
    """One more piece, at the end.

    Raises:
        Forbidden: for whoever does not lead the project.
        Conflict: when the project has ended, or has as many pieces as one may have.
        Invalid: on the field that does not fit.
    """
    project = locks.lock(session, Project, project_id)
    check_leads(project, actor)
    if project.state not in ("draft", "open"):
        raise Conflict(N_("This project has ended."))
    count, last = session.execute(
        select(func.count(Piece.id), func.max(Piece.position)).where(Piece.project_id == project_id)
    ).one()
    if count >= rules.MOST_PIECES:
        raise Conflict(N_("A project has at most %(most)s pieces."), most=rules.MOST_PIECES)
    piece = Piece(project_id=project_id, position=(last or 0) + 1, state="open", turn=0, version=1)
    _write_piece(piece, text, now)
    session.add(piece)
    session.flush()
    note(session, piece, "made", now=now, by=actor.member_id)
    return piece


def save_piece(
    session: Session, *, piece_id: int, version: int, text: PieceText, now: dt.datetime, actor: Actor
) -> Piece:
    """Change a piece; what somebody took it up for (points, pay) stays, and its day changes with a reason only.

    Raises:
        Stale: when it was saved, taken up or delivered meanwhile.
        Invalid: on the field that does not fit.
    """
    project, piece = locked(session, piece_id)
    check_leads(project, actor)
    if piece.version != version:
        raise Stale(STALE)
    rules.check_agreed(state=piece.state, old=(piece.points, piece.pay), new=(text.points, text.pay))
    if piece.state != "open" and text.due_at != piece.due_at:
        raise Invalid(
            N_("Somebody relies on this day: give more time on the piece's own page."), field="due_at"
        )
    _write_piece(piece, text, now)
    piece.version += 1
    session.flush()
    return piece


def extend(
    session: Session, *, piece_id: int, due_at: dt.datetime, words: str, now: dt.datetime, actor: Actor
) -> Piece:
    """Give whoever holds a piece more time.

    Raises:
        Forbidden: for whoever does not lead the project.
        Conflict: when nobody is at work on it.
        Invalid: on ``due_at`` when it is not later than before.
    """
    project, piece = locked(session, piece_id)
    check_leads(project, actor)
    if piece.state not in rules.HELD:
        raise Conflict(N_("Nobody is at work on this piece."))
    rules.check_due(due_at, now=now)
    if piece.due_at is not None and due_at <= piece.due_at:
        raise Invalid(N_("More time means a later day: people rely on it."), field="due_at")
    words = rules.check_text(words, rules.MOST_WORDS, "words")
    piece.due_at = due_at
    piece.version += 1
    note(session, piece, "extended", now=now, member_id=piece.holder_id, by=actor.member_id, words=words)
    return piece


def cancel_piece(session: Session, *, piece_id: int, reason: str, now: dt.datetime, actor: Actor) -> Piece:
    """Take a piece out of the project, with a reason; whoever held it reads it.

    Raises:
        Forbidden: for whoever does not lead the project.
        Conflict: when it is accepted: an admin takes the acceptance back first.
        Invalid: on ``reason`` without one.
    """
    project, piece = locked(session, piece_id)
    check_leads(project, actor)
    reason = _reason(reason)
    if piece.state == "accepted":
        raise Conflict(N_("This piece is accepted; an admin can take that back first."))
    if piece.state == "cancelled":
        return piece
    _stop(session, project, piece, actor, reason, now, to="cancelled")
    return piece


def restore_piece(session: Session, *, piece_id: int, now: dt.datetime, actor: Actor) -> Piece:
    """Put a cancelled piece back into the pool."""
    project, piece = locked(session, piece_id)
    check_leads(project, actor)
    if piece.state == "cancelled":
        free(piece)
        note(session, piece, "restored", now=now, by=actor.member_id)
    return piece


def _stop(
    session: Session, project: Project, piece: Piece, actor: Actor, reason: str, now: dt.datetime, *, to: str
) -> None:
    """Whoever holds a piece does not any more; what waits for a verdict is not judged."""
    holder = piece.holder_id
    waiting = select(Delivery).where(Delivery.piece_id == piece.id, Delivery.verdict == "")
    for delivery in session.scalars(waiting):
        delivery.verdict, delivery.words = "withdrawn", reason
        delivery.decided_by, delivery.decided_at = actor.member_id, now
    free(piece)
    piece.state = to
    note(session, piece, "cancelled", now=now, member_id=holder, by=actor.member_id, words=reason)
    tell(session, holder, "cancelled", project, piece, key=f"cancelled:{piece.turn}", now=now, words=reason)


def _write(project: Project, text: ProjectText) -> None:
    project.title = rules.check_title(text.title)
    project.summary = rules.check_text(text.summary, 400, "summary")
    project.description_md = rules.check_text(text.description_md, rules.MOST_TEXT, "description_md")
    project.description_html = render_markdown(project.description_md) if project.description_md else ""
    project.skills = list(text.skills)
    project.public = text.public


def _agree(session: Session, project: Project, terms: Terms) -> None:
    project.lead_id = _lead(session, project, terms.lead_number)
    project.currency = terms.currency
    project.pay_note = rules.check_text(terms.pay_note, rules.MOST_WORDS, "pay_note")
    project.claims_per_member = rules.check_number(
        terms.claims_per_member, 1, rules.MOST_CLAIMS, "claims_per_member"
    )
    project.claim_days = rules.check_number(terms.claim_days, 1, rules.MOST_DAYS, "claim_days")


def _may_lead(session: Session, member: Member) -> bool:
    return (
        "admin" in member.roles
        or seasons.is_core(session, member.id)
        or levels.has_right(session, member.id, "lead_projects")
    )


def _lead(session: Session, project: Project, number: int | None) -> int | None:
    if number is None:
        return None
    member = session.scalars(select(Member).where(Member.number == number)).one_or_none()
    if member is not None and member.id == project.lead_id:
        return member.id  # who leads goes on, also after a season that took their seat
    fits = member is not None and member.suspended_at is None
    if member is None or not fits or not _may_lead(session, member):
        raise Invalid(
            N_(
                "Number %(number)s is neither an admin's, nor one of the core group, nor of a level that may lead."
            ),
            field="lead_number",
            number=number,
        )
    return member.id


def _write_piece(piece: Piece, text: PieceText, now: dt.datetime) -> None:
    piece.title = rules.check_title(text.title)
    piece.brief_md = rules.check_text(text.brief_md, rules.MOST_TEXT, "brief_md")
    piece.brief_html = render_markdown(piece.brief_md) if piece.brief_md else ""
    piece.skill = " ".join(text.skill.split())
    if len(piece.skill) > 20:
        raise Invalid(N_("Your text is longer than %(limit)s characters."), field="skill", limit=20)
    piece.points = rules.check_number(text.points, 0, rules.MOST_POINTS, "points")
    piece.pay = text.pay
    if text.due_at is not None and text.due_at != piece.due_at:
        rules.check_due(text.due_at, now=now)
    piece.due_at = text.due_at


def _paid(session: Session, project_id: int) -> bool:
    agreed = Piece.state.in_((*rules.HELD, "accepted"))
    found = select(Piece.id).where(Piece.project_id == project_id, Piece.pay > 0, agreed).limit(1)
    return session.scalar(found) is not None


def _reason(text: str) -> str:
    text = rules.check_text(text, rules.MOST_WORDS, "reason")
    if not text:
        raise Invalid(N_("Write the reason; whoever holds a piece reads it."), field="reason")
    return text


def _record(
    session: Session, action: str, project: Project, actor: Actor, now: dt.datetime, **details: Any
) -> None:
    store.record(
        session,
        actor=actor,
        action=action,
        target=f"project:{project.id}",
        now=now,
        summary=project.title,
        details={name: value for name, value in details.items() if value},
    )
    session.flush()
