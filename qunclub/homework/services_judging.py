"""How an assignment is judged is set here, and an admin who looks behind a blind review leaves a trace."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict, dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Conflict, Forbidden, Invalid, Stale, ids, locks, store

from . import rules_blind, services_release
from .models import Assignment, Submission
from .models_judging import Unveil


@dataclass(frozen=True, slots=True)
class Judging:
    """The settings of an assignment that say how it is judged."""

    blind: str = ""
    second_percent: int = 0
    divergence: int = 10
    release: str = "at_once"
    release_at: dt.datetime | None = None


def set_judging(
    session: Session,
    *,
    assignment_id: int,
    version: int,
    wanted: Judging,
    actor: Actor,
    now: dt.datetime,
    make_key: Callable[[], str] = ids.token,
) -> Assignment:
    """Change how an assignment is judged.

    Args:
        version: the assignment's version when the form was opened.
        make_key: makes the secret that draws the sample: once for an assignment, it never changes.

    Raises:
        Stale: when somebody saved the assignment since.
        Invalid: naming the field.
    """
    if wanted.blind not in rules_blind.BLIND:
        raise Invalid(N_("Choose who is hidden."), field="blind")
    if not 0 <= wanted.second_percent <= 100:
        raise Invalid(N_("Between 0 and 100 percent."), field="second_percent")
    if not 0 <= wanted.divergence <= 100:
        raise Invalid(N_("Between 0 and 100 points."), field="divergence")
    assignment = locks.lock(session, Assignment, assignment_id)
    if assignment.version != version:
        raise Stale(N_("Somebody else saved this homework meanwhile. Look at it again, then save."))
    services_release.check_release(assignment, wanted.release, services_release.holds(session, assignment_id))
    if wanted.release == "together" and assignment.release != "together":
        assignment.released_at = None
    before = {name: getattr(assignment, name) for name in asdict(wanted)}
    for name, value in asdict(wanted).items():
        setattr(assignment, name, value)
    if not assignment.sample_key:
        assignment.sample_key = make_key()
    assignment.version += 1
    store.record(
        session,
        actor=actor,
        action="assignment.judging",
        target=f"assignment:{assignment_id}",
        now=now,
        summary=assignment.title,
        details={
            "before": {name: str(value) for name, value in before.items()},
            "after": {name: str(value) for name, value in asdict(wanted).items()},
        },
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
