"""Chats of groups for tests."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from qunclub.chats import services
from qunclub.chats.models import Chat, ChatAccount
from qunclub.groups.models import Group, GroupLine
from qunclub.kernel import Actor
from qunclub.members.models import Member
from tests.factories import Make


def chat(
    make: Make,
    line: GroupLine,
    *,
    kind: str = "telegram",
    ref: str = "",
    url: str = "",
    expires_at: dt.datetime | None = None,
    picture: str | None = None,
) -> Chat:
    """The chat of the line's first group."""
    group_id = make.session.scalars(select(Group.id).where(Group.line_id == line.id, Group.index == 1)).one()
    known = make.session.scalar(select(Chat.version).where(Chat.group_id == group_id))
    return services.set_chat(
        make.session,
        group_id=group_id,
        draft=services.ChatDraft(kind, entry_url=url, expires_at=expires_at, ref=ref, picture=picture),
        version=known or 0,
        actor=Actor.system("test"),
        now=make.now,
    )


def chat_account(make: Make, member: Member, user: int) -> ChatAccount:
    """The member's Telegram account."""
    return make.add(
        ChatAccount(
            kind="telegram",
            account=str(user),
            member_id=member.id,
            name=f"@user{user}",
            dm=str(user),
            linked_at=make.now,
        )
    )
