"""Into which group members come: never oversold, always the same, and no group missing when one is due."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from qunclub import groups
from qunclub.groups import doctor, rules, rules_allocation
from qunclub.groups.models import Group
from qunclub.groups.rules import ALLOCATIONS, capacity_of
from qunclub.groups.rules_allocation import Place, allocate, choose, label_of, to_open
from qunclub.kernel import Invalid

LABELS = st.sampled_from(["", "北京", "Berlin"])
KEYS = st.sampled_from(["", "北京", " berlin ", "Oslo"])


@st.composite
def lines(draw):
    """(policy, what to_open asks of a line)."""
    return draw(st.sampled_from(ALLOCATIONS)), {
        "capacities": draw(st.lists(st.integers(1, 4), min_size=1, max_size=5)),
        "repeat_last": draw(st.booleans()),
        "labels": draw(st.lists(LABELS, max_size=4)),
        "at_once": draw(st.integers(1, 3)),
    }


def grow(policy: Any, template: Any, places: Any) -> Any:
    due = to_open(policy, places, **template)
    assert due == list(range(len(places) + 1, len(places) + 1 + len(due)))
    return places + [
        Place(
            index,
            index,
            capacity_of(template["capacities"], template["repeat_last"], index) or 0,
            0,
            label_of(template["labels"], index),
        )
        for index in due
    ]


@given(lines(), st.lists(KEYS, max_size=30))
def test_whoever_comes_nothing_is_oversold_and_nobody_waits_for_a_group_that_could_open(line, keys):
    policy, template = line
    places = grow(policy, template, [])
    assert places
    waiting = 0
    for key in keys:
        found = choose(policy, places, key)
        if found is None:
            assert to_open(policy, places, **template) == []
            assert not template["repeat_last"] and len(places) == len(template["capacities"])
            waiting += 1
            continue
        assert found == choose(policy, list(reversed(places)), key)
        places = [replace(one, seated=one.seated + 1) if one.id == found.id else one for one in places]
        assert all(one.seated <= one.capacity for one in places)
        places = grow(policy, template, places)
        assert to_open(policy, places, **template) == []
    assert sum(one.seated for one in places) + waiting == len(keys)


@given(
    st.sampled_from(ALLOCATIONS),
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 4), LABELS), max_size=5),
    st.lists(KEYS, max_size=20),
)
def test_many_at_once_are_placed_as_one_after_the_other(policy, rows, keys):
    places = [
        Place(at, at, capacity, min(seated, capacity), label)
        for at, (capacity, seated, label) in enumerate(rows, start=1)
    ]
    given_ = allocate(policy, places, keys)
    room = {one.id: one.room for one in places}
    assert len(given_) == min(len(keys), sum(room.values()))
    assert all(count <= room[ident] for ident, count in Counter(given_).items())
    for at, ident in enumerate(given_):
        before = Counter(given_[:at])
        now = [replace(one, seated=one.seated + before[one.id]) for one in places]
        found = choose(policy, now, keys[at])
        assert found is not None and found.id == ident


def chosen(policy, places, key=""):
    found = choose(policy, places, key)
    return found.id if found else None


def test_the_ways_by_example():
    places = [Place(1, 1, 4, 3, "北京"), Place(2, 2, 2, 1, ""), Place(3, 3, 9, 0, "Berlin")]
    assert [chosen("first", places, "Oslo"), chosen("even", places)] == [1, 3]
    assert [chosen("city", places, key) for key in ("北京", "BERLIN ", "Oslo", "")] == [1, 3, 2, 2]
    full = [replace(one, seated=one.capacity) if one.id == 2 else one for one in places]
    assert chosen("city", full, "Oslo") == 3
    assert choose("course", [], "x") is None


def test_waves_open_together_when_all_are_full():
    line: Any = {"capacities": [2] * 5, "repeat_last": False, "at_once": 2}
    assert to_open("even", [], **line) == [1, 2]
    assert to_open("even", [Place(1, 1, 2, 2), Place(2, 2, 2, 1)], **line) == []
    assert to_open("even", [Place(1, 1, 2, 2), Place(2, 2, 2, 2)], **line) == [3, 4]
    assert to_open("city", [], **line, labels=["北京", "", "上海"]) == [1, 2, 3, 4]


def groups_of(session, line):
    found = session.scalars(select(Group).where(Group.line_id == line.id).order_by(Group.index))
    return [(one.label, one.seated) for one in found]


def test_an_even_line_fills_evenly_and_opens_as_many_more(session, make, now):
    line = make.group_line(capacities=[2] * 6, allocation="even", open_at_once=3)
    for _ in range(4):
        make.seat(line)
    assert groups_of(session, line) == [("", 2), ("", 1), ("", 1)]
    for _ in range(2):
        make.seat(line)
    assert groups_of(session, line) == [("", 2)] * 3 + [("", 0)] * 3
    assert doctor.check(session, now) == []


def test_by_city_a_member_comes_to_their_own(session, make, now):
    line = make.group_line(capacities=[1, 1, 2], allocation="city", labels=["Hangzhou", "Wuhan"])
    for city in ("Wuhan", "wuhan", "Hangzhou", "Oslo", "Oslo"):
        make.seat(line, make.member(number=True, city=city))
    assert groups_of(session, line) == [("Hangzhou", 1), ("Wuhan", 1), ("", 2)]
    assert line.waiting_count == 1
    assert doctor.check(session, now) == []


def test_by_course_the_pass_says_where(session, make, now):
    line = make.group_line(capacities=[5, 5], allocation="course", labels=["charts"])
    charts = make.plan(line=line, courses=[make.course(slug="charts", state="published")])
    words = make.plan(line=line, courses=[make.course(slug="words", state="published")])
    for plan in (words, charts, words):
        make.pass_(plan)
    assert groups_of(session, line) == [("charts", 1), ("", 2)]
    assert doctor.check(session, now) == []


def test_labels_of_groups_follow_the_line(session, make, now):
    line = make.group_line(capacities=[3, 3])
    draft = rules.LineDraft(
        slug=line.slug,
        name=line.name,
        capacities=[3, 3, 3],
        allocation="city",
        labels=["Wuhan", "Hangzhou"],
    )
    groups.update_line(session, line_id=line.id, version=1, draft=draft, actor=make.actor(), now=now)
    assert groups_of(session, line) == [("Wuhan", 0), ("Hangzhou", 0), ("", 0)]
    assert doctor.check(session, now) == []


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("allocation", {"allocation": "dice"}),
        ("allocation", {"kind": "core", "offer_hours": 3}),
        ("open_at_once", {"open_at_once": 0}),
        ("offer_hours", {"offer_hours": -1}),
        ("labels", {"labels": ["a", "b"]}),
        ("labels", {"labels": ["x" * 81]}),
    ],
)
def test_what_a_line_cannot_be(session, make, field, values):
    with pytest.raises(Invalid) as refused:
        make.group_line(**values)
    assert refused.value.field == field


def test_a_city_is_compared_without_spaces_and_case():
    assert rules_allocation.normal("  New   York ") == rules_allocation.normal("new york")
