"""The rules of blind review: until when names are hidden, what stands in their place, when a filter gives one away."""

from __future__ import annotations

BLIND = ("", "author", "both")
"""Nobody is hidden; the author from the instructors; each from the other."""
UNRELEASED = ("waiting", "withdrawn", "held")
"""States of a submission whose author has no verdict of the present attempt yet."""
CROWD = 5
"""A filter by group shows blind works only when so many of the group wait with the same homework."""
MAX_REASON = 300


def hidden(blind: str, state: str, *, appealed: bool, unveiled: bool = False) -> bool:
    """Whether the desk hides who wrote a work; for ``both`` the author then reads no reviewer's name either.

    >>> hidden("author", "waiting", appealed=False), hidden("author", "accepted", appealed=False)
    (True, False)
    >>> hidden("both", "accepted", appealed=True), hidden("", "waiting", appealed=False)
    (True, False)

    Args:
        appealed: whether an appeal is open: whoever answers it does not know the author either.
        unveiled: whether this reader has looked, which is recorded.
    """
    return bool(blind) and not unveiled and (state in UNRELEASED or appealed)


def file_name(place: int, name: str) -> str:
    """What a file of a blind work is called: its place in the attempt, counted from 1, and its kind.

    >>> file_name(2, "Zhang San, 20231107.PNG"), file_name(1, "README")
    ('file 2.png', 'file 1')
    """
    stem, dot, ending = name.rpartition(".")
    kind = ending.lower() if dot and stem else ""
    # What does not look like a kind of file may be a name.
    return f"file {place}.{kind}" if kind.isascii() and kind.isalnum() and len(kind) <= 4 else f"file {place}"
