"""Who may write on a board: what the rules of the house say, and what a host has closed."""

from __future__ import annotations

import datetime as dt

import pytest

from qunclub import board, groups, house
from qunclub.board import queries
from qunclub.board.posting import may_post
from qunclub.board.queries_posts import post_row
from qunclub.house.rules_windows import Window
from qunclub.kernel import Forbidden, NotFound

MINUTE = dt.timedelta(minutes=1)


def verdict(session, ring, by, now, *, answering=None):
    here = queries.place(session, ring.group.slug, by)
    root = post_row(session, here, answering) if answering else None
    return may_post(session, place=here, now=now, zone=dt.UTC, answering=root).code


def test_in_a_ring_all_write_and_a_host_can_close_a_post(session, ring, now):
    ada = ring.people[0]
    assert verdict(session, ring, ada, now) == "open"
    ring.write(session, ring.host, open_answers=False)
    assert verdict(session, ring, ada, now, answering=1) == "closed"
    assert verdict(session, ring, ring.host, now, answering=1) == "open"


def test_in_a_pyramid_members_answer_where_it_is_open(session, pyramid, now):
    ada = pyramid.people[0]
    assert verdict(session, pyramid, ada, now) == "covenant"
    covenant = groups.current_covenant(session, pyramid.line.id)
    assert covenant is not None
    groups.accept_covenant(
        session, member_id=ada.member_id, line_id=pyramid.line.id, version=covenant.version, now=now
    )
    assert verdict(session, pyramid, ada, now) == "policy"
    pyramid.write(session, pyramid.host)
    pyramid.write(session, pyramid.host, open_answers=False)
    assert verdict(session, pyramid, ada, now, answering=1) == "open"
    assert verdict(session, pyramid, ada, now, answering=2) == "policy"
    assert verdict(session, pyramid, pyramid.host, now) == "open"


def test_open_hours_are_for_answers_to_members_too(session, ring, now):
    ada, bo = ring.people[:2]
    ring.write(session, ada)
    ring.write(session, ring.host)
    tomorrow = (now + dt.timedelta(days=2)).weekday()
    house.set_schedule(
        session, line_id=ring.line.id, group_id=None, windows=(Window(tomorrow, 60, 120),), slow_seconds=0,
        version=0, actor=ring.host, now=now,
    )  # fmt: skip
    assert verdict(session, ring, bo, now) == "window"
    assert verdict(session, ring, bo, now, answering=1) == "window"
    assert verdict(session, ring, bo, now, answering=2) == "open", "a host opened this one"


def test_slow_mode_and_mutes(session, ring, now):
    ada = ring.people[0]
    house.set_schedule(
        session, line_id=ring.line.id, group_id=None, windows=(), slow_seconds=600, version=0, actor=ring.host,
        now=now,
    )  # fmt: skip
    row = ring.write(session, ada)
    with pytest.raises(Forbidden, match="Slow mode"):
        ring.write(session, ada, now=now + MINUTE)
    changed = {"slug": ring.group.slug, "n": row.n, "version": row.version, "actor": ada, "zone": dt.UTC}
    board.edit(session, **changed, body_md="Hello!", now=now + MINUTE)
    house.mute(
        session, group_id=ring.group.id, role="member", reason="Songs.", starts_at=now, until=None,
        actor=ring.host, now=now,
    )  # fmt: skip
    with pytest.raises(Forbidden, match="muted"):
        ring.write(session, ada, now=now + 20 * MINUTE)


def test_a_post_is_reported(session, ring, now):
    ada, bo = ring.people[:2]
    row = ring.write(session, ada, "Buy here.")
    report = house.report(
        session,
        kind="post",
        subject_id=row.id,
        category="spam",
        reason="A shop.",
        reporter_id=bo.member_id,
        now=now,
    )
    assert (report.author_id, report.group_id, report.excerpt) == (ada.member_id, ring.group.id, "Buy here.")


def test_what_is_hidden_is_reported_no_more(session, ring, now):
    ada, bo = ring.people[:2]
    row = ring.write(session, ada, "Buy here.")
    board.hide(session, slug=ring.group.slug, n=row.n, reason="A shop.", actor=ring.host, now=now)
    facts = {"kind": "post", "subject_id": row.id, "category": "spam", "reason": "x", "now": now}
    with pytest.raises(NotFound):
        house.report(session, **facts, reporter_id=bo.member_id)
    board.show(session, slug=ring.group.slug, n=row.n, actor=ring.host, now=now)
    assert house.report(session, **facts, reporter_id=bo.member_id).excerpt == "Buy here."
