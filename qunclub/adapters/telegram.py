"""Telegram as a chat service: the Bot API over HTTPS, one call at a time.

The bot's token is part of every address, so no error that is raised here carries an address.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import requests

from qunclub.kernel.chats import ChatBusy, ChatClosed, ChatError, ChatMoved, ChatRefused, Outcome
from qunclub.kernel.halves import mended

SECONDS = (5.0, 20.0)
"""How long to wait for a connection, and for an answer."""
LONGEST_WAIT = 3_600
UPDATES = ("message", "chat_join_request", "my_chat_member")
PERMISSIONS = (
    "can_send_messages",
    "can_send_audios",
    "can_send_documents",
    "can_send_photos",
    "can_send_videos",
    "can_send_video_notes",
    "can_send_voice_notes",
    "can_send_polls",
    "can_send_other_messages",
    "can_add_web_page_previews",
    "can_react_to_messages",
)
# What the Bot API says when the chat is not open to the bot: all of it is answered by people, not by trying again.
CLOSED = (
    "chat not found",
    "not enough rights",
    "need administrator rights",
    "chat_admin_required",
    "bot is not a member",
    "have no rights",
    "user is deactivated",
    "peer_id_invalid",
)
ABSENT = ("participant_id_invalid", "user not found", "user_not_participant", "member not found")


class Telegram:
    """The Bot API at *api* (a setting: Telegram's own, or a Bot API server of one's own), as the bot of *token*."""

    def __init__(self, token: str, *, api: str) -> None:
        self._base = f"{api.rstrip('/')}/bot{token}/"
        self._http = requests.Session()
        # A server of one's own stands beside the club; what leads into the world may need the machine's proxy.
        self._http.trust_env = api.startswith("https://")

    def approve(self, ref: str, account: str) -> Outcome:
        """Let in whoever asked to join."""
        return self._answer("approveChatJoinRequest", ref, account)

    def decline(self, ref: str, account: str) -> Outcome:
        """Do not let in whoever asked to join."""
        return self._answer("declineChatJoinRequest", ref, account)

    def mute(self, ref: str, account: str, until: dt.datetime | None) -> None:
        """Let somebody only read, until a moment (UTC) or for good."""
        more = {} if until is None else {"until_date": int(until.timestamp())}
        self._restrict(ref, account, allowed=False, **more)

    def unmute(self, ref: str, account: str) -> None:
        """Let somebody write again, as the chat lets everybody."""
        self._restrict(ref, account, allowed=True)

    def remove(self, ref: str, account: str) -> None:
        """Put somebody out: banned and forgiven at once, so that they may ask to join again."""
        try:
            self._call("banChatMember", chat_id=ref, user_id=int(account))
        except ChatRefused as error:
            if not _says(error, ABSENT):
                raise
        self._call("unbanChatMember", chat_id=ref, user_id=int(account), only_if_banned=True)

    def announce(self, ref: str, text: str) -> str:
        """Say something in a chat; the number of the message."""
        sent = self._call("sendMessage", chat_id=ref, text=text)
        return str(sent.get("message_id", "")) if isinstance(sent, dict) else ""

    def tell(self, dm: str, text: str) -> None:
        """Say something to one person."""
        self._call("sendMessage", chat_id=dm, text=text)

    def invite(self, ref: str, name: str) -> str:
        """A new link by which one asks to join; nobody is inside before a request is approved."""
        made = self._call("createChatInviteLink", chat_id=ref, name=name[:32], creates_join_request=True)
        link = made.get("invite_link") if isinstance(made, dict) else None
        if not isinstance(link, str):
            raise ChatError("createChatInviteLink gave no link")
        return link

    def status(self) -> dict[str, Any]:
        """Who the bot is (``getMe``) and how Telegram reaches us (``getWebhookInfo``)."""
        me, hook = self._call("getMe"), self._call("getWebhookInfo")
        return {
            "id": me.get("id"),
            "username": str(me.get("username") or ""),
            "name": str(me.get("first_name") or ""),
            "url": str(hook.get("url") or ""),
            "pending": int(hook.get("pending_update_count") or 0),
            "last_error": str(hook.get("last_error_message") or "")[:300],
            "last_error_at": hook.get("last_error_date"),
        }

    def listen(self, url: str, secret: str) -> None:
        """Have Telegram tell us at *url*, with *secret* in its header; with an empty url we ask ourselves."""
        if url:
            self._call("setWebhook", url=url, secret_token=secret, allowed_updates=list(UPDATES))
        else:
            self._call("deleteWebhook")

    def updates(self, after: int) -> list[dict[str, Any]]:
        """What happened since the update *after*, the oldest first; those up to it are forgotten by Telegram."""
        found = self._call(
            "getUpdates", offset=after + 1, limit=100, timeout=0, allowed_updates=list(UPDATES)
        )
        return [mended(one) for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    def _answer(self, method: str, ref: str, account: str) -> Outcome:
        try:
            self._call(method, chat_id=ref, user_id=int(account))
        except ChatRefused as error:
            if _says(error, ("user_already_participant",)):
                return "inside"
            if _says(error, ("hide_requester_missing", *ABSENT)):
                return "gone"
            raise
        return "done"

    def _restrict(self, ref: str, account: str, *, allowed: bool, **more: Any) -> None:
        self._call(
            "restrictChatMember",
            chat_id=ref,
            user_id=int(account),
            permissions=dict.fromkeys(PERMISSIONS, allowed),
            use_independent_chat_permissions=True,
            **more,
        )

    def _call(self, method: str, **parameters: Any) -> Any:
        try:
            response = self._http.post(self._base + method, json=parameters, timeout=SECONDS)
            answer = response.json()
        except (requests.RequestException, ValueError) as error:
            # From None: the error and its causes carry the address, and the address the token.
            raise ChatError(f"{method}: {type(error).__name__}") from None
        if isinstance(answer, dict) and answer.get("ok") is True:
            return answer.get("result")
        raise _error(method, response.status_code, answer)


def _error(method: str, status: int, answer: Any) -> ChatError:
    told = answer if isinstance(answer, dict) else {}
    code = told.get("error_code", status)
    what = f"{method}: {code} {str(told.get('description') or '')[:300]}".strip()
    more = told.get("parameters")
    parameters = more if isinstance(more, dict) else {}
    if code == 429:
        wait = parameters.get("retry_after")
        return ChatBusy(min(max(int(wait), 1), LONGEST_WAIT) if isinstance(wait, int) else 30)
    moved = parameters.get("migrate_to_chat_id")
    if isinstance(moved, int):
        return ChatMoved(str(moved))
    if code == 403 or (code == 400 and any(words in what.lower() for words in CLOSED)):
        return ChatClosed(what)
    # 401 and 404 are a wrong token: an admin sets it right, and the same call then works.
    return ChatRefused(what) if code == 400 else ChatError(what)


def _says(error: ChatError, words: tuple[str, ...]) -> bool:
    return any(one in str(error).lower() for one in words)
