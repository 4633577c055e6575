"""Remarks and recordings of judgements that are not out: nobody reads them early, nothing of them is lost."""

from io import BytesIO

import pytest
from sqlalchemy import select

from qunclub import homework
from qunclub.home.export import export
from qunclub.homework.doctor import check
from qunclub.homework.models import Attempt
from qunclub.homework.models_remarks import Remark
from qunclub.homework.models_voice import SpokenComment
from tests.homework.test_second import filled as scored
from tests.homework.test_voice import OGG, told
from tests.support.pages import post, text_of
from tests.support.statements import count_statements

BODY = "One bold word & more."


@pytest.fixture
def row(make, work, author):
    """Work of the sample."""
    make.judging(work, second_percent=100)
    return make.submission(work, member=author[1], body_md=BODY)


@pytest.fixture
def alone(make, work, author):
    """Work whose verdict is held."""
    make.judging(work, release="together")
    return make.submission(work, member=author[1], body_md=BODY)


def words(attempt_id, body):
    return {
        "remark-1-at": f"text-{attempt_id}-4-8",
        "remark-1-quote": "bold",
        "remark-1-body": body,
    }


def attempt_of(site_db, row):
    with site_db.session() as session:
        return session.scalars(select(Attempt.id).where(Attempt.submission_id == row.id)).one()


def say(client, site_db, row, work, *, share, version, words_, sound=False):
    """Claim and judge, with a remark and perhaps a recording; the address of the sound."""
    url, heard, typed = f"/desk/{row.id}", "", {}
    post(client, f"{url}/claim")
    if sound:
        answer = post(
            client, f"{url}/voice", {"voice": (BytesIO(OGG), "x.ogg")}, content_type="multipart/form-data"
        )
        found = told(answer)
        heard, typed = found["url"], {"voice_id": str(found["id"])}
    with site_db.session() as session:
        given = scored(session, work, share)
    form = {"version": str(version), "verdict": "accept", "comment_md": f"C {words_}", **given, **typed}
    form |= words(attempt_of(site_db, row), words_)
    answer = post(client, url, data=form)
    assert answer.status_code == 303, text_of(answer)
    return heard


def everything(site_db, author, now):
    with site_db.session() as session:
        found = export(session, author[1].id, now=now)
        return len(found["remarks"]), len(found["recordings"])


def test_two_who_agree_are_read_together_and_not_before(visit, make, work, row, author, site_db, now):
    people = [make.person(name=f"Judge{n}", roles=("instructor",)) for n in range(2)]
    one, two = (visit(account) for account, _member in people)
    mine, page = visit(author[0]), f"/homework/{work.id}"
    heard = say(one, site_db, row, work, share=5, version=1, words_="REMARK ONE", sound=True)
    for client in (mine, two):
        assert client.get(heard).status_code == 404
        assert "REMARK ONE" not in text_of(client.get(page)) + text_of(client.get(f"/desk/{row.id}"))
    assert one.get(heard).status_code == 200 and everything(site_db, author, now) == (0, 0)
    also = say(two, site_db, row, work, share=5, version=2, words_="REMARK TWO", sound=True)
    found = text_of(mine.get(page))
    assert all(part in found for part in ("REMARK ONE", "REMARK TWO", heard, also, "C REMARK ONE"))
    assert mine.get(heard).status_code == 200 and everything(site_db, author, now) == (2, 2)


def test_the_third_reads_and_hears_both(visit, make, work, row, author, site_db, now):
    people = [make.person(name=f"Judge{n}", roles=("instructor",)) for n in range(3)]
    one, two, three = (visit(account) for account, _member in people)
    first = say(one, site_db, row, work, share=3, version=1, words_="REMARK ONE", sound=True)
    second = say(two, site_db, row, work, share=9, version=2, words_="REMARK TWO", sound=True)
    page = text_of(three.get(f"/desk/{row.id}"))
    assert all(part in page for part in ("REMARK ONE", "REMARK TWO", first, second))
    assert [three.get(url).status_code for url in (first, second)] == [200, 200]
    # Neither of the two learns of the other, nor the author of any.
    assert "REMARK TWO" not in text_of(one.get(f"/desk/{row.id}"))
    assert [visit(author[0]).get(url).status_code for url in (first, second)] == [404, 404]
    say(three, site_db, row, work, share=9, version=3, words_="REMARK THREE")
    assert everything(site_db, author, now) == (3, 2)


def test_a_held_verdict_is_changed_with_its_remarks(visit, make, work, alone, author, teacher, site_db, now):
    client, mine, other = visit(teacher[0]), visit(author[0]), visit(make.person(roles=("instructor",))[0])
    heard = say(client, site_db, alone, work, share=5, version=1, words_="REMARK ONE", sound=True)
    page = text_of(client.get(f"/desk/{alone.id}"))
    # The form holds what was given, to be changed.
    assert 'name="remark-1-body"' in page and "REMARK ONE" in page and "C REMARK ONE" in page
    assert "REMARK ONE" in text_of(other.get(f"/desk/{alone.id}")) and other.get(heard).status_code == 200
    assert (
        "REMARK ONE" not in text_of(mine.get(f"/homework/{work.id}")) and mine.get(heard).status_code == 404
    )
    assert everything(site_db, author, now) == (0, 0)
    with site_db.session() as session:
        given = scored(session, work, 7)
    form = {"version": "2", "verdict": "accept", "comment_md": "Anew", **given}
    form |= words(attempt_of(site_db, alone), "REMARK ANEW")
    assert post(client, f"/desk/{alone.id}", data=form).status_code == 303
    stale = post(client, f"/desk/{alone.id}", data=form | {"comment_md": "TOO LATE"})
    assert stale.status_code == 409 and "TOO LATE" in text_of(stale)
    boss = make.actor(roles=("instructor",))
    with site_db.uow() as session:
        assert [one.body_md for one in session.query(Remark)] == ["REMARK ANEW"]
        homework.release(session, assignment_id=work.id, actor=boss, now=now)
        homework.bring_out_some(session, assignment_id=work.id, now=now)
    found = text_of(mine.get(f"/homework/{work.id}"))
    assert "REMARK ANEW" in found and heard in found and "Anew" in found


def test_who_is_forgotten_takes_unread_judgements_along(visit, make, work, row, author, site_db, now):
    one = visit(make.person(name="Judge", roles=("instructor",))[0])
    say(one, site_db, row, work, share=5, version=1, words_="REMARK ONE", sound=True)
    with site_db.uow() as session:
        homework.forget(session, member_id=author[1].id, now=now)
        assert session.query(Remark).count() == session.query(SpokenComment).count() == 0
        assert check(session, now) == []


def test_the_desk_costs_the_same_with_what_is_unread(visit, make, work, row, site_db):
    """Two stages, each the same however much was said."""
    people = [make.person(name=f"Judge{n}", roles=("instructor",)) for n in range(3)]
    one, two, three = (visit(account) for account, _member in people)
    say(one, site_db, row, work, share=3, version=1, words_="REMARK ONE")
    say(two, site_db, row, work, share=9, version=2, words_="REMARK TWO")

    def cost(url):
        three.get(url)
        with count_statements(site_db.engine) as seen:
            three.get(url)
        return seen.count

    other = make.submission(work, body_md=BODY)
    say(one, site_db, other, work, share=3, version=1, words_="R", sound=True)
    say(two, site_db, other, work, share=9, version=2, words_="S", sound=True)
    assert cost(f"/desk/{row.id}") == cost(f"/desk/{other.id}")
