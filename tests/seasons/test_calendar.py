"""Seasons planned ahead, announced, opened by themselves at their start, and asked for once at their end."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from qunclub import points, seasons
from qunclub.kernel import Actor, Conflict, Invalid
from qunclub.kernel.outbox import OutboxMessage
from qunclub.kernel.store import AuditEntry
from qunclub.seasons import doctor, jobs_calendar, queries, rules_calendar, services_calendar
from qunclub.seasons.models import Season
from qunclub.seasons.rules_formula import Formula
from qunclub.web import state as web_state
from qunclub.web.uow import transaction

ADMIN = Actor.system("test")
SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = dt.timedelta(days=1)
FORMULA = Formula(
    5,
    2,
    protection=2,
    min_points=3,
    weights=(("granted", 50),),
    ties=("earlier",),
    need_pass=True,
    min_days=9,
)


def plan(session, now, *, first=dt.date(2026, 5, 1), count=3, kind="month", **values):
    slots = rules_calendar.slots(kind, first, count, SHANGHAI)
    given = {"formula": FORMULA, "group_id": None, "pattern": "Season {n}", "first_number": 4} | values
    return services_calendar.plan_ahead(session, slots, actor=ADMIN, now=now, **given)


def test_drafts_are_planned_with_one_formula_all_or_none(session, make, now):
    made = plan(session, now)
    assert [(one.slug, one.name, one.state) for one in made] == [
        ("2026-05", "Season 4", "draft"), ("2026-06", "Season 5", "draft"), ("2026-07", "Season 6", "draft"),
    ]  # fmt: skip
    assert all(one.formula == FORMULA for one in made)
    assert made[0].ends_at == made[1].starts_at
    for values, field in (
        ({}, "first"),
        ({"first": dt.date(2026, 3, 1)}, "first"),
        ({"first": dt.date(2026, 4, 20), "kind": "week"}, "first"),
        ({"first": dt.date(2026, 8, 1), "pattern": "Season"}, "pattern"),
        ({"first": dt.date(2026, 8, 1), "pattern": " "}, "pattern"),
        ({"first": dt.date(2026, 8, 1), "pattern": "{n}" + "x" * 120}, "pattern"),
        ({"first": dt.date(2026, 8, 1), "formula": Formula(0, 1)}, "seats"),
    ):
        with pytest.raises(Invalid) as refused:
            plan(session, now, **values)
        assert refused.value.field == field, values
    assert session.scalar(select(func.count()).select_from(Season)) == 3


def test_an_announced_season_is_public_and_locked_and_opens_at_its_start(session, make, now):
    may, june, _july = plan(session, now)
    member = make.member(number=1)
    with pytest.raises(Conflict):
        queries_public(session, "2026-05")
    services_calendar.announce(session, season_id=may.id, actor=ADMIN, now=now)
    assert (may.state, may.announced_at, may.window_id) == ("announced", now, None)
    assert queries_public(session, "2026-05").id == may.id
    assert [one.slug for one in queries.coming(session, now)] == ["2026-05"]
    assert queries.current(session, may.starts_at) is None
    values = {
        "name": "x",
        "slug": "x",
        "starts_at": may.starts_at,
        "ends_at": may.ends_at,
        "seats": 1,
        "eliminate": 0,
    }
    with pytest.raises(Conflict):
        seasons.update_season(session, season_id=may.id, version=may.version, actor=ADMIN, now=now, **values)
    for verb, moment in (
        (services_calendar.announce, now),
        (seasons.open_season, now),
        (seasons.freeze, may.ends_at),
    ):
        with pytest.raises(Conflict):
            verb(session, season_id=may.id, actor=ADMIN, now=moment)
    assert not services_calendar.open_due(session, season_id=may.id, now=may.starts_at - DAY)
    assert services_calendar.to_open(session, may.starts_at - DAY) == []
    assert services_calendar.to_open(session, may.starts_at) == [may.id]
    # The worker comes late: what was earned since the first moment counts, and nothing from before.
    make.earn(member, 7, at=may.starts_at)
    make.earn(member, 100, at=may.starts_at - dt.timedelta(seconds=1))
    assert [one.message for one in doctor.check(session, may.starts_at + DAY)] == [
        "announced seasons that did not open at their start: 2026-05"
    ]
    assert services_calendar.open_due(session, season_id=may.id, now=may.starts_at + DAY)
    assert not services_calendar.open_due(session, season_id=may.id, now=may.starts_at + DAY)
    assert may.state == "open"
    standing = points.standing(session, may.window_id, member.id)
    assert standing is not None and standing.points == 7
    assert june.state == "draft"
    assert doctor.check(session, now) == []


def queries_public(session, slug):
    try:
        return queries.by_slug(session, slug)
    except Exception as missing:
        raise Conflict("not public") from missing


def test_what_is_late_or_overlaps_is_not_announced(session, make, now):
    late = make.season(opened=False, days=12)
    with pytest.raises(Conflict, match="past"):
        services_calendar.announce(session, season_id=late.id, actor=ADMIN, now=now)
    may = plan(session, now)[0]
    beside = make.season(opened=False, starts_at=may.ends_at - DAY)
    services_calendar.announce(session, season_id=may.id, actor=ADMIN, now=now)
    with pytest.raises(Conflict):
        services_calendar.announce(session, season_id=beside.id, actor=ADMIN, now=now)
    # Opened late, it says since when its formula could be read.
    seasons.open_season(session, season_id=late.id, actor=ADMIN, now=now)
    assert late.announced_at == now > late.starts_at


def test_an_announced_season_can_be_withdrawn_until_it_begins(session, make, now):
    may = plan(session, now)[0]
    services_calendar.announce(session, season_id=may.id, actor=ADMIN, now=now)
    with pytest.raises(Conflict):
        services_calendar.withdraw(
            session, season_id=may.id, reason="Too early", actor=ADMIN, now=may.starts_at
        )
    services_calendar.withdraw(session, season_id=may.id, reason="Too early", actor=ADMIN, now=now)
    assert (may.state, may.announced_at) == ("draft", None)
    with pytest.raises(Conflict):
        services_calendar.withdraw(session, season_id=may.id, reason="Too early", actor=ADMIN, now=now)
    assert services_calendar.to_open(session, may.ends_at) == []
    services_calendar.announce(session, season_id=may.id, actor=ADMIN, now=now)
    assert may.state == "announced"


@pytest.fixture
def club_state(app):
    with app.app_context():
        yield web_state.club()


def letters(db):
    with db.session() as session:
        rows = session.scalars(select(OutboxMessage).where(OutboxMessage.key.like("mail:season_ended:%")))
        return sorted(row.payload["to"] for row in rows)


@pytest.fixture
def planned(db, make, now):
    """A season that is announced and begins in two weeks; two admins, one of them suspended, and a member."""
    for number, roles, away in ((1, ("admin",), None), (2, ("admin",), now), (3, (), None)):
        make.member(number=number, email=f"p{number}@example.com", roles=roles, suspended_at=away)
    with db.session() as session:
        with transaction(session) as work:
            season = plan(work, now, count=1)[0]
            services_calendar.announce(work, season_id=season.id, actor=ADMIN, now=now)
        session.refresh(season)
        session.expunge(season)
    return season


def state_of(db, season):
    with db.session() as session:
        return session.get_one(Season, season.id).state


def test_the_sweep_opens_and_asks_once_however_often_it_runs(db, planned, club_state, clock):
    assert jobs_calendar.sweep(club_state) == 0
    clock.now = planned.starts_at
    assert [jobs_calendar.sweep(club_state) for _ in range(2)] == [1, 0]
    assert state_of(db, planned) == "open" and letters(db) == []
    clock.now = planned.ends_at
    assert [jobs_calendar.sweep(club_state) for _ in range(2)] == [1, 0]
    assert letters(db) == ["p1@example.com"]
    with db.session() as session:
        opened = select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "season.open")
        assert session.scalar(opened) == 1
        message = session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "mail")).one()
        assert message.payload["context"]["season"] == "Season 4"


class Killed(BaseException):
    """What a kill looks like from inside: nothing after it happens."""


@pytest.mark.parametrize("moment", ["starts_at", "ends_at"])
def test_a_sweep_that_is_killed_leaves_nothing_half_done_and_the_next_does_it_once(
    db, planned, club_state, clock, monkeypatch, moment
):
    if moment == "ends_at":
        clock.now = planned.starts_at
        jobs_calendar.sweep(club_state)
    clock.now = getattr(planned, moment)
    verb = {"starts_at": "open_due", "ends_at": "tell_end"}[moment]
    real, before = getattr(services_calendar, verb), state_of(db, planned)

    def killed(session, **given):
        assert real(session, **given)
        session.flush()
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(services_calendar, verb, killed)
        jobs_calendar.sweep(club_state)
    club_state.session().rollback()
    assert state_of(db, planned) == before and letters(db) == []
    assert [jobs_calendar.sweep(club_state) for _ in range(2)] == [1, 0]
    assert state_of(db, planned) == "open"
    assert letters(db) == (["p1@example.com"] if moment == "ends_at" else [])


def test_a_season_that_is_frozen_in_time_asks_nobody(db, planned, club_state, clock):
    clock.now = planned.starts_at
    jobs_calendar.sweep(club_state)
    with db.session() as session, transaction(session) as work:
        seasons.freeze(work, season_id=planned.id, actor=ADMIN, now=planned.ends_at)
    clock.now = planned.ends_at
    assert jobs_calendar.sweep(club_state) == 0 and letters(db) == []
