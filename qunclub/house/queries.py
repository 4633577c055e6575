"""What the pages of the house read, each in a constant number of statements along an index."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from qunclub.groups.models import Group, GroupLine, Seat
from qunclub.kernel import Marked, NotFound, Page, paginate_by_mark
from qunclub.members.models import Member

from . import rules_ladder, rules_windows, services_sanctions
from .models import STILL_OPEN, Mute, Report, Sanction, SanctionAppeal, Schedule, Violation
from .rules_ladder import Step
from .rules_windows import Hours

RECENT = 20


@dataclass(frozen=True, slots=True)
class Line:
    """A sanction with what its page says of it; *back* is the line that overturned it."""

    row: Sanction
    category: str
    group: Group
    member: Member
    back: Sanction | None
    appeal: SanctionAppeal | None
    decider: str = ""

    def appealable(self, now: dt.datetime) -> bool:
        """Whether its member may still appeal."""
        until = self.row.appeal_until
        return self.back is None and self.appeal is None and until is not None and now < until

    def in_force(self, now: dt.datetime) -> bool:
        """Whether it restrains its member now."""
        if self.back is not None:
            return False
        return self.row.kind == "removal" or (
            self.row.kind == "mute" and (self.row.until is None or now < self.row.until)
        )


def _lines() -> Any:
    back = aliased(Sanction)
    decider = aliased(Member)
    query = (
        select(Sanction, Violation.category, Group, Member, back, SanctionAppeal, decider)
        .join(Violation, Violation.id == Sanction.violation_id)
        .join(Group, Group.id == Sanction.group_id)
        .join(Member, Member.id == Sanction.member_id)
        .outerjoin(back, back.overturns_id == Sanction.id)
        .outerjoin(SanctionAppeal, SanctionAppeal.sanction_id == Sanction.id)
        .outerjoin(decider, decider.id == Sanction.decided_by)
        .where(Sanction.overturns_id.is_(None))
    )
    return query


def _line(row: Any) -> Line:
    decider = row[6].shown_name if row[6] is not None else ""
    return Line(row[0], row[1], row[2], row[3], row[4], row[5], decider)


def sanction(session: Session, sanction_id: int) -> Line:
    """One sanction."""
    row = session.execute(_lines().where(Sanction.id == sanction_id)).one_or_none()
    if row is None:
        raise NotFound()
    return _line(row)


def sanctions_of(session: Session, member_id: int, *, limit: int = RECENT) -> list[Line]:
    """A member's sanctions, the newest first."""
    query = _lines().where(Sanction.member_id == member_id).order_by(Sanction.id.desc()).limit(limit)
    return [_line(row) for row in session.execute(query)]


def log(session: Session, *, group_id: int | None, after: str) -> Page[Line]:
    """Every sanction, or those of one group, the newest first."""
    query = _lines()
    if group_id is not None:
        query = query.where(Sanction.group_id == group_id)
    marked = Marked(Sanction.id, Sanction.id, True, lambda row: (row[0].id, row[0].id), number=True)
    found = paginate_by_mark(session, query, marked, after=after)
    return Page([_line(row) for row in found.items], found.page, found.per_page, found.has_next, found.more)


def appeals(session: Session, *, after: str) -> Page[Line]:
    """Sanctions whose members have appealed and wait for an answer, the longest waiting first."""
    query = _lines().where(SanctionAppeal.state == "open")
    marked = Marked(
        SanctionAppeal.opened_at, SanctionAppeal.id, False, lambda row: (row[5].opened_at, row[5].id)
    )
    found = paginate_by_mark(session, query, marked, after=after)
    return Page([_line(row) for row in found.items], found.page, found.per_page, found.has_next, found.more)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A report in the queue."""

    row: Report
    group: str
    author: Member
    claimed: str


def queue(session: Session, *, but: int | None, after: str) -> Page[Waiting]:
    """Open reports, the longest waiting first; of one subject the first stands for all.

    Args:
        but: the host who reads: what is about them is for the others.
    """
    earlier = aliased(Report)
    same = and_(
        earlier.subject_kind == Report.subject_kind,
        earlier.subject_id == Report.subject_id,
        earlier.group_id == Report.group_id,
        earlier.state == STILL_OPEN,
        earlier.id < Report.id,
    )
    claimer = aliased(Member)
    query = (
        select(Report, Group.name, Member, claimer)
        .join(Group, Group.id == Report.group_id)
        .join(Member, Member.id == Report.author_id)
        .outerjoin(claimer, claimer.id == Report.claimed_by)
        .where(Report.state == "open", Report.author_id != (but or 0), ~exists().where(same))
    )
    marked = Marked(Report.id, Report.id, False, lambda row: (row[0].id, row[0].id), number=True)
    found = paginate_by_mark(session, query, marked, after=after)
    items = [
        Waiting(row[0], row[1], row[2], row[3].shown_name if row[3] is not None else "")
        for row in found.items
    ]
    return Page(items, found.page, found.per_page, found.has_next, found.more)


@dataclass(frozen=True, slots=True)
class Case:
    """A report with the others of its subject and what is known of its author."""

    row: Report
    group: Group
    author: Member
    reports: list[tuple[Report, Member]]
    before: list[Line]
    step: int
    rung: Step
    counts: int
    seat_id: int | None
    holder: str = ""
    parties: frozenset[int] = field(default_factory=frozenset)


def case(session: Session, report_id: int, *, now: dt.datetime) -> Case:
    """One report and its case: six statements."""
    holder = aliased(Member)
    row = session.execute(
        select(Report, Group, Member, holder)
        .join(Group, Group.id == Report.group_id)
        .join(Member, Member.id == Report.author_id)
        .outerjoin(holder, holder.id == Report.claimed_by)
        .where(Report.id == report_id)
    ).one_or_none()
    if row is None:
        raise NotFound()
    report, group, author = row[0], row[1], row[2]
    # Of a decided case what was decided with it: the same subject at the same moment.
    together = Report.state == "open" if report.state == "open" else Report.decided_at == report.decided_at
    rows = session.execute(
        select(Report, Member)
        .join(Member, Member.id == Report.reporter_id)
        .where(
            Report.author_id == report.author_id,
            Report.state == report.state,
            together,
            Report.subject_kind == report.subject_kind,
            Report.subject_id == report.subject_id,
            Report.group_id == report.group_id,
        )
        .order_by(Report.id)
    ).all()
    reports = [(one[0], one[1]) for one in rows]
    rungs = services_sanctions.ladder(session)
    counts = services_sanctions.counted(session, member_id=author.id, now=now, rungs=rungs)
    step, rung = rules_ladder.propose(rungs, counts)
    return Case(
        report,
        group,
        author,
        reports,
        sanctions_of(session, author.id),
        step,
        rung,
        counts,
        _seat_in(session, author.id, group.id),
        row[3].shown_name if row[3] is not None else "",
        frozenset({author.id, *(one.reporter_id for one, _member in reports)}),
    )


def _seat_in(session: Session, member_id: int, group_id: int) -> int | None:
    found: int | None = session.scalar(
        select(Seat.id).where(
            Seat.member_id == member_id, Seat.group_id == group_id, Seat.state == "admitted"
        )
    )
    return found


@dataclass(frozen=True, slots=True)
class Seated:
    """Somebody in a group whom a host may sanction."""

    seat: Seat
    group: Group
    member: Member
    before: list[Line]
    step: int
    rung: Step


def seated(session: Session, seat_id: int, *, now: dt.datetime) -> Seated:
    """A seat with what its holder did before."""
    row = session.execute(
        select(Seat, Group, Member)
        .join(Group, Group.id == Seat.group_id)
        .join(Member, Member.id == Seat.member_id)
        .where(Seat.id == seat_id, Seat.state == "admitted")
    ).one_or_none()
    if row is None:
        raise NotFound()
    step, rung = services_sanctions.proposal(session, member_id=row[2].id, now=now)
    return Seated(row[0], row[1], row[2], sanctions_of(session, row[2].id), step, rung)


def reports_by(session: Session, member_id: int) -> list[tuple[Report, str]]:
    """What a member reported lately, with the name of the group."""
    rows = session.execute(
        select(Report, Group.name)
        .join(Group, Group.id == Report.group_id)
        .where(Report.reporter_id == member_id)
        .order_by(Report.id.desc())
        .limit(RECENT)
    )
    return [(report, name) for report, name in rows]


def live_of(session: Session, member_id: int, *, now: dt.datetime) -> list[Line]:
    """What restrains a member now or can be appealed against, the newest first."""
    recent = or_(Sanction.appeal_until > now, Sanction.kind == "removal", Sanction.kind == "mute")
    query = _lines().where(Sanction.member_id == member_id, recent)
    rows = session.execute(query.order_by(Sanction.id.desc()).limit(RECENT))
    return [line for line in map(_line, rows) if line.in_force(now) or line.appealable(now)]


@dataclass(frozen=True, slots=True)
class Quiet:
    """A group in the hosts' list: its line's windows, its own ones."""

    group: Group
    line: GroupLine
    hours: list[Hours]
    slow: int
    own: bool


def quiet_list(session: Session, *, after: str) -> Page[Quiet]:
    """Groups, the newest first, with the schedule in force, none of those nobody writes in any more: two statements."""
    query = select(Group, GroupLine).join(GroupLine, GroupLine.id == Group.line_id)
    query = query.where(Group.closed_at.is_(None))
    marked = Marked(Group.id, Group.id, True, lambda row: (row[0].id, row[0].id), number=True)
    found = paginate_by_mark(session, query, marked, after=after)
    lines = {row[1].id for row in found.items}
    groups = [row[0].id for row in found.items]
    rows = session.scalars(
        select(Schedule).where(
            Schedule.line_id.in_(lines), or_(Schedule.group_id.is_(None), Schedule.group_id.in_(groups))
        )
    )
    own: dict[int, Schedule] = {}
    of_line: dict[int, Schedule] = {}
    for row in rows:
        if row.group_id is None:
            of_line[row.line_id] = row
        else:
            own[row.group_id] = row
    items = []
    for group, line in found.items:
        kept = own.get(group.id) or of_line.get(line.id)
        windows = rules_windows.from_json(kept.windows) if kept else ()
        items.append(
            Quiet(
                group, line, rules_windows.grouped(windows), kept.slow_seconds if kept else 0, group.id in own
            )
        )
    return Page(items, found.page, found.per_page, found.has_next, found.more)


def schedule(session: Session, *, line_id: int, group_id: int | None) -> Schedule | None:
    """The schedule that a line, or a group of its own, has."""
    own = Schedule.group_id.is_(None) if group_id is None else Schedule.group_id == group_id
    return session.scalars(select(Schedule).where(Schedule.line_id == line_id, own)).one_or_none()


def mutes(
    session: Session, group_id: int, *, now: dt.datetime, limit: int = 50
) -> list[tuple[Mute, Member | None]]:
    """Mutes of a group that are in force or to come, the newest first."""
    rows = session.execute(
        select(Mute, Member)
        .outerjoin(Member, Member.id == Mute.member_id)
        .where(
            Mute.group_id == group_id,
            Mute.lifted_at.is_(None),
            or_(Mute.until.is_(None), Mute.until > now),
        )
        .order_by(Mute.id.desc())
        .limit(limit)
    )
    return [(mute, member) for mute, member in rows]


def appealed(session: Session, appeal_id: int) -> int:
    """The sanction that an appeal is about."""
    row = session.get(SanctionAppeal, appeal_id)
    if row is None:
        raise NotFound()
    return row.sanction_id
