"""Delivering a queued mail: render its template in the reader's language, hand it to the mailer."""

from __future__ import annotations

import datetime as dt
from typing import Any

from flask import current_app, g

from qunclub.kernel.mail import MailEnd, MailMessage

from .i18n import _, _n, override
from .render import format_date, format_datetime, money
from .state import ClubState
from .urls import absolute_url, club_url


def deliver(state: ClubState, payload: dict[str, Any], key: str) -> None:
    """Render and send one mail. The template's first line is ``Subject: …``."""
    off = payload.get("off")
    end = state.mail_end(state, int(off[0]), str(off[1])) if off and state.mail_end is not None else None
    subject, body = rendered(
        state, payload["template"], payload["context"], locale=str(payload.get("locale") or ""), end=end
    )
    message = MailMessage(
        to=payload["to"],
        subject=subject,
        body=body,
        key=key,
        sent_at=state.clock(),
        headers=end.headers if end is not None else (),
    )
    state.mailer.send(message)


def rendered(
    state: ClubState, template: str, context: dict[str, Any], *, locale: str, end: MailEnd | None = None
) -> tuple[str, str]:
    """Subject and body of a mail in the language of its reader; with *end*, how to get no more such mails."""
    with current_app.app_context():
        override(locale)
        # Not render_template: a page's context needs a request, and a mail is sent by a worker that has none.
        text = current_app.jinja_env.get_template(f"qunclub/mail/{template}.txt").render(
            **context,
            club_name=state.settings.club_name,
            site_url=club_url(),
            absolute_url=absolute_url,
            money=money,
            date=lambda value: format_date(moment(value)),
            datetime=lambda value: format_datetime(moment(value)),
            _=_,
            ngettext=_n,
        )
        if end is not None:
            text = "\n".join(
                (
                    text.rstrip(),
                    "",
                    _("You get this mail for: %(kind)s. No more such mails:", kind=_(end.label)),
                    end.off,
                    _("Choose what you are told, and how:"),
                    end.choices,
                )
            )
        g.pop("qunclub_locale", None)
    head, _sep, body = text.partition("\n")
    return head.removeprefix("Subject:").strip(), body.strip() + "\n"


def moment(value: str | dt.datetime | None) -> dt.datetime | None:
    """A moment as a mail's context carries it: JSON knows no dates, so they are written in ISO 8601."""
    if isinstance(value, str):
        return dt.datetime.fromisoformat(value) if value else None
    return value
