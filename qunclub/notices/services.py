"""Telling members, in the transaction that causes it; what was read; what somebody wants to hear."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import and_, delete, select, update
from sqlalchemy.orm import Session

from qunclub.kernel import NotFound, insert_for, outbox
from qunclub.members import ERASED
from qunclub.members.models import Member

from . import rules
from .models import Notice, NoticeChoice

BATCH = 500


def notify(
    session: Session,
    *,
    members: Iterable[int],
    kind: str,
    source: str,
    now: dt.datetime,
    facts: dict[str, Any] | None = None,
    endpoint: str = "",
    values: dict[str, Any] | None = None,
    by: int | None = None,
    text: str = "",
) -> list[int]:
    """Tell *members* something, each as they chose, and nobody the same thing twice.

    A few statements for each :data:`BATCH` of them. Mails are queued here and sent after the commit.

    Args:
        members: ids; those who left the club are passed over.
        kind: one of ``notices.rules.KINDS``.
        source: what is told of, such as ``board:17``; (member, kind, source) is told once for ever.
        now: aware UTC.
        facts: JSON values that fill the text.
        endpoint, values: where it leads.
        by: the member who caused it; the text knows them as ``%(name)s``.
        text: a msgid in place of the kind's own.

    Returns:
        The ids of those who were told just now.

    Raises:
        ValueError: for a kind there is not, or facts that leave a gap in the text.
    """
    held = rules.tidy(facts or {})
    if not rules.fits(text or rules.kind_of(kind).text, held):
        raise ValueError(f"a notice of kind {kind} has gaps that {sorted(held)} do not fill")
    fixed = {
        "kind": kind, "source": source, "said": text, "facts": held, "endpoint": endpoint, "args": values or {},
        "by_id": by, "created_at": now,
    }  # fmt: skip
    told: list[int] = []
    for batch in _batches(sorted(set(members))):
        told += _tell(session, batch, fixed, now=now)
    return told


def _tell(session: Session, batch: list[int], fixed: dict[str, Any], *, now: dt.datetime) -> list[int]:
    kind = fixed["kind"]
    chosen = and_(NoticeChoice.member_id == Member.id, NoticeChoice.kind == kind)
    found = session.execute(
        select(Member.id, Member.email, NoticeChoice.way)
        .outerjoin(NoticeChoice, chosen)
        .where(Member.id.in_(batch), Member.user_key.not_like(ERASED + "%"))
        .order_by(Member.id)
    ).all()
    ways = {ident: (rules.way_of(kind, way), email) for ident, email, way in found}
    wanted = [ident for ident, (way, _email) in ways.items() if way != "none"]
    if not wanted:
        return []
    insert = insert_for(session, Notice)
    made = session.execute(
        insert.values([{**fixed, "member_id": ident} for ident in wanted])
        .on_conflict_do_nothing(index_elements=[Notice.member_id, Notice.kind, Notice.source])
        .returning(Notice.id, Notice.member_id)
    ).all()
    told = [member_id for _ident, member_id in made]
    if not told:
        return []
    session.execute(
        update(Member)
        .where(Member.id.in_(told))
        .values(notices_unread=Member.notices_unread + 1)
        .execution_options(synchronize_session=False)
    )
    mails = [
        (f"notice:{ident}", {"notice": ident})
        for ident, member_id in made
        if ways[member_id][0] == "all" and ways[member_id][1]
    ]
    outbox.put_many(session, mails, kind="notice", now=now)
    return told


def notify_seated(
    session: Session,
    *,
    kind: str,
    source: str,
    now: dt.datetime,
    group_id: int | None = None,
    line_id: int | None = None,
    facts: dict[str, Any] | None = None,
    endpoint: str = "",
    values: dict[str, Any] | None = None,
    by: int | None = None,
    but: Sequence[int] = (),
) -> None:
    """Tell everybody seated in a group, or in all groups of a line, but whoever causes it.

    Queued here and done after the commit, some hundreds at a time, however many they are; a crash goes on where it
    stopped, and nobody is told twice.

    Args:
        but: members who were told of the same by a notice of another kind; a few.
    """
    assert (group_id is None) != (line_id is None)
    payload = {
        "kind": kind, "source": source, "facts": rules.tidy(facts or {}), "endpoint": endpoint, "values": values or {},
        "by": by, "but": list(but), "group_id": group_id, "line_id": line_id, "after": 0,
    }  # fmt: skip
    outbox.put(session, kind="notice_seated", key=seated_key(payload), payload=payload, now=now)


def seated_key(payload: dict[str, Any]) -> str:
    """What keeps one step of telling a group from being queued twice."""
    place = f"g{payload['group_id']}" if payload["group_id"] else f"l{payload['line_id']}"
    return f"notices:{payload['kind']}:{payload['source']}:{place}:{payload['after']}"


def mark_read(session: Session, *, member_id: int, upto: int, now: dt.datetime) -> int:
    """Mark a member's notices as read, up to the one with the id *upto*; how many were unread."""
    return _mark(session, member_id, Notice.id <= upto, now)


def open_notice(session: Session, *, notice_id: int, member_id: int, now: dt.datetime) -> Notice:
    """Mark one notice as read and give it.

    Raises:
        NotFound: when it is not the member's.
    """
    _mark(session, member_id, Notice.id == notice_id, now)
    row = session.get(Notice, notice_id, populate_existing=True)
    if row is None or row.member_id != member_id:
        raise NotFound()
    return row


def _mark(session: Session, member_id: int, which: Any, now: dt.datetime) -> int:
    # A notice is marked by one of those who mark it at the same moment, who then take just that one off the number.
    read = session.execute(
        update(Notice)
        .where(Notice.member_id == member_id, Notice.read_at.is_(None), which)
        .values(read_at=now)
        .returning(Notice.id)
        .execution_options(synchronize_session=False)
    ).all()
    if read:
        session.execute(
            update(Member)
            .where(Member.id == member_id)
            .values(notices_unread=Member.notices_unread - len(read))
            .execution_options(synchronize_session=False)
        )
    return len(read)


def choose(session: Session, *, member_id: int, ways: dict[str, str]) -> None:
    """Keep how a member wants to be told of each kind.

    Raises:
        Invalid: naming the kind that cannot be silenced, or that there is not.
    """
    for kind, way in ways.items():
        rules.check_choice(kind, way)
    for kind, way in sorted(ways.items()):
        insert = insert_for(session, NoticeChoice)
        session.execute(
            insert.values(member_id=member_id, kind=kind, way=way).on_conflict_do_update(
                index_elements=[NoticeChoice.member_id, NoticeChoice.kind], set_={"way": way}
            )
        )


def no_more_mail(session: Session, *, member_id: int, kind: str) -> bool:
    """End mails of one kind, at the wish of whoever holds the link; in the club they are told on.

    Returns:
        False when the kind is always told.

    Raises:
        NotFound: when there is no such member or kind.
    """
    if kind not in rules.KINDS or session.get(Member, member_id) is None:
        raise NotFound()
    if rules.KINDS[kind].always:
        return False
    held = session.get(NoticeChoice, (member_id, kind))
    if held is None or held.way == "all":
        choose(session, member_id=member_id, ways={kind: "app"})
    return True


def forget(session: Session, *, member_id: int) -> None:
    """Delete what a member who leaves was told and chose; others are told of them without a name from then on."""
    session.execute(delete(Notice).where(Notice.member_id == member_id))
    session.execute(delete(NoticeChoice).where(NoticeChoice.member_id == member_id))
    session.execute(update(Member).where(Member.id == member_id).values(notices_unread=0))


def _batches(ids: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH]
