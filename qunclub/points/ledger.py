"""Writing the ledger and the standings that follow from it: the statements that must be few and in this order.

The row of the window ``all`` is the gate: whoever writes lines holds it lightly (FOR KEY SHARE, any number at
once), whoever opens or rebuilds a window holds it alone, so that no line falls between a rebuild and a commit. On
SQLite the unit of work's BEGIN IMMEDIATE is that gate. Rows are locked in the order standings, then counts, each by
its key, so that two writers wait for each other and do not deadlock.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, bindparam, cast, event, func, null, or_, select, union_all
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapper, Session

from qunclub.kernel import insert_for, locks
from qunclub.members.models import Member

from . import rules, rules_windows
from .models import LedgerEntry, PointRule, PointRuleVersion, ScoreCount, Standing, Window
from .models_boards import BoardMember
from .rules import ALL_TIME, Rule
from .rules_limits import Limits


class AppendOnly(RuntimeError):
    """Code tried to change or delete a line of the ledger; a correction is a reversal."""


@event.listens_for(LedgerEntry, "before_update")
@event.listens_for(LedgerEntry, "before_delete")
def _refuse(_mapper: Mapper[LedgerEntry], _connection: Any, line: LedgerEntry) -> None:
    raise AppendOnly(f"ledger line {line.id} cannot be changed")


@dataclass(frozen=True, slots=True)
class Span:
    """A window's id and ends, since when nothing counts in it any more, its kind, and which lines it counts.

    Of a group's window *members* are those of its members whom a write is about.
    """

    id: int
    starts_at: dt.datetime | None
    ends_at: dt.datetime | None
    closed_at: dt.datetime | None = None
    kind: str = "season"
    scope: str = ""
    members: frozenset[int] = frozenset()

    @staticmethod
    def of(window: Window) -> Span:
        """That of a row."""
        return Span(window.id, window.starts_at, window.ends_at, window.closed_at, window.kind, window.scope)

    def holds(self, moment: dt.datetime) -> bool:
        """Whether *moment* lies in it."""
        return rules.covers(self.starts_at, self.ends_at, moment)

    def counts(self, line: Mapping[str, Any]) -> bool:
        """Whether a line counts in it."""
        here = self.scope in ("", line["scope"]) or line["member_id"] in self.members
        return here and self.holds(line["counts_at"])


SPAN = (Window.id, Window.starts_at, Window.ends_at, Window.closed_at, Window.kind, Window.scope)
"""The columns a :class:`Span` is made of."""


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
                PointRule.limits,
            )
            .select_from(Window)
            .join(Member, Member.id.in_(bindparam("members", expanding=True)))
            .outerjoin(PointRule, PointRule.kind.in_(bindparam("kinds", expanding=True)))
            .where(Window.key == ALL_TIME)
        )
        self.enter_locked = self.enter.with_for_update(read=True, key_share=True, of=Window)
        self.windows = union_all(
            select(*SPAN, cast(null(), BigInteger).label("member_id")).where(
                or_(Window.ends_at.is_(None), Window.ends_at > bindparam("first")),
                Window.scope.in_(bindparam("scopes", expanding=True)),
            ),
            select(*SPAN, BoardMember.member_id)
            .join(BoardMember, BoardMember.scope == Window.key)
            .where(BoardMember.member_id.in_(bindparam("members", expanding=True))),
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
    found = {
        row[2]: Rule(row[3], row[4], row[5], row[6], Limits.of(row[7])) for row in rows if row[2] is not None
    }
    return numbers, {kind: found.get(kind) or rules.default_rule(kind) for kind in named}


def write_down(session: Session, now: dt.datetime) -> None:
    """Write down the rules that have no row yet, as their first version, and the window of all time."""
    known = [
        {
            "kind": kind,
            "amount": k.amount,
            "honours": k.honours,
            "active": k.active,
            "version": 1,
            "limits": k.limits.to_json(),
        }
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
        .values(key=ALL_TIME, kind=ALL_TIME, starts_at=None, ends_at=None)
        .on_conflict_do_nothing(index_elements=[Window.key])
    )


def close_gate(session: Session) -> None:
    """Hold the gate alone until the transaction ends: nobody writes lines meanwhile."""
    ensure_all_time(session)
    ident = session.scalars(select(Window.id).where(Window.key == ALL_TIME)).one()
    locks.lock(session, Window, ident)


def spans_since(
    session: Session,
    first: dt.datetime,
    scopes: Iterable[str | None] = (),
    members: Iterable[int] = (),
    *,
    make: bool = False,
) -> list[Span]:
    """The club's windows that hold *first* or a later moment, those of *scopes*, and of the groups of *members*.

    To be read behind the gate: whoever takes a member into a group's ranking closes it.

    Args:
        make: open the windows of *scopes* that are not there: no line was earned there before.
    """
    wanted = {scope for scope in scopes if scope}
    values = {"first": first, "scopes": ["", *sorted(wanted)], "members": sorted(set(members))}
    found = _spans(session, values)
    missing = wanted.difference(window.scope for window in found)
    if missing and make:
        # Whoever else opens it now is waited for, and then it is there.
        session.execute(
            insert_for(session, Window).on_conflict_do_nothing(index_elements=[Window.key]),
            [{"key": scope, "kind": ALL_TIME, "scope": scope} for scope in sorted(missing)],
        )
        found = _spans(session, values)
    return found


def _spans(session: Session, values: dict[str, Any]) -> list[Span]:
    found: dict[int, Span] = {}
    people: dict[int, set[int]] = {}
    for row in session.connection().execute(statements(session).windows, values):
        ident, member = row[0], row[-1]
        if ident not in found:
            found[ident] = Span(*row[:-1])
        if member is not None:
            people.setdefault(ident, set()).add(member)
    return [
        replace(span, members=frozenset(people[ident])) if ident in people else span
        for ident, span in found.items()
    ]


def counts_at(earned: dt.datetime, now: dt.datetime, windows: Sequence[Span]) -> dt.datetime:
    """When a line counts that was *earned* then and is written *now*; see :func:`rules_windows.counts_at`."""
    return rules_windows.counts_at(earned, now, [w for w in windows if w.closed_at is not None])


def append(session: Session, lines: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Write *lines*; the ids of those that are new, by source. A source that is there already writes nothing."""
    rows = session.connection().execute(statements(session).append, list(lines))
    return {row[0]: row[1] for row in rows}


def add_to_standings(
    session: Session,
    lines: Sequence[Mapping[str, Any]],
    numbers: Mapping[int, int | None],
    windows: Sequence[Span],
) -> None:
    """Add new *lines* to the standings of every one of *windows* they count in, and to the counts of scores."""
    if not lines:
        return
    added: dict[tuple[int, int], list[Any]] = {}
    for line in lines:
        if not line["amount"]:
            continue  # a limit left nothing
        day = line["counts_at"].astimezone(dt.UTC).date()
        for window in windows:
            if window.counts(line):
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
    if not rows:
        return
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
