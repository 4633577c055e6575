"""The rules of the path, by examples and by properties."""

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunclub.kernel import Invalid
from qunclub.levels import rules, rules_typed
from qunclub.levels.rules import Conditions, Facts, Held, Ladder, Rung
from qunclub.points.rules import KINDS

NOW = dt.datetime(2026, 4, 15, 4, tzinfo=dt.UTC)
small = st.integers(0, 6)
some_kinds = st.dictionaries(st.sampled_from(("answer_best", "granted")), st.integers(1, 6))
conditions = st.builds(
    Conditions, points=small, recent_points=small, works=small, featured=small, answers=small, days=small,
    kinds=some_kinds, recent_kinds=some_kinds, has_pass=st.booleans(), clean=st.booleans(),
)  # fmt: skip
ladders = st.builds(
    lambda first, second, grace, stay: Ladder(
        {"participant": Rung(), "contributor": Rung(first), "opinion_leader": Rung(second), "core": Rung()},
        grace_days=grace,
        stay_days=stay,
    ),
    conditions, conditions, st.integers(1, 60), st.integers(0, 90),
)  # fmt: skip
facts_of = st.builds(
    Facts, points=small, recent_points=small, works=small, featured=small, answers=small, days=small,
    kinds=some_kinds, recent_kinds=some_kinds, has_pass=st.booleans(), clean=st.booleans(), core=st.booleans(),
    violation=st.booleans(),
)  # fmt: skip
moments = st.integers(-400, 400).map(lambda days: NOW + dt.timedelta(days=days))
held = st.builds(Held, st.sampled_from(rules.LEVELS), moments, st.none() | moments, st.none() | moments)
ALL = Facts(1000, 1000, {}, {}, 9, 9, 9, 400, True, True)


@given(facts_of, ladders, st.sampled_from(rules.NUMBERS), small)
def test_more_never_stands_lower(facts, ladder, what, more):
    better = replace(facts, **{what: getattr(facts, what) + more}, has_pass=True, clean=True, violation=False)
    low, high = rules.evaluate(facts, ladder), rules.evaluate(better, ladder)
    assert rules.rank(low.level) <= rules.rank(high.level)
    assert rules.evaluate(facts, ladder) == low  # the same facts, the same standing


@given(facts_of, ladders)
def test_what_is_missing_is_exactly_what_keeps_one_from_the_next_level(facts, ladder):
    standing = rules.evaluate(facts, ladder)
    assert bool(standing.missing) == (standing.next is not None)
    if standing.next in rules.EDITABLE:
        kinds = {**facts.kinds, **{m.kind: m.need for m in standing.missing if m.what == "kind"}}
        lately = {
            **facts.recent_kinds,
            **{m.kind: m.need for m in standing.missing if m.what == "recent_kind"},
        }
        numbers = {m.what: m.need for m in standing.missing if m.what in rules.NUMBERS}
        flags = {m.what: True for m in standing.missing if m.what in rules.FLAGS}
        if any(m.what == "violation" for m in standing.missing):
            flags["violation"] = False
        mended = replace(facts, kinds=kinds, recent_kinds=lately, **numbers, **flags)
        assert rules.rank(rules.evaluate(mended, ladder).level) >= rules.rank(standing.next)
        assert all(one.have < one.need for one in standing.missing)


@given(facts_of, ladders)
def test_the_way_up_from_the_level_reached_is_what_is_missing(facts, ladder):
    standing = rules.evaluate(facts, ladder)
    assert set(rules.toward(facts, ladder, standing.level).missing) == set(standing.missing)


@given(held, facts_of, ladders, moments)
def test_the_core_is_whoever_sits_in_it(mine, facts, ladder, now):
    assert (rules.step(mine, facts, ladder, now).held.level == "core") == facts.core


@given(held, facts_of, ladders, moments)
def test_down_only_after_a_letter_and_its_day(mine, facts, ladder, now):
    move = rules.step(mine, facts, ladder, now)
    down = rules.rank(move.held.level) < rules.rank(mine.level)
    if move.why == "lost":
        assert down and mine.lose_at is not None and mine.lose_at <= now
    elif down:
        assert move.why == "core_left" and move.held.level == "opinion_leader"
    if move.warn:
        assert move.held.lose_at is not None
        assert move.held.lose_at >= now + dt.timedelta(days=ladder.grace_days)
        assert move.held.lose_at >= move.held.since + dt.timedelta(days=ladder.stay_days)
    if move.held.lose_at is not None:
        assert rules.rank(rules.evaluate(facts, ladder).level) < rules.rank(move.held.level)


@given(held, facts_of, ladders, moments)
def test_a_second_look_at_the_same_moment_changes_and_tells_nothing_more(mine, facts, ladder, now):
    first = rules.step(mine, facts, ladder, now)
    second = rules.step(first.held, facts, ladder, now)
    # Whoever has just left the core and reaches more than they are held to rises at the second look.
    assert second.held == first.held and not second.why and not second.warn


@given(held.filter(lambda one: one.level != "core"), facts_of, ladders, moments)
def test_a_hand_holds_until_it_is_over(mine, facts, ladder, now):
    facts = replace(facts, core=False)
    move = rules.step(mine, facts, ladder, now)
    if mine.hand_until is not None and now < mine.hand_until:
        assert move.held.level == mine.level and not move.warn and not move.why
    else:
        assert move.held.hand_until is None


@given(ladders, st.lists(st.tuples(st.integers(1, 20), facts_of), max_size=30))
def test_no_level_is_lost_before_it_was_kept(ladder, days):
    mine, now = Held("participant", NOW), NOW
    for step, facts in days:
        now += dt.timedelta(days=step)
        move = rules.step(mine, facts, ladder, now)
        if move.why == "lost":
            assert now >= mine.since + dt.timedelta(days=ladder.stay_days)
        mine = move.held
        assert now < rules.look_again(mine, now) <= now + rules.DAY


@given(ladders)
def test_a_ladder_is_kept_and_read_alike(ladder):
    assert Ladder.of(ladder.to_json()) == ladder


def test_the_ladder_a_club_comes_with():
    rules_typed.check(rules.DEFAULT, KINDS)
    assert rules.evaluate(Facts(), rules.DEFAULT).level == "participant"
    assert rules.evaluate(ALL, rules.DEFAULT) == rules.Standing(
        "opinion_leader", "core", (rules.Missing("core", 0, 1),)
    )
    assert rules.evaluate(replace(ALL, featured=0), rules.DEFAULT).missing == (
        rules.Missing("featured", 0, 1),
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"points": -1}, "contributor_points"),
        ({"kinds": {"nothing": 3}}, "contributor_kinds"),
        ({"recent_kinds": {"granted": 0}}, "contributor_recent_kinds"),
    ],
)
def test_what_no_level_may_ask(change, field):
    rungs = {**rules.DEFAULT.rungs, "contributor": Rung(Conditions(**change))}
    with pytest.raises(Invalid) as refused:
        rules_typed.check(replace(rules.DEFAULT, rungs=rungs), KINDS)
    assert refused.value.field == field


@given(some_kinds)
def test_kinds_are_written_and_read_alike(kinds):
    assert rules_typed.parse_kinds(rules_typed.written_kinds(kinds), "x") == kinds


@pytest.mark.parametrize("typed", ["answer_best", "answer_best x", "a 1, a 2", "answer_best 1 2"])
def test_kinds_that_cannot_be_read(typed):
    with pytest.raises(Invalid):
        rules_typed.parse_kinds(typed, "x")


def test_a_violation_is_asked_about_with_clean_alone():
    asked = Conditions(clean=True)
    assert [one.what for one in rules.lacks(Facts(violation=True), asked)] == ["violation"]
    assert rules.lacks(Facts(violation=True), Conditions()) == () == rules.lacks(Facts(), asked)
    assert [one.what for one in rules.lacks(Facts(clean=False, violation=True), asked)] == [
        "clean",
        "violation",
    ]


def test_rules_of_before_keep_what_they_meant():
    old = rules.DEFAULT.to_json()
    old.pop("clean_days")
    assert Ladder.of(old).clean_days == 0 and Ladder.of(rules.DEFAULT.to_json()) == rules.DEFAULT
