"""What a reviewer keeps while working: the draft of a review, phrases used often, and a place that is left in time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Conflict, Forbidden, Invalid, NotFound, Stale, locks

from . import queries_teams, rules_desk, rules_sides
from .models import Submission
from .models_desk import Phrase, ReviewDraft


def leave(session: Session, *, submission_id: int, actor: Actor, now: dt.datetime) -> Submission:
    """The reviewer's page was closed: their claim ends after a short grace, in which a reload finds it again.

    Another's claim is left alone, and a claim is never made longer.
    """
    reviewer = reviewer_of(actor)
    submission = locks.lock(session, Submission, submission_id)
    ends = now + rules_desk.GRACE
    if submission.claimed_by == reviewer and submission.claimed_until and submission.claimed_until > ends:
        submission.claimed_until = ends
    return submission


def save_draft(
    session: Session,
    *,
    submission_id: int,
    fields: Mapping[str, str],
    version: int,
    actor: Actor,
    now: dt.datetime,
    shown: Sequence[Mapping[str, str]] = (),
) -> ReviewDraft:
    """Keep what was typed; it needs no claim, so that a lost one loses no text.

    Two first saves at once meet the unique index, and the loser runs again (``web.transact``) to be refused.

    Args:
        fields: the desk's form; other names than a review's are left out.
        version: of the draft this text goes on from; 0 when none was known.
        shown: the versions that the window was shown side by side. One of them that was the draft until now and is not
            all in this text waits beside, whatever the window chose, until it is thrown away.

    Raises:
        Stale: when another window saved a different draft meanwhile. Neither is lost: one is here, one is there.
        Invalid: when it is longer than a draft may be, or too many texts wait already.
    """
    reviewer = reviewer_of(actor)
    submission = session.get(Submission, submission_id)
    if submission is None:
        raise NotFound()
    if queries_teams.is_author(session, submission, reviewer):
        raise Forbidden(N_("This is your own work."), how=N_("Another instructor reviews it."))
    kept = rules_desk.kept_fields(fields)
    draft = session.scalar(_draft(submission_id, reviewer).with_for_update())
    if draft is None:
        draft = ReviewDraft(
            submission_id=submission_id, reviewer_id=reviewer, fields=kept, version=version + 1, saved_at=now
        )
        session.add(draft)
        session.flush()
        return draft
    if draft.fields == kept:
        return draft
    if draft.version != version:
        raise Stale(N_("Another window of yours saved this draft meanwhile. Nothing was overwritten."))
    before, draft.fields, draft.saved_at = draft.fields, kept, now
    draft.beside = [other for other in draft.beside if other != kept]
    if before in shown and not rules_sides.covers(kept, before):
        _lay_beside(draft, before)
    draft.version += 1
    session.flush()
    return draft


def keep_beside(
    session: Session,
    *,
    submission_id: int,
    fields: Mapping[str, str],
    version: int,
    actor: Actor,
    now: dt.datetime,
    shown: Sequence[Mapping[str, str]] = (),
) -> ReviewDraft:
    """Keep what a window typed whose save was refused: as the draft, or beside the draft of another window.

    The draft's version grows, so that only a window that was shown both can take them away.

    Raises:
        Invalid: when it is longer than a draft may be, or too many texts wait already.
    """
    try:
        return save_draft(
            session,
            submission_id=submission_id,
            fields=fields,
            version=version,
            actor=actor,
            now=now,
            shown=shown,
        )
    except Stale:
        draft = session.scalars(_draft(submission_id, reviewer_of(actor)).with_for_update()).one()
    kept = rules_desk.kept_fields(fields)
    if kept not in draft.beside:
        _lay_beside(draft, kept)
        draft.version += 1
        session.flush()
    return draft


def _lay_beside(draft: ReviewDraft, fields: dict[str, str]) -> None:
    if fields in draft.beside:
        return
    if len(draft.beside) >= rules_desk.MAX_BESIDE:
        raise Invalid(N_("Too many versions of this review wait; throw some away first."), field="comment_md")
    draft.beside = [*draft.beside, fields]


def drop_beside(session: Session, *, submission_id: int, version: int, actor: Actor) -> None:
    """Throw away what waits beside one's own draft, if it is what the window has shown."""
    draft = session.scalar(_draft(submission_id, reviewer_of(actor)).with_for_update())
    if draft is not None and draft.version == version:
        draft.beside = []


def discard_draft(session: Session, *, submission_id: int, actor: Actor) -> bool:
    """Throw one's own draft away; without one, nothing happens.

    Returns:
        Whether the work can still be opened; its author may have taken it back.
    """
    session.execute(
        delete(ReviewDraft).where(
            ReviewDraft.submission_id == submission_id, ReviewDraft.reviewer_id == reviewer_of(actor)
        )
    )
    state = session.scalar(select(Submission.state).where(Submission.id == submission_id))
    return state is not None and state != "withdrawn"


def finish_draft(session: Session, *, submission_id: int, version: int, actor: Actor) -> None:
    """The review is written: its draft goes. One that another window saved since is another text, and stays."""
    session.execute(
        delete(ReviewDraft).where(
            ReviewDraft.submission_id == submission_id,
            ReviewDraft.reviewer_id == reviewer_of(actor),
            ReviewDraft.version == version,
        )
    )


def add_phrase(session: Session, *, body: str, actor: Actor, now: dt.datetime) -> Phrase:
    """Keep a sentence for later reviews.

    Raises:
        Invalid: when it is empty or too long.
        Conflict: when the list is full.
    """
    owner = reviewer_of(actor)
    text = _phrase(body)
    count = session.scalar(select(func.count()).select_from(Phrase).where(Phrase.member_id == owner)) or 0
    if count >= rules_desk.MAX_PHRASES:
        raise Conflict(N_("Your list holds %(most)s phrases; delete one first."), most=rules_desk.MAX_PHRASES)
    phrase = Phrase(member_id=owner, body=text, used=0, created_at=now)
    session.add(phrase)
    session.flush()
    return phrase


def change_phrase(session: Session, *, phrase_id: int, body: str, actor: Actor) -> Phrase:
    """Word one's own phrase anew."""
    phrase = _own_phrase(session, phrase_id, actor)
    phrase.body = _phrase(body)
    return phrase


def delete_phrase(session: Session, *, phrase_id: int, actor: Actor) -> None:
    """Take one's own phrase off the list."""
    session.delete(_own_phrase(session, phrase_id, actor))


def use_phrase(session: Session, *, phrase_id: int, actor: Actor) -> Phrase:
    """Count that one's own phrase was put into a comment; the most used come first."""
    phrase = _own_phrase(session, phrase_id, actor)
    session.execute(update(Phrase).where(Phrase.id == phrase_id).values(used=Phrase.used + 1))
    return phrase


def reviewer_of(actor: Actor) -> int:
    """The member at the desk.

    Raises:
        Forbidden: for whoever is no instructor.
    """
    if not actor.has("instructor") or actor.member_id is None:
        raise Forbidden(N_("This is the instructors' desk."), how=N_("An admin can make you an instructor."))
    return actor.member_id


def _draft(submission_id: int, reviewer: int) -> Select[ReviewDraft]:
    return select(ReviewDraft).where(
        ReviewDraft.submission_id == submission_id, ReviewDraft.reviewer_id == reviewer
    )


def _own_phrase(session: Session, phrase_id: int, actor: Actor) -> Phrase:
    phrase = session.get(Phrase, phrase_id)
    if phrase is None or phrase.member_id != reviewer_of(actor):
        # Another's phrases are nobody's business: not even that they exist.
        raise NotFound()
    return phrase


def _phrase(body: str) -> str:
    text = body.replace("\r\n", "\n").strip()
    if not text:
        raise Invalid(N_("Write the phrase."), field="body")
    if len(text) > rules_desk.MAX_PHRASE:
        raise Invalid(
            N_("A phrase has at most %(limit)s characters."), field="body", limit=rules_desk.MAX_PHRASE
        )
    return text
