"""What an author has typed and not yet handed in is kept, whichever window or machine it was typed in."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Access, Actor, Forbidden, Invalid, NotFound, Stale

from . import rules, rules_links
from .models import Assignment
from .models_work import WorkDraft


def save_draft(
    session: Session,
    *,
    assignment_id: int,
    member_id: int,
    body_md: str,
    version: int,
    access: Access,
    now: dt.datetime,
    actor: Actor,
    link: str | None = None,
) -> WorkDraft:
    """Keep what is typed; handing in empties it again.

    Args:
        version: of the draft that the window began from; 0 when there was none.
        link: as typed, not yet looked at; None leaves what is kept.

    Raises:
        NotFound: when there is no such homework for the reader.
        Forbidden: when its course is not open to them.
        Invalid: when it is longer than work may be.
        Stale: when another window saved something else since.
    """
    state = session.scalar(select(Assignment.state).where(Assignment.id == assignment_id))
    if state is None or (state != "published" and not actor.has("instructor")):
        raise NotFound()
    if not access.allowed:
        raise Forbidden(
            N_("This homework belongs to a course you have not opened."),
            how=N_("The course's page says what opens it and its homework."),
        )
    if len(body_md) > rules.MAX_BODY:
        raise Invalid(
            N_("Your text is longer than %(limit)s characters."), field="body_md", limit=rules.MAX_BODY
        )
    if link is not None and len(link) > rules_links.MAX_TYPED:
        raise Invalid(
            N_("A link has at most %(limit)s characters."), field="link", limit=rules_links.MAX_LINK
        )
    mine = WorkDraft.assignment_id == assignment_id, WorkDraft.member_id == member_id
    draft = session.scalars(select(WorkDraft).where(*mine).with_for_update()).one_or_none()
    if draft is None:
        # Two first ones at once meet the unique index; the loser runs again and finds the other's.
        draft = WorkDraft(
            assignment_id=assignment_id,
            member_id=member_id,
            body_md=body_md,
            link=link or "",
            version=1,
            saved_at=now,
        )
        session.add(draft)
    elif draft.body_md != body_md or link not in (None, draft.link):
        if draft.version != version:
            raise Stale(
                N_("Another window of yours saved something else. Both texts are here; none is lost.")
            )
        draft.body_md, draft.version, draft.saved_at = body_md, draft.version + 1, now
        draft.link = draft.link if link is None else link
    session.flush()
    return draft
