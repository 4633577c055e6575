"""What the ledger says: sums of lines, from which every standing and every count can be made anew."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    FromClause,
    Select,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.orm import Session, aliased

from qunclub.kernel import locks
from qunclub.members.models import Member

from . import ledger, rules
from .ledger import Span
from .models import LedgerEntry, ScoreCount, Standing
from .models_boards import BoardMember

WHOLE = 100
"""The weight of a kind that counts as it is, in percent."""


def utc_day(session: Session, moment: Any) -> Any:
    """SQL: the UTC day of *moment*."""
    if session.get_bind().dialect.name == "postgresql":
        return cast(func.timezone("UTC", moment), Date)
    return func.date(moment, type_=Date)


def _inside(window: Span | None, ends: Any, moment: Any) -> ColumnElement[bool]:
    """SQL: whether *moment* lies in *window*, or in the joined window whose columns are *ends*."""
    if ends is not None:
        return or_(ends.starts_at.is_(None), moment >= ends.starts_at) & or_(
            ends.ends_at.is_(None), moment < ends.ends_at
        )
    inside: ColumnElement[bool] = true()
    if window is not None and window.starts_at is not None:
        inside &= moment >= window.starts_at
    if window is not None and window.ends_at is not None:
        inside &= moment < window.ends_at
    return inside


def _weighed(amount: Any, kind: Any, weights: Mapping[str, int] | None) -> ColumnElement[Any]:
    if not weights:
        return func.sum(amount)
    weight = case(
        *((kind == one, literal(percent)) for one, percent in weights.items()), else_=literal(WHOLE)
    )
    whole = cast(func.sum(amount * weight), BigInteger)
    # Rounded down below zero too, alike on both databases.
    return (whole - ((whole % WHOLE + WHOLE) % WHOLE)) // WHOLE


def sums(
    session: Session,
    *,
    window: Span | None = None,
    member_id: int | None = None,
    known_at: dt.datetime | None = None,
    source: FromClause | None = None,
    scoped: str = "",
    weights: Mapping[str, int] | None = None,
) -> Select[*tuple[Any, ...]]:
    """Member, number, points, honours, last day of everybody with a line that stands in the window.

    A line and its reversal cancel out where both count, so neither counts there, nor does the day of either. Where
    only one of them does (the line's window was closed before it was taken back) it counts alone.

    Args:
        known_at: what was written by this moment; what came later, reversals too, is not known yet.
        source: another window table to join instead of one *window*; its id becomes the last column.
        scoped: how the windows of *source* are narrowed: ``rules.COURSE`` to lines of their scope, ``rules.GROUP`` to
            lines of its members.
        weights: percent by kind; kinds that are not named count whole, those of weight 0 give no featured work and no
            day either. A sum that does not come out even is rounded down.
    """
    line, reversal, original = LedgerEntry, aliased(LedgerEntry), aliased(LedgerEntry)
    ends = None if source is None else source.c
    undone = select(reversal.id).where(
        reversal.reverses_id == line.id, _inside(window, ends, reversal.counts_at)
    )
    if known_at is not None:
        undone = undone.where(reversal.created_at <= known_at)
    undoes = select(original.id).where(
        original.id == line.reverses_id, _inside(window, ends, original.counts_at)
    )
    query = (
        select(
            line.member_id,
            Member.number,
            _weighed(line.amount, line.kind, weights).label("points"),
            func.sum(line.honours).label("honours"),
            utc_day(session, func.max(line.counts_at)).label("last_day"),
        )
        .select_from(line)
        .join(Member, Member.id == line.member_id)
        .group_by(line.member_id, Member.number)
    )
    if source is not None:
        query = query.add_columns(source.c.id.label("window_id")).group_by(source.c.id)
        inside = _inside(None, source.c, line.counts_at)
        if scoped == rules.COURSE:
            inside &= line.scope == source.c.scope
        query = query.join(source, inside)
        if scoped == rules.GROUP:
            mine = (BoardMember.scope == source.c.scope) & (BoardMember.member_id == line.member_id)
            query = query.join(BoardMember, mine)
    elif window is not None:
        query = query.where(_inside(window, None, line.counts_at))
        if window.scope.startswith(rules.GROUP):
            people = select(BoardMember.member_id).where(BoardMember.scope == window.scope)
            query = query.where(line.member_id.in_(people))
        elif window.scope:
            query = query.where(line.scope == window.scope)
    # A line of which a limit left nothing does not stand for a day on which something was earned.
    query = query.where(line.amount != 0, ~undone.exists(), or_(line.reverses_id.is_(None), ~undoes.exists()))
    silent = [kind for kind, percent in (weights or {}).items() if percent == 0]
    if silent:
        query = query.where(line.kind.not_in(silent))
    if known_at is not None:
        query = query.where(line.created_at <= known_at)
    if member_id is not None:
        query = query.where(line.member_id == member_id)
    return query


def recount(session: Session, member_id: int, windows: Sequence[Span]) -> None:
    """Work out afresh, from the ledger, a member's standing in *windows*; the gate is closed, or they have one."""
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
        elif window.id not in before:
            session.connection().execute(insert(Standing).values(window_id=window.id, **row._mapping))
        else:
            session.connection().execute(
                update(Standing)
                .where(key)
                .values(points=row.points, honours=row.honours, last_day=row.last_day)
            )
        moves.append((window.id, before.get(window.id, 0), 0 if row is None else row.points))
    ledger.count(session, moves)


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
