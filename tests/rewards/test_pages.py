"""Tuition back on pages: before buying, on one's own page and the course's, at the desk; and the sweeper behind it."""

import pytest

from qunclub import homework, jobs
from qunclub.courses.models import Course
from qunclub.kernel import Actor
from qunclub.web.mailing import deliver
from qunclub.web.state import KEY
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements


@pytest.fixture
def visit(app):
    def browser(account=None, language="en"):
        client = app.test_client()
        if account is not None:
            sign_in(client, account)
        return in_language(client, language)

    return browser


@pytest.fixture
def school(make):
    """A plan, and one piece of homework of its course."""
    work = make.assignment(course=make.course(slug="one"), title="旧页改造")
    return make.plan(slug="basic", price=10_000, courses=[Course(id=work.course_id)]), work


def sweep(app):
    with app.app_context():
        jobs.sweep(app.extensions[KEY])


def promise(desk, school, **values):
    plan, work = school
    sent = {
        "assignments": str(work.id),
        "works": "1",
        "days": "30",
        "percent": "50",
        "kind": "refund",
    } | values
    return post(desk, f"/admin/tuition/plans/{plan.id}", sent)


def test_from_the_promise_to_the_money(app, visit, make, school, site_db, now):
    desk = visit(make.account(roles=("admin",)))
    assert "No order under a promise yet" in text_of(desk.get("/admin/tuition"))
    refused = promise(desk, school, works="2", percent="77")
    assert refused.status_code == 422 and 'value="77"' in text_of(refused)
    assert promise(desk, school).status_code == 303
    page = text_of(visit().get("/passes/basic"))
    assert "Earn your tuition back" in page and "50% of what you paid" in page and "旧页改造" in page
    assert "赚回学费" in text_of(visit(None, "zh").get("/passes/basic"))

    account, member = make.person(name="Learner")
    make.paid_order(school[0], member)
    sweep(app)
    client = visit(account)
    for path in ("/me", "/courses/one"):
        assert "Hand in by" in text_of(client.get(path)), path
    row = make.submission(school[1], member=member)
    with site_db.uow() as session:
        homework.review(
            session, submission_id=row.id, version=1, verdict="accept", scores={}, comment_md="", score=90,
            actor=Actor.system("test"), now=now,
        )  # fmt: skip
    sweep(app)
    assert "on its way back by the way you paid" in text_of(client.get("/me"))
    assert "granted" in text_of(desk.get("/admin/tuition?state=granted"))
    assert "granted" in text_of(desk.get("/admin/tuition/all.csv"))
    assert "Nothing found" in text_of(desk.get("/admin/tuition?state=missed"))


def test_withholding_and_opening_again_at_the_desk(app, visit, make, school):
    desk = visit(make.account(roles=("admin",)))
    promise(desk, school)
    account, member = make.person(name="Learner")
    make.paid_order(school[0], member)
    sweep(app)
    assert post(desk, "/admin/tuition/1/withhold", {"reason": ""}).status_code == 422
    assert post(desk, "/admin/tuition/1/withhold", {"reason": "COPIED"}).status_code == 303
    assert "COPIED" in text_of(visit(account).get("/me"))
    assert post(desk, "/admin/tuition/1/reconsider", {"days": "3", "reason": "No."}).status_code == 303
    assert post(desk, f"/admin/tuition/plans/{school[0].id}/end").status_code == 303
    assert "Earn your tuition back" not in text_of(visit().get("/passes/basic"))
    assert "Hand in by" in text_of(visit(account).get("/me"))
    for path in ("/admin/tuition", "/admin/tuition/all.csv", "/admin/tuition/1/withhold"):
        assert visit(account).get(path).status_code == 403


def test_the_desk_costs_the_same_however_many_there_are(app, visit, make, school, site_db):
    desk = visit(make.account(roles=("admin",)))
    promise(desk, school)

    def statements(orders):
        for _ in range(orders):
            make.paid_order(school[0])
        sweep(app)
        desk.get("/admin/tuition")
        with count_statements(site_db.engine) as seen:
            desk.get("/admin/tuition")
        return seen.count

    assert statements(1) == statements(4)


@pytest.mark.parametrize(
    ("code", "done", "words"),
    [
        ("en", 1, ("is over", "1 of yours was accepted in time", "more time", "Jan 31, 2026")),
        ("en", 0, ("It did not work out this time",)),
        ("zh", 1, ("期限已过", "通过了 1 份", "延期")),
        ("zh", 0, ("这次没有赶上",)),
    ],
)
def test_the_mail_about_a_missed_promise_is_kind_in_both_languages(app, code, done, words):
    sent = []

    class Mailer:
        def send(self, message):
            sent.append(f"{message.subject}\n{message.body}")

    state = app.extensions[KEY]
    state.mailer = Mailer()
    context = {
        "name": "Lin",
        "order": "ABC",
        "works": 2,
        "done": done,
        "deadline": "2026-01-31T04:00:00+00:00",
    }
    payload = {"template": "tuition_missed", "to": "lin@example.com", "locale": code, "context": context}
    with app.app_context():
        deliver(state, payload, "key")
    assert all(word in sent[0] for word in words) and "\n\n\n" not in sent[0], sent[0]
