"""Who may write, and from when: examples, the changes of the clock, and what holds for every week."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qunclub.house import rules, rules_ladder, rules_windows
from qunclub.house.rules import Facts, Silence, may_post
from qunclub.house.rules_ladder import Ladder, Step
from qunclub.house.rules_windows import Window, closes_at, opens_at, parse, write
from qunclub.kernel import Forbidden, Invalid

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
FRIDAY = Window(4, 20 * 60, 22 * 60)
NOON = dt.datetime(2026, 4, 15, 4, 0, tzinfo=dt.UTC)  # a Wednesday in Shanghai


def utc(*parts: int, zone: dt.tzinfo = dt.UTC, fold: int = 0) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=zone, fold=fold).astimezone(dt.UTC)  # type: ignore[arg-type,misc]  # a date and a time


def ask(**values: Any) -> rules.Verdict:
    return may_post(Facts(**{"posting": "all", "now": NOON, "zone": SHANGHAI, **values}))


def silence(whom: str = "member", hours: float | None = 1, **values: Any) -> Silence:
    until = None if hours is None else NOON + dt.timedelta(hours=hours)
    return Silence(whom, values.pop("starts_at", NOON), until, "Rest.", **values)  # type: ignore[arg-type]


# ---- windows ----


def test_a_friday_evening() -> None:
    before, inside = utc(2026, 4, 17, 19, 59, zone=SHANGHAI), utc(2026, 4, 17, 20, 0, zone=SHANGHAI)
    end = utc(2026, 4, 17, 22, 0, zone=SHANGHAI)
    assert opens_at([FRIDAY], now=before, zone=SHANGHAI) == inside
    assert closes_at([FRIDAY], now=before, zone=SHANGHAI) is None
    assert closes_at([FRIDAY], now=inside, zone=SHANGHAI) == end
    assert closes_at([FRIDAY], now=end, zone=SHANGHAI) is None
    assert opens_at([FRIDAY], now=end, zone=SHANGHAI) == inside + dt.timedelta(days=7)
    assert opens_at([], now=end, zone=SHANGHAI) is None


def test_across_midnight_and_the_end_of_the_week() -> None:
    sunday = Window(6, 23 * 60, 60)
    monday = utc(2026, 4, 20, 0, 30, zone=SHANGHAI)
    assert closes_at([sunday], now=monday, zone=SHANGHAI) == utc(2026, 4, 20, 1, 0, zone=SHANGHAI)
    assert opens_at([sunday], now=monday, zone=SHANGHAI) == monday


def test_windows_that_touch_are_one() -> None:
    two = [Window(4, 20 * 60, 22 * 60), Window(4, 22 * 60, 30), Window(5, 15, 60)]
    now = utc(2026, 4, 17, 20, 30, zone=SHANGHAI)
    assert closes_at(two, now=now, zone=SHANGHAI) == utc(2026, 4, 18, 1, 0, zone=SHANGHAI)


def test_a_day_and_night() -> None:
    whole = [Window(2, 600, 600)]
    assert closes_at(whole, now=utc(2026, 4, 15, 12, 0, zone=SHANGHAI), zone=SHANGHAI) == utc(
        2026, 4, 16, 10, 0, zone=SHANGHAI
    )


def test_the_clock_goes_forward() -> None:
    # In Berlin there is no 2:30 on 29 March 2026.
    gap, over = Window(6, 150, 170), Window(6, 60, 150)
    start, stop = next(iter(rules_windows.spans([gap], now=utc(2026, 3, 28, 12, 0), zone=BERLIN)))
    assert (start, stop) == (utc(2026, 3, 29, 1, 30), utc(2026, 3, 29, 1, 50)), "moved with the clock"
    assert closes_at([over], now=utc(2026, 3, 29, 0, 30), zone=BERLIN) == utc(2026, 3, 29, 1, 30)


def test_the_clock_goes_back() -> None:
    # 2:00–3:00 comes twice on 25 October 2026.
    one = Window(6, 150, 165)
    start, stop = next(iter(rules_windows.spans([one], now=utc(2026, 10, 24, 12, 0), zone=BERLIN)))
    assert (start, stop) == (utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 1, 45))
    evening = Window(6, 20 * 60, 21 * 60)
    assert opens_at([evening], now=utc(2026, 10, 24, 12, 0), zone=BERLIN) == utc(2026, 10, 25, 19, 0)


# A busy machine is no fault of the rules.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
weekly = st.lists(
    st.builds(Window, st.integers(0, 6), st.integers(0, 1439), st.integers(0, 1439)), max_size=6
)
moments = st.integers(0, 366 * 24 * 60).map(lambda minutes: utc(2026, 1, 1) + dt.timedelta(minutes=minutes))
zones = st.sampled_from([SHANGHAI, BERLIN, ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe")])


@patient
@given(weekly, moments, zones)
def test_a_window_that_opens_is_open_and_within_a_week(
    windows: list[Window], now: dt.datetime, zone: ZoneInfo
) -> None:
    opens, closes = opens_at(windows, now=now, zone=zone), closes_at(windows, now=now, zone=zone)
    assert (opens is None) == (not windows)
    assert (closes is not None) == (opens == now), "open now is open from now on"
    if opens is not None:
        assert now <= opens <= now + dt.timedelta(days=7, hours=2)
        end = closes_at(windows, now=opens, zone=zone)
        assert end is not None and end > opens
        if closes is not None:
            later = opens_at(windows, now=closes, zone=zone)
            full = dt.timedelta(days=9) <= closes - now
            assert full or (later is not None and later > closes), "what touches was taken together"


@patient
@given(weekly)
def test_windows_are_written_as_they_are_read(windows: list[Window]) -> None:
    assert parse(write(rules_windows.checked(windows))) == rules_windows.checked(windows)


@pytest.mark.parametrize(
    ("text", "many"),
    [("5 20:00-22:00", 1), ("1-5 21:00-00:30\n\n6,7 9:00-12:00", 7), ("5 20：00～24:00", 1), ("", 0)],
)
def test_windows_as_people_write_them(text: str, many: int) -> None:
    assert len(parse(text)) == many


@pytest.mark.parametrize(
    "text", ["Friday 8pm", "8 20:00-22:00", "5 25:00-26:00", "5 20:70-22:00", "3-1 1:00-2:00", "x"]
)
def test_what_is_no_window_is_named(text: str) -> None:
    with pytest.raises(Invalid) as error:
        parse("5 20:00-22:00\n" + text)
    assert error.value.params["number"] == 2 and error.value.field == "windows"


# ---- who may write ----


def test_a_ring_and_a_pyramid() -> None:
    assert ask().allowed
    assert ask(posting="staff").code == "policy"
    assert ask(posting="staff", kind="reply").code == "policy"
    assert ask(posting="staff", kind="reply", opened=True).allowed
    assert not ask(posting="staff", kind="post", opened=True).allowed, "an opened post is for answers"
    assert ask(posting="staff", offices=frozenset({"host"})).allowed


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"seat": ""}, "no_seat"),
        ({"seat": "waiting"}, "waiting"),
        ({"covenant": False}, "covenant"),
        ({"suspended": True}, "suspended"),
        ({"covenant": False, "silences": [silence()]}, "covenant"),
    ],
)
def test_the_group_first(values: dict[str, Any], code: str) -> None:
    assert ask(**values).code == code


def test_hosts_write_without_a_seat_but_not_without_the_covenant_of_their_own() -> None:
    host = frozenset({"host"})
    assert ask(seat="", offices=host, covenant=False).allowed
    assert ask(seat="admitted", offices=host, covenant=False).code == "covenant"


def test_windows_open_a_pyramid_and_close_a_ring() -> None:
    for posting in ("staff", "all"):
        shut = ask(posting=posting, windows=[FRIDAY])
        assert shut.code == "window" and shut.until == utc(2026, 4, 17, 20, 0, zone=SHANGHAI)
        assert shut.params["until"] == shut.until
        friday = utc(2026, 4, 17, 21, 0, zone=SHANGHAI)
        open_ = ask(posting=posting, windows=[FRIDAY], now=friday)
        assert open_.allowed and open_.until == utc(2026, 4, 17, 22, 0, zone=SHANGHAI)
        assert ask(posting=posting, windows=[FRIDAY], kind="reply", opened=True).allowed


@pytest.mark.parametrize(
    ("one", "offices", "muted"),
    [
        (silence("member"), {"host"}, True),
        (silence("member"), {"host", "admin", "instructor"}, False),
        (silence("all"), set(), True),
        (silence("all"), {"instructor"}, True),
        (silence("all"), {"host"}, False),
        (silence("role", role="instructor"), {"instructor"}, True),
        (silence("role", role="instructor"), set(), False),
        (silence("role", role="member"), set(), True),
        (silence("role", role="member"), {"instructor"}, False),
        (silence("role", role="host"), {"host"}, True),
        (silence("role", role="host"), {"host", "admin", "instructor"}, False),
    ],
)
def test_whom_a_mute_means(one: Silence, offices: set[str], muted: bool) -> None:
    assert ask(silences=[one], offices=frozenset(offices)).allowed is not muted


def test_a_mute_says_until_when_and_why() -> None:
    told = ask(silences=[silence("all", 5), silence("member", 1)])
    assert told.code == "muted" and told.until == NOON + dt.timedelta(hours=5), "both have to end"
    assert told.params["reason"] == "Rest."
    chain = [silence(hours=1), silence(hours=9, starts_at=NOON + dt.timedelta(minutes=30))]
    assert ask(silences=chain).until == NOON + dt.timedelta(hours=9)
    later = [silence(hours=9, starts_at=NOON + dt.timedelta(hours=1))]
    assert ask(silences=later).allowed
    endless = ask(silences=[silence(hours=None)])
    assert endless.until is None and "appeal" in endless.reason
    after = ask(silences=[silence(hours=60)], windows=[FRIDAY])
    assert after.until == utc(2026, 4, 24, 20, 0, zone=SHANGHAI), "the next window after the mute"
    pyramid = ask(posting="staff", silences=[silence(hours=2)])
    assert pyramid.until is None and pyramid.params["ends"] == NOON + dt.timedelta(hours=2)


def test_slow_mode() -> None:
    last = NOON - dt.timedelta(seconds=20)
    slow = ask(slow_seconds=60, last_post_at=last)
    assert slow.code == "slow" and slow.params["wait"] == 40 and slow.until == last + dt.timedelta(seconds=60)
    assert ask(slow_seconds=60, last_post_at=NOON - dt.timedelta(seconds=60)).allowed
    assert ask(slow_seconds=60).allowed
    assert ask(slow_seconds=60, last_post_at=last, offices=frozenset({"host"})).allowed


def test_a_verdict_can_be_required() -> None:
    ask().require()
    with pytest.raises(Forbidden) as error:
        ask(posting="staff").require()
    assert "Staff post here" in str(error.value)


silences = st.lists(
    st.builds(
        lambda whom, start, hours: Silence(
            whom,
            NOON + dt.timedelta(hours=start),
            None if hours is None else NOON + dt.timedelta(hours=start + hours),
            "x",
            "member",
        ),
        st.sampled_from(["member", "role", "all"]),
        st.integers(-5, 20),
        st.one_of(st.none(), st.integers(1, 90)),
    ),
    max_size=4,
)


@patient
@given(weekly, silences, st.integers(0, 600), st.integers(0, 700), st.sampled_from(["all", "staff"]))
def test_what_is_promised_is_kept(
    windows: list[Window], mutes: list[Silence], slow: int, ago: int, posting: str
) -> None:
    facts: dict[str, Any] = {
        "posting": posting, "windows": windows, "silences": mutes, "slow_seconds": slow,
        "last_post_at": NOON - dt.timedelta(seconds=ago),
    }  # fmt: skip
    verdict = ask(**facts)
    if not verdict.allowed and verdict.until is not None:
        assert verdict.until > NOON
        assert ask(**facts, now=verdict.until).allowed, "one may write again at the moment that was told"
        assert not ask(**facts, now=verdict.until - dt.timedelta(microseconds=1)).allowed


# ---- the ladder ----


def test_the_ladder() -> None:
    usual = Ladder()
    assert [rules_ladder.propose(usual, n)[1].act for n in range(5)] == [
        "warning",
        "mute",
        "removal",
        "removal",
        "removal",
    ]
    assert rules_ladder.since(usual, NOON) == NOON - dt.timedelta(days=180)
    assert rules_ladder.since(Ladder(forget_days=0), NOON) is None
    assert rules_ladder.from_json(usual.as_json()) == usual == rules_ladder.from_json(None)


@pytest.mark.parametrize(
    "steps", [(), (Step("warning"),) * 11, (Step("ban"),), (Step("mute", -1),), (Step("mute", 4_000),)]
)
def test_a_ladder_that_is_none_is_refused(steps: tuple[Step, ...]) -> None:
    with pytest.raises(Invalid) as error:
        rules_ladder.checked(Ladder(steps))
    assert error.value.field == "steps"


def test_a_ladder_that_was_kept_before_is_read() -> None:
    kept = {"steps": [["warning", 0], ["mute", 3]], "forget_days": 9, "appeal_days": 7, "version": 4}
    ladder = rules_ladder.from_json(kept)
    assert ladder.steps == (Step("warning"), Step("mute", 3)) and rules_ladder.checked(ladder) == ladder


def test_the_steps_as_they_are_written() -> None:
    steps = rules_ladder.parse_steps("Warning\nmute 3\n\nmute\nremoval")
    assert steps == (Step("warning"), Step("mute", 3), Step("mute"), Step("removal"))
    assert rules_ladder.parse_steps(rules_ladder.write_steps(steps)) == steps
    for wrong in ("", "ban", "warning 3", "mute x", "mute 99999", "\n".join(["mute"] * 11)):
        with pytest.raises(Invalid):
            rules_ladder.parse_steps(wrong)


def test_choosing_otherwise_needs_a_reason() -> None:
    needs = rules_ladder.needs_departure
    assert not needs(Step("mute", 3), "mute", 3) and needs(Step("mute", 3), "mute", 4)
    assert not needs(Step("warning"), "warning", 9), "the days of a warning mean nothing"
    assert needs(Step("warning"), "removal", 0)
