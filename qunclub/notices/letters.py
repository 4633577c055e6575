"""Mails that are notices too: one call puts the line at the bell and queues the mail, each as its reader chose.

Rooms send their mails by these; ``kernel.mail`` itself is for the few of ``rules_letters.MAIL_ONLY``.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, select, update
from sqlalchemy.orm import Session

from qunclub.kernel import insert_for, mail
from qunclub.members import ERASED
from qunclub.members.models import Member

from . import rules, rules_letters
from .models import Notice, NoticeChoice

BATCH = 500


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail and notice.

    Attributes:
        member: whose bell; None for somebody who is no member, who gets the mail only.
        context: JSON values that the mail's template reads and the notice is filled from.
        key: the same key twice is one mail.
        source: what keeps the notice from coming twice; *key* unless given.
        to: the address; the member's own unless given, "" for no mail.
        locale: of the mail; the member's own unless given.
        by: the member who caused it, the notice's ``%(name)s``.
    """

    member: int | None
    context: dict[str, Any]
    key: str
    source: str = ""
    to: str | None = None
    locale: str | None = None
    by: int | None = None


@dataclass(frozen=True, slots=True)
class _Reader:
    email: str
    locale: str
    way: str


def letter(
    session: Session,
    *,
    member: int | None,
    template: str,
    context: dict[str, Any],
    key: str,
    now: dt.datetime,
    source: str = "",
    to: str | None = None,
    locale: str | None = None,
    by: int | None = None,
) -> None:
    """Tell one member at the bell and by mail, as they chose; the arguments of :class:`Letter`."""
    letters(session, [Letter(member, context, key, source, to, locale, by)], template=template, now=now)


def letters(session: Session, many: Sequence[Letter], *, template: str, now: dt.datetime) -> None:
    """Tell many, each once, in four statements for each :data:`BATCH`. Mails go out after the commit.

    Who has no address gets the notice; who left the club gets none. A mail to an address that is given is not kept
    back by anything but its member's choice.

    Raises:
        ValueError: for a template that has no notice, or a context that leaves a gap in it.
    """
    for start in range(0, len(many), BATCH):
        _batch(session, many[start : start + BATCH], template, now)


def _batch(session: Session, batch: Sequence[Letter], template: str, now: dt.datetime) -> None:
    said = [rules_letters.said(template, one.context) for one in batch]
    kind = rules_letters.LETTERS[template].kind
    readers = _readers(session, sorted({one.member for one in batch if one.member is not None}), kind)
    rows = [
        {
            "member_id": one.member, "kind": kind, "source": one.source or one.key, "said": told.text,
            "facts": rules.tidy(told.facts), "endpoint": told.endpoint, "args": told.values, "by_id": one.by,
            "created_at": now,
        }
        for one, told in zip(batch, said, strict=True)
        if one.member in readers and readers[one.member].way != "none"
    ]  # fmt: skip
    if rows:
        _ring(session, rows)
    mails, choosable = [], not rules.kind_of(kind).always
    for one in batch:
        reader = readers.get(one.member) if one.member is not None else None
        to = one.to if one.to is not None else (reader.email if reader else "")
        if to and (reader is None or reader.way == "all"):
            locale = one.locale if one.locale is not None else (reader.locale if reader else "")
            off = (one.member, kind) if choosable and reader is not None and one.member is not None else None
            mails.append(mail.Letter(to, one.context, locale, one.key, off))
    mail.send_many(session, mails, template=template, now=now)


def _readers(session: Session, ids: list[int], kind: str) -> dict[int, _Reader]:
    if not ids:
        return {}
    chosen = and_(NoticeChoice.member_id == Member.id, NoticeChoice.kind == kind)
    found = session.execute(
        select(Member.id, Member.email, Member.locale, NoticeChoice.way)
        .outerjoin(NoticeChoice, chosen)
        .where(Member.id.in_(ids), Member.user_key.not_like(ERASED + "%"))
    )
    return {ident: _Reader(email, locale, rules.way_of(kind, way)) for ident, email, locale, way in found}


def _ring(session: Session, rows: list[dict[str, Any]]) -> None:
    made = session.scalars(
        insert_for(session, Notice)
        .values(rows)
        .on_conflict_do_nothing(index_elements=[Notice.member_id, Notice.kind, Notice.source])
        .returning(Notice.member_id)
    ).all()
    times: dict[int, list[int]] = {}
    for ident, count in Counter(made).items():
        times.setdefault(count, []).append(ident)
    for count, ids in sorted(times.items()):
        session.execute(
            update(Member)
            .where(Member.id.in_(sorted(ids)))
            .values(notices_unread=Member.notices_unread + count)
            .execution_options(synchronize_session=False)
        )
