"""A small server that speaks Telegram's Bot API on 127.0.0.1: chats, their members, requests to join, and its moods."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "123456789:AAFakeFakeFakeFakeFakeFakeFakeFake_1"
BOT = {"id": 123456789, "is_bot": True, "first_name": "Turn the Page", "username": "turn_the_page_bot"}


class Refused(Exception):
    """An answer that is not ok."""

    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


@dataclass
class FakeChat:
    """One Telegram group."""

    title: str
    inside: set[int] = field(default_factory=set)
    asking: set[int] = field(default_factory=set)
    banned: set[int] = field(default_factory=set)
    muted: dict[int, int] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    admin: bool = True


class FakeTelegram:
    """The truth of the fake service.

    Attributes:
        calls: (method, parameters) in order.
        told: (private chat, text) that the bot said to people.
        moods: answers to be given instead of doing it, by method, the first first: an exception, or ``drop`` for a
            connection that breaks *after* the work was done.
    """

    def __init__(self) -> None:
        self.address = ""
        self.chats: dict[int, FakeChat] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.told: list[tuple[int, str]] = []
        self.blocked: set[int] = set()
        self.moods: dict[str, list[Refused | str]] = {}
        self.updates: list[dict[str, Any]] = []
        self.webhook: dict[str, Any] = {"url": "", "pending_update_count": 0}
        self._numbers = itertools.count(1000)
        self._lock = threading.Lock()

    def chat(self, ident: int, title: str = "Readers") -> FakeChat:
        """A group in which the bot is an administrator."""
        self.chats[ident] = FakeChat(title)
        return self.chats[ident]

    def count(self, method: str) -> int:
        """How often *method* was called."""
        return sum(name == method for name, _ in self.calls)

    def ask(self, chat: int, user: int, *, at: int = 1_776_225_600, **person: Any) -> dict[str, Any]:
        """Somebody asks to join; the update that tells of it, which waits for ``getUpdates`` too."""
        self.chats[chat].asking.add(user)
        who = {"id": user, "is_bot": False, "first_name": "Hua", "language_code": "en", **person}
        return self._update(
            chat_join_request={
                "chat": {"id": chat, "type": "supergroup", "title": self.chats[chat].title},
                "from": who,
                "user_chat_id": user,
                "date": at,
            }
        )

    def start(self, user: int, token: str = "", **person: Any) -> dict[str, Any]:
        """Somebody opens the bot by a link."""
        who = {"id": user, "is_bot": False, "first_name": "Hua", "language_code": "en", **person}
        text = f"/start {token}".strip()
        return self._update(message={"chat": {"id": user, "type": "private"}, "from": who, "text": text})

    def standing(self, chat: int, status: str, **more: Any) -> dict[str, Any]:
        """The bot's own place in a group changes."""
        self.chats[chat].admin = status == "administrator"
        return self._update(
            my_chat_member={
                "chat": {"id": chat, "type": "supergroup", "title": self.chats[chat].title},
                "new_chat_member": {"status": status, "user": BOT, **more},
            }
        )

    def _update(self, **what: Any) -> dict[str, Any]:
        update = {"update_id": next(self._numbers), **what}
        self.updates.append(update)
        return update

    def answer(self, token: str, method: str, asked: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """What the service answers, and whether the connection breaks before it is read."""
        with self._lock:
            self.calls.append((method, asked))
            mood = self.moods[method].pop(0) if self.moods.get(method) else None
            if token != TOKEN:
                return _no(Refused(401, "Unauthorized")), False
            if isinstance(mood, Refused):
                return _no(mood), False
            try:
                result = getattr(self, f"_{method}")(**asked)
            except Refused as refused:
                return _no(refused), mood == "drop"
            return {"ok": True, "result": result}, mood == "drop"

    def _chat(self, ident: Any) -> FakeChat:
        chat = self.chats.get(int(ident))
        if chat is None:
            raise Refused(400, "Bad Request: chat not found")
        if not chat.admin:
            raise Refused(403, "Forbidden: bot is not a member of the supergroup chat")
        return chat

    def _getMe(self) -> dict[str, Any]:
        return BOT

    def _getWebhookInfo(self) -> dict[str, Any]:
        return {key: value for key, value in self.webhook.items() if key != "secret_token"}

    def _setWebhook(self, url: str, secret_token: str, allowed_updates: list[str]) -> bool:
        if not url.startswith("https://"):
            raise Refused(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        self.webhook.update(url=url, secret_token=secret_token)
        return True

    def _deleteWebhook(self) -> bool:
        self.webhook["url"] = ""
        return True

    def _getUpdates(self, offset: int, limit: int, **_rest: Any) -> list[dict[str, Any]]:
        self.updates = [one for one in self.updates if one["update_id"] >= offset]
        return self.updates[:limit]

    def _approveChatJoinRequest(self, chat_id: Any, user_id: int) -> bool:
        chat = self._asked(chat_id, user_id)
        chat.asking.discard(user_id)
        chat.inside.add(user_id)
        return True

    def _declineChatJoinRequest(self, chat_id: Any, user_id: int) -> bool:
        self._asked(chat_id, user_id).asking.discard(user_id)
        return True

    def _asked(self, chat_id: Any, user_id: int) -> FakeChat:
        chat = self._chat(chat_id)
        if user_id in chat.inside:
            raise Refused(400, "Bad Request: USER_ALREADY_PARTICIPANT")
        if user_id not in chat.asking:
            raise Refused(400, "Bad Request: HIDE_REQUESTER_MISSING")
        return chat

    def _restrictChatMember(
        self, chat_id: Any, user_id: int, permissions: dict[str, bool], until_date: int = 0, **_rest: Any
    ) -> bool:
        chat = self._chat(chat_id)
        if permissions["can_send_messages"]:
            chat.muted.pop(user_id, None)
        else:
            chat.muted[user_id] = until_date
        return True

    def _banChatMember(self, chat_id: Any, user_id: int) -> bool:
        chat = self._chat(chat_id)
        chat.inside.discard(user_id)
        chat.banned.add(user_id)
        return True

    def _unbanChatMember(self, chat_id: Any, user_id: int, only_if_banned: bool) -> bool:
        self._chat(chat_id).banned.discard(user_id)
        return True

    def _createChatInviteLink(self, chat_id: Any, name: str, creates_join_request: bool) -> dict[str, Any]:
        self._chat(chat_id)
        link = f"https://t.me/+{next(self._numbers)}"
        return {"invite_link": link, "creates_join_request": creates_join_request, "name": name}

    def _sendMessage(self, chat_id: Any, text: str) -> dict[str, Any]:
        ident = int(chat_id)
        if ident > 0:
            if ident in self.blocked:
                raise Refused(403, "Forbidden: bot was blocked by the user")
            self.told.append((ident, text))
        else:
            self._chat(ident).said.append(text)
        return {"message_id": next(self._numbers)}


def _no(refused: Refused) -> dict[str, Any]:
    answer: dict[str, Any] = {"ok": False, "error_code": refused.code, "description": refused.description}
    if refused.parameters:
        answer["parameters"] = refused.parameters
    return answer


@contextmanager
def telegram() -> Iterator[FakeTelegram]:
    """The service on a port of its own, as long as the block lasts."""
    service = FakeTelegram()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            _empty, bot, method = self.path.split("/")
            answer, breaks = service.answer(bot.removeprefix("bot"), method, asked)
            if breaks:
                self.close_connection = True
                return
            body = json.dumps(answer).encode()
            self.send_response(200 if answer["ok"] else answer["error_code"])
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, name="telegram", daemon=True)
    thread.start()
    service.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield service
    finally:
        server.shutdown()
        thread.join(timeout=10)
        server.server_close()
