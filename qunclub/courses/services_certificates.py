"""Certificates: issued once with the last lesson, or by hand; revoked with a reason and restored."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Conflict, Invalid, NotFound, ids, insert_for, locks, store
from qunclub.members.models import Member

from .models import Certificate, Course, Lesson, Progress
from .rules_questions import check_reason

CODE_LENGTH = 12


def finished(session: Session, *, course_id: int, member_id: int) -> bool:
    """Whether a member has done every lesson that is published at present; a course without any is never finished."""
    lessons, done = session.execute(
        select(func.count(Lesson.id), func.count(Progress.completed_at))
        .select_from(Lesson)
        .outerjoin(Progress, (Progress.lesson_id == Lesson.id) & (Progress.member_id == member_id))
        .where(Lesson.course_id == course_id, Lesson.state == "published")
    ).one()
    return bool(lessons) and done == lessons


def issue_when_done(
    session: Session, *, course_id: int, member_id: int, now: dt.datetime
) -> Certificate | None:
    """Issue the certificate when the course gives one and every lesson is done; None when not yet, or there already.

    The caller holds the member's row: two last lessons that are done at once must see each other.
    """
    course = session.get_one(Course, course_id)
    if not course.certificate or not finished(session, course_id=course_id, member_id=member_id):
        return None
    return _issue(session, course, session.get_one(Member, member_id), now)


def claim(session: Session, *, course_id: int, member_id: int, now: dt.datetime) -> Certificate:
    """One's own certificate of a course that was finished before it gave one.

    Raises:
        Conflict: when the course gives none, or lessons are still to be done.
    """
    locks.lock(session, Member, member_id)
    issue_when_done(session, course_id=course_id, member_id=member_id, now=now)
    found = session.scalars(
        select(Certificate).where(Certificate.course_id == course_id, Certificate.member_id == member_id)
    ).one_or_none()
    if found is None:
        raise Conflict(N_("There is no certificate yet: lessons are still to be done."))
    return found


def issue_by_hand(
    session: Session, *, course_id: int, number: int, reason: str, now: dt.datetime, actor: Actor
) -> Certificate:
    """Give a member the certificate whatever their progress says.

    Raises:
        Invalid: when no member has *number*, without a reason, or when there is a certificate already.
    """
    reason = check_reason(reason)
    course = session.get(Course, course_id)
    if course is None:
        raise NotFound()
    member = session.scalars(select(Member).where(Member.number == number)).one_or_none()
    if member is None:
        raise Invalid(N_("No member has this number."), field="number")
    issued = _issue(session, course, member, now)
    if issued is None:
        raise Invalid(
            N_("This member has a certificate of this course already, perhaps a revoked one."), field="number"
        )
    _record(session, actor, "certificate.issue", issued, now, reason=reason)
    return issued


def revoke(
    session: Session, *, certificate_id: int, reason: str, now: dt.datetime, actor: Actor
) -> Certificate:
    """Take a certificate back; its public page says so, and why.

    Raises:
        Invalid: without a reason.
    """
    reason = check_reason(reason)
    row = locks.lock(session, Certificate, certificate_id)
    if row.revoked_at is None:
        row.revoked_at, row.revoke_reason = now, reason
        _record(session, actor, "certificate.revoke", row, now, reason=reason)
    return row


def restore(session: Session, *, certificate_id: int, now: dt.datetime, actor: Actor) -> Certificate:
    """Make a revoked certificate good again."""
    row = locks.lock(session, Certificate, certificate_id)
    if row.revoked_at is not None:
        before, row.revoked_at, row.revoke_reason = row.revoke_reason, None, ""
        _record(session, actor, "certificate.restore", row, now, reason=before)
    return row


def _issue(session: Session, course: Course, member: Member, now: dt.datetime) -> Certificate | None:
    insert = insert_for(session, Certificate)
    issued = session.execute(
        insert.values(
            course_id=course.id,
            member_id=member.id,
            code=ids.code(CODE_LENGTH),
            name=member.shown_name,
            course_title=course.title,
            issued_at=now,
            revoke_reason="",
        )
        .on_conflict_do_nothing(index_elements=[Certificate.course_id, Certificate.member_id])
        .returning(Certificate.id)
    ).scalar_one_or_none()
    return None if issued is None else session.get_one(Certificate, issued)


def _record(
    session: Session, actor: Actor, action: str, row: Certificate, now: dt.datetime, *, reason: str
) -> None:
    store.record(
        session,
        actor=actor,
        action=action,
        target=f"certificate:{row.id}",
        now=now,
        summary=f"{row.course_title} · {row.name}",
        details={"code": row.code, "member": row.member_id, "reason": reason},
    )
