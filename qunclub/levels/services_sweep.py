"""What the sweep does, one batch a transaction: enrol, follow what happened, look, count what a draft would change.

Every verb leaves off anywhere and goes on from there: places are kept in the database, and whoever is looked at is
locked, so that two sweeps at once look at different members and nobody gets a letter twice.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import exists, func, select, update
from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.kernel import Actor, locks, store
from qunclub.members.models import Member
from qunclub.points import KINDS
from qunclub.points.models import LedgerEntry
from qunclub.seasons.models import CoreSeat

from . import rules
from .facts import gather
from .models import LadderDraft, MemberLevel
from .rules import Held, Ladder, Missing, Move
from .services import ONE, change, ensure_ladder, enter, keep

BATCH = 200
FEED = "levels.feed"
WALK = "levels.walk"
SWEEP = Actor.system("levels")


def enrol(session: Session, *, now: dt.datetime, limit: int = BATCH * 2) -> int:
    """Put members who got a number on the path: those above the last number seen, and once a day all from the first.

    Numbers that were kept back are given out of order; the daily walk finds them.

    Returns:
        How many were looked at; less than *limit* when the end is reached.
    """
    kept: dict[str, Any] = store.get_value(session, WALK) or {"number": 0, "day": ""}
    today = now.date().isoformat()
    people = _numbered(session, kept["number"], limit)
    if not people and kept["day"] != today:
        kept = {"number": 0, "day": today}
        people = _numbered(session, 0, limit)
    if people:
        enter(session, [(ident, number, since or now) for ident, number, since in people], now)
        kept = {**kept, "number": people[-1][1]}
    if kept != store.get_value(session, WALK):
        store.set_value(session, WALK, kept)
    return len(people)


def _numbered(session: Session, after: int, limit: int) -> list[tuple[int, int, dt.datetime | None]]:
    rows = session.execute(
        select(Member.id, Member.number, Member.numbered_at)
        .where(Member.number > after)
        .order_by(Member.number)
        .limit(limit)
    )
    return [(ident, number or 0, since) for ident, number, since in rows]


def follow(session: Session, *, now: dt.datetime, limit: int = 2_000) -> int:
    """Mark whom something happened to since the last call: a line of points, a seat of the core gained or lost.

    What is overlooked (a line that was committed after a later one) is found at the daily look.

    Returns:
        How many were marked.
    """
    last = store.get_value(session, FEED)
    if last is None:
        store.set_value(session, FEED, session.scalar(select(func.max(LedgerEntry.id))) or 0)
        return 0
    lines = session.execute(
        select(LedgerEntry.id, LedgerEntry.member_id)
        .where(LedgerEntry.id > last)
        .order_by(LedgerEntry.id)
        .limit(limit)
    ).all()
    seated = exists().where(CoreSeat.member_id == MemberLevel.member_id, CoreSeat.left_at.is_(None))
    gone = select(MemberLevel.member_id).where(MemberLevel.level == "core", ~seated)
    come = (
        select(MemberLevel.member_id)
        .join(CoreSeat, (CoreSeat.member_id == MemberLevel.member_id) & CoreSeat.left_at.is_(None))
        .where(MemberLevel.level != "core")
    )
    marked = {ident for _line, ident in lines}
    marked.update(session.scalars(gone), session.scalars(come))
    if marked:
        session.execute(
            update(MemberLevel)
            .where(MemberLevel.member_id.in_(sorted(marked)), MemberLevel.due_at > now)
            .values(due_at=now)
            .execution_options(synchronize_session=False)
        )
    if lines:
        store.set_value(session, FEED, lines[-1][0])
    return len(marked)


def waiting(session: Session, *, now: dt.datetime, version: int) -> bool:
    """Whether anybody is to be looked at: two looks at indexes."""
    due = select(MemberLevel.member_id).where(MemberLevel.due_at <= now).limit(1)
    old = select(MemberLevel.member_id).where(MemberLevel.ladder_version < version).limit(1)
    return session.scalar(due) is not None or session.scalar(old) is not None


def look(session: Session, *, now: dt.datetime, limit: int = BATCH) -> int:
    """Look at up to *limit* members whose time has come or whom new rules concern.

    Returns:
        How many were looked at.
    """
    version, ladder = ensure_ladder(session, now)
    rows = _taken(session, select(MemberLevel).where(MemberLevel.due_at <= now).order_by(
        MemberLevel.due_at, MemberLevel.member_id), limit)  # fmt: skip
    if len(rows) < limit:
        taken = [row.member_id for row in rows]
        query = select(MemberLevel).where(MemberLevel.ladder_version < version)
        if taken:
            query = query.where(MemberLevel.member_id.not_in(taken))
        order = query.order_by(MemberLevel.ladder_version, MemberLevel.member_id)
        rows += _taken(session, order, limit - len(rows))
    if not rows:
        return 0
    ids = [row.member_id for row in rows]
    known = gather(session, ids, ladder, now)
    people = {member.id: member for member in session.scalars(select(Member).where(Member.id.in_(ids)))}
    for row in sorted(rows, key=lambda one: one.member_id):
        facts = known.get(row.member_id)
        if facts is None:  # whoever left the club is decided about no more
            row.due_at, row.looked_at, row.ladder_version = now + rules.DAY, now, version
            continue
        held = Held(row.level, row.since, row.lose_at, row.hand_until)
        move, first = rules.step(held, facts, ladder, now), row.looked_at is None
        _write(session, row, move, facts=facts, version=version, now=now)
        row.looked_at, row.ladder_version = now, version
        member = people[row.member_id]
        # The first look only says where somebody stands already: no letters about years that are past.
        if not first:
            missing = rules.toward(facts, ladder, _below(row.level)).missing if move.warn else ()
            _tell(session, row, move, member, before=held.level, missing=missing, ladder=ladder, now=now)
    session.flush()
    return len(rows)


def _taken(session: Session, query: Any, limit: int) -> list[MemberLevel]:
    query = query.limit(limit).execution_options(populate_existing=True)
    if locks.enabled():
        query = query.with_for_update(skip_locked=True)
    return list(session.scalars(query))


def _below(level: str) -> str:
    """The level from which *level* is reached, whose way up names what is missing to keep it."""
    return rules.LEVELS[max(0, min(rules.rank(level), rules.rank("opinion_leader")) - 1)]


def _write(
    session: Session, row: MemberLevel, move: Move, *, facts: rules.Facts, version: int, now: dt.datetime
) -> None:
    if move.warn:
        row.warnings += 1
    if move.why:
        change(session, row, move.held, why=move.why, version=version, now=now, actor=SWEEP, facts=facts)
    else:
        keep(row, move.held, now)


def _tell(
    session: Session,
    row: MemberLevel,
    move: Move,
    member: Member,
    *,
    before: str,
    missing: tuple[Missing, ...],
    ladder: Ladder,
    now: dt.datetime,
) -> None:
    letters = []
    if move.warn and move.held.lose_at is not None:
        letters.append(("losing", f"losing:{row.warnings}"))
    if move.why in ("reached", "lost"):
        letters.append((move.why, f"change:{row.changes}"))
    for what, key in letters:
        notices.letter(
            session,
            member=member.id,
            template="level_news",
            context={
                "what": what,
                "name": member.shown_name,
                "before": before,
                "level": row.level,
                "until": move.held.lose_at.isoformat() if move.held.lose_at else "",
                "missing": [[one.what, one.have, one.need, _label(one.kind)] for one in missing],
                "recent_days": ladder.recent_days,
                "rights": sorted(ladder.rungs[row.level].rights),
            },
            key=f"level:{row.member_id}:{key}",
            now=now,
        )


def _label(kind: str) -> str:
    return KINDS[kind].label if kind in KINDS else kind


def preview(session: Session, *, now: dt.datetime, limit: int = BATCH) -> int:
    """Count for up to *limit* more members what the draft would change; nothing when it is counted, or there is none.

    Returns:
        How many were counted.
    """
    query = select(LadderDraft).where(LadderDraft.id == ONE).execution_options(populate_existing=True)
    draft = session.scalars(query.with_for_update() if locks.enabled() else query).one_or_none()
    if draft is None or draft.counted_at is not None:
        return 0
    rows = session.execute(
        select(MemberLevel.member_id, MemberLevel.level, MemberLevel.hand_until)
        .where(MemberLevel.member_id > draft.cursor)
        .order_by(MemberLevel.member_id)
        .limit(limit)
    ).all()
    ladder = Ladder.of(draft.rules)
    known = gather(session, [row[0] for row in rows], ladder, now) if rows else {}
    moves = {name: dict(draft.moves.get(name, {})) for name in ("rise", "lose")}
    for ident, level, hand_until in rows:
        facts = known.get(ident)
        if facts is None or facts.core or level == "core" or (hand_until is not None and hand_until > now):
            continue
        reached = rules.evaluate(facts, ladder).level
        if reached != level:
            up = rules.rank(reached) > rules.rank(level)
            name, which = ("rise", reached) if up else ("lose", level)
            moves[name][which] = moves[name].get(which, 0) + 1
    draft.moves = moves
    draft.looked += len(rows)
    if rows:
        draft.cursor = rows[-1][0]
    if len(rows) < limit:
        draft.counted_at = now
    session.flush()
    return len(rows)
