"""What a line asks of newcomers; introductions; the steps that are ticked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from qunclub.kernel import (
    N_,
    Actor,
    Invalid,
    NotFound,
    Stale,
    insert_for,
    locks,
    render_markdown,
    store,
)

from . import rules_ritual, services_welcome
from .models import GroupLine, Seat
from .models_ritual import Introduction, LineRitual, RitualMark


def set_ritual(
    session: Session,
    *,
    line_id: int,
    version: int,
    questions_typed: str,
    task_title: str,
    task_md: str,
    actor: Actor,
    now: dt.datetime,
) -> LineRitual:
    """Keep what a line asks; *version* is the one that was read, 0 for none yet.

    New questions are asked of those who come from now on; what others have said stays.

    Raises:
        Stale: when somebody else saved it since.
        Invalid: on ``questions`` or ``task_title``.
    """
    line = locks.lock(session, GroupLine, line_id)
    row = session.get(LineRitual, line_id, populate_existing=True)
    if version != (row.version if row else 0):
        raise Stale(N_("Somebody else saved this in the meantime. Look at the new state, then save again."))
    asked, title, text = rules_ritual.questions(questions_typed), task_title.strip(), task_md.strip()
    if text and not title:
        raise Invalid(N_("Give the task a title."), field="task_title")
    if row is None:
        row = LineRitual(line_id=line_id, questions=[], asked_since=now, version=0)
        session.add(row)
    before = {"questions": row.questions, "task": row.task_title}
    if asked and not row.questions:
        row.asked_since = now
    row.questions, row.task_title, row.task_md = asked, title, text
    row.task_html = render_markdown(text) if text else ""
    row.version += 1
    store.record(
        session,
        actor=actor,
        action="group_line.ritual",
        target=f"group_line:{line.id}",
        summary=line.name,
        details={"before": before, "after": {"questions": asked, "task": title}},
        now=now,
    )
    session.flush()
    return row


def introduce(
    session: Session, *, line_id: int, member_id: int, given: Sequence[str], now: dt.datetime
) -> Introduction:
    """Keep what a member says to the groups of a line; saying it again replaces it.

    Raises:
        NotFound: when the line asks nothing.
        Invalid: on ``answer_<n>``.
    """
    row = session.get(LineRitual, line_id)
    if row is None or not row.questions:
        raise NotFound()
    found = rules_ritual.answers(row.questions, given)
    # Two windows that save at once make one introduction.
    session.execute(
        insert_for(session, Introduction)
        .values(line_id=line_id, member_id=member_id, answers=found, given_at=now, updated_at=now)
        .on_conflict_do_update(
            index_elements=[Introduction.line_id, Introduction.member_id],
            set_={"answers": found, "updated_at": now},
        )
    )
    services_welcome.newcomers(session, line_id=line_id, member_ids=[member_id], now=now)
    query = select(Introduction).where(Introduction.line_id == line_id, Introduction.member_id == member_id)
    return session.scalars(query.execution_options(populate_existing=True)).one()


def mark(session: Session, *, seat_id: int, step: str, by_id: int | None, now: dt.datetime) -> None:
    """Tick a step of a seat; a second time changes nothing.

    Raises:
        NotFound: for a step that is not ticked, or a seat that is not held.
    """
    seat = session.get(Seat, seat_id)
    if step not in rules_ritual.MARKS or seat is None or seat.state != "admitted":
        raise NotFound()
    session.execute(
        insert_for(session, RitualMark)
        .values(seat_id=seat_id, step=step, at=now, by_id=by_id)
        .on_conflict_do_nothing(index_elements=[RitualMark.seat_id, RitualMark.step])
    )


def unmark(session: Session, *, seat_id: int, step: str) -> None:
    """Take a tick back; none is fine."""
    session.execute(delete(RitualMark).where(RitualMark.seat_id == seat_id, RitualMark.step == step))


def forget_introductions(session: Session, *, member_id: int) -> None:
    """What a member said of themselves goes with them; who ticked what is no longer theirs."""
    session.execute(delete(Introduction).where(Introduction.member_id == member_id))
