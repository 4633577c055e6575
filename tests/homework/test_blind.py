"""Blind review: nothing at the desk says who wrote a work until its verdict is out; who looks leaves a trace."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from qunclub import homework
from qunclub.home.export_work import _reviews, _verdicts
from qunclub.homework import rules_blind, rules_fair
from qunclub.homework.models import Criterion, Submission, SubmissionFile
from qunclub.homework.models_judging import Unveil
from qunclub.kernel import Access, Actor, Conflict, Forbidden, Invalid, Stale
from qunclub.kernel.store import AuditEntry
from qunclub.members.models import Member
from tests.support.pages import post, text_of

NAME, NICK, MAIL = "Zhuge Kongming", "Wolong", "wolong@example.org"


@given(
    st.sampled_from(rules_blind.BLIND),
    st.sampled_from(("waiting", "accepted", "returned", "withdrawn", "held")),
    st.booleans(),
    st.booleans(),
)
def test_names_are_hidden_exactly_until_the_verdict_is_out(blind, state, appealed, unveiled):
    found = rules_blind.hidden(blind, state, appealed=appealed, unveiled=unveiled)
    out = state in ("accepted", "returned") and not appealed
    assert found == (blind != "" and not out and not unveiled)


@given(st.integers(1, 20), st.text(max_size=30))
def test_a_hidden_file_name_says_no_more_than_its_kind(place, name):
    found = rules_blind.file_name(place, name)
    plain, _, ending = found.partition(".")
    assert plain == f"file {place}" and len(ending) <= 4 and ending.isascii()


@pytest.fixture
def hidden(make, work, app, site_db):
    """(submission, account, number) of a named author's blind work with a file that is called by their name."""
    account, member = make.person(name=NAME, email=MAIL, number=904177)
    with site_db.uow() as session:
        session.get_one(Member, member.id).nickname = NICK
    make.judging(work, blind="both")
    data = b"%PDF-1.4 nothing"
    app.extensions["qunclub"].files.put("homework/blind", data)
    file = homework.StoredFile(
        f"{NICK}-{NAME}.pdf", "application/pdf", len(data), hashlib.sha256(data).hexdigest(), "homework/blind"
    )
    row = make.submission(work, member=member, files=[file])
    return row, account, member.number


def given_scores(session, work, share):
    ids = session.scalars(select(Criterion.id).where(Criterion.rubric_id == work.rubric_id))
    return {ident: share for ident in ids}


def hand_in(session, work, member, now):
    homework.submit(
        session, assignment_id=work.id, member_id=member.id, body_md="Second try", files=(),
        access=Access(True, "pass"), now=now, actor=Actor(member.user_key, NAME, MAIL, frozenset(), member.id),
    )  # fmt: skip


def telling(response, number):
    """What an answer says of the author: in its text, its source, its headers."""
    whole = f"{response.headers}\n{response.get_data(as_text=True)}"
    words = [NAME, NICK, MAIL, "wolong", str(number)]
    return [word for word in words if word in whole]


def desk_pages(row):
    return [
        "/desk", f"/desk/{row.id}", "/desk?late=1", "/desk?mine=1", f"/desk?assignment={row.assignment_id}",
        "/desk/appeals", "/desk/phrases",
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_page_of_the_desk_tells_before_the_verdict(visit, teacher, hidden, site_db, language):
    row, _account, number = hidden
    client = visit(teacher[0], language)
    with site_db.session() as session:
        file_id = session.scalars(select(SubmissionFile.id)).one()
    post(client, f"/desk/{row.id}/claim")
    draft = post(client, f"/desk/{row.id}/draft", data={"comment_md": "Well", "draft_version": "0"})
    beat = post(client, f"/desk/{row.id}/beat")
    assert draft.status_code == beat.status_code == 200
    preview = post(client, f"/desk/{row.id}", data={"preview": "1", "comment_md": "x"})
    wrong = post(client, f"/desk/{row.id}", data={"verdict": "accept", "version": "1"})
    stale = post(client, f"/desk/{row.id}", data={"verdict": "accept", "version": "0"})
    assert (wrong.status_code, stale.status_code) == (422, 409)
    answers = [draft, beat, preview, wrong, stale, *(client.get(path) for path in desk_pages(row))]
    download = client.get(f"/homework/files/{file_id}")
    assert download.status_code == 200 and 'filename="file 1.pdf"' in download.headers["Content-Disposition"]
    for one in [*answers, download]:
        assert telling(one, number) == []
    page = text_of(client.get(f"/desk/{row.id}"))
    assert "file 1.pdf" in page and ("reviewed blind" in page or "盲评" in page)


def test_its_author_and_everybody_after_the_verdict_read_what_is_true(
    visit, teacher, hidden, site_db, make, work, now
):
    row, account, number = hidden
    mine = visit(account)
    with site_db.session() as session:
        file_id = session.scalars(select(SubmissionFile.id)).one()
    assert NICK in mine.get(f"/homework/files/{file_id}").headers["Content-Disposition"]
    judging = make.actor(teacher[1], roles=("instructor",))
    with site_db.uow() as session:
        homework.review(
            session, submission_id=row.id, version=1, verdict="accept", comment_md="Good",
            scores=given_scores(session, work, 5), actor=judging, now=now,
        )  # fmt: skip
    client = visit(teacher[0])
    page = client.get(f"/desk/{row.id}")
    assert NICK in telling(page, number) and f"{NICK}-{NAME}.pdf" in text_of(page)
    assert NICK in text_of(client.get("/desk?state=accepted"))
    assert "Teacher" in text_of(mine.get(f"/homework/{work.id}"))


def test_whoever_answers_an_appeal_does_not_know_either(visit, make, teacher, hidden, site_db, work, now):
    row, account, number = hidden
    judging = make.actor(teacher[1], roles=("instructor",))
    with site_db.uow() as session:
        homework.review(
            session, submission_id=row.id, version=1, verdict="return", comment_md="Again", scores={},
            actor=judging, now=now,
        )  # fmt: skip
        terms = rules_fair.Terms(1, 14, rules_fair.Span(now, None))
        appeal = homework.open_appeal(
            session, submission_id=row.id, member_id=row.member_id, reason="Page two", terms=terms, now=now
        ).id
    other = visit(make.person(name="Other", roles=("instructor",))[0])
    for path in ("/desk/appeals", f"/desk/appeals/{appeal}", f"/desk/{row.id}", "/desk?state=returned"):
        assert telling(other.get(path), number) == []
    own = text_of(visit(account).get(f"/homework/{work.id}"))
    assert "an instructor" in own and "Teacher" not in own
    with site_db.session() as session:
        told = str([*_reviews(session, row.member_id), *_verdicts(session, row.member_id)])
    assert "Again" in told and "Teacher" not in told


def test_a_revision_is_hidden_again_with_all_before_it(visit, make, teacher, hidden, site_db, work, now):
    row, account, number = hidden
    judging = make.actor(teacher[1], roles=("instructor",))
    with site_db.uow() as session:
        homework.review(
            session, submission_id=row.id, version=1, verdict="return", comment_md="Again", scores={},
            actor=judging, now=now,
        )  # fmt: skip
    with site_db.uow() as session:
        hand_in(session, work, session.get_one(Member, row.member_id), now)
    client = visit(teacher[0])
    page = client.get(f"/desk/{row.id}")
    assert "Second try" in text_of(page) and "file 1.pdf" in text_of(page) and telling(page, number) == []
    own = text_of(visit(account).get(f"/homework/{work.id}"))
    assert "Teacher" not in own and "an instructor" in own


def test_a_group_or_a_search_does_not_give_the_author_away(visit, make, teacher, hidden, work, app, site_db):
    row, _account, number = hidden
    line = make.group_line(capacities=(20,))
    with site_db.session() as session:
        author = session.get_one(Member, row.member_id)
    group = make.seat(line, author).group_id
    client = visit(teacher[0])
    page = text_of(client.get(f"/desk?group={group}"))
    assert 'data-label="Author"' not in page
    assert post(client, f"/desk/next?group={group}").location.startswith("/desk?")
    for _ in range(rules_blind.CROWD - 1):
        author = make.member(number=True)
        make.seat(line, author)
        make.submission(work, member=author)
    page = text_of(client.get(f"/desk?group={group}"))
    assert page.count('data-label="Author"') == rules_blind.CROWD and NICK not in page
    admin = visit(make.person(name="Boss", roles=("admin",))[0])
    for query in ("", f"?q={number}", f"?q={NICK}"):
        found = text_of(admin.get(f"/admin/homework/submissions{query}"))
        # What was typed stands in the search field and in links; no row says it.
        assert f">{NICK}" not in found and f"No. {number}<" not in found
        assert (f"/desk/{row.id}" in found) == (not query)
        assert NICK not in text_of(admin.get(f"/admin/homework/submissions.csv{query}"))


def test_an_admin_looks_and_it_is_kept(visit, make, teacher, hidden, site_db, work):
    row, _account, number = hidden
    boss = make.person(name="Boss", roles=("admin", "instructor"))
    admin, client, url = visit(boss[0]), visit(teacher[0]), f"/admin/homework/submissions/{row.id}/unveil"
    assert post(client, url, data={"reason": "x"}).status_code == 403
    assert "See who wrote it" not in text_of(client.get(f"/desk/{row.id}"))
    page = admin.get(f"/desk/{row.id}")
    assert "See who wrote it" in text_of(page) and telling(page, number) == []
    post(admin, url, data={"reason": " "})
    assert telling(admin.get(f"/desk/{row.id}"), number) == []
    for _ in range(2):
        assert post(admin, url, data={"reason": "A complaint"}).status_code == 303
    assert NICK in telling(admin.get(f"/desk/{row.id}"), number)
    assert telling(client.get(f"/desk/{row.id}"), number) == []
    other = visit(make.person(name="Boss two", roles=("admin",))[0])
    assert NICK not in text_of(other.get("/admin/homework/submissions"))
    assert "A complaint" in text_of(other.get(f"/admin/homework/{work.id}/judging"))
    with site_db.session() as session:
        kept = session.scalars(select(Unveil)).one()
        assert (kept.admin_name, kept.reason) == ("Boss", "A complaint")
        assert session.scalars(
            select(AuditEntry.action).where(AuditEntry.action == "submission.unveil")
        ).all()


def test_what_cannot_be_set_or_unveiled(session, make, now):
    work = make.assignment()
    row = make.submission(work)
    admin = make.actor(roles=("admin",))
    with pytest.raises(Conflict, match="not reviewed blind"):
        homework.unveil(session, submission_id=row.id, reason="x", actor=admin, now=now)
    with pytest.raises(Invalid):
        make.judging(work, blind="everybody")
    make.judging(work, blind="author")
    with pytest.raises(Stale):
        make.judging(work, blind="author", version=1)
    with pytest.raises(Forbidden):
        homework.unveil(
            session, submission_id=row.id, reason="x", actor=make.actor(roles=("instructor",)), now=now
        )
    with pytest.raises(Invalid):
        homework.unveil(session, submission_id=row.id, reason="", actor=admin, now=now)
    homework.unveil(session, submission_id=row.id, reason="x", actor=admin, now=now)
    homework.forget(session, member_id=row.member_id, now=now)
    assert session.get(Submission, row.id) is None


def test_admins_set_it_on_a_page(visit, make, work):
    admin = visit(make.person(name="Boss", roles=("admin",))[0])
    url, rest = (
        f"/admin/homework/{work.id}/judging",
        {"second_percent": "20", "divergence": "10", "release": "at_once"},
    )
    assert url in text_of(admin.get(f"/admin/homework/{work.id}"))
    assert post(admin, url, data={"blind": "nobody", "version": "1"}).status_code == 422
    assert post(admin, url, data={**rest, "blind": "both", "version": "1"}).status_code == 303
    assert post(admin, url, data={**rest, "blind": "", "version": "1"}).status_code == 422
    assert '<option selected value="both">' in text_of(admin.get(url))
