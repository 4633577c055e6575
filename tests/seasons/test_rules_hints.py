"""Hints: exact distances, ways that reach and have nothing to spare, letters once a week."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunclub.points import rules_gains
from qunclub.points.rules_limits import NONE, Had, Limits
from qunclub.seasons import rules_hints as rules
from qunclub.seasons.rules import Row, distance, plan_season
from qunclub.seasons.rules_formula import Formula
from qunclub.seasons.rules_hints import Part, Way

UTC = dt.UTC
SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Offer:
    """A kind as a member finds it: points of one, weight, limits, and what they had."""

    kind: str
    each: int
    percent: int = 100
    limits: Limits = NONE
    had: Had = field(default_factory=Had)


def gains(one, days, most=rules.MOST_TIMES):
    return rules_gains.gains(one.limits, one.each, one.had, days=days, most=most, percent=one.percent)


def ways(gap, offers, *, days):
    return rules.ways(gap, [rules.Offer(one.kind, tuple(gains(one, days))) for one in offers])


def row(number, points, *, core=False, safe=0):
    return Row(number, number, points, 0, dt.date(2026, 4, 1) if points else None, core, safe)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.booleans(), st.sampled_from([0, 0, 1])), max_size=25),
    st.integers(1, 8),
    st.integers(0, 4),
    st.booleans(),
)
def test_the_distance_to_the_line_that_concerns_one_is_that_of_the_season(
    people, seats, eliminate, outranked
):
    rows = [row(n, p, core=c, safe=s if c else 0) for n, (p, c, s) in enumerate(people, start=1)]
    plan = plan_season(rows, Formula(seats, eliminate, only_outranked=outranked))
    for one in rows:
        found, told = rules.lines(one, plan), distance(one, plan)
        if told.side == "below":
            assert found.up == told.points > 0
        elif told.side == "closed":
            assert found.up is None
        elif told.side == "rises" and found.up is not None:
            assert found.up <= 0
        elif told.side == "stays" and found.down is not None:
            assert -found.down == told.points
        elif told.side == "leaves" and told.points:
            assert found.down == told.points


STEPS = st.sampled_from([(), ((1, 50),), ((2, 50), (4, 0)), ((3, 0),)])
LIMITS = st.builds(Limits, st.none() | st.integers(0, 40), st.none() | st.integers(0, 120), STEPS, st.just(0))
OFFERS = st.lists(
    st.builds(
        Offer,
        st.sampled_from(rules.DOABLE),
        st.integers(0, 60),
        st.sampled_from([0, 50, 100, 200]),
        LIMITS,
        st.builds(Had, st.integers(0, 30), st.integers(0, 5), st.integers(0, 100)),
    ),
    max_size=5,
    unique_by=lambda offer: offer.kind,
)


@given(st.integers(-5, 900), OFFERS, st.integers(0, 30))
def test_every_way_reaches_has_nothing_to_spare_and_breaks_no_cap(gap, offers, days):
    found = ways(gap, offers, days=days)
    assert found == ways(gap, offers, days=days)
    if gap <= 0 or not days:
        assert found == []
    by_kind = {offer.kind: offer for offer in offers}
    for way in found:
        assert way.points >= gap
        for part in way.parts:
            offer, sums = by_kind[part.kind], gains(by_kind[part.kind], days)
            assert 1 <= part.count <= rules.MOST_TIMES and part.points == sums[part.count - 1]
            less = sums[part.count - 2] if part.count > 1 else 0
            assert way.points - part.points + less < gap, "one thing less does not reach"
            if offer.percent == 100 and offer.limits.season is not None:
                assert part.points <= max(0, offer.limits.season - offer.had.season_points)
            if offer.percent == 100 and offer.limits.day is not None:
                assert part.points <= offer.limits.day * days
    counts = [way.count for way in found]
    assert counts == sorted(counts) and len(found) <= rules.MOST_WAYS


@given(OFFERS, st.integers(1, 30))
def test_more_of_a_kind_never_comes_to_less_and_each_adds_no_more_than_the_one_before(offers, days):
    for offer in offers:
        sums = [0, *gains(offer, days)]
        steps = [b - a for a, b in pairwise(sums)]
        assert all(step > 0 for step in steps)
        assert steps == sorted(steps, reverse=True)


def test_ways_by_example():
    homework, best = Offer("homework_accepted", 80), Offer("answer_best", 5)
    assert ways(100, [homework, best], days=9) == [
        Way((Part("homework_accepted", 2, 160),)), Way((Part("answer_best", 20, 100),)),
    ]  # fmt: skip
    # Half in this season: twice as many. Not at all: it is no way.
    assert ways(80, [Offer("homework_accepted", 80, 50)], days=9)[0].count == 2
    assert ways(80, [Offer("homework_accepted", 80, 0)], days=9) == []
    # Ten a day: two days for twenty, and on the last day twenty is out of reach.
    capped = Offer("answer_best", 5, limits=Limits(day=10))
    assert ways(20, [capped], days=2)[0].count == 4
    assert ways(20, [capped], days=1) == []
    # What was earned today leaves less of today; what was earned in the season leaves less of the season.
    assert ways(10, [Offer("answer_best", 5, limits=Limits(day=10), had=Had(5, 1, 5))], days=1) == []
    assert ways(10, [Offer("answer_best", 5, limits=Limits(season=12), had=Had(0, 0, 5))], days=9) == []
    # From the second of a day on half: better one a day.
    stepped = Offer("answer_best", 6, limits=Limits(steps=((1, 50),)))
    assert gains(stepped, 2, 4) == [6, 12, 15, 18]
    # None alone reaches it: together.
    two = [Offer("event_hosted", 30, limits=Limits(season=30), had=Had(0, 0, 0)), capped]
    assert ways(40, two, days=1) == [Way((Part("event_hosted", 1, 30), Part("answer_best", 2, 10)))]
    assert ways(41, two, days=1) == []
    assert ways(5, [], days=3) == []


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-04-01T12:00", None),
        ("2026-04-07T08:59", None),
        ("2026-04-07T09:00", "2026-04-07"),
        ("2026-04-09T08:59", "2026-04-07"),
        ("2026-04-09T09:00", None),
        ("2026-04-14T23:00", "2026-04-14"),
        ("2026-04-28T09:00", "2026-04-28"),
        ("2026-04-30T23:00", None),
        ("2026-05-01T00:00", None),
    ],
)
def test_letters_of_april(now, due):
    moment = dt.datetime.fromisoformat(now).replace(tzinfo=SHANGHAI)
    start, end = dt.datetime(2026, 3, 31, 16, tzinfo=UTC), dt.datetime(2026, 4, 30, 16, tzinfo=UTC)
    assert rules.week(moment, start, end, SHANGHAI) == (dt.date.fromisoformat(due) if due else None)


@given(
    st.integers(0, 24 * 330),
    st.integers(1, 100),
    st.integers(0, 24 * 101),
    st.sampled_from([SHANGHAI, ZoneInfo("Europe/Berlin"), ZoneInfo("America/Sao_Paulo")]),
)
def test_two_letters_of_a_season_are_a_week_apart(start, days, hours, zone):
    starts_at = dt.datetime(2026, 1, 1, tzinfo=UTC) + dt.timedelta(hours=start)
    ends_at = starts_at + days * DAY
    now = starts_at + dt.timedelta(hours=hours)
    due = rules.week(now, starts_at, ends_at, zone)
    if due is None:
        return
    assert starts_at <= now < ends_at
    assert (due - (ends_at - 3 * DAY).astimezone(zone).date()).days % 7 == 0
    later = now + 3 * DAY
    following = rules.week(later, starts_at, ends_at, zone)
    assert following is None or (following - due).days in (0, 7)
    assert (now - dt.datetime.combine(due, rules.HOUR, zone)) < rules.LATE


def test_days_left():
    end = dt.datetime(2026, 5, 1, tzinfo=UTC)
    assert [rules.days_left(end - span, end) for span in (DAY * 2, DAY * 2 - DAY / 3, DAY / 9, DAY * 0, -DAY)] == [
        2, 2, 1, 0, 0,
    ]  # fmt: skip
    assert Limits() == NONE
