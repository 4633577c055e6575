"""What the club itself announces on a board: that the group is split, merged, or has ended.

Read from what was decided, so that each stands there once, in the language of whoever reads, and as long as its record.
At most three statements along indexes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import literal, select, union_all
from sqlalchemy.orm import Session, aliased

from qunclub import groups
from qunclub.groups.models import Group
from qunclub.groups.models_spin_off import SpinOff
from qunclub.groups.models_split import GroupSplit
from qunclub.kernel import N_

from .models import BoardPost
from .queries import Place
from .queries_posts import Shown

MOST = 20
END = 0
"""Where the notes stand that come after every post of the page."""
PLANNED = N_(
    "This group is split in two on %(when)s. Everybody in it was told whether they go or stay. The reason: %(reason)s"
)
DONE = N_("This group was split in two: who was to go is in %(group)s now.")
CAME = N_("%(group)s was merged into this group, and its members are here now.")
GONE = N_("This group was merged into %(group)s. Go on there.")
ENDED = N_("This group has ended. The reason: %(reason)s")


@dataclass(frozen=True, slots=True)
class Note:
    """One announcement.

    Attributes:
        at: since when it holds (UTC); it stands among the posts by this.
        text, facts: a msgid and what fills it; a moment among them is shown in the club's zone.
        slug: of a group to go to, "" for none; *name* is its name.
    """

    at: dt.datetime
    text: str
    facts: dict[str, Any] = field(default_factory=dict)
    slug: str = ""
    name: str = ""


def notes(
    session: Session,
    here: Place,
    posts: Sequence[Shown],
    *,
    pinned: Collection[int] = (),
    older_than: int | None = None,
    more: bool = False,
) -> dict[int, list[Note]]:
    """The notes that belong between these posts, by the number of the post they stand before or :data:`END`.

    Args:
        pinned: ids of posts that stand elsewhere.
        older_than: the number of the post before the page; None for the first page.
        more: whether there are older posts: then what came before the last of these belongs to a later page.
    """
    since = posts[-1].created_at if more and posts else None
    until = None
    if older_than is not None:
        until = session.scalar(
            select(BoardPost.created_at).where(BoardPost.group_id == here.group_id, BoardPost.n == older_than)
        )
    stay = [one for one in posts if one.id not in pinned]
    found: dict[int, list[Note]] = {}
    every = [*_decided(session, here), *_closed(session, here)]
    for note in sorted(every, key=lambda one: one.at, reverse=True):
        if (since is not None and note.at <= since) or (until is not None and note.at > until):
            continue
        place = next((one.n for one in stay if one.created_at < note.at), END)
        found.setdefault(place, []).append(note)
    return found


def _decided(session: Session, here: Place) -> Iterator[Note]:
    """Splits of the group and merges into it: one statement."""
    splits = (
        select(
            GroupSplit.announced_at, GroupSplit.ended_at, GroupSplit.due_at, GroupSplit.state, GroupSplit.note,
            GroupSplit.reason, Group.name, Group.slug,
        )
        .outerjoin(Group, Group.id == GroupSplit.made_id)
        .where(GroupSplit.group_id == here.group_id)
        .order_by(GroupSplit.id.desc())
        .limit(MOST)
        .subquery()
    )  # fmt: skip
    merges = (
        select(
            Group.closed_at, Group.closed_at.label("ended_at"), Group.closed_at.label("due_at"),
            literal("merge").label("state"), literal("").label("note"), literal("").label("reason"), Group.name,
            Group.slug,
        )
        .where(Group.into_id == here.group_id)
        .order_by(Group.id.desc())
        .limit(MOST)
        .subquery()
    )  # fmt: skip
    rows: Any = session.execute(union_all(select(splits), select(merges)))
    for at, ended, due, state, note, reason, name, slug in rows:
        if state == "merge":
            yield Note(at, CAME, {"group": name})
            continue
        yield Note(at, PLANNED, {"when": due, "reason": reason})
        if state == "done":
            yield Note(ended, DONE, {"group": name}, slug, name)
        elif state == "called_off" and note in groups.SPLIT_NOTES:
            yield Note(ended, note, {"group": here.name})
        elif state == "called_off":
            yield Note(ended, groups.SPLIT_OFF, {"group": here.name, "reason": note})


def _closed(session: Session, here: Place) -> Iterator[Note]:
    if not here.closed:
        return
    into = aliased(Group)
    row: Any = session.execute(
        select(Group.closed_at, into.name, into.slug, SpinOff.leader_note)
        .outerjoin(into, into.id == Group.into_id)
        .outerjoin(SpinOff, SpinOff.group_id == Group.id)
        .where(Group.id == here.group_id)
    ).one()
    at, name, slug, why = row
    if at is not None and name is not None:
        yield Note(at, GONE, {"group": name}, slug, name)
    elif at is not None and why is not None:
        yield Note(at, ENDED, {"reason": why})
