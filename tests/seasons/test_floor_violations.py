"""Whoever rises has no open violation of the house rules, where the formula asks for it: on both databases."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from qunclub import house, seasons
from qunclub.groups.models import Group
from qunclub.kernel import Actor, Conflict
from qunclub.seasons import (
    doctor,
    queries_floor,
    queries_offers,
    rules_floor,
    services_offers,
    services_resign,
    services_review,
)
from qunclub.seasons.models import SnapshotRow
from qunclub.seasons.models_offers import SeatOffer
from qunclub.seasons.rules_floor import Facts, asked, past_on
from qunclub.seasons.rules_formula import Formula
from tests.factories import Make

DAY = dt.timedelta(days=1)
CLEAN = 30


@pytest.fixture
def rules(make: Make) -> SimpleNamespace:
    """A group of the house with its ``member`` and ``other``, who both have a number."""
    made: SimpleNamespace = make.house()
    return made


def sanction(session, rules, act="warning", *, at, days=0):
    return house.sanction_seat(
        session, seat_id=rules.seat.id, category="abuse", act=act, days=days, reason="You shouted.",
        departure="Severe.", actor=rules.host, now=at,
    )  # fmt: skip


def take_back(session, rules, line, at):
    return house.overturn(session, sanction_id=line.id, reason="It was another.", actor=rules.second, now=at)


def started(make, rules, **formula):
    season = make.season(seats=1, eliminate=0, days=60, clean_days=CLEAN, **formula)
    make.earn(rules.member, 50, at=season.starts_at)
    make.earn(rules.other, 20, at=season.starts_at)
    return season


def bar_of(session, season, member):
    return queries_floor.bars(session, season, season.formula, [member.id])[member.id]


def test_an_open_violation_keeps_from_rising_and_the_dry_run_says_so(session, make, rules, now):
    season = started(make, rules)
    sanction(session, rules, at=season.ends_at - CLEAN * DAY)
    plan = seasons.preview(session, season, now)
    assert [one.number for one in plan.promoted] == [rules.other.number]
    assert [(row.number, row.bar) for row in plan.held] == [(rules.member.number, "violation")]
    live = seasons.live_season(session, season, rules.member.id)
    assert live.mine is not None and (live.mine.row.bar, live.mine.distance.side) == ("violation", "barred")
    make.closed(season)
    rows = session.execute(select(SnapshotRow.number, SnapshotRow.bar).where(SnapshotRow.bar != ""))
    assert [tuple(row) for row in rows] == [(rules.member.number, "violation")]


@pytest.mark.parametrize(
    ("act", "days", "before", "is_open"),
    [
        ("warning", 0, CLEAN * DAY, True),
        ("warning", 0, CLEAN * DAY + dt.timedelta(seconds=1), False),
        ("mute", 3, (CLEAN + 5) * DAY, False),
        ("mute", 0, (CLEAN + 5) * DAY, True),
        ("mute", CLEAN + 5, (CLEAN + 5) * DAY, False),
        ("mute", CLEAN + 6, (CLEAN + 5) * DAY, True),
        ("warning", 0, dt.timedelta(0), False),
    ],
)
def test_open_is_what_is_young_or_still_muted_at_the_end(
    session, make, rules, now, act, days, before, is_open
):
    season = started(make, rules)
    line = sanction(session, rules, act, days=days, at=season.ends_at - before)
    assert bar_of(session, season, rules.member) == ("violation" if is_open else "")
    assert bar_of(session, season, rules.other) == ""
    # The same in the query about everybody at once.
    held = [row.number for row in seasons.preview(session, season, now).held]
    assert held == ([rules.member.number] if is_open else [])
    take_back(session, rules, line, season.ends_at + DAY)
    assert bar_of(session, season, rules.member) == "", "what is taken back was none, whenever it is"


def test_a_mute_that_was_lifted_leaves_the_days(session, make, rules):
    season = started(make, rules)
    line = sanction(session, rules, "mute", at=season.ends_at - (CLEAN + 2) * DAY)
    assert bar_of(session, season, rules.member) == "violation"
    muted = session.scalars(select(house.models.Mute).where(house.models.Mute.sanction_id == line.id)).one()
    muted.lifted_at = season.ends_at - DAY
    session.flush()
    assert bar_of(session, season, rules.member) == ""


def test_without_days_in_the_formula_no_violation_is_asked_about(session, make, rules):
    season = make.season(seats=1, eliminate=0)
    make.earn(rules.member, 50, at=season.starts_at)
    sanction(session, rules, at=season.starts_at)
    assert bar_of(session, season, rules.member) == "" and "clean_days" not in season.terms
    make.closed(season)
    assert [one.number for one in seasons.decisions(session, season.id)] == [rules.member.number]


def test_the_floor_says_what_is_missing_how_much_and_when(session, make, rules, now):
    season = started(make, rules, need_pass=True, min_works=2, min_days=50, reentry=1)
    at = season.ends_at - 3 * DAY
    sanction(session, rules, at=at)
    rules.member.numbered_at = season.ends_at - 49 * DAY
    work = make.submission(make.assignment(course=make.course()), member=rules.member)
    work.state, work.reviewed_at = "accepted", season.starts_at
    session.flush()
    facts = queries_floor.facts_of(session, season, season.formula, rules.member.id)
    found = {one.code: one for one in asked(season.formula, facts, season.ends_at)}
    assert [code for code, one in found.items() if not one.met] == [
        "violation", "no_pass", "few_works", "few_days",
    ]  # fmt: skip
    assert found["violation"].on == at + CLEAN * DAY
    assert (found["few_works"].have, found["few_works"].missing) == (1, 1)
    assert found["few_days"].on == season.ends_at + DAY
    make.pass_(of=rules.member)
    session.flush()
    facts = queries_floor.facts_of(session, season, season.formula, rules.member.id)
    assert next(one for one in asked(season.formula, facts, season.ends_at) if one.code == "no_pass").met


def test_a_runner_up_with_an_open_violation_is_not_offered_a_seat(session, make, rules):
    line = make.group_line(slug="core", kind="core", capacities=[1], posting="all")
    group_id = session.scalars(select(Group.id).where(Group.line_id == line.id)).one()
    third, first = make.member(number=True), make.member(number=True)
    season = make.season(seats=1, eliminate=0, group_id=group_id, offer_days=7, clean_days=CLEAN)
    for member, many in ((first, 90), (rules.member, 50), (third, 20)):
        make.earn(member, many, at=season.starts_at)
    make.closed(season, steps=("freeze", "publish"))
    at = season.ends_at + DAY
    broken = sanction(session, rules, at=at)
    actor = Actor("test:first", "First", member_id=first.id)
    services_resign.resign(session, member_id=first.id, actor=actor, now=at + DAY)
    services_offers.offer_due(session, now=at + DAY)
    assert session.scalars(select(SeatOffer.member_id)).all() == [third.id]
    why = {one.number: one.why for one in queries_offers.listed(session, season, at + DAY)}
    assert (why[rules.member.number], why[third.number]) == ("violation", "offered")
    take_back(session, rules, broken, at + DAY)
    again = queries_offers.candidate(session, season, rules.member.id, at + DAY)
    assert again is not None and not again.violation


def test_whoever_breaks_a_rule_after_the_offer_may_not_take_it(session, make, rules):
    first = make.member(number=True)
    season = make.season(seats=1, eliminate=0, offer_days=7, clean_days=CLEAN)
    make.earn(first, 90, at=season.starts_at)
    make.earn(rules.member, 50, at=season.starts_at)
    make.closed(season, steps=("freeze", "publish"))
    at = season.ends_at + DAY
    services_resign.resign(
        session, member_id=first.id, actor=Actor("test:first", "First", member_id=first.id), now=at
    )
    services_offers.offer_due(session, now=at)
    offer = session.scalars(select(SeatOffer)).one()
    assert offer.member_id == rules.member.id
    sanction(session, rules, at=at)
    mine = Actor("test:member", "Member", member_id=rules.member.id)
    with pytest.raises(Conflict, match="open violation"):
        services_offers.accept(
            session, offer_id=offer.id, member_id=rules.member.id, actor=mine, now=at + dt.timedelta(hours=1)
        )


def test_the_snapshot_keeps_what_was_and_an_exception_seats_whoever_was_cleared_since(session, make, rules):
    season = started(make, rules)
    line = sanction(session, rules, at=season.ends_at - DAY)
    make.closed(season, steps=("freeze",))
    take_back(session, rules, line, season.ends_at + DAY)
    assert [row.number for row in seasons.preview(session, season, season.ends_at).held] == [
        rules.member.number
    ]
    services_review.add_exception(
        session, season_id=season.id, number=rules.member.number, kind="promote",
        reason="The violation was taken back.", actor=rules.admin, now=season.ends_at + DAY,
    )  # fmt: skip
    make.closed(season, steps=("publish",))
    risen = [one.number for one in seasons.decisions(session, season.id)]
    assert risen == [rules.member.number] and doctor.check(session, season.ends_at) == []


# ---- the rules


ENDS = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)


def test_a_violation_is_past_when_its_days_and_its_mute_are_over():
    assert past_on([], 30) is None
    assert past_on([(ENDS, False, None)], 30) == ENDS + 30 * DAY
    assert past_on([(ENDS, True, ENDS + 40 * DAY), (ENDS + DAY, False, None)], 30) == ENDS + 40 * DAY
    assert past_on([(ENDS, True, None)], 30) is None


@given(
    st.lists(st.tuples(st.integers(-90, 0), st.sampled_from(["no", "days", "lifted"]), st.integers(1, 90)), max_size=4),
    st.integers(1, 60),
)  # fmt: skip
def test_on_the_day_it_names_nothing_is_open_any_more_and_the_day_before_something_is(rows, clean):
    broke = tuple(
        (
            ENDS + at * DAY,
            how != "no",
            ENDS + (at + many) * DAY if how == "days" else None,
        )
        for at, how, many in rows
    )

    def is_open(moment):
        return any(
            moment - clean * DAY < at or (muted and (until is None or until > moment))
            for at, muted, until in broke
        )

    on = past_on(broke, clean)
    if on is None:
        assert not broke or is_open(ENDS + 10_000 * DAY)
    else:
        assert not is_open(on) and is_open(on - dt.timedelta(seconds=1))


@given(
    st.builds(
        Formula, seats=st.just(3), eliminate=st.just(1), need_pass=st.booleans(), min_works=st.integers(0, 3),
        min_days=st.integers(0, 3), reentry=st.integers(0, 2), clean_days=st.integers(0, 3),
    ),
    st.builds(
        Facts, holds_pass=st.booleans(), works=st.integers(0, 4), waits=st.booleans(),
        numbered_at=st.one_of(st.none(), st.integers(0, 5).map(lambda n: ENDS - n * DAY)),
        violations=st.sampled_from([(), ((ENDS - DAY, False, None),)]),
    ),
)  # fmt: skip
def test_every_condition_of_the_formula_is_told_and_no_other(formula, facts):
    found = asked(formula, facts, ENDS)
    wanted = {
        "violation": formula.clean_days, "waiting": formula.reentry, "no_pass": formula.need_pass,
        "few_works": formula.min_works, "few_days": formula.min_days,
    }  # fmt: skip
    assert [one.code for one in found] == [code for code, is_asked in wanted.items() if is_asked]
    assert bool(found) == formula.has_floor
    for one in found:
        if one.code == "few_works":
            assert one.met == (one.missing == 0)
        if one.code == "few_days":
            assert one.met == (one.on is not None and one.on <= ENDS)
    assert rules_floor.asked(formula, facts, ENDS) == found
