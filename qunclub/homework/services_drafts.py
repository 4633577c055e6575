"""What an author has typed and not yet handed in is kept, whichever window or machine it was typed in."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Access, Actor, Forbidden, Invalid, NotFound, Stale

from . import rules, rules_links, services_teams
from .models import Assignment
from .models_teams import TeamDraft
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
) -> WorkDraft | TeamDraft:
    """Keep what is typed; handing in empties it again. Of group work the team keeps one for all.

    Args:
        version: of the draft that the window began from; 0 when there was none.
        link: as typed, not yet looked at; None leaves what is kept.

    Raises:
        NotFound: when there is no such homework for the reader.
        Forbidden: when its course is not open to them.
        Invalid: when it is longer than work may be.
        Stale: when another window, or another of the team, saved something else since.
        Conflict: for group work, in no team.
    """
    found = session.execute(
        select(Assignment.state, Assignment.team_max).where(Assignment.id == assignment_id)
    ).one_or_none()
    if found is None or (found.state != "published" and not actor.has("instructor")):
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
    if found.team_max is not None:
        return _save_of_team(
            session,
            assignment_id=assignment_id,
            member_id=member_id,
            body_md=body_md,
            link=link,
            version=version,
            now=now,
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


def _save_of_team(
    session: Session,
    *,
    assignment_id: int,
    member_id: int,
    body_md: str,
    link: str | None,
    version: int,
    now: dt.datetime,
) -> TeamDraft:
    """Keep what one of a team typed for all of it.

    Raises:
        Conflict: in no team.
        Stale: when another of the team, or another window, saved something else since.
    """
    team_id = services_teams.team_id_of(session, assignment_id, member_id)
    draft = session.scalar(select(TeamDraft).where(TeamDraft.team_id == team_id).with_for_update())
    if draft is None:
        # Two first ones at once meet the primary key; the loser runs again and finds the other's.
        draft = TeamDraft(team_id=team_id, body_md=body_md, link=link or "", version=1, saved_at=now)
        session.add(draft)
    elif draft.body_md != body_md or link not in (None, draft.link):
        if draft.version != version:
            raise Stale(N_("Somebody of your team saved something else. Both texts are here; none is lost."))
        draft.body_md, draft.version, draft.saved_at = body_md, draft.version + 1, now
        draft.link = draft.link if link is None else link
    session.flush()
    return draft
