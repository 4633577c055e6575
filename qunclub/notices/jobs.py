"""Mails about notices, and telling a whole group: carried out by the worker, after the commit."""

from __future__ import annotations

from typing import Any

from qunclub.kernel import outbox
from qunclub.kernel.mail import MailEnd, MailMessage
from qunclub.web import absolute_url
from qunclub.web.mailing import rendered
from qunclub.web.state import ClubState
from qunclub.web.uow import transaction

from . import queries, rules, rules_links, services


def deliver(state: ClubState, payload: dict[str, Any], key: str) -> None:
    """Send the mail of one notice, unless it was read or silenced meanwhile, or its member has gone."""
    session = state.session()
    found = queries.for_mail(session, payload["notice"])
    session.rollback()
    if found is None:
        return
    end = end_of(state, found.member_id, found.kind)
    context = {
        "name": found.shown_name,
        "text": found.text,
        "facts": found.facts,
        "endpoint": found.endpoint,
        "values": found.values,
    }
    subject, body = rendered(state, "notice", context, locale=found.locale, end=end)
    state.mailer.send(
        MailMessage(
            to=found.email,
            subject=subject,
            body=body,
            key=key,
            sent_at=state.clock(),
            headers=end.headers if end is not None else (),
        )
    )


def end_of(state: ClubState, member_id: int, kind: str) -> MailEnd | None:
    """What mails of this kind to this member end with; None for what is always told, or no kind."""
    found = rules.KINDS.get(kind)
    if found is None or found.always:
        return None
    return MailEnd(
        label=found.label,
        off=absolute_url("qunclub.notices.off", token=rules_links.sign(member_id, kind, state.secret)),
        choices=absolute_url("qunclub.notices.choices"),
    )


def tell_seated(state: ClubState, payload: dict[str, Any], key: str) -> None:
    """Tell the next some hundred of a group or a line, and queue the rest."""
    session = state.session()
    with transaction(session, wake=state.wake):
        batch = state.group_book.seated_after(
            session,
            group_id=payload["group_id"],
            line_id=payload["line_id"],
            after=payload["after"],
            limit=services.BATCH,
        )
        passed = {payload["by"], *payload.get("but", ())}
        services.notify(
            session,
            members=[member_id for _seat, member_id in batch if member_id not in passed],
            kind=payload["kind"],
            source=payload["source"],
            facts=payload["facts"],
            endpoint=payload["endpoint"],
            values=payload["values"],
            by=payload["by"],
            now=state.clock(),
        )
        if len(batch) == services.BATCH:
            rest = {**payload, "after": batch[-1][0]}
            outbox.put(
                session, kind="notice_seated", key=services.seated_key(rest), payload=rest, now=state.clock()
            )
