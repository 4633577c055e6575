"""The rules of the desk: what a draft holds, how long a left place is kept, how many phrases one has."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from qunclub.kernel import N_, Invalid

GRACE = dt.timedelta(minutes=1)
"""How long a claim is kept for whoever closed the page: a reload, a slip of the hand."""
MAX_DRAFT = 100_000
MAX_BESIDE = 20
"""How many texts of windows that came too late wait beside a draft."""
MAX_PHRASES = 100
MAX_PHRASE = 1_000
STATES = ("waiting", "second", "third", "held", "returned", "accepted", "featured")
NAMES = ("verdict", "comment_md")
PREFIXES = ("score-", "remark-")


def kept_fields(form: Mapping[str, str]) -> dict[str, str]:
    """What of the desk's form a draft keeps: every filled field of a review, line ends made alike.

    >>> kept_fields({"verdict": "accept", "csrf_token": "x", "score-1": "8", "score-2": ""})
    {'score-1': '8', 'verdict': 'accept'}

    Raises:
        Invalid: when it is longer than :data:`MAX_DRAFT` characters.
    """
    kept = {
        name: value.replace("\r\n", "\n")
        for name, value in sorted(form.items())
        if value and (name in NAMES or name.startswith(PREFIXES))
    }
    if sum(len(name) + len(value) for name, value in kept.items()) > MAX_DRAFT:
        raise Invalid(
            N_("The draft is longer than %(limit)s characters."), field="comment_md", limit=MAX_DRAFT
        )
    return kept
