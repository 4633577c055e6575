"""The core group as it is shown: profiles, consent, what its members made, honorary alumni."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from qunclub import members, projects, seasons
from qunclub.courses import made as courses_made
from qunclub.home.export import export
from qunclub.home.leaving import leave
from qunclub.homework import made as homework_made
from qunclub.kernel import Actor, Forbidden, Invalid, store
from qunclub.members.models import Member
from qunclub.projects.models import Project
from qunclub.seasons import lists, queries_core
from qunclub.seasons.models import CoreSeat
from qunclub.seasons.models_profile import CoreProfile
from qunclub.seasons.rules_core import NO_HONOUR, Term, standing
from tests.support.concurrency import concurrently, failed
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

ADMIN = Actor.system("test")
DAY = dt.timedelta(days=1)
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@st.composite
def terms(draw):
    """Seats held one after the other, the last one perhaps still."""
    at, found = START, []
    for _ in range(draw(st.integers(1, 5))):
        at += draw(st.integers(1, 90)) * DAY
        left = at + draw(st.integers(1, 90)) * DAY
        found.append(Term(at, left, draw(st.sampled_from(("lowest", "resigned", "removed", "left_club")))))
        at = left
    if draw(st.booleans()):
        found.append(Term(at + DAY))
    return found


@given(terms(), st.randoms())
def test_who_sits_is_core_and_who_left_in_honour_is_an_alumnus(held, chance):
    shuffled = list(held)
    chance.shuffle(shuffled)
    found = standing(shuffled)
    assert found == standing(held) and found.terms == len(held) and found.since == held[0].joined_at
    if held[-1].left_at is None:
        assert (found.kind, found.until) == ("core", None)
    else:
        assert found.kind == ("" if held[-1].reason in NO_HONOUR else "alumni")
        assert found.until == held[-1].left_at


def test_who_never_sat_is_nothing():
    assert standing([]).kind == ""


def seat(make, member, since, until=None, reason=""):
    return make.add(
        CoreSeat(
            member_id=member.id, number=member.number, joined_at=since, safe_closings=0, left_at=until,
            left_reason=reason,
        )
    )  # fmt: skip


def test_the_database_names_the_same_alumni_as_the_rule(session, make, now):
    histories: list[list[tuple[int, int | None, str]]] = [
        [(0, 5, "lowest")],
        [(0, 5, "lowest"), (6, 9, "resigned")],
        [(0, 5, "lowest"), (6, None, "")],
        [(0, 5, "lowest"), (6, 9, "removed")],
        [(0, 5, "removed"), (6, 9, "lowest")],
        [(0, 5, "left_club")],
        [(0, None, "")],
    ]
    expected = set()
    for history in histories:
        member = make.member(number=True)
        held = [Term(now + a * DAY, now + b * DAY if b else None, reason) for a, b, reason in history]
        for one in held:
            seat(make, member, one.joined_at, one.left_at, one.reason)
        if standing(held).kind == "alumni":
            expected.add((member.id, standing(held).since, standing(held).until, len(held)))
    page = lists.alumni(session, names=True)
    assert {(one.member_id, one.since, one.until, one.terms) for one in page.items} == expected
    assert len(expected) == 3


def test_a_profile_is_the_members_own_and_consent_is_taken_back_at_once(session, make, now):
    member = make.core_member()

    def save(typed="排版, charts", about="I draw.", public=False):
        return seasons.save_profile(
            session, member_id=member.id, skills_typed=typed, about=about, public=public, now=now
        )

    assert save().public_at is None
    assert queries_core.core_cards(session, names=False)[0].skills == []
    assert queries_core.core_cards(session, names=True)[0].skills == ["排版", "charts"]
    assert save(public=True).public_at == now
    card = queries_core.core_cards(session, names=False)[0]
    assert (card.name, card.about) == (member.shown_name, "I draw.")
    assert seasons.take_back(session, member_id=member.id, now=now)
    assert not seasons.take_back(session, member_id=member.id, now=now)
    assert queries_core.core_cards(session, names=False)[0].name == ""
    with pytest.raises(Invalid) as refused:
        save(about="x" * 601)
    assert refused.value.field == "about"
    with pytest.raises(Forbidden):
        seasons.save_profile(
            session, member_id=make.member(number=True).id, skills_typed="", about="", public=True, now=now
        )


def test_suspended_members_are_not_shown_around(session, make, now):
    core, gone = make.core_member(), make.member(number=True)
    seat(make, gone, now - 9 * DAY, now, "lowest")
    for member in (core, gone):
        members.suspend(session, member_id=member.id, reason="x", actor=ADMIN, now=now)
    assert queries_core.core_cards(session, names=True) == []
    assert lists.alumni(session, names=True).items == []
    assert queries_core.seats_taken(session) == 1


def test_many_windows_that_save_at_once_make_one_profile(db, make, now):
    member = make.core_member()

    def save(session, index):
        seasons.save_profile(
            session, member_id=member.id, skills_typed=f"s{index}", about="", public=bool(index % 2), now=now
        )

    assert failed(concurrently(db, 8, save)) == []
    with db.session() as session:
        assert len(session.scalars(select(CoreProfile)).all()) == 1


@pytest.fixture
def visit(app):
    def browser(account=None, language="en"):
        client = app.test_client()
        if account is not None:
            sign_in(client, account)
        return in_language(client, language)

    return browser


@pytest.fixture
def core(make):
    account, member = make.person(name="Core Hand", number=True)
    make.core_member(member)
    return account, member


def test_ones_profile_is_written_made_public_and_taken_back(visit, make, core):
    client = visit(core[0])
    assert "Write my profile" in text_of(client.get("/core"))
    wrong = post(client, "/core/profile", {"skills": "a" * 30, "about": "KEPT"})
    assert wrong.status_code == 422 and "KEPT" in text_of(wrong) and "A skill has at most" in text_of(wrong)
    assert post(client, "/core/profile", {"skills": "layout，charts", "about": "I draw."}).status_code == 303
    member = text_of(visit(make.account(number=True)).get("/core"))
    assert "layout" in member and "I draw." in member and "Core Hand" in member
    visitor = text_of(visit().get("/core"))
    assert "layout" not in visitor and "Core Hand" not in visitor and "No." in visitor
    assert (
        post(client, "/core/profile", {"skills": "layout", "about": "I draw.", "public": "y"}).status_code
        == 303
    )
    visitor = text_of(visit().get("/core"))
    assert "layout" in visitor and "Core Hand" in visitor and "/members/" not in visitor
    assert post(client, "/core/profile/take-back").status_code == 303
    assert "Core Hand" not in text_of(visit().get("/core"))
    other = visit(make.account(number=True))
    assert other.get("/core/profile").status_code == 403
    assert post(other, "/core/profile", {"skills": "x"}).status_code == 403
    assert "擅长" in text_of(visit(core[0], "zh").get("/core/profile"))


def test_what_they_made_is_shown_to_whoever_may_see_it(visit, make, core, site_db, now):
    project = make.project(title="A book")
    piece = make.pieces_of(project)[0]
    make.delivered(piece, core[1])
    with site_db.uow() as session:
        projects.accept(session, piece_id=piece.id, now=now, actor=ADMIN)
        seasons.save_profile(session, member_id=core[1].id, skills_typed="", about="", public=True, now=now)
    course = make.course(title="Charts")
    lesson = make.lesson(course, title="Axes")
    with site_db.uow() as session:
        author = Actor(core[1].user_key, "Core Hand")
        store.record(
            session, actor=author, action="lesson.create", target=f"course:{course.id}", now=now,
            details={"lesson": lesson.id},
        )  # fmt: skip
    inside = text_of(visit(core[0]).get("/core"))
    assert "Made 2 things" in inside and "A book" in inside and "Axes" in inside
    visitor = text_of(visit().get("/core"))
    assert "Made 1 thing" in visitor and "A book" not in visitor and "Axes" in visitor
    with site_db.uow() as session:
        session.get_one(Project, project.id).public = True
    assert "A book" in text_of(visit().get("/core"))


def test_works_and_lessons_are_told_by_their_own_rooms(session, make, now):
    shown, hidden = make.featured(consented=True), make.featured()
    writer = make.member(number=True)
    lesson = make.lesson(make.course(), title="Axes")
    store.record(
        session, actor=Actor(writer.user_key, "W"), action="lesson.create", target="course:1", now=now,
        details={"lesson": lesson.id},
    )  # fmt: skip
    session.flush()
    everybody = [shown.member_id, hidden.member_id, writer.id]
    works = homework_made.made(session, member_ids=everybody, reader="visitor")
    assert {ident: [one.kind for one in things] for ident, things in works.items()} == {
        shown.member_id: ["work"]
    }
    lessons = courses_made.made(session, member_ids=everybody, reader="visitor")
    assert [one.title for one in lessons[writer.id]] == ["Axes"] and len(lessons) == 1
    lesson.state = "draft"
    session.flush()
    assert courses_made.made(session, member_ids=everybody, reader="core") == {}


def test_a_work_of_the_showcase_is_among_what_they_made(visit, make, core, site_db):
    work = make.featured(consented=True)
    with site_db.session() as session:
        author = session.get_one(Member, work.member_id)
    make.core_member(author)
    assert "In the showcase" in text_of(visit(core[0]).get("/core"))


def test_alumni_are_honoured_on_a_page_and_beside_their_name(visit, make, core, now, site_db):
    assert "No alumni yet" in text_of(visit().get("/core/alumni"))
    assert "还没有荣誉校友" in text_of(visit(None, "zh").get("/core/alumni"))
    account, gone = make.person(name="Was Here", number=True)
    with site_db.uow() as session:
        session.add(
            CoreSeat(
                member_id=gone.id, number=gone.number, joined_at=now - 90 * DAY, safe_closings=0,
                left_at=now - DAY, left_reason="lowest",
            )
        )  # fmt: skip
    assert "Was Here" in text_of(visit(core[0]).get("/core/alumni"))
    visitor = text_of(visit().get("/core/alumni"))
    assert "Was Here" not in visitor and f"No. {gone.number}" in " ".join(visitor.split()).replace(
        "</span>", ""
    )
    page = text_of(visit(core[0]).get(f"/members/{gone.number}"))
    assert "Honorary alumnus" in page and "In the core group" in page and "Jan 15, 2026" in page
    assert "荣誉校友" in text_of(visit(core[0], "zh").get(f"/members/{gone.number}"))
    assert "Core group" in text_of(visit(account).get(f"/members/{core[1].number}"))
    plain = make.person(name="Plain", number=True)[1]
    assert "Honorary alumnus" not in text_of(visit(account).get(f"/members/{plain.number}"))
    # An alumnus keeps the profile, and the word over it.
    assert post(visit(account), "/core/profile", {"skills": "maps", "public": "y"}).status_code == 303
    assert "Was Here" in text_of(visit().get("/core/alumni")) and "maps" in text_of(
        visit().get("/core/alumni")
    )


def test_ones_own_data_and_leaving(make, core, site_db, now):
    with site_db.uow() as session:
        seasons.save_profile(
            session, member_id=core[1].id, skills_typed="maps", about="Me", public=True, now=now
        )
        told = export(session, core[1].id, now=now)
        assert told["core_profile"][0]["skills"] == ["maps"] and told["core_profile"][0]["about"] == "Me"
        actor = Actor(core[1].user_key, core[1].name, member_id=core[1].id)
        leave(session, actor=actor, member_id=core[1].id, now=now)
    with site_db.session() as session:
        assert session.scalars(select(CoreProfile)).all() == []
        assert queries_core.core_cards(session, names=True) == []
        assert lists.alumni(session, names=True).items == []


def cost(client, engine, address):
    client.get(address)
    with count_statements(engine) as seen:
        assert client.get(address).status_code == 200
    return seen.count


def test_the_pages_cost_the_same_however_many_there_are(visit, make, core, site_db, now):
    client = visit(core[0])

    def some(n):
        for _ in range(n):
            member = make.core_member()
            gone = make.member(number=True)
            with site_db.uow() as session:
                seasons.save_profile(
                    session, member_id=member.id, skills_typed="a, b", about="x", public=True, now=now
                )
                session.add(
                    CoreSeat(
                        member_id=gone.id, number=gone.number, joined_at=now - 9 * DAY, safe_closings=0,
                        left_at=now, left_reason="lowest",
                    )
                )  # fmt: skip

    some(1)
    addresses = ("/core", "/core/alumni", f"/members/{core[1].number}")
    before = [cost(client, site_db.engine, address) for address in addresses]
    some(8)
    assert [cost(client, site_db.engine, address) for address in addresses] == before
    assert max(before) <= 11, before
