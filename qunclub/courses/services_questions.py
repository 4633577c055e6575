"""Readers ask under a lesson; questions are changed while nobody has answered, and hidden with a reason."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.kernel import (
    N_,
    Access,
    Actor,
    Conflict,
    Forbidden,
    NotFound,
    Stale,
    locks,
    render_markdown,
    store,
)
from qunclub.members.models import Member

from . import queries, rules_questions
from .models import Course, Lesson, Question
from .services_lessons import STALE

OWN = N_("Only who wrote it can change it.")
LOCKED = N_("This lesson is not open to you.")
HOW = N_("Its page says what opens it.")


def ask(
    session: Session,
    *,
    member_id: int,
    lesson_id: int,
    scene: str,
    detail_md: str,
    ask: str,
    access: Access,
    now: dt.datetime,
    actor: Actor,
) -> Question:
    """Put a question under a lesson.

    Raises:
        Forbidden: when the lesson is not readable for the member.
    """
    course_id = check_readable(session, lesson_id, member_id=member_id, access=access, now=now)
    scene, detail_md, ask = rules_questions.check_question(scene, detail_md, ask)
    question = Question(
        course_id=course_id,
        lesson_id=lesson_id,
        member_id=member_id,
        scene=scene,
        detail_md=detail_md,
        detail_html=render_markdown(detail_md) if detail_md else "",
        ask=ask,
        answers=0,
        version=1,
        created_at=now,
        updated_at=now,
    )
    session.add(question)
    session.flush()
    return question


def edit_question(
    session: Session,
    *,
    question_id: int,
    version: int,
    scene: str,
    detail_md: str,
    ask: str,
    now: dt.datetime,
    actor: Actor,
) -> Question:
    """Change one's own question.

    Raises:
        Forbidden: for anybody else's.
        Conflict: once it is answered: answers must go on fitting what they answer.
        Stale: when it changed since *version* was read.
    """
    scene, detail_md, ask = rules_questions.check_question(scene, detail_md, ask)
    question = locks.lock(session, Question, question_id)
    if question.member_id != actor.member_id:
        raise Forbidden(OWN)
    if not rules_questions.question_open(answers=question.answers, hidden=question.hidden_at is not None):
        raise Conflict(N_("This question has an answer or is hidden: it stays as it is. Ask a new one."))
    if question.version != version:
        raise Stale(STALE)
    question.scene, question.ask = scene, ask
    if detail_md != question.detail_md:
        question.detail_md = detail_md
        question.detail_html = render_markdown(detail_md) if detail_md else ""
    question.version += 1
    question.updated_at = now
    session.flush()
    return question


def hide_question(
    session: Session, *, question_id: int, reason: str, now: dt.datetime, actor: Actor
) -> Question:
    """Take a question out of sight; who asked still sees it, with the reason.

    Raises:
        Invalid: without a reason.
    """
    reason = rules_questions.check_reason(reason)
    check_staff(actor)
    question = locks.lock(session, Question, question_id)
    if question.hidden_at is None:
        question.hidden_at, question.hidden_reason = now, reason
        question.version += 1
        session.flush()
        record(session, actor, "question.hide", question, now, reason=reason)
        key = f"question:{question.id}:{question.version}"
        tell_hidden(session, question, question.member_id, reason=reason, key=key, now=now)
    return question


def show_question(session: Session, *, question_id: int, now: dt.datetime, actor: Actor) -> Question:
    """Bring a hidden question back."""
    check_staff(actor)
    question = locks.lock(session, Question, question_id)
    if question.hidden_at is not None:
        question.hidden_at, question.hidden_reason = None, ""
        question.version += 1
        record(session, actor, "question.show", question, now)
    return question


def check_readable(
    session: Session, lesson_id: int, *, member_id: int | None, access: Access, now: dt.datetime
) -> int:
    """The course of a lesson that the reader may read.

    Raises:
        NotFound: when there is no such lesson for the reader.
        Forbidden: when it is closed to the reader.
    """
    found = session.execute(
        select(Lesson.course_id, Course.slug)
        .join(Course, Course.id == Lesson.course_id)
        .where(Lesson.id == lesson_id)
    ).one_or_none()
    if found is None:
        raise NotFound()
    course = queries.course_view(
        session, slug=found.slug, member_id=member_id, staff=access.reason == "staff"
    )
    mark = course.marks(access, now).get(lesson_id)
    if mark is None:
        raise NotFound()
    if not mark.readable or access.reason == "suspended":
        raise Forbidden(LOCKED, how=HOW)
    return course.id


def check_staff(actor: Actor) -> None:
    """Refuse everybody but instructors and admins.

    Raises:
        Forbidden: for others.
    """
    if not actor.has("instructor"):
        raise Forbidden(N_("Only instructors and admins can do this."))


def record(
    session: Session, actor: Actor, action: str, question: Question, now: dt.datetime, **details: object
) -> None:
    """Write an instructor's act into the audit log."""
    store.record(
        session,
        actor=actor,
        action=action,
        target=f"question:{question.id}",
        now=now,
        summary=question.ask,
        details=details,
    )


def tell_hidden(
    session: Session,
    question: Question,
    member_id: int,
    *,
    reason: str,
    key: str,
    now: dt.datetime,
    own_question: bool = True,
) -> None:
    """Tell the author of what was hidden."""
    author = session.get(Member, member_id)
    if author is None:
        return
    notices.letter(
        session,
        member=author.id,
        template="question_hidden",
        context={
            "name": author.shown_name,
            "ask": question.ask,
            "own_question": own_question,
            "reason": reason,
            "question_id": question.id,
        },
        key=f"hidden:{key}",
        now=now,
    )
