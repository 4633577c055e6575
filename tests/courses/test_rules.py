"""The rules of courses."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunclub.courses import rules
from qunclub.courses.differences import lines
from qunclub.courses.rules import LessonMark, Opening
from qunclub.kernel import Access, Invalid

NOW = dt.datetime(2026, 3, 1, 8, tzinfo=dt.UTC)
OPEN, LOCKED = Access(True, "pass"), Access(False, "no_pass")


def marked(lessons, *, done=(), access=OPEN, ordered=False):
    return rules.marks(lessons, done=done, access=access, now=NOW, ordered=ordered)


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
    found = marked([Opening(7, preview)], done={7} if done else (), access=OPEN if allowed else LOCKED)
    assert found[7].state == state
    # What a pass no longer opens is not shown, even when it was done.
    assert found[7].readable == (allowed or preview)


def test_a_lesson_of_a_later_day_says_when_it_opens():
    later = NOW + dt.timedelta(days=3)
    assert marked([Opening(7, opens_at=later)])[7] == LessonMark(7, "later", False, opens_at=later)
    assert marked([Opening(7, opens_at=NOW)])[7].state == "open"
    # Staff reads what is coming, a preview is open whatever its day.
    assert marked([Opening(7, opens_at=later)], access=Access(True, "staff"))[7].readable
    assert marked([Opening(7, True, later)])[7].readable


def test_days_count_from_the_readers_own_start():
    drip = [Opening(1), Opening(2, opens_after_days=7)]
    begun = Access(True, "pass", since=NOW - dt.timedelta(days=6))
    assert marked(drip, access=begun)[2].opens_at == NOW + dt.timedelta(days=1)
    assert marked(drip, access=Access(True, "pass", since=NOW - dt.timedelta(days=7)))[2].readable
    # A date and days: the later of the two.
    both = [Opening(2, opens_at=NOW + dt.timedelta(days=9), opens_after_days=7)]
    assert marked(both, access=begun)[2].opens_at == NOW + dt.timedelta(days=9)


def test_in_an_ordered_course_each_waits_for_the_first_not_done():
    three = [Opening(1), Opening(2), Opening(3)]
    found = marked(three, done={1}, ordered=True)
    assert [found[n].state for n in (1, 2, 3)] == ["done", "open", "in_turn"]
    assert found[3].first == 2
    # What was done out of turn, before the course was put in order, stays open.
    assert marked(three, done={3}, ordered=True)[3].readable


@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(-5, 5) | st.none(), st.integers(0, 5) | st.none()), max_size=6
    ),
    st.sets(st.integers(0, 5)),
    st.booleans(),
    st.integers(0, 6),
)
def test_more_done_and_more_time_never_close_a_lesson(shape, done, ordered, days):
    lessons = [
        Opening(n, preview, None if at is None else NOW + dt.timedelta(days=at), after)
        for n, (preview, at, after) in enumerate(shape)
    ]
    access = Access(True, "pass", since=NOW - dt.timedelta(days=2))
    before = marked(lessons, done=done, access=access, ordered=ordered)
    more = marked(lessons, done=done | {0}, access=access, ordered=ordered)
    later = rules.marks(lessons, done=done, access=access, now=NOW + dt.timedelta(days=days), ordered=ordered)
    for ident, mark in before.items():
        if mark.readable:
            assert more[ident].readable and later[ident].readable
        else:
            assert mark.opens_at is not None or mark.first is not None


@pytest.mark.parametrize("slug", ["", "-a", "a-", "a--b", "A", "a b", "a/b", "课", "a" * 81, "..", "a\n"])
def test_what_cannot_stand_in_an_address(slug):
    with pytest.raises(Invalid):
        rules.check_slug(slug)


@pytest.mark.parametrize("slug", ["a", "one-page", "2013j", "a" * 80])
def test_what_can(slug):
    assert rules.check_slug(slug) == slug


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
def test_a_comparison_holds_both_texts_whole(old, new):
    found = lines("\n".join(old), "\n".join(new), around=99)
    assert [line.text for line in found if line.kind in ("same", "gone")] == old
    assert [line.text for line in found if line.kind in ("same", "new")] == new


def test_long_stretches_that_are_the_same_are_left_out():
    text = [str(n) for n in range(40)]
    found = lines("\n".join(text), "\n".join([*text[:20], "changed", *text[21:]]))
    assert [line.kind for line in found].count("gap") == 2
    assert sum(line.skipped for line in found) + sum(line.kind == "same" for line in found) == 39
