"""What happens to shown work: its author's sentence, likes, and an admin who takes it down or puts it back.

A like is taken under the work's lock: the kept count and the likes beside it never differ.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.kernel import N_, Actor, Conflict, Forbidden, Invalid, NotFound, insert_for, locks, store
from qunclub.members.models import Member

from . import queries_teams
from .models import Assignment, ShowcaseEntry, Submission
from .models_showcase import ShowcaseLike
from .services import consent

MOST_SENTENCE = 200
MOST_REASON = 1_000


def agree(
    session: Session, *, submission_id: int, member_id: int, sentence: str, now: dt.datetime
) -> ShowcaseEntry:
    """The author lets featured work be shown, with a sentence of their own or without one.

    Raises:
        Invalid: on field ``sentence``, when it is too long.
    """
    words = " ".join(sentence.split())
    if len(words) > MOST_SENTENCE:
        raise Invalid(
            N_("The sentence is longer than %(limit)s characters."), field="sentence", limit=MOST_SENTENCE
        )
    entry = consent(session, submission_id=submission_id, member_id=member_id, now=now)
    entry.sentence = words
    return entry


def like(session: Session, *, entry_id: int, member_id: int, now: dt.datetime) -> int:
    """Like a shown work; how many like it now. Twice is once.

    Raises:
        NotFound: when it is not shown (any more).
        Forbidden: for whoever has no number, and for one's own work.
    """
    entry = _shown(session, entry_id)
    if session.scalar(select(Member.number).where(Member.id == member_id)) is None:
        raise Forbidden(
            N_("Likes come from members."), how=N_("Your first pass makes you one; likes wait that long.")
        )
    if entry.member_id == member_id or queries_teams.is_mine(session, entry.submission_id, member_id):
        raise Forbidden(N_("This is your own work."), how=N_("Likes come from others."))
    kept = session.execute(
        insert_for(session, ShowcaseLike)
        .values(entry_id=entry_id, member_id=member_id, liked_at=now)
        .on_conflict_do_nothing()
        .returning(ShowcaseLike.member_id)
    ).scalar_one_or_none()
    if kept is not None:
        entry.likes += 1
        session.flush()
    return entry.likes


def unlike(session: Session, *, entry_id: int, member_id: int) -> int:
    """Take a like back; how many like it now. Without one, nothing happens.

    Raises:
        NotFound: when it is not shown (any more).
    """
    entry = _shown(session, entry_id)
    gone = session.execute(
        delete(ShowcaseLike)
        .where(ShowcaseLike.entry_id == entry_id, ShowcaseLike.member_id == member_id)
        .returning(ShowcaseLike.member_id)
    ).scalar_one_or_none()
    if gone is not None:
        entry.likes -= 1
        session.flush()
    return entry.likes


def _shown(session: Session, entry_id: int) -> ShowcaseEntry:
    entry = locks.lock(session, ShowcaseEntry, entry_id)
    featured = session.scalar(select(Submission.featured).where(Submission.id == entry.submission_id))
    if entry.consented_at is None or entry.hidden_at is not None or not featured:
        raise NotFound()
    return entry


def hide(session: Session, *, entry_id: int, reason: str, actor: Actor, now: dt.datetime) -> ShowcaseEntry:
    """Take a work out of everybody's sight; its author is told why.

    Raises:
        Invalid: on field ``reason``, when it is empty or too long.
        Conflict: when it is hidden already.
    """
    _admin(actor)
    words = reason.strip()
    if not words:
        raise Invalid(N_("Say why; the author and the audit log read it."), field="reason")
    if len(words) > MOST_REASON:
        raise Invalid(
            N_("The reason is longer than %(limit)s characters."), field="reason", limit=MOST_REASON
        )
    entry = locks.lock(session, ShowcaseEntry, entry_id)
    if entry.hidden_at is not None:
        raise Conflict(N_("This work is hidden already."))
    entry.hidden_at, entry.hidden_reason = now, words
    _tell(session, entry, "showcase_hidden", actor, now)
    return entry


def unhide(session: Session, *, entry_id: int, actor: Actor, now: dt.datetime) -> ShowcaseEntry:
    """Let a hidden work be seen again, as far as its author consents.

    Raises:
        Conflict: when it is not hidden.
    """
    _admin(actor)
    entry = locks.lock(session, ShowcaseEntry, entry_id)
    if entry.hidden_at is None:
        raise Conflict(N_("This work is not hidden."))
    entry.hidden_at = None
    _tell(session, entry, "showcase_unhidden", actor, now)
    entry.hidden_reason = ""
    return entry


def _admin(actor: Actor) -> None:
    if not actor.has("admin"):
        raise Forbidden(N_("This is for the admins of the club."), how=N_("An admin can give you the role."))


def _tell(session: Session, entry: ShowcaseEntry, what: str, actor: Actor, now: dt.datetime) -> None:
    store.record(
        session,
        actor=actor,
        action="showcase.hide" if what == "showcase_hidden" else "showcase.unhide",
        target=f"showcase:{entry.id}",
        now=now,
        summary=entry.hidden_reason,
    )
    submission, title, assignment_id = session.execute(
        select(Submission, Assignment.title, Assignment.id)
        .join(Assignment, Assignment.id == Submission.assignment_id)
        .where(Submission.id == entry.submission_id)
    ).one()
    author = session.get_one(Member, submission.member_id)
    for reader, key in queries_teams.readers(session, submission, author):
        notices.letter(
            session,
            member=reader.id,
            template=what,
            context={
                "name": reader.shown_name,
                "title": title,
                "reason": entry.hidden_reason,
                "assignment_id": assignment_id,
                "shown": entry.consented_at is not None,
            },
            key=f"{what}:{entry.id}{key}:{now.isoformat()}",
            now=now,
        )


def forget(session: Session, *, member_id: int) -> None:
    """Take a member's likes away, the sentences of their works, and what others liked of theirs."""
    mine = select(ShowcaseEntry.id).where(ShowcaseEntry.member_id == member_id)
    given = session.scalars(
        delete(ShowcaseLike).where(ShowcaseLike.member_id == member_id).returning(ShowcaseLike.entry_id)
    ).all()
    session.execute(
        update(ShowcaseEntry)
        .where(ShowcaseEntry.id.in_(given))
        .values(likes=ShowcaseEntry.likes - 1)
        .execution_options(synchronize_session=False)
    )
    session.execute(delete(ShowcaseLike).where(ShowcaseLike.entry_id.in_(mine)))
    session.execute(
        update(ShowcaseEntry)
        .where(ShowcaseEntry.member_id == member_id)
        .values(likes=0, sentence="")
        .execution_options(synchronize_session=False)
    )
