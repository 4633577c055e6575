"""A core member writes what they are good at, lets everybody read it, or takes that back."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Forbidden, Invalid, insert_for, skills

from .models import CoreSeat
from .models_profile import CoreProfile
from .rules_core import MOST_ABOUT


def may_write(session: Session, member_id: int) -> bool:
    """Whether somebody sits, or sat, in the core."""
    return session.scalar(select(CoreSeat.id).where(CoreSeat.member_id == member_id).limit(1)) is not None


def save_profile(
    session: Session, *, member_id: int, skills_typed: str, about: str, public: bool, now: dt.datetime
) -> CoreProfile:
    """Keep a profile; *public* is the member's own word, good until they take it back.

    Raises:
        Forbidden: for whoever never sat in the core.
        Invalid: on ``skills`` or ``about``.
    """
    if not may_write(session, member_id):
        raise Forbidden(
            N_("This profile is for those who sit, or sat, in the core group."),
            how=N_("Every season the best rise into it; the season's page says how."),
        )
    found = skills.split(skills_typed)
    about = about.replace("\r\n", "\n").strip()
    if len(about) > MOST_ABOUT:
        raise Invalid(N_("Your text is longer than %(limit)s characters."), field="about", limit=MOST_ABOUT)
    # Two windows that save at once make one profile.
    session.execute(
        insert_for(session, CoreProfile)
        .values(member_id=member_id, skills=[], about="", updated_at=now)
        .on_conflict_do_nothing(index_elements=[CoreProfile.member_id])
    )
    mine = select(CoreProfile).where(CoreProfile.member_id == member_id).with_for_update()
    row = session.scalars(mine.execution_options(populate_existing=True)).one()
    row.skills, row.about, row.updated_at = found, about, now
    row.public_at = (row.public_at or now) if public else None
    session.flush()
    return row


def take_back(session: Session, *, member_id: int, now: dt.datetime) -> bool:
    """Nobody but members reads the profile from now on; False when it was not public."""
    mine = select(CoreProfile).where(CoreProfile.member_id == member_id).with_for_update()
    row = session.scalars(mine.execution_options(populate_existing=True)).one_or_none()
    if row is None or row.public_at is None:
        return False
    row.public_at, row.updated_at = None, now
    session.flush()
    return True


def forget_profile(session: Session, *, member_id: int) -> None:
    """Take a member's profile away at their own wish."""
    session.execute(delete(CoreProfile).where(CoreProfile.member_id == member_id))
