"""The words of a welcome: what may stand in them, and how they are filled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunclub.groups import rules_welcome as rules
from qunclub.kernel import Invalid

WORDS = "Welcome, {nickname}[ from {city}], No. {number}."
text = st.text(max_size=20)


@pytest.mark.parametrize(
    "words",
    ["", WORDS, "欢迎 {nickname}[，来自{city}]，{number} 号会员。", "  {number}\n is here "],
)
def test_good_words_are_kept_on_one_line(words):
    kept = rules.check(words, field="words_en")
    assert kept == " ".join(words.split()) == rules.check(kept, field="words_en")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("Hello {name}", "no gap called {name}"),
        ("Hello {nickname}, {", "open here"),
        ("Hello {nickname} [from {city}", "open here"),
        ("Hello {nickname} [from [far] {city}]", "open here"),
        ("Hello everybody from {city}", "Say who it is"),
        ("{nickname}" + "x" * 200, "up to 200"),
    ],
)
def test_other_words_are_refused_with_the_field(words, says):
    with pytest.raises(Invalid) as refused:
        rules.check(words, field="words_zh")
    assert refused.value.field == "words_zh"
    assert says in str(refused.value.message) % {**refused.value.params}


@given(st.integers(1, 10**6), text, text)
def test_who_it_is_stands_there_as_they_are_called(number, nickname, city):
    said = rules.filled(WORDS, number=number, nickname=nickname, city=city)
    assert f"No. {number}." in said and nickname in said
    assert (
        (" from " + city.strip() in said) if city.strip() else said == f"Welcome, {nickname}, No. {number}."
    )


def test_braces_in_a_name_are_only_a_name():
    assert rules.filled("{nickname}!", number=1, nickname="{city}[x]", city="Xi'an") == "{city}[x]!"


def test_each_reads_their_language_where_there_are_words():
    assert rules.chosen("好", "good", "zh") == "好" and rules.chosen("好", "good", "en") == "good"
    assert rules.chosen("", "good", "zh") == "good" and rules.chosen("好", "", "en") == "好"
