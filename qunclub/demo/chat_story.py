"""Where the demo's groups live: a WeChat group by a QR picture that goes out of date, and a QQ group by a link."""

from __future__ import annotations

import datetime as dt
import io
from typing import Protocol

import segno
from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import chats
from qunclub.chats.models import Chat, ChatTask
from qunclub.chats.services import ChatDraft
from qunclub.groups.models import Group
from qunclub.kernel import Actor
from qunclub.kernel.ports import FileStore

WECHAT, QQ = "foundation", "diehard"
KEY = "chats/demo-wechat"
GOOD_FOR_DAYS = 5
STILL_OPEN = 3
NOTE = "扫码进群；满两百人后，加群主微信 fanye-xiaoman（请备注会员编号），群主核对门票后拉你入群。"


class Cast(Protocol):
    """What the story needs of the demo's cast."""

    lines: dict[str, int]
    staff: dict[str, Actor]

    @property
    def admin(self) -> Actor:
        """The demo's admin."""

    def midnight(self, days: float, *, end: bool = False) -> dt.datetime:
        """Midnight of a day from today."""


def open_chats(session: Session, cast: Cast, files: FileStore, *, now: dt.datetime) -> None:
    """Say where the groups live, before anybody has a seat."""
    picture = io.BytesIO()
    segno.make("翻页社演示：基础学习1群", error="m", micro=False).save(
        picture, kind="png", scale=12, border=4
    )
    files.put(KEY, picture.getvalue())
    good = cast.midnight(GOOD_FOR_DAYS)
    _chat(session, cast, WECHAT, ChatDraft("wechat", entry_note=NOTE, expires_at=good, picture=KEY), now)
    link = ChatDraft(
        "qq", entry_url="https://example.com/qq/fanye-diehard", entry_note="申请时请写会员编号。"
    )
    _chat(session, cast, QQ, link, now)


def tick_off(session: Session, cast: Cast, *, now: dt.datetime) -> None:
    """The host has let in everybody but the newest few."""
    host = next(actor for actor in cast.staff.values() if "host" in actor.roles)
    for chat_id in session.scalars(select(Chat.id).order_by(Chat.id)).all():
        waiting = session.scalars(
            select(ChatTask.id)
            .where(ChatTask.chat_id == chat_id, ChatTask.state == "open", ChatTask.what == "let_in")
            .order_by(ChatTask.id)
        ).all()
        for task_id in waiting[:-STILL_OPEN]:
            chats.tick(session, task_id=task_id, actor=host, now=now)


def _chat(session: Session, cast: Cast, line: str, draft: ChatDraft, now: dt.datetime) -> None:
    group_id = session.scalars(
        select(Group.id).where(Group.line_id == cast.lines[line], Group.index == 1)
    ).one()
    chats.set_chat(session, group_id=group_id, draft=draft, version=0, actor=cast.admin, now=now)
