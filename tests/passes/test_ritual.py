"""The later steps of the welcome page, and what hosts see of who came in."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from qunclub import groups
from qunclub.groups import queries_hosts
from qunclub.groups.models import Group, Seat
from qunclub.groups.models_ritual import RitualMark
from qunclub.kernel import Actor
from qunclub.members.models import Member
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

ADMIN = Actor("test:admin", "Admin", roles=frozenset({"admin"}))


@pytest.fixture
def line(make, site_db, now):
    line = make.group_line(slug="one", name="One", capacities=[60], covenant_md="Be kind.")
    with site_db.uow() as session:
        session.execute(update(Group).values(entry_url="https://chat.example.com"))
        groups.set_ritual(
            session,
            line_id=line.id,
            version=0,
            questions_typed="Who are you?\nWhich page?",
            task_title="One page",
            task_md="Hand in *one* page.",
            actor=ADMIN,
            now=now,
        )
    return line


@pytest.fixture
def held(make, client, line):
    account, member = make.person(name="Hua", nickname="Hua", city="Hangzhou")
    held = make.pass_(make.plan(line=line, title="Member"), member)
    in_language(sign_in(client, account), "en")
    return held


def test_the_way_in_opens_with_covenant_and_introduction(client, held, line):
    path = f"/welcome/{held.id}"
    post(client, f"{path}/covenant", {"version": 1})
    page = text_of(client.get(path))
    assert 'id="step-introduction" aria-current="step"' in page and "Who are you?" in page
    assert "Opens when you have introduced yourself" in page and "chat.example.com" not in page
    group = text_of(client.get("/groups/one-1"))
    assert "Introduce yourself; then the way in appears here" in group and "chat.example.com" not in group
    assert client.get("/groups/one-1/entry.svg").status_code == 404

    answer = post(client, f"{path}/introduction", {"answer_0": "A teacher", "answer_1": " "})
    page = text_of(answer)
    assert answer.status_code == 422 and "Write a few words here." in page and "A teacher" in page
    assert 'id="answer_1" name="answer_1" rows="2" maxlength="500" required aria-invalid="true"' in page

    given = {"answer_0": "A <teacher>", "answer_1": "The last one"}
    assert post(client, f"{path}/introduction", given).status_code == 303
    page = text_of(client.get(path))
    assert "https://chat.example.com" in page and 'class="qc-ritual__done" id="step-introduction"' in page
    group = text_of(client.get("/groups/one-1"))
    assert "New here" in group and "A &lt;teacher&gt;" in group


def test_whoever_has_a_seat_without_a_pass_introduces_themselves_on_the_groups_page(client, make, line):
    account, member = make.person(name="Lu", nickname="Lu", number=True)
    make.seat(line, member)
    other, _stranger = make.person(name="Bo", nickname="Bo", number=True)
    in_language(sign_in(client, account), "en")
    post(client, "/groups/one-1/covenant", {"version": 1})
    page = text_of(client.get("/groups/one-1"))
    assert "Who are you?" in page and "chat.example.com" not in page
    refused = post(client, "/groups/one-1/introduction", {"answer_0": "A runner", "answer_1": ""})
    assert refused.status_code == 422
    assert "Write a few words here." in text_of(refused) and "A runner" in text_of(refused)
    given = {"answer_0": "A runner", "answer_1": "The first"}
    assert post(client, "/groups/one-1/introduction", given).status_code == 303
    page = text_of(client.get("/groups/one-1"))
    assert "https://chat.example.com" in page and "A runner" in page
    sign_in(client, other)
    assert post(client, "/groups/one-1/introduction", given).status_code == 404
    assert post(client, "/groups/nowhere/introduction", given).status_code == 404


def test_the_first_task_is_ticked_and_taken_back(client, held, site_db):
    path = f"/welcome/{held.id}"
    assert "First task: One page" in text_of(client.get(path))
    assert post(client, f"{path}/task").status_code == 303
    assert 'class="qc-ritual__done" id="step-task"' in text_of(client.get(path))
    assert post(client, f"{path}/task", {"back": "1"}).status_code == 303
    with site_db.session() as session:
        assert session.scalars(select(RitualMark)).all() == []


def test_it_is_ones_own(client, make, held):
    sign_in(client, make.account(number=True))
    assert post(client, f"/welcome/{held.id}/introduction", {"answer_0": "x"}).status_code == 404
    assert post(client, f"/welcome/{held.id}/task").status_code == 404


def test_introductions_are_for_the_group_alone(client, make, held, site_db):
    post(client, f"/welcome/{held.id}/covenant", {"version": 1})
    post(client, f"/welcome/{held.id}/introduction", {"answer_0": "Secret life", "answer_1": "x"})
    assert "Secret life" in text_of(client.get("/groups/one-1"))
    sign_in(client, make.account(number=True))
    assert "Secret life" not in text_of(client.get("/groups/one-1"))
    assert "Secret life" not in text_of(client.application.test_client().get("/groups/one-1"))


def test_hosts_see_who_stands_where_and_tick_new_names(client, make, held, site_db):
    post(client, f"/welcome/{held.id}/covenant", {"version": 1})
    host = client.application.test_client()
    in_language(sign_in(host, make.account(roles=("host",))), "en")
    assert "/desk/arrivals/one-1" in text_of(host.get("/desk/arrivals"))
    page = text_of(host.get("/desk/arrivals/one-1"))
    assert "1-Hua-Hangzhou" in page and page.count("qc-badge--success") == 2
    with site_db.session() as session:
        seat = session.scalars(select(Seat)).one()
    assert post(host, f"/desk/arrivals/one-1/{seat.id}/renamed").status_code == 303
    assert text_of(host.get("/desk/arrivals/one-1?q=1")).count("qc-badge--success") == 3
    assert "No member of this group" in text_of(host.get("/desk/arrivals/one-1?q=77"))
    assert post(host, f"/desk/arrivals/other-1/{seat.id}/renamed").status_code == 404
    assert client.get("/desk/arrivals/one-1").status_code == 403
    assert post(client, f"/desk/arrivals/one-1/{seat.id}/renamed").status_code == 403


def test_a_host_of_another_group_reads_nothing_here(client, make, held, site_db, now):
    other = make.group_line(slug="two")
    account, member = make.person(roles=("host",), number=True)
    with site_db.uow() as session:
        seat = session.scalars(select(Seat)).one()
        away = session.scalars(select(Group).where(Group.line_id == other.id)).one()
        groups.add_host(session, group_id=away.id, who=str(member.number), actor=ADMIN, now=now)
    host = sign_in(client.application.test_client(), account)
    listed = text_of(host.get("/desk/arrivals"))
    assert "/desk/arrivals/two-1" in listed and "/desk/arrivals/one-1" not in listed
    assert host.get("/desk/arrivals/two-1").status_code == 200
    assert host.get("/desk/arrivals/one-1").status_code == 404
    assert "New here" not in text_of(in_language(host, "en").get("/groups/one-1"))
    assert post(host, f"/desk/arrivals/one-1/{seat.id}/renamed").status_code == 404


def test_the_lists_cost_the_same_with_many(client, make, held, line, site_db):
    host = sign_in(client, make.account(roles=("host",)))

    def cost(path: str) -> int:
        host.get(path)
        with count_statements(host.application.extensions["qunclub"].session().get_bind()) as sent:
            assert host.get(path).status_code == 200
        return sent.count

    paths = ("/desk/arrivals/one-1", "/groups/one-1", "/desk/arrivals")
    with client.application.app_context():
        before = [cost(path) for path in paths]
        for _ in range(55):
            make.seat(line)
        assert [cost(path) for path in paths] == before
    page = text_of(in_language(host, "en").get("/desk/arrivals/one-1"))
    assert "Earlier arrivals" in page


def test_admins_say_what_is_asked(client, make, line):
    path = f"/admin/groups/{line.id}/ritual"
    assert client.get(path).status_code == 303
    in_language(sign_in(client, make.account(roles=("admin",))), "en")
    assert path in text_of(client.get(f"/admin/groups/{line.id}"))
    assert "Which page?" in text_of(client.get(path))
    typed = {"questions": "a\nb\nc\nd\ne\nf", "task_title": "T", "task_md": "", "version": "1"}
    answer = post(client, path, typed)
    assert answer.status_code == 422 and "Ask 5 questions at most" in text_of(answer)
    assert post(client, path, {**typed, "questions": "Why?"}).status_code == 303
    stale = post(client, path, {**typed, "questions": "Mine?"})
    assert (
        stale.status_code == 409 and "Mine?" in text_of(stale) and "Nothing was overwritten" in text_of(stale)
    )
    assert client.get("/admin/groups/99/ritual").status_code == 404


def test_the_groups_of_a_host_come_page_by_page(session, make, now, monkeypatch):
    line = make.group_line(slug="many", capacities=[1] * 5)
    for _ in range(5):
        make.seat(line)
    ids = sorted(session.scalars(select(Group.id)), reverse=True)
    monkeypatch.setattr(queries_hosts, "PER_PAGE", 2)
    everywhere, own = (
        Actor(key, key, member_id=make.member(number=True, roles=("host",)).id, roles=frozenset({"host"}))
        for key in ("everywhere", "own")
    )
    for ident in (ids[0], ids[2], ids[4]):
        number = session.get_one(Member, own.member_id).number
        groups.add_host(session, group_id=ident, who=str(number), actor=ADMIN, now=now)

    def pages(actor):
        seen, before = [], None
        while True:
            page = groups.hosted(session, actor, before=before)
            seen += [group.id for group, _name in page.items]
            if not page.has_next:
                return seen
            before = int(page.more)

    assert pages(everywhere) == pages(ADMIN) == ids
    assert pages(own) == [ids[0], ids[2], ids[4]]

    def host_of(actor, ident):
        return groups.is_host_of(session, group_id=ident, member_id=actor.member_id, roles=actor.roles)

    assert [host_of(own, ident) for ident in ids] == [True, False] * 2 + [True]
    assert host_of(ADMIN, ids[1]) and host_of(everywhere, ids[1])
    assert not host_of(Actor("m", "M", member_id=own.member_id), ids[0])
