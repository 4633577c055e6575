"""Reads of the path: a member's place on it, rights, the rules in every form, the history."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Session

from qunclub.kernel import Marked, NotFound, Page, paginate_by_mark, reads
from qunclub.members.models import Member

from . import rules
from .facts import gather
from .models import LadderDraft, LadderVersion, LevelChange, LevelCount, MemberLevel
from .rules import Facts, Ladder, Standing
from .services import ONE, ladder_in_force

MOST_HISTORY = 50


@cache
def _level() -> Select[*tuple[Any, ...]]:
    return select(MemberLevel.level).where(MemberLevel.member_id == bindparam("member"))


def level_of(session: Session, member_id: int) -> str:
    """A member's level; whoever is not on the path yet is a participant."""
    return str(reads.scalar(session, _level(), member=member_id) or "participant")


def rights_of(session: Session, member_id: int) -> frozenset[str]:
    """What a member's level lets them do (``kernel.ports.LevelBook``), in two statements."""
    _version, ladder = ladder_in_force(session)
    return ladder.rungs[level_of(session, member_id)].rights


def has_right(session: Session, member_id: int, right: str) -> bool:
    """Whether a member's level gives one *right*."""
    return right in rights_of(session, member_id)


def levels_of(session: Session, numbers: Collection[int]) -> dict[int, str]:
    """The levels of those of these numbers who are above participant (``kernel.ports.LevelBook``): one statement."""
    rows = session.execute(
        select(MemberLevel.number, MemberLevel.level).where(
            MemberLevel.level != "participant", MemberLevel.number.in_(list(numbers))
        )
    )
    return {number: level for number, level in rows}


@dataclass(frozen=True, slots=True)
class Path:
    """Where a member stands.

    Attributes:
        row: None before the first look.
        reached: what the facts would give now. way: what is missing to the next level.
        keep: what is missing to keep the level, while it is being lost.
        history: the newest first.
    """

    row: MemberLevel | None
    level: str
    facts: Facts
    ladder: Ladder
    version: int
    way: Standing
    keep: tuple[rules.Missing, ...]
    history: list[LevelChange]


def path_of(session: Session, member_id: int, now: dt.datetime) -> Path:
    """Everything about a member's path, in a constant number of statements.

    Raises:
        NotFound: for somebody without a number.
    """
    version, ladder = ladder_in_force(session)
    facts = gather(session, [member_id], ladder, now).get(member_id)
    if facts is None:
        raise NotFound()
    row = session.get(MemberLevel, member_id)
    level = row.level if row is not None else "participant"
    history = session.scalars(
        select(LevelChange)
        .where(LevelChange.member_id == member_id)
        .order_by(LevelChange.n.desc())
        .limit(MOST_HISTORY)
    ).all()
    below = rules.LEVELS[max(0, rules.rank(level) - 1)]
    keep = rules.toward(facts, ladder, below).missing if row is not None and row.lose_at else ()
    return Path(row, level, facts, ladder, version, rules.toward(facts, ladder, level), keep, list(history))


def counts(session: Session) -> dict[str, int]:
    """How many members stand on each level, as it is kept: one statement."""
    rows = session.execute(select(LevelCount.level, LevelCount.members))
    return {level: members for level, members in rows}


def draft(session: Session) -> LadderDraft | None:
    """The rules somebody is writing."""
    return session.get(LadderDraft, ONE)


def versions(session: Session) -> list[LadderVersion]:
    """Every form the rules had, the newest first (of more than a hundred the newest)."""
    return list(session.scalars(select(LadderVersion).order_by(LadderVersion.version.desc()).limit(100)))


def version_of(session: Session, version: int) -> tuple[LadderVersion | None, Ladder]:
    """One form of the rules; version 1 is there before it is written down.

    Raises:
        NotFound: when there is none.
    """
    row = session.scalars(select(LadderVersion).where(LadderVersion.version == version)).one_or_none()
    if row is None:
        if version != 1:
            raise NotFound()
        return None, rules.DEFAULT
    return row, Ladder.of(row.rules)


@dataclass(frozen=True, slots=True)
class Step:
    """A line of everybody's history."""

    change: LevelChange
    number: int | None
    name: str


def _steps() -> Any:
    return select(LevelChange, Member.number, Member.nickname, Member.name).join(
        Member, Member.id == LevelChange.member_id
    )


BY_ID = Marked(
    LevelChange.id, LevelChange.id, newest=True, of=lambda row: (row[0].id, row[0].id), number=True
)


def history(session: Session, *, after: str = "") -> Page[Step]:
    """Everybody's steps, the newest first: one statement, along the key."""
    found = paginate_by_mark(session, _steps(), BY_ID, after=after)
    rows: list[Any] = found.items
    items = [Step(line, number, nickname or name) for line, number, nickname, name in rows]
    return Page(items, found.page, found.per_page, found.has_next, found.more)


def export(session: Session) -> Iterator[Step]:
    """Every step of everybody, the newest first, streamed."""
    rows = session.execute(_steps().order_by(LevelChange.id.desc()), execution_options={"yield_per": 500})
    for line, number, nickname, name in rows:
        yield Step(line, number, nickname or name)


@dataclass(frozen=True, slots=True)
class Losing:
    """A member who is told that their level will be lost."""

    number: int
    name: str
    level: str
    lose_at: dt.datetime


def losing(session: Session, *, limit: int = 20) -> list[Losing]:
    """Whose levels will be lost next, the first first: one statement."""
    rows = session.execute(
        select(MemberLevel.number, Member.nickname, Member.name, MemberLevel.level, MemberLevel.lose_at)
        .join(Member, Member.id == MemberLevel.member_id)
        .where(MemberLevel.lose_at.is_not(None))
        .order_by(MemberLevel.lose_at, MemberLevel.member_id)
        .limit(limit)
    )
    return [Losing(number, nickname or name, level, at) for number, nickname, name, level, at in rows if at]


def member_of(session: Session, number: int) -> Member:
    """The member with a number.

    Raises:
        NotFound: when nobody has it.
    """
    found = session.scalars(select(Member).where(Member.number == number)).one_or_none()
    if found is None:
        raise NotFound()
    return found
