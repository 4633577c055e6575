"""Reads of questions and answers: each page in a constant number of statements."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Select, bindparam, func, or_, select, true
from sqlalchemy.orm import Session

from qunclub.kernel import NotFound, Page, paginate, reads
from qunclub.members.models import Member

from .models import Answer, Course, Lesson, Question

PER_PAGE = 20
SHORT = 5


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """A question in a list."""

    id: int
    ask: str
    answers: int
    solved: bool
    hidden: bool
    created_at: dt.datetime
    member_id: int
    name: str
    number: int | None
    lesson_slug: str
    lesson: str
    course_slug: str
    course: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a question stands."""

    course_slug: str
    lesson_id: int
    lesson_slug: str
    lesson: str
    course: str


@dataclass(frozen=True, slots=True)
class Thread:
    """A question with everything below it: (answer, name, number) in the order they came, the best one first."""

    question: Question
    place: Place
    name: str
    number: int | None
    answers: tuple[tuple[Answer, str, int | None], ...]


def listed(
    session: Session,
    *,
    lesson_ids: Collection[int],
    member_id: int | None,
    staff: bool,
    q: str = "",
    state: str = "",
    page: int = 1,
) -> Page[QuestionRow]:
    """Questions under the lessons a reader may read, the newest first.

    Args:
        state: ``open`` for those without a best answer, ``mine`` for the reader's own.
    """
    query = _rows().where(Question.lesson_id.in_(lesson_ids), _visible(member_id, staff=staff))
    if q:
        query = query.where(
            or_(Question.ask.icontains(q, autoescape=True), Question.scene.icontains(q, autoescape=True))
        )
    if state == "open":
        query = query.where(Question.best_answer_id.is_(None))
    elif state == "mine":
        query = query.where(Question.member_id == (member_id or 0))
    query = query.order_by(Question.created_at.desc(), Question.id.desc())
    return _page(session, query, page)


def latest(
    session: Session, lesson_id: int, *, member_id: int | None, staff: bool
) -> tuple[QuestionRow, ...]:
    """The newest questions of a lesson, and one more than are shown when there are more."""
    found = reads.rows(session, _latest(), lesson=lesson_id, member=member_id or 0, staff=staff)
    return tuple(QuestionRow(*row) for row in found)


def waiting(session: Session, *, course_id: int | None, page: int) -> Page[QuestionRow]:
    """Questions that nobody has answered, the oldest first."""
    query = _rows().where(Question.answers == 0, Question.hidden_at.is_(None))
    if course_id is not None:
        query = query.where(Question.course_id == course_id)
    return _page(session, query.order_by(Question.created_at, Question.id), page)


def place(session: Session, question_id: int) -> Place:
    """Where a question stands.

    Raises:
        NotFound: when there is none.
    """
    row = session.execute(
        select(Course.slug, Lesson.id, Lesson.slug, Lesson.title, Course.title)
        .select_from(Question)
        .join(Lesson, Lesson.id == Question.lesson_id)
        .join(Course, Course.id == Question.course_id)
        .where(Question.id == question_id)
    ).one_or_none()
    if row is None:
        raise NotFound()
    return Place(*row)


def thread(session: Session, question_id: int, *, member_id: int | None, staff: bool) -> Thread:
    """A question with its answers, as one reader may see them: three statements.

    Raises:
        NotFound: also for a hidden one that is neither the reader's nor seen by staff.
    """
    where = place(session, question_id)
    found = session.execute(
        select(Question, _name(), Member.number)
        .join(Member, Member.id == Question.member_id)
        .where(Question.id == question_id, _visible(member_id, staff=staff))
    ).one_or_none()
    if found is None:
        raise NotFound()
    question, name, number = found
    query = (
        select(Answer, _name(), Member.number)
        .join(Member, Member.id == Answer.member_id)
        .where(Answer.question_id == question_id)
        .order_by(Answer.id)
    )
    if not staff:
        query = query.where(or_(Answer.hidden_at.is_(None), Answer.member_id == (member_id or 0)))
    answers = [(row[0], row[1], row[2]) for row in session.execute(query)]
    answers.sort(key=lambda one: one[0].id != question.best_answer_id)
    return Thread(question, where, name, number, tuple(answers))


def question_of(session: Session, answer_id: int) -> tuple[Answer, Question]:
    """An answer and its question.

    Raises:
        NotFound: when there is none.
    """
    row = session.execute(
        select(Answer, Question)
        .join(Question, Question.id == Answer.question_id)
        .where(Answer.id == answer_id)
    ).one_or_none()
    if row is None:
        raise NotFound()
    return row[0], row[1]


def _name() -> ColumnElement[str]:
    return func.coalesce(func.nullif(Member.nickname, ""), Member.name)


def _visible(member_id: int | None, *, staff: bool) -> ColumnElement[bool]:
    if staff:
        return true()
    return or_(Question.hidden_at.is_(None), Question.member_id == (member_id or 0))


def _rows() -> Select[*tuple[Any, ...]]:
    columns: list[Any] = [
        Question.id,
        Question.ask,
        Question.answers,
        Question.best_answer_id.is_not(None),
        Question.hidden_at.is_not(None),
        Question.created_at,
        Question.member_id,
        _name(),
        Member.number,
        Lesson.slug,
        Lesson.title,
        Course.slug,
        Course.title,
    ]
    return (
        select(*columns)
        .select_from(Question)
        .join(Member, Member.id == Question.member_id)
        .join(Lesson, Lesson.id == Question.lesson_id)
        .join(Course, Course.id == Question.course_id)
    )


@cache
def _latest() -> Select[*tuple[Any, ...]]:
    seen = or_(
        Question.hidden_at.is_(None),
        Question.member_id == bindparam("member"),
        bindparam("staff", type_=Boolean()),
    )
    return (
        _rows()
        .where(Question.lesson_id == bindparam("lesson"), seen)
        .order_by(Question.created_at.desc(), Question.id.desc())
        .limit(SHORT + 1)
    )


def _page(session: Session, query: Select[*tuple[Any, ...]], page: int) -> Page[QuestionRow]:
    found = paginate(session, query, page=page, per_page=PER_PAGE)
    rows = [QuestionRow(*row) for row in found.items]
    return Page(items=rows, page=found.page, per_page=found.per_page, has_next=found.has_next)
