"""Rankings of groups: whoever sits there now, with all their points; kept, and equal to the ledger."""

from __future__ import annotations

import datetime as dt
from functools import partial

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, update

from qunclub import groups, jobs, points
from qunclub.groups import book
from qunclub.groups import doctor as groups_doctor
from qunclub.groups.models import Group, Seat
from qunclub.kernel import Actor
from qunclub.points import doctor
from qunclub.points.jobs import BATCH, seated
from qunclub.points.models import ScoreCount, Standing, Window
from qunclub.points.models_boards import BoardLook, BoardMember
from qunclub.points.services_boards import settle
from qunclub.web.state import club
from tests.factories import Make
from tests.support.concurrency import concurrently, failed
from tests.support.pages import in_language, sign_in, text_of
from tests.support.statements import count_statements

ADMIN = Actor("test:admin", "Admin", roles=frozenset({"admin"}))


def follow(session):
    return settle(session, seated=partial(seated, book), limit=BATCH)


def held(session, scope, member_id):
    window = points.window_by_key(session, scope)
    found = None if window is None else points.standing(session, window.id, member_id)
    return None if found is None else found.points


def group_of(session, line):
    return session.scalars(select(Group.id).where(Group.line_id == line.id).order_by(Group.id)).first()


def test_members_come_in_with_their_points_and_leave_with_them(session, make, now):
    line = make.group_line(capacities=[10])
    one, two, apart = (make.member(number=True) for _ in range(3))
    for member, amount in ((one, 10), (two, 20), (apart, 40)):
        make.earn(member, amount)
    seats = [groups.take_seat(session, line_id=line.id, member_id=m.id, now=now) for m in (one, two)]
    scope = points.group_scope(group_of(session, line))
    assert held(session, scope, one.id) is None, "the seat itself waits for nothing"
    assert follow(session) == 2 and follow(session) == 0
    assert [held(session, scope, m.id) for m in (one, two, apart)] == [10, 20, None]
    make.earn(one, 15)
    line_of_two = make.earn(two, 1, scope="course:1")
    assert [held(session, scope, m.id) for m in (one, two)] == [25, 21]
    points.reverse(session, entry_id=line_of_two.id, reason="no", actor=ADMIN, now=now)
    assert held(session, scope, two.id) == 20
    window = points.window_by_key(session, scope)
    assert window is not None and points.rank_of(session, window.id, 20) == 2
    assert doctor.check(session, now) == []
    groups.leave_seat(session, seat_id=seats[0].id, state="left", reason="moved", now=now)
    follow(session)
    assert held(session, scope, one.id) is None and points.total(session, window.id) == 1
    make.earn(one, 5)
    assert held(session, scope, one.id) is None and held(session, points.ALL_TIME, one.id) == 30
    assert doctor.check(session, now) == []


def test_groups_cost_award_no_statement_more(session, make, now, db):
    members = make.ranking([1] * 20)
    for _ in range(2):
        line = make.group_line(capacities=[30])
        for member in members:
            groups.take_seat(session, line_id=line.id, member_id=member.id, now=now)
    follow(session)
    awards = [points.Award(m.id, "pass_issued", f"p:{m.id}") for m in members]
    for some in (awards[:1], awards[1:]):
        with count_statements(db.engine) as seen:
            points.award_many(session, some, now=now, actor=ADMIN)
        assert seen.count == 5, seen
    assert doctor.check(session, now) == []


step = st.one_of(
    st.tuples(st.just("earn"), st.integers(0, 3), st.integers(1, 60)),
    st.tuples(st.just("reverse"), st.integers(0, 30), st.just(0)),
    st.tuples(st.just("sit"), st.integers(0, 3), st.integers(0, 1)),
    st.tuples(st.just("leave"), st.integers(0, 3), st.integers(0, 1)),
    st.tuples(st.just("sweep"), st.just(0), st.just(0)),
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(step, min_size=4, max_size=24))
def test_what_is_kept_equals_what_is_made_anew(db, steps):
    with db.rolled_back() as session:
        now = dt.datetime(2026, 4, 15, tzinfo=dt.UTC)
        make = Make(session, now)
        people = [make.member(number=True) for _ in range(4)]
        lines = [make.group_line(capacities=[2], repeat_last=True) for _ in range(2)]
        written: list[int] = []
        for what, which, fact in steps:
            if what == "earn":
                written.append(make.earn(people[which], fact).id)
            elif what == "reverse" and written:
                points.reverse(
                    session, entry_id=written.pop(which % len(written)), reason="r", actor=ADMIN, now=now
                )
            elif what == "sit":
                groups.take_seat(session, line_id=lines[fact].id, member_id=people[which].id, now=now)
            elif what == "leave":
                query = select(Seat.id).where(
                    Seat.member_id == people[which].id,
                    Seat.line_id == lines[fact].id,
                    Seat.state == "admitted",
                )
                ident = session.scalars(query).one_or_none()
                if ident is not None:
                    groups.leave_seat(session, seat_id=ident, state="left", reason="", now=now)
            elif what == "sweep":
                follow(session)
        assert doctor.check(session, now) == []
        follow(session)
        assert doctor.check(session, now) == []
        sat = select(Seat.member_id, Seat.group_id).where(Seat.state == "admitted")
        assert {(m, s) for m, s in session.execute(select(BoardMember.member_id, BoardMember.scope))} == {
            (m, points.group_scope(g)) for m, g in session.execute(sat)
        }
        before = kept(session)
        for ident in session.scalars(select(Window.id)).all():
            points.rebuild(session, ident)
        assert kept(session) == before


def kept(session):
    standings = select(
        Standing.window_id, Standing.member_id, Standing.points, Standing.honours, Standing.last_day
    )
    counts = select(ScoreCount.window_id, ScoreCount.span, ScoreCount.points, ScoreCount.members)
    return [
        sorted(map(tuple, session.execute(query)))
        for query in (standings, counts.where(ScoreCount.members != 0))
    ]


def test_points_and_seats_at_once_lose_nothing(db, make, now):
    line = make.group_line(capacities=[20])
    people = [make.member(number=True).id for _ in range(4)]

    def act(session, index):
        member = people[index % 4]
        if index < 4:
            groups.take_seat(session, line_id=line.id, member_id=member, now=now)
        elif index < 8:
            follow(session)
        else:
            points.award(
                session, member_id=member, kind="granted", source=f"s:{index}", occurred_at=now, now=now,
                actor=ADMIN, amount=index,
            )  # fmt: skip

    assert not failed(concurrently(db, 12, act, retry=True))
    with db.uow() as session:
        follow(session)
    with db.rolled_back() as session:
        assert session.scalar(select(func.count()).select_from(BoardLook)) == 0
        scope = points.group_scope(group_of(session, line))
        assert [held(session, scope, one) for one in people] == [8, 9, 10, 11]
        assert doctor.check(session, now) == []


def test_the_page_of_a_group_is_for_those_who_sit_there(client, app, make, now, site_db):
    account, me = make.person(number=500, nickname="Me myself")
    stranger, _other = make.person(number=501)
    _third, shy = make.person(number=502, nickname="Shy one", hidden_on_boards=True)
    line = make.group_line(name="Readers", capacities=[10])

    def sit(session):
        for member in (me, shy):
            groups.take_seat(session, line_id=line.id, member_id=member.id, now=now)
        return group_of(session, line)

    group = site_db.transact(sit)
    make.earn(me, 7)
    make.earn(shy, 9)
    make.ranking([300])
    with app.app_context():
        assert jobs.sweep(club())["group_boards"] == 2
    in_language(sign_in(client, account), "en")
    assert "Readers" in text_of(client.get("/ranking"))
    address = f"/ranking?of=group:{group}"
    with count_statements(site_db.engine) as seen:
        page = text_of(client.get(address))
    assert "my place among 2" in page and "7 points" in page and "Ranked 1" not in page
    assert "Shy one" not in page and seen.count <= 11, seen
    assert 'id="me"' in text_of(client.get(f"{address}&at=me"))
    in_language(sign_in(client, stranger), "en")
    assert client.get(address).status_code == 404
    assert "Readers" not in text_of(client.get("/ranking"))


def test_the_doctor_sees_a_ranking_that_does_not_follow_the_seats(session, make, now):
    line = make.group_line(capacities=[10])
    member = make.member(number=True)
    make.earn(member, 3)
    groups.take_seat(session, line_id=line.id, member_id=member.id, now=now)
    assert groups_doctor.check(session, now) == []
    follow(session)
    assert groups_doctor.check(session, now) == []
    session.execute(update(Seat).values(state="left"))
    session.execute(update(Group).values(seated=0))
    found = groups_doctor.check(session, now)
    assert [one.details["member_id"] for one in found if one.promise == 7] == [member.id]
    session.execute(update(Seat).values(state="admitted"))
    session.execute(update(Group).values(seated=1))
    session.execute(delete(BoardMember))
    assert 7 in {one.promise for one in groups_doctor.check(session, now)}


def test_the_groups_page_leads_to_its_ranking_also_before_the_sweep(client, make, now, site_db):
    account, me = make.person(number=500)
    line = make.group_line(name="Readers", capacities=[10])
    group = site_db.transact(
        lambda s: groups.take_seat(s, line_id=line.id, member_id=me.id, now=now).group_id
    )
    in_language(sign_in(client, account), "en")
    slug = site_db.transact(lambda s: s.get_one(Group, group).slug)
    assert f"/ranking?of=group:{group}" in text_of(client.get(f"/groups/{slug}")).replace("%3A", ":")
    assert "Nobody has points here yet" in text_of(client.get(f"/ranking?of=group:{group}"))
