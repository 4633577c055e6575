"""Questions under a lesson, their answers, the best one and its points: over both databases."""

import datetime as dt

import pytest
from sqlalchemy import func, select

from qunclub import courses, points
from qunclub.courses import services_answers, services_questions
from qunclub.courses.doctor_questions import check
from qunclub.courses.models import Answer, Course, Question
from qunclub.kernel import Access, Conflict, Forbidden, Invalid, Stale
from qunclub.kernel.outbox import OutboxMessage
from qunclub.kernel.store import AuditEntry
from qunclub.points.models import LedgerEntry
from tests.support.concurrency import concurrently, failed

OPEN, STAFF = Access(True, "pass"), Access(True, "staff")


@pytest.fixture
def lesson(make):
    return make.lesson(make.course(slug="one-page"), slug="first")


def ask(session, make, lesson, member, access=OPEN, **parts):
    values = {"scene": "On my phone", "detail_md": "It *stops*.", "ask": "Why does it stop?", **parts}
    return services_questions.ask(
        session,
        member_id=member.id,
        lesson_id=lesson.id,
        access=access,
        now=make.now,
        actor=make.actor(member),
        **values,
    )


def answer(session, make, question, member, access=OPEN, body="Because."):
    return services_answers.answer(
        session,
        question_id=question.id,
        member_id=member.id,
        body_md=body,
        access=access,
        now=make.now,
        actor=make.actor(member),
    )


def best(session, make, row, member):
    return services_answers.mark_best(session, answer_id=row.id, now=make.now, actor=make.actor(member))


def score(session, member):
    total = select(func.coalesce(func.sum(LedgerEntry.amount), 0)).where(LedgerEntry.member_id == member.id)
    return session.scalar(total)


def mails(session):
    return session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)).all()


def test_asking_in_three_parts(session, make, lesson):
    asker = make.member()
    question = ask(session, make, lesson, asker, scene=" A\r\nB ", ask="Why\ndoes it stop?")
    assert (question.scene, question.ask) == ("A\r\nB".strip(), "Why does it stop?")
    assert question.course_id == lesson.course_id and "<em>stops</em>" in question.detail_html
    for part, field in (({"scene": " "}, "scene"), ({"ask": ""}, "ask"), ({"ask": "x" * 301}, "ask")):
        with pytest.raises(Invalid) as refused:
            ask(session, make, lesson, asker, **part)
        assert refused.value.field == field


def test_only_who_may_read_the_lesson_asks(session, make, lesson):
    member = make.member()
    with pytest.raises(Forbidden):
        ask(session, make, lesson, member, access=Access(False, "no_pass"))
    later = make.lesson(session.get_one(Course, lesson.course_id))
    later.opens_at = make.now + dt.timedelta(days=1)
    session.flush()
    with pytest.raises(Forbidden):
        ask(session, make, later, member)
    preview = make.lesson(session.get_one(Course, lesson.course_id), is_preview=True)
    assert ask(session, make, preview, member, access=Access(False, "no_pass")).id
    with pytest.raises(Forbidden):
        ask(session, make, preview, member, access=Access(False, "suspended"))


def test_a_question_changes_until_it_is_answered(session, make, lesson, now):
    asker, other = make.member(), make.member()
    question = ask(session, make, lesson, asker)

    def edit(actor, version=1):
        return services_questions.edit_question(
            session,
            question_id=question.id,
            version=version,
            scene="s",
            detail_md="",
            ask="a?",
            now=now,
            actor=make.actor(actor),
        )

    with pytest.raises(Forbidden):
        edit(other)
    assert edit(asker).version == 2
    with pytest.raises(Stale):
        edit(asker)
    answer(session, make, question, other)
    with pytest.raises(Conflict):
        edit(asker, 2)


def test_an_answer_changes_for_a_day(session, make, lesson, now):
    asker, helper = make.member(), make.member()
    row = answer(session, make, ask(session, make, lesson, asker), helper)

    def edit(actor, version=1, at=now):
        return services_answers.edit_answer(
            session, answer_id=row.id, version=version, body_md="new", now=at, actor=make.actor(actor)
        )

    with pytest.raises(Forbidden):
        edit(asker)
    assert edit(helper).body_html == "<p>new</p>"
    with pytest.raises(Stale):
        edit(helper)
    with pytest.raises(Conflict):
        edit(helper, 2, now + dt.timedelta(days=1))
    best(session, make, row, asker)
    with pytest.raises(Conflict):
        edit(helper, 2)


def test_who_holds_no_pass_cannot_answer(session, make, lesson):
    question = ask(session, make, lesson, make.member())
    with pytest.raises(Forbidden):
        answer(session, make, question, make.member(), access=Access(False, "no_pass"))
    assert question.answers == 0


def test_the_best_answer_earns_once_and_is_taken_back(session, make, lesson, now):
    asker, helper, second = make.member(), make.member(number=True), make.member(number=True)
    question = ask(session, make, lesson, asker)
    one, two = answer(session, make, question, helper), answer(session, make, question, second)
    with pytest.raises(Forbidden):
        best(session, make, one, helper)
    best(session, make, one, asker)
    best(session, make, one, asker)
    assert score(session, helper) == 5
    best(session, make, two, asker)
    assert (score(session, helper), score(session, second)) == (0, 5)
    services_answers.unmark_best(session, question_id=question.id, now=now, actor=make.actor(asker))
    assert (score(session, helper), score(session, second), question.best_answer_id) == (0, 0, None)
    best(session, make, one, asker)
    assert score(session, helper) == 5 and check(session) == []
    window = points.window_by_key(session, "all")
    assert window is not None
    kept = points.standing(session, window.id, helper.id)
    assert kept is not None and kept.points == 5


def test_nobody_earns_by_their_own_hand(session, make, lesson):
    asker = make.member(number=True)
    question = ask(session, make, lesson, asker)
    best(session, make, answer(session, make, question, asker), asker)
    assert score(session, asker) == 0 and question.best_answer_id is not None
    teacher = make.member(number=True, roles=("instructor",))
    own = answer(session, make, question, teacher, STAFF)
    best(session, make, own, teacher)
    assert score(session, teacher) == 0
    # Without a number there is nothing to earn, and the mark stands all the same.
    nobody = make.member()
    best(session, make, answer(session, make, question, nobody), asker)
    assert score(session, nobody) == 0


def test_hiding_tells_why_and_takes_the_mark_back(session, make, lesson, now):
    asker, helper = make.member(), make.member(number=True)
    teacher = make.member(roles=("instructor",))
    question = ask(session, make, lesson, asker)
    row = answer(session, make, question, helper)
    best(session, make, row, asker)
    with pytest.raises(Forbidden):
        services_answers.hide_answer(session, answer_id=row.id, reason="r", now=now, actor=make.actor(asker))
    actor = make.actor(teacher)
    with pytest.raises(Invalid):
        services_answers.hide_answer(session, answer_id=row.id, reason=" ", now=now, actor=actor)
    services_answers.hide_answer(session, answer_id=row.id, reason="Rude", now=now, actor=actor)
    services_answers.hide_answer(session, answer_id=row.id, reason="Twice", now=now, actor=actor)
    assert (question.answers, question.best_answer_id, score(session, helper)) == (0, None, 0)
    services_questions.hide_question(session, question_id=question.id, reason="Spam", now=now, actor=actor)
    told = [
        m.payload["context"]["reason"] for m in mails(session) if m.payload["template"] == "question_hidden"
    ]
    assert told == ["Rude", "Spam"]
    with pytest.raises(Conflict):
        answer(session, make, question, helper)
    services_questions.show_question(session, question_id=question.id, now=now, actor=actor)
    services_answers.show_answer(session, answer_id=row.id, now=now, actor=actor)
    assert question.answers == 1 and check(session) == []
    acts = session.scalars(select(AuditEntry.action).where(AuditEntry.target == f"question:{question.id}"))
    assert acts.all() == ["answer.hide", "question.hide", "question.show", "answer.show"]


def test_the_asker_gets_a_mail_once(session, make, lesson, now):
    asker, helper = make.member(), make.member()
    teacher = make.member(roles=("instructor",))
    question = ask(session, make, lesson, asker)
    answer(session, make, question, asker)
    assert mails(session) == []
    services_answers.hide_answer(
        session,
        answer_id=session.scalars(select(Answer.id)).one(),
        reason="r",
        now=now,
        actor=make.actor(teacher),
    )
    first = answer(session, make, question, helper)
    services_answers.hide_answer(session, answer_id=first.id, reason="r", now=now, actor=make.actor(teacher))
    answer(session, make, question, helper)
    answer(session, make, question, helper)
    answer(session, make, question, teacher, STAFF)
    sent = [
        m.payload["context"]["by_staff"]
        for m in mails(session)
        if m.payload["template"] == "question_answered"
    ]
    assert sent == [False, True]


def test_answers_and_marks_at_once_keep_counts_and_points_right(db, make, lesson, now):
    asker, helper = make.member(number=True), make.member(number=True)
    actors = make.actor(asker), make.actor(helper)
    with db.uow() as work:
        points.ensure_rules(work, now=now)
        question = ask(work, make_on(work, make), lesson, asker)
        rows = [answer(work, make_on(work, make), question, helper) for _ in range(2)]
        ident, first, second = question.id, rows[0].id, rows[1].id

    def press(work, index):
        if index % 4 == 3:
            return services_answers.answer(
                work,
                question_id=ident,
                member_id=helper.id,
                body_md="x",
                access=OPEN,
                now=now,
                actor=actors[1],
            )
        if index % 4 == 2:
            return services_answers.unmark_best(work, question_id=ident, now=now, actor=actors[0])
        chosen = first if index % 4 else second
        return services_answers.mark_best(work, answer_id=chosen, now=now, actor=actors[0])

    outcomes = concurrently(db, 12, press, retry=True)
    assert not failed(outcomes), failed(outcomes)
    with db.session() as reading:
        question = reading.get_one(Question, ident)
        assert question.answers == 5 and check(reading) == []
        assert score(reading, helper) == (5 if question.best_answer_id else 0)


def make_on(work, make):
    from tests.factories import Make

    return Make(work, make.now)


def test_the_doctor_sees_what_is_wrong(session, make, lesson):
    question = ask(session, make, lesson, make.member())
    other = answer(session, make, ask(session, make, lesson, make.member()), make.member())
    assert check(session) == []
    question.answers, question.best_answer_id = 3, other.id
    session.flush()
    assert [finding.promise for finding in check(session)] == [9, 6]


def test_leaving_takes_the_words_away(session, make, lesson, now):
    asker, helper = make.member(), make.member(number=True)
    question = ask(session, make, lesson, asker)
    row = answer(session, make, question, helper)
    best(session, make, row, asker)
    courses.forget(session, member_id=helper.id, now=now)
    session.expire_all()
    assert (row.body_md, question.answers) == ("", 0) and score(session, helper) == 5
    courses.forget(session, member_id=asker.id, now=now)
    session.expire_all()
    assert (question.ask, question.scene, question.detail_html) == ("—", "", "") and check(session) == []
