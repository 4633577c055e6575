"""Answers to questions: by who may read the lesson and by instructors; one of them stands as the best."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from qunclub import notices, points
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
)
from qunclub.members.models import Member
from qunclub.points.models import LedgerEntry

from . import rules_questions
from .models import Answer, Question
from .services_lessons import STALE
from .services_questions import HOW, LOCKED, OWN, check_readable, check_staff, record, tell_hidden

TAKEN_BACK = "The mark as best answer was taken back."


def answer(
    session: Session,
    *,
    question_id: int,
    member_id: int,
    body_md: str,
    access: Access,
    now: dt.datetime,
    actor: Actor,
) -> Answer:
    """Answer a question: members whose pass opens the course, and instructors.

    Raises:
        Forbidden: when the course is not open to the member.
        Conflict: when the question is hidden.
    """
    if not access.allowed:
        raise Forbidden(LOCKED, how=HOW)
    body_md = rules_questions.check_answer(body_md)
    question = locks.lock(session, Question, question_id)
    check_readable(session, question.lesson_id, member_id=member_id, access=access, now=now)
    if question.hidden_at is not None:
        raise Conflict(N_("This question is hidden; it takes no more answers."))
    row = Answer(
        question_id=question_id,
        member_id=member_id,
        body_md=body_md,
        body_html=render_markdown(body_md),
        by_staff=actor.has("instructor"),
        version=1,
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    question.answers += 1
    session.flush()
    _tell_asker(session, question, row, now)
    return row


def edit_answer(
    session: Session, *, answer_id: int, version: int, body_md: str, now: dt.datetime, actor: Actor
) -> Answer:
    """Change one's own answer.

    Raises:
        Forbidden: for anybody else's.
        Conflict: a day after it was written, or while it stands as the best.
        Stale: when it changed since *version* was read.
    """
    body_md = rules_questions.check_answer(body_md)
    row, question = _locked(session, answer_id)
    if row.member_id != actor.member_id:
        raise Forbidden(OWN)
    if not rules_questions.answer_open(
        created_at=row.created_at,
        best=question.best_answer_id == row.id,
        hidden=row.hidden_at is not None,
        now=now,
    ):
        raise Conflict(N_("An answer can be changed for a day, and not while it stands as the best."))
    if row.version != version:
        raise Stale(STALE)
    row.body_md, row.body_html = body_md, render_markdown(body_md)
    row.version += 1
    row.updated_at = now
    session.flush()
    return row


def mark_best(session: Session, *, answer_id: int, now: dt.datetime, actor: Actor) -> Question:
    """Mark the answer that helped, in place of any other; its author earns ``answer_best``, nobody by their own hand.

    Raises:
        Forbidden: for anybody but who asked and instructors.
        Conflict: when the answer or its question is hidden.
    """
    row, question = _locked(session, answer_id)
    _check_may_mark(question, actor)
    if row.hidden_at is not None or question.hidden_at is not None:
        raise Conflict(N_("What is hidden cannot be the best answer."))
    if question.best_answer_id == row.id:
        return question
    _take_back(session, question, actor=actor, now=now)
    question.best_answer_id = row.id
    question.version += 1
    session.flush()
    if actor.member_id != question.member_id:
        record(session, actor, "question.best", question, now, answer=row.id)
    author = session.get_one(Member, row.member_id)
    if author.number is not None and row.member_id not in (question.member_id, actor.member_id):
        points.award(
            session,
            member_id=row.member_id,
            kind="answer_best",
            # The version makes each marking a source of its own; the lock on the question lets one stand at a time.
            source=_source(question.id) + str(question.version),
            reason=question.ask,
            occurred_at=now,
            now=now,
            actor=actor,
            from_member_id=actor.member_id,
            scope=points.course_scope(question.course_id),
        )
    return question


def unmark_best(session: Session, *, question_id: int, now: dt.datetime, actor: Actor) -> Question:
    """Take the mark back, and the points with it.

    Raises:
        Forbidden: for anybody but who asked and instructors.
    """
    question = locks.lock(session, Question, question_id)
    _check_may_mark(question, actor)
    if question.best_answer_id is not None:
        before = question.best_answer_id
        _take_back(session, question, actor=actor, now=now)
        if actor.member_id != question.member_id:
            record(session, actor, "question.unmark", question, now, answer=before)
    return question


def hide_answer(session: Session, *, answer_id: int, reason: str, now: dt.datetime, actor: Actor) -> Answer:
    """Take an answer out of sight, with the mark as best and its points; its author still sees it, with the reason.

    Raises:
        Invalid: without a reason.
    """
    reason = rules_questions.check_reason(reason)
    check_staff(actor)
    row, question = _locked(session, answer_id)
    if row.hidden_at is not None:
        return row
    if question.best_answer_id == row.id:
        _take_back(session, question, actor=actor, now=now)
    row.hidden_at, row.hidden_reason = now, reason
    row.version += 1
    question.answers -= 1
    session.flush()
    record(session, actor, "answer.hide", question, now, answer=row.id, reason=reason)
    key = f"answer:{row.id}:{row.version}"
    tell_hidden(session, question, row.member_id, reason=reason, key=key, now=now, own_question=False)
    return row


def show_answer(session: Session, *, answer_id: int, now: dt.datetime, actor: Actor) -> Answer:
    """Bring a hidden answer back; it is not the best again by itself."""
    check_staff(actor)
    row, question = _locked(session, answer_id)
    if row.hidden_at is not None:
        row.hidden_at, row.hidden_reason = None, ""
        row.version += 1
        question.answers += 1
        session.flush()
        record(session, actor, "answer.show", question, now, answer=row.id)
    return row


def _locked(session: Session, answer_id: int) -> tuple[Answer, Question]:
    question_id = session.scalar(select(Answer.question_id).where(Answer.id == answer_id))
    if question_id is None:
        raise NotFound()
    # The question is the one lock of everything below it: counts, the best answer and its points.
    question = locks.lock(session, Question, question_id)
    row = session.scalars(
        select(Answer).where(Answer.id == answer_id).execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise NotFound()
    return row, question


def _check_may_mark(question: Question, actor: Actor) -> None:
    if actor.member_id != question.member_id and not actor.has("instructor"):
        raise Forbidden(N_("Who asked marks the best answer, or an instructor does."))


def _take_back(session: Session, question: Question, *, actor: Actor, now: dt.datetime) -> None:
    if question.best_answer_id is None:
        return
    author = select(Answer.member_id).where(Answer.id == question.best_answer_id).scalar_subquery()
    undone = aliased(LedgerEntry)
    lines = session.scalars(
        select(LedgerEntry.id).where(
            LedgerEntry.member_id == author,
            LedgerEntry.kind == "answer_best",
            LedgerEntry.source.startswith(_source(question.id), autoescape=True),
            LedgerEntry.reverses_id.is_(None),
            ~select(undone.id).where(undone.reverses_id == LedgerEntry.id).exists(),
        )
    ).all()
    question.best_answer_id = None
    question.version += 1
    session.flush()
    for line in lines:
        points.reverse(session, entry_id=line, reason=TAKEN_BACK, actor=actor, now=now)


def _source(question_id: int) -> str:
    return f"question:{question_id}:best:"


def _tell_asker(session: Session, question: Question, row: Answer, now: dt.datetime) -> None:
    """Tell who asked: on the first answer, and on each of an instructor's."""
    if row.member_id == question.member_id or not (row.by_staff or question.answers == 1):
        return
    asker = session.get_one(Member, question.member_id)
    if asker.suspended_at is not None:
        return
    author = session.get_one(Member, row.member_id)
    notices.letter(
        session,
        member=asker.id,
        template="question_answered",
        context={
            "name": asker.shown_name,
            "author": author.shown_name,
            "by_staff": row.by_staff,
            "ask": question.ask,
            "question_id": question.id,
        },
        # The first answer is told once, also when an earlier first one was hidden in between.
        key=f"answer:{row.id}" if row.by_staff else f"question:{question.id}:first",
        now=now,
    )
