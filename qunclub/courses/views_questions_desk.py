"""What instructors do with questions: answer the oldest first, hide with a reason what does not belong."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from qunclub.web import (
    NavItem,
    _,
    _l,
    allow,
    current_actor,
    flash,
    form_errors,
    now,
    page_number,
    reading,
    register,
    render,
    see_other,
    transact,
)

from . import queries, queries_questions, services_answers, services_questions
from .forms_questions import ReasonForm

bp = Blueprint("questions_desk", __name__, url_prefix="/desk/questions")
register(
    NavItem(
        area="desk",
        label=_l("Questions"),
        endpoint="qunclub.questions_desk.index",
        icon="chat-left-text",
        order=20,
        role="instructor",
    )
)

# What the audit log calls the acts of this room.
ACTS = {
    "question.hide": _l("Question hidden"),
    "question.show": _l("Question shown again"),
    "question.best": _l("Best answer marked"),
    "question.unmark": _l("Best answer taken back"),
    "answer.hide": _l("Answer hidden"),
    "answer.show": _l("Answer shown again"),
}


@bp.get("")
@allow("instructor")
def index() -> Any:
    """Questions that nobody has answered, the oldest first."""
    chosen = request.args.get("course", type=int)
    with reading() as session:
        page = queries_questions.waiting(session, course_id=chosen, page=page_number())
        courses = [(row.id, row.title) for row in queries.choices(session)]
    return render("courses/questions_desk.html", page=page, courses=courses, chosen=chosen)


@bp.route("/<int:question_id>/hide", methods=["GET", "POST"])
@allow("instructor")
def hide(question_id: int) -> Any:
    """Hide a question."""
    with reading() as session:
        queries_questions.place(session, question_id)
    form = ReasonForm()
    if form.validate_on_submit():
        with form_errors(form):
            transact(
                lambda work: services_questions.hide_question(
                    work,
                    question_id=question_id,
                    reason=form.reason.data or "",
                    now=now(),
                    actor=current_actor(),
                )
            )
            return _hidden(question_id)
    page = render("courses/question_hide.html", form=form, question_id=question_id, answer=False)
    return (page, 422) if form.errors else page


@bp.route("/answers/<int:answer_id>/hide", methods=["GET", "POST"])
@allow("instructor")
def hide_answer(answer_id: int) -> Any:
    """Hide an answer."""
    with reading() as session:
        question_id = queries_questions.question_of(session, answer_id)[1].id
    form = ReasonForm()
    if form.validate_on_submit():
        with form_errors(form):
            transact(
                lambda work: services_answers.hide_answer(
                    work,
                    answer_id=answer_id,
                    reason=form.reason.data or "",
                    now=now(),
                    actor=current_actor(),
                )
            )
            return _hidden(question_id)
    page = render("courses/question_hide.html", form=form, question_id=question_id, answer=True)
    return (page, 422) if form.errors else page


@bp.post("/<int:question_id>/show")
@allow("instructor")
def show(question_id: int) -> Any:
    """Bring a question back."""
    transact(
        lambda work: services_questions.show_question(
            work, question_id=question_id, now=now(), actor=current_actor()
        )
    )
    return _back(question_id)


@bp.post("/answers/<int:answer_id>/show")
@allow("instructor")
def show_answer(answer_id: int) -> Any:
    """Bring an answer back."""
    question_id = transact(
        lambda work: (
            services_answers.show_answer(
                work, answer_id=answer_id, now=now(), actor=current_actor()
            ).question_id
        )
    )
    return _back(question_id)


def _hidden(question_id: int) -> Any:
    flash(_("It is hidden; its author is told why."), "info")
    return see_other("qunclub.questions.show", question_id=question_id)


def _back(question_id: int) -> Any:
    flash(_("It is shown again."))
    return see_other("qunclub.questions.show", question_id=question_id)
