"""Verbs of points: award exactly once, reverse, give by hand, open and rebuild windows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Conflict, Invalid, NotFound, locks, store
from qunclub.members.models import Member

from . import ledger, limiting, sums
from .models import LedgerEntry, Window
from .rules import Award, check_amount, worth
from .services_rulebook import rule_of


@dataclass(frozen=True, slots=True)
class Earned:
    """A line that a call has written."""

    entry_id: int
    member_id: int
    kind: str
    source: str
    amount: int
    honours: int


def award(
    session: Session,
    *,
    member_id: int,
    kind: str,
    source: str,
    occurred_at: dt.datetime,
    now: dt.datetime,
    actor: Actor,
    amount: int | None = None,
    reason: str = "",
    from_member_id: int | None = None,
    scope: str | None = None,
) -> LedgerEntry | None:
    """Give points once for *source*.

    Returns:
        The new line; None when the rule is off, the amount is 0, or the source has earned already.

    Raises:
        Conflict: when the member has no number yet.
    """
    one = Award(member_id, kind, source, amount, reason, occurred_at, from_member_id, scope)
    earned = award_many(session, [one], now=now, actor=actor)
    return session.get(LedgerEntry, earned[0].entry_id) if earned else None


def award_many(
    session: Session,
    awards: Sequence[Award],
    *,
    now: dt.datetime,
    actor: Actor,
    occurred_at: dt.datetime | None = None,
) -> list[Earned]:
    """Give points for many sources, each once, in five statements however many there are.

    Where the rule of a kind has limits they are counted first; a line of which they leave nothing is written with 0
    points, so that its member reads why.

    Args:
        occurred_at: when they were earned, for those that do not say; *now* when not given.

    Returns:
        The lines that are new: not those whose rule is off, whose amount is 0, or whose source has earned already.

    Raises:
        Conflict: when a member has no number yet.
    """
    if not awards:
        return []
    session.flush()
    numbers, in_force = ledger.enter(session, (a.member_id for a in awards), (a.kind for a in awards), now)
    first = min(a.occurred_at or occurred_at or now for a in awards)
    windows = ledger.spans_since(session, first, (a.scope for a in awards), numbers, make=True)
    lines: dict[str, dict[str, Any]] = {}
    for one in awards:
        if numbers.get(one.member_id) is None:
            raise Conflict(N_("Points are for members with a number; it comes with the first pass."))
        rule = in_force[one.kind]
        amount = worth(one, rule)
        if amount:
            earned = one.occurred_at or occurred_at or now
            lines.setdefault(
                one.source,
                {
                    "member_id": one.member_id,
                    "kind": one.kind,
                    "source": one.source,
                    "amount": amount,
                    "honours": rule.honours,
                    "reason": one.reason,
                    "actor": actor.key,
                    "occurred_at": earned,
                    "counts_at": ledger.counts_at(earned, now, windows),
                    "created_at": now,
                    "reverses_id": None,
                    "rule_version": rule.version,
                    "from_member_id": one.from_member_id,
                    "lost": 0,
                    "lost_why": "",
                    "scope": one.scope,
                },
            )
    if not lines:
        return []
    limiting.apply(session, list(lines.values()), in_force, windows)
    written = ledger.append(session, list(lines.values()))
    new = [line for source, line in lines.items() if source in written]
    ledger.add_to_standings(session, new, numbers, windows)
    return [
        Earned(
            written[line["source"]],
            line["member_id"],
            line["kind"],
            line["source"],
            line["amount"],
            line["honours"],
        )
        for line in new
    ]


def reverse(session: Session, *, entry_id: int, reason: str, actor: Actor, now: dt.datetime) -> LedgerEntry:
    """Take a line back with a line of its own, in the season in which the line counts.

    When that season is closed already, the line stays in it, and its reversal counts in what runs now.

    Raises:
        Invalid: on field ``reason`` without one; the member reads it.
        Conflict: when it was taken back already, or is itself a reversal.
    """
    if not reason.strip():
        raise Invalid(N_("Write the reason; the member reads it beside the line."), field="reason")
    line = session.get(LedgerEntry, entry_id)
    if line is None:
        raise NotFound()
    if line.reverses_id is not None:
        raise Conflict(N_("This line is itself a correction; give points by hand instead."))
    numbers, _none = ledger.enter(session, [line.member_id], [], now)
    windows = ledger.spans_since(session, min(line.counts_at, now), [line.scope], [line.member_id])
    fields: dict[str, Any] = {
        "member_id": line.member_id,
        "kind": line.kind,
        "source": f"reversal:{line.id}",
        "amount": -line.amount,
        "honours": -line.honours,
        "reason": reason.strip(),
        "actor": actor.key,
        "occurred_at": line.occurred_at,
        "counts_at": ledger.counts_at(line.counts_at, now, windows),
        "created_at": now,
        "reverses_id": line.id,
        "rule_version": line.rule_version,
        "from_member_id": line.from_member_id,
        "lost": 0,
        "lost_why": "",
        "scope": line.scope,
    }
    written = ledger.append(session, [fields])
    if not written:
        raise Conflict(N_("This line was taken back already."))
    here = [w for w in windows if w.counts(fields)]
    sums.recount(session, line.member_id, [w for w in here if w.holds(line.counts_at)])
    ledger.add_to_standings(session, [fields], numbers, [w for w in here if not w.holds(line.counts_at)])
    store.record(
        session,
        actor=actor,
        action="points.reverse",
        target=f"ledger:{line.id}",
        now=now,
        summary=f"{line.kind} {line.amount}",
        details={"member_id": line.member_id, "amount": line.amount, "reason": reason.strip()},
    )
    return session.get_one(LedgerEntry, next(iter(written.values())))


def is_reversed(session: Session, entry_id: int) -> bool:
    """Whether a line was taken back."""
    query = select(LedgerEntry.id).where(LedgerEntry.reverses_id == entry_id)
    return session.scalar(query) is not None


def grant(
    session: Session, *, member_id: int, amount: int, reason: str, key: str, actor: Actor, now: dt.datetime
) -> LedgerEntry | None:
    """Give points by hand, never to oneself; the same *key* (one shown form) gives once, and then None.

    Raises:
        Invalid: naming the field: no reason, no amount, oneself.
        Conflict: when the kind is switched off, or the member has no number.
    """
    if not reason.strip():
        raise Invalid(N_("Write the reason; the member reads it beside the line."), field="reason")
    check_amount(amount)
    if amount == 0:
        raise Invalid(N_("Give at least one point."), field="amount")
    if actor.member_id == member_id:
        raise Invalid(N_("Nobody gives points to themselves; ask another admin."), field="number")
    if not rule_of(session, "granted").active:
        raise Conflict(N_("Points by hand are switched off in the rules."))
    line = award(
        session,
        member_id=member_id,
        kind="granted",
        source=f"grant:{key}",
        occurred_at=now,
        now=now,
        actor=actor,
        amount=amount,
        reason=reason.strip(),
        from_member_id=actor.member_id,
    )
    if line is not None:
        store.record(
            session,
            actor=actor,
            action="points.grant",
            target=f"member:{member_id}",
            now=now,
            summary=f"+{amount}",
            details={"entry_id": line.id, "amount": line.amount, "reason": reason.strip()},
        )
    return line


def open_window(
    session: Session,
    *,
    key: str,
    starts_at: dt.datetime | None,
    ends_at: dt.datetime | None,
    kind: str = "season",
) -> Window:
    """The window *key*, made when new; its standings are built from what the ledger holds already.

    Args:
        kind: one of ``rules.WINDOW_KINDS``; the window of all time is its own.

    Raises:
        Invalid: when it ends before it starts.
        Conflict: when there is one of that key with other ends.
    """
    if starts_at is not None and ends_at is not None and starts_at >= ends_at:
        raise Invalid(N_("The end must come after the start."), field="ends_at")
    session.flush()
    ledger.close_gate(session)
    window = session.scalars(select(Window).where(Window.key == key)).one_or_none()
    if window is not None:
        if (window.starts_at, window.ends_at) != (starts_at, ends_at):
            raise Conflict(N_("These points are counted in another span of time already."))
        return window
    window = Window(key=key, kind=kind, starts_at=starts_at, ends_at=ends_at)
    session.add(window)
    session.flush()
    sums.rebuild(session, ledger.Span.of(window))
    return window


def end_window(session: Session, *, window_id: int, ends_at: dt.datetime) -> Window:
    """End a window at this moment; its standings are built anew, so what was earned later no longer counts in it.

    Raises:
        Conflict: when *ends_at* is not within the window, or the window is closed.
    """
    session.flush()
    ledger.close_gate(session)
    window = locks.lock(session, Window, window_id)
    too_late = window.ends_at is not None and ends_at >= window.ends_at
    too_early = window.starts_at is not None and ends_at <= window.starts_at
    if too_late or too_early or window.closed_at is not None:
        raise Conflict(N_("These points are counted in another span of time already."))
    window.planned_ends_at = window.planned_ends_at or window.ends_at
    window.ends_at = ends_at
    session.flush()
    sums.rebuild(session, ledger.Span.of(window))
    return window


def close_window(session: Session, *, window_id: int, now: dt.datetime) -> Window:
    """Let nothing count any more in a window that has ended: its standings stay as they are from this moment.

    Whoever is writing lines finishes first; a line or a reversal that comes later counts in what runs then. A window
    that is closed already stays as it is.

    Raises:
        Conflict: when it has no end, or has not ended.
    """
    session.flush()
    ledger.close_gate(session)
    window = locks.lock(session, Window, window_id)
    if window.ends_at is None or now < window.ends_at:
        raise Conflict(N_("These points are still being counted."))
    window.closed_at = window.closed_at or now
    session.flush()
    return window


def rebuild(session: Session, window_id: int) -> None:
    """Write a window's standings anew from the ledger: they come out as they were, or the doctor was right."""
    session.flush()
    ledger.close_gate(session)
    window = locks.lock(session, Window, window_id)
    sums.rebuild(session, ledger.Span.of(window))


def member_by_number(session: Session, number: int) -> Member:
    """The member with *number*.

    Raises:
        Invalid: on field ``number`` when nobody has it.
    """
    row = session.scalars(select(Member).where(Member.number == number)).one_or_none()
    if row is None:
        raise Invalid(N_("Nobody has number %(number)s."), field="number", number=number)
    return row
