"""Which tasks a change of a seat asks for, who may join, what Telegram may say: by examples and by chance."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qunclub.chats import rules, rules_telegram
from qunclub.chats.rules import Asking, may_join
from qunclub.kernel import Invalid

# A machine that is busy with other tests is no finding.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NOON = dt.datetime(2026, 4, 15, 12, tzinfo=dt.UTC)
GOOD = {"member": True, "seat": True, "ticket": "valid"}


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (GOOD, "approve"),
        ({"member": False}, "unknown"),
        ({**GOOD, "suspended": True}, "suspended"),
        ({**GOOD, "staff": True, "suspended": True}, "suspended"),
        ({"member": True}, "no_seat"),
        ({"member": True, "staff": True}, "staff"),
        ({**GOOD, "staff": True}, "approve"),
        ({**GOOD, "staff": True, "ticket": "used"}, "staff"),
        ({**GOOD, "closed": "suspended_payment"}, "suspended_payment"),
        ({**GOOD, "closed": "covenant"}, "covenant"),
        ({**GOOD, "closed": "introduction"}, "introduction"),
        ({**GOOD, "closed": "removed"}, "no_seat"),
        ({**GOOD, "ticket": None}, "no_ticket"),
        ({**GOOD, "ticket": None, "ticketless": True}, "approve"),
        ({**GOOD, "ticket": None, "ticketless": True, "closed": "covenant"}, "covenant"),
        ({"member": True, "ticketless": True}, "no_seat"),
        ({**GOOD, "ticket": "void"}, "void"),
        ({**GOOD, "ticket": "used"}, "approve"),
        ({**GOOD, "ticket": "used", "let_in_before": True}, "used"),
    ],
)
def test_who_may_join(facts, verdict):
    assert may_join(Asking(**facts)) == verdict


@PATIENT
@given(
    st.builds(
        Asking,
        member=st.booleans(),
        staff=st.just(False),
        seat=st.booleans(),
        closed=st.sampled_from(["", *rules.CLOSED, "left", "waiting"]),
        suspended=st.booleans(),
        ticket=st.sampled_from([None, "valid", "used", "void"]),
        let_in_before=st.booleans(),
    )
)
def test_nobody_comes_in_without_a_seat_and_its_ticket(who):
    if may_join(who) == "approve":
        assert who.member and who.seat and not who.closed and who.ticket in ("valid", "used")
        assert not (who.suspended or (who.ticket == "used" and who.let_in_before))


@PATIENT
@given(st.lists(st.sampled_from(["admitted", "ended", "done"]), max_size=30))
def test_whatever_happens_the_list_ends_with_the_truth(events):
    """Hosts who do what stands on the list have inside whoever has a seat, and nobody else."""
    inside, let_in, seated = False, False, False
    open_tasks: set[str] = set()
    for event in [*events, "done"]:
        if event == "admitted" and not seated:
            seated, let_in = True, False
            follow = rules.after_admission(still_inside="put_out" in open_tasks)
        elif event == "ended" and seated:
            seated = False
            follow = rules.after_end(open_tasks=open_tasks, let_in=let_in)
        else:
            if event == "done":
                let_in = let_in or "let_in" in open_tasks
                inside = (inside or "let_in" in open_tasks) and "put_out" not in open_tasks
                open_tasks = set()
            continue
        open_tasks = (open_tasks - follow.drop) | {what for what, state in follow.add if state == "open"}
        let_in = let_in or ("let_in", "done") in follow.add
        assert not {"let_in", "put_out"} <= open_tasks
    assert inside == seated


def test_reminders_come_once_two_days_before():
    end = NOON + dt.timedelta(days=7)
    assert not rules.remind_due(end, None, NOON)
    assert rules.remind_due(end, None, end - dt.timedelta(days=2))
    assert rules.remind_due(end, None, end + dt.timedelta(days=30))
    assert not rules.remind_due(end, NOON, end) and not rules.remind_due(None, None, NOON)
    assert rules.expired(end, end) and not rules.expired(end, end - dt.timedelta(seconds=1))
    assert not rules.expired(None, NOON)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: rules.check_link("wechat", "javascript:alert(1)"), "entry_url"),
        (lambda: rules.check_link("telegram", "https://example.com/x"), "entry_url"),
        (lambda: rules.check_ref("telegram", "@name"), "ref"),
        (lambda: rules.check_ref("telegram", "1234"), "ref"),
        (lambda: rules.check_text("  "), "body"),
        (lambda: rules.check_text("x" * 4001), "body"),
    ],
)
def test_what_cannot_be_is_refused(call, field):
    with pytest.raises(Invalid) as refused:
        call()
    assert refused.value.field == field


def test_what_can_be_is_kept():
    assert rules.check_link("telegram", " https://t.me/+abc ") == "https://t.me/+abc"
    assert rules.check_link("wechat", "") == ""
    assert rules.check_ref("telegram", "–100123") == "-100123" and rules.check_ref("wechat", "-1") == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.floats(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "chat",
                    "from",
                    "id",
                    "date",
                    "text",
                    "type",
                    "user_chat_id",
                    "new_chat_member",
                    "status",
                    "x",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=10,
)


@PATIENT
@given(
    st.dictionaries(st.sampled_from(["chat_join_request", "message", "my_chat_member", "update_id"]), JSON)
)
def test_nothing_that_telegram_says_breaks_the_reader(update):
    rules_telegram.update_id(update)
    rules_telegram.read(update)


def test_what_telegram_says_is_read():
    who = {"id": 7, "first_name": "Hua", "last_name": "Li", "language_code": "zh-hans"}
    join = {"chat": {"id": -100}, "from": who, "user_chat_id": 8, "date": 1_776_225_600}
    assert rules_telegram.read({"chat_join_request": join}) == rules_telegram.Join(
        "-100", "7", "Hua Li", "8", "zh", dt.datetime(2026, 4, 15, 4, tzinfo=dt.UTC)
    )
    token = "a" * 32
    private = {"chat": {"id": 7, "type": "private"}, "from": who, "text": f"/start {token}"}
    assert rules_telegram.read({"message": private}) == rules_telegram.Start("7", "Hua Li", "7", "zh", token)
    assert rules_telegram.read({"message": {**private, "text": "hello"}}) is None
    in_group = {**private, "chat": {"id": -100, "type": "supergroup"}}
    assert rules_telegram.read({"message": in_group}) is None
    moved = {"chat": {"id": -1, "type": "group"}, "migrate_to_chat_id": -100}
    assert rules_telegram.read({"message": moved}) == rules_telegram.Moved("-1", "-100")
    standing = {"chat": {"id": -1, "type": "group", "title": "T"}, "new_chat_member": {"status": "kicked"}}
    assert rules_telegram.read({"my_chat_member": standing}) == rules_telegram.Standing("-1", "T", False)
