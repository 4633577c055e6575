"""Assignments are written, submissions looked up, freed and reopened: by admins only."""

import csv
import io

import pytest
from sqlalchemy import select

from qunclub.homework.models import Assignment, Criterion, Submission
from qunclub.kernel.store import AuditEntry
from tests.support.pages import post, text_of


@pytest.fixture
def admin(visit, make):
    return visit(make.account(roles=("admin",), name="Boss"))


def form(work, **values):
    """An assignment as its form sends it."""
    lines = values.pop("lines", [("", "Clear", 10, 60), ("", "True", 10, 40), ("", "", 10, 1)])
    data = {
        "course_id": work.course_id,
        "title": "New work",
        "slug": "new-work",
        "brief_md": "Do **it**.",
        **values,
    }
    for place, (ident, title, most, weight) in enumerate(lines):
        data |= {
            f"criteria-{place}-criterion_id": ident,
            f"criteria-{place}-title": title,
            f"criteria-{place}-max_points": most,
            f"criteria-{place}-weight": weight,
        }
    return {key: str(value) for key, value in data.items()}


@pytest.mark.parametrize("roles", [(), ("instructor",), ("host",)])
def test_it_is_for_admins(visit, make, work, roles):
    client = visit(make.account(roles=roles))
    for path in ("", "/new", f"/{work.id}", "/submissions", "/submissions.csv"):
        assert client.get(f"/admin/homework{path}").status_code == 403


def test_an_admin_writes_homework_and_publishes_it(admin, work, site_db, visit):
    answer = post(admin, "/admin/homework/new", form(work, due_at="2026-05-01T20:00", max_attempts=2))
    assert answer.status_code == 303, text_of(answer)
    with site_db.session() as session:
        made = session.scalars(select(Assignment).where(Assignment.slug == "new-work")).one()
        # The club's time zone is Shanghai's.
        assert made.due_at.isoformat() == "2026-05-01T12:00:00+00:00"
        assert (made.state, made.max_attempts) == ("draft", 2)
    page = text_of(admin.get(f"/admin/homework/{made.id}"))
    assert 'value="2026-05-01T20:00"' in page and 'value="Clear"' in page
    assert post(admin, f"/admin/homework/{made.id}/state/published").status_code == 303
    assert "Do <strong>it</strong>" in text_of(visit().get(f"/homework/{made.id}"))
    assert "New work" in text_of(admin.get("/admin/homework?q=New"))
    assert "No homework found" in text_of(admin.get("/admin/homework?q=zzz"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"lines": [("", "", 10, 1)]}, "between 1 and 12 criteria"),
        ({"slug": "A b"}, "small letters"),
        ({"opens_at": "2026-05-02T20:00", "due_at": "2026-05-01T20:00"}, "due after it opens"),
        ({"lines": [("", "Clear", 1000, 1)]}, "between 1 and 100"),
    ],
)
def test_what_is_wrong_is_said_and_kept(admin, work, change, says):
    answer = post(admin, "/admin/homework/new", form(work, brief_md="KEPT", **change))
    page = text_of(answer)
    assert answer.status_code == 422 and says in page and "KEPT" in page


def test_a_stale_save_shows_both_texts(admin, work, site_db):
    with site_db.session() as session:
        ids = session.scalars(select(Criterion.id).where(Criterion.rubric_id == work.rubric_id)).all()
    lines = [(ident, f"Criterion {ident}", 10, 1) for ident in ids]
    path = f"/admin/homework/{work.id}"
    assert post(admin, path, form(work, version=1, lines=lines, brief_md="FIRST")).status_code == 303
    answer = post(admin, path, form(work, version=1, lines=lines, brief_md="SECOND"))
    page = text_of(answer)
    assert answer.status_code == 409 and "FIRST" in page and "SECOND" in page
    assert "<strong>b</strong>" in text_of(post(admin, path, form(work, brief_md="**b**", preview="1")))


def test_submissions_are_found_and_exported(admin, make, work, author):
    make.submission(work, member=author[1])
    make.submission(work, member=make.member(name="=SUM(1)", number=True))
    page = text_of(admin.get("/admin/homework/submissions?q=1"))
    assert page.count('data-label="Author"') == 1 and "Author" in page
    assert text_of(admin.get("/admin/homework/submissions?q=utho")).count('data-label="Author"') == 1
    assert "No submission found" in text_of(admin.get("/admin/homework/submissions?state=accepted"))
    answer = admin.get("/admin/homework/submissions.csv")
    rows = list(csv.reader(io.StringIO(text_of(answer).lstrip("\ufeff"))))
    assert len(rows) == 3 and "'=SUM(1)" in rows[1] + rows[2]


def test_a_stuck_claim_is_freed(admin, make, visit, teacher, work, site_db):
    one = make.submission(work)
    post(visit(teacher[0]), f"/desk/{one.id}/claim")
    assert "Free the claim" in text_of(admin.get("/admin/homework/submissions"))
    assert post(admin, f"/admin/homework/submissions/{one.id}/free").status_code == 303
    assert post(admin, f"/admin/homework/submissions/{one.id}/free").status_code == 409
    with site_db.session() as session:
        assert session.get_one(Submission, one.id).claimed_by is None
        assert "submission.free_claim" in session.scalars(select(AuditEntry.action)).all()


def test_reopening_shows_its_effect_asks_for_a_reason_and_does_it(admin, make, work, site_db):
    one = make.featured(assignment=work, consented=True)
    path = f"/admin/homework/submissions/{one.id}/reopen"
    page = text_of(admin.get(path))
    assert "leaves the showcase at once" in page and "reversed in the ledger" in page
    assert post(admin, path, {"version": "2", "reason": " "}).status_code == 422
    assert post(admin, path, {"version": "1", "reason": "Wrong file"}).status_code == 422
    assert post(admin, path, {"version": "2", "reason": "Wrong file"}).status_code == 303
    with site_db.session() as session:
        assert session.get_one(Submission, one.id).state == "returned"
