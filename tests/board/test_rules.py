"""Whom a text mentions, how names are shown: the pure rules."""

from __future__ import annotations

import nh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunclub.board import rules
from qunclub.kernel import Invalid, render_markdown


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("@7", [7]),
        ("谢谢@12和@7。", [12, 7]),
        ("@7 @7 @07", [7]),
        ("me@7.example, x@7", []),
        ("@7a @_7 @1234567890", []),
        ("https://example.com/@7", []),
    ],
)
def test_mentions(text, numbers):
    assert rules.numbers_in(text) == numbers


def test_only_hosts_call_everybody():
    with pytest.raises(Invalid, match="Only hosts"):
        rules.check_mentions("@所有人 看这里", staff=False)
    assert rules.check_mentions("@all and @3", staff=True) == [3]
    with pytest.raises(Invalid, match="at most"):
        rules.check_mentions(" ".join(f"@{n}" for n in range(1, 30)), staff=True)


def test_marks_stand_in_text_only():
    html = render_markdown("@7 `@7` [@7](https://example.com/@7) and @8\n\n```\n@7\n```")
    marked = rules.marked(html, {7})
    assert marked.count('<span class="qc-at">@7</span>') == 1
    assert "@8" in marked and 'qc-at">@8' not in marked


@given(st.text(alphabet='@7 <>&"`*[]()\n请a_', max_size=60))
def test_marks_and_names_keep_the_html_clean(text):
    html = render_markdown(text)
    shown = rules.named(rules.marked(html, {7, 77}), {7: '<b onclick="x">'}, "/members/{}".format)
    assert "<b onclick" not in shown
    # Nothing but the marks came in.
    assert nh3.clean(shown, tags=set()).replace(" ", "").count("@") == nh3.clean(html, tags=set()).count("@")


def test_nobody_can_forge_a_mark():
    html = render_markdown('<span class="qc-at">@9</span>')
    assert rules.named(rules.marked(html, set()), {9: "Hua"}, str) == html


@pytest.mark.parametrize("text", ["", " \n ", "\r\n"])
def test_nothing_is_no_post_but_with_a_picture(text):
    with pytest.raises(Invalid) as refused:
        rules.check_body(text)
    assert refused.value.field == "body_md"
    assert rules.check_body(text, pictures=1) == ""


def test_too_much_is_refused():
    with pytest.raises(Invalid):
        rules.check_body("x" * (rules.MOST_BODY + 1))
    with pytest.raises(Invalid):
        rules.check_title("", announcement=True)
    with pytest.raises(Invalid):
        rules.check_title("x" * 121, announcement=True)
    with pytest.raises(Invalid):
        rules.check_reason(" ")
    assert rules.check_title(" two\n lines ", announcement=True) == "two lines"
    assert rules.check_title("ignored", announcement=False) == ""
