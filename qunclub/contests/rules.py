"""What makes a contest: its phases, what may still change, the result of every entry, who wins which prize.

Everything is reckoned in whole hundredths, so that the same votes give the same places on every machine.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass

from qunclub.kernel import N_, Conflict, Invalid

FULL = 10_000
"""A result of 100.00 in hundredths."""
MOST_SCORE = 100
MOST_TEXT = 20_000
MOST_COMMENT = 2_000
MOST_VOTES = 50
MOST_ENTRIES = 10
MOST_STOCK = 10_000
SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Terms:
    """What is promised before anybody enters: the windows and how it is judged."""

    opens_at: dt.datetime
    closes_at: dt.datetime
    votes_until: dt.datetime
    jury_percent: int = 50
    votes_per_member: int = 3
    entries_per_member: int = 1


@dataclass(frozen=True, slots=True)
class Tally:
    """What was given to an entry that still takes part.

    Attributes:
        scores: the sum of the jurors' scores, and *scored* how many of them there are.
    """

    entry_id: int
    entered_at: dt.datetime
    votes: int = 0
    scores: int = 0
    scored: int = 0


@dataclass(frozen=True, slots=True)
class Placed:
    """An entry with its place; *jury* and *result* in hundredths, *jury* None when no juror scored it."""

    place: int
    entry_id: int
    votes: int
    jury: int | None
    result: int


@dataclass(frozen=True, slots=True)
class Offer:
    """A prize as it is given out: for places from *first_place* on, *stock* pieces."""

    prize_id: int
    first_place: int
    stock: int


def phase(
    *,
    state: str,
    opens_at: dt.datetime,
    closes_at: dt.datetime,
    votes_until: dt.datetime,
    now: dt.datetime,
) -> str:
    """Where a contest stands: ``draft``, ``soon``, ``open``, ``voting``, ``judging`` or ``results``.

    Entries are taken while ``open``, votes while ``voting``; the jury scores while ``voting`` and ``judging``.
    """
    if state != "published":
        return state
    if now < opens_at:
        return "soon"
    if now < closes_at:
        return "open"
    return "voting" if now < votes_until else "judging"


def check_slug(slug: str) -> str:
    """*slug*, when it can stand in an address.

    Raises:
        Invalid: when it has anything but small letters, digits and single hyphens.
    """
    if len(slug) > 80 or not SLUG.fullmatch(slug):
        raise Invalid(N_("Use small letters, digits and hyphens only, such as first-page."), field="slug")
    return slug


def check_terms(terms: Terms) -> None:
    """Whether the windows follow each other and the numbers make sense.

    Raises:
        Invalid: on the field that does not.
    """
    if terms.closes_at <= terms.opens_at:
        raise Invalid(N_("Entering closes after it opens."), field="closes_at")
    if terms.votes_until <= terms.closes_at:
        raise Invalid(
            N_("Voting begins when entering closes, so it ends later than that."), field="votes_until"
        )
    _between(terms.jury_percent, 0, 100, "jury_percent")
    _between(terms.votes_per_member, 1, MOST_VOTES, "votes_per_member")
    _between(terms.entries_per_member, 1, MOST_ENTRIES, "entries_per_member")


def check_prize(first_place: int, stock: int) -> None:
    """Whether a prize makes sense.

    Raises:
        Invalid: on the field that does not.
    """
    _between(first_place, 1, MOST_STOCK, "first_place")
    _between(stock, 1, MOST_STOCK, "stock")


def _between(value: int, least: int, most: int, field: str) -> None:
    if not least <= value <= most:
        raise Invalid(N_("Write a number from %(least)s to %(most)s."), field=field, least=least, most=most)


def check_change(old: Terms, new: Terms, *, begun: bool, now: dt.datetime) -> None:
    """Whether the terms may change so: once entering has opened, people rely on them, and more time is all they get.

    Args:
        begun: whether the contest is published and has opened.

    Raises:
        Invalid: on the first field that may not change any more.
    """
    if not begun:
        return
    for field in ("opens_at", "jury_percent", "votes_per_member", "entries_per_member"):
        if getattr(old, field) != getattr(new, field):
            raise Invalid(N_("People have entered on these terms; this cannot change any more."), field=field)
    for field in ("closes_at", "votes_until"):
        before, after = getattr(old, field), getattr(new, field)
        if before != after and before <= now:
            raise Invalid(N_("This moment has passed and cannot change any more."), field=field)
        if after < before:
            raise Invalid(N_("This moment can only be put off: people rely on it."), field=field)


def refuse_vote(*, given: int, most: int) -> Conflict | None:
    """Why another vote cannot be given by somebody who gave *given* of *most*; None when it can."""
    if given >= most:
        return Conflict(N_("You have given all your votes. Take one back to give it to another entry."))
    return None


def rounded(value: int, by: int) -> int:
    """*value* / *by*, halves upwards.

    >>> rounded(5, 2), rounded(7, 3)
    (3, 2)
    """
    return (2 * value + by) // (2 * by)


def jury_mean(scores: int, scored: int) -> int | None:
    """The mean of the jurors' scores in hundredths; None when nobody scored.

    >>> jury_mean(255, 3)
    8500
    """
    return rounded(scores * 100, scored) if scored else None


def result_of(*, jury: int | None, votes: int, most_votes: int, jury_percent: int) -> int:
    """An entry's result in hundredths: the jury's mean and the share of the most votes, each by its weight.

    >>> result_of(jury=8000, votes=3, most_votes=6, jury_percent=60)
    6800
    """
    share = rounded(votes * FULL, most_votes) if most_votes else 0
    return rounded((jury or 0) * jury_percent + share * (100 - jury_percent), 100)


def places(tallies: Sequence[Tally], *, jury_percent: int) -> list[Placed]:
    """Every entry with its place, the best first: nobody shares a place.

    Equal results are told apart by the jury's mean, then by votes, then by who entered earlier.
    """
    most = max((one.votes for one in tallies), default=0)
    found = []
    for one in tallies:
        jury = jury_mean(one.scores, one.scored)
        result = result_of(jury=jury, votes=one.votes, most_votes=most, jury_percent=jury_percent)
        found.append(((-result, -(jury or 0), -one.votes, one.entered_at, one.entry_id), one, jury, result))
    found.sort(key=lambda item: item[0])
    return [
        Placed(place, one.entry_id, one.votes, jury, result)
        for place, (_key, one, jury, result) in enumerate(found, 1)
    ]


def prizes(ranked: Sequence[Placed], offers: Sequence[Offer]) -> dict[int, int]:
    """Which entry wins which prize: by place, each the first prize of the list that is for its place and still there.

    An entry wins one prize at most, and none when nobody scored it or voted for it.
    """
    left = {offer.prize_id: offer.stock for offer in offers}
    won: dict[int, int] = {}
    for one in sorted(ranked, key=lambda row: row.place):
        if not one.result:
            continue
        for offer in offers:
            if offer.first_place <= one.place and left[offer.prize_id]:
                left[offer.prize_id] -= 1
                won[one.entry_id] = offer.prize_id
                break
    return won
