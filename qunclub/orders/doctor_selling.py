"""What was sold on the live database: goods, sums, coupons, receipts.

What is held to be true:

- A fulfilled order gave each unit of its lines what the line's kind says: ``new`` and ``upgrade`` a pass, ``renewal``
  more time, each under the source ``order:<line>:<unit>``; ``gift`` a claim code that is open, claimed (by somebody who
  has a pass of the plan for it) or revoked. An order that was not fulfilled gave nothing, and nothing is given twice.
- ``Order.total`` is the lines' quantities times prices, less their reductions, less ``discount``, which is the sum of
  its coupons' amounts; nothing is below zero. A pass carries one live upgrade at most.
- A coupon's ``held``, ``used`` and ``overshot`` count its uses; a use is held while its order holds stock, used or
  overshot when it was fulfilled, and released otherwise.
- Receipts are numbered 1, 2, 3 … without a gap up to the counter, and are those of fulfilled orders with a price.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, FromClause, String, and_, case, cast, func, literal, or_, select
from sqlalchemy.orm import Session

from qunclub.kernel import Finding
from qunclub.kernel.store import Counter
from qunclub.passes.models import Pass, PassTerm

from . import rules
from .models import Order, OrderLine
from .models_selling import ClaimCode, Coupon, CouponUse
from .rules_selling import GIFT, UPGRADE
from .services_fulfil import MOST_TIMES, RECEIPTS
from .services_quote import LIVE_UPGRADE

SHOWN = 20


def check(session: Session) -> list[Finding]:
    """What is broken, in a constant number of statements."""
    found: list[Finding] = []
    for look in (
        _units_missing,
        _terms_too_many,
        _codes,
        _codes_claimed_wrongly,
        _sums,
        _upgrades,
        _coupons,
        _uses,
        _receipts,
    ):
        found += look(session)
    return found


def numbers(most: int, name: str) -> Any:
    """The numbers 1 to *most* as a table."""
    first = select(literal(1).label("n")).cte(name, recursive=True)
    return first.union_all(select(first.c.n + 1).where(first.c.n < most))


def most_units(session: Session) -> int:
    """The largest quantity of a line."""
    return session.execute(select(func.max(OrderLine.quantity))).scalar() or 1


def source(unit: Any, again: Any = None) -> ColumnElement[str]:
    """The name under which a line's unit gave something; *again* is the suffix of a second time."""
    text = literal("order:") + cast(OrderLine.id, String) + ":" + cast(unit, String)
    return text if again is None else text + again


def given_terms(session: Session, *, all_times: bool) -> FromClause:
    """Orders, their lines, and the terms and passes that those gave."""
    units = numbers(most_units(session), "units")
    times = numbers(MOST_TIMES if all_times else 1, "times")
    suffix = case((times.c.n == 1, ""), else_=literal(":") + cast(times.c.n, String))
    tables: FromClause = Order.__table__.join(OrderLine.__table__, OrderLine.order_id == Order.id)
    tables = tables.join(units, units.c.n <= OrderLine.quantity).join(times, literal(True))
    tables = tables.join(PassTerm.__table__, PassTerm.source == source(units.c.n, suffix))
    return tables.join(Pass.__table__, Pass.id == PassTerm.pass_id)


def _units_missing(session: Session) -> list[Finding]:
    units = numbers(most_units(session), "units")
    query = (
        select(Order.code, OrderLine.id, OrderLine.kind, units.c.n)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .join(units, units.c.n <= OrderLine.quantity)
        .join(PassTerm, PassTerm.source == source(units.c.n), isouter=True)
        .join(Pass, Pass.id == PassTerm.pass_id, isouter=True)
        .where(
            Order.paid_at.is_not(None),
            OrderLine.kind != GIFT,
            or_(Pass.id.is_(None), Pass.plan_id != OrderLine.plan_id, Pass.member_id != Order.member_id),
        )
        .order_by(Order.id)
        .limit(SHOWN)
    )
    return [
        Finding(
            3,
            f"Order {code} was paid, but unit {unit} of its line {line_id} ({kind}) has no pass of its plan and buyer.",
            {"order": code, "line_id": line_id, "unit": unit},
        )
        for code, line_id, kind, unit in session.execute(query)
    ]


def _terms_too_many(session: Session) -> list[Finding]:
    # Every unit has what it is owed (above and below) and sources are unique, so any surplus shows in the totals.
    bought = (
        select(func.count())
        .select_from(PassTerm)
        .where(PassTerm.source.like("order:%:%"), PassTerm.source.not_like("order:%:%:%"))
    )
    due = (
        select(func.coalesce(func.sum(OrderLine.quantity), 0))
        .join(Order, Order.id == OrderLine.order_id)
        .where(Order.paid_at.is_not(None))
    )
    have, owed = session.execute(select(bought.scalar_subquery(), due.scalar_subquery())).one()
    if have <= owed:
        return []
    message = f"{have} passes and renewals were given for orders, but paid orders are owed {owed}."
    return [Finding(3, message, {"passes": have, "owed": owed})]


def _codes(session: Session) -> list[Finding]:
    units = numbers(most_units(session), "units")
    paid = Order.paid_at.is_not(None)
    wrong = case(
        (ClaimCode.id.is_(None), "has no claim code"),
        (and_(paid, ClaimCode.state == "unpaid"), "is paid, but its claim code is not open"),
        (and_(~paid, ClaimCode.state != "unpaid"), "was never paid, but its claim code was opened"),
        (
            and_(
                ClaimCode.state == "claimed", or_(ClaimCode.pass_id.is_(None), ClaimCode.claimed_by.is_(None))
            ),
            "is claimed, but by nobody or for no pass",
        ),
        (
            and_(ClaimCode.state != "claimed", ClaimCode.pass_id.is_not(None)),
            "has a pass without being claimed",
        ),
        else_=None,
    )
    query = (
        select(Order.code, units.c.n, wrong)
        .select_from(OrderLine)
        .join(Order, Order.id == OrderLine.order_id)
        .join(units, units.c.n <= OrderLine.quantity)
        .join(ClaimCode, and_(ClaimCode.line_id == OrderLine.id, ClaimCode.unit == units.c.n), isouter=True)
        .where(OrderLine.kind == GIFT, wrong.is_not(None))
        .order_by(Order.id)
        .limit(SHOWN)
    )
    return [
        Finding(3, f"Unit {unit} of the gift order {code} {sentence}.", {"order": code, "unit": unit})
        for code, unit, sentence in session.execute(query)
    ]


def _codes_claimed_wrongly(session: Session) -> list[Finding]:
    times = numbers(MOST_TIMES, "times")
    suffix = case((times.c.n == 1, ""), else_=literal(":") + cast(times.c.n, String))
    gave = (
        select(PassTerm.id)
        .join(times, PassTerm.source == source(ClaimCode.unit, suffix))
        .where(PassTerm.pass_id == ClaimCode.pass_id)
        .correlate(ClaimCode, OrderLine)
        .exists()
    )
    query = (
        select(Order.code, ClaimCode.unit)
        .select_from(ClaimCode)
        .join(OrderLine, OrderLine.id == ClaimCode.line_id)
        .join(Order, Order.id == ClaimCode.order_id)
        .join(Pass, Pass.id == ClaimCode.pass_id)
        .where(
            ClaimCode.state == "claimed",
            or_(Pass.plan_id != OrderLine.plan_id, Pass.member_id != ClaimCode.claimed_by, ~gave),
        )
        .order_by(ClaimCode.id)
        .limit(SHOWN)
    )
    return [
        Finding(
            3,
            f"The claim code of unit {unit} of order {code} did not give its claimer a pass of its plan.",
            {"order": code, "unit": unit},
        )
        for code, unit in session.execute(query)
    ]


def _sums(session: Session) -> list[Finding]:
    lines = (
        select(
            OrderLine.order_id,
            func.sum(OrderLine.quantity * OrderLine.unit_price - OrderLine.reduction).label("net"),
            func.min(OrderLine.quantity * OrderLine.unit_price - OrderLine.reduction).label("least"),
        )
        .group_by(OrderLine.order_id)
        .subquery()
    )
    uses = (
        select(CouponUse.order_id, func.sum(CouponUse.amount).label("amount"))
        .group_by(CouponUse.order_id)
        .subquery()
    )
    net, off = func.coalesce(lines.c.net, 0), func.coalesce(uses.c.amount, 0)
    query = (
        select(Order.code, Order.total, Order.discount, net, off)
        .join(lines, lines.c.order_id == Order.id, isouter=True)
        .join(uses, uses.c.order_id == Order.id, isouter=True)
        .where(
            or_(
                Order.total != net - Order.discount, Order.discount != off, Order.total < 0, lines.c.least < 0
            )
        )
        .order_by(Order.id)
        .limit(SHOWN)
    )
    return [
        Finding(
            3,
            f"Order {code} asks for {total} after a discount of {discount}; its lines come to {lines_net}, "
            f"its coupons to {coupons}.",
            {"order": code, "total": total, "discount": discount, "lines": lines_net, "coupons": coupons},
        )
        for code, total, discount, lines_net, coupons in session.execute(query)
    ]


def _upgrades(session: Session) -> list[Finding]:
    query = (
        select(OrderLine.pass_id, func.count())
        .join(Order, Order.id == OrderLine.order_id)
        .where(
            OrderLine.kind == UPGRADE,
            Order.state.in_(LIVE_UPGRADE),
            or_(Order.state != rules.ATTENTION, Order.paid_at.is_not(None)),
        )
        .group_by(OrderLine.pass_id)
        .having(func.count() > 1)
        .order_by(OrderLine.pass_id)
        .limit(SHOWN)
    )
    return [
        Finding(3, f"{n} upgrades stand on pass {ident}; one can.", {"pass_id": ident, "upgrades": n})
        for ident, n in session.execute(query)
    ]


def _coupons(session: Session) -> list[Finding]:
    def counted(state: str) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((CouponUse.state == state, 1), else_=0)), 0)

    held, used, overshot = counted("held"), counted("used"), counted("overshot")
    query = (
        select(Coupon.code, Coupon.held, Coupon.used, Coupon.overshot, held, used, overshot)
        .join(CouponUse, CouponUse.coupon_id == Coupon.id, isouter=True)
        .group_by(Coupon.id, Coupon.code, Coupon.held, Coupon.used, Coupon.overshot)
        .having(or_(Coupon.held != held, Coupon.used != used, Coupon.overshot != overshot))
        .order_by(Coupon.id)
        .limit(SHOWN)
    )
    return [
        Finding(
            3,
            f"Coupon {code} says held {row[0]}, used {row[1]}, overshot {row[2]}; its uses say {row[3]}, {row[4]}, "
            f"{row[5]}.",
            {"coupon": code, "kept": list(row[:3]), "uses": [int(n) for n in row[3:]]},
        )
        for code, *row in session.execute(query)
    ]


def _uses(session: Session) -> list[Finding]:
    fulfilled = Order.paid_at.is_not(None)
    due = case((fulfilled, "used"), (Order.holds_stock.is_(True), "held"), else_="released")
    query = (
        select(Order.code, Coupon.code, CouponUse.state, due)
        .join(Order, Order.id == CouponUse.order_id)
        .join(Coupon, Coupon.id == CouponUse.coupon_id)
        .where(
            or_(
                and_(CouponUse.state != due, ~and_(fulfilled, CouponUse.state == "overshot")),
                CouponUse.member_id != Order.member_id,
                CouponUse.amount <= 0,
            )
        )
        .order_by(CouponUse.id)
        .limit(SHOWN)
    )
    return [
        Finding(
            3,
            f"Coupon {coupon} on order {code} is {state}; by its order it should be {should}.",
            {"order": code, "coupon": coupon, "state": state},
        )
        for code, coupon, state, should in session.execute(query)
    ]


def _receipts(session: Session) -> list[Finding]:
    owed = and_(Order.paid_at.is_not(None), Order.total > 0)
    wrong = or_(and_(owed, Order.receipt_no.is_(None)), and_(~owed, Order.receipt_no.is_not(None)))
    counter = select(Counter.value).where(Counter.name == RECEIPTS).scalar_subquery()
    given, least, last, kept = session.execute(
        select(
            func.count(Order.receipt_no),
            func.coalesce(func.min(Order.receipt_no), 1),
            func.coalesce(func.max(Order.receipt_no), 0),
            func.coalesce(counter, 0),
        )
    ).one()
    found = []
    if least != 1 or given != last or last != kept:
        message = f"{given} receipts are numbered {least} to {last}, and the counter stands at {kept}."
        found.append(Finding(3, message, {"receipts": given, "last": last, "counter": kept}))
    query = select(Order.code).where(wrong).order_by(Order.id).limit(SHOWN)
    return found + [
        Finding(3, f"Order {code} has a receipt without being owed one, or is owed one.", {"order": code})
        for code in session.scalars(query)
    ]
