"""The words that welcome a newcomer on a group's board, with gaps for who it is: pure functions."""

from __future__ import annotations

import re

from qunclub.kernel import N_, Invalid

OFF, COLLECTED, EACH = "off", "collected", "each"
MODES = (OFF, COLLECTED, EACH)
"""Nobody is welcomed; one line of the board a day collects who came; each newcomer has a line of their own."""
GAPS = ("number", "nickname", "city")
LONGEST = 200
_GAP = re.compile(r"\{([^{}]*)\}")
_CLAUSE = re.compile(r"\[([^\[\]]*)\]")


def check(words: str, *, field: str) -> str:
    """The words as they are kept: one line, with known gaps only.

    Raises:
        Invalid: on *field*, for words that are too long, an unknown gap, or a bracket without its partner.
    """
    kept = " ".join(words.split())
    if len(kept) > LONGEST:
        raise Invalid(N_("Write the welcome in up to %(most)s characters."), field=field, most=LONGEST)
    unknown = [name for name in _GAP.findall(kept) if name not in GAPS]
    if unknown:
        raise Invalid(
            N_("There is no gap called {%(gap)s}; use {nickname}, {number} and {city}."),
            field=field,
            gap=unknown[0],
        )
    if re.search(r"[{}\[\]]", _CLAUSE.sub("", _GAP.sub("", kept))):
        raise Invalid(N_("A bracket or a brace is open here, or one stands inside another."), field=field)
    if kept and "{nickname}" not in kept and "{number}" not in kept:
        raise Invalid(N_("Say who it is: with {nickname}, {number} or both."), field=field)
    return kept


def filled(words: str, *, number: int | None, nickname: str, city: str) -> str:
    """The welcome of one newcomer; what stands in ``[…]`` is left out where a gap in it has nothing to say.

    >>> filled("Welcome, {nickname}[ from {city}]!", number=7, nickname="Hua", city="Xiamen")
    'Welcome, Hua from Xiamen!'
    >>> filled("Welcome, {nickname}[ from {city}]!", number=7, nickname="Hua", city="")
    'Welcome, Hua!'
    """
    known = {"number": "" if number is None else str(number), "nickname": nickname, "city": city.strip()}

    def clause(found: re.Match[str]) -> str:
        return found[1] if all(known.get(name) for name in _GAP.findall(found[1])) else ""

    # Brackets first: what a member is called may have brackets of its own.
    return _GAP.sub(lambda found: known.get(found[1], ""), _CLAUSE.sub(clause, words)).strip()


def chosen(words_zh: str, words_en: str, locale: str) -> str:
    """An admin's words in the reader's language, else in the other one; empty when there are none.

    >>> chosen("欢迎 {nickname}", "", "en"), chosen("", "", "zh")
    ('欢迎 {nickname}', '')
    """
    first, second = (words_zh, words_en) if locale.startswith("zh") else (words_en, words_zh)
    return first or second
