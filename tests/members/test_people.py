"""Who somebody is in the club: rows of identities, roles, profile, suspension, leaving."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import members
from qunclub.kernel import Actor, ClubError, Conflict, Invalid, NotFound
from qunclub.kernel.store import AuditEntry
from qunclub.members import queries, queries_people
from qunclub.members.forms import parse_numbers
from qunclub.members.models import Member
from qunclub.members.rules import clean_nickname, effective_roles
from tests.factories import Make
from tests.support.concurrency import concurrently, failed
from tests.support.databases import Db
from tests.support.statements import count_statements


def test_sixteen_first_requests_make_one_row(db: Db, now: dt.datetime) -> None:
    identity = Actor("host:7", "Lin", "lin@example.com")
    outcomes = concurrently(
        db, 16, lambda session: members.identify(session, identity, now)[0].member_id, retry=True
    )
    assert not failed(outcomes)
    assert len(set(outcomes)) == 1
    with db.session() as session:
        assert len(session.scalars(select(Member)).all()) == 1


def test_a_stranger_to_the_club_has_no_row(session: Session) -> None:
    assert members.find_identity(session, Actor("host:9", "Nobody")) is None


def test_identity_is_found_with_one_statement(db: Db, make: Make, now: dt.datetime) -> None:
    tier = make.tier(name="Diehard")
    row = make.member(number=True, nickname="小林", roles=("instructor",), tier_id=tier.id, locale="en")
    with db.session() as session, count_statements(db.engine) as seen:
        found = members.find_identity(
            session, Actor(row.user_key, "Lin", "x@example.com", frozenset({"host"}))
        )
    assert seen.count == 1
    assert found is not None
    actor, me, suspended = found
    assert actor.roles == {"member", "instructor", "host"}
    assert (actor.name, actor.member_id) == ("小林", row.id)
    assert (me.number, me.shown_name, me.tier_name, me.locale) == (row.number, "小林", "Diehard", "en")
    assert suspended is None


def test_a_changed_address_is_kept(session: Session, now: dt.datetime) -> None:
    members.identify(session, Actor("host:1", "Lin", "old@example.com"), now)
    members.identify(session, Actor("host:1", "Lin", "new@example.com"), now)
    members.identify(session, Actor("host:1", "Lin", ""), now)
    assert session.scalars(select(Member.email)).all() == ["new@example.com"]


@pytest.mark.parametrize(
    ("identity", "club", "number", "roles"),
    [
        ((), (), None, set()),
        ((), (), 7, {"member"}),
        (("host",), ("instructor",), None, {"host", "instructor"}),
        (("admin",), (), 1, {"admin", "member"}),
    ],
)
def test_effective_roles(
    identity: tuple[str, ...], club: tuple[str, ...], number: int | None, roles: set[str]
) -> None:
    assert effective_roles(identity, club, number) == roles


def test_an_admin_is_instructor_and_host() -> None:
    admin = Actor("k", "n", roles=frozenset({"admin"}))
    assert all(admin.has(role) for role in ("admin", "instructor", "host", "member"))
    assert not Actor("k", "n", roles=frozenset({"instructor"})).has("admin")


def test_roles_are_set_and_written_down(session: Session, make: Make, now: dt.datetime) -> None:
    admin = make.actor(make.member(roles=("admin",)))
    other = make.member(name="Wang")
    members.set_roles(session, member_id=other.id, roles=["instructor", "host"], actor=admin, now=now)
    assert other.roles == ["host", "instructor"]
    entry = session.scalars(select(AuditEntry)).one()
    assert entry.action == "member.roles" and entry.target == f"member:{other.id}"
    assert entry.details == {"before": [], "after": ["host", "instructor"]}
    members.set_roles(session, member_id=other.id, roles=["host", "instructor"], actor=admin, now=now)
    assert len(session.scalars(select(AuditEntry)).all()) == 1


def test_roles_that_cannot_be_set(session: Session, make: Make, now: dt.datetime) -> None:
    admin = make.actor(make.member(roles=("admin",)))
    assert admin.member_id is not None
    with pytest.raises(Invalid):
        members.set_roles(session, member_id=admin.member_id, roles=["emperor"], actor=admin, now=now)
    with pytest.raises(Conflict):
        members.set_roles(session, member_id=admin.member_id, roles=[], actor=admin, now=now)


def test_a_suspended_member_acts_with_no_role(session: Session, make: Make, now: dt.datetime) -> None:
    admin = make.actor(make.member(roles=("admin",)))
    row = make.member(number=True, roles=("instructor",))
    with pytest.raises(Invalid):
        members.suspend(session, member_id=row.id, reason=" ", actor=admin, now=now)
    assert admin.member_id is not None
    with pytest.raises(Conflict):
        members.suspend(session, member_id=admin.member_id, reason="x", actor=admin, now=now)
    members.suspend(session, member_id=row.id, reason="Sold seats.", actor=admin, now=now)
    found = members.find_identity(session, Actor(row.user_key, row.name, roles=frozenset({"admin"})))
    assert found is not None and found[0].roles == frozenset() and found[2] == now
    with pytest.raises(NotFound):
        queries.by_number(session, row.number or 0)
    members.restore(session, member_id=row.id, actor=admin, now=now)
    assert row.suspend_reason == "" and queries.by_number(session, row.number or 0).number == row.number


@pytest.mark.parametrize("text", ["小林", " 小  林 ", "a" * 24, "O'Neil 3"])
def test_nicknames_that_are_fine(text: str) -> None:
    assert clean_nickname(text) == " ".join(text.split())


@pytest.mark.parametrize("text", ["", "   ", "a" * 25, "<b>", "a\u202eb", "x\u200by"])
def test_nicknames_that_are_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        clean_nickname(text)
    assert caught.value.field == "nickname"


def test_the_profile_is_kept_clean(session: Session, make: Make) -> None:
    row = make.member()
    members.update_profile(session, member_id=row.id, nickname=" 阿 明 ", city=" 上海 ", bio=" hi \n")
    assert (row.nickname, row.city, row.bio) == ("阿 明", "上海", "hi")
    wrong: tuple[tuple[str, dict[str, Any]], ...] = (
        ("city", {"city": "x" * 31}),
        ("bio", {"bio": "x" * 1001}),
        ("name", {"name": " "}),
    )
    for field, values in wrong:
        with pytest.raises(Invalid) as caught:
            members.update_profile(
                session, member_id=row.id, **{"nickname": "n", "city": "", "bio": "", **values}
            )
        assert caught.value.field == field


def test_leaving_forgets_the_person_and_keeps_the_number(
    session: Session, make: Make, now: dt.datetime
) -> None:
    row = make.member(number=True, nickname="小林", city="上海", bio="hi", locale="zh")
    key, number = row.user_key, row.number
    members.erase(session, member_id=row.id, now=now)
    assert (row.name, row.nickname, row.email, row.city, row.bio) == ("—", "", "", "", "")
    assert row.number == number
    assert members.find_identity(session, Actor(key, "Lin")) is None
    assert members.allocate_number(session, member_id=make.member().id, now=now) == (number or 0) + 1
    assert number not in [one.number for one in queries.directory(session).items]


def test_an_admin_cannot_leave_as_admin(session: Session, make: Make, now: dt.datetime) -> None:
    row = make.member(roles=("admin",))
    with pytest.raises(Conflict):
        members.erase(session, member_id=row.id, now=now)


def test_the_directory(session: Session, make: Make) -> None:
    tier = make.tier(code="diehard", name="铁杆")
    make.member(number=1, name="林小满", nickname="小满", city="杭州", tier_id=tier.id)
    make.member(number=2, name="Wang Ming", city="上海")
    make.member(number=30, name="100%", city="上海")
    make.member(name="Without Number")

    def numbers(**query: str) -> list[int]:
        return [one.number for one in queries.directory(session, **query).items]  # type: ignore[arg-type]  # all text

    assert numbers() == [1, 2, 30]
    assert numbers(q="上海") == [2, 30]
    assert numbers(q="wang") == [2]
    assert numbers(q="No. 30") == numbers(q="#30") == [30]
    assert numbers(q="100%") == [30]
    assert numbers(q="%") == [30]
    assert numbers(q="_") == []
    assert numbers(q="林小满") == [], "the name behind a nickname stays private"
    assert numbers(tier="diehard") == [1]
    assert [one.number for one in queries.directory(session, newest=True).items] == [30, 2, 1]


def test_the_directory_has_pages(session: Session, make: Make) -> None:
    for _ in range(53):
        make.member(number=True)
    first = queries.directory(session)
    second = queries.directory(session, after=first.more)
    assert (len(first.items), first.has_next) == (50, True)
    assert (len(second.items), second.has_next) == (3, False)


def test_the_list_of_people(session: Session, make: Make, now: dt.datetime) -> None:
    admin = make.actor(make.member(name="Boss", roles=("admin",)))
    member = make.member(name="Lin", number=77777, email="lin@example.com")
    gone = make.member(name="Gone")
    members.erase(session, member_id=gone.id, now=now)
    members.suspend(session, member_id=member.id, reason="r", actor=admin, now=now)

    def ids(**query: str) -> list[int]:
        return [one.member.id for one in queries_people.people(session, **query).items]

    assert ids() == [gone.id, member.id, admin.member_id]
    assert (
        ids(q="LIN@example")
        == ids(q="77777")
        == ids(state="suspended")
        == ids(state="numbered")
        == [member.id]
    )
    assert ids(role="admin") == ids(state="guest") == [admin.member_id]
    assert ids(state="gone") == [gone.id]
    assert ids(role="no such role") == ids()
    assert [row[0] for row in queries_people.people_rows(session)] == [admin.member_id, member.id, gone.id]
    view = queries_people.person(session, member.id)
    assert [act.action for act in view.acts] == ["member.suspend"]
    assert queries_people.admins(session) == 1


def test_reserved_numbers_are_listed_with_their_holders(
    session: Session, make: Make, now: dt.datetime
) -> None:
    admin = make.actor(roles=("admin",))
    friend = make.member(name="Friend")
    members.reserve_numbers(session, numbers=[8, 9], reason="r", actor=admin, now=now)
    members.give_reserved_number(session, member_id=friend.id, number=8, actor=admin, now=now)
    kept = queries_people.reserved(session).items
    assert [(one.number, one.holder) for one in kept] == [(8, "Friend"), (9, "")]
    assert queries_people.free_reserved(session) == [9]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("88", [88]),
        ("88，100-102", [88, 100, 101, 102]),
        ("5、5;3", [3, 5]),
        (" 7 – 9 ", [7, 8, 9]),
        ("", []),
    ],
)
def test_typed_numbers(text: str, numbers: list[int]) -> None:
    assert parse_numbers(text) == numbers


@pytest.mark.parametrize("text", ["eight", "9-7", "1-", "-3", "1-5000", "1.5", "99999999999"])
def test_typed_nonsense(text: str) -> None:
    with pytest.raises(ClubError):
        parse_numbers(text)


def test_who_may_be_meant_by_a_few_letters(session: Session, make: Make) -> None:
    lin = make.member(name="林小满", email="Lin@example.com".lower())
    man = make.member(name="小满", nickname="Manny")
    assert queries.meant(session, "小满") == [man.id]  # whose name begins so comes before whose name holds it
    assert queries.meant(session, "满") == [lin.id, man.id]
    assert queries.meant(session, "lin@") == [lin.id]
    assert queries.meant(session, "Man") == [man.id]
    assert queries.meant(session, "100%") == []
