"""Whoever was taken out of the core group for cause is not shown as rising, and does not rise."""

from __future__ import annotations

import datetime as dt

import pytest

from qunclub import groups, seasons
from qunclub.kernel import Actor, Conflict, Invalid
from qunclub.seasons import services_review
from tests.seasons.test_formula import bars, outcomes

ADMIN = Actor("test:admin", "Admin", roles=frozenset({"admin"}))


def bar(session, member, now, *, line_id=None, until=None):
    return groups.bar_member(
        session,
        member_id=member.id,
        line_id=line_id,
        until=until,
        reason="Sold places.",
        actor=ADMIN,
        now=now,
    )


def test_who_is_barred_from_the_core_group_is_not_on_the_way_up(session, make, now):
    line = make.group_line(slug="core", kind="core", capacities=[5])
    other = make.group_line(slug="other", capacities=[5])
    group = groups.first_group(session, line, now=now)
    everywhere, here, elsewhere, over, lifted = members = make.ranking([0] * 5)
    season = make.season(seats=5, eliminate=0, group_id=group.id)
    for member in members:
        make.earn(member, 10, at=season.starts_at)
    bar(session, everywhere, now)
    bar(session, here, now, line_id=line.id, until=season.ends_at + dt.timedelta(seconds=1))
    bar(session, elsewhere, now, line_id=other.id)
    bar(session, over, now, line_id=line.id, until=season.ends_at)
    made = bar(session, lifted, now)
    groups.lift_bar(session, bar_id=made.id, reason="It was somebody else.", actor=ADMIN, now=now)
    rise = [elsewhere.number, over.number, lifted.number]
    live = seasons.live_season(session, season, here.id)
    assert [
        shown.row.number for shown in live.others if shown.outcome and shown.outcome.outcome == "promoted"
    ] == rise
    assert live.mine is not None and live.mine.distance.side == "barred"
    assert [outcome.number for outcome in seasons.preview(session, season, now).promoted] == rise
    make.closed(season, steps=("freeze",))
    assert bars(session, season) == {everywhere.number: "put_out", here.number: "put_out"}
    with pytest.raises((Conflict, Invalid)), session.begin_nested():
        services_review.add_exception(
            session, season_id=season.id, number=here.number, kind="promote", reason="The best of all.", actor=ADMIN,
            now=season.ends_at,
        )  # fmt: skip
    make.closed(season, steps=("publish",))
    assert outcomes(session, season)["promoted"] == rise
