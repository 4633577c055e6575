"""The time of a pass is the sum of its terms; what happens to the later ones when one is taken back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Term:
    """A stretch of a pass's time; without an end it is for life."""

    starts_at: dt.datetime
    ends_at: dt.datetime | None


def last_end(terms: Iterable[Term]) -> dt.datetime | None:
    """When the last of *terms* ends; None when one of them has no end."""
    ends = [term.ends_at for term in terms]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


def extended(
    terms: Sequence[Term], *, now: dt.datetime, in_grace: bool, ends_at: dt.datetime | None
) -> tuple[list[Term], dt.datetime]:
    """The terms when one more is to come, and where that one begins.

    It begins at the present end, so that renewing early loses nothing. A pass that was closed for a while goes on from
    now, unless it stayed open in its days of grace or its new end is given. A charge told late may have an end that is
    earlier than the present one: it takes its place within the term that covers that moment, which then begins later.

    Args:
        terms: those that count, in the order in which they begin; every one has an end.
    """
    present = last_end(terms)
    assert present is not None  # a pass for life is not extended
    if ends_at is None:
        return list(terms), present if in_grace else max(present, now)
    if ends_at >= present:
        return list(terms), present
    for at, term in enumerate(terms):
        if term.ends_at is not None and term.starts_at < ends_at < term.ends_at:
            return [*terms[:at], replace(term, starts_at=ends_at), *terms[at + 1 :]], term.starts_at
    return list(terms), ends_at


def without(terms: Sequence[Term], taken: int, now: dt.datetime) -> list[Term]:
    """The other terms when one is taken back: later ones come forward by the time of it that was not used yet.

    Args:
        terms: those that count, in the order in which they begin.
        taken: the place of the one that is taken back.

    Time that has passed was used: taking it back shortens nothing that was paid for otherwise. Each other term keeps
    its length.
    """
    gone = terms[taken]
    used_until = gone.starts_at if gone.ends_at is None else min(max(now, gone.starts_at), gone.ends_at)
    unused = dt.timedelta(0) if gone.ends_at is None else gone.ends_at - used_until
    later = [
        replace(
            term,
            starts_at=term.starts_at - unused,
            ends_at=None if term.ends_at is None else term.ends_at - unused,
        )
        for term in terms[taken + 1 :]
    ]
    return [*terms[:taken], *later]
