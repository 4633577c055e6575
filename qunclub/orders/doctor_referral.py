"""What must hold of points for bringing somebody along: earned once, by a line that stands, for money that stayed."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, aliased

from qunclub.kernel import Finding
from qunclub.points.models import LedgerEntry

from .models import Order
from .models_referral import Referral

SHOWN = 20
LATE = dt.timedelta(days=2)


def check(session: Session, now: dt.datetime) -> list[Finding]:
    """Three statements."""
    line, back = aliased(LedgerEntry), aliased(LedgerEntry)
    wrong = or_(
        and_(Referral.state == "earned", line.id.is_(None)),
        and_(Referral.state == "taken_back", back.id.is_(None)),
        and_(Referral.state.in_(("pending", "void")), line.id.is_not(None)),
        line.member_id != Referral.by_member_id,
    )
    checks = (
        (
            6,
            "referrals whose points are not what their state says",
            select(Referral.id)
            .outerjoin(line, line.id == Referral.entry_id)
            .outerjoin(back, back.reverses_id == line.id)
            .where(wrong),
        ),
        (
            5,
            "referrals that earn although their order was given back",
            select(Referral.id)
            .join(Order, Order.id == Referral.order_id)
            .where(Referral.state == "earned", Order.state == "refunded"),
        ),
        (
            6,
            "referrals that wait longer than they should (is the job worker running?)",
            select(Referral.id).where(Referral.due_at < now - LATE),
        ),
    )
    findings = []
    for promise, what, query in checks:
        found = list(session.scalars(query.order_by(Referral.id).limit(SHOWN)))
        if found:
            findings.append(Finding(promise, f"{len(found)} {what}: {found}.", {"ids": found}))
    return findings
