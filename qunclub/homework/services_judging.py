"""How an assignment is judged is set here, and an admin who looks behind a blind review leaves a trace."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Conflict, Forbidden, Invalid, Stale, locks, store

from . import rules_blind
from .models import Assignment, Submission
from .models_judging import Unveil


@dataclass(frozen=True, slots=True)
class Judging:
    """The settings of an assignment that say how it is judged."""

    blind: str = ""


def set_judging(
    session: Session, *, assignment_id: int, version: int, wanted: Judging, actor: Actor, now: dt.datetime
) -> Assignment:
    """Change how an assignment is judged.

    Args:
        version: the assignment's version when the form was opened.

    Raises:
        Stale: when somebody saved the assignment since.
        Invalid: naming the field.
    """
    if wanted.blind not in rules_blind.BLIND:
        raise Invalid(N_("Choose who is hidden."), field="blind")
    assignment = locks.lock(session, Assignment, assignment_id)
    if assignment.version != version:
        raise Stale(N_("Somebody else saved this homework meanwhile. Look at it again, then save."))
    before = {"blind": assignment.blind}
    assignment.blind = wanted.blind
    assignment.version += 1
    store.record(
        session,
        actor=actor,
        action="assignment.judging",
        target=f"assignment:{assignment_id}",
        now=now,
        summary=assignment.title,
        details={"before": before, "after": {"blind": wanted.blind}},
    )
    return assignment


def unveil(session: Session, *, submission_id: int, reason: str, actor: Actor, now: dt.datetime) -> Unveil:
    """An admin looks who wrote a blind work; done twice, nothing more happens.

    Raises:
        Forbidden: for whoever is no admin.
        Invalid: without a reason.
        Conflict: when the work is not blind.
    """
    if not actor.has("admin") or actor.member_id is None:
        raise Forbidden(N_("Only admins may look who wrote a blind work."))
    why = reason.strip()
    if not why:
        raise Invalid(N_("Say why; the audit log keeps it with your name."), field="reason")
    if len(why) > rules_blind.MAX_REASON:
        raise Invalid(
            N_("Your reason is longer than %(limit)s characters."),
            field="reason",
            limit=rules_blind.MAX_REASON,
        )
    submission = locks.lock(session, Submission, submission_id)
    found = session.scalar(
        select(Unveil).where(Unveil.submission_id == submission_id, Unveil.admin_id == actor.member_id)
    )
    if found is not None:
        return found
    if not session.scalar(select(Assignment.blind).where(Assignment.id == submission.assignment_id)):
        raise Conflict(N_("This work is not reviewed blind; its author is named."))
    row = Unveil(
        submission_id=submission_id,
        admin_id=actor.member_id,
        admin_name=actor.name,
        reason=why,
        at=now,
    )
    session.add(row)
    session.flush()
    store.record(
        session,
        actor=actor,
        action="submission.unveil",
        target=f"submission:{submission_id}",
        now=now,
        summary=why,
        details={},
    )
    return row
