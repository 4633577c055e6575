"""The one thing to do next, as a pure rule."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from qunclub.home.steps import Facts, NextLesson, Work, next_step

NOW = dt.datetime(2026, 4, 15, 4, 0, tzinfo=dt.UTC)
LESSON = NextLesson("c", "Course", "l", "Lesson", 5)


def work(ident: int, action: str, days: float | None = None) -> Work:
    return Work(ident, f"W{ident}", "Course", action, None if days is None else NOW + dt.timedelta(days=days))


FULL = Facts(
    numbered=True,
    unpaid="ORDER",
    covenant="group-1",
    nameless=7,
    work=(work(1, "revise"), work(2, "write", 2), work(3, "write", 9), work(4, "write"), work(5, "late", -1)),
    lesson=LESSON,
    consent=6,
)


def test_what_was_begun_comes_first_and_then_in_this_order() -> None:
    order = []
    facts = FULL
    for change in (
        {"unpaid": ""},
        {"covenant": ""},
        {"nameless": None},
        {"work": FULL.work[1:]},
        {"work": FULL.work[2:]},
        {"lesson": None},
        {"work": FULL.work[3:]},
        {"work": FULL.work[4:]},
        {"work": ()},
        {"consent": None},
        {"has_pass": False},
    ):
        order.append(next_step(facts, NOW).kind)
        facts = replace(facts, **change)
    assert order == [
        "pay",
        "covenant",
        "name",
        "revise",
        "due",
        "lesson",
        "write",
        "write",
        "late",
        "consent",
        "rest",
    ]
    assert next_step(facts, NOW).kind == "renew"


def test_without_a_number_there_is_only_the_pass() -> None:
    facts = replace(FULL, numbered=False)
    assert next_step(facts, NOW).kind == "pay"
    assert next_step(replace(facts, unpaid=""), NOW).kind == "choose_pass"


@pytest.mark.parametrize(("days", "kind"), [(0.1, "due"), (3, "due"), (3.1, "lesson")])
def test_three_days_are_soon(days: float, kind: str) -> None:
    facts = Facts(numbered=True, work=(work(1, "write", days),), lesson=LESSON)
    assert next_step(facts, NOW).kind == kind


def test_the_earliest_is_chosen() -> None:
    facts = Facts(numbered=True, work=(work(1, "write", 9), work(2, "write", 5), work(3, "write")))
    assert next_step(facts, NOW).what == facts.work[1]


@pytest.mark.parametrize("action", ["wait", "done", "soon", "used_up"])
def test_what_asks_nothing_is_no_step(action: str) -> None:
    assert next_step(Facts(numbered=True, work=(work(1, action, 1),)), NOW).kind == "rest"
