"""The formula of a season: examples to read, and properties that hold for any season."""

from __future__ import annotations

import datetime as dt
import json
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunclub import points
from qunclub.kernel import Conflict, Invalid
from qunclub.seasons import rules
from qunclub.seasons.explain import not_risen, sentences
from qunclub.seasons.rules import (
    Row,
    Ruling,
    check_step,
    distance,
    last_risen,
    order,
    safe_after,
    snapshot_hash,
    why_not,
)
from qunclub.seasons.rules_formula import BARS, MOST_SEATS, Formula, check_formula, from_json, terms_of

DAY = dt.date(2026, 1, 1)


def plan_season(rows, rulings=(), **formula):
    return rules.plan_season(rows, Formula(**formula), rulings)


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
    assert why_not(row(2, 29), plan, Formula(1, 0, min_points=30)) == "below_minimum"
    assert why_not(row(3), plan, Formula(1, 0, min_points=30)) == "no_points"


def test_whoever_lost_the_seat_since_the_freeze_reads_that_and_no_line_they_stood_above():
    said, formula = [Ruling(1, "gone")], Formula(1, 0)
    plan = plan_season([row(1, 90, core=True), row(2, 50)], said, seats=1, eliminate=0)
    assert numbers(plan.promoted) == [2]
    assert why_not(row(1, 90, core=True), plan, formula, said) == "gone"
    told = not_risen("gone", {"points": 90, "position": 1})
    assert (
        "90 points" in told.message % told.params
        and "your account was suspended, or you were taken out for cause" in told.message
    )


def test_after_one_season_or_more_one_may_rise_again():
    facts = {"seats": 1, "left": 1, "points": 5, "place": 1, "core": 1}
    for many, words in (
        (0, "from the next season on"),
        (1, "after one more season"),
        (2, "after 2 more seasons"),
    ):
        told = sentences("eliminated", "lowest", {**facts, "reentry": many})[-1]
        assert words in told.message % told.params


def test_more_may_be_named_to_leave_than_there_are_seats():
    plan = plan_season([row(1, 5, core=True), row(2, 3, core=True)], seats=2, eliminate=7)
    assert numbers(plan.eliminated) == [1, 2] and plan.kept == ()


def test_without_elimination_everybody_in_a_full_core_stays():
    plan = plan_season([row(1, 0, core=True), row(2, 99)], seats=1, eliminate=0)
    assert plan.kept[0].reason == "nobody_leaves" and plan.promoted == ()
    assert plan.rise_above is None and why_not(row(2, 99), plan, Formula(1, 0, min_points=1)) == "no_seat"
    assert distance(row(2, 99), plan).side == "closed"


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
    sides = {r.number: distance(r, plan) for r in rows}
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
        ("eliminate_percent", {"eliminate_percent": 101}),
        ("min_works", {"min_works": -1}),
        ("min_days", {"min_days": 3651}),
        ("clean_days", {"clean_days": 3651}),
        ("leaves", {"leaves": 13}),
        ("reentry", {"reentry": 13}),
        ("appeal_days", {"appeal_days": 61}),
        ("weights", {"weights": (("granted", 1001),)}),
        ("ties", {"ties": ("featured", "featured")}),
        ("ties", {"ties": ("luck",)}),
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

    def check(**values):
        dates = {name: values.pop(name) for name in ("starts_at", "ends_at")}
        check_formula(Formula(**values), **dates, capacity=capacity)

    capacity = None
    check(**formula)
    capacity = changed.get("capacity")
    with pytest.raises(Invalid) as refused:
        check(**(formula | {name: value for name, value in changed.items() if name != "capacity"}))
    assert refused.value.field == field


STATES = ["draft", "announced", "open", "frozen", "published", "closed"]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("to", STATES[1:])
def test_a_season_goes_one_step_at_a_time_and_never_back(state, to):
    # A draft whose start is past is opened without being announced.
    if STATES.index(to) == STATES.index(state) + 1 or (state, to) == ("draft", "open"):
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
        rows[-1] = replace(
            rows[-1],
            bar=draw(st.sampled_from(["", "", "", "", "", *BARS])),
            on_leave=rows[-1].core and draw(st.sampled_from([False, False, True])),
        )
    seats = draw(st.integers(1, 15))
    return rows, {
        "seats": seats,
        "eliminate": draw(st.integers(0, seats + 3)),
        "min_points": draw(st.sampled_from([1, 1, 3])),
        "eliminate_percent": draw(st.sampled_from([0, 0, 10, 50])),
        "only_outranked": draw(st.booleans()),
        "ties": draw(st.sampled_from([(), ("featured",), ("featured", "earlier"), ("earlier", "featured")])),
    }


def allowed(r, formula):
    return not r.bar and r.points >= formula["min_points"]


@given(seasons())
def test_seats_are_never_exceeded_unless_they_were_and_then_never_grow(season):
    rows, formula = season
    plan = plan_season(rows, **formula)
    assert len(plan.core_after) <= max(formula["seats"], plan.core_before)
    if plan.promoted:
        assert len(plan.core_after) <= formula["seats"]
    lowest = [o for o in plan.eliminated if o.reason == "lowest"]
    assert len(lowest) <= Formula(**formula).leaving


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
    lowest = [o for o in plan.eliminated if o.reason != "suspended"]
    assert all(o.row.safe_closings == 0 and not o.row.on_leave for o in lowest)
    if sum(1 for r in rows if r.core and r.bar != "suspended") < formula["seats"]:
        assert lowest == []


@given(seasons())
def test_whoever_is_suspended_never_has_a_seat_and_whoever_is_barred_never_rises(season):
    rows, formula = season
    plan = plan_season(rows, **formula)
    assert all(o.row.bar != "suspended" for o in (*plan.kept, *plan.promoted))
    assert all(not o.row.bar for o in plan.promoted)


@given(seasons())
def test_nobody_leaves_but_for_somebody_better_where_the_formula_says_so(season):
    rows, formula = season
    formula["only_outranked"] = True
    plan = plan_season(rows, **formula)
    over = sum(1 for r in rows if r.core and r.bar != "suspended") - formula["seats"]
    lowest = [o for o in plan.eliminated if o.reason == "lowest"][::-1]
    ties = formula["ties"]
    for gone, better in zip(lowest[max(0, over) :], plan.promoted, strict=False):
        assert order(better.row, ties) < order(gone.row, ties)
    assert over < 0 or len(lowest) <= max(over, 0) + len(plan.promoted)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.lists(st.integers(1, 6), max_size=4))
def test_nobody_leaves_a_full_core_for_an_equal_or_a_worse(inside, outside):
    """Equal points: the lower number is better, and those inside have the lower ones."""
    rows = [row(n, many, core=True) for n, many in enumerate(inside, start=1)]
    rows += [row(n, many) for n, many in enumerate(outside, start=10)]
    plan = plan_season(rows, seats=len(inside), eliminate=len(inside), only_outranked=True)
    for gone, better in zip(plan.eliminated[::-1], plan.promoted, strict=True):
        assert better.row.points > gone.row.points
    assert bool(plan.eliminated) == (max(outside, default=0) > min(inside))


@given(seasons())
def test_whoever_leaves_ranks_below_every_unprotected_who_stays(season):
    rows, formula = season
    plan = plan_season(rows, **formula)
    ties = formula["ties"]
    for gone in plan.eliminated:
        for stayed in plan.kept:
            safe = stayed.row.safe_closings or stayed.row.on_leave or gone.reason == "suspended"
            assert safe or order(stayed.row, ties) < order(gone.row, ties)
    risen = {o.row.member for o in plan.promoted}
    for up in plan.promoted:
        assert up.row.points >= formula["min_points"]
        for other in rows:
            if not other.core and not other.bar and other.member not in risen:
                assert order(up.row, ties) < order(other, ties)


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
        away = distance(one, plan)
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

    def ranks(r):
        return order(r, formula["ties"])

    outside = sorted((r for r in rows if not r.core and not r.bar), key=ranks)[: formula["seats"]]
    positions = {r.member: n for n, r in enumerate(sorted(rows, key=ranks), start=1)}
    few = [replace(r, position=positions[r.member]) for r in (*core, *outside)]
    whole, part = plan_season(rows, **formula), plan_season(few, **formula)
    assert [(o.number, o.outcome, o.reason, o.place, o.position, o.facts) for o in part.outcomes] == [
        (o.number, o.outcome, o.reason, o.place, o.position, o.facts) for o in whole.outcomes
    ]
    assert (part.rise_above, part.leave_below) == (whole.rise_above, whole.leave_below)


RULED = st.lists(
    st.tuples(st.integers(1, 40), st.sampled_from(["keep", "promote", "exclude"])),
    max_size=6,
    unique_by=lambda one: one[0],
)


def decided(plan):
    return {o.row.member: o.outcome for o in plan.outcomes}


@given(seasons(), RULED)
def test_an_exception_changes_its_member_and_one_other_at_most(season, said):
    """However many others there are: each is as small as it can be."""
    rows, formula = season
    rulings = [Ruling(member, kind) for member, kind in said if member <= len(rows)]
    for last in range(len(rulings)):
        before = decided(plan_season(rows, rulings[:last], **formula))
        after = decided(plan_season(rows, rulings[: last + 1], **formula))
        changed = {m for m in before.keys() | after.keys() if before.get(m) != after.get(m)}
        assert len(changed - {rulings[last].member}) <= 1, (changed, rulings[last])
        assert len(after) == len(before) or changed


@given(seasons(), RULED)
def test_exceptions_exceed_no_seat_seat_no_suspended_and_put_nobody_in_two_lists(season, said):
    rows, formula = season
    plan = plan_season(rows, [Ruling(member, kind) for member, kind in said], **formula)
    assert len(plan.core_after) <= max(formula["seats"], plan.core_before)
    if plan.promoted:
        assert len(plan.core_after) <= formula["seats"]
    assert len(decided(plan)) == len(plan.outcomes)
    assert all(o.row.bar != "suspended" for o in (*plan.kept, *plan.promoted))
    kinds = dict(said)
    for o in plan.outcomes:
        if o.reason == "exception":
            assert kinds[o.row.member] in ("keep", "promote", "exclude")


@given(seasons(), RULED)
def test_no_seat_stays_free_while_somebody_may_rise(season, said):
    rows, formula = season
    kinds = {member: kind for member, kind in said if member <= len(rows)}
    plan = plan_season(rows, [Ruling(member, kind) for member, kind in kinds.items()], **formula)
    if len(plan.core_after) >= formula["seats"]:
        return
    risen = {o.row.member for o in plan.promoted}
    for one in rows:
        if allowed(one, formula) and not one.core and kinds.get(one.member) != "exclude":
            assert one.member in risen


@given(st.integers(1, 4), st.integers(0, 4), st.integers(0, 6))
def test_exceptions_promote_as_many_as_there_are_free_seats_the_best_first(seats, core, named):
    rows = [row(n, 50 + n, core=True) for n in range(1, min(core, seats) + 1)]
    rows += [row(n, n) for n in range(10, 17)]
    said = [Ruling(10 + n, "promote") for n in range(named)]
    plan = plan_season(rows, said, seats=seats, eliminate=0)
    by_exception = [o.number for o in plan.promoted if o.reason == "exception"]
    assert by_exception == [9 + named - n for n in range(min(named, plan.free))]
    assert len(plan.core_after) <= seats


@given(seasons(), st.sets(st.integers(1, 40), max_size=4))
def test_whoever_left_since_the_freeze_is_as_if_never_there(season, left):
    rows, formula = season
    positions = {o.row.member: o for o in plan_season(rows, **formula).outcomes}
    with_facts = plan_season(rows, [Ruling(member, "gone") for member in left], **formula)
    without = plan_season([r for r in rows if r.member not in left], **formula)
    assert decided(with_facts) == decided(without)
    assert not left & decided(with_facts).keys() and positions is not None


@given(seasons())
def test_a_formula_goes_to_json_and_back(season):
    _rows, values = season
    formula = Formula(**values, weights=(("granted", 50), ("lesson_completed", 0)), need_pass=True, leaves=2)
    assert from_json(json.loads(json.dumps(formula.as_json()))) == formula
    columns = {name: getattr(formula, name) for name in ("seats", "eliminate", "protection", "min_points")}
    assert from_json({**terms_of(formula), **columns, "unknown": 1}) == formula
    assert terms_of(Formula(3, 1)) == {}


def test_a_share_of_the_seats_leaves_at_least_one():
    assert Formula(20, 0, eliminate_percent=10).leaving == 2
    assert Formula(3, 9, eliminate_percent=10).leaving == 1


def test_only_who_is_outranked_leaves_and_the_distance_says_what_it_takes():
    rows = [row(1, 50, core=True), row(2, 20, core=True), row(3, 10, core=True), row(4, 15), row(5, 8)]
    plan = plan_season(rows, seats=3, eliminate=2, only_outranked=True)
    assert numbers(plan.eliminated) == [3] and numbers(plan.promoted) == [4]
    assert distance(rows[4], plan) == rules.Distance("below", 8), "above the last who rose is enough"
    # What it takes is not what the last who rose has: 60 rose, and the lowest who stays has 50.
    core = [row(1, 50, core=True), row(2, 10, core=True)]
    led = plan_season([*core, row(3, 60), row(4, 40)], seats=2, eliminate=2, only_outranked=True)
    assert numbers(led.promoted) == [3] and (led.rise_above, last_risen(led)) == (50, 60)
    alone = plan_season([*rows[:3], rows[4]], seats=3, eliminate=2, only_outranked=True)
    assert alone.eliminated == () and {o.reason for o in alone.kept} == {"not_outranked"}
    assert distance(rows[4], alone) == rules.Distance("below", 3), "above the lowest of the core"


def test_leave_keeps_the_seat_and_the_floor_keeps_the_door():
    rows = [
        replace(row(1, 0, core=True), on_leave=True),
        row(2, 9, core=True),
        replace(row(3, 90), bar="few_works"),
        row(4, 5),
    ]
    plan = plan_season(rows, seats=2, eliminate=1)
    assert numbers(plan.eliminated) == [2] and plan.kept[0].reason == "on_leave"
    assert numbers(plan.promoted) == [4]
    assert why_not(rows[2], plan, Formula(2, 1)) == "few_works"
    assert distance(rows[2], plan).side == "barred" and distance(rows[0], plan).side == "on_leave"


@given(seasons(), st.integers(1, 4))
def test_years_of_seasons_never_overfill_and_protection_runs_out(season, protection):
    rows, formula = season
    members = {r.number: replace(r, core=False, safe_closings=0, on_leave=False) for r in rows}
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


@given(st.integers(0, 12))
def test_protection_lasts_as_many_closings_as_it_says_and_no_longer(protection):
    """A full core of one newcomer and one better outside: safe for so many closings, then they leave."""
    safe, closings = protection, 0
    while plan_season([row(1, 1, core=True, safe=safe), row(2, 9)], seats=1, eliminate=1).kept:
        safe, closings = safe_after(safe), closings + 1
        assert closings <= protection
    assert (closings, safe) == (protection, 0)


@given(seasons())
def test_whoever_is_held_has_the_points_to_rise_and_something_else_against_them(season):
    rows, formula = season
    plan = plan_season(rows, **formula)
    up = {o.row.member for o in plan.promoted}
    ties = formula["ties"]
    for one in plan.held:
        assert one.bar and not one.core and one.member not in up and one.points >= formula["min_points"]
        # Without what is against them they would rise.
        freed = [replace(r, bar="") if r.member == one.member else r for r in rows]
        assert one.member in {o.row.member for o in plan_season(freed, **formula).promoted}
    assert [o.member for o in plan.held] == [
        o.member for o in sorted(plan.held, key=lambda r: order(r, ties))
    ]


def test_the_hash_sees_every_field():
    rows = [replace(row(1, 5, core=True, safe=1, honours=1), position=1), replace(row(2, 3), position=2)]
    seen = {snapshot_hash(rows)}
    for changed in (
        {"points": 6}, {"honours": 2}, {"last_day": None}, {"core": False}, {"safe_closings": 0}, {"number": 3},
        {"position": 2}, {"member": 7}, {"bar": "no_pass"}, {"on_leave": True},
    ):  # fmt: skip
        seen.add(snapshot_hash([replace(rows[0], **changed), rows[1]]))
    assert len(seen) == 11
    assert snapshot_hash(reversed(rows)) not in seen
