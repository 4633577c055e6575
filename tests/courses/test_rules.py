"""The rules of courses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunclub.courses import rules
from qunclub.kernel import Invalid

ORDERS = st.lists(st.integers(), min_size=1, max_size=20, unique=True)


@given(ORDERS, st.data(), st.integers(-30, 30))
def test_moving_keeps_everybody_and_the_order_of_the_others(order, data, step):
    item = data.draw(st.sampled_from(order))
    moved = rules.move(order, item, step)
    assert sorted(moved) == sorted(order)
    assert [one for one in moved if one != item] == [one for one in order if one != item]
    assert moved.index(item) == max(0, min(len(order) - 1, order.index(item) + step))


@given(ORDERS, st.sets(st.integers()))
def test_the_next_lesson_is_the_first_not_done(order, done):
    found = rules.next_lesson(order, done=done)
    assert (found is None) == set(order).issubset(done)
    if found is not None:
        assert found not in done and all(one in done for one in order[: order.index(found)])


@pytest.mark.parametrize(
    ("preview", "done", "allowed", "state"),
    [
        (True, False, False, "preview"),
        (False, False, False, "locked"),
        (False, False, True, "open"),
        (True, False, True, "open"),
        (False, True, True, "done"),
        # What was learned stays learned when a pass ends.
        (False, True, False, "done"),
    ],
)
def test_how_an_outline_marks_a_lesson(preview, done, allowed, state):
    found = rules.marks([(7, preview)], done={7} if done else (), allowed=allowed)
    assert found[7].state == state


@pytest.mark.parametrize("slug", ["", "-a", "a-", "a--b", "A", "a b", "a/b", "课", "a" * 81, "..", "a\n"])
def test_what_cannot_stand_in_an_address(slug):
    with pytest.raises(Invalid):
        rules.check_slug(slug)


@pytest.mark.parametrize("slug", ["a", "one-page", "2013j", "a" * 80])
def test_what_can(slug):
    assert rules.check_slug(slug) == slug
