"""The pure rules: phases, terms that hold, places and prizes under any order."""

import dataclasses
import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunclub.contests import rules
from qunclub.contests.rules import Offer, Tally, Terms
from qunclub.kernel import Invalid

T = dt.datetime(2026, 4, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
TERMS = Terms(T, T + 10 * DAY, T + 15 * DAY)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (-1, "soon"),
        (0, "open"),
        (9, "open"),
        (10, "voting"),
        (14, "voting"),
        (15, "judging"),
        (99, "judging"),
    ],
)
def test_the_phase_follows_the_clock(day, expected):
    windows = {"opens_at": TERMS.opens_at, "closes_at": TERMS.closes_at, "votes_until": TERMS.votes_until}
    assert rules.phase(state="published", now=T + day * DAY, **windows) == expected
    assert rules.phase(state="draft", now=T + day * DAY, **windows) == "draft"
    assert rules.phase(state="results", now=T + day * DAY, **windows) == "results"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("closes_at", T),
        ("votes_until", T + 10 * DAY),
        ("jury_percent", 101),
        ("jury_percent", -1),
        ("votes_per_member", 0),
        ("votes_per_member", 51),
        ("entries_per_member", 0),
    ],
)
def test_terms_that_make_no_sense_name_their_field(field, value):
    with pytest.raises(Invalid) as error:
        rules.check_terms(dataclasses.replace(TERMS, **{field: value}))
    assert error.value.field == field


@pytest.mark.parametrize(
    ("field", "value", "day", "allowed"),
    [
        ("jury_percent", 60, 1, False),
        ("votes_per_member", 5, 1, False),
        ("entries_per_member", 2, 1, False),
        ("opens_at", T + DAY, 1, False),
        ("closes_at", T + 11 * DAY, 1, True),
        ("closes_at", T + 9 * DAY, 1, False),
        ("closes_at", T + 11 * DAY, 10, False),
        ("votes_until", T + 20 * DAY, 12, True),
        ("votes_until", T + 14 * DAY, 12, False),
        ("votes_until", T + 20 * DAY, 15, False),
    ],
)
def test_once_begun_only_more_time_is_given(field, value, day, allowed):
    new = dataclasses.replace(TERMS, **{field: value})
    rules.check_change(TERMS, new, begun=False, now=T + day * DAY)
    if allowed:
        rules.check_change(TERMS, new, begun=True, now=T + day * DAY)
    else:
        with pytest.raises(Invalid) as error:
            rules.check_change(TERMS, new, begun=True, now=T + day * DAY)
        assert error.value.field == field


def tally(ident, votes=0, scores=(), minutes=0):
    return Tally(ident, T + dt.timedelta(minutes=minutes), votes, sum(scores), len(scores))


def order(*tallies, jury_percent=50):
    return [one.entry_id for one in rules.places(tallies, jury_percent=jury_percent)]


def test_jury_and_votes_count_by_their_weight():
    by_jury, by_votes = tally(1, votes=1, scores=(90, 80)), tally(2, votes=10, scores=(10, 20))
    assert order(by_jury, by_votes, jury_percent=100) == [1, 2]
    assert order(by_jury, by_votes, jury_percent=0) == [2, 1]
    first = rules.places([by_jury, by_votes], jury_percent=60)[0]
    assert (first.entry_id, first.jury, first.result) == (1, 8500, 5500)


def test_ties_are_settled_by_jury_then_votes_then_time_then_id():
    # 50/50: 100 points of jury and none of votes equal none of jury and all votes.
    assert order(tally(1, votes=4), tally(2, scores=(100,)), tally(3, votes=4, scores=(0,))) == [2, 1, 3]
    assert order(tally(5, votes=2, minutes=9), tally(6, votes=2, minutes=3)) == [6, 5]
    assert order(tally(8), tally(7)) == [7, 8]


def test_nobody_scored_and_nobody_voted():
    ranked = rules.places([tally(1), tally(2)], jury_percent=50)
    assert [(one.place, one.jury, one.result) for one in ranked] == [(1, None, 0), (2, None, 0)]
    assert rules.prizes(ranked, [Offer(1, 1, 5)]) == {}


def test_prizes_go_by_place_from_the_first_of_the_list_that_fits():
    ranked = rules.places([tally(ident, votes=20 - ident) for ident in range(1, 9)], jury_percent=0)
    won = rules.prizes(ranked, [Offer(10, 1, 1), Offer(20, 2, 2), Offer(30, 5, 1), Offer(40, 1, 1)])
    assert won == {1: 10, 2: 20, 3: 20, 4: 40, 5: 30}


tallies = st.lists(
    st.builds(
        lambda ident, minutes, votes, scores: tally(ident, votes, scores, minutes),
        st.integers(1, 500),
        st.integers(0, 20),
        st.integers(0, 60),
        st.lists(st.integers(0, 100), max_size=5),
    ),
    max_size=25,
    unique_by=lambda one: one.entry_id,
)
offers = st.lists(
    st.builds(Offer, st.integers(1, 50), st.integers(1, 20), st.integers(1, 6)),
    max_size=6,
    unique_by=lambda one: one.prize_id,
)
percent = st.integers(0, 100)


@given(tallies, offers, percent, st.randoms(use_true_random=False))
def test_any_order_gives_the_same_places_and_no_prize_too_many(found, shelf, weight, random):
    ranked = rules.places(found, jury_percent=weight)
    mixed = list(found)
    random.shuffle(mixed)
    assert rules.places(mixed, jury_percent=weight) == ranked
    assert [one.place for one in ranked] == list(range(1, len(found) + 1))
    assert all(0 <= one.result <= rules.FULL for one in ranked)
    assert [one.result for one in ranked] == sorted((one.result for one in ranked), reverse=True)
    won = rules.prizes(ranked, shelf)
    assert rules.prizes(list(reversed(ranked)), shelf) == won
    place = {one.entry_id: one.place for one in ranked}
    for offer in shelf:
        given_out = [entry for entry, prize in won.items() if prize == offer.prize_id]
        assert len(given_out) <= offer.stock
        assert all(place[entry] >= offer.first_place for entry in given_out)


@given(tallies.filter(bool), percent, st.integers(0, 24), st.integers(1, 40), st.integers(0, 100))
def test_more_votes_or_a_better_score_never_lower_a_place(found, weight, which, more, bonus):
    one = found[which % len(found)]
    before = {row.entry_id: row.place for row in rules.places(found, jury_percent=weight)}
    room = one.scored * 100 - one.scores
    better = Tally(one.entry_id, one.entered_at, one.votes + more, one.scores + min(bonus, room), one.scored)
    changed = [better if row.entry_id == one.entry_id else row for row in found]
    after = {row.entry_id: row.place for row in rules.places(changed, jury_percent=weight)}
    assert after[one.entry_id] <= before[one.entry_id]
