"""How far somebody is with the ritual of their group, who came last, and who in a group stands where."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, select, text
from sqlalchemy.orm import Session

from qunclub.kernel import Page
from qunclub.kernel.pages import Marked, paginate_by_mark
from qunclub.members.models import Member

from . import rules_ritual
from .models import Covenant, CovenantAcceptance, Group, Seat
from .models_ritual import Introduction, LineRitual, RitualMark
from .rules_ritual import RENAMED, TASK

NEWEST = 6
SEATED = text("qunclub_seat.state = 'admitted'")
"""As the index along the coming says it: a bound value would hide that index."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a line asks of one member, and what they have done of it.

    Attributes:
        questions: asked of them; empty when they are asked nothing.
        introduction: what they said, with or without being asked.
        task_at: when they ticked the first task.
    """

    questions: Sequence[str]
    introduction: Introduction | None
    task_title: str
    task_html: str
    task_at: dt.datetime | None

    @property
    def introduced(self) -> bool:
        """Whether nothing is missing of the introduction."""
        return not self.questions or self.introduction is not None


NOTHING = Asked((), None, "", "", None)


def asked_of(session: Session, seat: Seat) -> Asked:
    """What is asked of the holder of a seat, in one statement."""
    row = session.execute(
        select(LineRitual, Introduction, RitualMark.at)
        .outerjoin(
            Introduction,
            and_(Introduction.line_id == LineRitual.line_id, Introduction.member_id == seat.member_id),
        )
        .outerjoin(RitualMark, and_(RitualMark.seat_id == seat.id, RitualMark.step == TASK))
        .where(LineRitual.line_id == seat.line_id)
    ).one_or_none()
    if row is None:
        return NOTHING
    ritual, introduction, task_at = row
    wanted = is_asked(ritual, seat_asked_at=seat.asked_at)
    return Asked(
        questions=ritual.questions if wanted or introduction is not None else (),
        introduction=introduction,
        task_title=ritual.task_title,
        task_html=ritual.task_html,
        task_at=task_at,
    )


def is_asked(ritual: LineRitual, *, seat_asked_at: dt.datetime) -> bool:
    """Whether the holder of a seat that was asked for then introduces themselves."""
    return rules_ritual.asked(ritual.questions, since=ritual.asked_since, seat_asked_at=seat_asked_at)


def ritual_of(session: Session, line_id: int) -> LineRitual | None:
    """What a line asks; None when it asks nothing."""
    return session.get(LineRitual, line_id)


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody who came, with what they said of themselves."""

    member: Member
    introduction: Introduction


def newest(session: Session, group_id: int) -> list[Newcomer]:
    """Who introduced themselves in a group last, the newest first: the welcome its members read."""
    rows = session.execute(
        select(Member, Introduction)
        .select_from(Seat)
        .join(Member, Member.id == Seat.member_id)
        .join(
            Introduction,
            and_(Introduction.line_id == Seat.line_id, Introduction.member_id == Seat.member_id),
        )
        .where(Seat.group_id == group_id, SEATED, Member.suspended_at.is_(None))
        .order_by(Seat.admitted_at.desc(), Seat.id.desc())
        .limit(NEWEST)
    )
    return [Newcomer(member, said) for member, said in rows]


@dataclass(frozen=True, slots=True)
class Arrival:
    """One member of a group, for its hosts: which steps are kept."""

    seat: Seat
    member: Member
    accepted_at: dt.datetime | None
    introduction: Introduction | None
    task_at: dt.datetime | None
    renamed_at: dt.datetime | None


_task = select(RitualMark.seat_id, RitualMark.at).where(RitualMark.step == TASK).subquery("task")
_renamed = select(RitualMark.seat_id, RitualMark.at).where(RitualMark.step == RENAMED).subquery("renamed")


def arrivals(
    session: Session, group: Group, covenant: Covenant | None, *, number: int | None = None, after: str = ""
) -> Page[Arrival]:
    """The members of a group by their coming, the newest first, each with the steps that are kept.

    Args:
        covenant: the one in force of the group's line.
        number: only the member with this number.
        after: the mark of the page before.
    """
    accepted: Any = CovenantAcceptance
    query = (
        select(Seat, Member, accepted.accepted_at, Introduction, _task.c.at, _renamed.c.at)
        .join(Member, Member.id == Seat.member_id)
        .outerjoin(
            accepted,
            and_(
                accepted.member_id == Seat.member_id,
                accepted.covenant_id == (covenant.id if covenant else None),
            ),
        )
        .outerjoin(
            Introduction,
            and_(Introduction.line_id == Seat.line_id, Introduction.member_id == Seat.member_id),
        )
        .outerjoin(_task, _task.c.seat_id == Seat.id)
        .outerjoin(_renamed, _renamed.c.seat_id == Seat.id)
        .where(Seat.group_id == group.id, SEATED)
    )
    if number is not None:
        query = query.where(Member.number == number)
    marked = Marked(Seat.admitted_at, Seat.id, newest=True, of=lambda row: (row[0].admitted_at, row[0].id))
    page = paginate_by_mark(session, query, marked, after=after)
    return Page(
        items=[Arrival(*row) for row in page.items],
        page=page.page,
        per_page=page.per_page,
        has_next=page.has_next,
        more=page.more,
    )
