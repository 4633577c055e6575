"""What people are good at (擅长): a short list of words, typed in one line."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .errors import N_, Invalid

MOST = 8
LONGEST = 20
_BETWEEN = re.compile(r"[,，、;；\n\r]+")


def split(text: str, *, field: str = "skills") -> list[str]:
    """The skills of a typed line, each once, in the order in which they were typed.

    >>> split("排版， writing,排版、  data  charts ")
    ['排版', 'writing', 'data charts']

    Raises:
        Invalid: on *field* for more than :data:`MOST`, or one longer than :data:`LONGEST` characters.
    """
    found: dict[str, str] = {}
    for part in _BETWEEN.split(text):
        one = " ".join(part.split())
        if len(one) > LONGEST:
            raise Invalid(
                N_("A skill has at most %(limit)s characters; put a comma between two."),
                field=field,
                limit=LONGEST,
            )
        if one:
            found.setdefault(one.casefold(), one)
    if len(found) > MOST:
        raise Invalid(N_("At most %(most)s skills."), field=field, most=MOST)
    return list(found.values())


def joined(skills: Iterable[str]) -> str:
    """The line in which *skills* are typed and changed."""
    return ", ".join(skills)
