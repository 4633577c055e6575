"""Forgetting what somebody handed in, at their own wish: points and scores stay, words and files go."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from . import (
    services_allocation,
    services_second,
    services_showcase,
    services_teams_admin,
    services_voice,
)
from .models import Attempt, Review, ShowcaseEntry, Submission, SubmissionFile
from .models_desk import Phrase, ReviewDraft
from .models_fair import VerdictChange, WorkAppeal
from .models_judging import Unveil
from .models_remarks import Remark
from .models_similar import WorkBand
from .models_teams import WorkShare
from .models_work import Extension, WorkDraft


def forget(session: Session, *, member_id: int, now: dt.datetime) -> list[str]:
    """Take a member's works away: out of the showcase, out of the desk's queue, texts, comments and files.

    What was reviewed stays as a record of who judged what when, without a word of the work. Returns the storage
    keys of the files; the caller has them deleted after the commit.
    """
    services_teams_admin.forget(session, member_id=member_id, now=now)
    mine = select(Submission.id).where(Submission.member_id == member_id)
    attempts = select(Attempt.id).where(Attempt.submission_id.in_(mine))
    # What reviewers were still typing about these works, and what this member kept as a reviewer.
    about = or_(ReviewDraft.submission_id.in_(mine), ReviewDraft.reviewer_id == member_id)
    session.execute(delete(ReviewDraft).where(about).execution_options(synchronize_session=False))
    session.execute(delete(Phrase).where(Phrase.member_id == member_id))
    keys = list(
        session.scalars(
            select(SubmissionFile.storage_key).where(SubmissionFile.attempt_id.in_(attempts))
        )
    )  # fmt: skip
    keys += services_voice.forget(session, member_id=member_id)
    session.execute(
        update(ShowcaseEntry)
        .where(ShowcaseEntry.member_id == member_id, ShowcaseEntry.revoked_at.is_(None))
        .values(consented_at=None, revoked_at=now)
    )
    services_showcase.forget(session, member_id=member_id)
    # They quote the work, and point at its pictures.
    session.execute(delete(WorkBand).where(WorkBand.attempt_id.in_(attempts)))
    session.execute(delete(Remark).where(Remark.attempt_id.in_(attempts)))
    services_second.forget_pending(session, member_id)
    services_allocation.forget(session, member_id=member_id)
    session.execute(delete(SubmissionFile).where(SubmissionFile.attempt_id.in_(attempts)))
    unseen = list(
        session.scalars(mine.where(~exists().where(Review.submission_id == Submission.id)))
    )  # fmt: skip
    # An attempt nobody judged goes whole, also the second one of a work that was returned before.
    unjudged = ~exists().where(Review.attempt_id == Attempt.id)
    session.execute(
        delete(Attempt)
        .where(Attempt.submission_id.in_(mine), unjudged)
        .execution_options(synchronize_session=False)
    )
    session.execute(delete(WorkShare).where(WorkShare.submission_id.in_(unseen)))
    session.execute(
        delete(Unveil).where(Unveil.submission_id.in_(unseen)).execution_options(synchronize_session=False)
    )
    session.execute(delete(Submission).where(Submission.id.in_(unseen)))
    session.execute(
        update(Attempt)
        .where(Attempt.submission_id.in_(mine))
        .values(body_md="", body_html="", link="", receipt="")
    )
    session.execute(delete(WorkDraft).where(WorkDraft.member_id == member_id))
    session.execute(delete(Extension).where(Extension.member_id == member_id))
    session.execute(
        update(Review).where(Review.submission_id.in_(mine)).values(comment_md="", comment_html="")
    )
    # That it was judged so, by whom and when, stays; the words about the work go, and an appeal nobody answers.
    session.execute(update(VerdictChange).where(VerdictChange.submission_id.in_(mine)).values(reason=""))
    session.execute(update(WorkAppeal).where(WorkAppeal.member_id == member_id).values(reason="", answer=""))
    session.execute(
        update(WorkAppeal)
        .where(WorkAppeal.member_id == member_id, WorkAppeal.state == "open")
        .values(state="lapsed", decided_at=now)
    )
    session.execute(
        update(Submission)
        .where(Submission.member_id == member_id, Submission.state.in_(("waiting", "held", "returned")))
        .values(
            state="returned",
            attempt=select(func.max(Attempt.n))
            .where(Attempt.submission_id == Submission.id)
            .scalar_subquery(),
            claimed_by=None,
            claimed_until=None,
            stage="first",
            version=Submission.version + 1,
        )
        .execution_options(synchronize_session=False)
    )
    session.expire_all()
    return keys
