"""The formula of a season: examples to read, and properties that hold for any season."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunclub import points
from qunclub.kernel import Conflict, Invalid
from qunclub.seasons.rules import (
    MOST_SEATS,
    Row,
    check_formula,
    check_step,
    distance,
    order,
    plan_season,
    safe_after,
    snapshot_hash,
    why_not,
)

DAY = dt.date(2026, 1, 1)


def row(number, points=0, *, core=False, safe=0, honours=0, day=0):
    last = DAY + dt.timedelta(day) if points else None
    return Row(number, number, points, honours if points else 0, last, core, safe if core else 0)


def numbers(outcomes):
    return [outcome.number for outcome in outcomes]


# ---- examples


def test_the_first_season_fills_the_empty_core_with_the_best():
    plan = plan_season([row(1, 10), row(2, 30), row(3), row(4, 20)], seats=2, eliminate=1)
    assert numbers(plan.promoted) == [2, 4]
    assert plan.kept == () and plan.eliminated == ()
    assert (plan.core_before, plan.free, plan.rise_above) == (0, 2, 20)
    assert plan.core_after == [2, 4]


def test_the_last_of_a_full_core_leaves_and_the_best_outside_rises():
    rows = [row(1, 50, core=True), row(2, 5, core=True), row(3, 40), row(4, 60)]
    plan = plan_season(rows, seats=2, eliminate=1)
    assert numbers(plan.promoted) == [4]
    assert numbers(plan.kept) == [1]
    assert numbers(plan.eliminated) == [2]
    assert plan.eliminated[0].place == 2 and plan.eliminated[0].facts["line"] == 50


def test_a_core_that_is_not_full_loses_nobody():
    plan = plan_season([row(1, 0, core=True), row(2, 9), row(3, 8)], seats=3, eliminate=2)
    assert plan.eliminated == () and plan.kept[0].reason == "seats_free"
    assert numbers(plan.promoted) == [2, 3]


def test_newcomers_are_safe_and_fewer_leave_when_fewer_may():
    rows = [row(1, 9, core=True), row(2, 1, core=True, safe=1), row(3, 0, core=True, safe=1)]
    plan = plan_season(rows, seats=3, eliminate=2)
    assert numbers(plan.eliminated) == [1]
    assert [o.reason for o in plan.kept] == ["protected", "protected"]


def test_eliminated_come_worst_last_and_nobody_without_points_rises():
    rows = [row(n, 10 - n, core=True) for n in range(1, 5)] + [row(9)]
    plan = plan_season(rows, seats=4, eliminate=2)
    assert numbers(plan.eliminated) == [3, 4]
    assert plan.promoted == () and plan.free == 2
    assert plan.rise_above == 0, "one point is enough while seats stay empty"


def test_ties_are_broken_by_features_then_the_earlier_day_then_the_lower_number():
    rows = [
        row(8, 20, honours=1, day=5),
        row(7, 20, honours=1, day=9),
        row(2, 20, day=1),
        row(3, 20, day=1),
        row(1),
    ]
    assert numbers(plan_season(rows, seats=4, eliminate=0).promoted) == [8, 7, 2, 3]


def test_a_minimum_keeps_the_door_closed_below_it():
    plan = plan_season([row(1, 30), row(2, 29)], seats=5, eliminate=0, min_points=30)
    assert numbers(plan.promoted) == [1]
    assert plan.rise_above == 29
    assert why_not(row(2, 29), plan, min_points=30) == "below_minimum"
    assert why_not(row(3), plan, min_points=30) == "no_points"


def test_more_may_be_named_to_leave_than_there_are_seats():
    plan = plan_season([row(1, 5, core=True), row(2, 3, core=True)], seats=2, eliminate=7)
    assert numbers(plan.eliminated) == [1, 2] and plan.kept == ()


def test_without_elimination_everybody_in_a_full_core_stays():
    plan = plan_season([row(1, 0, core=True), row(2, 99)], seats=1, eliminate=0)
    assert plan.kept[0].reason == "nobody_leaves" and plan.promoted == ()
    assert plan.rise_above is None and why_not(row(2, 99), plan, min_points=1) == "no_seat"
    assert distance(row(2, 99), plan, seats=1).side == "closed"


def test_a_smaller_core_than_before_gives_no_seat_before_it_fits():
    plan = plan_season([row(n, n, core=True) for n in range(1, 6)] + [row(9, 99)], seats=3, eliminate=1)
    assert numbers(plan.eliminated) == [1] and plan.promoted == () and plan.core_after == [2, 3, 4, 5]


def test_the_distance_is_what_it_takes():
    rows = [
        row(1, 50, core=True),
        row(2, 20, core=True),
        row(3, 4, core=True, safe=1),
        row(4, 60),
        row(5, 30),
    ]
    plan = plan_season(rows, seats=3, eliminate=1)
    sides = {r.number: distance(r, plan, seats=3) for r in rows}
    assert (sides[1].side, sides[1].points) == ("stays", 30)
    assert (sides[2].side, sides[2].points) == ("leaves", 31)
    assert sides[3].side == "protected"
    assert sides[4].side == "rises"
    assert (sides[5].side, sides[5].points) == ("below", 31)


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("ends_at", {"ends_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}),
        ("seats", {"seats": 0}),
        ("seats", {"seats": MOST_SEATS + 1}),
        ("eliminate", {"eliminate": MOST_SEATS + 1}),
        ("eliminate", {"eliminate": -1}),
        ("protection", {"protection": 13}),
        ("min_points", {"min_points": 0}),
        ("seats", {"capacity": 68}),
    ],
)
def test_a_formula_that_cannot_be_kept_is_refused_by_field(field, changed):
    formula: dict[str, Any] = {
        "starts_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        "ends_at": dt.datetime(2026, 2, 1, tzinfo=dt.UTC),
        "seats": 69,
        "eliminate": 7,
        "protection": 1,
        "min_points": 1,
    }
    check_formula(**formula)
    with pytest.raises(Invalid) as refused:
        check_formula(**(formula | changed))
    assert refused.value.field == field


STATES = ["draft", "open", "frozen", "published", "closed"]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("to", STATES[1:])
def test_a_season_goes_one_step_at_a_time_and_never_back(state, to):
    if STATES.index(to) == STATES.index(state) + 1:
        check_step(state, to)
    else:
        with pytest.raises(Conflict):
            check_step(state, to)


# ---- properties


@st.composite
def seasons(draw):
    size = draw(st.integers(0, 40))
    rows = []
    for number in range(1, size + 1):
        points = draw(st.sampled_from([0, 0, 1, 2, 3, 5, 8, 40]))
        rows.append(
            row(
                number,
                points,
                core=draw(st.booleans()),
                safe=draw(st.sampled_from([0, 0, 1, 2])),
                honours=draw(st.integers(0, 2)),
                day=draw(st.integers(0, 3)),
            )
        )
    seats = draw(st.integers(1, 15))
    return rows, {
        "seats": seats,
        "eliminate": draw(st.integers(0, seats + 3)),
        "min_points": draw(st.sampled_from([1, 1, 3])),
    }


@given(seasons())
def test_seats_are_never_exceeded_unless_they_were_and_then_never_grow(season):
    rows, formula = season
    plan = plan_season(rows, **formula)
    assert len(plan.core_after) <= max(formula["seats"], plan.core_before)
    if plan.promoted:
        assert len(plan.core_after) <= formula["seats"]
    assert len(plan.eliminated) <= formula["eliminate"]


@given(seasons())
def test_a_season_ranks_as_every_ranking_of_the_club_does(season):
    rows, _formula = season
    assert sorted(rows, key=order) == sorted(rows, key=points.order)


@given(seasons(), st.randoms())
def test_the_order_of_the_input_changes_nothing(season, chance):
    rows, formula = season
    shuffled = list(rows)
    chance.shuffle(shuffled)
    assert plan_season(shuffled, **formula) == plan_season(rows, **formula)


@given(seasons())
def test_nobody_is_in_two_lists_and_every_core_member_is_in_one(season):
    rows, formula = season
    plan = plan_season(rows, **formula)
    decided = [outcome.row.member for outcome in plan.outcomes]
    assert len(decided) == len(set(decided))
    assert {r.member for r in rows if r.core} == {o.row.member for o in (*plan.kept, *plan.eliminated)}
    assert all(not o.row.core for o in plan.promoted)


@given(seasons())
def test_the_protected_never_leave_and_a_core_with_room_loses_nobody(season):
    rows, formula = season
    plan = plan_season(rows, **formula)
    assert all(o.row.safe_closings == 0 for o in plan.eliminated)
    if plan.core_before < formula["seats"]:
        assert plan.eliminated == ()


@given(seasons())
def test_whoever_leaves_ranks_below_every_unprotected_who_stays(season):
    rows, formula = season
    plan = plan_season(rows, **formula)
    for gone in plan.eliminated:
        for stayed in plan.kept:
            assert stayed.row.safe_closings or order(stayed.row) < order(gone.row)
    risen = {o.row.member for o in plan.promoted}
    for up in plan.promoted:
        assert up.row.points >= formula["min_points"]
        for other in rows:
            if not other.core and other.member not in risen:
                assert order(up.row) < order(other)


@given(seasons(), st.integers(0, 39), st.integers(1, 50))
def test_more_points_never_make_an_outcome_worse(season, which, more):
    rows, formula = season
    if not rows:
        return
    worth = {"eliminated": 0, "none": 1, "kept": 1, "promoted": 2}
    index = which % len(rows)

    def outcome(of):
        plan = plan_season(of, **formula)
        return next((o.outcome for o in plan.outcomes if o.row.member == rows[index].member), "none")

    lucky = replace(rows[index], points=rows[index].points + more, last_day=rows[index].last_day or DAY)
    better = [*rows[:index], lucky, *rows[index + 1 :]]
    assert worth[outcome(better)] >= worth[outcome(rows)]


@given(seasons())
def test_one_point_over_the_line_is_enough_and_the_distance_says_so(season):
    rows, formula = season
    plan = plan_season(rows, **formula)
    for index, one in enumerate(rows):
        away = distance(one, plan, seats=formula["seats"])
        if away.side not in ("below", "leaves") or not away.points:
            continue
        moved = replace(one, points=one.points + away.points, last_day=one.last_day or DAY)
        after = plan_season([*rows[:index], moved, *rows[index + 1 :]], **formula)
        got = next((o.outcome for o in after.outcomes if o.row.member == one.member), "none")
        assert got == ("promoted" if away.side == "below" else "kept")


@given(seasons())
def test_only_the_core_and_the_best_outside_matter(season):
    rows, formula = season
    core = [r for r in rows if r.core]
    outside = sorted((r for r in rows if not r.core), key=order)[: formula["seats"]]
    positions = {r.member: n for n, r in enumerate(sorted(rows, key=order), start=1)}
    few = [replace(r, position=positions[r.member]) for r in (*core, *outside)]
    whole, part = plan_season(rows, **formula), plan_season(few, **formula)
    assert [(o.number, o.outcome, o.reason, o.place, o.position, o.facts) for o in part.outcomes] == [
        (o.number, o.outcome, o.reason, o.place, o.position, o.facts) for o in whole.outcomes
    ]
    assert (part.rise_above, part.leave_below) == (whole.rise_above, whole.leave_below)


@given(seasons(), st.integers(1, 4))
def test_years_of_seasons_never_overfill_and_protection_runs_out(season, protection):
    rows, formula = season
    members = {r.number: replace(r, core=False, safe_closings=0) for r in rows}
    chance = random.Random(5)
    for _closing in range(6):
        plan = plan_season(members.values(), **formula)
        assert len(plan.core_after) <= formula["seats"]
        for outcome in plan.eliminated:
            members[outcome.number] = replace(members[outcome.number], core=False)
        for outcome in plan.kept:
            one = members[outcome.number]
            members[outcome.number] = replace(one, safe_closings=safe_after(one.safe_closings))
        for outcome in plan.promoted:
            members[outcome.number] = replace(members[outcome.number], core=True, safe_closings=protection)
        for number, one in members.items():
            points = chance.choice([0, 1, 5])
            members[number] = replace(one, points=points, last_day=DAY if points else None, honours=0)


def test_the_hash_sees_every_field():
    rows = [replace(row(1, 5, core=True, safe=1, honours=1), position=1), replace(row(2, 3), position=2)]
    seen = {snapshot_hash(rows)}
    for changed in (
        {"points": 6}, {"honours": 2}, {"last_day": None}, {"core": False}, {"safe_closings": 0}, {"number": 3},
        {"position": 2}, {"member": 7},
    ):  # fmt: skip
        seen.add(snapshot_hash([replace(rows[0], **changed), rows[1]]))
    assert len(seen) == 9
    assert snapshot_hash(reversed(rows)) not in seen
