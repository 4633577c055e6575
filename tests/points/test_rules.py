"""The rules of points, without a database."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunclub.kernel import Invalid
from qunclub.points import rules
from qunclub.points.queries_ranking import Cursor, Score

DAY = dt.date(2026, 1, 1)
scores = st.integers(min_value=1, max_value=20_000)


def counts_of(points):
    kept: dict[tuple[int, int], int] = {}
    for value in points:
        for span in rules.SPANS:
            key = (span, value - value % span)
            kept[key] = kept.get(key, 0) + 1
    return kept


@given(st.lists(scores, max_size=60), st.integers(min_value=0, max_value=20_001))
def test_the_blocks_above_hold_exactly_the_members_with_more(points, mine):
    narrow, middle, wide = rules.edges_above(mine)
    counted = 0
    read = {span: 0 for span in rules.SPANS}
    for (span, low), members in counts_of(points).items():
        low_edge, high_edge = {1: (narrow, middle), 64: (middle, wide), 4096: (wide, None)}[span]
        if low >= low_edge and (high_edge is None or low < high_edge):
            counted += members
            read[span] += 1
    assert counted == sum(1 for value in points if value > mine)
    assert read[1] < 64 and read[64] < 64


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 9000), st.integers(0, 9000)), max_size=30))
def test_moving_members_keeps_the_counts_what_a_recount_gives(moves):
    kept: dict[tuple[int, int, int], int] = {}
    for window, before, _after in moves:
        for span in rules.SPANS:
            if before:
                key = (window, span, before - before % span)
                kept[key] = kept.get(key, 0) + 1
    changes = rules.count_changes(moves)
    assert changes == sorted(changes) and len({c[:3] for c in changes}) == len(changes)
    for window, span, low, step in changes:
        assert step != 0
        kept[window, span, low] = kept.get((window, span, low), 0) + step
    for window in {m[0] for m in moves}:
        expected = counts_of([after for w, _before, after in moves if w == window and after])
        assert {k[1:]: v for k, v in kept.items() if k[0] == window and v} == expected


@given(st.lists(scores, min_size=1, max_size=40), st.integers(0, 39))
def test_places_of_any_page_are_those_of_the_whole_ranking(points, start):
    ordered = sorted(points, reverse=True)
    page = ordered[start : start + 10]
    if not page:
        return

    def place(value):
        return 1 + sum(1 for other in ordered if other > value)

    lower = next((value for value in page if value != page[0]), page[0])
    assert rules.places(page, place(page[0]), place(lower)) == [place(value) for value in page]


def test_the_order_of_a_ranking_is_points_then_features_then_the_earlier_day_then_the_lower_number():
    best = [
        Score(1, 9, 30, 0, DAY),
        Score(2, 8, 20, 2, DAY + dt.timedelta(3)),
        Score(3, 7, 20, 1, DAY),
        Score(4, 2, 20, 1, DAY + dt.timedelta(1)),
        Score(5, 6, 20, 1, DAY + dt.timedelta(1)),
        Score(6, 1, 0, 0, None),
        Score(7, 3, 0, 0, None),
    ]
    assert sorted(reversed(best), key=rules.order) == best


def test_a_rule_that_is_off_earns_nothing_and_an_own_amount_wins_over_the_rule():
    award = rules.Award(1, "homework_accepted", "s", amount=83)
    assert rules.worth(award, rules.Rule(100, 0, True)) == 83
    assert rules.worth(award, rules.Rule(100, 0, False)) == 0
    assert rules.worth(rules.Award(1, "pass_issued", "s"), rules.Rule(10, 0, True)) == 10


@pytest.mark.parametrize("amount", [-1, rules.MOST + 1])
def test_an_amount_out_of_bounds_is_refused_by_name(amount):
    with pytest.raises(Invalid) as refused:
        rules.check_amount(amount)
    assert refused.value.field == "amount"


def test_a_window_holds_its_start_and_not_its_end():
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    end = dt.datetime(2026, 2, 1, tzinfo=dt.UTC)
    assert rules.covers(start, end, start)
    assert not rules.covers(start, end, end)
    assert rules.covers(None, None, start)
    assert not rules.covers(start, end, start - dt.timedelta(microseconds=1))


@given(scores, st.integers(0, 50), st.dates(dt.date(2000, 1, 1), dt.date(2100, 1, 1)), scores)
def test_a_cursor_survives_the_address(points, honours, day, number):
    cursor = Cursor(points, honours, day, number)
    assert Cursor.parse(str(cursor)) == cursor


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "1.2.3",
        "1.2.20261340.4",
        "1.2.20260101.99999999999999",
        "1.2.99999999999999999999.4",
        "-1.0.20260101.1",
    ],
)
def test_a_cursor_that_was_tampered_with_is_refused(text):
    with pytest.raises(Invalid):
        Cursor.parse(text)
