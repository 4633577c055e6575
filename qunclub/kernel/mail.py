"""Mail as a queued template: rendered when it is delivered, in the language of its reader."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import delete
from sqlalchemy.orm import Session

from . import outbox


@dataclass(frozen=True, slots=True)
class MailMessage:
    """A rendered plain-text mail; *headers* are further ones, such as ``List-Unsubscribe``."""

    to: str
    subject: str
    body: str
    key: str
    sent_at: dt.datetime
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail to be queued with others: the arguments of :func:`send`."""

    to: str
    context: dict[str, Any]
    locale: str
    key: str
    off: tuple[int, str] | None = None
    """Member and kind of what the reader may choose to get no more; None for what is always sent."""


@dataclass(frozen=True, slots=True)
class MailEnd:
    """What a mail ends with that its reader may choose to get no more.

    Attributes:
        label: msgid of what such mails are for.
        off: address that ends them without signing in.
        choices: address where the reader chooses.
    """

    label: str
    off: str
    choices: str

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """RFC 8058: the reader's mail program ends these mails with one click."""
        return (
            ("List-Unsubscribe", f"<{self.off}>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        )


class Mailer(Protocol):
    """Delivers one message, or raises."""

    def send(self, message: MailMessage) -> None:
        """Deliver *message*; any exception means it will be tried again."""


def send(
    session: Session,
    *,
    to: str,
    template: str,
    context: dict[str, Any],
    locale: str,
    key: str,
    now: dt.datetime,
) -> None:
    """Queue a mail in this transaction.

    Args:
        template: name under ``templates/qunclub/mail/`` without ``.txt``; its first line is ``Subject: …``.
        context: JSON values the template reads.
        locale: ``zh`` or ``en``.
        key: the same key twice is one mail.
    """
    payload = {"to": to, "template": template, "context": context, "locale": locale}
    outbox.put(session, kind="mail", key=f"mail:{key}", payload=payload, now=now)


def send_many(session: Session, letters: Sequence[Letter], *, template: str, now: dt.datetime) -> None:
    """Queue many mails of one *template* in this transaction, in one statement; as :func:`send` does for each."""
    rows = [
        (
            f"mail:{one.key}",
            {"to": one.to, "template": template, "context": one.context, "locale": one.locale}
            | ({"off": list(one.off)} if one.off else {}),
        )
        for one in letters
    ]
    outbox.put_many(session, rows, kind="mail", now=now)


def forget(session: Session, *, to: str) -> None:
    """Delete every mail that was queued to an address, sent or not: at the wish of whoever had it."""
    message = outbox.OutboxMessage
    session.execute(delete(message).where(message.kind == "mail", message.payload["to"].as_string() == to))
