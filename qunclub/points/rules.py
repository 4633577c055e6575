"""Pure rules of points: what earns, how a ranking is ordered, how a place is counted without counting everybody."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from qunclub.kernel import N_, Invalid

from .rules_limits import NONE, Limits

ALL_TIME = "all"
"""The key of the window without ends."""

WINDOW_KINDS = ("all", "season", "month", "week")
"""What a window is: without ends, a season's, a month's or a week's."""

COURSE = "course:"


def course_scope(course_id: int) -> str:
    """The scope of what is earned in a course; it is the key of that course's window too."""
    return f"{COURSE}{course_id}"


GROUP = "group:"
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def group_scope(group_id: int) -> str:
    """The scope of a group: its ranking counts whatever its present members earned, wherever they did."""
    return f"{GROUP}{group_id}"


MOST = 10_000
"""The largest amount of one line: a slip of the keyboard must not decide a season."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of contribution.

    Attributes:
        amount: what it earns unless an admin sets otherwise.
        honours: what it adds to the tie-breaking count of featured works.
        own_amount: whether each line brings its own amount (a score, a gift), so that the rule only switches it.
        active: whether it earns until an admin sets otherwise.
        ring_days: of what one member gives another, unless an admin sets otherwise (``Limits.ring_days``).
        recorded: whether no room of the club gives it, so that an admin writes it down; a plugin may give it too.
    """

    label: str
    amount: int
    honours: int = 0
    own_amount: bool = False
    active: bool = True
    ring_days: int = 0
    recorded: bool = False

    @property
    def limits(self) -> Limits:
        """The limits of a rule that no admin has touched."""
        return Limits(ring_days=self.ring_days) if self.ring_days else NONE


KINDS: dict[str, Kind] = {
    "pass_issued": Kind(N_("Joined with a pass"), 10),
    "homework_accepted": Kind(N_("Homework accepted"), 100, own_amount=True),
    "homework_on_time": Kind(N_("Handed in on time"), 5),
    "homework_featured": Kind(N_("Homework featured"), 20, honours=1),
    "lesson_completed": Kind(N_("Lesson completed"), 2),
    "answer_best": Kind(N_("Best answer to a question"), 5, ring_days=30),
    "piece_delivered": Kind(N_("Piece of a project delivered"), 20, own_amount=True),
    "granted": Kind(N_("Given by hand"), 10, own_amount=True),
    "review_by_core": Kind(N_("Review written by a core member"), 3, active=False),
    "event_hosted": Kind(N_("Event hosted"), 30, active=False, recorded=True),
    "lesson_delivered": Kind(N_("Lesson delivered"), 50, active=False),
    "topic_led": Kind(N_("Topic led"), 10, active=False, recorded=True),
    "referral_stayed": Kind(N_("Somebody brought along who stayed"), 20, active=False),
    "check_in_streak": Kind(N_("Checked in day after day"), 5, active=False, recorded=True),
}


UNAWARDED = frozenset(kind for kind, known in KINDS.items() if known.recorded)
"""Kinds that no room of the club gives yet; an admin writes them down, and a plugin may give them."""


def recordable() -> tuple[str, ...]:
    """The kinds that an admin may write down by hand, those of plugins too."""
    return tuple(kind for kind, known in KINDS.items() if known.recorded)


def add_kind(name: str, kind: Kind) -> None:
    """Let a plugin bring a kind of its own, once, before the first request.

    Args:
        name: of small letters, digits and ``_``, 40 at most; it stands in the ledger for ever.

    Raises:
        ValueError: for a name that is taken or no name, or a kind that is both written down and of its own amount.
    """
    if KINDS.get(name, kind) != kind:
        raise ValueError(f"there is a kind {name!r} already")
    if not name.isascii() or not name.replace("_", "a").isalnum() or name != name.lower() or len(name) > 40:
        raise ValueError(f"{name!r} is no name of a kind")
    if kind.recorded and kind.own_amount:
        raise ValueError("what is written down earns what its rule says")
    KINDS[name] = kind


@dataclass(frozen=True, slots=True)
class Award:
    """One contribution to be written to the ledger.

    Attributes:
        source: names the cause; the same source never earns twice.
        amount: for kinds that bring their own; None takes the rule's.
        occurred_at: when it was earned, which decides the season; None takes the call's.
        from_member_id: the member who judged or gave; never the one who earns, and watched for rings.
        scope: where it was earned, such as ``course:7``: it counts in that ranking too. None: the whole club's only.
    """

    member_id: int
    kind: str
    source: str
    amount: int | None = None
    reason: str = ""
    occurred_at: dt.datetime | None = None
    from_member_id: int | None = None
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind's rule as it stands now; *version* is its number among all forms it had."""

    amount: int
    honours: int
    active: bool
    version: int = 1
    limits: Limits = NONE


def default_rule(kind: str) -> Rule:
    """The rule of a kind that no admin has touched."""
    known = KINDS[kind]
    return Rule(known.amount, known.honours, known.active, limits=known.limits)


def worth(award: Award, rule: Rule) -> int:
    """What *award* earns under *rule*; 0 writes no line.

    Raises:
        Invalid: for a negative amount (a correction is a reversal) or one beyond :data:`MOST`.
    """
    if not rule.active:
        return 0
    amount = rule.amount if award.amount is None else award.amount
    check_amount(amount)
    return amount


def check_amount(amount: int) -> None:
    """Refuse an amount that no line may have.

    Raises:
        Invalid: on field ``amount``.
    """
    if not 0 <= amount <= MOST:
        raise Invalid(N_("Points are between 0 and %(most)s."), field="amount", most=MOST)


MOST_HONOURS = 10
"""How much one line may add to the tie-breaking count: it breaks ties, it does not rank."""


def check_honours(honours: int) -> None:
    """Refuse a tie-breaking count that no rule may have.

    Raises:
        Invalid: on field ``honours``.
    """
    if not 0 <= honours <= MOST_HONOURS:
        raise Invalid(N_("The count of ties is between 0 and %(most)s."), field="honours", most=MOST_HONOURS)


def covers(starts_at: dt.datetime | None, ends_at: dt.datetime | None, moment: dt.datetime) -> bool:
    """Whether *moment* lies in ``[starts_at, ends_at)``; an open end has no limit."""
    return (starts_at is None or starts_at <= moment) and (ends_at is None or moment < ends_at)


class Ranked(Protocol):
    """What a ranking is ordered by."""

    @property
    def points(self) -> int: ...
    @property
    def honours(self) -> int: ...
    @property
    def last_day(self) -> dt.date | None: ...
    @property
    def number(self) -> int: ...


def order(row: Ranked) -> tuple[bool, int, int, dt.date, int]:
    """The sort key of every ranking: points, featured works, the earlier last day, the lower number.

    Whoever earned nothing comes after all who did.
    """
    return (row.last_day is None, -row.points, -row.honours, row.last_day or dt.date.max, row.number)


SPANS = (1, 64, 4096)
"""Widths of the blocks of scores that members are counted in."""


def edges_above(points: int) -> tuple[int, int, int]:
    """Where the blocks begin that hold exactly the members with more than *points*: narrow, middle, wide.

    Single scores from the first edge to the second, blocks of 64 from there to the third, blocks of 4096 above:
    fewer than 64 rows of each of the two narrower widths are read, however far scores spread.
    """
    narrow = points + 1
    middle = -(-narrow // SPANS[1]) * SPANS[1]
    return narrow, middle, -(-middle // SPANS[2]) * SPANS[2]


def count_changes(moves: Iterable[tuple[int, int, int]]) -> list[tuple[int, int, int, int]]:
    """How the counts of members by score change.

    Args:
        moves: (window, points before, points after) of each member; only what is above zero is counted.

    Returns:
        (window, span, start of the block, change), without zeros, in the order in which rows are locked.
    """
    changes: dict[tuple[int, int, int], int] = {}
    for window, before, after in moves:
        if before == after:
            continue
        for span in SPANS:
            for points, step in ((before, -1), (after, 1)):
                if points > 0:
                    key = (window, span, points - points % span)
                    changes[key] = changes.get(key, 0) + step
    return [(*key, step) for key, step in sorted(changes.items()) if step]


def places(points: Sequence[int], first: int, second: int) -> list[int]:
    """The place of each row of one page: equal points share a place, the next place counts everybody before.

    Args:
        points: of the rows, falling.
        first: the place of the first row's points.
        second: the place of the first points below those, wherever on the page they begin.
    """
    result: list[int] = []
    begun: int | None = None
    for index, mine in enumerate(points):
        if mine == points[0]:
            result.append(first)
            continue
        if begun is None:
            begun = index
        result.append(result[-1] if mine == points[index - 1] else second + index - begun)
    return result
