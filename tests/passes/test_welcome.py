"""The ritual of entering: each step kept, resumable, and only one's own."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from qunclub import groups
from qunclub.groups.models import CovenantAcceptance, Group
from qunclub.kernel import Actor
from qunclub.members.models import Member
from tests.support.pages import in_language, post, sign_in, text_of

SYSTEM = Actor.system("test")


@pytest.fixture
def line(make, site_db, now):
    line = make.group_line(
        slug="one",
        name="One",
        name_pattern="One {index}",
        capacities=[1],
        covenant_md="Be kind to each other.",
    )
    with site_db.uow() as session:
        group = session.scalars(select(Group)).one()
        groups.set_entry(
            session,
            group_id=group.id,
            entry_url="https://chat.example.com",
            entry_note="",
            actor=SYSTEM,
            now=now,
        )
    return line


@pytest.fixture
def held(make, client, line):
    account, member = make.person(name="Hua")
    held = make.pass_(make.plan(line=line, title="Member"), member)
    sign_in(client, account)
    in_language(client, "en")
    return held


def test_the_steps_are_kept_and_open_one_another(client, held, site_db):
    path = f"/welcome/{held.id}"
    page = text_of(client.get(path))
    assert "Welcome, Hua" in page and "qc-welcome__number" in page and "Be kind to each other." in page
    assert 'id="step-covenant" aria-current="step"' in page
    assert "chat.example.com" not in page and "Opens after the covenant" in page

    assert post(client, f"{path}/covenant", {"version": 1}).status_code == 303
    page = text_of(client.get(path))
    assert 'class="qc-ritual__done" id="step-covenant"' in page
    assert 'id="step-name" aria-current="step"' in page and "https://chat.example.com" in page
    assert ".svg" in page

    assert post(client, f"{path}/name", {"nickname": "Xiaohe", "city": "Hangzhou"}).status_code == 303
    page = text_of(client.get(path))
    assert "1-Xiaohe-Hangzhou" in page and 'class="qc-ritual__done" id="step-name"' in page
    with site_db.session() as session:
        member = session.scalars(select(Member).where(Member.id == held.member_id)).one()
        assert (member.nickname, member.city) == ("Xiaohe", "Hangzhou")
        assert len(session.scalars(select(CovenantAcceptance)).all()) == 1


@pytest.mark.parametrize("version", [1, "", "²", "9" * 5000])
def test_a_covenant_that_changed_meanwhile_is_shown_and_asked_again(
    client, held, line, site_db, now, version
):
    with site_db.uow() as session:
        groups.publish_covenant(session, line_id=line.id, body_md="Be kinder.", actor=SYSTEM, now=now)
    answer = post(client, f"/welcome/{held.id}/covenant", {"version": version})
    assert answer.status_code == 303 and answer.location.endswith("#step-covenant")
    page = text_of(client.get(answer.location))
    assert "The covenant has a newer version. Please read it and accept that one." in page
    assert "Be kinder." in page and 'name="version" value="2"' in page
    assert 'id="step-covenant" aria-current="step"' in page
    with site_db.session() as session:
        assert session.scalars(select(CovenantAcceptance)).all() == []


def test_a_name_is_previewed_and_refused_with_a_reason(client, held, site_db):
    path = f"/welcome/{held.id}/name"
    answer = post(client, path, {"nickname": "Xiaohe", "city": "Hangzhou", "preview": "1"})
    assert "1-Xiaohe-Hangzhou" in text_of(answer)
    fragment = text_of(post(client, f"{path}/preview", {"nickname": "Da", "city": ""}, htmx=True))
    assert "1-Da" in fragment and "<html" not in fragment
    answer = post(client, path, {"nickname": "x" * 60, "city": "Hangzhou"})
    assert answer.status_code == 422 and "x" * 60 in text_of(answer)
    assert post(client, path, {"nickname": ""}).status_code == 422
    with site_db.session() as session:
        assert session.get_one(Member, held.member_id).nickname == ""


def test_a_group_without_a_covenant_explains_that_it_is_quiet_too(client, make):
    account, member = make.person(name="Hua")
    held = make.pass_(make.plan(line=make.group_line(slug="quiet", name="Quiet", capacities=[1])), member)
    in_language(sign_in(client, account), "en")
    page = text_of(client.get(f"/welcome/{held.id}"))
    assert "step-covenant" not in page and "step-enter" in page
    assert "A pyramid: staff post" in page and "The group is quiet by default" in page


def test_who_waits_sees_the_place_and_the_courses(client, make, line):
    make.seat(line)
    course = make.course(title="Charts", state="published")
    account, member = make.person()
    held = make.pass_(make.plan(line=line, courses=[course]), member)
    sign_in(client, account)
    page = text_of(in_language(client, "en").get(f"/welcome/{held.id}"))
    assert "You are number 1 on the waiting list" in page and "Charts" in page


def test_a_pass_without_a_group_has_no_covenant(client, make):
    account, member = make.person()
    held = make.pass_(make.plan(), member)
    sign_in(client, account)
    page = text_of(in_language(client, "en").get(f"/welcome/{held.id}"))
    assert "step-name" in page and "step-covenant" not in page and "step-enter" not in page
    assert post(client, f"/welcome/{held.id}/covenant", {"version": 1}).status_code == 404


def test_it_is_ones_own(client, make, held):
    sign_in(client, make.account(number=True))
    assert client.get(f"/welcome/{held.id}").status_code == 404
    assert post(client, f"/welcome/{held.id}/covenant", {"version": 1}).status_code == 404
    assert post(client, f"/welcome/{held.id}/name", {"nickname": "A", "city": "B"}).status_code == 404


def test_it_costs_the_same_at_every_visit_and_speaks_chinese(client, held):
    page = text_of(in_language(client, "zh").get(f"/welcome/{held.id}"))
    assert "这是你的编号" in page and "接受群公约" in page and "编号-昵称-城市" in page
