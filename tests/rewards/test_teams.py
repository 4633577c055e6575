"""Tuition back with group work: what a team made counts for everybody in it."""

import datetime as dt

from sqlalchemy import select

from qunclub import homework
from qunclub.homework import services_teams
from qunclub.kernel import Access, Actor
from qunclub.rewards import queries, services
from qunclub.rewards.models import TuitionCase
from tests.rewards.test_tuition import look, promise

OPEN = Access(True, "pass")
DAY = dt.timedelta(days=1)


def test_a_work_of_ones_team_counts_also_when_another_handed_it_in(session, make, now):
    course = make.course()
    plan = make.plan(price=10_000, courses=[course])
    work = make.assignment(course=course, team_min=2, team_max=2)
    promise(session, (plan, [work]), now, works=1)
    buyer, friend, stranger = make.member(), make.member(number=True), make.member()
    for one in (buyer, stranger):
        make.paid_order(plan, one)
    assert look(session, now) == ["in_progress", "in_progress"]
    actors = {
        one.id: Actor(one.user_key, one.name, "", frozenset({"member"}), one.id) for one in (buyer, friend)
    }
    team = services_teams.start(
        session, assignment_id=work.id, member_id=friend.id, access=OPEN, actor=actors[friend.id], now=now
    )
    services_teams.invite(
        session,
        team_id=team.id,
        member_id=friend.id,
        number=buyer.number,
        access_of=lambda one: OPEN,
        now=now,
    )
    services_teams.accept(session, team_id=team.id, member_id=buyer.id, access=OPEN, now=now)
    row = homework.submit(
        session, assignment_id=work.id, member_id=friend.id, body_md="Ours.", files=(), access=OPEN,
        now=now + DAY, actor=actors[friend.id],
    )  # fmt: skip
    assert queries.mine(session, buyer.id)[0].waiting == 1
    assert services.due_cases(session, after=0, now=now + DAY) == []
    homework.review(
        session, submission_id=row.id, version=row.version, verdict="accept", scores={}, comment_md="", score=90,
        actor=Actor.system("test"), now=now + DAY,
    )  # fmt: skip
    mine = session.scalars(select(TuitionCase.id).where(TuitionCase.member_id == buyer.id)).all()
    assert services.due_cases(session, after=0, now=now + DAY) == mine
    assert look(session, now + DAY) == ["granted", "in_progress"]
