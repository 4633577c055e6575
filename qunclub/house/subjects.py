"""What can be reported: each room names its own kind of thing, and says whose it is and in which group it stands.

A room above registers its kind when it is imported: ``register(Subject("post", N_("Post"), find))``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from qunclub.groups.models import Seat
from qunclub.kernel import N_, NotFound

MOST_EXCERPT = 1_000


@dataclass(frozen=True, slots=True)
class Found:
    """A thing that can be reported.

    Attributes:
        author_id: the member whose it is.
        excerpt: what it says now; the beginning is kept with the report.
        endpoint, values: where a moderator sees it; empty when there is no page.
        hidden: a host has taken it out of sight: moderators find it, members neither read nor report it.
    """

    group_id: int
    author_id: int
    excerpt: str = ""
    endpoint: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """One kind of thing.

    Attributes:
        kind: at most 20 letters; kept with each report.
        label: a msgid.
        find: the thing by its id, None when it is gone.
    """

    kind: str
    label: str
    find: Callable[[Session, int], Found | None]


_kinds: dict[str, Subject] = {}


def register(subject: Subject) -> None:
    """Let a kind be reported; the same kind again replaces."""
    _kinds[subject.kind] = subject


def known(kind: str) -> Subject:
    """The kind.

    Raises:
        NotFound: when no room names it.
    """
    found = _kinds.get(kind)
    if found is None:
        raise NotFound()
    return found


def label(kind: str) -> str:
    """What a kind is called, as a msgid; of one that no room names any more its code."""
    return _kinds[kind].label if kind in _kinds else kind


def find(session: Session, kind: str, ident: int) -> Found:
    """The thing.

    Raises:
        NotFound: when it is gone or there is no such kind.
    """
    found = known(kind).find(session, ident)
    if found is None:
        raise NotFound()
    return found


def _conduct(session: Session, seat_id: int) -> Found | None:
    seat = session.get(Seat, seat_id)
    if seat is None or seat.group_id is None or seat.state != "admitted":
        return None
    return Found(seat.group_id, seat.member_id)


CONDUCT = "conduct"
register(Subject(CONDUCT, N_("Conduct in the group"), _conduct))
