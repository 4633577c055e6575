"""The rules of homework, by example and by property."""

import datetime as dt
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunclub.homework import rules
from qunclub.homework.rules import CriterionSpec, Scale
from qunclub.kernel import Invalid

NOW = dt.datetime(2026, 4, 15, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


@st.composite
def judged(draw):
    """A rubric and a score on each of its scales."""
    sizes = draw(st.lists(st.tuples(st.integers(1, 100), st.integers(1, 100)), min_size=1, max_size=12))
    scales = [Scale(ident, most, weight) for ident, (most, weight) in enumerate(sizes, 1)]
    return scales, {one.criterion_id: draw(st.integers(0, one.max_points)) for one in scales}


@given(judged())
def test_a_score_is_a_whole_percent(case):
    scales, scores = case
    assert 0 <= rules.rubric_score(scales, scores) <= 100


@given(judged())
def test_it_is_the_weighted_mean_to_half_a_percent(case):
    scales, scores = case
    exact = sum(Fraction(100 * s.weight * scores[s.criterion_id], s.max_points) for s in scales) / sum(
        s.weight for s in scales
    )
    assert abs(rules.rubric_score(scales, scores) - exact) <= Fraction(1, 2)


@given(judged())
def test_full_marks_are_100_and_none_are_0(case):
    scales, _scores = case
    assert rules.rubric_score(scales, {s.criterion_id: s.max_points for s in scales}) == 100
    assert rules.rubric_score(scales, {s.criterion_id: 0 for s in scales}) == 0


@given(judged(), st.data())
def test_a_better_score_on_one_scale_never_lowers_the_whole(case, data):
    scales, scores = case
    one = data.draw(st.sampled_from(scales))
    better = {**scores, one.criterion_id: data.draw(st.integers(scores[one.criterion_id], one.max_points))}
    assert rules.rubric_score(scales, better) >= rules.rubric_score(scales, scores)


@given(judged(), st.integers(2, 5))
def test_only_the_proportion_of_weights_counts(case, factor):
    scales, scores = case
    heavier = [Scale(s.criterion_id, s.max_points, s.weight * factor) for s in scales]
    assert rules.rubric_score(heavier, scores) == rules.rubric_score(scales, scores)


@given(judged(), st.data())
def test_a_missing_strange_or_impossible_score_is_refused(case, data):
    scales, scores = case
    one = data.draw(st.sampled_from(scales))
    missing = {key: value for key, value in scores.items() if key != one.criterion_id}
    for wrong in (missing, {**scores, 999: 1}, {**scores, one.criterion_id: one.max_points + 1}):
        with pytest.raises(Invalid):
            rules.rubric_score(scales, wrong)
    with pytest.raises(Invalid):
        rules.rubric_score(scales, {**scores, one.criterion_id: -1})


def test_half_a_percent_is_rounded_up():
    assert rules.rubric_score([Scale(1, 8, 1)], {1: 1}) == 13


@pytest.mark.parametrize(
    ("state", "attempt", "most", "opens_at", "says"),
    [
        (None, 0, None, None, None),
        (None, 0, None, NOW, None),
        (None, 0, None, NOW + HOUR, "not open yet"),
        ("waiting", 1, None, None, "waiting for its review"),
        ("accepted", 1, None, None, "is accepted"),
        ("returned", 1, None, None, None),
        ("returned", 2, 3, None, None),
        ("returned", 3, 3, None, "All 3 attempts"),
    ],
)
def test_when_work_can_be_handed_in(state, attempt, most, opens_at, says):
    refused = rules.refuse_submit(state=state, attempt=attempt, max_attempts=most, opens_at=opens_at, now=NOW)
    assert (refused is None) if says is None else (refused is not None and says in str(refused))


@pytest.mark.parametrize(
    ("claimed_by", "until", "held"),
    [
        (None, None, False),
        (2, NOW + HOUR, True),
        (1, NOW + HOUR, False),
        (2, NOW, False),
        (2, NOW - HOUR, False),
    ],
)
def test_a_lease_holds_until_its_moment(claimed_by, until, held):
    assert rules.held_by_other(claimed_by, until, member_id=1, now=NOW) is held


@pytest.mark.parametrize(
    ("state", "opens_at", "due_at", "most", "action"),
    [
        (None, None, None, None, "write"),
        (None, NOW + HOUR, None, None, "soon"),
        (None, None, NOW, None, "write"),
        (None, None, NOW - HOUR, None, "late"),
        ("waiting", None, None, None, "wait"),
        ("returned", None, NOW - HOUR, None, "revise"),
        ("returned", None, None, 1, "used_up"),
        ("accepted", None, None, None, "done"),
    ],
)
def test_what_to_do_next(state, opens_at, due_at, most, action):
    found = rules.next_action(
        state=state, attempt=1, max_attempts=most, opens_at=opens_at, due_at=due_at, now=NOW
    )
    assert found == action


@pytest.mark.parametrize(
    "criteria",
    [
        [],
        [CriterionSpec("a", 10)] * (rules.MAX_CRITERIA + 1),
        [CriterionSpec(" ", 10)],
        [CriterionSpec("a", 0)],
        [CriterionSpec("a", 101)],
        [CriterionSpec("a", 10, 0)],
    ],
)
def test_a_rubric_nobody_could_review_with_is_refused(criteria):
    with pytest.raises(Invalid):
        rules.check_criteria(criteria)
