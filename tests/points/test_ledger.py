"""The ledger: exactly once, append-only, and standings that equal its sums (promise 7)."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import func, select, update

from qunclub import points
from qunclub.kernel import Actor, Conflict, Invalid, NotFound
from qunclub.kernel.store import AuditEntry
from qunclub.points import doctor, ledger, services
from qunclub.points.models import LedgerEntry, PointRule, ScoreCount, Standing, Window
from tests.support.statements import count_statements
from tests.support.tampering import tampering

ADMIN = Actor("test:admin", "Admin", roles=frozenset({"admin"}))


def all_time(session):
    window = points.window_by_key(session, points.ALL_TIME)
    assert window is not None
    return window.id


def score(session, window, member):
    found = points.standing(session, window, member.id)
    assert found is not None
    return found


def test_a_source_earns_once(session, make, now):
    member = make.member(number=True)
    given = dict(
        member_id=member.id, kind="pass_issued", source="pass:1", occurred_at=now, now=now, actor=ADMIN
    )
    first = points.award(session, **given)
    assert first is not None and (first.amount, first.actor) == (10, "test:admin")
    assert points.award(session, **given) is None
    assert score(session, all_time(session), member).points == 10


def test_many_are_written_at_once_and_twice_the_same_source_is_one(session, make, now):
    one, two = make.member(number=True), make.member(number=True)
    awards = [
        points.Award(one.id, "homework_accepted", "s:1:a", amount=92),
        points.Award(one.id, "homework_on_time", "s:1:t"),
        points.Award(one.id, "homework_featured", "s:1:f"),
        points.Award(two.id, "homework_accepted", "s:2:a", amount=40),
        points.Award(two.id, "homework_accepted", "s:2:a", amount=40),
    ]
    earned = points.award_many(session, awards, now=now, actor=ADMIN)
    assert [(e.source, e.amount, e.honours) for e in earned] == [
        ("s:1:a", 92, 0),
        ("s:1:t", 5, 0),
        ("s:1:f", 20, 1),
        ("s:2:a", 40, 0),
    ]
    assert points.award_many(session, awards, now=now, actor=ADMIN) == []
    mine = score(session, all_time(session), one)
    assert (mine.points, mine.honours, mine.last_day) == (117, 1, now.date())
    assert doctor.check(session, now) == []


def test_however_many_the_statements_are_five(session, make, now, db):
    members = make.ranking([1] * 30)
    few = [points.Award(members[0].id, "pass_issued", "p:0")]
    many = [points.Award(m.id, "pass_issued", f"p:{m.id}:{n}") for m in members for n in range(3)]
    for awards in (few, many):
        with count_statements(db.engine) as seen:
            points.award_many(session, awards, now=now, actor=ADMIN)
        assert seen.count == 5, seen


def test_only_members_with_a_number_earn(session, make, now):
    stranger = make.member()
    with pytest.raises(Conflict):
        points.award_many(session, [points.Award(stranger.id, "pass_issued", "p")], now=now, actor=ADMIN)
    assert session.scalar(select(func.count()).select_from(LedgerEntry)) == 0


def test_a_rule_that_is_off_or_nothing_writes_no_line(session, make, now):
    member = make.member(number=True)
    points.set_rule(session, kind="lesson_completed", amount=2, active=False, actor=ADMIN, now=now)
    points.set_rule(session, kind="pass_issued", amount=0, active=True, actor=ADMIN, now=now)
    awards = [
        points.Award(member.id, "lesson_completed", "l"),
        points.Award(member.id, "pass_issued", "p"),
        points.Award(member.id, "homework_accepted", "h", amount=0),
    ]
    assert points.award_many(session, awards, now=now, actor=ADMIN) == []


def test_a_changed_rule_holds_from_now_on_and_is_audited(session, make, now):
    member = make.member(number=True)
    make.earn(member, 5, kind="homework_on_time", source="old")
    rule = points.set_rule(session, kind="homework_on_time", amount=9, active=True, actor=ADMIN, now=now)
    new = points.award(
        session,
        member_id=member.id,
        kind="homework_on_time",
        source="new",
        occurred_at=now,
        now=now,
        actor=ADMIN,
    )
    assert new is not None and (rule.amount, new.amount) == (9, 9)
    assert score(session, all_time(session), member).points == 14
    logged = session.scalars(select(AuditEntry)).one()
    assert (logged.action, logged.details["before"]["amount"]) == ("points.rule", 5)
    with pytest.raises(NotFound):
        points.set_rule(session, kind="wishes", amount=1, active=True, actor=ADMIN, now=now)
    with pytest.raises(Invalid):
        points.set_rule(session, kind="granted", amount=-1, active=True, actor=ADMIN, now=now)


def test_the_day_it_was_earned_decides_the_window(session, make, now):
    member = make.member(number=True)
    january, february, march = (dt.datetime(2026, month, 1, tzinfo=dt.UTC) for month in (1, 2, 3))
    first = make.window(starts_at=january, ends_at=february)
    make.earn(member, 7, at=february - dt.timedelta(seconds=1))
    make.earn(member, 11, at=february)
    # Opened after the fact: built from the ledger.
    second = make.window(starts_at=february, ends_at=march)
    make.earn(member, 100, at=march - dt.timedelta(days=1))
    assert score(session, first.id, member).points == 7
    assert score(session, second.id, member).points == 111
    assert score(session, all_time(session), member).points == 118
    assert score(session, first.id, member).last_day == dt.date(2026, 1, 31)
    assert doctor.check(session, now) == []


def test_a_late_line_of_an_earlier_day_keeps_the_last_day(session, make, now):
    member = make.member(number=True)
    make.earn(member, 1, at=now)
    make.earn(member, 1, at=now - dt.timedelta(days=9))
    assert score(session, all_time(session), member).last_day == now.date()


def test_opening_a_window_twice_is_one_and_other_ends_are_refused(session, now):
    ends = now + dt.timedelta(days=30)
    first = points.open_window(session, key="season:x", starts_at=now, ends_at=ends)
    assert points.open_window(session, key="season:x", starts_at=now, ends_at=ends).id == first.id
    with pytest.raises(Conflict):
        points.open_window(session, key="season:x", starts_at=now, ends_at=ends + dt.timedelta(days=1))
    with pytest.raises(Invalid):
        points.open_window(session, key="season:y", starts_at=ends, ends_at=now)


def test_a_reversal_takes_back_points_feature_and_day_in_the_season_they_were_earned(session, make, now):
    member = make.member(number=True)
    month = make.window(starts_at=now - dt.timedelta(days=20), ends_at=now + dt.timedelta(days=10))
    make.earn(member, 30, at=now - dt.timedelta(days=5))
    late = make.earn(member, 20, kind="homework_featured", at=now)
    line = points.reverse(
        session, entry_id=late.id, reason="copied", actor=ADMIN, now=now + dt.timedelta(days=60)
    )
    assert (line.amount, line.honours, line.reverses_id, line.occurred_at) == (-20, -1, late.id, now)
    for window in (month.id, all_time(session)):
        mine = score(session, window, member)
        assert (mine.points, mine.honours, mine.last_day) == (30, 0, (now - dt.timedelta(days=5)).date())
    assert doctor.check(session, now) == []
    assert session.scalars(select(AuditEntry.action)).all() == ["points.reverse"]


def test_taking_everything_back_leaves_no_standing(session, make, now):
    member, _other = make.ranking([12, 5])
    line = session.scalars(select(LedgerEntry).where(LedgerEntry.member_id == member.id)).one()
    points.reverse(session, entry_id=line.id, reason="by mistake", actor=ADMIN, now=now)
    window = all_time(session)
    assert points.standing(session, window, member.id) is None
    assert points.rank_of(session, window, 5) == 1
    assert points.total(session, window) == 1
    assert doctor.check(session, now) == []


def test_a_line_is_reversed_once_with_a_reason_and_a_reversal_never(session, make, now):
    line = make.earn(make.member(number=True), 10)
    with pytest.raises(Invalid):
        points.reverse(session, entry_id=line.id, reason=" ", actor=ADMIN, now=now)
    back = points.reverse(session, entry_id=line.id, reason="twice", actor=ADMIN, now=now)
    for entry in (line.id, back.id):
        with pytest.raises(Conflict):
            points.reverse(session, entry_id=entry, reason="again", actor=ADMIN, now=now)
    with pytest.raises(NotFound):
        points.reverse(session, entry_id=999_999, reason="?", actor=ADMIN, now=now)


@pytest.mark.parametrize("change", ["amount", "delete"])
def test_lines_never_change(session, make, change):
    line = make.earn(make.member(number=True), 10)
    with pytest.raises(ledger.AppendOnly), session.begin_nested():
        if change == "delete":
            session.delete(line)
        else:
            line.amount = 1000
        session.flush()


def test_points_by_hand_need_a_reason_and_one_form_gives_once(session, make, now):
    member = make.member(number=True)
    given = dict(
        member_id=member.id, amount=15, reason="Helped at the door", key="form-1", actor=ADMIN, now=now
    )
    line = points.grant(session, **given)
    assert line is not None and line.amount == 15
    assert points.grant(session, **given) is None
    for field, value in (("reason", " "), ("amount", 0), ("amount", -5), ("amount", 99_999)):
        with pytest.raises(Invalid) as refused:
            points.grant(session, **{**given, "key": "form-2", field: value})
        assert refused.value.field == field
    assert session.scalars(select(AuditEntry.action)).all() == ["points.grant"]
    points.set_rule(session, kind="granted", amount=10, active=False, actor=ADMIN, now=now)
    with pytest.raises(Conflict):
        points.grant(session, **{**given, "key": "form-3"})


def test_rebuilding_gives_what_was_kept(session, make, now):
    make.ranking([5, 5, 70, 4097, 900], at=now)
    window = all_time(session)
    before = session.execute(select(Standing.member_id, Standing.points, Standing.last_day)).all()
    points.rebuild(session, window)
    assert session.execute(select(Standing.member_id, Standing.points, Standing.last_day)).all() == before
    assert doctor.check(session, now) == []


def test_standings_of_any_date_follow_from_the_ledger(session, make, now):
    first, second = make.ranking([10, 20], at=now - dt.timedelta(days=10))
    make.now = now + dt.timedelta(days=5)
    make.earn(first, 15, at=now - dt.timedelta(days=5))
    window = all_time(session)
    early = points.standings_at(session, window, now + dt.timedelta(days=3))
    late = points.standings_at(session, window, now + dt.timedelta(days=5))
    assert points.standings_at(session, window, now - dt.timedelta(days=3)) == []
    assert [(s.number, s.points) for s in early] == [(second.number, 20), (first.number, 10)]
    assert [(s.number, s.points) for s in late] == [(first.number, 25), (second.number, 20)]
    kept = points.top(session, window, 10)
    assert kept == late


def test_the_doctor_sees_a_tampered_standing_count_or_line(session, make, now):
    member, other = make.ranking([10, 20])
    session.execute(update(Standing).where(Standing.member_id == member.id).values(points=11))
    session.execute(update(ScoreCount).where(ScoreCount.points == 20).values(members=2))
    found = doctor.check(session, now)
    assert {f.promise for f in found} == {7}
    assert "standings differ" in found[0].message and "counts" in found[1].message
    points.rebuild(session, all_time(session))
    assert doctor.check(session, now) == []
    line = session.scalars(select(LedgerEntry).where(LedgerEntry.member_id == other.id)).one()
    back = points.reverse(session, entry_id=line.id, reason="x", actor=ADMIN, now=now)
    with tampering(session):
        session.execute(update(LedgerEntry).where(LedgerEntry.id == back.id).values(amount=-1))
    assert any("corrections" in f.message for f in doctor.check(session, now))


def test_the_doctor_asks_the_same_few_statements_whatever_the_size(session, make, now, db):
    seen = []
    for start in (1, 100):
        make.ranking([7] * 40, first_number=start)
        with count_statements(db.engine) as statements:
            doctor.check(session, now)
        seen.append(statements.count)
    assert seen[0] == seen[1] <= 7


def test_rules_that_were_never_written_down_are_the_defaults(session, make, now):
    assert session.scalar(select(func.count()).select_from(PointRule)) == 0
    assert [r.kind for r in points.all_rules(session)] == list(points.KINDS)
    points.ensure_rules(session, now)
    points.ensure_rules(session, now)
    assert session.scalar(select(func.count()).select_from(PointRule)) == len(points.KINDS)
    assert session.scalar(select(func.count()).select_from(Window)) == 1


def test_a_member_is_found_by_number(session, make):
    member = make.member(number=True)
    assert services.member_by_number(session, member.number).id == member.id
    with pytest.raises(Invalid):
        services.member_by_number(session, 4242)
