"""A level that asks for no open violation, by the same rule as the season's floor: on both databases."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from types import SimpleNamespace

import pytest
from sqlalchemy import literal, select

from qunclub import house, levels
from qunclub.groups.models import Seat
from qunclub.groups.models_bar import Bar
from qunclub.kernel import Actor
from qunclub.levels import queries, rules
from qunclub.levels.facts import gather
from qunclub.levels.rules import Conditions, Rung
from qunclub.seasons import queries_floor
from tests.factories import Make
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

ADMIN = Actor.system("test")
DAY = dt.timedelta(days=1)
CLEAN = 30
LADDER = replace(
    rules.DEFAULT,
    rungs={**rules.DEFAULT.rungs, "contributor": Rung(Conditions(points=20, clean=True))},
    clean_days=CLEAN,
)


@pytest.fixture
def home(make: Make) -> SimpleNamespace:
    """A group of the house with its ``member`` and ``other``, who both have a number."""
    made: SimpleNamespace = make.house()
    return made


def sanction(session, home, act="warning", *, at, days=0):
    return house.sanction_seat(
        session, seat_id=home.seat.id, category="abuse", act=act, days=days, reason="You shouted.",
        departure="Severe.", actor=home.host, now=at,
    )  # fmt: skip


def violates(session, member, now, ladder=LADDER):
    return gather(session, [member.id], ladder, now)[member.id].violation


def test_a_violation_counts_for_the_days_and_as_long_as_its_mute_runs(session, home, now):
    assert not violates(session, home.member, now)
    sanction(session, home, "mute", at=now, days=40)
    assert [violates(session, home.member, now + days * DAY) for days in (1, 30, 31, 39, 41)] == [
        True, True, True, True, False,
    ]  # fmt: skip
    assert not violates(session, home.other, now + DAY)
    assert not violates(session, home.member, now + DAY, replace(LADDER, clean_days=0))


def test_what_was_taken_back_was_none(session, home, now):
    line = sanction(session, home, at=now)
    assert violates(session, home.member, now + DAY)
    house.overturn(session, sanction_id=line.id, reason="It was another.", actor=home.second, now=now + DAY)
    assert not violates(session, home.member, now + 2 * DAY)


def test_it_is_the_rule_of_the_seasons_floor(session, home, now):
    sanction(session, home, at=now)
    for days in range(0, 62, 3):
        moment = now + days * DAY + dt.timedelta(seconds=1)
        theirs = session.scalar(
            select(queries_floor.has_violation(literal(home.member.id), moment, CLEAN))
            .select_from(Seat)
            .limit(1)
        )
        assert violates(session, home.member, moment) == bool(theirs)


def test_who_is_shut_out_of_all_groups_has_something_open_and_of_one_line_not(session, home, now):
    bars = [
        Bar(member_id=home.member.id, reason="Cause.", since=now, until=now + 90 * DAY),
        Bar(member_id=home.other.id, line_id=home.line.id, reason="Cause.", since=now),
    ]
    session.add_all(bars)
    session.flush()
    assert violates(session, home.member, now + 60 * DAY) and not violates(session, home.other, now + DAY)
    assert not violates(session, home.member, now + 91 * DAY)


def test_facts_cost_the_same_however_many_are_asked(session, make, home, now):
    many = [make.member(number=True).id for _one in range(30)]
    counted = []
    for ids in ([home.member.id], [home.member.id, *many]):
        with count_statements(session.get_bind()) as seen:
            gather(session, ids, LADDER, now)
        counted.append(seen.count)
    assert counted[0] == counted[1] <= 7


def test_the_level_is_reached_when_the_violation_is_past(session, make, home, now):
    levels.ensure_ladder(session, now)
    written = levels.save_draft(session, ladder=LADDER, version=0, now=now, actor=ADMIN)
    levels.put_in_force(session, version=written.version, reason="Cleaner.", now=now, actor=ADMIN)
    make.earn(home.member, 50)
    sanction(session, home, at=now)
    for moment, level in ((now + DAY, "participant"), (now + 31 * DAY, "contributor")):
        levels.follow(session, now=moment)
        levels.enrol(session, now=moment)
        while levels.look(session, now=moment):
            pass
        path = queries.path_of(session, home.member.id, moment)
        assert path.level == level
    early = queries.path_of(session, home.member.id, now + DAY)
    assert early.facts.violation


def test_pages_say_what_it_means_and_admins_set_the_days(client, make, home, now, site_db):
    with site_db.uow() as session:
        sanction(session, home, at=now - DAY)
    page = text_of(in_language(client, "en").get("/levels"))
    assert "of the last 30 days that stands" in page and "not suspended" in page
    assert "没有未了结的违规：最近 30 天" in text_of(in_language(client, "zh").get("/levels"))
    account, me = make.person(number=77)
    with site_db.uow() as session:
        session.add(Bar(member_id=me.id, reason="Cause.", since=now))
    mine = text_of(in_language(sign_in(client, account), "en").get("/me/path"))
    assert "you are shut out of groups for cause" in mine and "/me/standing" in mine
    in_language(sign_in(client, make.account(roles=("admin",))), "en")
    draft = text_of(client.get("/admin/levels/draft"))
    assert "Days without a violation" in draft and "Has no open violation, and is not suspended" in draft
    theirs = text_of(client.get(f"/admin/levels/members/{home.member.number}"))
    assert "No open violation of the house rules: there is one" in theirs
    refused = post(client, "/admin/levels/draft", {"version": "0", "clean_days": "-1"})
    assert refused.status_code == 422 and "between 0 and" in text_of(refused)


# The table of record


def test_the_history_is_a_table_for_admins(client, make, site_db, now):
    member = make.member(number=41, name="=Lin")
    with site_db.uow() as session:
        levels.ensure_ladder(session, now)
        levels.set_by_hand(
            session, number=41, level="contributor", until=now + 9 * DAY, reason="@first, \"said\" so", now=now,
            actor=ADMIN,
        )  # fmt: skip
    in_language(sign_in(client, make.account(roles=("admin",))), "en")
    assert "/admin/levels/history.csv" in text_of(client.get("/admin/levels"))
    answer = client.get("/admin/levels/history.csv")
    head, line = answer.get_data(as_text=True).splitlines()
    assert answer.mimetype == "text/csv" and head.startswith("\ufeffid,number,name,at,from,to,why")
    assert ",41,'=Lin," in line and ",participant,contributor,by_hand,1," in line
    assert '"\'@first, ""said"" so"' in line and member.number == 41
    sign_in(client, make.account(number=True, roles=("instructor", "host")))
    assert client.get("/admin/levels/history.csv").status_code == 403
