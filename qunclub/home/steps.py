"""What a member does next: one thing, chosen by a pure rule from what their rooms know."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

SOON = dt.timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Work:
    """An assignment that asks something of the member: ``write``, ``late`` or ``revise``."""

    id: int
    title: str
    course: str
    action: str
    due_at: dt.datetime | None
    most: int = 100
    """The points it earns with the best score."""


@dataclass(frozen=True, slots=True)
class NextLesson:
    """The next lesson of an open course."""

    course_slug: str
    course: str
    slug: str
    title: str
    minutes: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rule looks at.

    Attributes:
        unpaid: code of an order that waits for its payment.
        covenant: id of the pass (or the group's slug) whose covenant is not accepted.
        nameless: whether the member has taken no nickname yet.
        consent: id of the assignment whose featured work waits for its author's word.
    """

    numbered: bool
    has_pass: bool = True
    unpaid: str = ""
    covenant: str = ""
    nameless: int | None = None
    work: Sequence[Work] = ()
    lesson: NextLesson | None = None
    consent: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """The chosen step; *what* is the work, the lesson, or the key that its page needs."""

    kind: str
    what: Work | NextLesson | str | int | None = None


def next_step(facts: Facts, now: dt.datetime) -> Step:
    """The one thing to do now.

    What somebody has begun and others wait for comes first: a payment, the covenant, the name for the group, work
    that was returned, work due soon. Then the next lesson, then other homework, then a word on featured work.
    """
    if facts.unpaid:
        return Step("pay", facts.unpaid)
    if not facts.numbered:
        return Step("choose_pass")
    if facts.covenant:
        return Step("covenant", facts.covenant)
    if facts.nameless is not None:
        return Step("name", facts.nameless)
    returned = [work for work in facts.work if work.action == "revise"]
    if returned:
        return Step("revise", returned[0])
    dated = sorted(
        (work for work in facts.work if work.action == "write" and work.due_at is not None),
        key=lambda work: work.due_at or now,
    )
    if dated and dated[0].due_at is not None and dated[0].due_at - now <= SOON:
        return Step("due", dated[0])
    if facts.lesson is not None:
        return Step("lesson", facts.lesson)
    rest = [*dated, *(work for work in facts.work if work.action == "write" and work.due_at is None)]
    if rest:
        return Step("write", rest[0])
    late = [work for work in facts.work if work.action == "late"]
    if late:
        return Step("late", late[0])
    if facts.consent is not None:
        return Step("consent", facts.consent)
    return Step("rest") if facts.has_pass else Step("renew")
