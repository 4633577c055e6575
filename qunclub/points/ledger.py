"""Writing the ledger and the standings that follow from it: the statements that must be few and in this order.

The row of the window ``all`` is the gate: whoever writes lines holds it lightly (FOR KEY SHARE, any number at
once), whoever opens or rebuilds a window holds it alone, so that no line falls between a rebuild and a commit. On
SQLite the unit of work's BEGIN IMMEDIATE is that gate. Rows are locked in the order standings, then counts, each by
its key, so that two writers wait for each other and do not deadlock.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    Date,
    FromClause,
    Select,
    bindparam,
    cast,
    delete,
    event,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapper, Session, aliased

from qunclub.kernel import insert_for, locks
from qunclub.members.models import Member

from . import rules
from .models import LedgerEntry, PointRule, PointRuleVersion, ScoreCount, Standing, Window
from .rules import ALL_TIME, Rule


class AppendOnly(RuntimeError):
    """Code tried to change or delete a line of the ledger; a correction is a reversal."""


@event.listens_for(LedgerEntry, "before_update")
@event.listens_for(LedgerEntry, "before_delete")
def _refuse(_mapper: Mapper[LedgerEntry], _connection: Any, line: LedgerEntry) -> None:
    raise AppendOnly(f"ledger line {line.id} cannot be changed")


@dataclass(frozen=True, slots=True)
class Span:
    """A window's id and ends."""

    id: int
    starts_at: dt.datetime | None
    ends_at: dt.datetime | None


class Statements:
    """The statements of a write, made once a dialect: making them costs more than running them."""

    def __init__(self, dialect: str) -> None:
        postgres = dialect == "postgresql"
        insert_into: Any = postgresql.insert if postgres else sqlite.insert
        greatest = func.greatest if postgres else func.max
        self.enter = (
            select(
                Member.id,
                Member.number,
                PointRule.kind,
                PointRule.amount,
                PointRule.honours,
                PointRule.active,
                PointRule.version,
            )
            .select_from(Window)
            .join(Member, Member.id.in_(bindparam("members", expanding=True)))
            .outerjoin(PointRule, PointRule.kind.in_(bindparam("kinds", expanding=True)))
            .where(Window.key == ALL_TIME)
        )
        self.enter_locked = self.enter.with_for_update(read=True, key_share=True, of=Window)
        self.windows = select(Window.id, Window.starts_at, Window.ends_at).where(
            or_(Window.starts_at.is_(None), Window.starts_at <= bindparam("last")),
            or_(Window.ends_at.is_(None), Window.ends_at > bindparam("first")),
        )
        self.append = (
            insert_into(LedgerEntry)
            .on_conflict_do_nothing(index_elements=[LedgerEntry.source])
            .returning(LedgerEntry.source, LedgerEntry.id)
        )
        add = insert_into(Standing)
        self.add = add.on_conflict_do_update(
            index_elements=[Standing.window_id, Standing.member_id],
            set_={
                "points": Standing.points + add.excluded.points,
                "honours": Standing.honours + add.excluded.honours,
                "last_day": greatest(Standing.last_day, add.excluded.last_day),
            },
        ).returning(Standing.window_id, Standing.member_id, Standing.points)
        step = insert_into(ScoreCount)
        self.count = step.on_conflict_do_update(
            index_elements=[ScoreCount.window_id, ScoreCount.span, ScoreCount.points],
            set_={"members": ScoreCount.members + step.excluded.members},
        )


@cache
def _made(dialect: str) -> Statements:
    return Statements(dialect)


def statements(session: Session) -> Statements:
    """The statements for the session's database."""
    return _made(session.get_bind().dialect.name)


def enter(
    session: Session, members: Iterable[int], kinds: Iterable[str], now: dt.datetime
) -> tuple[dict[int, int | None], dict[str, Rule]]:
    """Hold the gate as a writer; the numbers of *members* and the rules of *kinds*, in the same statement.

    A rule that is used for the first time is written down, so that every line has one to name.
    """
    ready = statements(session)
    query = ready.enter_locked if locks.enabled() else ready.enter
    named = set(kinds)
    values = {"members": sorted(set(members)), "kinds": sorted(named)}
    rows = session.connection().execute(query, values).all()
    if not rows or not named.issubset(row[2] for row in rows):
        # The very first line, or that of a kind: make gate and rules, or wait for whoever makes them, and look again.
        write_down(session, now)
        rows = session.connection().execute(query, values).all()
    numbers = {row[0]: row[1] for row in rows}
    found = {row[2]: Rule(*row[3:7]) for row in rows if row[2] is not None}
    return numbers, {kind: found.get(kind) or rules.default_rule(kind) for kind in named}


def write_down(session: Session, now: dt.datetime) -> None:
    """Write down the rules that have no row yet, as their first version, and the window of all time."""
    known = [
        {"kind": kind, "amount": k.amount, "honours": k.honours, "active": k.active, "version": 1}
        for kind, k in sorted(rules.KINDS.items())
    ]
    session.execute(
        insert_for(session, PointRule).on_conflict_do_nothing(index_elements=[PointRule.kind]),
        [{**one, "updated_at": now} for one in known],
    )
    first = {"valid_from": now, "actor": "system:club", "actor_name": "", "reason": ""}
    session.execute(
        insert_for(session, PointRuleVersion).on_conflict_do_nothing(
            index_elements=[PointRuleVersion.kind, PointRuleVersion.version]
        ),
        [{**one, **first} for one in known],
    )
    ensure_all_time(session)


def ensure_all_time(session: Session) -> None:
    """Make the window ``all`` when it is missing."""
    session.execute(
        insert_for(session, Window)
        .values(key=ALL_TIME, starts_at=None, ends_at=None)
        .on_conflict_do_nothing(index_elements=[Window.key])
    )


def close_gate(session: Session) -> None:
    """Hold the gate alone until the transaction ends: nobody writes lines meanwhile."""
    ensure_all_time(session)
    ident = session.scalars(select(Window.id).where(Window.key == ALL_TIME)).one()
    locks.lock(session, Window, ident)


def spans_between(session: Session, first: dt.datetime, last: dt.datetime) -> list[Span]:
    """The windows that may hold a moment between *first* and *last*; to be read after the gate is held."""
    rows = session.connection().execute(statements(session).windows, {"first": first, "last": last})
    return [Span(*row) for row in rows]


def append(session: Session, lines: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Write *lines*; the ids of those that are new, by source. A source that is there already writes nothing."""
    rows = session.connection().execute(statements(session).append, list(lines))
    return {row[0]: row[1] for row in rows}


def add_to_standings(
    session: Session, lines: Sequence[Mapping[str, Any]], numbers: Mapping[int, int | None]
) -> None:
    """Add new *lines* (all above zero) to the standings of every window they fall into, and to the counts."""
    if not lines:
        return
    moments = [line["occurred_at"] for line in lines]
    windows = spans_between(session, min(moments), max(moments))
    added: dict[tuple[int, int], list[Any]] = {}
    for line in lines:
        day = line["occurred_at"].astimezone(dt.UTC).date()
        for window in windows:
            if rules.covers(window.starts_at, window.ends_at, line["occurred_at"]):
                held = added.setdefault((window.id, line["member_id"]), [0, 0, day])
                held[0] += line["amount"]
                held[1] += line["honours"]
                held[2] = max(held[2], day)
    rows = [
        {
            "window_id": key[0],
            "member_id": key[1],
            "number": numbers[key[1]],
            "points": held[0],
            "honours": held[1],
            "last_day": held[2],
        }
        for key, held in sorted(added.items())
    ]
    after = session.connection().execute(statements(session).add, rows).all()
    count(session, [(w, points - added[w, m][0], points) for w, m, points in after])


def count(session: Session, moves: Iterable[tuple[int, int, int]]) -> None:
    """Move members from one score to another (window, before, after) in the counts."""
    changes = rules.count_changes(moves)
    if changes:
        session.connection().execute(
            statements(session).count,
            [
                {"window_id": w, "span": span, "points": low, "members": step}
                for w, span, low, step in changes
            ],
        )


def _postgres(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def utc_day(session: Session, moment: Any) -> Any:
    """SQL: the UTC day of *moment*."""
    if _postgres(session):
        return cast(func.timezone("UTC", moment), Date)
    return func.date(moment, type_=Date)


def sums(
    session: Session,
    *,
    window: Span | None = None,
    member_id: int | None = None,
    until: dt.datetime | None = None,
    source: FromClause | None = None,
) -> Select[*tuple[Any, ...]]:
    """What the ledger says: member, number, points, honours, last day of everybody with a line that stands.

    A reversed line and its reversal cancel out, so neither counts, nor does the day of either.

    Args:
        until: count only what was earned before this moment.
        source: another window table to join instead of one *window*; its id becomes the first column.
    """
    reversal = aliased(LedgerEntry)
    query = (
        select(
            LedgerEntry.member_id,
            Member.number,
            func.sum(LedgerEntry.amount).label("points"),
            func.sum(LedgerEntry.honours).label("honours"),
            utc_day(session, func.max(LedgerEntry.occurred_at)).label("last_day"),
        )
        .join(Member, Member.id == LedgerEntry.member_id)
        .where(
            LedgerEntry.reverses_id.is_(None),
            ~select(reversal.id).where(reversal.reverses_id == LedgerEntry.id).exists(),
        )
        .group_by(LedgerEntry.member_id, Member.number)
    )
    if source is not None:
        ends = source.c
        query = query.add_columns(ends.id.label("window_id")).group_by(ends.id)
        query = query.join(
            source,
            or_(ends.starts_at.is_(None), LedgerEntry.occurred_at >= ends.starts_at)
            & or_(ends.ends_at.is_(None), LedgerEntry.occurred_at < ends.ends_at),
        )
    if window is not None and window.starts_at is not None:
        query = query.where(LedgerEntry.occurred_at >= window.starts_at)
    if window is not None and window.ends_at is not None:
        query = query.where(LedgerEntry.occurred_at < window.ends_at)
    if until is not None:
        query = query.where(LedgerEntry.occurred_at < until)
    if member_id is not None:
        query = query.where(LedgerEntry.member_id == member_id)
    return query


def recount(session: Session, member_id: int, moment: dt.datetime) -> None:
    """Work out afresh, from the ledger, a member's standing in every window that holds *moment*."""
    windows = spans_between(session, moment, moment)
    held = (
        select(Standing.window_id, Standing.points)
        .where(Standing.member_id == member_id, Standing.window_id.in_([w.id for w in windows]))
        .order_by(Standing.window_id)
    )
    if locks.enabled():
        held = held.with_for_update()
    before: dict[int, int] = {w: points for w, points in session.connection().execute(held)}
    moves = []
    for window in sorted(windows, key=lambda w: w.id):
        key = (Standing.window_id == window.id) & (Standing.member_id == member_id)
        row = session.connection().execute(sums(session, window=window, member_id=member_id)).one_or_none()
        if row is None:
            session.connection().execute(delete(Standing).where(key))
        else:
            session.connection().execute(
                update(Standing)
                .where(key)
                .values(points=row.points, honours=row.honours, last_day=row.last_day)
            )
        moves.append((window.id, before.get(window.id, 0), 0 if row is None else row.points))
    count(session, moves)


def rebuild(session: Session, window: Span) -> None:
    """Write a window's standings and counts anew from the ledger; the gate must be closed."""
    connection = session.connection()
    connection.execute(delete(ScoreCount).where(ScoreCount.window_id == window.id))
    connection.execute(delete(Standing).where(Standing.window_id == window.id))
    summed = sums(session, window=window).subquery()
    columns = ["window_id", "member_id", "number", "points", "honours", "last_day"]
    fresh = select(
        literal(window.id),
        summed.c.member_id,
        summed.c.number,
        summed.c.points,
        summed.c.honours,
        summed.c.last_day,
    )
    connection.execute(insert(Standing).from_select(columns, fresh))
    for span in rules.SPANS:
        connection.execute(
            insert(ScoreCount).from_select(
                ["window_id", "span", "points", "members"],
                counted(span).where(Standing.window_id == window.id),
            )
        )


def counted(span: int) -> Select[*tuple[Any, ...]]:
    """What the standings say of the counts of one *span*: window, span, start of the block, members."""
    low = (Standing.points - Standing.points % span).label("low")
    return (
        select(Standing.window_id, literal(span), low, func.count().label("members"))
        .where(Standing.points > 0)
        .group_by(Standing.window_id, low)
    )
