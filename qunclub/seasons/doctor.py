"""Promise 8 against the live database: decisions, core seats and snapshots tell one story."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from itertools import islice
from typing import Any

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session

from qunclub.kernel import Finding
from qunclub.members.models import Member

from . import doctor_offers, fingerprint, services_review, sheets
from .models import CoreSeat, Decision, Season, SnapshotRow, SnapshotSheet
from .models_review import SeasonException
from .rules import Row

PROMISE = 8
DECIDED = ("published", "closed")
AT_ONCE = 10_000
LATE = dt.timedelta(hours=1)


def check(session: Session, now: dt.datetime) -> list[Finding]:
    """Findings of seasons, in ten statements, the sheets of all snapshots and the rows of the last one."""
    return [
        *_states(session),
        *_unopened(session, now),
        *_decisions(session),
        *_seats(session),
        *_core_size(session),
        *_strangers(session),
        *_last_snapshot(session),
        *doctor_offers.check(session, now),
    ]


def _finding(message: str, rows: list[Any]) -> list[Finding]:
    if not rows:
        return []
    shown = "; ".join(str(row) for row in rows[:5])
    return [Finding(PROMISE, f"{message}: {shown}", {"rows": rows[:100]})]


def _states(session: Session) -> list[Finding]:
    s = Season
    wrong = or_(
        and_(s.state.not_in(("draft", "announced")), s.window_id.is_(None)),
        and_(s.state.in_(("frozen", *DECIDED)), or_(s.frozen_at.is_(None), s.snapshot_hash == "")),
        and_(s.state.in_(DECIDED), s.published_at.is_(None)),
        and_(s.state == "closed", s.closed_at.is_(None)),
        and_(s.state.not_in(DECIDED), s.published_at.is_not(None)),
    )
    rows = session.execute(select(s.slug, s.state).where(wrong)).all()
    return _finding("seasons whose dates do not fit their state (season, state)", [tuple(r) for r in rows])


def _unopened(session: Session, now: dt.datetime) -> list[Finding]:
    """Announced seasons that should have opened by themselves: the worker that sweeps every minute does not run."""
    late = (Season.state == "announced", Season.starts_at < now - LATE)
    rows = session.scalars(select(Season.slug).where(*late)).all()
    return _finding("announced seasons that did not open at their start", list(rows))


def _decisions(session: Session) -> list[Finding]:
    """Every core member of the snapshot was kept or eliminated, nobody else; whoever rose was not core."""
    d, r = Decision, SnapshotRow
    expected = case((r.core.is_(True), d.outcome.in_(("kept", "eliminated"))), else_=d.outcome == "promoted")
    gone = (
        select(SeasonException.id)
        .where(
            SeasonException.season_id == r.season_id,
            SeasonException.member_id == r.member_id,
            SeasonException.kind == "gone",
        )
        .exists()
    )
    wrong = (
        select(Season.slug, r.member_id)
        .join(Season, Season.id == r.season_id)
        .outerjoin(d, and_(d.season_id == r.season_id, d.member_id == r.member_id))
        .where(
            Season.state.in_(DECIDED),
            or_(and_(r.core.is_(True), d.id.is_(None), ~gone), and_(d.id.is_not(None), ~expected)),
        )
        .limit(100)
    )
    stray = (
        select(
            Season.slug, d.member_id, d.season_id, and_(Season.state.in_(DECIDED), d.outcome == "promoted")
        )
        .join(Season, Season.id == d.season_id)
        .outerjoin(r, and_(d.season_id == r.season_id, d.member_id == r.member_id))
        .where(or_(Season.state.not_in(DECIDED), r.member_id.is_(None)))
        .limit(100)
    )
    rows = [tuple(row) for row in session.execute(wrong)]
    for slug, member_id, season_id, far in session.execute(stray).all():
        # Whoever rose from far down, by an exception, stands on a sheet.
        if not (far and sheets.rows(session, season_id, {member_id})):
            rows.append((slug, member_id))
    return _finding("core members without a decision, or decisions that do not fit (season, member)", rows)


def _seats(session: Session) -> list[Finding]:
    """Every rise began a core seat and every elimination ended one, and nothing else did."""
    d, c = Decision, CoreSeat
    rose = and_(c.since_season_id == d.season_id, c.member_id == d.member_id)
    left = and_(c.left_season_id == d.season_id, c.member_id == d.member_id)
    without = (
        select(d.season_id, d.member_id, d.outcome)
        .outerjoin(c, case((d.outcome == "promoted", rose), else_=left))
        .where(d.outcome != "kept", c.id.is_(None), ~doctor_offers.corrected(d))
        .limit(100)
    )
    rows = [tuple(row) for row in session.execute(without)]
    return _finding("decisions that moved no core seat (season, member, outcome)", rows)


def _core_size(session: Session) -> list[Finding]:
    last = (
        select(Season.id)
        .where(Season.state.in_(DECIDED))
        .order_by(Season.starts_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    staying = (
        select(func.count())
        .select_from(Decision)
        .where(Decision.season_id == last, Decision.outcome != "eliminated")
        .scalar_subquery()
    )
    since = (
        select(Season.published_at)
        .where(Season.state.in_(DECIDED))
        .order_by(Season.starts_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    # Whoever left since then, of their own will or because they had to, was decided to stay.
    stayed = (
        select(Decision.id)
        .where(
            Decision.season_id == last,
            Decision.member_id == CoreSeat.member_id,
            Decision.outcome != "eliminated",
        )
        .exists()
    )
    left = and_(CoreSeat.left_season_id.is_(None), CoreSeat.left_at >= since, stayed)
    seated = (
        select(func.count())
        .select_from(CoreSeat)
        .where(or_(and_(CoreSeat.left_at.is_(None), ~doctor_offers.came_later(last, since)), left))
        .scalar_subquery()
    )
    found, decided, core = session.execute(select(last, staying, seated)).one()
    if found is not None and decided != core:
        message = f"the core has {core} members, but the last season left {decided} in it"
        return [Finding(PROMISE, message, {"core": core, "decided": decided})]
    return []


def _strangers(session: Session) -> list[Finding]:
    """Snapshots have no foreign keys (``models.SnapshotRow``): whose rows and lines they are is asked here."""
    r = SnapshotRow
    nobodys = or_(
        ~select(Member.id).where(Member.id == r.member_id).exists(),
        ~select(Season.id).where(Season.id == r.season_id).exists(),
    )
    rows = [tuple(row) for row in session.execute(select(r.season_id, r.member_id).where(nobodys).limit(100))]
    there = {season_id for season_id in session.scalars(select(Season.id))}
    for season_id in session.scalars(
        select(SnapshotSheet.season_id).distinct().order_by(SnapshotSheet.season_id)
    ).all():
        for some in _some(sheets.every(session, season_id)):
            members = {row.member for row in some}
            known = session.scalars(select(Member.id).where(Member.id.in_(members))).all()
            gone = members if season_id not in there else members.difference(known)
            rows += [(season_id, member) for member in sorted(gone)[:100]]
    return _finding("rows of snapshots whose season or member is gone (season, member)", rows)


def _some(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while some := list(islice(rows, AT_ONCE)):
        yield some


def _last_snapshot(session: Session) -> list[Finding]:
    season = session.scalars(
        select(Season).where(Season.snapshot_hash != "").order_by(Season.starts_at.desc()).limit(1)
    ).one_or_none()
    if season is None:
        return []
    if not fingerprint.holds(session, season):
        return [
            Finding(PROMISE, f"the snapshot of {season.slug} is not what was frozen", {"season": season.slug})
        ]
    if season.state not in DECIDED:
        return []
    plan = services_review.plan(session, season)
    planned = {(outcome.row.member, outcome.outcome, outcome.place) for outcome in plan.outcomes}
    query = select(Decision.member_id, Decision.outcome, Decision.place).where(
        Decision.season_id == season.id
    )
    decided = {(member, outcome, place) for member, outcome, place in session.execute(query)}
    rows = sorted(planned ^ decided)
    return _finding(
        f"decisions of {season.slug} do not follow from its snapshot (member, outcome, place)", rows
    )
