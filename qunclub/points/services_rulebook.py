"""Verbs of the rules: what a kind of contribution earns from now on. Every form a rule had stays readable."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Invalid, NotFound, Stale, store

from . import ledger, rules_limits
from .models import PointRule, PointRuleVersion
from .rules import KINDS, check_amount, check_honours, default_rule
from .rules_limits import Limits

MOST_WORDS = 500


def rule_of(session: Session, kind: str) -> PointRule:
    """The rule of *kind*, or what it is until it is first used (a row that is not added)."""
    return session.get(PointRule, kind) or untouched(kind)


def untouched(kind: str) -> PointRule:
    """The rule of a *kind* that nobody has set or used: a row that is not added."""
    rule = default_rule(kind)
    return PointRule(
        kind=kind,
        amount=rule.amount,
        honours=rule.honours,
        active=rule.active,
        version=1,
        limits=rule.limits.to_json(),
    )


def ensure_rules(session: Session, now: dt.datetime) -> None:
    """Write down the rules that have no row yet, and the window of all time."""
    ledger.write_down(session, now)


def set_rule(
    session: Session,
    *,
    kind: str,
    amount: int,
    active: bool,
    actor: Actor,
    now: dt.datetime,
    honours: int | None = None,
    reason: str = "",
    version: int | None = None,
    limits: Limits | None = None,
) -> PointRule:
    """Set what a kind earns from now on; lines that are written stay as they are, and so does the old rule.

    Args:
        honours: what a line adds to the tie-breaking count; None leaves it.
        reason: why, for those who read the rule's history.
        limits: what one member can earn by it; None leaves them.
        version: the rule that was shown to whoever changes it; None asks nothing.

    Returns:
        The rule in force; nothing is written when nothing changes.

    Raises:
        NotFound: for an unknown kind.
        Invalid: on field ``amount``, ``honours``, ``reason`` or one of the limits.
        Stale: when somebody else changed it meanwhile.
    """
    if kind not in KINDS:
        raise NotFound()
    check_amount(amount)
    if honours is not None:
        check_honours(honours)
    if limits is not None:
        rules_limits.check(limits)
    words = " ".join(reason.split())
    if len(words) > MOST_WORDS:
        raise Invalid(N_("Write the reason in up to %(most)s characters."), field="reason", most=MOST_WORDS)
    ensure_rules(session, now)
    rule = session.scalars(
        select(PointRule)
        .where(PointRule.kind == kind)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if version is not None and rule.version != version:
        raise Stale(N_("Somebody else changed this rule while you were writing. Nothing was overwritten."))
    before = _facts(rule)
    after = {
        "amount": amount,
        "active": active,
        "honours": rule.honours if honours is None else honours,
        "limits": rule.limits if limits is None else limits.to_json(),
    }
    if before == after:
        return rule
    for name, value in after.items():
        setattr(rule, name, value)
    rule.version += 1
    rule.updated_at = now
    session.add(
        PointRuleVersion(
            kind=kind,
            version=rule.version,
            valid_from=now,
            actor=actor.key,
            actor_name=actor.name,
            reason=words,
            **after,
        )
    )
    store.record(
        session,
        actor=actor,
        action="points.rule",
        target=f"point_rule:{kind}",
        now=now,
        summary=f"{kind}: {before['amount']} → {amount}",
        details={"before": before, "after": after, "version": rule.version, "reason": words},
    )
    session.flush()
    return rule


def _facts(rule: PointRule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in ("amount", "active", "honours", "limits")}
