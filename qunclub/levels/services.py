"""Verbs of the path that admins have: write rules, put them in force, set a level by hand."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Conflict, Invalid, NotFound, Stale, insert_for, locks, store
from qunclub.members.models import Member
from qunclub.points import KINDS

from . import rules, rules_typed
from .models import LadderDraft, LadderVersion, LevelChange, LevelCount, MemberLevel
from .rules import DEFAULT, Facts, Held, Ladder

ONE = 1
"""The id of the draft: there is one at most."""
STALE = N_("Somebody else changed these rules while you were writing. Nothing was overwritten.")
MOST_HAND = 365 * 5
WITHIN = N_("Choose an end that is still to come, within five years.")


def ladder_in_force(session: Session) -> tuple[int, Ladder]:
    """The version in force and its rules; version 1 is what the club came with, also before it is written down."""
    row = session.execute(
        select(LadderVersion.version, LadderVersion.rules).order_by(LadderVersion.version.desc()).limit(1)
    ).one_or_none()
    return (1, DEFAULT) if row is None else (row[0], Ladder.of(row[1]))


def ensure_ladder(session: Session, now: dt.datetime) -> tuple[int, Ladder]:
    """The same, written down when it is not yet, so that every change has rules to name."""
    if session.scalar(select(LadderVersion.id).limit(1)) is None:
        session.execute(
            insert_for(session, LadderVersion)
            .values(
                version=1,
                rules=DEFAULT.to_json(),
                valid_from=now,
                actor="system:club",
                actor_name="",
                reason="",
            )
            .on_conflict_do_nothing(index_elements=[LadderVersion.version])
        )
    return ladder_in_force(session)


def _draft(session: Session) -> LadderDraft | None:
    query = select(LadderDraft).where(LadderDraft.id == ONE).execution_options(populate_existing=True)
    return session.scalars(query.with_for_update() if locks.enabled() else query).one_or_none()


def save_draft(
    session: Session, *, ladder: Ladder, version: int, now: dt.datetime, actor: Actor
) -> LadderDraft:
    """Keep rules that are not in force yet; the sweep counts what they would change.

    Args:
        version: of the draft that was shown, 0 when there was none.

    Raises:
        Invalid: naming the field.
        Stale: when somebody else saved it meanwhile.
    """
    rules_typed.check(ladder, KINDS)
    written = _draft(session)
    if written is None:
        made = session.execute(
            insert_for(session, LadderDraft)
            .values(id=ONE, rules={}, version=0, updated_at=now, cursor=0, looked=0, moves={}, actor_name="")
            .on_conflict_do_nothing()
            .returning(LadderDraft.id)
        ).scalar_one_or_none()
        written = _draft(session)
        if written is None or made is None:
            raise Stale(STALE)
    if written.version != version:
        raise Stale(STALE)
    written.rules, written.version = ladder.to_json(), written.version + 1
    written.actor_name, written.updated_at = actor.name, now
    written.cursor, written.looked, written.moves, written.counted_at = 0, 0, {}, None
    session.flush()
    return written


def discard_draft(session: Session, *, version: int) -> None:
    """Throw the draft away.

    Raises:
        Stale: when somebody else saved it meanwhile.
    """
    written = _draft(session)
    if written is None:
        return
    if written.version != version:
        raise Stale(STALE)
    session.delete(written)
    session.flush()


def put_in_force(
    session: Session, *, version: int, reason: str, now: dt.datetime, actor: Actor
) -> LadderVersion:
    """Make the draft the rules of the path; everybody is looked at again by the sweep, with letters and grace.

    Args:
        version: of the draft that was shown.

    Raises:
        Invalid: on field ``reason`` without one.
        Conflict: when there is no draft. Stale: when somebody else saved it meanwhile.
    """
    words = rules_typed.check_reason(reason)
    before, old = ensure_ladder(session, now)
    written = _draft(session)
    if written is None:
        raise Conflict(N_("There is no draft to put in force."))
    if written.version != version:
        raise Stale(STALE)
    made = LadderVersion(
        version=before + 1,
        rules=written.rules,
        valid_from=now,
        actor=actor.key,
        actor_name=actor.name,
        reason=words,
    )
    session.add(made)
    session.delete(written)
    store.record(
        session,
        actor=actor,
        action="levels.rules",
        target=f"ladder:{before + 1}",
        now=now,
        summary=f"version {before + 1}",
        details={"before": old.to_json(), "after": written.rules, "reason": words},
    )
    session.flush()
    return made


def set_by_hand(
    session: Session,
    *,
    number: int,
    level: str,
    until: dt.datetime,
    reason: str,
    now: dt.datetime,
    actor: Actor,
) -> MemberLevel:
    """Put a member on a level until a moment (UTC), whatever the rules say; the member reads the reason.

    Raises:
        NotFound: for a number nobody has.
        Invalid: naming the field: the core is not given by hand, no end, no reason, oneself.
        Conflict: for somebody who sits in the core.
    """
    words = rules_typed.check_reason(reason)
    if level not in rules.LEVELS[:-1]:
        raise Invalid(N_("Choose a level; the core follows its seats."), field="level")
    if until <= now or until > now + MOST_HAND * rules.DAY:
        raise Invalid(WITHIN, field="until")
    member = session.scalars(select(Member).where(Member.number == number)).one_or_none()
    if member is None:
        raise NotFound()
    if member.id == actor.member_id:
        raise Invalid(N_("Nobody sets their own level; ask another admin."), field="level")
    version, _ladder = ensure_ladder(session, now)
    enter(session, [(member.id, number, member.numbered_at or now)], now)
    row = locks.lock(session, MemberLevel, member.id)
    if row.level == "core":
        raise Conflict(N_("This member sits in the core group; their level follows the seat."))
    before = row.level
    held = Held(level, now if level != before else row.since, None, until)
    change(session, row, held, why="by_hand", version=version, now=now, actor=actor, reason=words)
    _record(session, actor, member.id, now, before=before, after=level, until=until.isoformat(), reason=words)
    return row


def end_hand(session: Session, *, number: int, reason: str, now: dt.datetime, actor: Actor) -> MemberLevel:
    """Let a level that was set by hand follow the rules again from now on, with letter and grace when they ask more.

    Raises:
        NotFound: for a number nobody has.
        Invalid: on field ``reason``.
        Conflict: when nothing is set by hand.
    """
    words = rules_typed.check_reason(reason)
    ident = session.scalar(select(MemberLevel.member_id).where(MemberLevel.number == number))
    if ident is None:
        raise NotFound()
    version, _ladder = ensure_ladder(session, now)
    row = locks.lock(session, MemberLevel, ident)
    if row.hand_until is None:
        raise Conflict(N_("This level follows the rules already."))
    held = Held(row.level, row.since)
    change(session, row, held, why="hand_ended", version=version, now=now, actor=actor, reason=words)
    row.due_at = now
    _record(session, actor, ident, now, before=row.level, after=row.level, until="", reason=words)
    session.flush()
    return row


def forget(session: Session, *, member_id: int, now: dt.datetime, actor: Actor) -> None:
    """The member leaves the club: they stand on no level any more; the steps they took stay, without a name."""
    if session.get(MemberLevel, member_id) is None:
        return
    row = locks.lock(session, MemberLevel, member_id)
    if row.level != "participant":
        version, _ladder = ensure_ladder(session, now)
        change(session, row, Held("participant", now), why="left_club", version=version, now=now, actor=actor)
    keep(row, Held("participant", row.since), now)
    session.flush()


def _record(session: Session, actor: Actor, member_id: int, now: dt.datetime, **details: Any) -> None:
    store.record(
        session,
        actor=actor,
        action="levels.hand",
        target=f"member:{member_id}",
        now=now,
        summary=f"{details['before']} → {details['after']}",
        details=details,
    )


def enter(session: Session, people: list[tuple[int, int, dt.datetime]], now: dt.datetime) -> int:
    """Put members (id, number, since when they have it) on the path, each once; returns how many are new."""
    if not people:
        return 0
    added = session.execute(
        insert_for(session, MemberLevel)
        .values(
            [
                {
                    "member_id": ident, "number": number, "level": "participant", "since": since, "due_at": now,
                    "ladder_version": 0, "warnings": 0, "changes": 0,
                }
                for ident, number, since in sorted(people)
            ]
        )
        .on_conflict_do_nothing(index_elements=[MemberLevel.member_id])
        .returning(MemberLevel.member_id)
    ).all()  # fmt: skip
    count(session, {"participant": len(added)})
    return len(added)


def change(
    session: Session,
    row: MemberLevel,
    held: Held,
    *,
    why: str,
    version: int,
    now: dt.datetime,
    actor: Actor,
    facts: Facts | None = None,
    reason: str = "",
) -> LevelChange:
    """Write a step of the history and what stands from now on; *row* is locked."""
    row.changes += 1
    line = LevelChange(
        member_id=row.member_id,
        n=row.changes,
        at=now,
        from_level=row.level,
        to_level=held.level,
        why=why,
        facts=facts.to_json() if facts is not None else {},
        ladder_version=version,
        actor=actor.key,
        actor_name=actor.name,
        reason=reason,
        until=held.hand_until,
    )
    session.add(line)
    if row.level != held.level:
        count(session, {row.level: -1, held.level: 1})
    keep(row, held, now)
    session.flush()
    return line


def keep(row: MemberLevel, held: Held, now: dt.datetime) -> None:
    """Let *row* say what *held* does."""
    row.level, row.since, row.lose_at, row.hand_until = held.level, held.since, held.lose_at, held.hand_until
    row.due_at = rules.look_again(held, now)


def count(session: Session, steps: dict[str, int]) -> None:
    """Move the kept numbers of members by level, in one order so that two writers do not deadlock."""
    rows = [{"level": level, "members": step} for level, step in sorted(steps.items()) if step]
    if not rows:
        return
    add = insert_for(session, LevelCount)
    session.execute(
        add.on_conflict_do_update(
            index_elements=[LevelCount.level],
            set_={"members": LevelCount.members + add.excluded.members},
        ),
        rows,
    )
