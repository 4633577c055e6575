"""People: found, given roles and numbers, kept out and let in again."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from qunclub import members
from qunclub.kernel.store import AuditEntry
from qunclub.members.models import Member, ReservedNumber
from tests.factories import Make
from tests.support.databases import Db
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements


@pytest.fixture
def boss(client: FlaskClient, make: Make) -> Member:
    """The admin who acts, signed in on ``client``, reading English."""
    account, member = make.person(name="Boss", roles=("admin",))
    sign_in(client, account)
    in_language(client, "en")
    found: Member = member
    return found


def fresh(db: Db, member: Member) -> Member:
    with db.session() as session:
        return session.get_one(Member, member.id)


def test_people_are_found(client: FlaskClient, make: Make, boss: Member) -> None:
    make.member(name="Wang Ming", nickname="阿明", number=4711, email="ming@example.com")
    make.member(name="Li Hua", roles=("host",))
    for q in ("4711", "No. 4711", "wang", "阿明", "ming@example"):
        page = text_of(client.get("/admin/people", query_string={"q": q}))
        assert "Wang Ming" in page and "Li Hua" not in page, q
    page = text_of(client.get("/admin/people?role=host"))
    assert "Li Hua" in page and "Wang Ming" not in page
    assert "Nobody found" in text_of(client.get("/admin/people?q=zzz"))


def test_the_list_has_pages_and_costs_the_same(
    client: FlaskClient, make: Make, boss: Member, site_db: Db
) -> None:
    client.get("/admin/people")
    with count_statements(site_db.engine) as few:
        client.get("/admin/people")
    for _ in range(52):
        make.member(number=True)
    with count_statements(site_db.engine) as many:
        page = text_of(client.get("/admin/people"))
    assert many.count == few.count, many
    assert "after=" in page


def test_people_as_a_table(client: FlaskClient, make: Make, boss: Member) -> None:
    make.member(name='=HYPERLINK("x")', nickname="+1", number=5)
    lines = text_of(client.get("/admin/people/all.csv?state=numbered")).splitlines()
    assert lines[0].startswith("\ufeffid,number,name")
    assert len(lines) == 2
    assert "'=HYPERLINK" in lines[1] and "'+1" in lines[1], "no formula reaches a spreadsheet"


def test_roles_are_given_and_taken(client: FlaskClient, make: Make, boss: Member, site_db: Db) -> None:
    other = make.member(name="Li")
    path = f"/admin/people/{other.id}/roles"
    assert post(client, path, {"roles": ["instructor", "host"]}).location == f"/admin/people/{other.id}"
    assert fresh(site_db, other).roles == ["host", "instructor"]
    page = text_of(client.get(f"/admin/people/{other.id}"))
    assert page.count("checked") == 2 and "Roles changed" in page
    post(client, path)
    assert fresh(site_db, other).roles == []
    assert post(client, path, {"roles": ["emperor"]}).status_code == 422
    assert post(client, "/admin/people/999/roles", {"roles": ["host"]}).status_code == 404


def test_an_admin_keeps_their_own_role(client: FlaskClient, boss: Member, site_db: Db) -> None:
    answer = post(client, f"/admin/people/{boss.id}/roles", {"roles": ["host"]})
    assert answer.status_code == 409
    assert "another admin can" in text_of(answer)
    assert fresh(site_db, boss).roles == ["admin"]


def test_a_new_role_opens_doors_at_once(client: FlaskClient, make: Make, boss: Member) -> None:
    account, other = make.person()
    theirs = sign_in(client.application.test_client(), account)
    assert theirs.get("/desk").status_code == 403
    post(client, f"/admin/people/{other.id}/roles", {"roles": ["instructor"]})
    assert theirs.get("/desk").status_code == 200


def test_suspending_closes_the_doors_with_a_reason(
    client: FlaskClient, make: Make, boss: Member, site_db: Db
) -> None:
    account, other = make.person(number=True)
    theirs = in_language(sign_in(client.application.test_client(), account), "en")
    assert theirs.get("/members").status_code == 200
    path = f"/admin/people/{other.id}"
    assert post(client, f"{path}/suspend", {"reason": ""}).status_code == 422
    assert post(client, f"{path}/suspend", {"reason": "Sold seats in the group."}).status_code == 303
    assert theirs.get("/members").status_code == 403
    assert "Sold seats in the group." in text_of(theirs.get("/me")), "the member may read why"
    assert "Sold seats in the group." in text_of(client.get(path))
    post(client, f"{path}/restore")
    assert theirs.get("/members").status_code == 200
    with site_db.session() as session:
        acts = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert acts == ["member.suspend", "member.restore"]


def test_nobody_suspends_themselves(client: FlaskClient, boss: Member, site_db: Db) -> None:
    assert post(client, f"/admin/people/{boss.id}/suspend", {"reason": "x"}).status_code == 409
    assert fresh(site_db, boss).suspended_at is None


def test_numbers_are_kept_back_and_given(client: FlaskClient, make: Make, boss: Member, site_db: Db) -> None:
    friend = make.member(name="Friend")
    assert (
        post(client, "/admin/people/numbers", {"numbers": "88，100-102", "reason": "friends"}).status_code
        == 303
    )
    page = text_of(client.get("/admin/people/numbers"))
    for words in ("88", "100", "102", "friends", "Boss", "nobody yet"):
        assert words in page
    assert 'value="88"' in text_of(client.get(f"/admin/people/{friend.id}"))
    assert post(client, f"/admin/people/{friend.id}/number", {"number": "88"}).status_code == 303
    assert fresh(site_db, friend).number == 88
    assert post(client, f"/admin/people/{friend.id}/number", {"number": "100"}).status_code == 409
    other = make.member()
    assert post(client, f"/admin/people/{other.id}/number", {"number": "88"}).status_code == 409
    assert post(client, f"/admin/people/{other.id}/number", {"number": "7"}).status_code == 422
    assert post(client, f"/admin/people/{other.id}/number", {"number": "x"}).status_code == 422
    assert fresh(site_db, other).number is None


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ("", "required"),
        ("eighty", "not eighty"),
        ("1", "already passed by the queue"),
        ("50", "kept already"),
        ("1-5000", "between 1 and 1000"),
    ],
)
def test_numbers_that_cannot_be_kept(
    client: FlaskClient, make: Make, boss: Member, site_db: Db, numbers: str, said: str
) -> None:
    make.member(number=True)
    with site_db.uow() as session:
        members.reserve_numbers(
            session, numbers=[50], reason="r", actor=make.__class__(session, make.now).actor(), now=make.now
        )
    answer = post(client, "/admin/people/numbers", {"numbers": numbers, "reason": "my reason"})
    page = text_of(answer)
    assert answer.status_code == 422
    assert said in page and "my reason" in page
    with site_db.session() as session:
        assert session.scalars(select(ReservedNumber.number)).all() == [50]


def test_who_left_is_shown_as_gone(client: FlaskClient, make: Make, boss: Member, site_db: Db) -> None:
    gone = make.member(number=True)
    with site_db.uow() as session:
        members.erase(session, member_id=gone.id, now=make.now)
    page = text_of(client.get("/admin/people?state=gone"))
    assert "—" in page and "Left" in page
    page = text_of(client.get(f"/admin/people/{gone.id}"))
    assert "Account deleted by the member" in page and "Suspend this membership" not in page
