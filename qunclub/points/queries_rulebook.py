"""Reads of the rules: what every kind earns at present, and every form a rule ever had."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from qunclub.kernel import NotFound, reads

from .models import PointRule, PointRuleVersion
from .rules import KINDS, Rule, default_rule
from .rules_limits import Limits
from .services_rulebook import untouched


@cache
def _rules() -> Select[*tuple[Any, ...]]:
    rule = PointRule
    return select(rule.kind, rule.amount, rule.honours, rule.active, rule.version, rule.limits)


def rules_in_force(session: Session) -> dict[str, Rule]:
    """What every kind earns at present, for pages that say so."""
    found = {kind: default_rule(kind) for kind in KINDS}
    for kind, amount, honours, active, version, limits in reads.rows(session, _rules()):
        found[kind] = Rule(amount, honours, active, version, Limits.of(limits))
    return found


def active_since(session: Session, kind: str) -> dt.datetime | None:
    """Since when a kind earns without a break; None when it is switched off: one statement."""
    form = PointRuleVersion
    off = select(func.coalesce(func.max(form.version), 0)).where(form.kind == kind, form.active.is_(False))
    query = select(func.min(form.valid_from)).where(form.kind == kind, form.version > off.scalar_subquery())
    return session.scalar(query)


def all_rules(session: Session) -> list[PointRule]:
    """Every kind's rule in the order of the code, also of those nobody has touched: one statement."""
    found = {rule.kind: rule for rule in session.scalars(select(PointRule))}
    return [found.get(kind) or untouched(kind) for kind in KINDS]


@dataclass(frozen=True, slots=True)
class Form:
    """A form a rule had from ``since`` until ``until`` (None: it is in force), newest first in a list."""

    version: PointRuleVersion
    since: dt.datetime
    until: dt.datetime | None

    @property
    def limits(self) -> Limits:
        """What one member can earn by it."""
        return Limits.of(self.version.limits)


def forms_of(session: Session, kind: str) -> list[Form]:
    """Every form the rule of *kind* had, newest first; none when no line was ever written by it.

    Raises:
        NotFound: for an unknown kind.
    """
    if kind not in KINDS:
        raise NotFound()
    rows = session.scalars(
        select(PointRuleVersion)
        .where(PointRuleVersion.kind == kind)
        .order_by(PointRuleVersion.version.desc())
    ).all()
    ends: list[dt.datetime | None] = [None, *(row.valid_from for row in rows)]
    return [Form(row, row.valid_from, until) for row, until in zip(rows, ends, strict=False)]
