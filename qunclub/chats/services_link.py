"""A member ties their Telegram account to the club by a link that works once, and takes the tie back."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Literal

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Conflict, ids, store
from qunclub.members.models import Member

from . import rules, services, tasks
from .models import Chat, ChatAccount, ChatJoin, ChatLink
from .rules_telegram import Start

KIND = "telegram"
Linked = Literal["linked", "again", "over", "taken", "other", "hello"]
DISCONNECTED = N_("The Telegram account is not connected any more.")


def digest(token: str) -> str:
    """What is kept of a link's token."""
    return hashlib.sha256(token.encode()).hexdigest()


def make_link(session: Session, *, member_id: int, now: dt.datetime) -> str:
    """The token of a new link; earlier links of this member end.

    Raises:
        Conflict: when the member has connected an account already.
    """
    if account_of(session, member_id) is not None:
        raise Conflict(N_("A Telegram account is connected already; disconnect it first."))
    session.execute(delete(ChatLink).where(ChatLink.member_id == member_id, ChatLink.kind == KIND))
    token = ids.token(24)
    session.add(
        ChatLink(
            token_hash=digest(token),
            kind=KIND,
            member_id=member_id,
            created_at=now,
            expires_at=now + dt.timedelta(minutes=rules.LINK_MINUTES),
        )
    )
    session.flush()
    return token


def account_of(session: Session, member_id: int) -> ChatAccount | None:
    """The Telegram account of a member."""
    query = select(ChatAccount).where(ChatAccount.kind == KIND, ChatAccount.member_id == member_id)
    return session.scalars(query).one_or_none()


def connect(session: Session, told: Start, *, now: dt.datetime) -> tuple[Linked, Member | None]:
    """Whoever opened the bot by a member's link is that member; what to answer them, and who they are.

    ``again``: they were before. ``over``: the link is used, too old or nobody's. ``taken``: the account belongs to
    another member. ``other``: the member has another account. ``hello``: they came without a link.
    """
    mine = session.execute(
        select(ChatAccount, Member)
        .join(Member, Member.id == ChatAccount.member_id)
        .where(ChatAccount.kind == KIND, ChatAccount.account == told.account)
    ).one_or_none()
    if not told.token:
        return "hello", mine[1] if mine else None
    # Deleted as it is read: of two who open one link at the same moment, one finds it.
    member_id = session.execute(
        delete(ChatLink)
        .where(ChatLink.token_hash == digest(told.token), ChatLink.expires_at > now)
        .returning(ChatLink.member_id)
    ).scalar_one_or_none()
    if member_id is None:
        return "over", mine[1] if mine else None
    member = session.get_one(Member, member_id)
    if mine is not None:
        return ("again" if mine[1].id == member_id else "taken"), mine[1]
    if account_of(session, member_id) is not None:
        return "other", member
    session.add(
        ChatAccount(
            kind=KIND, account=told.account, member_id=member_id, name=told.name, dm=told.dm, linked_at=now
        )
    )
    session.flush()
    return "linked", member


def disconnect(session: Session, *, member_id: int, actor: Actor, now: dt.datetime) -> int:
    """Take the tie back: the bot puts the account out of the chats it let it into. How many those are.

    Raises:
        Conflict: while the bot is letting it in.
    """
    account = account_of(session, member_id)
    if account is None:
        return 0
    rows = session.execute(
        select(ChatJoin, Chat)
        .join(Chat, Chat.id == ChatJoin.chat_id)
        .where(
            ChatJoin.member_id == member_id,
            ChatJoin.state.in_(("approving", "approved")),
            ChatJoin.seat_id.is_not(None),
        )
    ).all()
    if any(join.state == "approving" for join, _chat in rows):
        raise Conflict(N_("The bot is letting you in at this moment. Try again in a minute."))
    for join, chat in rows:
        assert join.seat_id is not None  # asked for
        tasks.put_out(
            session, chat=chat, seat_id=join.seat_id, member_id=member_id, account=account.account,
            reason=DISCONNECTED, now=now,
        )  # fmt: skip
    session.execute(delete(ChatJoin).where(ChatJoin.member_id == member_id))
    services.forget_messages(session, account.dm)
    session.delete(account)
    session.flush()
    store.record(
        session, actor=actor, action="chat.disconnect", target=f"member:{member_id}", now=now,
        details={"chats": len(rows)},
    )  # fmt: skip
    return len(rows)
