"""Many announce, sweep and write letters at the same moment: one season at a time, and everything once."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from qunclub.kernel import Actor, Conflict, locks
from qunclub.kernel.outbox import OutboxMessage
from qunclub.seasons import services, services_calendar, services_notices
from qunclub.seasons.models import Season
from qunclub.seasons.models_notices import SeasonNotice
from tests.support.concurrency import concurrently, failed, succeeded

ADMIN = Actor.system("test")
MANY = 8
DAY = dt.timedelta(days=1)


def announced(db):
    with db.session() as session:
        return session.scalar(select(func.count()).select_from(Season).where(Season.state == "announced"))


def announcing(make, now):
    drafts = [make.season(opened=False, starts_at=now + (5 + n) * DAY) for n in range(MANY)]

    def one(session, index):
        return services_calendar.announce(session, season_id=drafts[index].id, actor=ADMIN, now=now)

    return one


def test_of_overlapping_seasons_announced_at_once_one_is(db, make, now):
    outcomes = concurrently(db, MANY, announcing(make, now))
    assert len(succeeded(outcomes)) == announced(db) == 1
    assert all(isinstance(error, Conflict) for error in failed(outcomes)), outcomes


def test_control_without_locks_several_are_or_the_database_has_to_refuse(db, make, now, monkeypatch):
    looked = []
    real = services.check_alone

    def look(*args):
        looked.append(1)
        real(*args)

    monkeypatch.setattr(services, "check_alone", look)
    with locks.disabled():
        outcomes = concurrently(db, MANY, announcing(make, now))
    assert len(looked) > 1
    assert announced(db) > 1 or any(isinstance(error, DBAPIError) for error in failed(outcomes)), outcomes


def test_many_sweeps_at_once_open_ask_and_write_letters_once(db, make, now):
    make.member(number=100, roles=("admin",))
    people = make.ranking([0] * 4)
    first = make.season(seats=2, eliminate=1, protection=0, days=10, starts_at=now - 20 * DAY)
    for member in people[:2]:
        make.earn(member, 10, at=first.starts_at)
    make.closed(first)
    season = make.season(opened=False, starts_at=now + DAY, days=10, seats=2, eliminate=1, protection=0)

    def at_once(verb, **given):
        outcomes = concurrently(db, MANY, lambda session, _index: verb(session, season_id=season.id, **given))
        assert failed(outcomes) == [], outcomes
        return succeeded(outcomes)

    with db.session() as session, locks.disabled():
        services_calendar.announce(session, season_id=season.id, actor=ADMIN, now=now)
        session.commit()
    assert sorted(at_once(services_calendar.open_due, now=season.starts_at)) == [False] * (MANY - 1) + [True]
    for member, many in zip(people, (200, 20, 150, 100), strict=True):
        make.earn(member, many, at=season.starts_at)
    later = season.starts_at + DAY
    written = at_once(services_notices.step, now=later, day=later.date())
    assert sorted(done for done, _more in written) == [0] * (MANY - 1) + [2]
    assert sorted(at_once(services_calendar.tell_end, now=season.ends_at)) == [False] * (MANY - 1) + [True]
    with db.session() as session:
        assert session.scalar(select(func.count()).select_from(SeasonNotice)) == 2
        keys = list(session.scalars(select(OutboxMessage.key).where(OutboxMessage.key.like("mail:season_%"))))
        assert len([key for key in keys if "notice" in key]) == 2
        assert len([key for key in keys if "ended" in key]) == 1
