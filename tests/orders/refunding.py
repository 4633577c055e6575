"""What the tests of giving back share: look, give back, and see whether the world is as it was shown."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select

from qunclub import passes
from qunclub.courses.models import Course
from qunclub.groups.models import Seat
from qunclub.kernel import Actor
from qunclub.members.models import Member, Tier
from qunclub.orders import (
    doctor,
    doctor_recurring,
    queries_refunds,
    services_claims,
    services_refund_effects,
    services_refunds,
)
from qunclub.orders.models import Payment
from qunclub.orders.models_selling import ClaimCode
from qunclub.passes import doctor as passes_doctor
from qunclub.passes.models import Pass

ADMIN = Actor("admin", "Ada", roles=frozenset({"admin"}))
STRIPE = Actor.system("stripe")
DAY = dt.timedelta(days=1)


def payment_of(session, order):
    return session.scalars(
        select(Payment).where(Payment.order_id == order.id).execution_options(populate_existing=True)
    ).one()


def look(session, order, amount=None, *, codes=(), now):
    paid = payment_of(session, order)
    amount = paid.amount - paid.refunded if amount is None else amount
    taken = services_refund_effects.for_codes(session, order, codes) if codes else {paid.id: amount}
    return queries_refunds.preview(session, order, taken=taken, code_ids=codes, now=now)


def give_back(session, order, amount=None, *, codes=(), now, key="k", seen=""):
    shown = look(session, order, amount, codes=codes, now=now)
    return services_refunds.give_back(
        session,
        order_id=order.id,
        taken=shown.taken,
        code_ids=codes,
        reason="asked",
        key=key,
        actor=ADMIN,
        now=now,
        seen=seen or shown.digest,
    )


def as_shown(session, shown, now):
    """Whether the world is what the preview said."""
    session.expire_all()
    for one in shown.facts["ends"]:
        held = session.get_one(Pass, one["pass"])
        assert held.state in ("revoked", "expired"), one
        open_now = passes.course_access(
            session,
            actor=Actor("x", "x", member_id=held.member_id),
            course_ids=[course.id for course in session.scalars(select(Course))],
            now=now,
        )
        titles = {course.id: course.title for course in session.scalars(select(Course))}
        opened = {titles[ident] for ident, access in open_now.items() if access.allowed}
        assert not opened & set(one["courses"]), one
        assert {title for title, _ in one["kept"]} <= opened, one
        member = session.get_one(Member, held.member_id)
        tier = session.get(Tier, member.tier_id) if member.tier_id else None
        if one["tier"]:
            assert (tier.name if tier else "") == one["tier_after"], one
        seat = session.get(Seat, held.seat_id) if held.seat_id else None
        if one["seat"] in ("ends", "place_ends"):
            assert seat is not None
            assert seat.state in ("removed", "left"), one
        elif one["seat"] == "kept":
            assert seat is not None
            assert seat.state in ("admitted", "waiting"), one
    for one in shown.facts["shorter"]:
        held = session.get_one(Pass, one["pass"])
        assert held.state == "active"
        assert (held.ends_at.isoformat() if held.ends_at else None) == one["after"], one
    for code in shown.reach.codes:
        assert session.get_one(ClaimCode, code.id).state == "revoked"
    return True


def healthy(session, now):
    session.flush()
    found = [
        finding.message
        for check in (doctor.check, doctor_recurring.check, passes_doctor.check)
        for finding in check(session, now)
    ]
    assert not found, found
    return True


def codes_of(session, order):
    return services_claims.codes_of(session, order.id)


def redeem(session, make, code, member=None, *, now):
    who = member or make.member()
    return services_claims.redeem(
        session, code=code.code, member_id=who.id, now=now, actor=Actor("m", "M", member_id=who.id)
    )
