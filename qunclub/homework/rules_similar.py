"""How alike two works are: shingles of characters, MinHash over them, bands to look likely ones up by.

Chinese has no spaces, so a shingle is a run of characters and not of words. One hash for each shingle fills one of
:data:`BINS` bins with its least value (one-permutation MinHash); empty bins borrow from the next full one. Bands of
:data:`ROWS` bins each become a number: two works of which 80 % is alike share a band 998 times in 1,000, of which half
is alike 27 times in 100, of which a fifth is alike about never. What is found that way is then compared exactly.

The numbers are kept for good: whoever changes anything here counts :data:`SCHEME` up and has a migration reset
``Attempt.signed``. See docs/decisions/0014.
"""

from __future__ import annotations

import unicodedata
from hashlib import blake2b

SCHEME = 1
SIZE = 5
ROWS = 6
BANDS = 20
BINS = ROWS * BANDS
LEAST = 40
"""Shingles that a text has at least; shorter ones are alike by chance."""
HINT = 50
"""Percent from which on the desk says something."""
SHORTEST = 12
"""Letters that a common passage has at least to be marked."""


def letters(text: str) -> tuple[str, list[int]]:
    """Letters and digits of *text*, small and in their plain forms, with the place of each in *text*.

    >>> letters("Ａ-b，中")
    ('ab中', [0, 2, 4])
    """
    found: list[str] = []
    places: list[int] = []
    for at, char in enumerate(text):
        for one in unicodedata.normalize("NFKC", char).casefold():
            if one.isalnum():
                found.append(one)
                places.append(at)
    return "".join(found), places


def shingles(text: str, *without: str) -> frozenset[str]:
    """Every run of :data:`SIZE` letters of *text* that stands in none of the other texts."""
    found = _runs(text)
    for other in without:
        found -= _runs(other)
    return found


def _runs(text: str) -> frozenset[str]:
    plain, _places = letters(text)
    return frozenset(plain[at : at + SIZE] for at in range(len(plain) - SIZE + 1))


def bands(found: frozenset[str]) -> list[int]:
    """The numbers by which a work is looked up, one for each band; none for a work that is too short."""
    if len(found) < LEAST:
        return []
    least: list[int | None] = [None] * BINS
    for one in found:
        value, bin_ = divmod(_hash(one.encode()), BINS)
        before = least[bin_]
        if before is None or value < before:
            least[bin_] = value
    full = [_next_full(least, at) for at in range(BINS)]
    return [_hash(repr((band, full[band * ROWS : (band + 1) * ROWS])).encode()) >> 1 for band in range(BANDS)]


def _next_full(least: list[int | None], at: int) -> tuple[int, int]:
    # How far it was borrowed belongs to it: two empty bins beside one full one are no agreement.
    for far in range(BINS):
        value = least[(at + far) % BINS]
        if value is not None:
            return far, value
    return 0, 0


def _hash(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big")


def likeness(one: frozenset[str], other: frozenset[str]) -> int:
    """How much of what the two say together both say, in whole percent, rounded down.

    >>> likeness(frozenset("abc"), frozenset("abd"))
    50
    """
    union = len(one | other)
    return len(one & other) * 100 // union if union else 0


def common(text: str, found: frozenset[str]) -> list[tuple[int, int]]:
    """The passages (start, end) of *text* that are made of the shingles *found*, short ones left out."""
    plain, places = letters(text)
    runs: list[list[int]] = []
    for at in range(len(plain) - SIZE + 1):
        if plain[at : at + SIZE] not in found:
            continue
        if runs and at <= runs[-1][1]:
            runs[-1][1] = at + SIZE
        else:
            runs.append([at, at + SIZE])
    return [(places[a], places[b - 1] + 1) for a, b in runs if b - a >= SHORTEST]
