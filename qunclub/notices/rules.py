"""What kinds of notices there are, which may be silenced, and how a notice reads: pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qunclub.kernel import N_, Invalid

WAYS = ("all", "app", "none")
"""``all``: in the club and by mail; ``app``: in the club; ``none``: not at all."""
LONGEST_FACT = 300


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of notice.

    Attributes:
        label: what the page of choices calls it.
        text: how such a notice reads, filled with its facts.
        always: whether it can never be silenced.
        usual: the way of whoever has chosen nothing.
        icon: beside it in the list.
        role: who else than they need not see it among the choices; "" for everybody.
    """

    label: str
    text: str
    icon: str
    always: bool = False
    usual: str = "all"
    role: str = ""


KINDS: dict[str, Kind] = {
    "mention": Kind(N_("Somebody mentions me"), N_("%(name)s mentioned you in %(group)s."), "at"),
    "reply": Kind(
        N_("Answers to what I wrote"), N_("%(name)s answered you in %(group)s."), "reply", usual="app"
    ),
    "announcement": Kind(
        N_("Announcements in my groups"), N_("New announcement in %(group)s: %(title)s"), "megaphone"
    ),
    "seat": Kind(N_("A seat in a group"), N_("You have a seat in %(group)s."), "people", always=True),
    "removal": Kind(
        N_("Removal from a group"),
        N_("You were removed from %(group)s. The reason: %(reason)s"),
        "person-dash",
        always=True,
    ),
    "covenant": Kind(
        N_("A new covenant"),
        N_("The covenant of %(group)s has a new version. Read it and accept it to go on."),
        "file-earmark-text",
        always=True,
    ),
    "conduct": Kind(
        N_("What a host does with what I wrote"),
        N_("A host hid a post of yours in %(group)s. The reason: %(reason)s"),
        "shield-exclamation",
        always=True,
    ),
    "money": Kind(
        N_("My passes, orders and money"), N_("Your pass %(title)s has ended."), "receipt", always=True
    ),
    "work": Kind(
        N_("My homework, its reviews and its team"),
        N_("Your homework %(title)s was reviewed"),
        "pencil-square",
    ),
    "verdict": Kind(
        N_("Appeals, corrections, and what of mine is hidden"),
        N_("Your appeal about %(title)s was answered"),
        "arrow-counterclockwise",
        always=True,
    ),
    "question": Kind(
        N_("Answers to my questions in courses"),
        N_("Your question has an answer: %(ask)s"),
        "question-circle",
    ),
    "house": Kind(
        N_("What hosts and admins decide about me"),
        N_("Your appeal about %(group)s was answered"),
        "house-exclamation",
        always=True,
    ),
    "core": Kind(
        N_("The core group, and what a season decides about me"),
        N_("The result of %(season)s and you"),
        "trophy",
        always=True,
    ),
    "outlook": Kind(
        N_("Where I stand in a season, once a week"), N_("Where you stand in %(season)s"), "graph-up"
    ),
    "level": Kind(N_("My level"), N_("You reached a new level."), "bar-chart-steps"),
    "piece": Kind(N_("Pieces of projects"), N_("A piece for you: %(piece)s"), "kanban"),
    "contest": Kind(N_("Prizes in contests"), N_("You have won a prize in %(contest)s"), "gift"),
    "duty": Kind(
        N_("What waits for an admin"),
        N_("An appeal waits: %(season)s"),
        "clipboard-check",
        always=True,
        role="admin",
    ),
}


def kind_of(kind: str) -> Kind:
    """The kind called *kind*; a programming error when there is none."""
    found = KINDS.get(kind)
    if found is None:
        raise ValueError(f"no kind of notice called {kind}: add it to notices.rules.KINDS")
    return found


def way_of(kind: str, chosen: str | None) -> str:
    """How a member who chose *chosen* (None: nothing) is told of *kind*.

    >>> way_of("removal", "none"), way_of("reply", None), way_of("mention", "none")
    ('all', 'app', 'none')
    """
    one = kind_of(kind)
    if one.always or chosen not in WAYS:
        return "all" if one.always else one.usual
    return chosen


def check_choice(kind: str, way: str) -> None:
    """Refuse what nobody may choose.

    Raises:
        Invalid: for a kind or a way that there is not, and for silencing what is always told.
    """
    if kind not in KINDS or way not in WAYS:
        raise Invalid(N_("Choose one of the ways."), field=kind)
    if KINDS[kind].always and way != "all":
        raise Invalid(
            N_("This is always told: it concerns your seat, your rights or your money."), field=kind
        )


def tidy(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as they are kept: texts on one line (a mail's subject is one), and not endless.

    >>> tidy({"reason": "spam\\n again ", "n": 3})
    {'reason': 'spam again', 'n': 3}
    """
    return {name: _line(value) if isinstance(value, str) else value for name, value in facts.items()}


def _line(text: str) -> str:
    one = re.sub(r"\s+", " ", text).strip()
    return one if len(one) <= LONGEST_FACT else one[: LONGEST_FACT - 1] + "…"


def fits(text: str, facts: Mapping[str, Any]) -> bool:
    """Whether *facts* fill every gap of *text*; ``name`` is known when it is shown.

    >>> fits("%(name)s in %(group)s", {"group": "A"}), fits("%(group)s", {})
    (True, False)
    """
    try:
        text % {"name": "", **facts}
    except (KeyError, ValueError, TypeError):
        return False
    return True


def shown_count(unread: int) -> str:
    """The number at the bell.

    >>> shown_count(0), shown_count(7), shown_count(250)
    ('', '7', '99+')
    """
    return "" if unread <= 0 else str(unread) if unread < 100 else "99+"
