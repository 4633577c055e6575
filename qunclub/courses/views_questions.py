"""Questions under a lesson: asked by who may read it, answered by members and instructors, the best one marked."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import Blueprint, request
from sqlalchemy.orm import Session

from qunclub.kernel import Access, Actor, Forbidden, NotFound, Stale
from qunclub.web import (
    _,
    allow,
    club,
    current_actor,
    current_actor_or_none,
    explain,
    flash,
    form_errors,
    limit,
    member_id,
    now,
    page_number,
    reading,
    render,
    see_other,
    transact,
)

from . import queries, queries_questions, rules, rules_questions, services_answers, services_questions
from .forms_questions import AnswerForm, QuestionForm
from .services_questions import HOW, LOCKED
from .views import LESSON_SECTIONS, SECTIONS

bp = Blueprint("questions", __name__)
STATES = ("open", "mine")


def _me() -> str:
    actor = current_actor_or_none()
    return str(actor.member_id) if actor else request.remote_addr or ""


def _course(
    session: Session, slug: str, moment: dt.datetime
) -> tuple[queries.CourseView, Access, dict[int, rules.LessonMark]]:
    """A course as the visitor has it, with what of it is open."""
    actor = current_actor_or_none()
    staff = actor is not None and actor.has("instructor")
    course = queries.course_view(
        session, slug=slug, member_id=actor.member_id if actor else None, staff=staff
    )
    access = club().course_access(session, actor=actor, course_ids=[course.id], now=moment)[course.id]
    return course, access, course.marks(access, moment)


def _lesson(
    session: Session, slug: str, lesson_slug: str, moment: dt.datetime
) -> tuple[queries.CourseView, queries.OutlineLesson, Access]:
    """A lesson that the visitor may read.

    Raises:
        NotFound: when there is none.
        Forbidden: when it is closed.
    """
    course, access, marks = _course(session, slug, moment)
    here = next((one for one in course.lessons if one.slug == lesson_slug), None)
    if here is None:
        raise NotFound()
    if not marks[here.id].readable:
        raise Forbidden(LOCKED, how=HOW)
    return course, here, access


def lesson_section(
    session: Session,
    course: queries.CourseView,
    lesson: queries.OutlineLesson,
    actor: Actor | None,
    access: Access,
) -> tuple[str, dict[str, Any]]:
    """The newest questions of a lesson that is being read, and the form to ask."""
    staff = actor is not None and actor.has("instructor")
    rows = queries_questions.latest(
        session, lesson.id, member_id=actor.member_id if actor else None, staff=staff
    )
    return "qunclub/courses/_lesson_questions.html", {
        "slug": course.slug,
        "lesson_slug": lesson.slug,
        "rows": rows[: queries_questions.SHORT],
        "more": len(rows) > queries_questions.SHORT,
        "named": actor is not None,
        "may_ask": _may_ask(actor, access),
    }


LESSON_SECTIONS.append(lesson_section)


def course_section(
    session: Session, course: queries.CourseView, actor: Actor | None, access: Access, moment: dt.datetime
) -> str:
    """The way from a course's home to its questions."""
    if not (access.allowed or any(one.is_preview for one in course.lessons)):
        return ""
    return render("courses/_course_questions.html", course=course)


SECTIONS.append(course_section)


def _may_ask(actor: Actor | None, access: Access) -> bool:
    return actor is not None and access.reason != "suspended"


@bp.route("/courses/<slug>/<lesson_slug>/questions", methods=["GET", "POST"])
@allow("anyone")
@limit("10 per hour", name="ask", key=_me)
def lesson(slug: str, lesson_slug: str) -> Any:
    """The questions of a lesson, and asking one."""
    actor, moment = current_actor_or_none(), now()
    with reading() as session:
        course, here, access = _lesson(session, slug, lesson_slug, moment)
    form = QuestionForm()
    if request.method == "POST":
        writer = current_actor()
        if form.validate():
            with form_errors(form):
                asked = transact(
                    lambda work: (
                        services_questions.ask(
                            work,
                            member_id=member_id(),
                            lesson_id=here.id,
                            access=access,
                            **_question(form),
                            now=moment,
                            actor=writer,
                        ).id
                    )
                )
                flash(_("Your question is asked. You get a mail when it is answered."))
                return see_other(".show", question_id=asked)
    with reading() as session:
        page = queries_questions.listed(
            session,
            lesson_ids=[here.id],
            member_id=actor.member_id if actor else None,
            staff=actor is not None and actor.has("instructor"),
            page=page_number(),
        )
    shown = render(
        "courses/questions_lesson.html",
        course=course,
        lesson=here,
        page=page,
        form=form if _may_ask(actor, access) else None,
    )
    return (shown, 422) if form.errors else shown


@bp.get("/courses/<slug>/-/questions")
@allow("anyone")
def course(slug: str) -> Any:
    """Every question of a course under the lessons that the visitor may read."""
    actor, moment = current_actor_or_none(), now()
    q, state = request.args.get("q", "").strip()[:100], request.args.get("state", "")
    with reading() as session:
        found, access, marks = _course(session, slug, moment)
        page = queries_questions.listed(
            session,
            lesson_ids=[one.id for one in found.lessons if marks[one.id].readable],
            member_id=actor.member_id if actor else None,
            staff=actor is not None and actor.has("instructor"),
            q=q,
            state=state if state in STATES else "",
            page=page_number(),
        )
    return render("courses/questions_course.html", course=found, access=access, page=page, q=q, state=state)


@bp.route("/questions/<int:question_id>", methods=["GET", "POST"])
@allow("anyone")
@limit("30 per hour", name="answer", key=_me)
def show(question_id: int) -> Any:
    """A question with its answers, and answering it."""
    actor, moment = current_actor_or_none(), now()
    staff = actor is not None and actor.has("instructor")
    form = AnswerForm()
    with reading() as session:
        place = queries_questions.place(session, question_id)
        access = _lesson(session, place.course_slug, place.lesson_slug, moment)[2]
    if request.method == "POST":
        writer = current_actor()
        if form.validate():
            with form_errors(form):
                transact(
                    lambda work: services_answers.answer(
                        work,
                        question_id=question_id,
                        member_id=member_id(),
                        body_md=form.body_md.data or "",
                        access=access,
                        now=moment,
                        actor=writer,
                    )
                )
                flash(_("Your answer is there. Thank you."))
                return see_other(".show", question_id=question_id)
    with reading() as session:
        thread = queries_questions.thread(
            session, question_id, member_id=actor.member_id if actor else None, staff=staff
        )
        question = thread.question
        mine = actor is not None and actor.member_id == question.member_id
        shown = render(
            "courses/question.html",
            thread=thread,
            question=question,
            form=form if access.allowed and actor is not None and question.hidden_at is None else None,
            mine=mine,
            staff=staff,
            may_mark=(mine or staff) and question.hidden_at is None,
            may_edit=mine
            and rules_questions.question_open(
                answers=question.answers, hidden=question.hidden_at is not None
            ),
            changeable={
                row.id
                for row, _name, _number in thread.answers
                if actor is not None
                and actor.member_id == row.member_id
                and rules_questions.answer_open(
                    created_at=row.created_at,
                    best=question.best_answer_id == row.id,
                    hidden=row.hidden_at is not None,
                    now=moment,
                )
            },
        )
    return (shown, 422) if form.errors else shown


@bp.route("/questions/<int:question_id>/edit", methods=["GET", "POST"])
@allow("signed_in")
def edit(question_id: int) -> Any:
    """Change one's own question while nobody has answered it."""
    with reading() as session:
        thread = queries_questions.thread(session, question_id, member_id=member_id(), staff=False)
        _lesson(session, thread.place.course_slug, thread.place.lesson_slug, now())
        question = thread.question
        session.expunge(question)
    if question.member_id != member_id():
        raise Forbidden(services_questions.OWN)
    form = QuestionForm(obj=question)
    context: dict[str, Any] = {"question": question, "place": thread.place}
    if form.validate_on_submit():
        try:
            with form_errors(form):
                transact(
                    lambda work: services_questions.edit_question(
                        work,
                        question_id=question_id,
                        version=_version(form),
                        **_question(form),
                        now=now(),
                        actor=current_actor(),
                    )
                )
                flash(_("Saved."))
                return see_other(".show", question_id=question_id)
        except Stale as error:
            form.version.data = str(question.version)
            theirs = f"{question.scene}\n\n{question.detail_md}\n\n{question.ask}"
            context |= {"stale": explain(error), "theirs": theirs}
    page = render("courses/question_edit.html", form=form, **context)
    return (page, 409) if "stale" in context else (page, 422) if form.errors else page


@bp.route("/answers/<int:answer_id>/edit", methods=["GET", "POST"])
@allow("signed_in")
def edit_answer(answer_id: int) -> Any:
    """Change one's own answer for a day."""
    with reading() as session:
        row, question = queries_questions.question_of(session, answer_id)
        place = queries_questions.place(session, question.id)
        _lesson(session, place.course_slug, place.lesson_slug, now())
        session.expunge(row)
        question_id, ask = question.id, question.ask
    if row.member_id != member_id():
        raise Forbidden(services_questions.OWN)
    form = AnswerForm(obj=row)
    context: dict[str, Any] = {"question_id": question_id, "ask": ask}
    if form.validate_on_submit():
        try:
            with form_errors(form):
                transact(
                    lambda work: services_answers.edit_answer(
                        work,
                        answer_id=answer_id,
                        version=_version(form),
                        body_md=form.body_md.data or "",
                        now=now(),
                        actor=current_actor(),
                    )
                )
                flash(_("Saved."))
                return see_other(".show", question_id=question_id, _anchor=f"answer-{answer_id}")
        except Stale as error:
            form.version.data = str(row.version)
            context |= {"stale": explain(error), "theirs": row.body_md}
    page = render("courses/answer_edit.html", form=form, **context)
    return (page, 409) if "stale" in context else (page, 422) if form.errors else page


@bp.post("/answers/<int:answer_id>/best")
@allow("signed_in")
def best(answer_id: int) -> Any:
    """Mark the answer that helped."""
    actor, moment = current_actor(), now()

    def command(work: Session) -> int:
        question = queries_questions.question_of(work, answer_id)[1]
        place = queries_questions.place(work, question.id)
        _lesson(work, place.course_slug, place.lesson_slug, moment)
        return services_answers.mark_best(work, answer_id=answer_id, now=moment, actor=actor).id

    question_id = transact(command)
    flash(_("Marked as the best answer."))
    return see_other(".show", question_id=question_id)


@bp.post("/questions/<int:question_id>/unmark")
@allow("signed_in")
def unmark(question_id: int) -> Any:
    """Take the mark as best answer back."""
    actor, moment = current_actor(), now()

    def command(work: Session) -> None:
        place = queries_questions.place(work, question_id)
        _lesson(work, place.course_slug, place.lesson_slug, moment)
        services_answers.unmark_best(work, question_id=question_id, now=moment, actor=actor)

    transact(command)
    flash(_("The mark is taken back, and the points with it."), "info")
    return see_other(".show", question_id=question_id)


def _question(form: QuestionForm) -> dict[str, str]:
    return {
        "scene": form.scene.data or "",
        "detail_md": form.detail_md.data or "",
        "ask": form.ask.data or "",
    }


def _version(form: QuestionForm | AnswerForm) -> int:
    text = form.version.data or ""
    return int(text[:9]) if text.isdecimal() else 0
