"""Taking a published result back before the season is put away: exactly the state before, or not at all.

Publishing keeps the rows it changes (core seats, seats of the core group, the group and its line, exceptions) as they
were. Undoing puts them back, takes the decisions and the letters that have not gone out yet away, and writes to those
whose letter has. When anybody's seat changed since, there is no state to go back to, and it is refused.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.orm import Session

from qunclub import notices, points
from qunclub.groups.models import Group, GroupLine, Seat
from qunclub.kernel import N_, Actor, Conflict, Invalid, UTCDateTime, locks, store
from qunclub.kernel.outbox import OutboxMessage

from . import closing, services_appeals, services_offers, signs
from .models import CoreSeat, Decision, Season
from .models_review import SeasonException
from .models_undo import SeasonJournal

MOST_WORDS = 500
Image = dict[str, dict[int, dict[str, Any]]]
TABLES: dict[str, Any] = {
    "line": GroupLine, "group": Group, "seat": Seat, "core": CoreSeat, "exception": SeasonException,
}  # fmt: skip


def image(session: Session, season: Season) -> Image:
    """The rows a closing may change, as they are: live seats, and those that this season ended."""
    line_id = session.scalar(select(Group.line_id).where(Group.id == season.group_id))
    mine = or_(
        CoreSeat.left_at.is_(None),
        CoreSeat.left_season_id == season.id,
        CoreSeat.since_season_id == season.id,
    )
    queries: dict[str, Any] = {
        "core": select(CoreSeat.__table__).where(mine),
        "exception": select(SeasonException.__table__).where(SeasonException.season_id == season.id),
    }
    if line_id is not None:
        queries["line"] = select(GroupLine.__table__).where(GroupLine.id == line_id)
        queries["group"] = select(Group.__table__).where(Group.line_id == line_id)
        queries["seat"] = select(Seat.__table__).where(Seat.line_id == line_id)
    session.flush()
    return {
        name: {row["id"]: dict(row) for row in session.execute(query).mappings()}
        for name, query in queries.items()
    }


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.datetime) else value


def _hash(shown: Image) -> str:
    told = {
        name: [
            {column: _plain(value) for column, value in sorted(row.items())}
            for _ident, row in sorted(rows.items())
        ]
        for name, rows in sorted(shown.items())
    }
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()


def keep(session: Session, season: Season, before: Image, *, by_key: str) -> None:
    """Remember how to go back to *before*; the season's own row is still as it was."""
    after = image(session, season)
    changed = {
        name: [
            {column: _plain(value) for column, value in row.items()}
            for ident, row in rows.items()
            if after.get(name, {}).get(ident) != row
        ]
        for name, rows in before.items()
    }
    made = {name: sorted(set(rows) - set(before.get(name, {}))) for name, rows in after.items()}
    session.execute(
        insert(SeasonJournal).values(
            season_id=season.id,
            before=changed,
            made=made,
            after_hash=_hash(after),
            version=season.version,
            by_key=by_key,
        )
    )


def undo(session: Session, *, season_id: int, reason: str, actor: Actor, now: dt.datetime) -> Season:
    """Take the result back: the season is frozen again, and everybody sits where they sat.

    Raises:
        Invalid: on ``reason``, without one or with too long a one.
        Conflict: when it is not published (any more), a later season leans on it, or a seat changed since.
    """
    words = " ".join(reason.split())
    if not words or len(words) > MOST_WORDS:
        raise Invalid(
            N_("Write the reason in up to %(most)s characters; whoever had a letter reads it."),
            field="reason",
            most=MOST_WORDS,
        )
    season = locks.lock(session, Season, season_id)
    if season.state != "published":
        raise Conflict(N_("Only a result that is published and not put away can be taken back."))
    later = select(Season.name).where(
        Season.starts_at > season.starts_at, Season.state.in_(("frozen", "published", "closed"))
    )
    name = session.scalar(later.limit(1))
    if name is not None:
        raise Conflict(
            N_("%(later)s was frozen from this result; it cannot be taken back any more."), later=name
        )
    if season.group_id is not None:
        line_id = session.scalar(select(Group.line_id).where(Group.id == season.group_id))
        assert line_id is not None  # the group is there
        locks.lock(session, GroupLine, line_id)
    services_appeals.void(session, season, now=now)
    journal = session.get(SeasonJournal, season_id)
    if journal is None or _hash(image(session, season)) != journal.after_hash:
        raise Conflict(
            N_("Somebody joined or left the core group since the result, so there is no state to go back to.")
        )
    _put_back(session, journal)
    decided = session.scalars(select(Decision.member_id).where(Decision.season_id == season_id)).all()
    session.execute(delete(Decision).where(Decision.season_id == season_id))
    services_offers.drop_runners(session, season_id)
    if season.group_id is not None:
        points.look_again(session, scope=points.group_scope(season.group_id), member_ids=decided)
    _letters(session, season, words, decided, now)
    season.state, season.published_at, season.version = "frozen", None, journal.version
    session.delete(journal)
    store.record(
        session, actor=actor, action="season.undo", target=f"season:{season.id}", now=now, summary=season.name,
        details={"reason": words, "decisions": len(decided)},
    )  # fmt: skip
    signs.undone(session, season, sorted(decided))
    session.flush()
    session.expire_all()
    return season


def _put_back(session: Session, journal: SeasonJournal) -> None:
    quiet = {"synchronize_session": False}
    for name in ("exception", "core", "seat", "group"):
        made = journal.made.get(name)
        if made:
            model = TABLES[name]
            session.execute(delete(model).where(model.id.in_(made)), execution_options=quiet)
    for name, rows in journal.before.items():
        table = TABLES[name].__table__
        for row in rows:
            values = {
                column: dt.datetime.fromisoformat(value)
                if value is not None and isinstance(table.c[column].type, UTCDateTime)
                else value
                for column, value in row.items()
            }
            session.execute(update(table).where(table.c.id == values.pop("id")).values(**values))


def _letters(session: Session, season: Season, words: str, decided: Sequence[int], now: dt.datetime) -> None:
    """Letters that have not gone out are not sent; whoever was told is told this too; the next result tells anew."""
    assert season.published_at is not None  # only what is published is taken back
    told = notices.told(
        session, members=decided, kind="core", source=closing.told_source(season, season.published_at)
    )
    mine = OutboxMessage.key.startswith(f"mail:season:{season.id}:", autoescape=True)
    current = mine & ~OutboxMessage.key.contains(":undone:")
    waiting = current & OutboxMessage.due_at.is_not(None) & (OutboxMessage.attempts == 0)
    session.execute(delete(OutboxMessage).where(waiting), execution_options={"synchronize_session": False})
    context = {"season": season.name, "slug": season.slug, "reason": words}
    source, letters = f"undone:{season.id}:{now.isoformat()}", []
    for sent in session.scalars(select(OutboxMessage).where(current)).all():
        member_id = int(sent.key.rpartition(":")[2])
        told.discard(member_id)
        sent.key = f"{sent.key}:undone:{sent.id}"
        letters.append(
            notices.Letter(
                member_id,
                {**context, "name": sent.payload.get("context", {}).get("name", "")},
                f"undone:{sent.id}",
                source=source,
                to=sent.payload["to"],
                locale=sent.payload.get("locale", ""),
            )
        )
    # Whose letter had not gone out, or who has no address, has read it at the bell.
    letters += [
        notices.Letter(ident, {**context, "name": ""}, f"{source}:{ident}", source=source, to="")
        for ident in sorted(told)
    ]
    notices.letters(session, letters, template="season_undone", now=now)
    session.flush()
