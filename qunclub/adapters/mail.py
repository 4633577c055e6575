"""Mail: over SMTP, or into a folder that the development outbox page shows."""

from __future__ import annotations

import json
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from qunclub.kernel import ids
from qunclub.kernel.ports import Mailer, MailMessage

if TYPE_CHECKING:
    from qunclub.config import Settings


class FolderMailer:
    """Keeps each mail as a JSON file: nothing leaves the machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, message: MailMessage) -> None:
        """Write *message*; the same key overwrites, so a mail delivered twice is one mail."""
        self.folder.mkdir(parents=True, exist_ok=True)
        name = "".join(ch if ch.isalnum() else "-" for ch in message.key)[:120]
        record = {
            "to": message.to,
            "subject": message.subject,
            "body": message.body,
            "sent_at": message.sent_at.isoformat(),
            **({"headers": dict(message.headers)} if message.headers else {}),
        }
        target = self.folder / f"{name}.json"
        part = self.folder / f".{name}.{ids.code(6)}.part"
        part.write_text(json.dumps(record, ensure_ascii=False))
        part.replace(target)

    def messages(self, limit: int = 100) -> list[dict[str, str]]:
        """The newest mails, newest first."""
        if not self.folder.exists():
            return []
        paths = sorted(self.folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        return [{"id": path.stem, **json.loads(path.read_text())} for path in paths[:limit]]


class SmtpMailer:
    """Sends over SMTP with STARTTLS, or TLS from the start for ``smtps``."""

    def __init__(self, url: str, sender: str) -> None:
        parts = urlsplit(url)
        self.tls = parts.scheme == "smtps"
        self.host = parts.hostname or "localhost"
        self.port = parts.port or (465 if self.tls else 587)
        self.user = unquote(parts.username or "")
        self.password = unquote(parts.password or "")
        self.sender = sender

    def send(self, message: MailMessage) -> None:
        """Deliver *message*; raises what smtplib raises. The Message-ID is the key, so receivers can drop doubles."""
        mail = EmailMessage()
        mail["From"] = self.sender
        mail["To"] = message.to
        mail["Subject"] = message.subject
        mail["Date"] = format_datetime(message.sent_at)
        domain = self.sender.rpartition("@")[2].strip(">") or "localhost"
        mail["Message-ID"] = f"<{''.join(ch if ch.isalnum() else '.' for ch in message.key)}@{domain}>"
        for name, value in message.headers:
            mail[name] = value
        mail.set_content(message.body)
        context = ssl.create_default_context()
        if self.tls:
            with smtplib.SMTP_SSL(self.host, self.port, timeout=30, context=context) as server:
                self._deliver(server, mail)
        else:
            with smtplib.SMTP(self.host, self.port, timeout=30) as server:
                server.ehlo()
                if server.has_extn("starttls"):
                    server.starttls(context=context)
                self._deliver(server, mail)

    def _deliver(self, server: smtplib.SMTP, mail: EmailMessage) -> None:
        if self.user:
            server.login(self.user, self.password)
        server.send_message(mail)


def make_mailer(settings: Settings) -> Mailer:
    """SMTP when a mail URL is set, else the local folder."""
    if settings.mail_url:
        return SmtpMailer(settings.mail_url, settings.mail_from)
    return FolderMailer(settings.instance_path / "mail")
