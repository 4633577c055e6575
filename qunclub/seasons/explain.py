"""Reason codes made into sentences: kind, exact, and with what can be done next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qunclub.kernel import N_

from .models import Decision, Season


@dataclass(frozen=True, slots=True)
class Sentence:
    """A msgid and the values of its placeholders; the edge translates it."""

    message: str
    params: dict[str, Any]


REASONS = {
    ("promoted", "best_ranked"): N_(
        "You rose into the core group: with %(points)s points you stood on place %(position)s of the season, and seats "
        "were free for the best %(free)s. Thank you for everything you gave."
    ),
    ("kept", "seats_free"): N_(
        "You stay in the core group. Not all of its %(seats)s seats were taken, so nobody had to leave. You have "
        "%(points)s points, place %(place)s of %(core)s in the core."
    ),
    ("kept", "nobody_leaves"): N_(
        "You stay in the core group. By this season's formula nobody leaves. You have %(points)s points, place "
        "%(place)s of %(core)s in the core."
    ),
    ("kept", "protected"): N_(
        "You stay in the core group. You joined lately and were safe at this closing whatever your points: "
        "%(points)s, place %(place)s of %(core)s in the core."
    ),
    ("kept", "above_line"): N_(
        "You stay in the core group: with %(points)s points you stand on place %(place)s of %(core)s, above the line "
        "of elimination at %(line)s points."
    ),
    ("kept", "not_outranked"): N_(
        "You stay in the core group. Nobody outside it stands above its last places, so nobody had to leave. You have "
        "%(points)s points, place %(place)s of %(core)s in the core."
    ),
    ("kept", "on_leave"): N_(
        "You stay in the core group. You were on leave this season and safe at this closing whatever your points: "
        "%(points)s, place %(place)s of %(core)s in the core. Good to have you."
    ),
    ("kept", "exception"): N_(
        "You stay in the core group by an exception; its reason stands with the result. With %(points)s points you "
        "stood on place %(place)s of %(core)s in the core."
    ),
    ("promoted", "exception"): N_(
        "You rose into the core group by an exception; its reason stands with the result. With %(points)s points you "
        "stood on place %(position)s of the season. Thank you for everything you gave."
    ),
    ("eliminated", "exception"): N_(
        "Your time in the core group ends with this season by an exception to the formula; its reason stands with "
        "the result. With %(points)s points you stood on place %(place)s of %(core)s in the core."
    ),
    ("eliminated", "suspended"): N_(
        "Your time in the core group ends with this season because your account is suspended. With %(points)s points "
        "you stood on place %(place)s of %(core)s in the core."
    ),
    ("eliminated", "lowest"): N_(
        "Your time in the core group ends with this season; thank you for what you carried. All %(seats)s seats were "
        "taken, and the last %(left)s of those who were not protected make room. With %(points)s points you stood on "
        "place %(place)s of %(core)s in the core."
    ),
}

SAFE_ONCE = N_("You are safe at the next closing, whatever your points.")
SAFE_OFTEN = N_("You are safe at the next %(protection)s closings, whatever your points.")
WHAT_REMAINS = N_(
    "What ends is the role in the core group and nothing else: your number, your passes, your courses and your points "
    "stay yours, and you can rise again from the next season on."
)

WHAT_REMAINS_ONCE = N_(
    "What ends is the role in the core group and nothing else: your number, your passes, your courses and your points "
    "stay yours, and you can rise again after one more season."
)
WHAT_REMAINS_LATER = N_(
    "What ends is the role in the core group and nothing else: your number, your passes, your courses and your points "
    "stay yours, and you can rise again after %(reentry)s more seasons."
)

NOT_RISEN = {
    "exception": N_(
        "You earned %(points)s points and stood on place %(position)s of the season. You did not rise by an exception "
        "to the formula; its reason stands with the result."
    ),
    "gone": N_(
        "You earned %(points)s points and stood on place %(position)s of the season. Between the freeze and the result "
        "your seat in the core group ended, your account was suspended, or you were taken out for cause, so none could "
        "be yours."
    ),
    "suspended": N_("Your account is suspended; while it is, no seat of the core group can be yours."),
    "put_out": N_(
        "You earned %(points)s points and stood on place %(position)s of the season. You were taken out for cause, and "
        "while that stands no seat of the core group can be yours. The page of the group says until when."
    ),
    "violation": N_(
        "You earned %(points)s points and stood on place %(position)s of the season. Whoever rises has no open "
        "violation of the house rules at the end of the season; you had one. Once it is past or taken back, the way is "
        "open again."
    ),
    "waiting": N_(
        "You earned %(points)s points and stood on place %(position)s of the season. You left the core group lately, "
        "and by the formula one sits out some seasons before rising again."
    ),
    "no_pass": N_(
        "You earned %(points)s points and stood on place %(position)s of the season. Whoever rises holds a pass that "
        "is good at the end of the season; you held none."
    ),
    "few_works": N_(
        "You earned %(points)s points and stood on place %(position)s of the season. Whoever rises has at least "
        "%(min_works)s accepted works in the season; you had fewer."
    ),
    "few_days": N_(
        "You earned %(points)s points and stood on place %(position)s of the season. Whoever rises has been a member "
        "for at least %(min_days)s days; you come to that soon."
    ),
    "no_points": N_(
        "You earned no points in this season, so you were not ranked. The next one begins at zero for everybody."
    ),
    "below_minimum": N_(
        "You earned %(points)s points and stood on place %(position)s of the season. Whoever rises needs at least "
        "%(min_points)s."
    ),
    "no_seat": N_(
        "You earned %(points)s points and stood on place %(position)s of the season. No seat of the core group became "
        "free this time."
    ),
    "given_else": N_(
        "You earned %(points)s points and stood on place %(position)s of the season. The free seats were given by an "
        "exception to the formula; its reason stands with the result."
    ),
    "below_line": N_(
        "You earned %(points)s points and stood on place %(position)s of the season. The last free seat went to a "
        "member with %(line)s points."
    ),
}


def sentences(outcome: str, reason: str, facts: Mapping[str, Any]) -> list[Sentence]:
    """What a decision says to its member; *facts* may hold more than the sentences name."""
    params = dict(facts)
    told = [Sentence(REASONS[outcome, reason], params)]
    if outcome == "promoted" and params["protection"]:
        told.append(Sentence(SAFE_ONCE if params["protection"] == 1 else SAFE_OFTEN, params))
    if outcome == "eliminated":
        later = params.get("reentry")
        remains = WHAT_REMAINS_ONCE if later == 1 else WHAT_REMAINS_LATER
        told.append(Sentence(remains, params) if later else Sentence(WHAT_REMAINS, {}))
    return told


def of_decision(decision: Decision, season: Season) -> list[Sentence]:
    """What a stored decision says."""
    facts = {
        **decision.facts,
        "points": decision.points,
        "place": decision.place,
        "position": decision.position,
        "protection": season.protection,
        "reentry": season.formula.reentry,
    }
    return sentences(decision.outcome, decision.reason, facts)


def not_risen(reason: str, facts: Mapping[str, Any]) -> Sentence:
    """Why somebody who is not core did not rise."""
    return Sentence(NOT_RISEN[reason], dict(facts))
