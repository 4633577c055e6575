"""Writing down what no room of the club sees: an event hosted, a topic led, check-ins day after day."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, aliased

from qunclub.kernel import N_, Actor, Conflict, Invalid, NotFound, store
from qunclub.members.models import Member

from .models import LedgerEntry
from .rules import KINDS, recordable
from .rules_recorded import check_what, moment_of, sources
from .services import award
from .services_rulebook import rule_of

LATELY = 5
OFF = N_("The rule of this kind is switched off, so it gives nothing.")


@dataclass(frozen=True, slots=True)
class Recorded:
    """What writing something down did.

    Attributes:
        line: the new line, or the one that stands already.
        new: whether it was written now.
        lately: the member's latest lines of this kind before, newest first: it may stand there in other words.
    """

    line: LedgerEntry
    new: bool
    lately: list[LedgerEntry]

    @property
    def seal(self) -> str:
        """What was shown to whoever says yes to it: another outcome has another one."""
        line = self.line
        return f"{line.source}={line.amount}.{line.honours}.{line.rule_version}.{int(self.new)}"


def record(
    session: Session,
    *,
    member_id: int,
    kind: str,
    day: dt.date,
    what: str,
    actor: Actor,
    now: dt.datetime,
    zone: dt.tzinfo,
) -> Recorded:
    """Write down a contribution by :func:`services.award`, so under the rule in force, its limits and its version.

    The same kind, day and words stand once for a member; after the line was taken back they may be written again.

    Args:
        day: on which it happened, by the club's clock (*zone*); its noon decides the season.
        what: what it was; the member reads it beside the points.

    Raises:
        NotFound: for an unknown member.
        Invalid: naming the field: a kind that the club sees by itself or that is switched off, a day that is to come,
            no words, oneself.
        Conflict: when the member has no number, or it was written and taken back too often.
    """
    if kind not in recordable():
        raise Invalid(N_("Choose one of these kinds; the others are given by the club itself."), field="kind")
    words = check_what(what)
    moment = moment_of(day, now=now, zone=zone)
    member = session.get(Member, member_id)
    if member is None:
        raise NotFound()
    if actor.member_id == member_id:
        raise Invalid(N_("Nobody gives points to themselves; ask another admin."), field="number")
    rule = rule_of(session, kind)
    if not rule.active or not rule.amount:
        raise Invalid(OFF, field="kind")
    names = sources(kind, member_id, day, words)
    lately = list(session.scalars(_lately(member_id, kind)))
    found = {line.source: (line, undone) for line, undone in session.execute(_standing(names))}
    for source in names:
        if source not in found:
            break
        line, undone = found[source]
        if undone is None:
            return Recorded(line, new=False, lately=lately)
    else:
        raise Conflict(N_("This was written down and taken back too often; say in other words what it was."))
    written = award(
        session,
        member_id=member_id,
        kind=kind,
        source=source,
        occurred_at=moment,
        now=now,
        actor=actor,
        reason=words,
        from_member_id=actor.member_id,
    )
    if written is None:
        # Somebody else wrote it a moment ago: theirs stands. Or somebody switched the rule off.
        stands = session.scalars(select(LedgerEntry).where(LedgerEntry.source == source)).one_or_none()
        if stands is None:
            raise Invalid(OFF, field="kind")
        return Recorded(stands, new=False, lately=lately)
    store.record(
        session,
        actor=actor,
        action="points.record",
        target=f"member:{member_id}",
        now=now,
        summary=f"{kind} +{written.amount}",
        details={"entry_id": written.id, "kind": kind, "day": day.isoformat(), "what": words},
    )
    return Recorded(written, new=True, lately=lately)


def labelled() -> dict[str, str]:
    """The kinds that may be written down, each with its label, untranslated."""
    return {kind: KINDS[kind].label for kind in recordable()}


def _standing(names: list[str]) -> Select[*tuple[Any, ...]]:
    back = aliased(LedgerEntry)
    return (
        select(LedgerEntry, back.id)
        .outerjoin(back, back.reverses_id == LedgerEntry.id)
        .where(LedgerEntry.source.in_(names))
    )


def _lately(member_id: int, kind: str) -> Select[LedgerEntry]:
    return (
        select(LedgerEntry)
        .where(
            LedgerEntry.member_id == member_id, LedgerEntry.kind == kind, LedgerEntry.reverses_id.is_(None)
        )
        .order_by(LedgerEntry.occurred_at.desc(), LedgerEntry.id.desc())
        .limit(LATELY)
    )
