"""What JSON can write and no database takes is found, and named by its field."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from qunclub.kernel.halves import NO_TEXT, is_text, mended, misfits

LETTERS = st.sampled_from(["a", "群", "🎫", "\ud83c", "\udfab", "\x00"])
VALUES = st.recursive(
    st.none() | st.integers() | st.lists(LETTERS).map("".join),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.lists(LETTERS).map("".join), inner, max_size=3)
    ),
)


@given(st.text(st.characters()) | st.lists(LETTERS).map("".join))
def test_a_text_is_what_can_be_written_as_utf8_and_has_no_zero(text: str) -> None:
    try:
        text.encode()
        good = "\x00" not in text
    except UnicodeEncodeError:
        good = False
    assert is_text(text) is good and is_text(mended(text))
    assert (mended(text) == text) is good


@given(VALUES)
def test_a_value_without_misfits_can_be_kept_and_a_mended_one_has_none(value: object) -> None:
    told = json.dumps(value, ensure_ascii=False)
    try:
        told.encode()
        good = "\\u0000" not in told
    except UnicodeEncodeError:
        good = False
    assert (misfits(value) is None) is good
    assert misfits(mended(value)) is None


def test_they_are_named_where_they_stand() -> None:
    assert misfits({"a": [{"b": "\ud800"}], "c": "d"}) == {"a": {0: {"b": [NO_TEXT]}}}
    assert misfits({"\ud800": 1}) == {"\ufffd": [NO_TEXT]}
    assert misfits("x\x00") == [NO_TEXT]
    deep: object = "\ud800"
    for _level in range(500):
        deep = [deep]
    assert misfits(deep) is None, "refused for its shape"
