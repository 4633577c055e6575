"""What /season and the admins' page say of the floor, of hidden members, and of kinds that nothing gives."""

from __future__ import annotations

import datetime as dt
from functools import partial

import pytest

from qunclub import house, points
from qunclub.kernel import Actor
from qunclub.members.models import Member
from tests.support.pages import in_language, sign_in, text_of
from tests.support.statements import count_statements

DAY = dt.timedelta(days=1)
ADMIN = Actor("test:admin", "Admin", roles=frozenset({"admin"}))


@pytest.fixture
def people(make):
    """Three members with accounts; the first ones earn most."""
    return [make.person(number=n, nickname=f"Nick{n}") for n in range(1, 4)]


def running(make, people, **formula):
    values = {"seats": 1, "eliminate": 0, "days": 60, **formula}
    season = make.season(slug="now", name="Now", **values)
    for (_account, member), many in zip(people, (50, 30, 10), strict=True):
        make.earn(member, many, at=season.starts_at)
    return season


def broken(make, site_db, member, at):
    """The member breaks a rule of the house at a moment."""
    seat = make.seat(make.group_line(capacities=(5,)), member)
    host = make.actor(make.member(name="Host", roles=("host",)))

    def go(session):
        return house.sanction_seat(
            session, seat_id=seat.id, category="abuse", act="warning", days=0, reason="You shouted.",
            departure="Severe.", actor=host, now=at,
        ).id  # fmt: skip

    return site_db.transact(go)


def test_the_season_says_what_else_is_asked_what_is_missing_and_when(client, make, people, site_db):
    season = running(make, people, need_pass=True, min_works=2, clean_days=30)
    broken(make, site_db, people[0][1], season.ends_at - DAY)
    page = text_of(in_language(sign_in(client, people[0][0]), "en").get("/season"))
    for said in (
        "Besides points", "no open violation of the house rules", "a pass that is good at the end of the season",
        "2 more until the end of the season", 'href="/passes"', "Yours is past on", 'href="/me/standing"',
        "missing", "As it stands you could not rise: an open violation",
    ):  # fmt: skip
        assert said in page, said
    assert "除了积分" in text_of(in_language(client, "zh").get("/season"))


def test_the_result_says_why_and_what_opens_the_way_again(client, make, people, site_db):
    season = running(make, people, clean_days=30)
    broken(make, site_db, people[0][1], season.ends_at - DAY)
    make.closed(season, steps=("freeze", "publish"))
    page = text_of(in_language(sign_in(client, people[0][0]), "en").get("/season/now"))
    assert "you had one. Once it is past or taken back, the way is open again" in page
    assert "群规违规" in text_of(in_language(client, "zh").get("/season/now"))


def test_home_does_not_say_that_no_seat_is_free_to_whoever_may_not_rise(client, make, people):
    running(make, people, need_pass=True)
    page = text_of(in_language(sign_in(client, people[0][0]), "en").get("/"))
    assert "Points alone do not do it" in page and "No core seat is free" not in page
    assert "光有积分还不够" in text_of(in_language(client, "zh").get("/"))


def test_without_a_floor_the_season_says_nothing_of_it(client, make, people):
    running(make, people)
    assert "Besides points" not in text_of(in_language(sign_in(client, people[0][0]), "en").get("/season"))


def test_an_admin_reads_who_has_the_points_and_may_not_rise_and_why(client, make, people):
    season = running(make, people, need_pass=True, seats=2)
    make.pass_(of=people[2][1])
    admin = in_language(sign_in(client, make.account(number=600, roles=("admin",))), "en")
    page = text_of(admin.get(f"/admin/seasons/{season.id}"))
    assert "Enough points, and may not rise" in page and "no pass at the end of the season" in page
    assert page.index("Enough points") < page.index("Nick1", page.index("Enough points"))
    rows = text_of(admin.get(f"/admin/seasons/{season.id}/outcomes.csv")).splitlines()
    assert [row.split(",")[3] for row in rows if row.startswith("held")] == ["1", "2"]
    assert all(row.endswith("no_pass") for row in rows if row.startswith("held"))


def test_the_snapshot_as_csv_has_what_the_fingerprint_is_made_of(client, make, people):
    season = running(make, people, need_pass=True)
    make.closed(season, steps=("freeze",))
    admin = in_language(sign_in(client, make.account(number=600, roles=("admin",))), "en")
    head, *rows = text_of(admin.get(f"/admin/seasons/{season.id}/snapshot.csv")).splitlines()
    names = head.lstrip("\ufeff").split(",")
    assert names[-4:] == ["member", "bar", "on_leave", "outcome"]
    assert rows and {row.split(",")[-3] for row in rows} == {"no_pass"}


def test_whoever_is_on_no_ranking_is_not_named_on_the_season_either(client, make, people, site_db):
    shy = people[1][1]
    running(make, people)
    site_db.transact(lambda session: setattr(session.get_one(Member, shy.id), "hidden_on_boards", True))
    page = text_of(in_language(client, "en").get("/season"))
    assert "No. 1" in page and "No. 2" not in page and "Somebody who is not shown on rankings" in page
    page = text_of(in_language(sign_in(client, people[0][0]), "en").get("/season"))
    assert "Nick1" in page and "Nick2" not in page and "Somebody who is not shown on rankings" in page
    page = text_of(in_language(sign_in(client, people[1][0]), "en").get("/season"))
    assert "Nick2" in page and "Somebody who is not shown" not in page


def test_kinds_that_nothing_gives_are_no_way_over_the_line(client, make, people, site_db, now):
    running(make, people)
    for kind in ("event_hosted", "lesson_completed"):
        site_db.transact(partial(points.set_rule, kind=kind, amount=30, active=True, actor=ADMIN, now=now))
    in_language(sign_in(client, people[1][0]), "en")
    page = text_of(client.get("/season"))
    assert "What would do it" in page and "that you host" not in page
    mine = text_of(client.get("/me/points"))
    assert "Event hosted" in mine and "an admin writes it down; nobody did of late" in mine
    given = {"member_id": people[2][1].id, "kind": "event_hosted", "source": "event:1"}
    site_db.transact(partial(points.award, **given, occurred_at=now, now=now, actor=ADMIN))
    assert "1 event that you host" in text_of(client.get("/season"))
    assert "an admin writes it down; nobody did of late" not in text_of(client.get("/me/points"))


def test_the_floor_costs_the_same_however_many_violations_there_are(client, make, people, site_db):
    season = running(make, people, need_pass=True, min_works=1, min_days=1, reentry=1, clean_days=30)
    sign_in(client, people[0][0])
    counted = []
    for many in (1, 3):
        for day in range(many):
            broken(make, site_db, people[0][1], season.ends_at - (day + many) * DAY)
        client.get("/season")
        with count_statements(site_db.engine) as seen:
            client.get("/season")
        counted.append(seen.count)
    assert counted[0] == counted[1] <= 13, counted
