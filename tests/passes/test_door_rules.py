"""What may be done with a ticket at which door."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qunclub.passes.rules_door import ENDED, Doors, device, may_force, verdict

TOLD = ("admit", "used", "void", "waiting", "left", "removed", "suspended", "suspended_payment")
doors_made = st.builds(
    Doors,
    allowed=st.none() | st.frozensets(st.integers(1, 4)),
    at=st.none() | st.integers(1, 4),
)


@pytest.mark.parametrize(
    ("doors", "group", "told"),
    [
        (Doors(), 1, "admit"),
        (Doors(at=1), 1, "admit"),
        (Doors(at=2), 1, "other_group"),
        (Doors(frozenset({1, 2})), 1, "admit"),
        (Doors(frozenset({2})), 1, "other_group"),
        (Doors(frozenset({2}), at=2), None, "admit"),
    ],
)
def test_a_ticket_is_good_at_its_own_door(doors, group, told):
    assert verdict("admit", group_id=group, doors=doors) == told


@given(st.sampled_from(TOLD), st.none() | st.integers(1, 4), doors_made)
def test_nothing_is_told_of_another_groups_ticket_and_nothing_admits_that_did_not(door, group, doors):
    told = verdict(door, group_id=group, doors=doors)
    assert told in (door, "other_group")
    if told == "other_group":
        assert group is not None and (not doors.may(group) or doors.at != group)
    elif group is not None:
        assert doors.may(group) and doors.at in (None, group)


@pytest.mark.parametrize("told", [*TOLD, "other_group", "unknown"])
def test_who_may_force_what(told):
    host, admin = may_force(told, admin=False), may_force(told, admin=True)
    assert host is (told in ("used", "suspended", "suspended_payment"))
    assert admin is (host or told in ENDED)


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X)", "iPhone"),
        ("Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0", "Android"),
        ("Mozilla/5.0 (X11; Linux x86_64)", "Linux"),
        ("", ""),
    ],
)
def test_a_machine_is_named_by_its_kind(agent, name):
    assert device(agent) == name
