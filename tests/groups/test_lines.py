"""Lines as an admin shapes them, and covenants."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from qunclub import groups
from qunclub.groups import doctor
from qunclub.groups.models import CovenantAcceptance, Group
from qunclub.groups.rules import LineDraft
from qunclub.kernel import Conflict, Invalid, NotFound, Stale, store


def draft_of(line):
    return LineDraft(
        slug=line.slug,
        name=line.name,
        capacities=line.capacities,
        kind=line.kind,
        posting=line.posting,
        nickname_rule=line.nickname_rule,
    )


def update(session, make, line, *, version=None, **change):
    return groups.update_line(
        session,
        line_id=line.id,
        version=line.version if version is None else version,
        draft=replace(draft_of(line), **change),
        actor=make.actor(roles=("admin",)),
        now=make.now,
    )


def test_a_new_line_has_its_first_group_and_its_covenant(session, make):
    line = make.group_line(capacities=[3], name_pattern="学习{index}群", covenant_md="# Rules\n\nBe kind.")
    group = session.scalars(select(Group)).one()
    assert (group.name, group.capacity, group.slug) == ("学习1群", 3, f"{line.slug}-1")
    covenant = groups.current_covenant(session, line.id)
    assert covenant is not None and covenant.version == 1 and "Be kind." in covenant.body_html


def test_an_address_is_given_once(session, make):
    make.group_line(slug="same")
    with pytest.raises(Invalid) as refused:
        make.group_line(slug="same")
    assert refused.value.field == "slug"


def test_more_seats_go_to_those_who_wait(session, make):
    line = make.group_line(capacities=[1])
    waiting = [make.seat(line) for _ in range(5)][1:]
    update(session, make, line, capacities=[2, 1])
    assert [seat.state for seat in waiting] == ["admitted", "admitted", "waiting", "waiting"]
    assert line.waiting_count == 2
    update(session, make, line, capacities=[2, 1, 9])
    assert [seat.state for seat in waiting] == ["admitted"] * 4
    assert doctor.check(session, make.now) == []


def test_a_stale_save_is_refused(session, make):
    line = make.group_line()
    update(session, make, line, name="New")
    with pytest.raises(Stale):
        update(session, make, line, version=1, name="Newer")
    assert line.name == "New"


def test_a_change_is_audited_with_what_it_was(session, make):
    line = make.group_line(name="Old")
    update(session, make, line, name="New")
    entry = session.scalars(
        select(store.AuditEntry).where(store.AuditEntry.action == "group_line.update")
    ).one()
    assert entry.details == {"before": {"name": "Old"}, "after": {"name": "New"}}


def test_a_line_keeps_its_address(session, make):
    line = make.group_line()
    with pytest.raises(Invalid) as refused:
        update(session, make, line, slug="other")
    assert refused.value.field == "slug"


def test_the_way_in_must_be_an_address(session, make):
    line = make.group_line()
    group = session.scalars(select(Group)).one()
    admin = make.actor(roles=("admin",))
    say = {"group_id": group.id, "entry_note": "Ask the host.", "actor": admin, "now": make.now}
    with pytest.raises(Invalid):
        groups.set_entry(session, entry_url="javascript:alert(1)", **say)
    groups.set_entry(session, entry_url="https://chat.example.com/a", **say)
    assert (group.entry_url, group.entry_note) == ("https://chat.example.com/a", "Ask the host.")
    assert line.id == group.line_id


def test_a_new_version_asks_again(session, make, now):
    line = make.group_line(covenant_md="One")
    seat = make.seat(line)
    admin = make.actor(roles=("admin",))

    def may_enter():
        mine = groups.seat_of(session, seat.id)
        return mine is not None and mine.may_enter

    assert not may_enter()
    for _ in range(2):
        groups.accept_covenant(session, member_id=seat.member_id, line_id=line.id, version=1, now=now)
    assert len(session.scalars(select(CovenantAcceptance)).all()) == 1
    assert may_enter()

    groups.publish_covenant(session, line_id=line.id, body_md="Two", actor=admin, now=now)
    assert not may_enter()
    with pytest.raises(Stale):
        groups.accept_covenant(session, member_id=seat.member_id, line_id=line.id, version=1, now=now)
    groups.accept_covenant(session, member_id=seat.member_id, line_id=line.id, version=2, now=now)
    assert may_enter()


def test_a_covenant_that_says_the_same_is_no_new_version(session, make):
    line = make.group_line(covenant_md="One")
    with pytest.raises(Conflict):
        groups.publish_covenant(
            session, line_id=line.id, body_md=" One ", actor=make.actor(roles=("admin",)), now=make.now
        )
    with pytest.raises(NotFound):
        groups.accept_covenant(
            session, member_id=make.member().id, line_id=make.group_line().id, version=1, now=make.now
        )
