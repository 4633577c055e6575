"""Limits: caps, less for more, nothing from oneself or in a ring; never more than allowed, whatever happens at once."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from qunclub import points
from qunclub.kernel import Actor, Invalid, locks
from qunclub.points import doctor
from qunclub.points.models import LedgerEntry
from qunclub.points.rules_limits import (
    NONE,
    WHY,
    Had,
    Limits,
    allowed,
    check,
    parse_steps,
    returns,
    written_steps,
)
from tests.support.concurrency import concurrently, failed, succeeded
from tests.support.pages import in_language, post, sign_in, text_of
from tests.support.statements import count_statements

ADMIN = Actor("test:admin", "Ada", roles=frozenset({"admin"}))
SYSTEM = Actor.system("test")
DAY = dt.timedelta(days=1)
MANY = 16

maybe = st.none() | st.integers(0, 300)
steps = st.lists(
    st.tuples(st.integers(1, 20), st.integers(0, 99)), max_size=4, unique_by=(lambda s: s[0], lambda s: s[1])
).map(
    lambda found: tuple(
        zip(sorted(n for n, _ in found), sorted((p for _, p in found), reverse=True), strict=True)
    )
)
limits = st.builds(Limits, maybe, maybe, steps, st.integers(0, 30))
had = st.builds(Had, st.integers(0, 500), st.integers(0, 30), st.none() | st.integers(0, 500))


@given(limits, st.integers(1, 200), had)
def test_what_is_allowed_is_never_more_than_asked_nor_than_the_room(limits, asked, had):
    check(limits)
    given_, why = allowed(limits, asked, had)
    assert 0 <= given_ <= asked and (why in WHY) == (given_ < asked)
    if limits.day is not None and given_:
        assert had.day_points + given_ <= limits.day
    if limits.season is not None and had.season_points is not None and given_:
        assert had.season_points + given_ <= limits.season
    # Whoever had more is never given more.
    assert allowed(limits, asked, had.after(given_))[0] <= given_
    assert allowed(NONE, asked, had) == (asked, "")


@given(limits, st.lists(st.integers(1, 90), max_size=25))
def test_one_line_after_the_other_stays_below_the_caps(limits, amounts):
    have = Had(0, 0, 0)
    for amount in amounts:
        have = have.after(allowed(limits, amount, have)[0])
    assert limits.day is None or have.day_points <= limits.day
    assert limits.season is None or (have.season_points or 0) <= limits.season


@given(limits)
def test_limits_are_kept_and_written_as_they_are(limits):
    assert Limits.of(limits.to_json()) == limits
    assert parse_steps(written_steps(limits.steps)) == limits.steps
    assert (limits.to_json() == {}) == (limits == NONE)


def test_what_cannot_be_a_limit_is_refused_by_name():
    for field, wrong in (
        ("day", Limits(day=-1)), ("season", Limits(season=2_000_000)), ("ring_days", Limits(ring_days=-1)),
        ("steps", Limits(steps=((5, 50), (3, 20)))), ("steps", Limits(steps=((3, 50), (5, 60)))),
        ("steps", Limits(steps=((0, 50),))), ("steps", Limits(steps=((1, -5),))),
    ):  # fmt: skip
        with pytest.raises(Invalid) as refused:
            check(wrong)
        assert refused.value.field == field
    for text in ("3", "a:b", "3:4:5"):
        with pytest.raises(Invalid):
            parse_steps(text)


def test_a_ring_is_seen_within_its_days_only(now):
    assert returns(Limits(ring_days=7), now, now - 6 * DAY)
    assert not returns(Limits(ring_days=7), now, now - 7 * DAY)
    assert not returns(Limits(ring_days=7), now, None) and not returns(NONE, now, now)


def rule(session, now, kind="answer_best", **values):
    points.set_rule(session, kind=kind, amount=5, active=True, limits=Limits(**values), actor=ADMIN, now=now)


def best(session, member, source, at, giver=None):
    return points.award(
        session, member_id=member.id, kind="answer_best", source=source, occurred_at=at, now=at, actor=SYSTEM,
        from_member_id=giver.id if giver else None,
    )  # fmt: skip


def given_(lines):
    return [(line.amount, line.lost, line.lost_why) for line in lines]


def test_a_day_and_a_season_have_their_caps_and_what_is_taken_back_makes_room(session, make, now):
    make.window(starts_at=now - DAY, ends_at=now + 10 * DAY)
    member, other = make.member(number=True), make.member(number=True)
    rule(session, now, day=12, season=20)
    lines = [best(session, member, f"a:{n}", now) for n in range(4)]
    assert given_(lines) == [(5, 0, ""), (5, 0, ""), (2, 3, "day"), (0, 5, "day")]
    lines += [best(session, member, f"b:{n}", now + DAY) for n in range(3)]
    assert given_(lines[4:]) == [(5, 0, ""), (3, 2, "season"), (0, 5, "season")]
    assert given_([best(session, other, "c", now)]) == [(5, 0, "")]
    points.reverse(session, entry_id=lines[4].id, reason="x", actor=ADMIN, now=now + DAY)
    points.reverse(session, entry_id=lines[3].id, reason="x", actor=ADMIN, now=now + DAY)
    assert given_([best(session, member, "d", now + DAY)]) == [(5, 0, "")]
    # Another season, another cap.
    make.window(starts_at=now + 10 * DAY, ends_at=now + 20 * DAY)
    assert given_([best(session, member, "e", now + 11 * DAY)]) == [(5, 0, "")]
    assert best(session, member, "a:3", now) is None
    assert doctor.check(session, now) == []
    window = points.window_by_key(session, points.ALL_TIME)
    assert window is not None
    before = points.standing(session, window.id, member.id)
    points.rebuild(session, window.id)
    assert points.standing(session, window.id, member.id) == before


def test_further_ones_of_a_day_give_less_also_within_one_call(session, make, now):
    member = make.member(number=True)
    rule(session, now, steps=((2, 50), (3, 0)))
    awards = [points.Award(member.id, "answer_best", f"s:{n}") for n in range(4)]
    earned = points.award_many(session, awards, now=now, actor=SYSTEM)
    assert [one.amount for one in earned] == [5, 5, 2, 0]
    assert points.award_many(session, awards, now=now, actor=SYSTEM) == []
    assert doctor.check(session, now) == []


def test_nobody_earns_from_themselves_or_in_a_ring(session, make, now):
    ann, bob, cid = (make.member(number=True) for _ in range(3))
    rule(session, now, ring_days=7)
    assert given_([best(session, ann, "self", now, ann)]) == [(0, 5, "self")]
    first = best(session, ann, "b>a", now, bob)
    assert given_([first, best(session, bob, "a>b", now + DAY, ann)]) == [(5, 0, ""), (0, 5, "ring")]
    assert given_([best(session, bob, "c>b", now + DAY, cid)]) == [(5, 0, "")]
    assert given_([best(session, bob, "a>b:late", now + 8 * DAY, ann)]) == [(5, 0, "")]
    assert first is not None
    points.reverse(session, entry_id=first.id, reason="x", actor=ADMIN, now=now)
    assert given_([best(session, bob, "a>b:again", now + DAY, ann)]) == [(5, 0, "")]
    assert doctor.check(session, now) == []


def test_a_new_club_gives_nothing_for_best_answers_in_a_ring(session, make, now):
    """Unless an admin says otherwise; nothing else is limited."""
    ann, bob = (make.member(number=True) for _ in range(2))
    lines = [best(session, ann, "b>a", now, bob), best(session, bob, "a>b", now + 29 * DAY, ann)]
    assert given_(lines) == [(5, 0, ""), (0, 5, "ring")]
    assert given_([best(session, bob, "a>b:late", now + 30 * DAY, ann)]) == [(5, 0, "")]
    limited = {kind: one.limits for kind, one in points.rules_in_force(session).items() if one.limits != NONE}
    assert limited == {"answer_best": Limits(ring_days=30)}
    points.set_rule(session, kind="answer_best", amount=5, active=True, actor=ADMIN, now=now, reason="")
    assert points.rules_in_force(session)["answer_best"].limits == Limits(ring_days=30), "the rest stays"
    rule(session, now)
    assert given_([best(session, bob, "a>b:free", now + 2 * DAY, ann)]) == [(5, 0, "")]


def test_an_admin_gives_nothing_to_themselves(session, make, now):
    me = make.member(number=True)
    actor = Actor(me.user_key, "Me", roles=frozenset({"admin"}), member_id=me.id)
    with pytest.raises(Invalid) as refused:
        points.grant(session, member_id=me.id, amount=5, reason="Because", key="k", actor=actor, now=now)
    assert refused.value.field == "number"
    assert session.scalar(select(func.count()).select_from(LedgerEntry)) == 0


def test_statements_stay_five_without_limits_and_few_with_them(session, make, now, db):
    giver, *members = make.ranking([1] * 20)

    def sent(name):
        with count_statements(db.engine) as seen:
            points.award_many(
                session,
                [points.Award(m.id, "answer_best", f"{name}:{m.id}", from_member_id=giver.id) for m in members],
                now=now, actor=SYSTEM,
            )  # fmt: skip
        return seen.count

    make.window(starts_at=now - DAY, ends_at=now + DAY)
    rule(session, now)
    assert sent("free") == 5
    rule(session, now, ring_days=3)
    assert sent("ring") == 8
    rule(session, now, day=100, season=1000, ring_days=3)
    assert sent("capped") == 10


def crowd(db, make, now, **values):
    member = make.member(number=True)
    with db.uow() as session:
        rule(session, now, **values)

    def one(session, index):
        line = best(session, member, f"at:once:{index}", now)
        return line.amount

    return one


def test_many_at_once_stay_below_the_cap(db, make, now):
    outcomes = concurrently(db, MANY, crowd(db, make, now, day=12), retry=True)
    assert failed(outcomes) == [] and sorted(succeeded(outcomes), reverse=True)[:3] == [5, 5, 2]
    assert sum(succeeded(outcomes)) == 12
    with db.session() as session:
        assert doctor.check(session, now) == []


def test_control_without_the_lock_the_cap_is_broken_or_the_line_refused(db, make, now):
    one = crowd(db, make, now, day=12)
    with locks.disabled():
        outcomes = concurrently(db, MANY, one)
    if db.kind == "sqlite":
        # One writer at a time: whoever has read before another wrote is refused.
        assert failed(outcomes)
    else:
        assert sum(succeeded(outcomes)) > 12


def test_two_who_give_to_each_other_at_once_are_a_ring(db, make, now):
    ann, bob = make.member(number=True), make.member(number=True)
    with db.uow() as session:
        rule(session, now, ring_days=7)

    def one(session, index):
        to, giver = (ann, bob) if index % 2 else (bob, ann)
        return to.id, best(session, to, f"ring:{index}", now, giver).amount

    outcomes = concurrently(db, MANY, one, retry=True)
    assert failed(outcomes) == []
    assert len({who for who, amount in succeeded(outcomes) if amount}) == 1


def test_limits_are_set_in_the_form_read_by_everybody_and_said_to_whoever_lost(client, make, site_db, now):
    account, me = make.person(number=7)
    in_language(sign_in(client, make.account(roles=("admin",))), "en")
    path, name = "/admin/points/rules/answer_best", "answer_best-"
    data = {
        f"{name}amount": "5", f"{name}active": "y", f"{name}honours": "0", f"{name}version": "1", f"{name}day": "7",
        f"{name}season": "", f"{name}steps": "3:50, 10:0", f"{name}ring_days": "14",
    }  # fmt: skip
    refused = post(client, path, {**data, f"{name}steps": "50"})
    assert refused.status_code == 422 and "Write steps such as" in text_of(refused)
    assert post(client, path, data).status_code == 303
    assert 'value="3:50, 10:0"' in text_of(client.get("/admin/points/rules"))
    with site_db.uow() as session:
        for n in range(2):
            best(session, me, f"x:{n}", now)
    in_language(sign_in(client, account), "en")
    page = text_of(client.get("/me/points"))
    assert "3 of 5 not given: more than a day gives" in page
    said = text_of(client.get("/points/rules/answer_best"))
    assert "at most 7 points a day" in said and "after 3 of a day 50 of 100 points" in said
    assert "within 14 days" in said
    assert "超过了一天的上限" in text_of(in_language(client, "zh").get("/me/points"))
