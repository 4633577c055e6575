"""Who belongs to a group's ranking: noted where a seat changes, carried out by the sweep.

Taking somebody into a ranking rewrites standings behind the closed gate. A purchase that seats a member must not wait
for that, nor hold others up, so it leaves a note, and the sweep asks how things are by then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from . import ledger, sums
from .models_boards import BoardLook, BoardMember
from .rules import EPOCH

Seated = Callable[[Session, str, Collection[int]], Collection[int]]
"""(session, scope, members) → those of them who belong to the scope now."""


def look_again(session: Session, *, scope: str, member_ids: Collection[int]) -> None:
    """Note that *member_ids* may have come into *scope* or left it; in the transaction that changes it.

    Args:
        scope: of a group: :func:`rules.group_scope`.
    """
    if member_ids:
        session.execute(
            insert(BoardLook), [{"scope": scope, "member_id": one} for one in sorted(set(member_ids))]
        )


def settle(session: Session, *, seated: Seated, limit: int) -> int:
    """Carry out up to *limit* notes; returns how many there were. One statement where there are none."""
    query = select(BoardLook.id, BoardLook.scope, BoardLook.member_id).order_by(BoardLook.id).limit(limit)
    if session.execute(query.limit(1)).first() is None:
        return 0
    ledger.close_gate(session)
    notes = session.execute(query).all()
    for scope in sorted({note.scope for note in notes}):
        _settle(session, scope, {note.member_id for note in notes if note.scope == scope}, seated)
    session.execute(delete(BoardLook).where(BoardLook.id.in_([note.id for note in notes])))
    return len(notes)


def _settle(session: Session, scope: str, people: set[int], seated: Seated) -> None:
    here = set(seated(session, scope, sorted(people)))
    mine = (BoardMember.scope == scope) & BoardMember.member_id.in_(people)
    held = set(session.scalars(select(BoardMember.member_id).where(mine)))
    left, joined = held - here, here - held
    if left:
        session.execute(delete(BoardMember).where(mine, BoardMember.member_id.in_(left)))
    if joined:
        session.execute(insert(BoardMember), [{"scope": scope, "member_id": one} for one in sorted(joined)])
    windows = [w for w in ledger.spans_since(session, EPOCH, [scope], make=True) if w.scope == scope]
    for one in sorted(left | joined):
        sums.recount(session, one, windows)
