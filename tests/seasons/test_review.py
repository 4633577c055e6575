"""Between freeze and result: exceptions, dry runs, nominations, the second admin, and whoever lost the seat."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from qunclub import groups, members, passes, seasons
from qunclub.groups.models import Group, Seat
from qunclub.kernel import Actor, Conflict, Forbidden, Invalid, NotFound, locks
from qunclub.seasons import doctor, queries_review, services_review, services_seats
from qunclub.seasons.models import CoreSeat, Season
from qunclub.seasons.models_review import SeasonException
from tests.support.concurrency import concurrently, failed, succeeded

ADA = Actor("test:ada", "Ada", roles=frozenset({"admin"}))
BOB = Actor("test:bob", "Bob", roles=frozenset({"admin"}))


def outcomes(session, season):
    found: dict[str, list[int]] = {"promoted": [], "kept": [], "eliminated": []}
    for one in seasons.decisions(session, season.id):
        found[one.decision.outcome].append(one.number)
    return found


def frozen_story(make, **values):
    """Core 1 and 2; in the second season 3 and 4 are ahead of both, and 2 is last."""
    people = make.ranking([0] * 5)
    first = make.season(seats=2, eliminate=1, protection=0, group_id=values.get("group_id"))
    for member in people[:2]:
        make.earn(member, 10, at=first.starts_at)
    make.closed(first)
    second = make.season(starts_at=first.ends_at, seats=2, eliminate=1, protection=0, **values)
    for member, many in zip(people, (20, 5, 50, 40), strict=False):
        make.earn(member, many, at=second.starts_at)
    make.closed(second, steps=("freeze",))
    return people, second


def rule(session, season, number, kind, actor=ADA, reason="Because."):
    return services_review.add_exception(
        session, season_id=season.id, number=number, kind=kind, reason=reason, actor=actor, now=season.ends_at
    )


def publish(session, season, actor=ADA):
    return seasons.publish(session, season_id=season.id, actor=actor, now=season.ends_at)


def test_exceptions_are_as_small_as_can_be_and_stand_with_the_result(session, make):
    people, season = frozen_story(make)
    before = services_review.dry_run(session, season_id=season.id, actor=ADA, now=season.ends_at)
    assert [(o[1], o[2]) for o in before.outcomes] == [(3, "promoted"), (1, "kept"), (2, "eliminated")]
    made = rule(session, season, 4, "promote", reason="Led the  project.")
    review = queries_review.review(session, season, seasons.preview(session, season, season.ends_at))
    assert review.changes is not None
    assert [(c.number, c.was, c.now, c.now_reason) for c in review.changes] == [
        (3, "promoted", "", ""), (4, "", "promoted", "exception"),
    ]  # fmt: skip
    # Against the formula alone: one member by the exception, and the one whose seat they take.
    assert [(c.number, c.was, c.now) for c in review.moved] == [(3, "promoted", ""), (4, "", "promoted")]
    services_review.drop_exception(
        session, season_id=season.id, exception_id=made.id, actor=ADA, now=season.ends_at
    )
    plain = queries_review.review(session, season, seasons.preview(session, season, season.ends_at))
    assert plain.moved == []
    rule(session, season, 3, "exclude", reason="Led it away.")
    publish(session, season)
    assert outcomes(session, season) == {"promoted": [4], "kept": [1], "eliminated": [2]}
    assert [(e.number, e.kind, e.reason) for e in queries_review.published(session, season.id)] == [
        (3, "exclude", "Led it away.")
    ]
    assert doctor.check(session, season.ends_at) == []
    assert people[4].number == 5


def test_whoever_is_kept_by_an_exception_takes_the_last_seat_to_win(session, make):
    _people, season = frozen_story(make)
    rule(session, season, 2, "keep")
    publish(session, season)
    assert outcomes(session, season) == {"promoted": [], "kept": [1, 2], "eliminated": []}
    decided = {one.number: one.decision.reason for one in seasons.decisions(session, season.id)}
    assert decided[2] == "exception"
    assert doctor.check(session, season.ends_at) == []


@pytest.mark.parametrize(
    ("number", "kind", "reason", "field"),
    [
        (99, "keep", "Why", "number"),
        (None, "keep", "Why", "number"),
        (5, "promote", "Why", "number"),
        (2, "keep", " ", "reason"),
        (2, "dismiss", "Why", "kind"),
        (1, "keep", "Stays anyway", "kind"),
        (3, "promote", "Rises anyway", "kind"),
        (2, "promote", "Sits already", "kind"),
    ],
)
def test_an_exception_that_cannot_be_or_changes_nothing_is_refused_by_field(
    session, make, number, kind, reason, field
):
    _people, season = frozen_story(make)
    with pytest.raises(Invalid) as refused, session.begin_nested():
        rule(session, season, number, kind, reason=reason)
    assert refused.value.field == field
    assert services_review.exceptions(session, season.id) == []


def test_an_exception_is_not_about_oneself_not_twice_and_not_after_the_result(session, make):
    people, season = frozen_story(make)
    oneself = Actor("test:two", "Two", roles=frozenset({"admin"}), member_id=people[1].id)
    with pytest.raises(Forbidden):
        rule(session, season, 2, "keep", actor=oneself)
    made = rule(session, season, 2, "keep")
    with pytest.raises(Invalid, match="take it back first"):
        rule(session, season, 2, "exclude")
    publish(session, season)
    with pytest.raises(Conflict):
        rule(session, season, 3, "promote")
    with pytest.raises(Conflict):
        services_review.drop_exception(
            session, season_id=season.id, exception_id=made.id, actor=ADA, now=season.ends_at
        )
    with pytest.raises(NotFound):
        services_review.drop_exception(
            session, season_id=99, exception_id=made.id, actor=ADA, now=season.ends_at
        )


def test_an_exception_that_another_made_idle_stops_the_result(session, make):
    _people, season = frozen_story(make)
    rule(session, season, 4, "promote")
    rule(session, season, 2, "keep")
    with pytest.raises(Conflict, match="changes nothing any more"):
        publish(session, season)


def test_two_admins_are_needed_where_the_formula_says_so(session, make):
    _people, season = frozen_story(make, two_person=True)

    def propose(actor):
        services_review.dry_run(session, season_id=season.id, actor=actor, now=season.ends_at, propose=True)

    with pytest.raises(Conflict, match="Propose it first"):
        publish(session, season)
    services_review.dry_run(session, season_id=season.id, actor=BOB, now=season.ends_at)
    with pytest.raises(Conflict, match="Propose it first"):
        publish(session, season)
    propose(ADA)
    with pytest.raises(Forbidden):
        publish(session, season, ADA)
    rule(session, season, 2, "keep", actor=BOB)
    with pytest.raises(Conflict, match="Propose it first"):
        publish(session, season, BOB)
    propose(BOB)
    assert publish(session, season, ADA).first
    assert not publish(session, season, BOB).first


def test_nominations_are_read_and_move_nothing(session, make):
    people, season = frozen_story(make)
    teacher = Actor("test:t", "Teacher", roles=frozenset({"instructor"}), member_id=people[0].id)
    given = dict(season_id=season.id, actor=teacher, now=season.ends_at)
    services_review.nominate(session, number=4, reason="Helps everybody", **given)
    services_review.nominate(session, number=4, reason="Helps everybody, always", **given)
    with pytest.raises(Forbidden):
        services_review.nominate(session, number=1, reason="Me", **given)
    with pytest.raises(Invalid):
        services_review.nominate(session, number=77, reason="Who", **given)
    plan = seasons.preview(session, season, season.ends_at)
    said = queries_review.review(session, season, plan).nominations
    assert [(one.number, one.reason, one.outcome) for one in said] == [(4, "Helps everybody, always", "")]
    assert [o.number for o in plan.promoted] == [3]
    publish(session, season)
    with pytest.raises(Conflict):
        services_review.nominate(session, number=4, reason="Late", **given)


# ---- seats that end between two closings


@pytest.fixture
def core_group(session, make):
    line = make.group_line(slug="core", kind="core", capacities=[2], posting="all")
    return session.scalars(select(Group).where(Group.line_id == line.id)).one()


def seat_of(session, group, member):
    return session.scalars(
        select(Seat).where(Seat.group_id == group.id, Seat.member_id == member.id).order_by(Seat.id.desc())
    ).first()


def refund(session, make, member, at):
    held = make.pass_(of=member)
    passes.revoke(session, pass_id=held.id, reason="Refunded", now=at, actor=ADA)


@pytest.mark.parametrize("how", ["suspended", "refunded", "removed", "left_club"])
@pytest.mark.parametrize("when", ["before the freeze", "after it"])
def test_whoever_may_not_stay_loses_the_seat_and_is_not_seated_again(session, make, core_group, how, when):
    people = make.ranking([0] * 4)
    one, two, three, _four = people
    first = make.season(seats=2, eliminate=0, protection=0, group_id=core_group.id)
    for member in (one, two):
        make.earn(member, 10, at=first.starts_at)
    make.closed(first)
    second = make.season(starts_at=first.ends_at, seats=2, eliminate=0, protection=0, group_id=core_group.id)
    for member in (one, two, three):
        make.earn(member, 30, at=second.starts_at)
    at = second.ends_at
    if when == "after it":
        make.closed(second, steps=("freeze",))
        at += dt.timedelta(hours=1)
    if how == "suspended":
        members.suspend(session, member_id=one.id, reason="Spam", actor=ADA, now=at)
    elif how == "refunded":
        refund(session, make, one, at)
    elif how == "removed":
        groups.remove_member(
            session, seat_id=seat_of(session, core_group, one).id, reason="No", actor=ADA, now=at
        )
    else:
        one.user_key = f"erased:{one.id}"
        session.flush()
    if when == "before the freeze":
        make.closed(second, steps=("freeze",))
    seasons.publish(session, season_id=second.id, actor=ADA, now=at)
    assert outcomes(session, second) == {"promoted": [3], "kept": [2], "eliminated": []}
    gone = session.scalars(select(CoreSeat).where(CoreSeat.member_id == one.id)).one()
    assert (gone.left_reason, gone.left_at, gone.left_season_id) == (how, at, None)
    assert seat_of(session, core_group, one).state != "admitted"
    assert seat_of(session, core_group, three).state == "admitted"
    assert doctor.check(session, at) == []
    third = make.season(starts_at=second.ends_at, seats=2, eliminate=0, group_id=core_group.id)
    make.closed(third, steps=("freeze",))
    seasons.publish(session, season_id=third.id, actor=ADA, now=third.ends_at)
    assert outcomes(session, third)["kept"] == [2, 3]


def test_a_riser_who_is_suspended_after_the_freeze_leaves_the_seat_to_the_next(session, make):
    people, season = frozen_story(make)
    members.suspend(session, member_id=people[2].id, reason="Spam", actor=ADA, now=season.ends_at)
    assert [o.number for o in seasons.preview(session, season, season.ends_at).promoted] == [4]
    publish(session, season)
    assert outcomes(session, season)["promoted"] == [4]
    assert doctor.check(session, season.ends_at) == []
    members.restore(session, member_id=people[2].id, actor=ADA, now=season.ends_at)
    assert doctor.check(session, season.ends_at) == []


def test_of_many_who_are_suspended_after_the_freeze_none_rises(session, make):
    people = make.ranking([0] * 5)
    season = make.season(seats=1, eliminate=0, protection=0)
    for member, many in zip(people, (50, 40, 30, 20, 10), strict=True):
        make.earn(member, many, at=season.starts_at)
    make.closed(season, steps=("freeze",))
    for member in people[:4]:
        members.suspend(session, member_id=member.id, reason="Spam", actor=ADA, now=season.ends_at)
    assert [o.number for o in seasons.preview(session, season, season.ends_at).promoted] == [5]
    publish(session, season)
    assert outcomes(session, season) == {"promoted": [5], "kept": [], "eliminated": []}
    assert doctor.check(session, season.ends_at) == []


def test_whoever_an_exception_lets_rise_rises_not_when_suspended_since(session, make):
    people, season = frozen_story(make, min_days=400)
    rule(session, season, 4, "promote")
    assert [o.number for o in seasons.preview(session, season, season.ends_at).promoted] == [4]
    members.suspend(session, member_id=people[3].id, reason="Spam", actor=ADA, now=season.ends_at)
    assert [o.number for o in seasons.preview(session, season, season.ends_at).promoted] == []
    publish(session, season)
    assert outcomes(session, season)["promoted"] == []
    assert doctor.check(session, season.ends_at) == []


def test_a_riser_who_was_barred_from_groups_leaves_the_seat_to_the_next(session, make):
    people, season = frozen_story(make)
    groups.bar_member(
        session, member_id=people[2].id, line_id=None, reason="Spam", actor=ADA, now=season.ends_at
    )
    assert [o.number for o in seasons.preview(session, season, season.ends_at).promoted] == [4]
    publish(session, season)
    assert outcomes(session, season)["promoted"] == [4]
    assert doctor.check(session, season.ends_at) == []
    members.restore(session, member_id=people[2].id, actor=ADA, now=season.ends_at)
    assert doctor.check(session, season.ends_at) == []


def test_the_sweep_ends_seats_once_and_a_pass_that_ran_out_ends_none(session, make):
    people, season = frozen_story(make)
    held = make.pass_(of=people[0])
    held.state, held.ended_at = "expired", season.ends_at
    session.flush()
    assert services_seats.settle(session, now=season.ends_at) == 0
    members.suspend(session, member_id=people[0].id, reason="Spam", actor=ADA, now=season.ends_at)
    assert services_seats.settle(session, now=season.ends_at) == 1
    assert services_seats.settle(session, now=season.ends_at) == 0


# ---- races


def race(db, season):
    """Eight admins publish while eight take back the exception the result leans on."""

    def one(session, index):
        admin = Actor(f"test:{index}", f"Admin {index}", roles=frozenset({"admin"}))
        if index % 2:
            return publish(session, season, admin).first
        found = session.scalars(select(SeasonException)).one_or_none()
        if found is not None:
            services_review.drop_exception(
                session, season_id=season.id, exception_id=found.id, actor=admin, now=season.ends_at
            )
        return None

    return concurrently(db, 16, one)


def test_the_result_is_what_was_ruled_when_it_was_published(db, make):
    _people, season = frozen_story(make)
    with db.uow() as session:
        rule(session, season, 2, "keep")
    outcome = race(db, season)
    assert succeeded(outcome).count(True) == 1
    assert all(isinstance(error, Conflict | NotFound) for error in failed(outcome)), outcome
    with db.session() as session:
        assert doctor.check(session, season.ends_at) == []
        kept = {one.number: one.decision.reason for one in seasons.decisions(session, season.id)}
        ruled = session.scalars(select(SeasonException)).all()
        assert (kept[2] == "exception") == bool(ruled)


def test_control_without_the_lock_an_exception_is_taken_back_under_the_result(db, make, monkeypatch):
    """Without the season's lock it can be taken back after the result leant on it, and the doctor sees it."""
    _people, season = frozen_story(make)
    with db.uow() as session:
        rule(session, season, 2, "keep")
    with locks.disabled(), db.session() as reader, db.session() as writer:
        stale = reader.get_one(Season, season.id)
        assert stale.state == "frozen"
        made = reader.scalars(select(SeasonException)).one()
        exception_id = made.id
        reader.rollback()
        original = services_review._frozen
        monkeypatch.setattr(services_review, "_frozen", lambda _session, _id: stale)
        publish(writer, writer.get_one(Season, season.id))
        writer.commit()
        with db.session() as late:
            services_review.drop_exception(
                late, season_id=season.id, exception_id=exception_id, actor=ADA, now=season.ends_at
            )
            late.commit()
        monkeypatch.setattr(services_review, "_frozen", original)
    with db.session() as session:
        assert any("do not follow" in f.message for f in doctor.check(session, season.ends_at))
