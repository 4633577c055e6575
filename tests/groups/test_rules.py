"""How a line grows and what a nickname looks like."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qunclub.groups import rules
from qunclub.groups.rules import LineDraft
from qunclub.kernel import Invalid

DRAFT = LineDraft(slug="a-line", name="A line", capacities=[3, 2])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2000x6, 1500, 1000", [2000] * 6 + [1500, 1000]),
        ("2000 × 6，1500、1000", [2000] * 6 + [1500, 1000]),
        ("69", [69]),
        (" 10*2 ;\n5 ", [10, 10, 5]),
    ],
)
def test_capacities_are_read_as_people_write_them(text, expected):
    assert rules.parse_capacities(text) == expected


@pytest.mark.parametrize(
    "text", ["", "many", "0", "5x0", "-3", "5x501", "100001", "3x", "1,5,x", "1" * 5_000, "5x" + "1" * 5_000]
)
def test_what_is_no_list_of_capacities_is_refused(text):
    with pytest.raises(Invalid) as refused:
        rules.parse_capacities(text)
    assert refused.value.field == "capacities"


def test_capacities_are_written_short_and_read_back():
    assert rules.write_capacities([2000] * 6 + [1500, 1000]) == "2000x6, 1500, 1000"
    assert rules.parse_capacities(rules.write_capacities([5, 5, 6, 5])) == [5, 5, 6, 5]


def test_a_line_ends_after_its_list_or_repeats_the_last():
    assert [rules.capacity_of([3, 2], False, index) for index in (1, 2, 3)] == [3, 2, None]
    assert [rules.capacity_of([3, 2], True, index) for index in (1, 2, 3, 99)] == [3, 2, 2, 2]
    assert rules.seats_to_come([3, 2, 1], False, 1) == 3
    assert rules.seats_to_come([3], True, 1) is None


@pytest.mark.parametrize(
    ("rule", "number", "name", "city", "expected"),
    [
        ("{number}-{nickname}-{city}", 1024, "小禾", "杭州", "1024-小禾-杭州"),
        ("", 7, "小禾", "杭州", "7-小禾-杭州"),
        ("{number}-{nickname}-{city}", 7, "小禾", "", "7-小禾"),
        ("{number}-{nickname}-{city}", None, "小禾", "杭州", "小禾-杭州"),
        ("{city}·{nickname}", 7, "小禾", "杭州", "杭州·小禾"),
    ],
)
def test_the_nickname_follows_the_rule(rule, number, name, city, expected):
    assert rules.nickname(rule, number=number, nickname=name, city=city) == expected


def test_the_rule_is_told_in_words():
    words = {"number": "编号", "nickname": "昵称", "city": "城市"}
    assert rules.describe_nickname("{number}-{nickname}-{city}", words) == "编号-昵称-城市"


def test_groups_are_named_by_the_pattern():
    assert rules.group_name("基础学习{index}群", "基础", 2) == "基础学习2群"
    assert rules.group_name("核心群", "核心", 1) == "核心群"
    assert rules.group_name("核心群", "核心", 2) == "核心群 2"
    assert rules.group_name("", "Learners", 3) == "Learners 3"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"slug": "A line"}, "slug"),
        ({"slug": ""}, "slug"),
        ({"name": "  "}, "name"),
        ({"kind": "core", "repeat_last": True}, "repeat_last"),
        ({"nickname_rule": "{phone}"}, "nickname_rule"),
        ({"capacities": []}, "capacities"),
        ({"capacities": [0]}, "capacities"),
    ],
)
def test_a_draft_that_cannot_be_kept_names_its_field(change, field):
    with pytest.raises(Invalid) as refused:
        rules.checked(replace(DRAFT, **change))
    assert refused.value.field == field


def test_open_groups_never_shrink_below_their_members():
    assert rules.checked(replace(DRAFT, capacities=[3]), opened=[(5, 3)]).capacities == [3]
    with pytest.raises(Invalid, match="3 members"):
        rules.checked(replace(DRAFT, capacities=[2]), opened=[(5, 3)])
    with pytest.raises(Invalid, match="2 groups"):
        rules.checked(replace(DRAFT, capacities=[9]), opened=[(5, 5), (5, 1)])


def test_who_may_post():
    assert rules.may_post("all", staff=False)
    assert rules.may_post("staff", staff=True)
    assert not rules.may_post("staff", staff=False)
