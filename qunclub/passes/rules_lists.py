"""Lists for places without a network: what a phone may know of a ticket, and how long."""

from __future__ import annotations

import datetime as dt
import hashlib

HOURS = (4, 12, 24, 48)
UPLOADS = dt.timedelta(days=7)
"""How long after the end of a list what was checked with it is still taken."""
ROUNDS = 1_000
"""A code has 60 random bits: with as many rounds a list that is lost does not give the codes away."""
MOST_UPLOADED = 100


def digest(code: str, salt: str) -> str:
    """What a list carries in place of a ticket's code: PBKDF2 with the list's salt, as the phone reckons it too.

    >>> len(digest("ABCD0123WXYZ", "salt")), digest("ABCD0123WXYZ", "salt") == digest("ABCD0123WXYZ", "other")
    (32, False)
    """
    return hashlib.pbkdf2_hmac("sha256", code.encode(), salt.encode(), ROUNDS, 16).hex()


def claimed(text: str, *, made_at: dt.datetime, now: dt.datetime) -> dt.datetime | None:
    """When a check was made by a phone's clock, kept between the making of its list and now; None for nonsense."""
    try:
        at = dt.datetime.fromisoformat(text)
        if at.tzinfo is None:
            return None
        return min(max(at.astimezone(dt.UTC), made_at), now)
    except (ValueError, OverflowError):
        # The latter: a day at the very end of the calendar, in another zone than UTC.
        return None
