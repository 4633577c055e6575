"""Short words of the seasons' pages: states, outcomes, reasons."""

from __future__ import annotations

from typing import Any

from qunclub.web import _, _l

from .explain import Sentence

STATES: dict[str, tuple[Any, str]] = {
    "draft": (_l("Draft"), "neutral"),
    "announced": (_l("Announced"), "accent"),
    "open": (_l("Running"), "success"),
    "frozen": (_l("Being decided"), "warning"),
    "published": (_l("Published"), "accent"),
    "closed": (_l("Put away"), "neutral"),
}
OUTCOMES: dict[str, tuple[Any, str, str]] = {
    "promoted": (_l("rises"), "success", "arrow-up"),
    "kept": (_l("stays"), "neutral", "dash-lg"),
    "eliminated": (_l("leaves"), "danger", "arrow-down"),
}
REASONS: dict[str, Any] = {
    "best_ranked": _l("among the best for the free seats"),
    "seats_free": _l("not all seats were taken"),
    "nobody_leaves": _l("nobody leaves by this formula"),
    "protected": _l("joined lately, protected"),
    "above_line": _l("above the line of elimination"),
    "lowest": _l("among the last of a full core group"),
    "not_outranked": _l("nobody outside stands above"),
    "on_leave": _l("on leave"),
    "exception": _l("by an exception"),
    "suspended": _l("suspended"),
    "put_out": _l("taken out of a group for cause"),
    "violation": _l("an open violation of the house rules"),
    "waiting": _l("sits out after leaving the core"),
    "no_pass": _l("no pass at the end of the season"),
    "few_works": _l("too few accepted works"),
    "few_days": _l("a member for too short a time"),
}
RULINGS: dict[str, Any] = {
    "keep": _l("stays although among the last"),
    "promote": _l("rises before the others"),
    "exclude": _l("does not rise, or leaves"),
}


def spoken(told: list[Sentence]) -> list[str]:
    """Sentences in the visitor's language."""
    return [_(one.message, **one.params) for one in told]
