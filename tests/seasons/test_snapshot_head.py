"""Only the first places of a snapshot are in order in an index: with a short one everything comes out the same."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import select

from qunclub.seasons import field, services_offers, snapshot
from qunclub.seasons.models_offers import RunnerUp
from qunclub.seasons.queries_floor import bars
from qunclub.seasons.rules import plan_season

COUNTS = (1, 6, 25_000)


@pytest.fixture(params=[25_000, 4], ids=["rows", "sheets"])
def frozen(request, session, make, monkeypatch):
    """A core of three, and a season in which many of the others may not rise, frozen."""
    members = make.ranking([0] * 30)
    first = make.season(seats=3, eliminate=1)
    for member in members[:3]:
        make.earn(member, 5, at=first.starts_at)
    make.closed(first)
    season = make.season(starts_at=first.ends_at, seats=3, eliminate=2, min_points=2)
    chance = random.Random(5)
    for member in members[2:]:
        make.earn(member, chance.randrange(1, 9), at=season.starts_at)
    for member in chance.sample(members[3:], 18):
        member.suspended_at = season.starts_at
    session.flush()
    shorten(monkeypatch, request.param)
    return make.closed(season, steps=("freeze",)), members


def shorten(monkeypatch, head):
    monkeypatch.setattr(snapshot, "HEAD", head)


@pytest.mark.parametrize("head", COUNTS)
def test_the_plan_is_that_of_the_whole_snapshot(session, frozen, monkeypatch, head):
    season, members = frozen
    everybody = list(snapshot.by_place(session, season.id))
    shorten(monkeypatch, head)
    named = [members[29].id]
    rows = snapshot.deciding(session, season, named)
    assert len({row.member for row in rows}) == len(rows) and set(rows) <= set(everybody)
    assert named[0] in {row.member for row in rows}
    assert plan_season(rows, season.formula) == plan_season(everybody, season.formula)


@pytest.mark.parametrize("most", [2, 200])
@pytest.mark.parametrize("head", COUNTS)
def test_the_runners_up_are_the_best_of_the_whole_snapshot(session, make, frozen, monkeypatch, head, most):
    season, _members = frozen
    shorten(monkeypatch, head)
    monkeypatch.setattr(services_offers, "MOST_RUNNERS", most)
    make.closed(season, steps=("publish",))
    decided = {row.row.member for row in field.plan_of(season, snapshot.deciding(session, season)).outcomes}
    wanted = [
        row.member
        for row in snapshot.by_place(session, season.id)
        if not row.core and not row.bar and row.points >= 2 and row.member not in decided
    ][:most]
    query = select(RunnerUp.place, RunnerUp.member_id).where(RunnerUp.season_id == season.id)
    found = session.execute(query.order_by(RunnerUp.place)).all()
    assert [tuple(row) for row in found] == list(enumerate(wanted, start=1))
    assert wanted


def test_whoever_else_is_suspended_bars_only_themselves(session, make):
    shut, other, last = make.ranking([0] * 3)
    season = make.season(seats=1, min_days=1)
    for member in (shut, other, last):
        make.earn(member, 9, at=season.starts_at)
        member.numbered_at = season.starts_at
    shut.suspended_at = season.starts_at
    last.numbered_at = season.ends_at
    session.flush()
    wanted = {shut.id: "suspended", other.id: "", last.id: "few_days"}
    assert bars(session, season, season.formula, list(wanted)) == wanted


@pytest.mark.parametrize("limit", [1, 3, 7])
def test_the_best_are_those_who_may_rise_however_many_before_them_may_not(session, make, limit):
    members = make.ranking([0] * 30)
    season = make.season(seats=3)
    for points, member in enumerate(members, start=1):
        make.earn(member, points, at=season.starts_at)
    for member in members[4:]:
        member.suspended_at = season.starts_at
    session.flush()
    found = [row.member for row in field.best(session, season, limit=limit)]
    assert found == [member.id for member in reversed(members[:4])][:limit]
