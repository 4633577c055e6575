"""Certificates: issued once with the last lesson, checked by anybody, revoked and restored."""

import datetime as dt
import io

import pytest
from PIL import Image
from sqlalchemy import func, select

from qunclub import courses
from qunclub.courses import certificate_card
from qunclub.courses import services_certificates as certificates
from qunclub.courses.models import Certificate, Course, Lesson
from qunclub.kernel import Access, Actor, Conflict, Invalid, locks
from qunclub.kernel.store import AuditEntry
from tests.support.concurrency import concurrently, failed
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

OPEN = Access(True, "pass")


@pytest.fixture
def course(make):
    made = make.course(slug="one-page", title="从零到一页")
    give(make, made)
    return made


def give(make, course):
    """Switch the certificate on."""

    def switch(opened):
        opened.session.get_one(Course, course.id).certificate = True

    make._call(switch)


def complete(session, member, lesson, now):
    return courses.complete_lesson(
        session,
        member_id=member.id,
        lesson_id=lesson.id,
        access=OPEN,
        now=now,
        actor=Actor(member.user_key, member.name, "", frozenset(), member.id),
    )


def issued(session):
    return session.scalars(select(Certificate).order_by(Certificate.id)).all()


def test_the_last_lesson_issues_it_and_a_later_lesson_does_not_take_it_back(session, make, course, now):
    member = make.member(name="Wang", nickname="小王")
    one, two = make.lesson(course), make.lesson(course)
    draft = make.lesson(course)
    session.get_one(Lesson, draft.id).state = "draft"
    complete(session, member, one, now)
    assert issued(session) == []
    complete(session, member, two, now)
    (row,) = issued(session)
    assert (row.name, row.course_title, row.issued_at, len(row.code)) == ("小王", "从零到一页", now, 12)
    later = make.lesson(course)
    complete(session, member, later, now + dt.timedelta(days=1))
    assert [one.issued_at for one in issued(session)] == [now]


def test_a_course_without_the_switch_gives_none(session, make, now):
    lesson, member = make.lesson(make.course()), make.member()
    complete(session, member, lesson, now)
    assert issued(session) == []
    with pytest.raises(Conflict):
        certificates.claim(session, course_id=lesson.course_id, member_id=member.id, now=now)
    session.get_one(Course, lesson.course_id).certificate = True
    session.flush()
    # Switched on afterwards: whoever has finished already takes theirs.
    taken = certificates.claim(session, course_id=lesson.course_id, member_id=member.id, now=now)
    again = certificates.claim(session, course_id=lesson.course_id, member_id=member.id, now=now)
    assert taken is again


def race(db, make, course, now):
    lessons = [make.lesson(course) for _ in range(6)]
    members = [make.member() for _ in range(2)]

    def press(session, index):
        return complete(session, members[index % 2], lessons[index // 2], now)

    outcomes = concurrently(db, 12, press, retry=True)
    assert not failed(outcomes), failed(outcomes)
    with db.session() as session:
        return session.scalar(select(func.count()).select_from(Certificate))


def test_the_last_lessons_at_once_issue_exactly_one_each(db, make, course, now):
    assert race(db, make, course, now) == 2


@pytest.mark.parametrize("db", ["postgres"], indirect=True)
def test_without_the_lock_the_last_lessons_miss_each_other(db, make, now):
    for _attempt in range(8):
        course = make.course()
        give(make, course)
        with db.session() as session:
            before = session.scalar(select(func.count()).select_from(Certificate))
        with locks.disabled():
            if race(db, make, course, now) < before + 2:
                return
    pytest.fail("the lock is not needed?")


def test_by_hand_revoked_and_restored(session, make, course, now):
    admin, member = make.actor(roles=("admin",)), make.member(number=True)

    def by_hand(number, reason="Took part in the room"):
        return certificates.issue_by_hand(
            session, course_id=course.id, number=number, reason=reason, now=now, actor=admin
        )

    for number, reason, field in ((member.number, " ", "reason"), (10**6, "r", "number")):
        with pytest.raises(Invalid) as refused:
            by_hand(number, reason)
        assert refused.value.field == field
    row = by_hand(member.number)
    with pytest.raises(Invalid):
        by_hand(member.number)
    certificates.revoke(session, certificate_id=row.id, reason="Not their own", now=now, actor=admin)
    certificates.revoke(session, certificate_id=row.id, reason="Again", now=now, actor=admin)
    assert (row.revoked_at, row.revoke_reason) == (now, "Not their own")
    certificates.restore(session, certificate_id=row.id, now=now, actor=admin)
    assert row.revoked_at is None
    acts = session.scalars(
        select(AuditEntry.action).where(AuditEntry.target == f"certificate:{row.id}")
    ).all()
    assert acts == ["certificate.issue", "certificate.revoke", "certificate.restore"]


@pytest.fixture
def graduate(make, course):
    """A member with a pass and one lesson to do."""
    lesson = make.lesson(course, slug="only")
    account, member = make.person(nickname="小林", number=True)
    make.pass_(make.plan(courses=[course]), member)
    return account, member, lesson


def code_of(site_db):
    with site_db.session() as session:
        return session.scalars(select(Certificate.code)).one()


def test_a_member_sees_it_everywhere_and_anybody_checks_it(client, site_db, make, course, graduate):
    account, member, _lesson = graduate
    in_language(sign_in(client, account), "en")
    assert "gets a certificate" in text_of(client.get("/courses/one-page"))
    post(client, "/courses/one-page/only/done")
    code = code_of(site_db)
    assert f"/certificates/{code}" in text_of(client.get("/courses/one-page"))
    assert f"/certificates/{code}" in text_of(client.get("/me"))
    visitor = in_language(client.application.test_client(), "en")
    page = text_of(visitor.get(f"/certificates/{code}"))
    assert "小林" in page and "从零到一页" in page and "This certificate is good" in page
    assert f"{code[:4]}-{code[4:8]}-{code[8:]}" in page and member.name not in page
    typed = visitor.get(f"/certificates/{code[:4].lower()}-{code[4:8]}-{code[8:]}")
    assert typed.status_code == 200
    assert "此证书有效" in text_of(in_language(visitor, "zh").get(f"/certificates/{code}"))
    png = visitor.get(f"/certificates/{code}.png")
    assert png.mimetype == "image/png" and Image.open(io.BytesIO(png.data)).size == (1754, 1240)
    pdf = visitor.get(f"/certificates/{code}.pdf")
    assert pdf.mimetype == "application/pdf" and pdf.data.startswith(b"%PDF")
    assert (
        visitor.get(f"/certificates/{code}.pdf", headers={"If-None-Match": pdf.headers["ETag"]}).status_code
        == 304
    )


def test_unknown_codes_are_404_and_slowed_down(make_app):
    client = make_app(QUNCLUB_RATE_LIMITS="yes").test_client()
    answers = [client.get(f"/certificates/NOPE{n}").status_code for n in range(25)]
    assert answers == [404] * 20 + [429] * 5


def test_the_register(client, site_db, make, course, graduate):
    account, member, _lesson = graduate
    sign_in(client, account)
    post(client, "/courses/one-page/only/done")
    assert client.get("/admin/certificates").status_code == 403
    code = code_of(site_db)
    sign_in(client, make.account(roles=("admin",)))
    in_language(client, "en")
    assert "小林" in text_of(client.get("/admin/certificates", query_string={"q": str(member.number)}))
    assert "Nothing found" in text_of(client.get("/admin/certificates?q=nobody"))
    assert code[:4] in text_of(client.get("/admin/certificates/all.csv"))
    refused = post(client, "/admin/certificates/1/revoke", {"reason": ""})
    assert refused.status_code == 422
    assert post(client, "/admin/certificates/1/revoke", {"reason": "Copied work"}).status_code == 303
    visitor = in_language(client.application.test_client(), "en")
    page = text_of(visitor.get(f"/certificates/{code}"))
    assert "Revoked on" in page and "Copied work" in page and f"{code}.png" not in page
    assert visitor.get(f"/certificates/{code}.png").status_code == 404
    assert "Copied work" in text_of(client.get("/admin/certificates?state=revoked"))
    assert post(client, "/admin/certificates/1/restore").status_code == 303
    assert visitor.get(f"/certificates/{code}.png").status_code == 200
    again = post(
        client, "/admin/certificates/new", {"course": course.id, "number": member.number, "reason": "r"}
    )
    assert again.status_code == 422 and "already" in text_of(again)


def test_the_register_costs_the_same_at_any_length(client, site_db, make, course):
    sign_in(client, make.account(roles=("admin",)))
    counts = []
    for many in (1, 8):
        for _ in range(many):
            member = make.member(number=True)
            with site_db.uow() as work:
                certificates.issue_by_hand(
                    work,
                    course_id=course.id,
                    number=member.number,
                    reason="r",
                    now=make.now,
                    actor=Actor.system("test"),
                )
        with count_statements(site_db.engine) as seen:
            assert client.get("/admin/certificates").status_code == 200
        counts.append(seen.count)
    assert counts[0] == counts[1], seen


@pytest.mark.parametrize("title", ["课" * 160, "word " * 31 + "end", "x" * 160, "短"])
def test_a_long_name_stays_on_the_sheet(title, now):
    facts = certificate_card.CertificateFacts(
        "群" * 60,
        "Certificate",
        "has finished",
        title[:120],
        title,
        "today",
        "No. 1",
        "Check",
        "https://a.b/c",
        now,
    )
    sheet = Image.open(io.BytesIO(certificate_card.png(facts)))
    # Nothing is written over the frame: the strip beside it is paper from top to bottom.
    for left in (64, sheet.width - 118):
        strip = sheet.crop((left, 100, left + 50, sheet.height - 100))
        assert len(strip.getcolors(1000) or ()) == 1
