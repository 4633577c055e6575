"""A group of members in the demo, led by one of them; a proposal that waits; somebody who wishes to move."""

from __future__ import annotations

import datetime as dt
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import groups
from qunclub.groups.models import Group, GroupLine, Seat
from qunclub.kernel import Actor

from .story import Story

LINE = "diehard"
LEADER, OTHERS = "zhouyanqiu@example.com", ("linkehe@example.com", "zhaowenxi@example.com")
NAME, SLUG = "周日看展小队", "sunday-museum"
PURPOSE = (
    "每个月的第二个周日一起去看一个展，回来每人交一页：这个展的展板，哪一块写得最清楚。\n\n"
    "北京为主，别的城市的同学可以自己组队，回群里交作业。"
)
WAY_IN = "加我微信 yantai-museum，备注编号和城市，我拉你进群。"
PROPOSER = "songzhixia@example.com"
PROPOSAL = groups.Proposal(
    "把地图放进稿子", "专门练地图：一周一张，互相改图例和配色。二十个人就够，多了看不过来。", 20, "line"
)
WISHES = "gujingchuan@example.com"
CITY = "南京"
WORDS = "我在南京，听说新开了南京的群，想和同城的同学一起组队交作业。"


class Cast(Protocol):
    """What the story needs of the demo's cast."""

    now: dt.datetime
    people: dict[str, Actor]
    lines: dict[str, int]

    @property
    def admin(self) -> Actor:
        """The demo's admin."""

    def ago(self, days: float, hour: float = 0) -> dt.datetime:
        """So many days ago."""


def add_moving(story: Story, cast: Cast) -> None:
    """In the last weeks: everybody has a seat by then."""
    story.add(cast.ago(21), lambda session, now: _opened(session, cast, now))
    story.add(cast.ago(2), lambda session, now: _waits(session, cast, now))
    story.add(cast.ago(1), lambda session, now: _wishes(session, cast, now))


def _member(cast: Cast, email: str) -> int:
    ident = cast.people[email].member_id
    assert ident is not None  # the people were made first
    return ident


def _seat(session: Session, cast: Cast, email: str) -> Seat:
    seat = groups.live_seat(session, line_id=cast.lines[LINE], member_id=_member(cast, email))
    assert seat is not None  # everybody of this story holds its pass
    return seat


def _proposed(session: Session, cast: Cast, email: str, said: groups.Proposal, now: dt.datetime) -> int:
    seat = _seat(session, cast, email)
    assert seat.group_id is not None
    made = groups.propose_spin_off(
        session, group_id=seat.group_id, member_id=seat.member_id, said=said, now=now
    )
    return made.id


def _waits(session: Session, cast: Cast, now: dt.datetime) -> None:
    _proposed(session, cast, PROPOSER, PROPOSAL, now)


def _opened(session: Session, cast: Cast, now: dt.datetime) -> None:
    ident = _proposed(session, cast, LEADER, groups.Proposal(NAME, PURPOSE, 30), now)
    made = groups.decide_spin_off(session, ident=ident, approve=True, slug=SLUG, actor=cast.admin, now=now)
    assert made.group_id is not None and made.line_id is not None
    groups.set_entry(
        session, group_id=made.group_id, entry_url="", entry_note=WAY_IN, actor=cast.people[LEADER], now=now
    )
    covenant = groups.current_covenant(session, made.line_id)
    for email in (LEADER, *OTHERS):
        groups.join_spin_off(session, ident=ident, member_id=_member(cast, email), now=now)
        if covenant is not None:
            groups.accept_covenant(
                session,
                member_id=_member(cast, email),
                line_id=made.line_id,
                version=covenant.version,
                now=now,
            )


def _wishes(session: Session, cast: Cast, now: dt.datetime) -> None:
    """The line lets them ask, and has a second group, for one city, to ask for."""
    line = session.get_one(GroupLine, cast.lines[LINE])
    draft = groups.LineDraft(
        slug=line.slug,
        name=line.name,
        kind=line.kind,
        capacities=[*line.capacities, 200],
        allocation="city",
        labels=["", CITY],
        name_pattern=line.name_pattern,
        posting=line.posting,
        posting_note=line.posting_note,
        nickname_rule=line.nickname_rule,
        moving="ask",
    )
    groups.update_line(session, line_id=line.id, version=line.version, draft=draft, actor=cast.admin, now=now)
    seat = _seat(session, cast, WISHES)
    other = session.scalars(
        select(Group.id).where(Group.line_id == line.id, Group.id != seat.group_id).order_by(Group.index)
    ).first()
    if other is not None:
        groups.ask_to_move(
            session,
            seat_id=seat.id,
            member_id=seat.member_id,
            to_id=other,
            words=WORDS,
            actor=cast.people[WISHES],
            now=now,
        )
