"""The formula in the database: the floor, leave, weights, ties and the wait after an elimination, on both databases."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from qunclub import points, seasons
from qunclub.homework.models import Submission
from qunclub.homework.models_teams import Team, WorkShare
from qunclub.kernel import Actor, Conflict, Invalid
from qunclub.members.models import Member
from qunclub.seasons import doctor, field, queries, queries_floor, services_leave, services_resign, snapshot
from qunclub.seasons.models import SnapshotRow

ADMIN = Actor("test:admin", "Admin", roles=frozenset({"admin"}))


def outcomes(session, season):
    found: dict[str, list[int]] = {"promoted": [], "kept": [], "eliminated": []}
    for one in seasons.decisions(session, season.id):
        found[one.decision.outcome].append(one.number)
    return found


def bars(session, season):
    rows = session.execute(
        select(SnapshotRow.number, SnapshotRow.bar).where(SnapshotRow.season_id == season.id)
    )
    return {number: bar for number, bar in rows if bar}


def following(make, before, **values):
    return make.season(starts_at=before.ends_at, **values)


def grant(session, member, kind, amount, at, serial=[0]):  # noqa: B006
    serial[0] += 1
    points.award(
        session, member_id=member.id, kind=kind, source=f"t:{serial[0]}", amount=amount, reason="", occurred_at=at,
        now=at, actor=ADMIN,
    )  # fmt: skip


def test_without_terms_nothing_is_kept_and_the_formula_is_the_usual(session, make):
    season = make.season(seats=4, eliminate=2)
    assert season.terms == {}
    assert season.formula == seasons.Formula(4, 2)


def test_the_suspended_and_the_gone_have_no_seat_and_are_on_no_board(session, make, now):
    one, two, three, four = make.ranking([0] * 4)
    season = make.season(seats=2, eliminate=0)
    for index, member in enumerate((one, two, three, four)):
        make.earn(member, 50 - index, at=season.starts_at)
    one.suspended_at, two.user_key = now, f"erased:{two.id}"
    session.flush()
    live = seasons.live_season(session, season, one.id)
    assert [shown.row.number for shown in live.others] == [3, 4]
    assert live.mine is not None and live.mine.distance.side == "barred"
    assert [o.number for o in seasons.preview(session, season, now).promoted] == [3, 4]
    make.closed(season)
    assert outcomes(session, season)["promoted"] == [3, 4]
    assert bars(session, season) == {1: "suspended", 2: "suspended"}
    assert doctor.check(session, season.ends_at) == []


def test_the_floor_asks_for_pass_works_and_days(session, make, now):
    members = make.ranking([0] * 5)
    season = make.season(seats=5, eliminate=0, need_pass=True, min_works=1, min_days=20)
    for member in members:
        make.earn(member, 10, at=season.starts_at)
    no_pass, expires, no_work, new, fine = members
    course = make.course()
    for member in (expires, no_work, new, fine):
        held = make.pass_(of=member)
        if member is expires:
            held.ends_at = season.ends_at - dt.timedelta(seconds=1)
    for member in (no_pass, expires, new, fine):
        work = make.submission(make.assignment(course=course), member=member)
        work.state, work.reviewed_at = "accepted", season.starts_at
    new.numbered_at = season.ends_at - dt.timedelta(days=19)
    fine.numbered_at = season.ends_at - dt.timedelta(days=20)
    no_work.numbered_at = fine.numbered_at
    session.flush()
    before = seasons.preview(session, season, now)
    assert [o.number for o in before.promoted] == [fine.number]
    make.closed(season)
    assert outcomes(session, season)["promoted"] == [fine.number]
    assert bars(session, season) == {
        no_pass.number: "no_pass", expires.number: "no_pass", no_work.number: "few_works", new.number: "few_days",
    }  # fmt: skip
    assert session.scalars(select(Submission.state)).all() == ["accepted"] * 4


def test_a_teams_work_is_each_ones_work(session, make):
    people = make.ranking([0] * 3)
    season = make.season(seats=3, eliminate=0, min_works=1)
    for member in people:
        make.earn(member, 10, at=season.starts_at)
    work = make.submission(make.assignment(), member=people[0])
    team = Team(assignment_id=work.assignment_id, created_at=season.starts_at)
    session.add(team)
    session.flush()
    work.team_id, work.state, work.reviewed_at = team.id, "accepted", season.starts_at
    for member in people[:2]:
        session.add(WorkShare(submission_id=work.id, member_id=member.id, assignment_id=work.assignment_id))
    session.flush()
    formula = season.formula
    had = [queries_floor.facts_of(session, season, formula, member.id).works for member in people]
    assert had == [1, 1, 0]
    wanted = dict(zip((member.id for member in people), ("", "", "few_works"), strict=True))
    assert queries_floor.bars(session, season, formula, wanted) == wanted
    make.closed(season)
    assert outcomes(session, season)["promoted"] == [member.number for member in people[:2]]


def test_weights_change_what_counts(session, make, now):
    one, two, three = make.ranking([0] * 3)
    season = make.season(
        seats=1, eliminate=0, weights=(("granted", 50), ("lesson_completed", 300), ("answer_best", 0))
    )
    grant(session, one, "granted", 31, season.starts_at)
    grant(session, two, "lesson_completed", 2, season.starts_at)
    grant(session, two, "pass_issued", 10, season.starts_at)
    for _ in range(9):
        grant(session, three, "answer_best", 5, season.starts_at)
    live = seasons.live_season(session, season, one.id)
    assert [(s.row.number, s.row.points) for s in live.others] == [(2, 16), (1, 15)]
    assert live.mine is not None and (live.mine.row.points, live.mine.place, live.mine.distance.points) == (
        15,
        2,
        2,
    )
    assert [(o.number, o.row.points) for o in seasons.preview(session, season, now).promoted] == [(2, 16)]
    make.closed(season)
    assert outcomes(session, season)["promoted"] == [2]
    assert [(r.number, r.points) for r in snapshot.by_place(session, season.id)] == [(2, 16), (1, 15)]


def test_ties_are_told_apart_as_the_formula_says(session, make):
    one, two = make.ranking([0, 0])
    season = make.season(seats=1, eliminate=0, ties=())
    make.earn(one, 5, at=season.starts_at + dt.timedelta(days=3))
    make.earn(two, 5, at=season.starts_at)
    assert [s.row.number for s in seasons.live_season(session, season).others] == [1, 2]
    make.closed(season)
    assert outcomes(session, season)["promoted"] == [1]
    usual = following(make, season, seats=2, eliminate=0)
    assert usual.formula.ties == ("featured", "earlier")


def test_whoever_was_eliminated_sits_out_as_many_seasons_as_the_formula_says(session, make):
    one, two, three = make.ranking([0] * 3)
    first = make.season(seats=1, eliminate=1, protection=0)
    make.earn(one, 5, at=first.starts_at)
    make.closed(first)
    second = following(make, first, seats=1, eliminate=1, protection=0)
    make.earn(two, 9, at=second.starts_at)
    make.closed(second)
    assert outcomes(session, second) == {"promoted": [2], "kept": [], "eliminated": [1]}
    third = following(make, second, seats=1, eliminate=1, protection=0, reentry=1)
    make.earn(one, 50, at=third.starts_at)
    make.earn(three, 7, at=third.starts_at)
    make.closed(third)
    assert outcomes(session, third) == {"promoted": [3], "kept": [], "eliminated": [2]}
    assert bars(session, third) == {1: "waiting"}
    fourth = following(make, third, seats=1, eliminate=1, protection=0, reentry=1)
    for member, many in ((one, 50), (two, 60)):
        make.earn(member, many, at=fourth.starts_at)
    make.closed(fourth)
    assert outcomes(session, fourth) == {"promoted": [1], "kept": [], "eliminated": [3]}
    assert bars(session, fourth) == {2: "waiting"}


def test_whoever_lost_the_seat_for_a_violation_sits_out_too_and_whoever_gave_it_back_does_not(session, make):
    one, two, three = make.ranking([0] * 3)
    first = make.season(seats=2, eliminate=0)
    for member in (one, two):
        make.earn(member, 5, at=first.starts_at)
    make.closed(first)
    second = following(make, first, seats=2, eliminate=0, reentry=1)
    later = second.starts_at + dt.timedelta(days=1)
    services_resign.dismiss(session, number=one.number, reason="Copied works", actor=ADMIN, now=later)
    services_resign.resign(session, member_id=two.id, actor=ADMIN, now=later)
    for member, many in ((one, 50), (two, 40), (three, 7)):
        make.earn(member, many, at=second.starts_at)
    assert queries_floor.facts_of(session, second, second.formula, one.id).waits
    assert not queries_floor.facts_of(session, second, second.formula, two.id).waits
    make.closed(second)
    assert bars(session, second) == {1: "waiting"}
    assert outcomes(session, second) == {"promoted": [2, 3], "kept": [], "eliminated": []}
    third = following(make, second, seats=3, eliminate=0, reentry=1)
    make.earn(one, 5, at=third.starts_at)
    make.closed(third)
    assert outcomes(session, third)["promoted"] == [1] and not bars(session, third)


def test_leave_is_asked_for_in_the_first_half_counted_and_keeps_the_seat(session, make):
    one, two, three = make.ranking([0] * 3)
    first = make.season(seats=2, eliminate=1, protection=0)
    for member in (one, two):
        make.earn(member, 5, at=first.starts_at)
    make.closed(first)
    second = following(make, first, seats=2, eliminate=1, protection=0, leaves=1)
    soon, middle = second.starts_at + dt.timedelta(days=1), services_leave.leave_until(second)
    given = dict(season_id=second.id, actor=ADMIN)
    with pytest.raises(Conflict, match="members of the core"):
        services_leave.ask_leave(session, member_id=three.id, reason="Why not", now=soon, **given)
    with pytest.raises(Invalid):
        services_leave.ask_leave(session, member_id=one.id, reason=" ", now=soon, **given)
    with pytest.raises(Conflict, match="middle of a season"):
        services_leave.ask_leave(session, member_id=one.id, reason="A child", now=middle, **given)
    services_leave.ask_leave(session, member_id=one.id, reason="A child", now=soon, **given)
    services_leave.ask_leave(session, member_id=one.id, reason="A child", now=soon, **given)
    services_leave.end_leave(session, member_id=one.id, now=soon, **given)
    services_leave.ask_leave(session, member_id=one.id, reason="A child", now=soon, **given)
    with pytest.raises(Conflict, match="middle of a season"):
        services_leave.end_leave(session, member_id=one.id, now=middle, **given)
    make.earn(two, 5, at=soon)
    make.earn(three, 9, at=soon)
    assert [s.outcome.reason for s in seasons.live_season(session, second).core if s.outcome] == [
        "lowest",
        "on_leave",
    ]
    make.closed(second)
    assert outcomes(session, second) == {"promoted": [3], "kept": [1], "eliminated": [2]}
    decided = seasons.decision_of(session, second.id, one.id)
    assert decided is not None and decided.reason == "on_leave"
    third = following(make, second, seats=2, eliminate=1, leaves=1)
    assert services_leave.leaves_left(session, third, one.id) == 0
    assert services_leave.leaves_left(session, third, three.id) == 1
    with pytest.raises(Conflict, match="no leave left"):
        services_leave.ask_leave(
            session, season_id=third.id, member_id=one.id, reason="Again", actor=ADMIN, now=third.starts_at
        )
    assert doctor.check(session, third.starts_at) == []


def test_a_coming_season_is_known_before_it_begins(session, make, now):
    running = make.season()
    coming = following(make, running)
    assert queries.coming(session, now) == [coming]
    assert queries.coming(session, coming.starts_at) == []
    assert session.scalars(select(Member)).all() == []


@pytest.mark.parametrize(
    ("weights", "worth"), [((("granted", 300),), 21), ((), 7)], ids=["weighted", "usual"]
)
def test_a_late_line_counts_in_the_season_that_runs_then(session, make, weights, worth):
    """Weighted seasons count a line where the kept standings do (promise 7): once, and not in what is frozen.

    Whoever is below zero by it has nothing: no place on the board, no chance to rise.
    """
    late, early = make.ranking([0, 0])
    first = make.season(seats=1, eliminate=0, weights=(("granted", 50),))
    second = following(make, first, seats=2, eliminate=0, weights=weights)
    grant(session, early, "granted", 9, first.starts_at)
    taken = points.award(
        session, member_id=early.id, kind="granted", source="taken", amount=100, reason="", actor=ADMIN,
        occurred_at=first.starts_at, now=first.starts_at,
    )  # fmt: skip
    make.closed(first, steps=("freeze",))
    after = first.ends_at + dt.timedelta(hours=1)
    # Earned in the first season, written after its freeze; and one of the first taken back too late for it.
    points.award(
        session, member_id=late.id, kind="granted", source="late", amount=7, reason="", actor=ADMIN,
        occurred_at=first.starts_at, now=after,
    )  # fmt: skip
    assert taken is not None
    points.reverse(session, entry_id=taken.id, reason="a mistake", actor=ADMIN, now=after)
    assert [(row.number, row.points) for row in snapshot.by_place(session, first.id)] == [(early.number, 54)]
    assert [(one.row.number, one.row.points) for one in seasons.live_season(session, second).others] == [
        (late.number, worth)
    ]
    assert [one.number for one in seasons.preview(session, second, after).promoted] == [late.number]
    assert late.id in {row.member for row in field.best(session, second, limit=9)}
    assert early.id not in {row.member for row in field.best(session, second, limit=9)}
    kept = {one: points.standing(session, second.window_id, one.id) for one in (late, early)}
    assert {one: found and found.points for one, found in kept.items()} == {late: 7, early: -100}
    make.closed(first, steps=("publish", "close"))
    make.closed(second, steps=("freeze",))
    assert (late.number, worth) in [(row.number, row.points) for row in snapshot.by_place(session, second.id)]
    assert all(row.points >= 0 for row in snapshot.by_place(session, second.id))
