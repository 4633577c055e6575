"""A group's chat is described, its hosts are reminded, things are said there; a member who leaves is forgotten."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Text, cast, delete, or_, select, update
from sqlalchemy.orm import Session

from qunclub import groups, notices
from qunclub.groups.models import Group
from qunclub.groups.models_hosts import GroupHost
from qunclub.kernel import N_, Actor, Invalid, NotFound, Stale, ids, locks, outbox, store
from qunclub.members.models import Member

from . import rules, services_hush, tasks
from .models import KINDS, Chat, ChatAccount, ChatJoin, ChatLink, ChatPost, ChatTask


@dataclass(frozen=True, slots=True)
class ChatDraft:
    """A group's chat as it was typed.

    Attributes:
        expires_at: until when (UTC) link and picture are good; None: they stay good.
        ref: the number of a Telegram group in which the bot works; empty without one.
        picture: the storage key of a new QR picture; None leaves the one there is, empty takes it away.
    """

    kind: str
    entry_url: str = ""
    entry_note: str = ""
    expires_at: dt.datetime | None = None
    ref: str = ""
    picture: str | None = None


def set_chat(
    session: Session, *, group_id: int, draft: ChatDraft, version: int, actor: Actor, now: dt.datetime
) -> Chat:
    """Say where a group's chat is and until when its link or picture is good.

    Args:
        version: of the chat as it was read; 0 when there was none.

    Raises:
        Invalid: naming the field.
        Stale: when somebody else saved meanwhile.
    """
    if draft.kind not in KINDS:
        raise Invalid(N_("Choose what kind of chat it is."), field="kind")
    url, ref = rules.check_link(draft.kind, draft.entry_url), rules.check_ref(draft.kind, draft.ref)
    group = locks.lock(session, Group, group_id)
    chat = session.scalars(select(Chat).where(Chat.group_id == group_id)).one_or_none()
    if version != (chat.version if chat else 0):
        raise Stale(N_("Somebody else changed this meanwhile. Look at what is there now, then save again."))
    if chat is None:
        chat = Chat(group_id=group_id, kind=draft.kind, created_at=now, version=0)
        session.add(chat)
    if draft.expires_at != chat.expires_at and rules.expired(draft.expires_at, now):
        raise Invalid(N_("This day has passed; choose one to come."), field="expires_on")
    if ref and ref != chat.ref and _taken(session, draft.kind, ref, group_id):
        raise Invalid(N_("Another group of the club has this chat already."), field="ref")
    before = _facts(chat)
    groups.set_entry(
        session, group_id=group.id, entry_url=url, entry_note=draft.entry_note, actor=actor, now=now
    )
    if draft.expires_at != chat.expires_at:
        chat.expires_at, chat.reminded_at = draft.expires_at, None
    other = chat.version == 0 or (chat.kind, chat.ref) != (draft.kind, ref)
    if other:
        chat.trouble = ""
    chat.kind, chat.ref = draft.kind, ref
    if draft.picture is not None:
        _forget_picture(session, chat.picture_key, now)
        chat.picture_key = draft.picture
    chat.version += 1
    session.flush()
    if other:
        services_hush.chat_described(session, chat, now=now)
    store.record(
        session,
        actor=actor,
        action="chat.update",
        target=f"chat:{chat.id}",
        now=now,
        summary=group.name,
        details={"before": before, "after": _facts(chat)},
    )
    return chat


def remind(session: Session, *, chat_id: int, now: dt.datetime) -> bool:
    """Write to the group's hosts and every admin that a link or picture will be out of date; once for each date."""
    chat = locks.lock(session, Chat, chat_id)
    if not rules.remind_due(chat.expires_at, chat.reminded_at, now):
        return False
    assert chat.expires_at is not None  # it is due
    chat.reminded_at = now
    group = session.get_one(Group, chat.group_id)
    date = int(chat.expires_at.timestamp())
    told = [
        notices.Letter(
            member.id,
            {
                "name": member.shown_name,
                "group": group.name,
                "group_id": group.id,
                "last_good": chat.last_good.isoformat() if chat.last_good else "",
                "over": rules.expired(chat.expires_at, now),
            },
            f"chat_expiring:{chat.id}:{date}:{member.id}",
        )
        for member in session.scalars(select(Member).where(_hosts(group.id)).order_by(Member.id))
    ]
    notices.letters(session, told, template="chat_expiring", now=now)
    session.flush()
    return True


def announce(
    session: Session, *, chat_id: int, key: str, body: str, actor: Actor, now: dt.datetime
) -> ChatPost:
    """Have the bot say something in a chat; the same *key* twice is one message.

    Raises:
        Invalid: on ``body``, when it cannot be said, or when no bot works in this chat.
    """
    text = rules.check_text(body)
    chat = locks.lock(session, Chat, chat_id)
    if not tasks.by_bot(chat):
        raise Invalid(N_("No bot works in this chat: say it there yourself."), field="body")
    known = session.scalars(select(ChatPost).where(ChatPost.key == key)).one_or_none()
    if known is not None:
        return known
    post = ChatPost(chat_id=chat.id, key=key, body=text, by_id=actor.member_id, created_at=now)
    session.add(post)
    session.flush()
    _queue_post(session, post, now)
    return post


def announce_again(session: Session, *, post_id: int, actor: Actor, now: dt.datetime) -> ChatPost:
    """Say once more what may not have been said; a host looked into the chat and found it missing."""
    post = locks.lock(session, ChatPost, post_id)
    if post.state in ("unsure", "refused"):
        post.state, post.trouble = "queued", ""
        post.created_at = now
        session.flush()
        _queue_post(session, post, now)
        store.record(
            session, actor=actor, action="chat.again", target=f"chat:{post.chat_id}", now=now,
            details={"post": post.id},
        )  # fmt: skip
    return post


def mute(
    session: Session,
    *,
    group_id: int,
    member_id: int,
    until: dt.datetime | None,
    key: str,
    now: dt.datetime,
) -> bool:
    """Have the bot let a member only read in their group's chat, until a moment (UTC) or for good.

    Args:
        key: what it is for, such as a sanction's id: the same key twice is one call.

    Returns:
        Whether a bot works there and knows the member; else a host has to do it.
    """
    return _quiet(session, "mute", group_id, member_id, until, key, now)


def unmute(session: Session, *, group_id: int, member_id: int, key: str, now: dt.datetime) -> bool:
    """Have the bot let a member write again; arguments and answer as of :func:`mute`."""
    return _quiet(session, "unmute", group_id, member_id, None, key, now)


def forget(session: Session, *, member_id: int, now: dt.datetime) -> None:
    """Forget who a member is in outside chats; their seats have ended before, and putting them out goes on."""
    accounts = session.scalars(select(ChatAccount).where(ChatAccount.member_id == member_id)).all()
    for account in accounts:
        forget_messages(session, account.dm)
    session.execute(delete(ChatAccount).where(ChatAccount.member_id == member_id))
    session.execute(delete(ChatLink).where(ChatLink.member_id == member_id))
    session.execute(delete(ChatJoin).where(ChatJoin.member_id == member_id))
    session.execute(
        update(ChatTask)
        .where(ChatTask.member_id == member_id)
        .values(name="")
        .execution_options(synchronize_session="fetch")
    )
    session.execute(update(ChatPost).where(ChatPost.by_id == member_id).values(by_id=None))


def forget_messages(session: Session, dm: str) -> None:
    """Delete what was queued or said to one person."""
    message = outbox.OutboxMessage
    if dm:
        session.execute(
            delete(message).where(message.kind == "chat", message.payload["dm"].as_string() == dm)
        )


def ask(session: Session, do: str, *, now: dt.datetime, chat_id: int | None = None) -> None:
    """Have a worker look at the service (``status``), register with it (``listen``), or make an ``invite``."""
    payload = {"do": do} if chat_id is None else {"do": do, "chat": chat_id}
    outbox.put(session, kind="chat", key=f"chat:{do}:{ids.token(12)}", payload=payload, now=now)


def _quiet(
    session: Session,
    do: str,
    group_id: int,
    member_id: int,
    until: dt.datetime | None,
    key: str,
    now: dt.datetime,
) -> bool:
    chat = session.scalars(select(Chat).where(Chat.group_id == group_id)).one_or_none()
    if chat is None:
        return False
    account = tasks.account_of(session, chat, member_id)
    if not account:
        return False
    payload = {
        "do": do, "chat": chat.id, "account": account, "until": until.isoformat() if until else None,
        "dm": account,
    }  # fmt: skip
    outbox.put(session, kind="chat", key=f"chat:{do}:{chat.id}:{account}:{key}", payload=payload, now=now)
    return True


def _queue_post(session: Session, post: ChatPost, now: dt.datetime) -> None:
    key = f"chat:post:{post.id}:{int(now.timestamp() * 1000)}"
    outbox.put(session, kind="chat", key=key, payload={"do": "post", "post": post.id}, now=now)


def _taken(session: Session, kind: str, ref: str, group_id: int) -> bool:
    query = select(Chat.id).where(Chat.kind == kind, Chat.ref == ref, Chat.group_id != group_id)
    return session.scalar(query) is not None


def _hosts(group_id: int) -> ColumnElement[bool]:
    """SQL of ``groups.is_host_of``, for everybody at once."""
    roles = cast(Member.roles, Text)
    hosted = select(GroupHost.group_id).where(GroupHost.member_id == Member.id)
    here = or_(~hosted.exists(), hosted.where(GroupHost.group_id == group_id).exists())
    host = roles.contains('"host"') & here
    return or_(host, roles.contains('"admin"')) & Member.suspended_at.is_(None)


def _forget_picture(session: Session, key: str, now: dt.datetime) -> None:
    if key:
        # After the commit, so that a rollback leaves a row with its bytes.
        outbox.put(session, kind="file_delete", key=f"file:{key}", payload={"storage_key": key}, now=now)


def _facts(chat: Chat) -> dict[str, object]:
    return {
        "kind": chat.kind,
        "ref": chat.ref,
        "expires_at": chat.expires_at.isoformat() if chat.expires_at else None,
        "picture": bool(chat.picture_key),
    }


def chat_of(session: Session, group_id: int) -> Chat:
    """A group's chat.

    Raises:
        NotFound: when it has none.
    """
    chat = session.scalars(select(Chat).where(Chat.group_id == group_id)).one_or_none()
    if chat is None:
        raise NotFound()
    return chat
