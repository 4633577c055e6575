"""Two sweeps at once look at different members and write one letter; and what it is without the locks."""

import datetime as dt

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from qunclub import levels
from qunclub.kernel import Actor, locks
from qunclub.kernel.outbox import OutboxMessage
from qunclub.levels import rules
from qunclub.levels.models import LevelChange, MemberLevel
from tests.support.concurrency import concurrently, failed, succeeded

ADMIN = Actor.system("test")
MANY = 6
DAY = dt.timedelta(days=1)


def ready(db, make, now, people=9):
    """Members who were looked at once, and have earned a level since."""
    members = [make.member(number=True) for _ in range(people)]
    easy = {**rules.DEFAULT.rungs, "contributor": rules.Rung(rules.Conditions(points=20))}
    with db.uow() as session:
        levels.ensure_ladder(session, now)
        draft = levels.save_draft(session, ladder=rules.Ladder(easy), version=0, now=now, actor=ADMIN).version
        levels.put_in_force(session, version=draft, reason="Easier.", now=now, actor=ADMIN)
        levels.enrol(session, now=now)
        levels.look(session, now=now)
    for member in members:
        make.earn(member, 30)
    return members


def test_of_many_sweeps_each_member_is_looked_at_by_one(db, make, now):
    members = ready(db, make, now)
    outcomes = concurrently(db, MANY, lambda session: levels.look(session, now=now + DAY), retry=True)
    assert not failed(outcomes) and sum(outcomes) == len(members)
    with db.session() as session:
        assert session.scalar(select(func.count()).select_from(LevelChange)) == len(members)
        assert session.scalar(select(func.count()).select_from(OutboxMessage)) == len(members)
        assert set(session.scalars(select(MemberLevel.level))) == {"contributor"}


def test_control_without_the_locks_many_look_at_the_same(db, make, now):
    members = ready(db, make, now)
    with locks.disabled():
        outcomes = concurrently(db, MANY, lambda session: levels.look(session, now=now + DAY))
    # The history takes each step once, so that the late ones are thrown out and nothing doubles.
    broken = [error for error in failed(outcomes) if isinstance(error, DBAPIError)]
    assert broken or sum(succeeded(outcomes)) > len(members)


def test_of_many_who_put_a_draft_in_force_one_does(db, make, now):
    with db.uow() as session:
        levels.ensure_ladder(session, now)
        draft = levels.save_draft(session, ladder=rules.DEFAULT, version=0, now=now, actor=ADMIN).version

    def apply(session):
        return levels.put_in_force(session, version=draft, reason="Now.", now=now, actor=ADMIN).version

    outcomes = concurrently(db, MANY, apply)
    assert succeeded(outcomes) == [2] and len(failed(outcomes)) == MANY - 1
