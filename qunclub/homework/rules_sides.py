"""Two versions of one review side by side: what differs, and how one goes on from mine, from theirs or from both.

Versions are the desk's form fields (see ``rules_desk.kept_fields``). The page carries both in hidden fields, so that
choosing one never loses the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PREFIX = "side-"
BETWEEN = "\n\n———\n\n"


@dataclass(frozen=True, slots=True)
class Pair:
    """One field in both versions."""

    name: str
    mine: str
    theirs: str

    @property
    def differs(self) -> bool:
        """Whether the two versions say different things here; space at the ends says nothing."""
        return self.mine.strip() != self.theirs.strip()


def pairs(mine: Mapping[str, str], theirs: Mapping[str, str]) -> list[Pair]:
    """Every field that at least one version fills: the verdict first, the comment last, the rest by name.

    >>> [(one.name, one.differs) for one in pairs({"comment_md": "a", "score-1": "8"}, {"score-1": "8"})]
    [('score-1', False), ('comment_md', True)]
    """
    order = {"verdict": 0, "comment_md": 2}
    names = sorted(set(mine) | set(theirs), key=lambda name: (order.get(name, 1), _natural(name)))
    found = [Pair(name, mine.get(name, ""), theirs.get(name, "")) for name in names]
    return [one for one in found if one.mine.strip() or one.theirs.strip()]


def carried(mine: Mapping[str, str], others: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """All versions as hidden fields of the form."""
    found = {f"{PREFIX}mine-{name}": value for name, value in mine.items()}
    for n, fields in enumerate(others):
        found |= {f"{PREFIX}{n}-{name}": value for name, value in fields.items()}
    return found


def carried_side(form: Mapping[str, str], which: str) -> dict[str, str]:
    """One version, read back from the hidden fields that :func:`carried` made; ``mine`` or a number."""
    start = f"{PREFIX}{which}-"
    return {
        name.removeprefix(start): value.replace("\r\n", "\n")
        for name, value in form.items()
        if name.startswith(start)
    }


def carried_others(form: Mapping[str, str]) -> list[dict[str, str]]:
    """The other versions that the form carries, in their order."""
    found: list[dict[str, str]] = []
    while fields := carried_side(form, str(len(found))):
        found.append(fields)
    return found


def shown(form: Mapping[str, str]) -> list[dict[str, str]]:
    """Every version that the form's page showed, mine as it was then among them: one may have gone on from another."""
    others = carried_others(form)
    return [carried_side(form, "mine"), *others] if others else []


def chosen(form: Mapping[str, str], choice: str) -> dict[str, str]:
    """The fields to go on with, as a button of the page names them: ``mine``, ``theirs-0``, ``both-0``."""
    kind, _, n = choice.partition("-")
    return take(carried_side(form, "mine"), carried_side(form, n), kind)


def take(mine: Mapping[str, str], theirs: Mapping[str, str], choice: str) -> dict[str, str]:
    """The fields to go on with.

    ``both`` keeps every word: comments one after the other, and each other field as mine, where mine says something.

    >>> take({"comment_md": "a"}, {"comment_md": "b", "verdict": "accept"}, "both")
    {'comment_md': 'a\\n\\n———\\n\\nb', 'verdict': 'accept'}
    """
    if choice == "theirs":
        return dict(theirs)
    if choice != "both":
        return dict(mine)
    found = {name: value for name, value in theirs.items() if not name.startswith("remark-")}
    found |= {name: value for name, value in mine.items() if value.strip()}
    here, there = mine.get("comment_md", "").strip(), theirs.get("comment_md", "").strip()
    found |= _both_remarks(mine, theirs)
    found["comment_md"] = here if there in here else there if here in there else f"{here}{BETWEEN}{there}"
    return found


def covers(fields: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether every word of *other* stands in *fields* too: its comment, and what its remarks say.

    >>> covers({"comment_md": "a and b"}, {"comment_md": "b"}), covers({"comment_md": "a"}, {"comment_md": "b"})
    (True, False)
    """
    said = {value for name, value in other.items() if name.startswith("remark-") and name.endswith("-body")}
    there = other.get("comment_md", "").strip()
    return there in fields.get("comment_md", "") and said <= set(fields.values())


def _both_remarks(mine: Mapping[str, str], theirs: Mapping[str, str]) -> dict[str, str]:
    """Their remarks that are not among mine, numbered on after mine."""
    here, found = _remarks(mine), {}
    n = max(here, default=0)
    for fields in _remarks(theirs).values():
        if fields not in here.values():
            n += 1
            found.update({f"remark-{n}-{name}": value for name, value in fields.items()})
    return found


def _remarks(fields: Mapping[str, str]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    for name, value in sorted(fields.items(), key=lambda item: _natural(item[0])):
        start, _, rest = name.partition("-")
        n, _, what = rest.partition("-")
        if start == "remark" and n.isdecimal():
            found.setdefault(int(n), {})[what] = value
    return found


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in name.split("-")]
