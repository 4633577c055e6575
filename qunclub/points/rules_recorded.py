"""Pure rules of contributions that an admin writes down: those that no room of the club sees by itself."""

from __future__ import annotations

import datetime as dt
import hashlib
import unicodedata

from qunclub.kernel import N_, Invalid

MOST_WORDS = 200
MOST_DAYS = 366
"""How long after it happened something is written down at the latest."""

MOST_TIMES = 9
"""How often the same may be written down: again only after it was taken back."""

NOON = dt.time(12)


def check_what(text: str) -> str:
    """What it was, as it is kept.

    Raises:
        Invalid: on field ``what``.
    """
    words = " ".join(text.split())
    if not words:
        raise Invalid(N_("Write what it was; the member reads it beside the points."), field="what")
    if len(words) > MOST_WORDS:
        raise Invalid(N_("Write it in up to %(most)s characters."), field="what", most=MOST_WORDS)
    return words


def moment_of(day: dt.date, *, now: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    """When it counts as earned, in UTC: noon of *day* by the club's clock, or *now* while that is still to come.

    Raises:
        Invalid: on field ``day``, for a day that is to come or longer ago than :data:`MOST_DAYS`.
    """
    today = now.astimezone(zone).date()
    if day > today:
        raise Invalid(N_("This day is still to come; write it down when it has happened."), field="day")
    if (today - day).days > MOST_DAYS:
        raise Invalid(
            N_("This is more than %(days)s days ago; give points by hand instead."),
            field="day",
            days=MOST_DAYS,
        )
    return min(dt.datetime.combine(day, NOON, zone).astimezone(dt.UTC), now)


def sources(kind: str, member_id: int, day: dt.date, what: str) -> list[str]:
    """The sources under which a contribution may stand, the first time and each time after it was taken back.

    The same kind, member, day and words have the same ones, however the words are cased, spaced and wide.
    """
    words = " ".join(unicodedata.normalize("NFKC", what).casefold().split())
    digest = hashlib.sha256(words.encode()).hexdigest()[:16]
    first = f"recorded:{kind}:{member_id}:{day.isoformat()}:{digest}"
    return [first, *(f"{first}:{n}" for n in range(2, MOST_TIMES + 1))]
