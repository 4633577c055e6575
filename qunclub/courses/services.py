"""Courses and lessons are written, ordered and published; members open and finish lessons."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from qunclub import points
from qunclub.kernel import (
    N_,
    Access,
    Actor,
    Forbidden,
    Invalid,
    NotFound,
    Stale,
    insert_for,
    locks,
    render_markdown,
    store,
)
from qunclub.members.models import Member

from . import queries, rules, services_certificates, services_delivered
from .models import Course, Lesson, Progress
from .services_lessons import STALE

ORDER_STALE = N_("The lessons of this course have changed meanwhile. Look at them again, then order them.")


def create(
    session: Session,
    *,
    slug: str,
    title: str,
    now: dt.datetime,
    actor: Actor,
    summary: str = "",
    description_md: str = "",
    state: str = "draft",
    position: int | None = None,
    ordered: bool = False,
    certificate: bool = False,
) -> Course:
    """A new course, the last in the catalogue unless *position* is given."""
    rules.check_slug(slug)
    description_md = rules.check_text(description_md, field="description_md")
    if session.scalar(select(Course.id).where(Course.slug == slug)) is not None:
        raise Invalid(N_("Another course has this address already."), field="slug")
    if position is None:
        position = (session.scalar(select(func.max(Course.position))) or 0) + 1
    course = Course(
        slug=slug,
        title=title,
        summary=summary,
        description_md=description_md,
        description_html=render_markdown(description_md) if description_md else "",
        state=state,
        position=position,
        ordered=ordered,
        certificate=certificate,
        version=1,
        created_at=now,
        updated_at=now,
    )
    session.add(course)
    session.flush()
    _record(session, actor, "course.create", course, now, title=title, state=state)
    return course


def update_course(
    session: Session,
    *,
    course_id: int,
    version: int,
    now: dt.datetime,
    actor: Actor,
    slug: str,
    title: str,
    summary: str = "",
    description_md: str = "",
    ordered: bool = False,
    certificate: bool | None = None,
) -> Course:
    """Save a course as its form has it.

    Raises:
        Stale: when somebody saved since the form was opened.
    """
    rules.check_slug(slug)
    description_md = rules.check_text(description_md, field="description_md")
    course = locks.lock(session, Course, course_id)
    if course.version != version:
        raise Stale(STALE)
    taken = select(Course.id).where(Course.slug == slug, Course.id != course_id)
    if session.scalar(taken) is not None:
        raise Invalid(N_("Another course has this address already."), field="slug")
    before: dict[str, Any] = {
        "slug": course.slug, "title": course.title, "summary": course.summary, "ordered": course.ordered,
    }  # fmt: skip
    course.slug, course.title, course.summary, course.ordered = slug, title, summary, ordered
    if certificate is not None and certificate != course.certificate:
        before["certificate"], course.certificate = course.certificate, certificate
    if description_md != course.description_md:
        course.description_md, course.description_html = description_md, render_markdown(description_md)
    course.version += 1
    course.updated_at = now
    _record(session, actor, "course.update", course, now, before=before, title=title)
    return course


def set_state(session: Session, *, course_id: int, state: str, now: dt.datetime, actor: Actor) -> Course:
    """Publish a course (``published``), or take it back out of sight (``draft``)."""
    if state not in rules.STATES:
        raise ValueError(state)
    course = locks.lock(session, Course, course_id)
    if course.state != state:
        course.state = state
        course.updated_at = now
        action = "course.publish" if state == "published" else "course.unpublish"
        _record(session, actor, action, course, now)
        services_delivered.deliver_all(session, course, now=now, actor=actor)
    return course


def publish(session: Session, *, course_id: int, now: dt.datetime, actor: Actor) -> Course:
    """Show a course to everybody."""
    return set_state(session, course_id=course_id, state="published", now=now, actor=actor)


def move_course(session: Session, *, course_id: int, step: int, now: dt.datetime, actor: Actor) -> None:
    """Move a course up (-1) or down (+1) in the catalogue."""
    order = list(session.scalars(select(Course.id).order_by(Course.position, Course.id).with_for_update()))
    if course_id not in order:
        raise NotFound()
    _renumber(session, Course, rules.move(order, course_id, step))
    store.record(session, actor=actor, action="course.move", target=f"course:{course_id}", now=now)


def move_lesson(session: Session, *, lesson_id: int, step: int, now: dt.datetime, actor: Actor) -> Lesson:
    """Move a lesson up (-1) or down (+1) in its course."""
    lesson = session.get(Lesson, lesson_id)
    if lesson is None:
        raise NotFound()
    locks.lock(session, Course, lesson.course_id)
    order = select(Lesson.id).where(Lesson.course_id == lesson.course_id)
    ids = list(session.scalars(order.order_by(Lesson.position, Lesson.id)))
    _renumber(session, Lesson, rules.move(ids, lesson_id, step))
    store.record(session, actor=actor, action="lesson.move", target=f"lesson:{lesson_id}", now=now)
    return lesson


def order_lessons(
    session: Session, *, course_id: int, order: Sequence[int], now: dt.datetime, actor: Actor
) -> None:
    """Put a course's lessons into *order*, all of them at once.

    Raises:
        Stale: when *order* is not exactly the course's lessons: somebody added or moved one away meanwhile.
    """
    locks.lock(session, Course, course_id)
    there = select(Lesson.id).where(Lesson.course_id == course_id).order_by(Lesson.position, Lesson.id)
    before = list(session.scalars(there))
    if sorted(order) != sorted(before):
        raise Stale(ORDER_STALE)
    if list(order) == before:
        return
    _renumber(session, Lesson, list(order))
    details = {"before": before, "after": list(order)}
    target = f"course:{course_id}"
    store.record(session, actor=actor, action="lesson.order", target=target, now=now, details=details)


def open_lesson(session: Session, *, member_id: int, lesson_id: int, now: dt.datetime) -> None:
    """Remember that a member opened a lesson; the first time counts."""
    course_id = session.scalar(select(Lesson.course_id).where(Lesson.id == lesson_id))
    if course_id is None:
        raise NotFound()
    _ensure_progress(session, member_id, course_id, lesson_id, now)


def complete_lesson(
    session: Session, *, member_id: int, lesson_id: int, access: Access, now: dt.datetime, actor: Actor
) -> bool:
    """Mark a lesson as done; True the first time, when it also earns its points.

    Raises:
        Forbidden: when the course is not open to the member, or this lesson not yet.
    """
    found = session.execute(
        select(Lesson.course_id, Course.slug, Course.certificate, Member.number)
        .join(Course, Course.id == Lesson.course_id)
        .join(Member, Member.id == member_id)
        .where(Lesson.id == lesson_id)
    ).one_or_none()
    if found is None:
        raise NotFound()
    if not access.allowed:
        raise Forbidden(N_("This course is not open to you."), how=N_("Its page says what opens it."))
    course = queries.course_view(
        session, slug=found.slug, member_id=member_id, staff=access.reason == "staff"
    )
    mark = course.marks(access, now).get(lesson_id)
    if mark is None or not mark.readable:
        raise Forbidden(
            N_("This lesson is not open yet."),
            how=N_("Its page says when it opens, or what comes before it."),
        )
    if found.certificate:
        # Two last lessons done at once have to see each other, so that one of them issues the certificate.
        locks.lock(session, Member, member_id)
    _ensure_progress(session, member_id, found.course_id, lesson_id, now)
    # One statement decides who is first, however often the button is pressed.
    first = session.execute(
        update(Progress)
        .where(
            Progress.member_id == member_id,
            Progress.lesson_id == lesson_id,
            Progress.completed_at.is_(None),
        )
        .values(completed_at=now)
        .returning(Progress.id)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if first is None:
        return False
    if found.number is not None:
        points.award(
            session,
            member_id=member_id,
            kind="lesson_completed",
            source=f"lesson:{lesson_id}:{member_id}",
            occurred_at=now,
            now=now,
            actor=actor,
            scope=points.course_scope(found.course_id),
        )
    if found.certificate:
        services_certificates.issue_when_done(
            session, course_id=found.course_id, member_id=member_id, now=now
        )
    return True


def _ensure_progress(
    session: Session, member_id: int, course_id: int, lesson_id: int, now: dt.datetime
) -> None:
    insert = insert_for(session, Progress)
    session.execute(
        insert.values(
            member_id=member_id, course_id=course_id, lesson_id=lesson_id, opened_at=now
        ).on_conflict_do_nothing()
    )


def _renumber(session: Session, model: type[Course] | type[Lesson], order: list[int]) -> None:
    session.execute(update(model), [{"id": one, "position": place} for place, one in enumerate(order, 1)])


def _record(
    session: Session, actor: Actor, action: str, course: Course, now: dt.datetime, **details: Any
) -> None:
    target = f"course:{course.id}"
    store.record(
        session, actor=actor, action=action, target=target, now=now, summary=course.title, details=details
    )
