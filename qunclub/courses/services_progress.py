"""Where a reader is in a lesson is kept, so that they go on there on any device."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import Access, Forbidden, NotFound

from . import queries, rules_media, services
from .models import Progress
from .services_questions import HOW, LOCKED


def keep_place(
    session: Session,
    *,
    slug: str,
    lesson_slug: str,
    member_id: int,
    text: int | None,
    media: int | None,
    access: Access,
    now: dt.datetime,
) -> Progress:
    """Remember where the member is in a lesson that is open to them.

    Args:
        text: thousandths of the text.
        media: seconds of the medium.

    Raises:
        NotFound: when there is no such lesson for the member.
        Forbidden: when it is closed.
    """
    course = queries.course_view(session, slug=slug, member_id=member_id, staff=access.reason == "staff")
    here = next((one for one in course.lessons if one.slug == lesson_slug), None)
    if here is None:
        raise NotFound()
    if not course.marks(access, now)[here.id].readable:
        raise Forbidden(LOCKED, how=HOW)
    services.open_lesson(session, member_id=member_id, lesson_id=here.id, now=now)
    row = session.scalars(
        select(Progress)
        .where(Progress.member_id == member_id, Progress.lesson_id == here.id)
        .with_for_update()
    ).one()
    # What was sent earlier may arrive later; the clock is the server's, so the last to arrive counts.
    kept = rules_media.place_to_keep(
        text=text, media=media, kept=rules_media.Place(row.text_at, row.media_at)
    )
    row.text_at, row.media_at, row.seen_at = kept.text, kept.media, now
    return row
