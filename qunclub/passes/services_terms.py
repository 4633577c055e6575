"""The terms of a pass: extended, taken back one by one, kept in step with a membership that renews; and suspended."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Conflict, locks, store

from . import rules, rules_terms, services_ends
from .models import Pass, PassTerm, Plan
from .rules_terms import Term
from .services import EXPIRED

IN_LIST = 500


def extend(
    session: Session,
    *,
    pass_id: int,
    source: str,
    now: dt.datetime,
    actor: Actor,
    ends_at: dt.datetime | None = None,
) -> Pass:
    """Add a term after the present end of a pass; the same *source* again changes nothing. No stock is used.

    Args:
        ends_at: the end of the time paid for; as the plan says when None.

    Raises:
        Conflict: when the pass has ended, is for life, or would not last any longer.
    """
    held = locks.lock(session, Pass, pass_id)
    known = session.scalars(select(PassTerm).where(PassTerm.source == source)).one_or_none()
    if known is not None:
        if known.pass_id != held.id:
            raise Conflict(N_("This was recorded already, for another pass."))
        return held
    if held.state not in rules.LIVE:
        raise Conflict(N_("This pass has ended: it cannot be extended, but a new one can be bought."))
    if held.ends_at is None:
        raise Conflict(N_("This pass is good for life: there is nothing to extend."))
    live = _live_terms(session, held.id)
    in_grace = held.grace_until is not None and held.ends_at <= now < held.grace_until
    timed, begins = rules_terms.extended(
        [Term(one.starts_at, one.ends_at) for one in live], now=now, in_grace=in_grace, ends_at=ends_at
    )
    _retime(live, timed)
    plan = session.get_one(Plan, held.plan_id)
    until = ends_at if ends_at is not None else rules.end_of(plan, begins)
    if ends_at is None and until is not None and until <= begins:
        raise Conflict(N_("This pass lasts as long as the plan does already."))
    session.add(PassTerm(pass_id=held.id, source=source, starts_at=begins, ends_at=until))
    held.ends_at = None if until is None else max(held.ends_at, until)
    _record(session, held, "pass.extend", {"source": source, "ends_at": _text(held.ends_at)}, actor, now)
    session.flush()
    return held


def end_source(session: Session, *, source: str, reason: str, now: dt.datetime, actor: Actor) -> Pass | None:
    """Take back what one source gave; None when it gave nothing, and the second time changes nothing.

    Its term ends and later ones come forward by what was not used of it. A pass without any term left is revoked, as
    :func:`qunclub.passes.revoke` does; one whose time is up then has expired.

    Locks, in order: the plan (when the pass was bought), the pass, the group line.
    """
    pass_id = session.scalar(select(PassTerm.pass_id).where(PassTerm.source == source))
    if pass_id is None:
        return None
    held, plan = services_ends.locked(session, pass_id)
    live = _live_terms(session, held.id)
    taken = next((at for at, term in enumerate(live) if term.source == source), None)
    if taken is None:
        return held
    if len(live) == 1:
        services_ends.revoke_locked(session, held, plan, reason=reason, now=now, actor=actor)
        return held
    kept = rules_terms.without([Term(one.starts_at, one.ends_at) for one in live], taken, now)
    live[taken].revoked_at = now
    _retime([*live[:taken], *live[taken + 1 :]], kept)
    before, held.ends_at = held.ends_at, rules_terms.last_end(kept)
    if taken == len(live) - 1:
        # Grace is for a late renewal of time that was paid for; this time is not any more.
        held.grace_until = None
    details: dict[str, object] = {
        "source": source,
        "reason": reason,
        "ends_at": {"before": _text(before), "after": _text(held.ends_at)},
    }
    _record(session, held, "pass.shorten", details, actor, now)
    if held.state == "active" and rules.is_over(held, now):
        services_ends.end(session, held, plan, "expired", reason, now)
    session.flush()
    return held


def set_renewal(
    session: Session,
    *,
    pass_id: int,
    grace_until: dt.datetime | None,
    renews: bool,
    now: dt.datetime,
    ends_at: dt.datetime | None = None,
) -> Pass:
    """Keep a recurring pass in step with its membership at the gateway; one that has ended stays as it is.

    Args:
        ends_at: a new end of its last term; as it is when None. What a new charge paid for comes with :func:`extend`.
    """
    held = locks.lock(session, Pass, pass_id)
    if held.state not in rules.LIVE:
        return held
    held.grace_until, held.renews = grace_until, renews
    if ends_at is not None and held.ends_at is not None and held.ends_at != ends_at:
        terms = _live_terms(session, held.id)
        for term in terms:
            if term.ends_at is None or term.ends_at > ends_at or term is terms[-1]:
                term.starts_at, term.ends_at = min(term.starts_at, ends_at), ends_at
        held.ends_at = ends_at
    session.flush()
    return held


def suspend(
    session: Session, *, pass_ids: Iterable[int], reason: str, now: dt.datetime, actor: Actor
) -> list[Pass]:
    """Close active passes while their payment is disputed; seat and number are kept. Returns those it closed."""
    changed = []
    for pass_id in sorted(set(pass_ids)):
        held = locks.lock(session, Pass, pass_id)
        if held.state == "active":
            held.state = "suspended"
            _record(session, held, "pass.suspend", {"reason": reason}, actor, now)
            changed.append(held)
    session.flush()
    return changed


def resume(session: Session, *, pass_ids: Iterable[int], now: dt.datetime, actor: Actor) -> list[Pass]:
    """Open suspended passes again; one whose time is up meanwhile has expired. Returns those it changed."""
    changed = []
    for pass_id in sorted(set(pass_ids)):
        held = locks.lock(session, Pass, pass_id)
        if held.state != "suspended":
            continue
        held.state = "active"
        _record(session, held, "pass.resume", {}, actor, now)
        changed.append(held)
    for held in changed:
        if rules.is_over(held, now):
            services_ends.end(session, held, session.get_one(Plan, held.plan_id), "expired", EXPIRED, now)
    session.flush()
    return changed


def with_sources(session: Session, sources: Sequence[str]) -> dict[str, Pass]:
    """The pass that each source gave or extended, whatever became of it; sources that gave none are missing."""
    found: dict[str, Pass] = {}
    for at in range(0, len(sources), IN_LIST):
        rows = session.execute(
            select(PassTerm.source, Pass)
            .join(Pass, Pass.id == PassTerm.pass_id)
            .where(PassTerm.source.in_(sources[at : at + IN_LIST]))
        )
        found.update({source: held for source, held in rows})
    return found


def _live_terms(session: Session, pass_id: int) -> list[PassTerm]:
    return list(
        session.scalars(
            select(PassTerm)
            .where(PassTerm.pass_id == pass_id, PassTerm.revoked_at.is_(None))
            .order_by(PassTerm.starts_at, PassTerm.ends_at, PassTerm.id)
            .execution_options(populate_existing=True)
        )
    )


def _retime(terms: Sequence[PassTerm], timed: Sequence[Term]) -> None:
    for term, new in zip(terms, timed, strict=True):
        term.starts_at, term.ends_at = new.starts_at, new.ends_at


def _text(moment: dt.datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _record(
    session: Session, held: Pass, action: str, details: dict[str, object], actor: Actor, now: dt.datetime
) -> None:
    store.record(
        session,
        actor=actor,
        action=action,
        target=f"pass:{held.id}",
        now=now,
        details={"member_id": held.member_id, **details},
    )
