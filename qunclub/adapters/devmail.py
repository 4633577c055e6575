"""The development outbox: mails that a club without a mail server kept in its folder, with links to follow.

Registered only when the club is the whole site, has no mail URL and is not in production.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from flask import Blueprint

from qunclub.adapters.mail import FolderMailer
from qunclub.web import allow, club, render

bp = Blueprint("outbox", __name__, url_prefix="/outbox")
LINK = re.compile(r"(https?://[^\s<>\"]+)")


@bp.get("")
@allow("anyone")
def index() -> Any:
    """The newest mails. Whoever can open a development site may read them: it has no real people."""
    mailer = club().mailer
    mails = mailer.messages() if isinstance(mailer, FolderMailer) else []
    shown = [
        {
            "to": mail["to"],
            "subject": mail["subject"],
            "sent_at": dt.datetime.fromisoformat(mail["sent_at"]),
            "lines": [parts(line) for line in mail["body"].strip().splitlines()],
        }
        for mail in mails
    ]
    return render("devmail/index.html", mails=shown)


def parts(line: str) -> list[dict[str, str]]:
    """*line* cut into plain text and links, for a template that escapes both."""
    return [
        {"url": piece} if index % 2 else {"text": piece}
        for index, piece in enumerate(LINK.split(line))
        if piece
    ]
