"""What pages say of tuition earned back, each in a constant number of statements."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from qunclub.courses.models import Course
from qunclub.homework import works_of
from qunclub.homework.models import Assignment, Submission
from qunclub.kernel import NotFound, Page, paginate
from qunclub.members.models import Member
from qunclub.orders.models import Order
from qunclub.passes.models import Plan, PlanCourse

from . import rules
from .models import TuitionCase, TuitionPromise

HEADER = (
    "order", "member", "pass", "state", "deadline", "kind", "amount_minor", "currency", "settled_at", "reason",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Terms:
    """A promise as it is read; *titles* are its homework."""

    plan: str
    currency: str
    works: int
    titles: tuple[str, ...]
    featured_only: bool
    days: int | None
    by_at: dt.datetime | None
    kind: str
    percent: int | None
    amount: int | None


@dataclass(frozen=True, slots=True)
class Mine:
    """One's own case with how far one is."""

    terms: Terms
    state: str
    done: int
    waiting: int
    deadline_at: dt.datetime
    amount: int
    code: str
    reason: str
    courses: frozenset[int]


def promised(session: Session, plan_id: int) -> Terms | None:
    """What a plan promises now: two statements at most."""
    found = session.execute(
        select(TuitionPromise, Plan)
        .join(Plan, Plan.id == TuitionPromise.plan_id)
        .where(TuitionPromise.plan_id == plan_id, TuitionPromise.until_at.is_(None))
    ).one_or_none()
    if found is None:
        return None
    return _terms(found[0], found[1], _homework(session, set(found[0].assignment_ids)))


def _homework(session: Session, wanted: set[int]) -> dict[int, tuple[str, int]]:
    rows = session.execute(
        select(Assignment.id, Assignment.title, Assignment.course_id)
        .where(Assignment.id.in_(wanted))
        .order_by(Assignment.position, Assignment.id)
    )
    return {ident: (title, course_id) for ident, title, course_id in rows}


def _terms(row: TuitionPromise, plan: Plan, homework: dict[int, tuple[str, int]]) -> Terms:
    titles = tuple(title for ident, (title, _c) in homework.items() if ident in set(row.assignment_ids))
    return Terms(
        plan.title, plan.currency, row.works, titles, row.featured_only, row.days, row.by_at, row.kind,
        row.percent, row.amount,
    )  # fmt: skip


def mine(session: Session, member_id: int) -> list[Mine]:
    """A member's cases, the latest first: three statements, one when there are none."""
    rows = session.execute(
        select(TuitionCase, TuitionPromise, Plan)
        .join(TuitionPromise, TuitionPromise.id == TuitionCase.promise_id)
        .join(Plan, Plan.id == TuitionPromise.plan_id)
        .where(TuitionCase.member_id == member_id)
        .order_by(TuitionCase.id.desc())
        .limit(20)
    ).all()
    if not rows:
        return []
    wanted = {ident for _case, row, _plan in rows for ident in row.assignment_ids}
    homework = _homework(session, wanted)
    works = session.execute(
        select(
            Submission.assignment_id, Submission.state, Submission.featured, Submission.submitted_at
        ).where(
            Submission.id.in_(works_of(member_id)),
            Submission.assignment_id.in_(wanted),
            Submission.carried_over.is_(False),
        )
    ).all()
    found = []
    for case, row, plan in rows:
        of_promise = [rules.Work(*one[1:]) for one in works if one[0] in set(row.assignment_ids)]
        so_far = rules.progress(
            of_promise, featured_only=row.featured_only, start=case.starts_at, end=case.deadline_at
        )
        courses = frozenset(homework[one][1] for one in row.assignment_ids if one in homework)
        code = case.ref if row.kind == "credit" and case.state == "granted" else ""
        found.append(
            Mine(
                _terms(row, plan, homework), case.state, min(so_far.done, row.works), so_far.waiting,
                case.deadline_at, case.amount, code, case.reason, courses,
            )
        )  # fmt: skip
    return found


def cases(state: str, q: str) -> Select[*tuple[Any, ...]]:
    """Cases for the desk, the latest first."""
    query = (
        select(
            TuitionCase, TuitionPromise, Plan.title, Order.code, Member.name, Member.nickname, Member.number
        )
        .join(TuitionPromise, TuitionPromise.id == TuitionCase.promise_id)
        .join(Plan, Plan.id == TuitionPromise.plan_id)
        .join(Order, Order.id == TuitionCase.order_id)
        .join(Member, Member.id == TuitionCase.member_id)
        .order_by(TuitionCase.id.desc())
    )
    if state:
        query = query.where(TuitionCase.state == state)
    if q:
        by_number = q.isascii() and q.isdigit() and len(q) < 10
        query = query.where(Member.number == int(q) if by_number else Order.code == q.upper())
    return query


def page_of(session: Session, *, state: str, q: str, page: int) -> Page[Any]:
    """A page of cases."""
    return paginate(session, cases(state, q), page=page)


def rows_for_csv(session: Session, *, state: str, q: str) -> Iterator[tuple[Any, ...]]:
    """The same list as a table of record."""
    for case, row, title, code, name, nickname, _number in session.execute(cases(state, q)):
        settled = case.settled_at.isoformat() if case.settled_at else ""
        yield (
            code, nickname or name, title, case.state, case.deadline_at.isoformat(), row.kind, case.amount,
            case.currency, settled, case.reason,
        )  # fmt: skip


def one(session: Session, case_id: int) -> Any:
    """A case for the desk.

    Raises:
        NotFound: when there is none.
    """
    row = session.execute(cases("", "").where(TuitionCase.id == case_id)).one_or_none()
    if row is None:
        raise NotFound()
    return row


def plans(session: Session) -> list[Any]:
    """(plan, its promise or None) of every pass bought once."""
    return list(
        session.execute(
            select(Plan.id, Plan.title, Plan.currency, TuitionPromise)
            .outerjoin(
                TuitionPromise, (TuitionPromise.plan_id == Plan.id) & TuitionPromise.until_at.is_(None)
            )
            .where(Plan.interval == "", Plan.price > 0)
            .order_by(Plan.position, Plan.id)
        )
    )


def plan_for(session: Session, plan_id: int) -> Any:
    """A pass that may promise.

    Raises:
        NotFound: when there is none.
    """
    row = session.execute(
        select(Plan.id, Plan.title, Plan.currency, Plan.price).where(Plan.id == plan_id, Plan.interval == "")
    ).one_or_none()
    if row is None:
        raise NotFound()
    return row


def homework_of(session: Session, plan_id: int) -> list[tuple[int, str]]:
    """The homework that a pass opens, with its course."""
    rows = session.execute(
        select(Assignment.id, Course.title, Assignment.title)
        .join(Course, Course.id == Assignment.course_id)
        .join(PlanCourse, PlanCourse.course_id == Course.id)
        .where(PlanCourse.plan_id == plan_id)
        .order_by(Course.position, Course.id, Assignment.position, Assignment.id)
    )
    return [(ident, f"{course} · {title}") for ident, course, title in rows]
