"""Cases of the house in the demo: a mute that runs, a removal under appeal, a seat given back, a quiet morning."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import groups, house
from qunclub.house.models import Sanction, SanctionAppeal

from .story import Happening, Story

if TYPE_CHECKING:
    from .build import Cast

HOST = "xiangxiaoman@example.com"
# As the covenants tell it: a private word first, a week of quiet, then the way out.
LADDER = house.Ladder((house.Step("warning"), house.Step("mute", 7), house.Step("removal")), 180, 14)
SPAM, APPEALS = "panduoduo", ("fanxiaofeng", "yinzhiyao")


def add_cases(story: Story, cast: Cast) -> None:
    """The ladder stands from the beginning; the cases are of the last weeks."""
    story.add(cast.ago(420), lambda session, now: _ladder(session, cast, now))
    story.add(
        cast.ago(31),
        _case(
            cast, SPAM, "foundation", "spam", "warning", "答疑时段连发四条店铺优惠，已请你撤回。公约第 6 条。"
        ),
    )
    story.add(
        cast.ago(3, 2),
        _case(
            cast,
            SPAM,
            "foundation",
            "spam",
            "mute",
            "提醒之后又发了同一条优惠。先安静一周，课程和作业照常。",
            days=7,
        ),
    )
    story.add(
        cast.ago(26),
        _case(
            cast, APPEALS[0], "foundation", "spam", "removal",
            "一分钟内发出三十多张二维码，群里的人来不及看清。",
            departure="数量太大，先请出再核实，免得有人扫码。",
        ),
    )  # fmt: skip
    story.add(
        cast.ago(25, 3),
        _appeal(
            cast,
            APPEALS[0],
            "手机在高铁上被人借去打电话，那些码不是我发的。已经改了密码，聊天记录可以给你们看。",
        ),
    )
    story.add(
        cast.ago(24),
        lambda session, now: _upheld(
            session,
            cast,
            APPEALS[0],
            "核对过登录记录，确实是借出手机的那十分钟。席位还给你，抱歉让你等了两天。",
            now,
        ),
    )
    story.add(
        cast.ago(2, 5),
        _case(
            cast, APPEALS[1], "diehard", "private", "removal",
            "把群友发来求改的报价单截图转到了群外，客户名字没有遮。",
            departure="铁杆公约第 6 条：泄露稿子，一次即请出本群。",
        ),
    )  # fmt: skip
    story.add(
        cast.ago(1, 4),
        _appeal(
            cast,
            APPEALS[1],
            "截图里的客户名是我为练习编的，原稿也是我自己的，群里有两位看过原件。",
        ),
    )
    story.add(cast.ago(0.4), lambda session, now: _morning(session, cast, now))


def _ladder(session: Session, cast: Cast, now: dt.datetime) -> None:
    house.set_ladder(session, new=LADDER, version=0, actor=cast.admin, now=now)


def _case(
    cast: Cast,
    who: str,
    line: str,
    category: str,
    act: str,
    reason: str,
    *,
    days: int = 0,
    departure: str = "",
) -> Happening:
    def decide(session: Session, now: dt.datetime) -> None:
        seat = groups.live_seat(session, line_id=cast.lines[line], member_id=_member(cast, who))
        assert seat is not None  # they came with their first pass
        house.sanction_seat(
            session,
            seat_id=seat.id,
            category=category,
            act=act,
            days=days,
            reason=reason,
            departure=departure,
            actor=cast.staff[HOST],
            now=now,
        )

    return decide


def _appeal(cast: Cast, who: str, reason: str) -> Happening:
    def appeal(session: Session, now: dt.datetime) -> None:
        member_id = _member(cast, who)
        last = session.scalars(
            select(Sanction.id).where(Sanction.member_id == member_id).order_by(Sanction.id.desc()).limit(1)
        ).one()
        house.open_appeal(session, sanction_id=last, member_id=member_id, reason=reason, now=now)

    return appeal


def _upheld(session: Session, cast: Cast, who: str, answer: str, now: dt.datetime) -> None:
    appeal = session.scalars(
        select(SanctionAppeal.id).where(SanctionAppeal.member_id == _member(cast, who))
    ).one()
    house.uphold(session, appeal_id=appeal, answer=answer, actor=cast.admin, now=now)


def _morning(session: Session, cast: Cast, now: dt.datetime) -> None:
    seat = groups.live_seat(session, line_id=cast.lines["diehard"], member_id=_member(cast, "linkehe"))
    assert seat is not None and seat.group_id is not None  # the first member of the line
    begins = cast.midnight(3) + dt.timedelta(hours=8)
    quiet = house.mute(
        session,
        group_id=seat.group_id,
        role="",
        reason="整理群文件，上午全员安静，十二点准时恢复。",
        starts_at=begins,
        until=begins + dt.timedelta(hours=4),
        actor=cast.staff[HOST],
        now=now,
    )
    # It waits in the admins' queue, beside the appeals.
    house.ask_exception(
        session,
        mute_id=quiet.id,
        member_id=seat.member_id,
        reason="上午轮到我在群里收共读接龙，只发接龙，不聊天。",
        now=now,
    )


def _member(cast: Cast, who: str) -> int:
    ident = cast.people[f"{who}@example.com"].member_id
    assert ident is not None  # the people were made first
    return ident
