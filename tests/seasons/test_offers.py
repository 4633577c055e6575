"""A core seat that becomes free between two results is offered to the next by the last one."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from qunclub import groups, jobs, passes, seasons
from qunclub.groups.models import Group, Seat
from qunclub.groups.models_bar import Bar
from qunclub.home.export import export
from qunclub.kernel import Actor, Conflict, Forbidden, Invalid, NotFound, locks
from qunclub.kernel.outbox import OutboxMessage
from qunclub.kernel.store import AuditEntry
from qunclub.seasons import (
    doctor,
    queries_offers,
    rules_offers,
    services_appeals,
    services_offers,
    services_resign,
    services_seats,
)
from qunclub.seasons.models import CoreSeat
from qunclub.seasons.models_appeals import SeasonAppeal
from qunclub.seasons.models_offers import RunnerUp, SeatOffer
from qunclub.seasons.rules_offers import Candidate, next_up, stands_back, until
from qunclub.web.state import club
from tests.support.concurrency import concurrently, failed, succeeded
from tests.support.pages import in_language, post, sign_in, text_of

ADMIN = Actor("test:admin", "Admin", roles=frozenset({"admin"}))
DAY = dt.timedelta(days=1)
MANY = 12


@pytest.fixture
def story(request, db, make):
    """Seven members; two seats go to the first two, the others are runner-ups; the next season runs."""
    people = make.ranking([0] * 7)
    line = make.group_line(slug="core", kind="core", capacities=[2], posting="all")
    of_line = select(Group.id).where(Group.line_id == line.id)
    if "session" in request.fixturenames:
        group_id = request.getfixturevalue("session").scalars(of_line).one()
    else:
        with db.session() as reading:
            group_id = reading.scalars(of_line).one()
    season = make.season(seats=2, eliminate=1, group_id=group_id, offer_days=7)
    for member, many in zip(people[:6], (60, 50, 40, 30, 20, 10), strict=True):
        make.earn(member, many, at=season.starts_at)
    make.closed(season, steps=("freeze", "publish"))
    running = make.season(starts_at=season.ends_at, seats=2, eliminate=1, group_id=group_id, days=60)
    return people, season, running


def soon(season, days=1):
    return season.ends_at + days * DAY


def resign(session, member, now):
    actor = Actor("test:member", member.name, member_id=member.id)
    return services_resign.resign(session, member_id=member.id, actor=actor, now=now)


def answer(session, verb, offer, member, now):
    actor = Actor("test:member", member.name, member_id=member.id)
    return verb(session, offer_id=offer.id, member_id=member.id, actor=actor, now=now)


def offers(session):
    rows = session.execute(select(SeatOffer.member_id, SeatOffer.state).order_by(SeatOffer.id))
    return [tuple(row) for row in rows]


def letters(session, template):
    rows = session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "mail"))
    return [row.payload for row in rows if row.payload["template"] == template]


def test_the_list_is_kept_in_the_order_of_the_result(session, story):
    people, season, _running = story
    kept = session.execute(
        select(RunnerUp.member_id, RunnerUp.place, RunnerUp.points).order_by(RunnerUp.place)
    )
    assert [tuple(row) for row in kept] == [
        (people[2].id, 1, 40), (people[3].id, 2, 30), (people[4].id, 3, 20), (people[5].id, 4, 10),
    ]  # fmt: skip
    assert services_offers.offer_due(session, now=soon(season)) == 0


def test_whoever_resigns_makes_room_and_the_next_takes_it(session, story):
    people, season, _running = story
    resign(session, people[0], soon(season))
    assert [one["to"] for one in letters(session, "core_resigned")] == [people[0].email]
    ended = session.scalars(select(Seat).where(Seat.member_id == people[0].id)).one()
    assert ended.end_reason == "The core seat was given back."  # read at /groups, so no code
    assert services_offers.offer_due(session, now=soon(season)) == 1
    assert services_offers.offer_due(session, now=soon(season)) == 0, "one seat, one offer"
    assert offers(session) == [(people[2].id, "open")]
    (letter,) = letters(session, "core_offer")
    assert letter["to"] == people[2].email and letter["context"]["until"] == soon(season, 8).isoformat()
    offer = session.scalars(select(SeatOffer)).one()
    with pytest.raises(NotFound):
        answer(session, services_offers.accept, offer, people[3], soon(season, 2))
    seat = answer(session, services_offers.accept, offer, people[2], soon(season, 2))
    assert answer(session, services_offers.accept, offer, people[2], soon(season, 2)) is seat
    assert (seat.safe_closings, seat.since_season_id) == (season.protection, season.id)
    assert {one.member_id for one in seasons.core_members(session)} == {people[1].id, people[2].id}
    seated = select(Seat.member_id).where(Seat.group_id == season.group_id, Seat.state == "admitted")
    assert set(session.scalars(seated)) == {people[1].id, people[2].id}
    assert [one.number for one in queries_offers.came_in(session, season.id)] == [people[2].number]
    assert doctor.check(session, soon(season, 2)) == []
    acts = set(session.scalars(select(AuditEntry.action)))
    assert {"core.resign", "core.offer", "core.accept"} <= acts


def test_declined_or_unanswered_it_goes_on_and_nobody_is_asked_twice(session, story):
    people, season, _running = story
    resign(session, people[0], soon(season))
    services_offers.offer_due(session, now=soon(season))
    first = session.scalars(select(SeatOffer)).one()
    answer(session, services_offers.decline, first, people[2], soon(season))
    answer(session, services_offers.decline, first, people[2], soon(season))
    assert services_offers.offer_due(session, now=soon(season)) == 1
    assert services_offers.offer_due(session, now=soon(season, 8)) == 2, "it ends, and the next has it"
    assert offers(session) == [(people[2].id, "declined"), (people[3].id, "lapsed"), (people[4].id, "open")]
    second = session.scalars(select(SeatOffer).where(SeatOffer.state == "lapsed")).one()
    with pytest.raises(Conflict, match="has ended"):
        answer(session, services_offers.accept, second, people[3], soon(season, 8))
    assert [one["context"]["state"] for one in letters(session, "core_offer_ended")] == ["lapsed"]
    third = session.scalars(select(SeatOffer).where(SeatOffer.state == "open")).one()
    answer(session, services_offers.accept, third, people[4], soon(season, 9))
    resign(session, people[4], soon(season, 10))
    services_offers.offer_due(session, now=soon(season, 10))
    assert offers(session)[-1] == (people[5].id, "open"), "no flapping: whoever gave it back is not next"


def test_nobody_who_left_by_this_result_and_nobody_suspended_is_asked(session, make, story):
    people, _season, running = story
    for member, many in zip(people, (5, 50, 40, 30, 20, 10, 0), strict=True):
        if many:
            make.earn(member, many, at=running.starts_at)
    session.get_one(CoreSeat, 1).safe_closings = 0
    session.flush()
    running = make.closed(running, steps=("freeze",))
    for one in session.scalars(select(CoreSeat).where(CoreSeat.left_at.is_(None))):
        assert one.member_id in (people[0].id, people[1].id)
    make.closed(running, steps=("publish",))
    gone = {one.row.member for one in seasons.preview(session, running, running.ends_at).eliminated}
    listed = set(session.scalars(select(RunnerUp.member_id).where(RunnerUp.season_id == running.id)))
    assert gone and not gone & listed


def test_a_suspended_or_refunded_seat_is_offered_and_the_suspended_are_passed(session, make, story):
    people, season, _running = story
    people[1].suspended_at = people[2].suspended_at = soon(season)
    session.flush()
    assert services_seats.settle(session, now=soon(season)) == 1
    services_offers.offer_due(session, now=soon(season))
    assert offers(session) == [(people[3].id, "open")]
    why = {one.number: one.why for one in queries_offers.listed(session, season, soon(season))}
    assert why[people[2].number] == "shut" and why[people[3].number] == "offered"


def test_whoever_was_taken_out_for_cause_is_not_asked_until_that_is_lifted(session, story):
    people, season, _running = story
    line_id = session.scalar(select(Group.line_id).where(Group.id == season.group_id))
    bar = Bar(member_id=people[2].id, line_id=line_id, reason="Copied works", since=season.ends_at)
    session.add(bar)
    resign(session, people[0], soon(season))
    services_offers.offer_due(session, now=soon(season))
    assert offers(session) == [(people[3].id, "open")], "they could not take it"
    why = {one.number: one.why for one in queries_offers.listed(session, season, soon(season))}
    assert why[people[2].number] == "barred"
    bar.lifted_at = soon(season, 2)
    resign(session, people[1], soon(season, 2))
    services_offers.offer_due(session, now=soon(season, 2))
    assert offers(session)[1:] == [(people[2].id, "open")]


def test_removed_from_the_group_the_seat_is_offered(session, story):
    people, season, _running = story
    seat = session.scalars(select(Seat).where(Seat.member_id == people[0].id, Seat.state == "admitted")).one()
    groups.remove_member(session, seat_id=seat.id, reason="Broke the covenant", actor=ADMIN, now=soon(season))
    services_seats.settle(session, now=soon(season))
    services_offers.offer_due(session, now=soon(season))
    assert offers(session) == [(people[2].id, "open")]


def test_an_admin_passes_somebody_over_with_a_reason(session, story):
    people, season, _running = story
    resign(session, people[0], soon(season))
    services_offers.offer_due(session, now=soon(season))

    def over(member, reason="Away for a year", actor=ADMIN):
        return services_offers.pass_over(
            session, season_id=season.id, member_id=member.id, reason=reason, actor=actor, now=soon(season)
        )

    with pytest.raises(Invalid):
        over(people[2], reason=" ")
    with pytest.raises(NotFound):
        over(people[1])
    behind = Actor("test:behind", "Behind", roles=frozenset({"admin"}), member_id=people[4].id)
    with pytest.raises(Forbidden):
        over(people[2], actor=behind)
    over(people[5], actor=behind)
    over(people[2])
    with pytest.raises(Conflict):
        over(people[2])
    (letter,) = letters(session, "core_offer_ended")
    assert (letter["context"]["state"], letter["context"]["reason"]) == ("withdrawn", "Away for a year")
    over(people[3])
    services_offers.offer_due(session, now=soon(season))
    assert offers(session) == [(people[2].id, "withdrawn"), (people[4].id, "open")]


def test_freezing_ends_offers_and_while_a_season_is_decided_nothing_moves(session, make, story):
    people, _season, running = story
    resign(session, people[0], running.ends_at - 3 * DAY)
    services_offers.offer_due(session, now=running.ends_at - 3 * DAY)
    offer = session.scalars(select(SeatOffer)).one()
    assert offer.until == running.ends_at, "never after the end of the season that runs"
    make.closed(running, steps=("freeze",))
    assert offers(session) == [(people[2].id, "ended")]
    with pytest.raises(Conflict, match="has ended"):
        answer(session, services_offers.accept, offer, people[2], running.ends_at)
    with pytest.raises(Conflict, match="being decided"):
        resign(session, people[1], running.ends_at)
    assert services_offers.offer_due(session, now=running.ends_at) == 0
    make.closed(running, steps=("publish",))
    assert doctor.check(session, running.ends_at) == []


def test_without_days_in_the_formula_seats_wait(session, make):
    people = make.ranking([0] * 3)
    season = make.season(seats=1, eliminate=0)
    for member, many in zip(people, (9, 8, 7), strict=True):
        make.earn(member, many, at=season.starts_at)
    make.closed(season)
    resign(session, people[0], soon(season))
    assert services_offers.offer_due(session, now=soon(season)) == 0
    assert not queries_offers.due(session, soon(season))


flags = st.booleans()
people_of_a_list = st.lists(
    st.builds(Candidate, st.integers(1, 99), st.integers(1, 99), flags, flags, flags, flags, flags, flags),
    unique_by=(lambda one: one.member, lambda one: one.place),
)


@given(people_of_a_list, flags, st.integers(0, 5))
def test_the_first_who_may_are_next_whatever_the_order(listed, need_pass, many):
    chosen = next_up(listed, need_pass=need_pass, many=many)
    assert chosen == next_up(reversed(listed), need_pass=need_pass, many=many)
    assert not any(stands_back(one, need_pass=need_pass) for one in chosen) and len(chosen) <= many
    last = max((one.place for one in chosen), default=0)
    before = [one for one in listed if one.place < last and one not in chosen]
    assert all(stands_back(one, need_pass=need_pass) in rules_offers.STANDS_BACK for one in before)


def test_an_offer_lasts_the_formulas_days_or_to_the_end_of_the_season():
    now = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
    assert until(now, days=7, running_ends=None) == now + 7 * DAY
    assert until(now, days=7, running_ends=now + 2 * DAY) == now + 2 * DAY
    assert until(now, days=7, running_ends=now + DAY / 2) is None
    assert until(now, days=0, running_ends=None) is None


@pytest.fixture
def vacant(db, make, story):
    """One seat is free, in a database of its own for threads."""
    people, season, _running = story
    with db.uow() as session:
        resign(session, people[0], soon(season))
    return people, season


def test_many_sweeps_at_once_make_one_offer(db, vacant):
    people, season = vacant
    outcomes = concurrently(db, MANY, lambda s: services_offers.offer_due(s, now=soon(season)))
    assert failed(outcomes) == []
    assert sum(succeeded(outcomes)) == 1
    with db.session() as session:
        assert offers(session) == [(people[2].id, "open")]


def test_control_without_the_lock_many_sweeps_offer_at_once(db, vacant):
    """Only the unique index is left to keep them apart; with the lock it is never asked."""
    _people, season = vacant
    with locks.disabled():
        outcomes = concurrently(db, MANY, lambda s: services_offers.offer_due(s, now=soon(season)))
    assert failed(outcomes)


@pytest.fixture
def at_the_deadline(db, vacant):
    people, season = vacant
    with db.uow() as session:
        services_offers.offer_due(session, now=soon(season))
        ident = session.scalars(select(SeatOffer.id)).one()
    return people, season, ident


def both(people, season, ident):
    """Half accept, half decline."""

    def one(session, index):
        member = people[2]
        actor = Actor("test:member", member.name, member_id=member.id)
        verb = services_offers.accept if index % 2 else services_offers.decline
        verb(session, offer_id=ident, member_id=member.id, actor=actor, now=soon(season))
        return index % 2

    return one


def test_of_accepting_and_declining_at_once_one_counts(db, at_the_deadline):
    people, season, ident = at_the_deadline
    outcomes = concurrently(db, MANY, both(people, season, ident))
    assert len(set(succeeded(outcomes))) == 1
    assert all(isinstance(error, Conflict) for error in failed(outcomes)), outcomes
    with db.session() as session:
        taken = session.scalar(select(func.count()).select_from(CoreSeat).where(CoreSeat.left_at.is_(None)))
        assert taken == (2 if succeeded(outcomes)[0] else 1)
        assert doctor.check(session, soon(season)) == []


def test_control_without_the_lock_both_count(db, at_the_deadline):
    people, season, ident = at_the_deadline
    with locks.disabled():
        outcomes = concurrently(db, MANY, both(people, season, ident))
    assert len(set(succeeded(outcomes))) == 2 or any(
        not isinstance(error, Conflict) for error in failed(outcomes)
    )


@pytest.fixture
def visible(make):
    """Three who can sign in; the first sits in the core, the next season runs."""
    people = [make.person(number=n, name=f"Person {n}", nickname=f"Nick{n}") for n in (1, 2, 3)]
    season = make.season(slug="first", name="First", seats=1, eliminate=0, offer_days=7, days=5)
    for (_account, member), many in zip(people, (9, 8, 7), strict=True):
        make.earn(member, many, at=season.starts_at)
    make.closed(season, steps=("freeze", "publish"))
    return people, season


def test_a_member_resigns_and_the_next_takes_the_seat_on_the_pages(app, client, make, visible):
    people, _season = visible
    first = in_language(sign_in(client, people[0][0]), "en")
    assert "Give the seat back" in text_of(first.get("/core"))
    assert "you need not name it" in text_of(first.get("/core/resign"))
    assert "seat is offered to you" in text_of(first.get("/core/offer"))
    assert post(first, "/core/resign", {}).status_code == 303
    assert post(first, "/core/resign", {}).status_code == 409
    assert "You do not sit" in text_of(first.get("/core/resign"))
    with app.app_context():
        assert jobs.sweep(club())["core_offers"] == 1
    admin = in_language(sign_in(app.test_client(), make.account(number=600, roles=("admin",))), "en")
    page = text_of(admin.get("/admin/core-seats"))
    assert "Nick2" in page and "offered" in page and "Nick3" in page and "may be asked" in page
    assert post(admin, "/admin/core-seats/pass-over", {"number": "9", "reason": "x"}).status_code == 422
    second = in_language(sign_in(app.test_client(), people[1][0]), "en")
    assert "A seat is free" in text_of(second.get("/core"))
    at_home = text_of(second.get("/"))
    assert "A seat in the core group is offered to you." in at_home and "Answer until" in at_home
    assert "/core/offer" in at_home and "is offered to you" not in text_of(first.get("/"))
    assert "核心群有一个席位留给你" in text_of(in_language(second, "zh").get("/"))
    in_language(second, "en")
    assert "Please answer until" in text_of(second.get("/core/offer"))
    chinese = in_language(sign_in(app.test_client(), people[2][0]), "zh")
    assert "目前没有给你的席位" in text_of(chinese.get("/core/offer"))
    assert post(chinese, "/core/offer/1/accept", {}).status_code == 404
    assert post(second, "/core/offer/1/accept", {}).status_code == 303
    assert "You took the seat" in text_of(second.get("/core/offer"))
    assert "is offered to you" not in text_of(second.get("/"))
    assert "Came in since" in text_of(second.get("/season/first"))
    assert post(second, "/admin/core-seats/pass-over", {"number": "3", "reason": "x"}).status_code == 403
    assert post(admin, "/admin/core-seats/pass-over", {"number": "3", "reason": "Away"}).status_code == 303
    assert "passed over" in text_of(admin.get("/admin/core-seats"))
    gone = {"end-number": "2", "end-reason": "Copied works"}
    assert post(second, "/admin/core-seats/dismiss", gone).status_code == 403
    assert post(admin, "/admin/core-seats/dismiss", {**gone, "end-number": "3"}).status_code == 422
    assert post(admin, "/admin/core-seats/dismiss", gone).status_code == 303
    assert "was taken out of the group" in text_of(admin.get("/admin/core-seats"))
    assert "递补核心席位" in text_of(in_language(admin, "zh").get("/admin/audit"))


def test_leaving_the_club_lets_the_offer_go_on(app, client, visible, site_db):
    people, season = visible
    with site_db.uow() as session:
        resign(session, people[0][1], season.ends_at + DAY)
        services_offers.offer_due(session, now=season.ends_at + DAY)
        assert {"runner_up", "seat_offers"} <= set(
            key for key, rows in export(session, people[1][1].id, now=season.ends_at).items() if rows
        )
        services_offers.forget(session, member_id=people[1][1].id, now=season.ends_at + DAY)
        services_offers.offer_due(session, now=season.ends_at + DAY)
        assert offers(session) == [(people[1][1].id, "declined"), (people[2][1].id, "open")]


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_between_two_results_seats_are_never_exceeded(session, make, seed):
    """Chance resigns, suspends, offers, answers, appeals, decides, freezes, publishes; the doctor looks each time."""
    chance = random.Random(seed)
    people = make.ranking([0] * 9)
    line = make.group_line(slug="core", kind="core", capacities=[3], posting="all")
    group_id = session.scalars(select(Group.id).where(Group.line_id == line.id)).one()
    shape = {"seats": 3, "eliminate": 1, "protection": 0, "group_id": group_id}
    season = make.season(**shape, offer_days=3, appeal_days=5)
    for member in people:
        make.earn(member, chance.randint(1, 40), at=season.starts_at)
    make.closed(season, steps=("freeze", "publish"))
    decided, spares = [season], 0
    running = make.season(starts_at=season.ends_at, **shape, offer_days=3, appeal_days=5)
    for member in people:
        make.earn(member, chance.randint(1, 40), at=running.starts_at)
    now, done = season.ends_at, set()

    def attempt(verb):
        with session.begin_nested() as step:
            try:
                verb()
                done.add(verb.__name__)
            except (Conflict, Invalid, Forbidden, NotFound):
                step.rollback()
                session.expire_all()

    def gives_back():
        sitting = {one.member_id for one in seasons.core_members(session)}
        resign(session, chance.choice([one for one in people if one.id in sitting] or people), now)

    def suspends():
        chance.choice(people).suspended_at = chance.choice([None, None, now])
        session.flush()
        services_seats.settle(session, now=now)

    def sweeps():
        services_offers.offer_due(session, now=now)

    def answers():
        live = session.scalars(select(SeatOffer).where(SeatOffer.state == "open")).all()
        if not live:
            raise NotFound
        one = chance.choice(live)
        verb = services_offers.accept if chance.random() < 0.7 else services_offers.decline
        answer(session, verb, one, next(p for p in people if p.id == one.member_id), now)

    def appeals():
        member = chance.choice(people)
        services_appeals.open_appeal(
            session,
            season_id=chance.choice(decided).id,
            member_id=member.id,
            reason="Look",
            actor=ADMIN,
            now=now,
        )

    def decides():
        nonlocal spares
        waiting = session.scalars(select(SeasonAppeal.id).where(SeasonAppeal.state == "open")).all()
        if not waiting:
            raise NotFound
        made = services_appeals.uphold(
            session, appeal_id=chance.choice(waiting), answer="Right",
            spare="One more" if chance.random() < 0.3 else "", actor=ADMIN, now=now,
        )  # fmt: skip
        spares += made.spare

    acts = [gives_back, suspends, sweeps, sweeps, answers, answers, appeals, decides]
    for turn in range(40):
        now += DAY / 4
        attempt(chance.choice(acts))
        if turn == 30:
            now = max(now, running.ends_at)
            seasons.freeze(session, season_id=running.id, actor=ADMIN, now=now)
        if turn == 34:
            seasons.publish(session, season_id=running.id, actor=ADMIN, now=now)
            decided, spares = [season, running], 0
        session.expire_all()
        sitting = session.scalar(select(func.count(CoreSeat.id)).where(CoreSeat.left_at.is_(None)))
        in_group = session.scalar(
            select(func.count(Seat.id)).where(Seat.group_id == group_id, Seat.state == "admitted")
        )
        assert sitting == in_group and sitting + queries_offers.open_offers(session) <= 3 + spares, turn
        late = {"offers nobody ended though their deadline is long past"}
        found = [one for one in doctor.check(session, now) if one.message.split(":")[0] not in late]
        assert found == [], (turn, found)
    assert {"gives_back", "sweeps"} <= done


def test_an_admin_ends_a_seat_for_a_violation(session, story):
    people, season, _running = story

    def dismiss(number, reason="Copied works", actor=ADMIN):
        return services_resign.dismiss(session, number=number, reason=reason, actor=actor, now=soon(season))

    with pytest.raises(Invalid):
        dismiss(people[3].number)
    with pytest.raises(Invalid):
        dismiss(people[0].number, reason=" ")
    for who in (people[0], people[3]):
        with pytest.raises(Forbidden):
            dismiss(people[0].number, actor=Actor("x", "X", roles=frozenset({"admin"}), member_id=who.id))
    seat = dismiss(people[0].number)
    assert seat.left_reason == "removed"
    ended = session.scalars(select(Seat).where(Seat.member_id == people[0].id)).one()
    assert ended.end_reason == "The core seat has ended."
    assert [one["context"]["reason"] for one in letters(session, "core_dismissed")] == ["Copied works"]
    assert services_seats.settle(session, now=soon(season)) == 0
    services_offers.offer_due(session, now=soon(season))
    assert offers(session) == [(people[2].id, "open")]
    assert doctor.check(session, soon(season)) == []


def test_a_refunded_seat_is_offered(session, make, story):
    people, season, _running = story
    held = make.pass_(of=people[0])
    passes.revoke(session, pass_id=held.id, reason="Refunded", now=soon(season), actor=ADMIN)
    services_seats.settle(session, now=soon(season))
    services_offers.offer_due(session, now=soon(season))
    assert offers(session) == [(people[2].id, "open")]
