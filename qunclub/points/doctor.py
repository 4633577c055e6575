"""Promise 7 against the live database: every standing and every count equals what the ledger says."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import and_, except_, func, literal, or_, select, union_all
from sqlalchemy.orm import Session, aliased

from qunclub.kernel import Finding, append_only
from qunclub.members.models import Member

from . import rules, sums
from .models import LedgerEntry, PointRuleVersion, ScoreCount, Standing, Window

PROMISE = 7
SHOWN = 5


def check(session: Session, now: dt.datetime) -> list[Finding]:
    """Findings of points, in seven statements."""
    return [
        *_guards(session),
        *_window_of_all_time(session),
        *_standings(session),
        *_counts(session),
        *_reversals(session),
        *_strangers(session),
        *_ruleless(session),
    ]


def _finding(message: str, rows: list[Any]) -> list[Finding]:
    if not rows:
        return []
    shown = "; ".join(str(row) for row in rows[:SHOWN])
    return [Finding(PROMISE, f"{message}: {shown}", {"rows": rows[:100]})]


def _guards(session: Session) -> list[Finding]:
    missing = append_only.unguarded(session.connection(), LedgerEntry.metadata)
    return _finding("the database does not guard its append-only tables (missing triggers)", missing)


def _ruleless(session: Session) -> list[Finding]:
    version = (PointRuleVersion.kind == LedgerEntry.kind) & (
        PointRuleVersion.version == LedgerEntry.rule_version
    )
    rows = session.execute(
        select(LedgerEntry.id, LedgerEntry.kind, LedgerEntry.rule_version)
        .where(LedgerEntry.rule_version != 0, ~select(PointRuleVersion.id).where(version).exists())
        .limit(100)
    ).all()
    return _finding("lines that name a rule nobody can read (line, kind, version)", [tuple(r) for r in rows])


def _window_of_all_time(session: Session) -> list[Finding]:
    entries = select(func.count()).select_from(select(LedgerEntry.id).limit(1).subquery()).scalar_subquery()
    there = select(func.count()).select_from(Window).where(Window.key == rules.ALL_TIME).scalar_subquery()
    any_entry, windows = session.execute(select(entries, there)).one()
    if any_entry and windows != 1:
        return [Finding(PROMISE, "the ledger has lines but there is no window of all time", {})]
    return []


def _standings(session: Session) -> list[Finding]:
    club = select(Window).where(Window.scope == "").subquery("w")
    parts = [sums.sums(session, source=club)]
    for scoped in (rules.COURSE, rules.GROUP):
        scopes = select(Window).where(Window.scope.startswith(scoped)).subquery(f"w_{scoped[:-1]}")
        parts.append(sums.sums(session, source=scopes, scoped=scoped))
    expected = union_all(*parts).cte("expected")
    e, s = expected.c, Standing
    same_key = and_(e.window_id == s.window_id, e.member_id == s.member_id)
    wrong = (
        select(s.window_id, s.member_id, s.points, func.coalesce(e.points, 0).label("ledger"))
        .outerjoin(expected, same_key)
        .where(
            or_(
                e.member_id.is_(None),
                s.points != e.points,
                s.honours != e.honours,
                s.last_day != e.last_day,
                s.number != e.number,
            )
        )
    )
    missing = (
        select(e.window_id, e.member_id, literal(0), e.points)
        .select_from(expected)
        .outerjoin(Standing, same_key)
        .where(s.member_id.is_(None))
    )
    rows = session.execute(union_all(wrong, missing).limit(100)).all()
    return _finding(
        "standings differ from the ledger (window, member, standing, sum of entries)",
        [tuple(row) for row in rows],
    )


def _counts(session: Session) -> list[Finding]:
    kept = select(ScoreCount.window_id, ScoreCount.span, ScoreCount.points, ScoreCount.members).where(
        ScoreCount.members != 0
    )
    counted = select(union_all(*(sums.counted(span) for span in rules.SPANS)).subquery())
    surplus, lacking = except_(kept, counted).subquery(), except_(counted, kept).subquery()
    rows = session.execute(
        union_all(
            select(literal("kept").label("which"), *surplus.c),
            select(literal("counted"), *lacking.c),
        ).limit(100)
    ).all()
    return _finding(
        "counts of members by score differ (which, window, width, points, members)",
        [tuple(row) for row in rows],
    )


def _reversals(session: Session) -> list[Finding]:
    line = aliased(LedgerEntry)
    rows = session.execute(
        select(LedgerEntry.id, line.id)
        .join(line, line.id == LedgerEntry.reverses_id)
        .where(
            or_(
                LedgerEntry.amount != -line.amount,
                LedgerEntry.honours != -line.honours,
                LedgerEntry.member_id != line.member_id,
                LedgerEntry.occurred_at != line.occurred_at,
                LedgerEntry.counts_at < line.counts_at,
                LedgerEntry.scope.is_distinct_from(line.scope),
                line.reverses_id.is_not(None),
            )
        )
        .limit(100)
    ).all()
    return _finding("corrections that do not undo their line (correction, line)", [tuple(r) for r in rows])


def _strangers(session: Session) -> list[Finding]:
    rows = session.execute(
        select(LedgerEntry.id, LedgerEntry.member_id)
        .join(Member, Member.id == LedgerEntry.member_id)
        .where(
            or_(
                Member.number.is_(None),
                and_(LedgerEntry.amount <= 0, LedgerEntry.lost == 0, LedgerEntry.reverses_id.is_(None)),
            )
        )
        .limit(100)
    ).all()
    return _finding(
        "lines of members without a number, or of nothing (line, member)", [tuple(r) for r in rows]
    )
