"""The desk while one works: filters, a claim that lasts, drafts that outlive it, phrases."""

import datetime as dt
import json

import pytest
from sqlalchemy import select

from qunclub import homework
from qunclub.groups.models import Group, Seat
from qunclub.home.export import export
from qunclub.homework import queries_writing, services, services_desk
from qunclub.homework.models import Submission
from qunclub.homework.models_desk import Phrase, ReviewDraft
from qunclub.kernel import Conflict, Forbidden, Invalid, NotFound, Stale
from tests.homework.test_desk import filled
from tests.support.pages import post, text_of
from tests.support.statements import count_statements


@pytest.fixture
def one(make, work, author):
    """A submission that waits."""
    return make.submission(work, member=author[1], body_md="THE WORK")


def told(answer):
    """What the desk's script is told."""
    return json.loads(answer.data)


def row_of(site_db, submission):
    with site_db.session() as session:
        return session.get_one(Submission, submission.id)


def drafts_of(site_db):
    with site_db.session() as session:
        return {row.reviewer_id: (row.version, row.fields) for row in session.scalars(select(ReviewDraft))}


def test_the_queue_by_state_group_and_delay(visit, make, site_db, teacher, work, one, now):
    line = make.group_line(capacities=[5])
    make.featured(assignment=work)
    late = make.submission(work, at=now - dt.timedelta(days=9))
    client = visit(teacher[0])

    def count(query):
        return text_of(client.get(f"/desk?{query}")).count('data-label="Author"')

    assert [count(f"state={state}") for state in ("waiting", "featured", "accepted", "returned", "odd")] == [
        2, 1, 1, 0, 2,
    ]  # fmt: skip
    assert count("late=1") == 1 and count("state=featured&mine=1") == 0
    page = text_of(client.get("/desk"))
    assert "days the longest one waits" in page and ">9<" in page
    with site_db.session() as session:
        group = session.scalars(select(Group.id).where(Group.line_id == line.id)).one()
        session.add(
            Seat(line_id=line.id, group_id=group, member_id=one.member_id, state="admitted", asked_at=now)
        )
        session.commit()
    assert count(f"group={group}") == 1
    # The next one comes from the queue that is shown, though another waits longer.
    assert post(client, f"/desk/next?group={group}").location == f"/desk/{one.id}?group={group}"
    assert post(client, "/desk/next").location == f"/desk/{late.id}"


@pytest.mark.parametrize("state", ["waiting", "featured", "returned"])
def test_every_queue_costs_the_same_however_long(visit, make, site_db, teacher, work, one, state):
    client = visit(teacher[0])
    path = f"/desk?state={state}&course={work.course_id}&group=1&late=1"
    client.get(path)
    with count_statements(site_db.engine) as before:
        client.get(path)
    for _ in range(6):
        make.submission(work)
    make.featured(assignment=work)
    with count_statements(site_db.engine) as after:
        client.get(path)
    assert after.count == before.count <= 9


def test_a_claim_lasts_while_one_works_and_ends_soon_after(visit, site_db, clock, make, teacher, one):
    client = visit(teacher[0])
    second = visit(make.person(name="Second", roles=("instructor",))[0])
    post(client, f"/desk/{one.id}/claim")
    clock.advance(minutes=40)
    assert post(client, f"/desk/{one.id}/beat").status_code == 200
    clock.advance(minutes=40)
    assert post(second, f"/desk/{one.id}/beat").status_code == 409
    # A stranger's leaving ends nothing.
    assert post(second, f"/desk/{one.id}/leave").status_code == 204
    before = row_of(site_db, one).claimed_until
    assert post(client, f"/desk/{one.id}/leave").status_code == 204
    assert row_of(site_db, one).claimed_until == clock() + dt.timedelta(minutes=1) < before
    # A page loaded again within the grace holds it still.
    assert "data-beat-url" in text_of(client.get(f"/desk/{one.id}"))
    clock.advance(minutes=2)
    assert post(client, f"/desk/{one.id}/leave").status_code == 204
    assert row_of(site_db, one).claimed_until < clock()
    assert post(second, f"/desk/{one.id}/claim").status_code == 303
    assert "Another reviewer" in told(post(client, f"/desk/{one.id}/beat"))["message"]


def test_a_draft_outlives_the_claim_and_the_window(visit, site_db, clock, teacher, work, one):
    client = visit(teacher[0])
    post(client, f"/desk/{one.id}/claim")
    form = filled(site_db, work, comment_md="HALF A THOU", draft_version="0")
    assert told(post(client, f"/desk/{one.id}/draft", form))["version"] == 1
    clock.advance(hours=3)
    page = text_of(visit(teacher[0]).get(f"/desk/{one.id}"))
    assert "HALF A THOU" in page and 'value="8"' in page and "Your draft of" in page
    assert "My drafts" in text_of(client.get("/desk"))
    # The judgement takes its draft with it.
    assert post(client, f"/desk/{one.id}", {**form, "draft_version": "1"}).status_code == 303
    assert drafts_of(site_db) == {} and "My drafts" not in text_of(client.get("/desk"))


def test_two_windows_lose_no_draft(visit, site_db, teacher, work, one):
    client, me = visit(teacher[0]), teacher[1].id
    first = {"comment_md": "FIRST WINDOW", "draft_version": "0"}
    second = {"comment_md": "SECOND WINDOW", "draft_version": "0"}
    assert post(client, f"/desk/{one.id}/draft", first).status_code == 200
    assert told(post(client, f"/desk/{one.id}/draft", first))["version"] == 1
    refused = post(client, f"/desk/{one.id}/draft", second)
    assert refused.status_code == 409 and told(refused)["fields"] == {"comment_md": "FIRST WINDOW"}
    # Without the script: both are shown, and keeping it again decides.
    page = text_of(post(client, f"/desk/{one.id}", {**second, "draft": "1", "version": "1"}))
    assert "FIRST WINDOW" in page and "SECOND WINDOW" in page and 'name="draft_version" value="2"' in page
    assert drafts_of(site_db) == {me: (2, {"comment_md": "FIRST WINDOW"})}
    # A judgement from the second window leaves the first one's text where it can be found.
    assert post(client, f"/desk/{one.id}", filled(site_db, work, draft_version="0")).status_code == 303
    assert drafts_of(site_db) == {me: (2, {"comment_md": "FIRST WINDOW"})}
    assert "FIRST WINDOW" in text_of(client.get(f"/desk/{one.id}"))
    assert post(client, f"/desk/{one.id}/discard").status_code == 303
    assert drafts_of(site_db) == {}


def test_what_changed_since_the_attempt_before(visit, make, site_db, teacher, work, one, author):
    client = visit(teacher[0])
    post(client, f"/desk/{one.id}", filled(site_db, work, verdict="return", comment_md="Shorter"))
    make.submission(work, member=author[1], body_md="THE SHORT WORK")
    page = text_of(client.get(f"/desk/{one.id}"))
    assert "What changed since attempt 1" in page and "</span>THE WORK</del>" in page
    assert "</span>THE SHORT WORK</ins>" in page


def test_phrases_by_page(visit, site_db, make, teacher, one):
    client = visit(teacher[0])
    assert "No phrases yet" in text_of(client.get("/desk/phrases"))
    assert post(client, "/desk/phrases", {"body": " "}).status_code == 422
    for body in ("Well cut.", "Too long."):
        assert post(client, "/desk/phrases", {"body": body}).status_code == 303
    with site_db.session() as session:
        ids = session.scalars(select(Phrase.id).order_by(Phrase.id)).all()
    post(client, f"/desk/{one.id}/claim")
    page = text_of(post(client, f"/desk/{one.id}", {"comment_md": "So:", "phrase": ids[1], "version": "1"}))
    assert "So:\n\nToo long.</textarea>" in page
    assert page.index('data-phrase="Too long."') < page.index('data-phrase="Well cut."')
    assert post(client, f"/desk/phrases/{ids[0]}", {"body": "Finely cut."}).status_code == 303
    assert "used once" in text_of(client.get("/desk/phrases"))
    other = visit(make.person(name="Second", roles=("instructor",))[0])
    for path in ("", "/delete", "/use"):
        assert post(other, f"/desk/phrases/{ids[0]}{path}", {"body": "x"}).status_code == 404
    assert post(client, f"/desk/phrases/{ids[0]}/delete").status_code == 303
    assert "Finely cut." not in text_of(client.get("/desk/phrases"))


def test_strangers(visit, make, one):
    member = visit(make.account(number=True))
    for path in (f"/desk/{one.id}/beat", f"/desk/{one.id}/leave", f"/desk/{one.id}/draft", "/desk/phrases"):
        assert post(member, path).status_code == 403


def test_forgetting_and_taking_away(make, site_db, teacher, one, now):
    actor = make.actor(teacher[1], roles=("instructor",))
    with site_db.uow() as session:
        services_desk.save_draft(
            session, submission_id=one.id, fields={"comment_md": "MINE"}, version=0, actor=actor, now=now
        )
        services_desk.add_phrase(session, body="OFTEN", actor=actor, now=now)
    with site_db.session() as session:
        taken = export(session, teacher[1].id, now=now)
    assert taken["review_drafts"][0]["fields"] == {"comment_md": "MINE"}
    assert taken["phrases"][0]["body"] == "OFTEN"
    # The author's wish takes what was being written about the work, the reviewer's own their list.
    with site_db.uow() as session:
        homework.forget(session, member_id=one.member_id, now=now)
    assert drafts_of(site_db) == {}
    with site_db.uow() as session:
        homework.forget(session, member_id=teacher[1].id, now=now)
        assert queries_writing.phrases(session, member_id=teacher[1].id) == []


def test_what_the_verbs_refuse(make, site_db, teacher, one, now):
    actor = make.actor(teacher[1], roles=("instructor",))

    def refused(error, verb, **values):
        with pytest.raises(error), site_db.uow() as session:
            verb(session, **values)

    draft = {"fields": {"comment_md": "x"}, "version": 0, "now": now}
    author = make.actor(roles=("member",))
    refused(Forbidden, services_desk.save_draft, submission_id=one.id, actor=author, **draft)
    refused(NotFound, services_desk.save_draft, submission_id=999_999, actor=actor, **draft)
    long = {**draft, "fields": {"comment_md": "x" * 100_001}}
    refused(Invalid, services_desk.save_draft, submission_id=one.id, actor=actor, **long)
    refused(Invalid, services_desk.add_phrase, body="x" * 1_001, actor=actor, now=now)
    with site_db.uow() as session:
        services_desk.save_draft(session, submission_id=one.id, actor=actor, **draft)
        for n in range(100):
            services_desk.add_phrase(session, body=f"Phrase {n}", actor=actor, now=now)
    refused(Conflict, services_desk.add_phrase, body="One more", actor=actor, now=now)
    other = {**draft, "fields": {"comment_md": "y"}}
    refused(Stale, services_desk.save_draft, submission_id=one.id, actor=actor, **other)


def test_a_review_of_work_that_was_taken_back_is_shown_to_whoever_wrote_it(
    visit, make, site_db, clock, teacher, author, work, one
):
    client, other = visit(teacher[0]), visit(make.person(name="Second", roles=("instructor",))[0])
    post(client, f"/desk/{one.id}/claim")
    fields = filled(site_db, work, comment_md="LONG <b>WORDS", verdict="accept")
    clock.advance(minutes=60)
    with site_db.uow() as session:
        services.take_back(session, submission_id=one.id, member_id=author[1].id, now=clock())
    answer = post(client, f"/desk/{one.id}", fields)
    page = text_of(answer)
    assert answer.status_code == 409 and "LONG &lt;b&gt;WORDS" in page and "took this work back" in page
    assert "THE WORK" not in page and author[1].name not in page
    # It is kept, listed, and found again; nobody else's page says anything.
    assert "taken back by its author" in text_of(client.get("/desk"))
    assert "LONG &lt;b&gt;WORDS" in text_of(client.get(f"/desk/{one.id}"))
    assert other.get(f"/desk/{one.id}").status_code == 404
    # Handed in again, it stands in the form.
    make.submission(work, member=author[1], at=clock())
    page = text_of(client.get(f"/desk/{one.id}"))
    assert "LONG &lt;b&gt;WORDS</textarea>" in page and "took this work back" not in page
    with site_db.uow() as session:
        services.take_back(session, submission_id=one.id, member_id=author[1].id, now=clock())
    assert post(client, f"/desk/{one.id}/discard").location.endswith("/desk")
    assert client.get(f"/desk/{one.id}").status_code == 404
