"""More time for a member or a group, given by an admin with a reason."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Invalid, NotFound, locks, store
from qunclub.members.models import Member

from .models import Assignment
from .models_work import Extension


def grant(
    session: Session,
    *,
    assignment_id: int,
    member_id: int | None = None,
    group_id: int | None = None,
    due_at: dt.datetime,
    cut_off_at: dt.datetime | None = None,
    reason: str,
    actor: Actor,
    now: dt.datetime,
) -> Extension:
    """Give one member, or everybody of one group, until *due_at*; whoever has an extension gets this one instead.

    Raises:
        Invalid: naming the field, when it gives no more time than everybody has, or says no reason.
    """
    if (member_id is None) == (group_id is None):
        raise ValueError("an extension is for a member or for a group")
    assignment = locks.lock(session, Assignment, assignment_id)
    if not reason.strip():
        raise Invalid(N_("Say why: the member and the audit log read it."), field="reason")
    if assignment.due_at is None:
        raise Invalid(N_("This homework is never due, so nobody needs more time."), field="due_at")
    if due_at <= assignment.due_at:
        raise Invalid(N_("More time ends after the day on which it is due for everybody."), field="due_at")
    if cut_off_at is not None and cut_off_at < due_at:
        raise Invalid(N_("Homework closes after it opens and is due."), field="cut_off_at")
    if member_id is not None and session.get(Member, member_id) is None:
        raise NotFound()
    found = session.scalars(
        select(Extension).where(
            Extension.assignment_id == assignment_id,
            Extension.member_id == member_id if member_id is not None else Extension.group_id == group_id,
        )
    ).one_or_none()
    if found is None:
        found = Extension(assignment_id=assignment_id, member_id=member_id, group_id=group_id)
        session.add(found)
    found.due_at, found.cut_off_at, found.reason = due_at, cut_off_at, reason.strip()
    found.granted_by, found.granted_at = actor.name, now
    session.flush()
    _record(session, actor, "extension.grant", found, now)
    return found


def revoke(
    session: Session, *, extension_id: int, assignment_id: int, actor: Actor, now: dt.datetime
) -> None:
    """Take an extension back; what was handed in under it stays as it was taken."""
    found = session.get(Extension, extension_id)
    if found is None or found.assignment_id != assignment_id:
        raise NotFound()
    _record(session, actor, "extension.revoke", found, now)
    session.delete(found)
    session.flush()


def _record(session: Session, actor: Actor, action: str, found: Extension, now: dt.datetime) -> None:
    store.record(
        session,
        actor=actor,
        action=action,
        target=f"assignment:{found.assignment_id}",
        now=now,
        summary=found.reason,
        details={
            "member_id": found.member_id,
            "group_id": found.group_id,
            "due_at": str(found.due_at),
            "cut_off_at": str(found.cut_off_at or ""),
        },
    )
