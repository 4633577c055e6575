"""The one access rule: every way in, the season, why locked; and what holds of it whatever the facts are."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunclub.kernel.ports import CourseOffer, SeasonTime
from qunclub.passes.rules import Held
from qunclub.passes.rules_access import (
    NOTHING_ASKED,
    Conditions,
    GroupAsked,
    Reader,
    TierAsked,
    access,
)

NOW = dt.datetime(2026, 4, 15, 4, 0, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)
DIEHARD = TierAsked("Diehard", 20)
FIRST = GroupAsked(7, "First", "first-1")
OFFER = CourseOffer("a", "A", 100, "CNY", "")


def season(starts: int, ends: int, state: str = "open") -> SeasonTime:
    return SeasonTime(1, "spring", "Spring", state, NOW + starts * DAY, NOW + ends * DAY)


def held(state: str = "active", since: int = -9, ends: int | None = None) -> Held:
    return Held(state, None if ends is None else NOW + ends * DAY, None, NOW + since * DAY)


@pytest.mark.parametrize(
    ("held", "who", "allowed", "reason", "until"),
    [
        ([], {"staff": True}, True, "staff", None),
        ([], {"signed_in": False}, False, "sign_in", None),
        ([], {}, False, "no_pass", None),
        ([Held("active", None)], {}, True, "pass", None),
        ([Held("active", NOW + DAY)], {}, True, "pass", NOW + DAY),
        ([Held("active", NOW + DAY), Held("active", NOW + 9 * DAY)], {}, True, "pass", NOW + 9 * DAY),
        ([Held("active", NOW + DAY), Held("active", None)], {}, True, "pass", None),
        ([Held("active", NOW)], {}, False, "expired", None),
        ([Held("expired", NOW - DAY)], {}, False, "expired", None),
        ([Held("revoked", None)], {}, False, "revoked", None),
        ([Held("revoked", None), Held("active", None)], {}, True, "pass", None),
        ([Held("active", None)], {"suspended": True}, False, "suspended", None),
        ([Held("active", NOW - DAY, NOW + DAY)], {}, True, "pass", NOW + DAY),
        ([Held("active", NOW + DAY, NOW + 9 * DAY)], {}, True, "pass", NOW + DAY),
        ([Held("active", NOW - 9 * DAY, NOW)], {}, False, "expired", None),
        ([Held("suspended", None)], {}, False, "suspended_payment", None),
        ([Held("suspended", NOW)], {}, False, "expired", None),
        ([Held("suspended", None), Held("active", None)], {}, True, "pass", None),
        ([Held("active", None)], {"suspended": True, "staff": True}, True, "staff", None),
    ],
)
def test_passes_alone(held, who, allowed, reason, until):
    found = access(Reader(passes=held, **who), NOTHING_ASKED, NOW)
    assert (found.allowed, found.reason, found.until) == (allowed, reason, until)


def test_a_locked_course_names_the_plans_that_open_it():
    locked = access(Reader(), NOTHING_ASKED, NOW, offers=[OFFER, replace(OFFER, slug="b")])
    assert locked.plan_slugs == ("a", "b")
    assert [(one.kind, one.slug, one.price) for one in locked.ways] == [
        ("pass", "a", 100),
        ("pass", "b", 100),
    ]
    assert access(Reader(passes=[held()]), NOTHING_ASKED, NOW, offers=[OFFER]).plan_slugs == ()


EVERYTHING = Conditions(tier=DIEHARD, groups=(FIRST,), roles=("host", "core"))


@pytest.mark.parametrize(
    ("reader", "reason", "since"),
    [
        (Reader(tier_rank=20, member_since=NOW - DAY), "tier", NOW - DAY),
        (Reader(tier_rank=30, tier_passes=[(30, held(since=-5))], member_since=NOW), "tier", NOW - 5 * DAY),
        (Reader(seats={7: NOW - 3 * DAY}), "group", NOW - 3 * DAY),
        (Reader(host=True), "role", None),
        (Reader(core_since=NOW - 2 * DAY), "role", NOW - 2 * DAY),
        # The earliest way in counts, whichever is named.
        (Reader(passes=[held(since=-1)], core_since=NOW - 4 * DAY), "pass", NOW - 4 * DAY),
        # Who has a way in without a beginning waits for nothing.
        (Reader(passes=[held(since=-1)], host=True), "pass", None),
    ],
)
def test_every_way_in(reader, reason, since):
    found = access(reader, EVERYTHING, NOW)
    assert (found.allowed, found.reason, found.since) == (True, reason, since)
    # None of it opens a course that does not ask for it.
    assert access(replace(reader, passes=()), NOTHING_ASKED, NOW).reason == "no_pass"


@pytest.mark.parametrize(
    ("reader", "reason"),
    [
        (Reader(), "no_way"),
        (Reader(tier_rank=19), "no_way"),
        (Reader(seats={8: NOW}), "no_way"),
        (Reader(passes=[held("expired")]), "expired"),
        (Reader(passes=[held("revoked")]), "revoked"),
        (Reader(signed_in=False), "sign_in"),
        (Reader(suspended=True, seats={7: NOW}), "suspended"),
        (Reader(suspended=True, tier_rank=20), "suspended"),
        (Reader(suspended=True, core_since=NOW), "suspended"),
        # A tier that rests on a disputed payment opens nothing, one on a pass whose time is up neither.
        (Reader(tier_rank=20, tier_passes=[(20, held("suspended"))]), "suspended_payment"),
        (Reader(tier_rank=20, tier_passes=[(20, held(ends=-1))]), "no_way"),
    ],
)
def test_why_locked(reader, reason):
    found = access(reader, EVERYTHING, NOW, offers=[OFFER])
    assert (found.allowed, found.reason) == (False, reason)
    if reason.startswith("suspended"):
        assert (found.ways, found.plan_slugs) == ((), ())
    else:
        kinds = [(one.kind, one.name) for one in found.ways]
        assert kinds == [
            ("pass", "A"), ("tier", "Diehard"), ("group", "First"), ("role", "host"), ("role", "core"),
        ]  # fmt: skip


def test_a_tier_lasts_as_long_as_the_passes_that_give_it():
    two = [(20, held(ends=3)), (30, held(ends=8)), (10, held(ends=99))]
    assert access(Reader(tier_rank=30, tier_passes=two), EVERYTHING, NOW).until == NOW + 8 * DAY


PASS = Reader(passes=[held(ends=50)])


@pytest.mark.parametrize(
    ("season_", "window", "allowed", "reason", "until", "opens_at"),
    [
        (season(-1, 9), "from", True, "pass", NOW + 50 * DAY, None),
        (season(-1, 9), "during", True, "pass", NOW + 9 * DAY, None),
        (season(-1, 99), "during", True, "pass", NOW + 50 * DAY, None),
        (season(0, 9), "during", True, "pass", NOW + 9 * DAY, None),
        (season(5, 9), "from", False, "not_yet", None, NOW + 5 * DAY),
        (season(5, 9), "during", False, "not_yet", None, NOW + 5 * DAY),
        (season(5, 9, "draft"), "from", False, "not_yet", None, None),
        (season(-5, 9, "draft"), "from", False, "not_yet", None, None),
        (season(-9, 0), "during", False, "over", None, None),
        (season(-9, 0), "from", True, "pass", NOW + 50 * DAY, None),
        (season(-9, -1, "closed"), "during", False, "over", None, None),
        (season(-9, -1, "closed"), "from", True, "pass", NOW + 50 * DAY, None),
    ],
)
def test_the_season_says_when(season_, window, allowed, reason, until, opens_at):
    asked = Conditions(season=season_, window=window)
    found = access(PASS, asked, NOW)
    assert (found.allowed, found.reason, found.until, found.opens_at) == (allowed, reason, until, opens_at)
    assert found.season == ("Spring" if not allowed and season_.state != "draft" else "")
    assert access(Reader(staff=True), asked, NOW).allowed


def test_a_stranger_hears_of_ways_and_day_at_once_and_buys_nothing_that_is_over():
    waiting = access(Reader(signed_in=False), Conditions(season=season(5, 9)), NOW, offers=[OFFER])
    assert (waiting.reason, waiting.waits, waiting.opens_at) == ("sign_in", True, NOW + 5 * DAY)
    assert waiting.plan_slugs == ("a",)
    over = Conditions(season=season(-9, 0), window="during")
    for who in (Reader(signed_in=False), Reader(), Reader(passes=[held("expired")])):
        found = access(who, over, NOW, offers=[OFFER])
        assert (found.reason, found.ways, found.plan_slugs) == ("over", (), ())


MOMENTS = st.integers(-30, 30).map(lambda days: NOW + days * DAY)
HELD = st.builds(
    Held,
    st.sampled_from(["active", "suspended", "expired", "revoked"]),
    st.none() | MOMENTS,
    st.none() | MOMENTS,
    MOMENTS,
)
READERS = st.builds(
    Reader,
    signed_in=st.just(True),
    staff=st.booleans(),
    suspended=st.booleans(),
    passes=st.lists(HELD, max_size=3),
    tier_rank=st.none() | st.integers(10, 30),
    tier_passes=st.lists(st.tuples(st.integers(10, 30), HELD), max_size=3),
    member_since=MOMENTS,
    seats=st.dictionaries(st.integers(6, 8), MOMENTS, max_size=2),
    host=st.booleans(),
    core_since=st.none() | MOMENTS,
)
SEASONS = st.builds(
    lambda start, days, state: season(start, start + days, state),
    st.integers(-30, 30),
    st.integers(1, 20),
    st.sampled_from(["draft", "open", "frozen", "published", "closed"]),
)
ASKED = st.builds(
    Conditions,
    tier=st.none() | st.builds(TierAsked, st.just("T"), st.integers(10, 30)),
    groups=st.sampled_from([(), (FIRST,)]),
    roles=st.sampled_from([(), ("host",), ("core",), ("host", "core")]),
    season=st.none() | SEASONS,
    window=st.sampled_from(["from", "during"]),
)


@given(READERS, ASKED)
def test_it_always_says_why(reader, asked):
    found = access(reader, asked, NOW, offers=[OFFER])
    assert found.reason
    if found.allowed:
        assert found.reason in ("pass", "tier", "group", "role", "staff")
        assert not found.ways and not found.opens_at and not found.waits
        assert found.until is None or found.until > NOW
    else:
        assert found.until is None and found.since is None
        assert found.opens_at is None or found.opens_at > NOW
        # There is always a way out, or a reason for which there is none.
        assert found.ways or found.reason in ("suspended", "suspended_payment", "not_yet", "over")


@given(READERS, ASKED, HELD)
def test_another_way_in_never_closes_a_course(reader, asked, more):
    """Of a pass, a seat, the core: whoever is let in stays in when one more of them is added."""
    before = access(reader, asked, NOW)
    for richer in (
        replace(reader, passes=[*reader.passes, more]),
        replace(reader, seats={7: NOW, **reader.seats}),
        replace(reader, core_since=reader.core_since or NOW),
        replace(reader, host=True),
    ):
        after = access(richer, asked, NOW)
        assert after.allowed or not before.allowed
        if before.allowed and after.since is not None:
            assert before.since is None or after.since <= before.since


@given(READERS, ASKED)
def test_a_season_only_ever_closes(reader, asked):
    assert access(reader, replace(asked, season=None), NOW).allowed or not access(reader, asked, NOW).allowed


@given(READERS, ASKED)
def test_the_suspended_enter_nowhere(reader, asked):
    found = access(replace(reader, suspended=True, staff=False), asked, NOW)
    assert not found.allowed
