"""Reads of claim codes: for the buyer, for whoever opens one, for the desk; each in a constant number of statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from qunclub.kernel import Page, ids
from qunclub.members.models import Member
from qunclub.passes.models import Pass, Plan

from . import rules_claims
from .models import Order, OrderLine
from .models_selling import ClaimCode
from .services_claims import giver_of

PER_PAGE = 20
MOST_PRINTED = 500


@dataclass(frozen=True, slots=True)
class CodeRow:
    """A code and who claimed it."""

    row: ClaimCode
    title: str
    claimer: Member | None

    @property
    def spaced(self) -> str:
        """As it is shown."""
        return rules_claims.spaced(self.row.code)

    @property
    def masked(self) -> str:
        """Enough to tell it from others, too little to claim it."""
        return f"{self.row.code[:5]}-…"


def _rows(order_id: int, state: str = "") -> Select[*tuple[Any, ...]]:
    query = (
        select(ClaimCode, OrderLine.title, Member)
        .join(OrderLine, OrderLine.id == ClaimCode.line_id)
        .outerjoin(Member, Member.id == ClaimCode.claimed_by)
        .where(ClaimCode.order_id == order_id)
        .order_by(ClaimCode.line_id, ClaimCode.unit)
    )
    return query.where(ClaimCode.state == state) if state else query


def codes_page(session: Session, order_id: int, *, state: str = "", page: int = 1) -> Page[CodeRow]:
    """A page of an order's codes, of one state or of all."""
    query = _rows(order_id, state).offset((page - 1) * PER_PAGE).limit(PER_PAGE + 1)
    rows = [CodeRow(*row) for row in session.execute(query)]
    return Page(items=rows[:PER_PAGE], page=page, per_page=PER_PAGE, has_next=len(rows) > PER_PAGE)


def all_codes(session: Session, order_id: int, *, state: str = "") -> list[CodeRow]:
    """Every code of an order, for tables and for printing."""
    return [CodeRow(*row) for row in session.execute(_rows(order_id, state).limit(MOST_PRINTED))]


def counts(session: Session, order_id: int) -> dict[str, int]:
    """How many codes an order has in each state."""
    rows = session.execute(
        select(ClaimCode.state, func.count()).where(ClaimCode.order_id == order_id).group_by(ClaimCode.state)
    )
    found: dict[str, int] = {state: number for state, number in rows}
    return found


@dataclass(frozen=True, slots=True)
class Gift:
    """What a code gives, as everybody sees it who opens it."""

    row: ClaimCode
    plan: Plan
    giver: str
    disputed: bool

    @property
    def courses(self) -> Sequence[str]:
        """What it opens."""
        return [course.title for course in self.plan.courses if course.state == "published"]

    @property
    def claimable(self) -> bool:
        """Whether somebody can claim it now."""
        return self.row.state == rules_claims.OPEN and not self.disputed


def gift(session: Session, code: str) -> Gift | None:
    """What this code gives; None when there is no such code, or it was never paid for."""
    wanted = ids.normalise_code(code)
    if len(wanted) != rules_claims.CODE_LENGTH:
        return None
    found = session.execute(
        select(ClaimCode, Order, Member, Plan)
        .join(Order, Order.id == ClaimCode.order_id)
        .join(OrderLine, OrderLine.id == ClaimCode.line_id)
        .join(Plan, Plan.id == OrderLine.plan_id)
        .join(Member, Member.id == Order.member_id)
        .where(ClaimCode.code == wanted, ClaimCode.state != rules_claims.UNPAID)
        .options(joinedload(Plan.tier), selectinload(Plan.courses))
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        return None
    row, order, buyer, plan = found
    return Gift(row, plan, giver_of(order, buyer), order.disputed)


def pass_of(session: Session, code: ClaimCode, member_id: int | None) -> Pass | None:
    """The pass of a claimed code, for the member who claimed it and nobody else."""
    if code.pass_id is None or member_id is None or code.claimed_by != member_id:
        return None
    return session.get(Pass, code.pass_id)
