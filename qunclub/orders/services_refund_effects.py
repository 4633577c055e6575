"""What giving money back means for what it bought: worked out first, shown, and then carried out exactly so."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import passes
from qunclub.kernel import N_, Actor, Conflict, Invalid, locks
from qunclub.passes.models import Pass, PassTerm, Plan

from . import rules, rules_refunds, services, services_claims
from .models import Order, OrderLine, Payment
from .models_money import Dispute
from .models_selling import ClaimCode, Subscription
from .services_fulfil import pass_sources

END_REASON = N_("The order was refunded.")
UPGRADE_BASE_GONE = N_("The pass that this upgrade stands on was given back at the payment service.")
LIVE = ("active", "suspended")
Sourced = tuple[str, passes.Term]


class Held(NamedTuple):
    """A pass as a refund sees it: read afresh, and apart from what a page has loaded of it."""

    id: int
    plan_id: int
    state: str
    ends_at: dt.datetime | None
    grace_until: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Shorter:
    """A pass that keeps some of its time: its end before and after."""

    held: Held
    before: dt.datetime | None
    after: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Reach:
    """What a refund touches beside the money.

    Attributes:
        whole: whether all that bought the order's goods goes back.
        sources: what the money had bought and is taken back, by plan.
        ends: passes of which no time is left; *shorter*: those that keep some.
        codes: claim codes that nobody used and nobody can use any more.
        upgrades: orders whose upgrade stands on one of *ends*.
        subscription: the id of the membership that is not charged again.
    """

    whole: bool = False
    sources: tuple[str, ...] = ()
    ends: tuple[Held, ...] = ()
    shorter: tuple[Shorter, ...] = ()
    codes: tuple[ClaimCode, ...] = ()
    upgrades: tuple[Order, ...] = ()
    subscription: int | None = None


def money_after(
    rows: Sequence[tuple[int, rules.Money]], taken: dict[int, int]
) -> tuple[list[rules.Money], list[rules.Money]]:
    """The payments before and after *taken* (payment id → amount) goes back."""
    before = [money for _, money in rows]
    after = [replace(money, refunded=money.refunded + taken.get(ident, 0)) for ident, money in rows]
    return before, after


def reach(
    session: Session, order: Order, *, taken: dict[int, int], code_ids: Collection[int], now: dt.datetime
) -> Reach:
    """What giving back *taken* (payment id → amount) and revoking the codes touches; nothing changes.

    Raises:
        Conflict: when one of the codes is no longer open.
    """
    rows = [
        (ident, rules.Money(amount, refunded, fulfils))
        for ident, amount, refunded, fulfils in session.execute(
            select(Payment.id, Payment.amount, Payment.refunded, Payment.fulfils).where(
                Payment.order_id == order.id
            )
        )
    ]
    before, after = money_after(rows, taken)
    whole = rules.entitled(before) and not rules.entitled(after)
    codes = _codes(session, order)
    chosen = [code for code in codes if code.id in code_ids]
    if any(code.state != "open" for code in chosen) or len(chosen) != len(set(code_ids)):
        raise Conflict(N_("A code you chose was claimed or revoked in the meantime. Look again."))
    if not whole:
        return Reach(codes=tuple(chosen))
    lines = services.lines_of(session, order)
    sources = tuple(source for line in lines for source in pass_sources(line.id, line.quantity))
    ends, shorter = _passes(session, sources, now)
    return Reach(
        whole=True,
        sources=sources,
        ends=tuple(ends),
        shorter=tuple(shorter),
        codes=tuple(code for code in codes if code.state == "open"),
        upgrades=tuple(upgrades_on(session, [held.id for held in ends])),
        subscription=_renewing(session, order),
    )


def _codes(session: Session, order: Order) -> list[ClaimCode]:
    query = (
        select(ClaimCode).where(ClaimCode.order_id == order.id).order_by(ClaimCode.line_id, ClaimCode.unit)
    )
    return list(session.scalars(query.execution_options(populate_existing=True)))


def _passes(session: Session, sources: Sequence[str], now: dt.datetime) -> tuple[list[Held], list[Shorter]]:
    touched = select(PassTerm.pass_id).where(PassTerm.source.in_(sources), PassTerm.revoked_at.is_(None))
    found = session.execute(
        select(
            Pass.id, Pass.plan_id, Pass.state, Pass.ends_at, Pass.grace_until,
            PassTerm.source, PassTerm.starts_at, PassTerm.ends_at,
        )
        .join(PassTerm, PassTerm.pass_id == Pass.id)
        .where(Pass.id.in_(touched), Pass.state.in_(LIVE), PassTerm.revoked_at.is_(None))
        .order_by(Pass.id, PassTerm.starts_at, PassTerm.ends_at, PassTerm.id)
    ).all()  # fmt: skip
    terms: dict[Held, list[Sourced]] = defaultdict(list)
    for row in found:
        held = Held(*row[:5])
        terms[held].append((row[5], passes.Term(row[6], row[7])))
    ends, shorter = [], []
    for held, its in terms.items():
        left = time_left(its, sources, now)
        until = passes.last_end(left)
        # Days of grace wait for a late renewal; they go with the newest time.
        grace = None if its[-1][0] in sources else held.grace_until
        over = until is not None and until <= now and (grace is None or grace <= now)
        if not left or (over and held.state == "active"):
            ends.append(held)
        else:
            shorter.append(Shorter(held, held.ends_at, until))
    return ends, shorter


def time_left(terms: Sequence[Sourced], taken: Sequence[str], now: dt.datetime) -> list[passes.Term]:
    """What remains of a pass's terms when those of the sources *taken* are taken back, one after the other."""
    left = list(terms)
    names = {source for source, _ in left}
    for source in [source for source in taken if source in names]:
        place = next(n for n, (one, _) in enumerate(left) if one == source)
        rest = passes.terms_without([term for _, term in left], place, now)
        left = list(zip([one for one, _ in left if one != source], rest, strict=True))
    return [term for _, term in left]


def passes_of(session: Session, order: Order) -> list[Pass]:
    """Every pass that this order gave or made longer, its gifts that were claimed among them."""
    lines = services.lines_of(session, order)
    sources = [source for line in lines for source in pass_sources(line.id, line.quantity)]
    found = {held.id: held for held in passes.with_sources(session, sources).values()}
    return [found[ident] for ident in sorted(found)]


def upgrades_on(session: Session, pass_ids: Collection[int]) -> list[Order]:
    """Paid orders of upgrades that stand on these passes and whose own pass is live."""
    if not pass_ids:
        return []
    rows = session.execute(
        select(Order, OrderLine)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(OrderLine.kind == "upgrade", OrderLine.pass_id.in_(list(pass_ids)), Order.paid_at.is_not(None))
        .order_by(Order.id)
    ).all()
    sources = {source: order for order, line in rows for source in pass_sources(line.id, line.quantity)}
    given = passes.with_sources(session, list(sources)) if sources else {}
    standing = {sources[source].id for source, held in given.items() if held.state in LIVE}
    return [order for order, _ in rows if order.id in standing]


def _renewing(session: Session, order: Order) -> int | None:
    if order.subscription_id is None:
        return None
    return session.execute(
        select(Subscription.id).where(Subscription.id == order.subscription_id, Subscription.state != "ended")
    ).scalar_one_or_none()


def with_locks(session: Session, found: Reach) -> Reach:
    """The same, once the passes that end are locked: an upgrade may have been paid for a moment ago."""
    for plan_id in sorted({held.plan_id for held in found.ends}):
        locks.lock(session, Plan, plan_id)
    for ident in sorted(held.id for held in found.ends):
        locks.lock(session, Pass, ident)
    return replace(found, upgrades=tuple(upgrades_on(session, [held.id for held in found.ends])))


def check_upgrades(found: Reach) -> None:
    """Refuse while an upgrade stands on a pass that would end.

    Raises:
        Conflict: naming the order to give back first.
    """
    if found.upgrades:
        raise Conflict(rules_refunds.UPGRADE_FIRST, code=found.upgrades[0].code)


def check_disputes(session: Session, payment_ids: Collection[int]) -> None:
    """Refuse while the bank holds the money of one of these payments: it would go back twice.

    Raises:
        Conflict: when a dispute is open.
    """
    query = select(Dispute.id).where(Dispute.payment_id.in_(list(payment_ids)), Dispute.state == "open")
    if session.execute(query.limit(1)).first() is not None:
        raise Conflict(rules_refunds.DISPUTED)


def carry_out(session: Session, order: Order, found: Reach, *, actor: Actor, now: dt.datetime) -> None:
    """End, shorten and revoke what :func:`reach` found; each of it once, however often this is called."""
    # An upgrade is always the younger order: orders are locked from the oldest.
    upgrades = [locks.lock(session, Order, order.id) for order in found.upgrades]
    services_claims.revoke(session, order, found.codes, reason=END_REASON, now=now)
    for source in found.sources:
        passes.end_source(session, source=source, reason=END_REASON, now=now, actor=actor)
    if found.subscription is not None:
        from . import services_subscriptions  # it asks this room to take back what a lost dispute bought

        services_subscriptions.end_with_refund(
            session, subscription_id=found.subscription, now=now, actor=actor
        )
    for upgrade in upgrades:
        if upgrade.state == rules.PAID:
            services.move(session, upgrade, rules.ATTENTION, actor=actor, now=now, text=UPGRADE_BASE_GONE)
        else:
            services.note(session, upgrade, actor=actor, now=now, text=UPGRADE_BASE_GONE)


def worth(session: Session, order: Order) -> dict[int, int]:
    """What each claim code of an order is worth: its share of what was paid for it, after discounts."""
    lines = {line.id: line for line in services.lines_of(session, order)}
    units = [
        (line, unit)
        for line in sorted(lines.values(), key=lambda one: one.id)
        for unit in range(line.quantity)
    ]
    paid = sum(
        session.scalars(
            select(Payment.amount).where(
                Payment.order_id == order.id, Payment.fulfils.is_(True), Payment.currency == order.currency
            )
        )
    )
    parts = rules_refunds.shares(
        paid, [max(0, line.unit_price - line.reduction // line.quantity) for line, _ in units]
    )
    by_unit = {(line.id, unit + 1): part for (line, unit), part in zip(units, parts, strict=True)}
    return {code.id: by_unit[code.line_id, code.unit] for code in _codes(session, order)}


def for_codes(session: Session, order: Order, code_ids: Collection[int]) -> dict[int, int]:
    """Payment id → amount that goes back with these codes: what they are worth, or what is left of it.

    Raises:
        Invalid: when no code is chosen.
    """
    values = worth(session, order)
    amount = sum(values.get(ident, 0) for ident in code_ids)
    if not amount:
        raise Invalid(N_("Choose the codes to give back."), field="codes")
    query = (
        select(Payment.id, Payment.amount - Payment.refunded)
        .where(Payment.order_id == order.id, Payment.fulfils.is_(True))
        .order_by(Payment.id)
    )
    left: dict[int, int] = {ident: most for ident, most in session.execute(query)}
    return rules_refunds.spread(min(amount, sum(left.values())), left)
