"""The rules of projects, by examples and by properties."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunclub.kernel import Conflict, Forbidden, Invalid, skills
from qunclub.projects import rules

NOW = dt.datetime(2026, 4, 15, 4, tzinfo=dt.UTC)
moments = st.integers(-5_000_000, 5_000_000).map(lambda minutes: NOW + dt.timedelta(minutes=minutes))
readers = st.builds(
    rules.Reader, admin=st.booleans(), core=st.booleans(), lead=st.booleans(), hand=st.booleans()
)


@given(readers, st.booleans())
def test_a_draft_is_for_whoever_leads_and_what_is_public_for_all(reader, public):
    assert rules.may_see(state="draft", public=public, reader=reader) == reader.leads
    assert rules.may_see(state="open", public=True, reader=reader)
    assert rules.may_see(state="open", public=False, reader=reader) == reader.inside


@given(st.none() | moments, moments, st.integers(1, 365))
def test_whoever_takes_a_piece_up_has_time(due_at, now, days):
    due = rules.due_on_taking(due_at, now=now, days=days)
    assert due > now and not rules.is_overdue(state="claimed", due_at=due, now=now)
    assert due == due_at or due == now + dt.timedelta(days=days)


@given(st.none() | moments, moments, st.integers(1, 365))
def test_a_piece_that_came_back_is_never_due_sooner(due_at, now, days):
    due = rules.due_after_return(due_at, now=now, days=days)
    assert due > now and (due_at is None or due >= due_at)


@given(st.sampled_from((*rules.HELD, "open", "accepted", "cancelled")), st.none() | moments, moments)
def test_only_what_somebody_holds_and_has_not_delivered_is_overdue(state, due_at, now):
    if rules.is_overdue(state=state, due_at=due_at, now=now):
        assert state == "claimed" and due_at <= now


@given(
    st.sampled_from(("draft", "open", "done", "cancelled")),
    st.sampled_from(("open", "claimed", "delivered", "accepted", "cancelled")),
    st.booleans(),
    st.integers(0, 5),
    st.integers(1, 5),
)
def test_one_may_take_up_a_free_piece_of_an_open_project_below_the_limit(project, piece, core, held, most):
    refused = rules.refuse_claim(project_state=project, piece_state=piece, core=core, held=held, most=most)
    assert (refused is None) == (core and project == "open" and piece == "open" and held < most)


def test_nobody_judges_themselves():
    assert isinstance(rules.refuse_verdict(state="delivered", own=True), Forbidden)
    assert isinstance(rules.refuse_verdict(state="accepted", own=False), Conflict)
    assert rules.refuse_verdict(state="delivered", own=False) is None


@given(st.sampled_from(("claimed", "delivered", "accepted")), st.integers(0, 99), st.integers(0, 99))
def test_what_was_agreed_holds(state, old, new):
    rules.check_agreed(state="open", old=(old, 0), new=(new, 5))
    if old == new:
        rules.check_agreed(state=state, old=(old, 1), new=(new, 1))
    else:
        with pytest.raises(Invalid) as refused:
            rules.check_agreed(state=state, old=(1, old), new=(1, new))
        assert refused.value.field == "pay"


def test_skills_are_split_once_each_and_measured():
    assert skills.split("排版，writing、排版, Writing ;  data  charts") == ["排版", "writing", "data charts"]
    for text in ("x" * 21, ",".join(map(str, range(9)))):
        with pytest.raises(Invalid):
            skills.split(text)


@given(st.lists(st.text("ab 排版", max_size=20), max_size=8))
def test_skills_come_back_as_they_were_written(words):
    found = skills.split(",".join(words))
    assert skills.split(skills.joined(found)) == found


@pytest.mark.parametrize("slug", ["", "Big", "a--b", "-a", "a" * 81])
def test_an_address_is_small_letters_digits_and_hyphens(slug):
    with pytest.raises(Invalid):
        rules.check_slug(slug)
