"""What a host hears of the core group: each thing once, after the commit, and nothing of what was rolled back."""

from __future__ import annotations

import datetime as dt
from contextlib import ExitStack
from functools import partial

import pytest

from qunclub.kernel import Actor, Conflict, signals
from qunclub.members.models import Member
from qunclub.seasons import (
    queries_offers,
    services,
    services_offers,
    services_resign,
    services_seats,
    services_undo,
)

ADMIN = Actor("test:admin", "Admin", roles=frozenset({"admin"}))
NAMES = ("season_published", "season_undone", "core_seat_taken", "core_seat_ended", "season_closed")


@pytest.fixture
def heard():
    """(signal, facts) in the order in which they came."""
    found: list[tuple[str, dict[str, object]]] = []

    def listen(name, _sender, **facts):
        found.append((name, facts))

    with ExitStack() as stack:
        for name in NAMES:
            stack.enter_context(getattr(signals, name).connected_to(partial(listen, name)))
        yield found


@pytest.fixture
def story(make):
    """A frozen season with two seats, for the first two of four members."""
    people = make.ranking([0] * 4)
    season = make.season(seats=2, eliminate=0, offer_days=7)
    for member, many in zip(people, (40, 30, 20, 10), strict=True):
        make.earn(member, many, at=season.starts_at)
    make.closed(season, steps=("freeze",))
    return people, season


def do(db, verb, season, **values):
    with db.uow() as session:
        return verb(session, season_id=season.id, actor=ADMIN, now=season.ends_at, **values)


def test_a_result_is_told_once_and_when_it_is_taken_back(db, story, heard):
    (one, two, *_others), season = story
    with db.uow() as session:
        services.publish(session, season_id=season.id, actor=ADMIN, now=season.ends_at)
        assert heard == [], "only after the commit"
    do(db, services.publish, season)
    told = {"season_id": season.id, "slug": season.slug}
    assert heard == [
        ("season_published", {**told, "promoted": [one.id, two.id], "kept": [], "eliminated": []})
    ]
    do(db, services_undo.undo, season, reason="A slip.")
    assert heard[1:] == [("season_undone", {**told, "members": [one.id, two.id]})]
    do(db, services.publish, season)
    do(db, services.close, season)
    assert [name for name, _facts in heard[2:]] == ["season_published", "season_closed"]


def test_what_is_rolled_back_is_not_told(db, story, heard):
    _people, season = story
    with pytest.raises(ZeroDivisionError), db.uow() as session:
        services.publish(session, season_id=season.id, actor=ADMIN, now=season.ends_at)
        raise ZeroDivisionError
    assert heard == []


def test_seats_between_two_results_are_told(db, story, heard):
    (one, two, three, four), season = story
    do(db, services.publish, season)
    heard.clear()
    now = season.ends_at + dt.timedelta(days=1)
    with db.uow() as session:
        actor = Actor("test:one", "One", member_id=one.id)
        services_resign.resign(session, member_id=one.id, actor=actor, now=now)
    with db.uow() as session:
        services_offers.offer_due(session, now=now)
        offer = queries_offers.mine(session, three.id, now)
        assert offer is not None
        mine = Actor("test:three", "Three", member_id=three.id)
        services_offers.accept(session, offer_id=offer.id, member_id=three.id, actor=mine, now=now)
        services_offers.accept(session, offer_id=offer.id, member_id=three.id, actor=mine, now=now)
    with db.uow() as session:
        services_resign.dismiss(session, number=two.number, reason="Spam.", actor=ADMIN, now=now)
    with db.uow() as session:
        session.get_one(Member, three.id).suspended_at = now
    with db.uow() as session:
        services_seats.settle(session, now=now)
        services_seats.settle(session, now=now)

    def ended(member, reason):
        return ("core_seat_ended", {"member_id": member.id, "number": member.number, "reason": reason})

    assert heard == [
        ended(one, "resigned"),
        ("core_seat_taken", {"member_id": three.id, "number": three.number}),
        ended(two, "removed"),
        ended(three, "suspended"),
    ]
    with pytest.raises(Conflict), db.uow() as session:
        services_resign.resign(session, member_id=four.id, actor=ADMIN, now=now)
    assert len(heard) == 4
