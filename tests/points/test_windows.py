"""Which season a line counts in: one, whatever comes late; and what was kept at a date follows from the ledger."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from qunclub import points
from qunclub.kernel import Actor, Conflict
from qunclub.points import doctor
from qunclub.points.ledger import Span
from qunclub.points.models import ScoreCount, Standing, Window
from qunclub.points.rules import covers
from qunclub.points.rules_windows import counts_at
from tests.factories import Make

ADMIN = Actor("test:admin", "Admin", roles=frozenset({"admin"}))
DAY = dt.timedelta(days=1)
BEGIN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

days = st.integers(0, 60).map(lambda n: BEGIN + n * DAY)


@given(days, days, st.lists(st.tuples(st.integers(0, 50), st.integers(1, 10)), max_size=6))
def test_a_line_never_counts_in_what_is_closed_and_moves_only_when_it_must(earned, now, spans):
    closed = [Span(n, BEGIN + a * DAY, BEGIN + (a + b) * DAY, now) for n, (a, b) in enumerate(spans)]
    moment = counts_at(earned, now, closed)
    assert not any(covers(w.starts_at, w.ends_at, moment) for w in closed)
    assert counts_at(moment, now, closed) == moment
    if not any(covers(w.starts_at, w.ends_at, earned) for w in closed):
        assert moment == earned
    else:
        assert moment >= now
    if moment not in (earned, now):
        assert moment in {w.ends_at for w in closed}


def pair(make, now):
    """A season that has just ended, and the next one."""
    first = make.window(starts_at=now - 30 * DAY, ends_at=now)
    return first, make.window(starts_at=now, ends_at=now + 30 * DAY)


def held(session, window, member):
    found = points.standing(session, window.id, member.id)
    return None if found is None else (found.points, found.honours)


def test_what_is_earned_in_a_closed_season_counts_once_in_the_running_one(session, make, now):
    first, second = pair(make, now)
    member = make.member(number=True)
    make.earn(member, 30, at=now - DAY)
    points.close_window(session, window_id=first.id, now=now)
    late = make.earn(member, 20, kind="homework_featured", at=now - DAY)
    assert (late.occurred_at, late.counts_at) == (now - DAY, now)
    assert (held(session, first, member), held(session, second, member)) == ((30, 0), (20, 1))
    everything = points.window_by_key(session, points.ALL_TIME)
    assert everything is not None
    assert held(session, everything, member) == (50, 1)
    assert doctor.check(session, now) == []
    for window in (first, second, everything):
        points.rebuild(session, window.id)
    assert (held(session, first, member), held(session, second, member)) == ((30, 0), (20, 1))


def test_what_is_taken_back_after_the_end_is_taken_in_the_running_season(session, make, now):
    first, second = pair(make, now)
    member, other = make.member(number=True), make.member(number=True)
    line = make.earn(member, 50, at=now - DAY)
    make.earn(other, 8, at=now - DAY)
    make.earn(other, 8, at=now)
    points.close_window(session, window_id=first.id, now=now)
    back = points.reverse(session, entry_id=line.id, reason="copied", actor=ADMIN, now=now + DAY)
    assert (back.occurred_at, back.counts_at) == (now - DAY, now + DAY)
    assert (held(session, first, member), held(session, second, member)) == ((50, 0), (-50, 0))
    everything = points.window_by_key(session, points.ALL_TIME)
    assert held(session, everything, member) is None
    assert doctor.check(session, now) == []
    # Below zero is not ranked; what is earned makes up for it.
    assert points.total(session, second.id) == 1
    assert [row.member_id for row in points.board(session, second.id).rows] == [other.id]
    make.earn(member, 60, at=now + DAY)
    assert held(session, second, member) == (10, 0)
    assert points.rank_of(session, second.id, 10) == 1 and points.total(session, second.id) == 2
    assert doctor.check(session, now) == []
    points.rebuild(session, second.id)
    assert held(session, second, member) == (10, 0)
    assert doctor.check(session, now) == []


def test_a_correction_after_the_end_moves_only_the_difference(session, make, now):
    first, second = pair(make, now)
    member = make.member(number=True)
    wrong = make.earn(member, 50, kind="homework_accepted", at=now - DAY)
    points.close_window(session, window_id=first.id, now=now)
    points.reverse(session, entry_id=wrong.id, reason="measured anew", actor=ADMIN, now=now)
    make.earn(member, 70, kind="homework_accepted", at=now - DAY)
    assert (held(session, first, member), held(session, second, member)) == ((50, 0), (20, 0))
    assert doctor.check(session, now) == []


def test_between_two_seasons_it_counts_of_all_time_only(session, make, now):
    first = make.window(starts_at=now - 30 * DAY, ends_at=now)
    later = make.window(starts_at=now + 10 * DAY, ends_at=now + 30 * DAY)
    member = make.member(number=True)
    points.close_window(session, window_id=first.id, now=now)
    make.earn(member, 5, at=now - DAY)
    assert held(session, first, member) is held(session, later, member) is None
    assert held(session, points.window_by_key(session, points.ALL_TIME), member) == (5, 0)


def test_a_window_closes_once_after_its_end_and_ends_no_earlier_then(session, make, now):
    first, second = pair(make, now)
    with pytest.raises(Conflict):
        points.close_window(session, window_id=second.id, now=now)
    everything = points.window_by_key(session, points.ALL_TIME)
    assert everything is not None
    with pytest.raises(Conflict):
        points.close_window(session, window_id=everything.id, now=now)
    points.close_window(session, window_id=first.id, now=now)
    assert points.close_window(session, window_id=first.id, now=now + DAY).closed_at == now
    with pytest.raises(Conflict):
        points.end_window(session, window_id=first.id, ends_at=now - DAY)


step = st.one_of(
    st.tuples(st.just("earn"), st.integers(0, 2), st.integers(1, 60), st.integers(-45, 5)),
    st.tuples(st.just("reverse"), st.integers(0, 30), st.just(0), st.just(0)),
    st.tuples(st.just("close"), st.just(0), st.just(0), st.just(0)),
    st.tuples(st.just("end"), st.integers(1, 9), st.just(0), st.just(0)),
    st.tuples(st.just("wait"), st.integers(1, 12), st.just(0), st.just(0)),
)


def _kept(session):
    return {
        window: sorted(
            (s.member_id, s.points, s.honours, s.last_day)
            for s in session.scalars(select(Standing).where(Standing.window_id == window))
        )
        for window in session.scalars(select(Window.id)).all()
    }


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(step, min_size=3, max_size=18))
def test_what_was_kept_on_any_date_follows_from_the_ledger(db, steps):
    with db.rolled_back() as session:
        now = BEGIN + 20 * DAY
        make = Make(session, now)
        members = make.ranking([0, 0, 0], first_number=1)
        make.earn(members[0], 1, at=BEGIN)
        spans = [
            make.window(starts_at=BEGIN + n * 20 * DAY, ends_at=BEGIN + (n + 1) * 20 * DAY) for n in range(3)
        ]
        lines, history = [], []
        for what, first, second, third in steps:
            now += dt.timedelta(minutes=7)
            make.now = now
            try:
                with session.begin_nested():
                    if what == "earn":
                        kind = "homework_featured" if second % 5 == 0 else "granted"
                        lines.append(make.earn(members[first], second, kind=kind, at=now + third * DAY))
                    elif what == "reverse" and first < len(lines):
                        points.reverse(session, entry_id=lines[first].id, reason="x", actor=ADMIN, now=now)
                    elif what == "close":
                        open_ = [w for w in spans if w.closed_at is None]
                        points.close_window(session, window_id=open_[0].id, now=now)
                    elif what == "end":
                        running = [w for w in spans if covers(w.starts_at, w.ends_at, now)]
                        points.end_window(session, window_id=running[0].id, ends_at=now)
                    elif what == "wait":
                        now += first * DAY
            except (Conflict, IndexError):
                pass
            session.expire_all()
            history.append((now, _kept(session)))
        assert doctor.check(session, now) == []
        for moment, kept in history:
            for window, rows in kept.items():
                found = points.standings_at(session, window, moment)
                assert sorted((s.member_id, s.points, s.honours, s.last_day) for s in found) == rows
        last = history[-1][1]
        for window in last:
            points.rebuild(session, window)
        session.expire_all()
        assert _kept(session) == last
        # Every line counts in one season at most: the seasons' sums are part of that of all time.
        counted = session.scalar(select(func.sum(ScoreCount.members)).where(ScoreCount.members < 0))
        assert counted is None
