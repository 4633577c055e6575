"""Seasons one after the other: no gap, no overlap, whole days of the club's zone, whatever the clocks do there."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunclub.kernel import Invalid
from qunclub.seasons import rules_calendar as rules

# Clocks that leap at midnight (São Paulo, Beirut), go back over it (Havana), leap whole or half hours; and one without.
ZONES = [
    ZoneInfo(name)
    for name in (
        "Asia/Shanghai", "America/Sao_Paulo", "Asia/Beirut", "America/Havana", "Europe/Berlin",
        "Australia/Lord_Howe", "UTC",
    )
]  # fmt: skip
DAYS = st.dates(dt.date(2005, 1, 1), dt.date(2035, 12, 31))
SHANGHAI = ZONES[0]


@given(st.sampled_from(rules.KINDS[:3]), DAYS, st.integers(1, rules.MOST), st.sampled_from(ZONES))
def test_planned_seasons_follow_each_other_without_gap_or_overlap(kind, first, count, zone):
    made = rules.slots(kind, first, count, zone)
    assert len(made) == count
    assert all(slot.starts_at < slot.ends_at for slot in made)
    assert all(one.ends_at == following.starts_at for one, following in pairwise(made))
    assert len({slot.word for slot in made}) == count
    longest = {"week": 7, "month": 31, "quarter": 92}[kind]
    begins = made[0].starts_at.astimezone(zone).date()
    assert 0 <= (begins - first).days < longest
    for slot in made:
        assert slot.starts_at.utcoffset() == dt.timedelta()
        here = slot.starts_at.astimezone(zone)
        # The first moment of its day: a moment earlier it is the day before.
        assert (slot.starts_at - dt.timedelta(microseconds=1)).astimezone(zone).date() < here.date()
        assert here.date() == rules.first_day(kind, here.date())
        length = (slot.ends_at.astimezone(zone).date() - here.date()).days
        assert length == 7 if kind == "week" else 28 <= length <= longest


@given(st.lists(DAYS, min_size=2, max_size=rules.MOST_DATES, unique=True), st.sampled_from(ZONES))
def test_free_dates_are_the_ends_and_starts(days, zone):
    made = rules.between(rules.FREE, sorted(days), zone)
    assert [slot.starts_at.astimezone(zone).date() for slot in made] == sorted(days)[:-1]
    assert all(one.ends_at == following.starts_at for one, following in pairwise(made))
    assert made[-1].ends_at == rules.day_begins(max(days), zone)
    if sorted(days) != days:
        with pytest.raises(Invalid):
            rules.between(rules.FREE, days, zone)


@pytest.mark.parametrize(
    ("kind", "first", "begins", "ends", "word"),
    [
        ("week", "2026-02-11", "2026-02-16", "2026-02-23", "2026-w08"),
        ("week", "2026-12-28", "2026-12-28", "2027-01-04", "2026-w53"),
        ("month", "2026-04-01", "2026-04-01", "2026-05-01", "2026-04"),
        ("month", "2026-12-02", "2027-01-01", "2027-02-01", "2027-01"),
        ("quarter", "2026-04-01", "2026-04-01", "2026-07-01", "2026-q2"),
        ("quarter", "2026-11-30", "2027-01-01", "2027-04-01", "2027-q1"),
    ],
)
def test_where_a_season_begins(kind, first, begins, ends, word):
    slot = rules.slots(kind, dt.date.fromisoformat(first), 1, SHANGHAI)[0]
    assert slot.starts_at.astimezone(SHANGHAI).isoformat() == f"{begins}T00:00:00+08:00"
    assert slot.ends_at.astimezone(SHANGHAI).isoformat() == f"{ends}T00:00:00+08:00"
    assert slot.word == word


def test_a_week_in_which_clocks_change_is_an_hour_longer_or_shorter():
    berlin = ZoneInfo("Europe/Berlin")
    spring, _ = rules.slots("week", dt.date(2026, 3, 23), 2, berlin)
    autumn = rules.slots("week", dt.date(2026, 10, 19), 1, berlin)[0]
    assert spring.ends_at - spring.starts_at == dt.timedelta(days=7, hours=-1)
    assert autumn.ends_at - autumn.starts_at == dt.timedelta(days=7, hours=1)


def test_what_was_typed_wrong_is_named():
    assert rules.parse_dates("2026-04-01，2026-05-20\n2026-06-30 ") == [
        dt.date(2026, 4, 1), dt.date(2026, 5, 20), dt.date(2026, 6, 30),
    ]  # fmt: skip
    for text in ("", "soon", "2026-02-30", "2026-04-01 x", "0001-01-01 0001-02-01", "9999-01-01 9999-12-31"):
        with pytest.raises(Invalid) as refused:
            rules.parse_dates(text)
        assert refused.value.field == "dates"
    for kind, first, count, field in (
        ("month", dt.date(2026, 1, 1), 0, "count"),
        ("month", dt.date(2026, 1, 1), rules.MOST + 1, "count"),
        ("week", dt.date(9999, 12, 31), 1, "first"),
    ):
        with pytest.raises(Invalid) as refused:
            rules.slots(kind, first, count, SHANGHAI)
        assert refused.value.field == field
    with pytest.raises(Invalid):
        rules.between("free", [dt.date(2026, 1, 1)], SHANGHAI)
    assert len(rules.parse_dates("2026-04-01 " * 99)) == rules.MOST_DATES + 1


def test_names_and_clashes():
    april, may = rules.slots("month", dt.date(2026, 4, 1), 2, SHANGHAI)
    assert rules.named("Season {n}: {when}", 7, april) == "Season 7: 2026-04"
    assert (
        rules.clash([april, may], [(april.starts_at - dt.timedelta(days=9), april.starts_at, "March")])
        is None
    )
    found = rules.clash([april, may], [(may.ends_at - dt.timedelta(seconds=1), may.ends_at, "Late")])
    assert found == (may, "Late")
