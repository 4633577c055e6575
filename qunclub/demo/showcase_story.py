"""Members of the demo like what others show."""

from __future__ import annotations

import datetime as dt
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import homework
from qunclub.homework.models import ShowcaseEntry
from qunclub.kernel import Actor
from qunclub.members.models import Member

from .story import Story

SENTENCES = (
    "第一版写了九段，删到三段，客户才肯读完。",
    "最难的不是画图，是承认原来那页没有结论。",
    "照着点评改了三遍，这一页终于敢投影了。",
)


class Cast(Protocol):
    """What the story needs of the demo's cast."""

    now: dt.datetime
    people: dict[str, Actor]


def add_likes(story: Story, cast: Cast) -> None:
    """At the end of the story, when all that is shown is there."""
    story.add(cast.now, lambda session, now: _likes(session, cast, now))


def _likes(session: Session, cast: Cast, now: dt.datetime) -> None:
    ids = [actor.member_id for actor in cast.people.values() if actor.member_id is not None]
    numbered = select(Member.id).where(Member.id.in_(ids), Member.number.is_not(None)).order_by(Member.id)
    readers = session.scalars(numbered).all()
    shown = session.scalars(
        select(ShowcaseEntry).where(ShowcaseEntry.consented_at.is_not(None)).order_by(ShowcaseEntry.id)
    ).all()
    for place, entry in enumerate(shown):
        if place < len(SENTENCES):
            homework.agree(
                session,
                submission_id=entry.submission_id,
                member_id=entry.member_id,
                sentence=SENTENCES[place],
                now=now,
            )
        for turn, reader in enumerate(readers):
            # Some works please many, some few; the same ones in every run.
            if reader != entry.member_id and (turn * 7 + place * 11) % 13 < 2 + place * 5 % 7:
                homework.like(session, entry_id=entry.id, member_id=reader, now=now)
