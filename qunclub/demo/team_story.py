"""Group work in the demo: two have made a team and write together; a third is asked and has not answered."""

from __future__ import annotations

import datetime as dt
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.homework import services_drafts, services_teams
from qunclub.kernel import Access, Actor
from qunclub.members.models import Member

from .story import Story

# Everybody of this story holds a pass that opens the course; the demo's own test checks that they do.
OPEN = Access(allowed=True, reason="pass")
FIRST, SECOND, ASKED = "shenyizhou@example.com", "zhouyanqiu@example.com", "linkehe@example.com"
DRAFT = """\
**听众：** 区里管招商的两位科长，上午十点，会议室。

**原图：** 三年入驻企业数，纵轴从 180 开始，看着像翻了一倍。

- 一舟：重画纵轴，补上数据来源
- 砚台：写对照说明，找一位没看过的人试读
"""


class Cast(Protocol):
    """What the story needs of the demo's cast."""

    now: dt.datetime
    people: dict[str, Actor]
    assignments: dict[str, int]


def add_team(story: Story, cast: Cast, slug: str) -> None:
    """At the end of the story: passes are bought by then."""
    story.add(cast.now, lambda session, now: _team(session, cast, cast.assignments[slug], now))


def _team(session: Session, cast: Cast, assignment_id: int, now: dt.datetime) -> None:
    first, second, asked = (cast.people[email] for email in (FIRST, SECOND, ASKED))
    assert first.member_id is not None and second.member_id is not None  # the people were made first
    team = services_teams.start(
        session, assignment_id=assignment_id, member_id=first.member_id, access=OPEN, actor=first, now=now
    )
    for actor in (second, asked):
        number = session.scalar(select(Member.number).where(Member.id == actor.member_id))
        services_teams.invite(
            session,
            team_id=team.id,
            member_id=first.member_id,
            number=number,
            access_of=lambda member: OPEN,
            now=now,
        )
    services_teams.accept(session, team_id=team.id, member_id=second.member_id, access=OPEN, now=now)
    services_drafts.save_draft(
        session,
        assignment_id=assignment_id,
        member_id=first.member_id,
        body_md=DRAFT,
        version=0,
        access=OPEN,
        now=now,
        actor=first,
    )
