"""Members report; one host at a time holds a report, and either dismisses it or finds a violation.

Locks: first the row of the reported member, under which violations are counted; then the reports in the order of their
ids; last whatever groups lock.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.groups.models import Group, Seat
from qunclub.kernel import N_, Actor, Conflict, Forbidden, Invalid, NotFound, Stale, insert_for, locks
from qunclub.kernel.store import Counter
from qunclub.members.models import Member

from . import posting, rules_ladder, subjects
from .models import STILL_OPEN, Report
from .services_quiet import checked_reason, host_of

MOST_OPEN = 20
REPORTS, APPEALS = "house_reports", "house_appeals"
OWN_CASE, ANOTHER = N_("Nobody judges a case of their own."), N_("Another host decides it.")
GONE = N_("This report was decided meanwhile. Nothing was overwritten.")


def report(
    session: Session,
    *,
    kind: str,
    subject_id: int,
    category: str,
    reason: str,
    reporter_id: int,
    now: dt.datetime,
) -> Report:
    """Tell the hosts of something in a group one sits in.

    Raises:
        NotFound: when it is gone or hidden, or stands in a group that the reporter does not sit in.
        Invalid: naming the field.
        Conflict: for what is one's own, what one has reported already, or too many open reports.
    """
    found = subjects.find(session, kind, subject_id)
    if found.hidden or not may_see(session, group_id=found.group_id, member_id=reporter_id):
        raise NotFound()
    if found.author_id == reporter_id:
        raise Conflict(N_("This is your own; nobody reports themselves."))
    if category not in rules_ladder.CATEGORIES:
        raise Invalid(N_("Choose what is wrong."), field="category")
    text = checked_reason(reason, most=rules_ladder.MOST_REASON)
    # One's own row: two reports sent at once are counted one after the other.
    locks.lock(session, Member, reporter_id)
    mine = select(Report.subject_kind, Report.subject_id).where(
        Report.reporter_id == reporter_id, Report.state == "open"
    )
    held = [tuple(row) for row in session.execute(mine.limit(MOST_OPEN)).all()]
    if (kind, subject_id) in held:
        raise Conflict(N_("You have reported this already; the hosts will look at it."))
    if len(held) >= MOST_OPEN:
        raise Conflict(
            N_("%(most)s of your reports are still open. Wait until the hosts have looked at them."),
            most=MOST_OPEN,
        )
    row = Report(
        subject_kind=kind,
        subject_id=subject_id,
        group_id=found.group_id,
        author_id=found.author_id,
        reporter_id=reporter_id,
        category=category,
        reason=text,
        excerpt=found.excerpt[: subjects.MOST_EXCERPT],
        state="open",
        opened_at=now,
    )
    session.add(row)
    session.flush()
    count(session, REPORTS, 1)
    return row


def may_see(session: Session, *, group_id: int, member_id: int) -> bool:
    """Whether somebody sits in a group, or is a host of the club."""
    member = session.get_one(Member, member_id)
    if "host" in posting.offices_of(member):
        return True
    seat = select(Seat.id).where(
        Seat.member_id == member_id, Seat.group_id == group_id, Seat.state == "admitted"
    )
    return session.scalar(seat.limit(1)) is not None


def claim(
    session: Session,
    *,
    report_id: int,
    actor: Actor,
    now: dt.datetime,
    lease: dt.timedelta = rules_ladder.LEASE,
) -> Report:
    """Hold an open report, and every other of the same subject, for *lease*; holding it already renews that.

    Raises:
        Conflict: when another host holds it.
        Stale: when it was decided meanwhile.
        Forbidden: for who reported or is reported, and for hosts when a host is.
    """
    by = host_of(actor)
    first, case = locked_case(session, report_id)
    refuse_party(session, case, actor)
    refuse_held(case, by, now)
    for one in case:
        one.claimed_by, one.claimed_until = by, now + lease
    session.flush()
    return first


def release(session: Session, *, report_id: int, actor: Actor, now: dt.datetime) -> None:
    """Give a report back to the queue; one that another holds is left alone."""
    by = host_of(actor)
    _first, case = locked_case(session, report_id)
    for one in case:
        if one.claimed_by == by:
            one.claimed_by = one.claimed_until = None
    session.flush()


def dismiss(session: Session, *, report_id: int, answer: str, actor: Actor, now: dt.datetime) -> Report:
    """Decide that no rule was broken, and tell the reporters why.

    Raises:
        Stale: when it was decided meanwhile, or another host holds it.
        Invalid: without a reason.
    """
    text = checked_reason(answer, field="answer", most=rules_ladder.MOST_REASON)
    first, case = case_to_decide(session, report_id, actor, now)
    close(session, case, state="dismissed", answer=text, by=actor.member_id, now=now)
    return first


def case_to_decide(
    session: Session, report_id: int, actor: Actor, now: dt.datetime
) -> tuple[Report, list[Report]]:
    """The report and all open ones of its subject, locked, for a host who may decide them."""
    by = host_of(actor)
    author_id = session.scalar(select(Report.author_id).where(Report.id == report_id))
    if author_id is None:
        raise NotFound()
    locks.lock(session, Member, author_id)
    first, case = locked_case(session, report_id)
    refuse_party(session, case, actor)
    try:
        refuse_held(case, by, now)
    except Conflict as error:
        raise Stale(error.message) from None
    return first, case


def locked_case(session: Session, report_id: int) -> tuple[Report, list[Report]]:
    """A report with every open one of the same subject, locked in the order of their ids.

    Raises:
        Stale: when it is not open any more.
    """
    asked = session.get(Report, report_id)
    if asked is None:
        raise NotFound()
    query = (
        select(Report)
        .where(
            Report.subject_kind == asked.subject_kind,
            Report.subject_id == asked.subject_id,
            Report.group_id == asked.group_id,
            Report.state == STILL_OPEN,
        )
        .order_by(Report.id)
        .execution_options(populate_existing=True)
    )
    if locks.enabled():
        query = query.with_for_update()
    case = list(session.scalars(query))
    first = next((one for one in case if one.id == report_id), None)
    if first is None:
        raise Stale(GONE)
    return first, case


def refuse_held(case: list[Report], by: int, now: dt.datetime) -> None:
    """Raises Conflict when another host holds one of these."""
    if any(
        rules_ladder.held_by_other(one.claimed_by, one.claimed_until, member_id=by, now=now) for one in case
    ):
        raise Conflict(N_("Another host holds this report at the moment."))


def refuse_party(session: Session, case: list[Report], actor: Actor) -> None:
    """Raises Forbidden when the one who acts is a party of the case, or it needs an admin."""
    if any(actor.member_id in (one.author_id, one.reporter_id) for one in case):
        raise Forbidden(OWN_CASE, how=ANOTHER)
    refuse_rank(session, case[0].author_id, actor)


def refuse_rank(session: Session, member_id: int, actor: Actor) -> None:
    """Raises Forbidden when a host would judge a host or an admin, or themselves."""
    if actor.member_id == member_id:
        raise Forbidden(OWN_CASE, how=ANOTHER)
    author = session.get_one(Member, member_id)
    if "host" in posting.offices_of(author) and not actor.has("admin"):
        raise Forbidden(N_("This is about a host."), how=N_("An admin decides it."))


def close(
    session: Session,
    case: list[Report],
    *,
    state: str,
    answer: str,
    by: int | None,
    now: dt.datetime,
    violation_id: int | None = None,
) -> None:
    """Decide open reports together; each reporter is told."""
    group = session.get_one(Group, case[0].group_id)
    for one in case:
        one.state, one.answer, one.violation_id = state, answer, violation_id
        one.decided_by, one.decided_at = by, now
        one.claimed_by = one.claimed_until = None
    session.flush()
    count(session, REPORTS, -len(case))
    people = session.scalars(select(Member).where(Member.id.in_([one.reporter_id for one in case])))
    names = {person.id: person for person in people}
    letters = [
        notices.Letter(
            member=one.reporter_id,
            context={
                "name": names[one.reporter_id].shown_name,
                "group": group.name,
                "slug": group.slug,
                "state": state,
                "answer": answer,
            },
            key=f"house_report:{one.id}",
        )
        for one in case
    ]
    notices.letters(session, letters, template="house_report_answered", now=now)


def count(session: Session, name: str, by: int) -> None:
    """Change a kept count, in the transaction of what it counts: writers wait for each other on its row."""
    step = update(Counter).where(Counter.name == name).values(value=Counter.value + by)
    changed = session.execute(step.returning(Counter.value)).scalar_one_or_none()
    if changed is None:
        session.execute(insert_for(session, Counter).values(name=name, value=0).on_conflict_do_nothing())
        session.execute(step)


def waiting(session: Session, name: str = REPORTS) -> int:
    """How many reports (or appeals) are open, as it is kept."""
    return session.scalar(select(Counter.value).where(Counter.name == name)) or 0


def counted(session: Session) -> int:
    """How many reports are open, counted: for the doctor."""
    return session.scalars(select(func.count()).select_from(Report).where(Report.state == "open")).one()
