"""Writing courses, reading lessons: over both databases."""

import pytest
from sqlalchemy import func, select

from qunclub import courses, points
from qunclub.courses.doctor import check
from qunclub.courses.models import Course, Lesson, Progress
from qunclub.kernel import Access, Forbidden, Invalid, NotFound, Stale
from qunclub.kernel.store import AuditEntry
from qunclub.points.models import LedgerEntry
from tests.support.concurrency import concurrently, failed

OPEN, LOCKED = Access(True, "pass"), Access(False, "no_pass")


def complete(session, make, lesson, member, now, access=OPEN):
    return courses.complete_lesson(
        session, member_id=member.id, lesson_id=lesson.id, access=access, now=now, actor=make.actor(member)
    )


def test_a_lesson_is_done_once_and_earns_once(session, make, now):
    points.ensure_rules(session, now=now)
    member = make.member(number=True)
    lesson = make.lesson(make.course())
    assert complete(session, make, lesson, member, now) is True
    assert complete(session, make, lesson, member, now) is False
    assert session.scalars(select(LedgerEntry.amount)).all() == [2]


def test_without_a_number_it_is_done_and_earns_nothing(session, make, now):
    member = make.member()
    assert complete(session, make, make.lesson(make.course()), member, now) is True
    assert session.scalar(select(func.count()).select_from(LedgerEntry)) == 0


def test_a_locked_lesson_cannot_be_done(session, make, now):
    with pytest.raises(Forbidden):
        complete(session, make, make.lesson(make.course()), make.member(number=True), now, LOCKED)
    with pytest.raises(NotFound):
        courses.open_lesson(session, member_id=make.member().id, lesson_id=10**6, now=now)


def test_sixteen_presses_of_the_button_earn_once(db, make, now):
    member, lesson = make.member(number=True), make.lesson(make.course())
    actor = make.actor(member)
    with db.uow() as work:
        points.ensure_rules(work, now=now)

    def press(session):
        return courses.complete_lesson(
            session, member_id=member.id, lesson_id=lesson.id, access=OPEN, now=now, actor=actor
        )

    outcomes = concurrently(db, 16, press, retry=True)
    assert not failed(outcomes) and sum(outcomes) == 1
    with db.session() as session:
        assert session.scalar(select(func.count()).select_from(LedgerEntry)) == 1


def test_opening_is_remembered_once(session, make, now):
    member, lesson = make.member(), make.lesson(make.course())
    for _ in range(2):
        courses.open_lesson(session, member_id=member.id, lesson_id=lesson.id, now=now)
    row = session.scalars(select(Progress)).one()
    assert (row.course_id, row.completed_at) == (lesson.course_id, None)


def test_a_stale_save_of_a_course_or_lesson_is_refused(session, make, now):
    admin, course = make.actor(roles=("admin",)), make.course(slug="one")
    lesson = make.lesson(course, slug="first")
    saved = courses.update_course(
        session, course_id=course.id, version=1, slug="one", title="Mine", now=now, actor=admin
    )
    assert saved.version == 2
    with pytest.raises(Stale):
        courses.update_course(
            session, course_id=course.id, version=1, slug="one", title="Theirs", now=now, actor=admin
        )
    courses.update_lesson(
        session,
        lesson_id=lesson.id,
        version=1,
        slug="first",
        title="Mine",
        body_md="# New",
        now=now,
        actor=admin,
    )
    with pytest.raises(Stale):
        courses.update_lesson(
            session, lesson_id=lesson.id, version=1, slug="first", title="Theirs", now=now, actor=admin
        )
    assert (course.title, lesson.title) == ("Mine", "Mine") and "<h2" in lesson.body_html


def test_addresses_are_unique(session, make, now):
    course = make.course(slug="one")
    make.lesson(course, slug="first")
    with pytest.raises(Invalid):
        make.course(slug="one")
    with pytest.raises(Invalid):
        make.lesson(course, slug="first")
    assert make.lesson(make.course(slug="two"), slug="first")


def test_moving(session, make, now):
    admin, course = make.actor(roles=("admin",)), make.course()
    first, second, third = (make.lesson(course) for _ in range(3))
    courses.move_lesson(session, lesson_id=third.id, step=-1, now=now, actor=admin)
    order = select(Lesson.id).where(Lesson.course_id == course.id).order_by(Lesson.position)
    assert session.scalars(order).all() == [first.id, third.id, second.id]
    other = make.course()
    courses.move_course(session, course_id=other.id, step=-1, now=now, actor=admin)
    assert session.scalars(select(Course.id).order_by(Course.position)).all() == [other.id, course.id]


def test_every_act_is_in_the_audit_log(session, make, now):
    admin, course = make.actor(roles=("admin",)), make.course(state="draft")
    make.lesson(course)
    courses.publish(session, course_id=course.id, now=now, actor=admin)
    courses.set_state(session, course_id=course.id, state="draft", now=now, actor=admin)
    session.flush()
    actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions == ["course.create", "lesson.create", "course.publish", "course.unpublish"]


def test_markdown_from_people_is_made_safe(session, make):
    lesson = make.lesson(make.course(), body_md="**ok** <script>alert(1)</script> [x](javascript:alert(1))")
    assert "<strong>ok</strong>" in lesson.body_html
    assert "<script" not in lesson.body_html and "javascript:" not in lesson.body_html


def test_the_doctor_sees_progress_of_another_course(session, make, now):
    lesson, other = make.lesson(make.course()), make.course()
    assert check(session, now) == []
    member = make.member()
    session.add(Progress(member_id=member.id, course_id=other.id, lesson_id=lesson.id, opened_at=now))
    session.flush()
    assert len(check(session, now)) == 1
