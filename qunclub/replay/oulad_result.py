"""What a replay prints: read from the club's own tables, not kept by the player."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from qunclub.groups.models import Group, GroupLine
from qunclub.homework.models import Submission
from qunclub.members.models import Member
from qunclub.passes.models import Pass
from qunclub.points.models import LedgerEntry
from qunclub.seasons.models import CoreSeat, Decision, Season

from .oulad_data import Records


def result(session: Session, records: Records) -> dict[str, Any]:
    """The JSON of the whole run."""
    return {
        "counts": _counts(session, records),
        "ledger_sum": int(session.scalar(select(func.coalesce(func.sum(LedgerEntry.amount), 0))) or 0),
        "groups": _groups(session),
        "seasons": _seasons(session),
        "top": _top(session),
    }


def _counts(session: Session, records: Records) -> dict[str, int]:
    def count(*where: Any, table: Any = Submission) -> int:
        return session.scalar(select(func.count()).select_from(table).where(*where)) or 0

    # An empty mark stays unreviewed even where the record is carried over; the four states add up.
    own = (~Submission.carried_over,)
    return {
        "members": count(table=Member),
        "passes": count(table=Pass),
        "registrations_without_date": records.registrations_without_date,
        "submissions": count(),
        "submissions_without_pass": records.submissions_without_pass,
        "banked": count(Submission.carried_over, Submission.state != "waiting"),
        "unreviewed": count(Submission.state == "waiting"),
        "accepted": count(*own, Submission.state == "accepted"),
        "returned": count(*own, Submission.state == "returned"),
        "featured": count(*own, Submission.featured),
    }


def _groups(session: Session) -> list[dict[str, Any]]:
    rows = session.execute(
        select(GroupLine.name, Group.index, Group.capacity, Group.seated)
        .join(GroupLine, GroupLine.id == Group.line_id)
        .where(GroupLine.kind == "learner")
        .order_by(GroupLine.name, Group.index)
    )
    return [
        {"course": name, "index": index, "capacity": cap, "seated": seated}
        for name, index, cap, seated in rows
    ]


def _seasons(session: Session) -> list[dict[str, Any]]:
    shown = []
    core: set[int] = set()
    for season in session.scalars(select(Season).order_by(Season.starts_at)).all():
        decisions = session.execute(
            select(Decision.outcome, Member.number)
            .join(Member, Member.id == Decision.member_id)
            .where(Decision.season_id == season.id)
            .order_by(Decision.place)
        ).all()
        promoted = [number for outcome, number in decisions if outcome == "promoted" and number]
        eliminated = [number for outcome, number in decisions if outcome == "eliminated" and number]
        before = len(core)
        core = (core - set(eliminated)) | set(promoted)
        shown.append(
            {
                "season": season.slug,
                "core_before": before,
                "promoted": promoted,
                "eliminated": eliminated,
                "core_after": sorted(core),
            }
        )
    seated = set(session.scalars(select(CoreSeat.number).where(CoreSeat.left_at.is_(None))))
    # The decisions and the seats tell one story, or the run is wrong.
    if seated != core:
        raise RuntimeError(f"core seats and decisions differ: {sorted(seated ^ core)}")
    return shown


def _top(session: Session) -> list[dict[str, int]]:
    total = func.sum(LedgerEntry.amount)
    rows = session.execute(
        select(Member.number, total)
        .join(Member, Member.id == LedgerEntry.member_id)
        .group_by(Member.id, Member.number)
        .having(total > 0)
        .order_by(total.desc(), Member.number)
        .limit(10)
    )
    return [{"number": number, "points": int(points)} for number, points in rows if number]
