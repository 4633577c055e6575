"""What may be silenced, how a notice reads, whose link ends a mail: the pure rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunclub.kernel import Invalid
from qunclub.notices import rules, rules_links


@pytest.mark.parametrize("kind", ["seat", "removal", "covenant", "conduct", "money"])
def test_what_concerns_rights_or_money_is_never_silenced(kind):
    for chosen in (None, "none", "app", "nonsense"):
        assert rules.way_of(kind, chosen) == "all"
    for way in ("none", "app"):
        with pytest.raises(Invalid) as refused:
            rules.check_choice(kind, way)
        assert refused.value.field == kind


@pytest.mark.parametrize("kind", ["mention", "reply", "announcement"])
def test_the_rest_is_told_as_chosen(kind):
    for way in rules.WAYS:
        rules.check_choice(kind, way)
        assert rules.way_of(kind, way) == way
    assert rules.way_of(kind, None) == rules.KINDS[kind].usual


@pytest.mark.parametrize(("kind", "way"), [("nothing", "all"), ("mention", "loud"), ("mention", "")])
def test_other_choices_are_refused(kind, way):
    with pytest.raises(Invalid):
        rules.check_choice(kind, way)


@given(st.text())
def test_a_fact_stays_on_one_line(text):
    kept = rules.tidy({"reason": text})["reason"]
    assert "\n" not in kept and "\r" not in kept and len(kept) <= rules.LONGEST_FACT


def test_a_text_with_gaps_is_no_notice():
    assert rules.fits(rules.KINDS["removal"].text, {"group": "A", "reason": "b"})
    assert not rules.fits(rules.KINDS["removal"].text, {"group": "A"})
    with pytest.raises(ValueError, match="no kind"):
        rules.kind_of("nothing")


@given(st.integers(1, 10**12), st.sampled_from(sorted(rules.KINDS)), st.text(min_size=1))
def test_a_link_is_read_by_whoever_signed_it(member_id, kind, secret):
    token = rules_links.sign(member_id, kind, secret)
    assert rules_links.verify(token, secret) == (member_id, kind)
    assert rules_links.verify(token, secret + "x") is None
    assert rules_links.verify(token.replace(f"{member_id}.", f"{member_id + 1}.", 1), secret) is None


@given(st.text(max_size=80))
def test_anything_else_is_no_link(text):
    assert rules_links.verify(text, "secret") is None
