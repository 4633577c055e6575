"""Welcoming newcomers on the board: how a line does it, and whose turn it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Invalid, Stale, locks, outbox, store

from . import rules_welcome
from .models import Covenant, CovenantAcceptance, GroupLine, Seat
from .models_ritual import Introduction, LineRitual
from .models_welcome import LineWelcome

TASK = "board_welcome"
"""The outbox kind; the board carries it out after the commit."""


def set_welcome(
    session: Session,
    *,
    line_id: int,
    version: int,
    mode: str,
    words_zh: str,
    words_en: str,
    actor: Actor,
    now: dt.datetime,
) -> LineWelcome:
    """Keep how a line welcomes newcomers; *version* is the one that was read, 0 for none yet.

    Turned on, it welcomes whoever is admitted from now on, nobody after the fact.

    Raises:
        Stale: when somebody else saved it since.
        Invalid: on ``mode``, ``words_zh`` or ``words_en``.
    """
    line = locks.lock(session, GroupLine, line_id)
    row = session.get(LineWelcome, line_id, populate_existing=True)
    if version != (row.version if row else 0):
        raise Stale(N_("Somebody else saved this in the meantime. Look at the new state, then save again."))
    if mode not in rules_welcome.MODES:
        raise Invalid(N_("Choose one of the ways."), field="mode")
    words = {
        "words_zh": rules_welcome.check(words_zh, field="words_zh"),
        "words_en": rules_welcome.check(words_en, field="words_en"),
    }
    if row is None:
        row = LineWelcome(line_id=line_id, mode=rules_welcome.OFF, since=now, version=0)
        session.add(row)
    before = {"mode": row.mode, "words_zh": row.words_zh or "", "words_en": row.words_en or ""}
    if row.mode == rules_welcome.OFF:
        row.since = now
    row.mode, row.words_zh, row.words_en = mode, words["words_zh"], words["words_en"]
    row.version += 1
    store.record(
        session,
        actor=actor,
        action="group_line.welcome",
        target=f"group_line:{line.id}",
        summary=line.name,
        details={"before": before, "after": {"mode": mode, **words}},
        now=now,
    )
    session.flush()
    return row


def newcomers(session: Session, *, line_id: int, member_ids: Sequence[int], now: dt.datetime) -> None:
    """Have those of *member_ids* welcomed who have come in: admitted, the covenant accepted, introduced.

    Called by whatever may be the last of these steps, in its transaction; once for each member and group, ever. One
    statement where the line welcomes nobody.
    """
    setting = session.get(LineWelcome, line_id)
    if setting is None or setting.mode == rules_welcome.OFF or not member_ids:
        return
    # The last two steps may be made at the same moment: one of them waits here, and then sees the other.
    held = (
        select(Seat.id)
        .where(Seat.line_id == line_id, Seat.member_id.in_(member_ids), Seat.state == "admitted")
        .order_by(Seat.id)
    )
    session.execute(held.with_for_update() if locks.enabled() else held).all()
    newest = (
        select(Covenant.id)
        .where(Covenant.line_id == line_id)
        .order_by(Covenant.version.desc())
        .limit(1)
        .scalar_subquery()
    )
    accepted = exists().where(
        CovenantAcceptance.covenant_id == newest, CovenantAcceptance.member_id == Seat.member_id
    )
    introduced = exists().where(Introduction.line_id == line_id, Introduction.member_id == Seat.member_id)
    ready = select(Seat.group_id, Seat.member_id).where(
        Seat.line_id == line_id,
        Seat.member_id.in_(member_ids),
        Seat.state == "admitted",
        Seat.admitted_at >= setting.since,
        or_(newest.is_(None), accepted),
    )
    ritual = session.get(LineRitual, line_id)
    if ritual is not None and ritual.questions:
        ready = ready.where(or_(Seat.asked_at < ritual.asked_since, introduced))
    tasks = [
        (f"{TASK}:{group_id}:{member_id}", {"group": group_id, "member": member_id})
        for group_id, member_id in session.execute(ready.order_by(Seat.id))
    ]
    outbox.put_many(session, tasks, kind=TASK, now=now)
