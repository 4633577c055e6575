"""Bringing somebody along: a link, kept on the first order of the new person, points once they stayed.

Locks: the order first, then the referral, as a refund does.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from qunclub import points
from qunclub.kernel import N_, Actor, Conflict, ids, insert_for, locks, store
from qunclub.members import ERASED
from qunclub.members.models import Member
from qunclub.passes.models import Pass

from . import rules_referral as rules
from .models import Order
from .models_referral import Referral, ReferralCode
from .rules_referral import KIND, Facts, Terms

SETTINGS = "referrals"
CODE_LENGTH = 8
SWEEPER = Actor.system("referrals")
TAKEN_BACK = "The order of whoever was brought along was given back."
BOUGHT = ("paid", "refunded", "needs_attention")


def load(session: Session) -> Terms:
    """What an admin set, or what the club came with."""
    kept = store.get_value(session, SETTINGS) or {}
    return Terms(**{name: int(kept[name]) for name in ("days", "most") if name in kept})


def save(session: Session, *, terms: Terms, now: dt.datetime, actor: Actor) -> None:
    """Set the terms; they hold for what is decided from now on.

    Raises:
        Invalid: naming the field.
    """
    terms.check()
    before = asdict(load(session))
    store.set_value(session, SETTINGS, asdict(terms))
    store.record(
        session, actor=actor, action="referrals.terms", target="settings:referrals", now=now,
        details={"before": before, "after": asdict(terms)},
    )  # fmt: skip


def is_on(session: Session) -> bool:
    """Whether bringing somebody along earns points: as long as the rule of points is switched on."""
    return points.rules_in_force(session)[KIND].active


def code_for(session: Session, *, member_id: int, now: dt.datetime) -> str:
    """A member's code, made the first time.

    Raises:
        Conflict: without a number, or while bringing somebody along earns nothing.
    """
    member = session.get_one(Member, member_id)
    if member.number is None or member.suspended_at is not None:
        raise Conflict(N_("Only members with a number have a link."))
    if not is_on(session):
        raise Conflict(N_("Bringing somebody along earns nothing at present."))
    session.execute(
        insert_for(session, ReferralCode)
        .values(member_id=member_id, code=ids.code(CODE_LENGTH), created_at=now)
        .on_conflict_do_nothing()
    )
    return session.scalars(select(ReferralCode.code).where(ReferralCode.member_id == member_id)).one()


def inviter_of(session: Session, code: str) -> Member | None:
    """Whose link it is; None when it is nobody's, the member is not there any more, or it earns nothing."""
    if not code or not is_on(session):
        return None
    return session.scalars(
        select(Member)
        .join(ReferralCode, ReferralCode.member_id == Member.id)
        .where(
            ReferralCode.code == ids.normalise_code(code)[:CODE_LENGTH],
            Member.number.is_not(None),
            Member.suspended_at.is_(None),
            Member.user_key.not_like(ERASED + "%"),
        )
    ).one_or_none()


def keep(session: Session, *, order_code: str, code: str, now: dt.datetime) -> Referral | None:
    """Keep on a first order by whose link its buyer came; None when it does not count.

    It counts for whoever has no number and never bought anything, for an order of their own that costs something.
    Whoever came first by one link stays with it; a new order takes the place of one that was not paid. A ring cannot
    be: whoever is brought along has no number yet, whoever brings along has one.
    """
    inviter = inviter_of(session, code)
    order = session.scalars(select(Order).where(Order.code == order_code)).one_or_none()
    if inviter is None or order is None or order.kind != "purchase" or order.total == 0:
        return None
    buyer = session.get_one(Member, order.member_id)
    before = select(Order.id).where(
        Order.member_id == buyer.id, Order.state.in_(BOUGHT), Order.id != order.id
    )
    if buyer.number is not None or buyer.id == inviter.id or session.scalar(before.limit(1)) is not None:
        return None
    session.execute(
        insert_for(session, Referral)
        .values(
            member_id=buyer.id, by_member_id=inviter.id, order_id=order.id, state="pending", why="",
            created_at=now, due_at=now + rules.DAY,
        )
        .on_conflict_do_nothing()
    )  # fmt: skip
    ident = session.scalar(select(Referral.id).where(Referral.member_id == buyer.id))
    if ident is None:
        return None
    row = locks.lock(session, Referral, ident)
    unpaid = row.state == "pending" or (row.state == "void" and row.why == "unpaid")
    if row.order_id != order.id and unpaid:
        row.order_id, row.state, row.why = order.id, "pending", ""
        row.due_at, row.decided_at = now + rules.DAY, None
        session.flush()
    return row if row.order_id == order.id else None


def due(session: Session, *, now: dt.datetime, limit: int = 200) -> list[int]:
    """Whose time has come, the oldest first."""
    query = select(Referral.id).where(Referral.due_at <= now).order_by(Referral.due_at, Referral.id)
    return list(session.scalars(query.limit(limit)))


def decide(session: Session, *, referral_id: int, now: dt.datetime) -> bool:
    """Look at one: earn, wait, or end it with a reason; True when it was decided."""
    order_id = session.scalar(select(Referral.order_id).where(Referral.id == referral_id))
    if order_id is None:
        return False
    order = locks.lock(session, Order, order_id)
    row = locks.lock(session, Referral, referral_id)
    if row.state != "pending" or row.due_at is None or row.due_at > now or row.order_id != order.id:
        return False
    # Under the inviter's lock their year is counted: two at once do not pass the cap together.
    locks.lock(session, Member, row.by_member_id)
    verdict = rules.judge(_facts(session, row, order, now), load(session), now)
    row.due_at = verdict.due_at
    if verdict.state == "pending":
        return False
    row.state, row.why, row.decided_at = verdict.state, verdict.why, now
    if verdict.state == "earned":
        line = points.award(
            session,
            member_id=row.by_member_id,
            kind=KIND,
            source=f"referral:{row.id}",
            occurred_at=now,
            now=now,
            actor=SWEEPER,
            from_member_id=row.member_id,
        )
        if line is None:
            row.state, row.why = "void", "off"
        else:
            row.entry_id = line.id
    session.flush()
    return True


def _facts(session: Session, row: Referral, order: Order, now: dt.datetime) -> Facts:
    inviter, buyer = session.get_one(Member, row.by_member_id), session.get_one(Member, row.member_id)
    live = or_(Pass.ends_at.is_(None), Pass.ends_at > now, Pass.grace_until > now)
    holds = session.scalar(
        select(Pass.id).where(Pass.member_id == buyer.id, Pass.state == "active", live).limit(1)
    )
    phones = session.scalars(
        select(Order.buyer_phone)
        .where(Order.member_id == inviter.id, Order.buyer_phone != "")
        .order_by(Order.created_at.desc())
        .limit(50)
    )
    addresses = {inviter.email.lower()} - {""}
    year = dt.datetime(now.year, 1, 1, tzinfo=dt.UTC)
    earned = session.scalar(
        select(func.count())
        .select_from(Referral)
        .where(Referral.by_member_id == inviter.id, Referral.state == "earned", Referral.decided_at >= year)
    )
    return Facts(
        order_state=order.state,
        paid_at=order.paid_at,
        refunded=order.refunded,
        disputed=order.disputed,
        holds_pass=holds is not None,
        same_payer=order.email.lower() in addresses
        or buyer.email.lower() in addresses
        or any(rules.same_phone(order.buyer_phone, phone) for phone in phones),
        inviter=inviter.number is not None
        and inviter.suspended_at is None
        and not inviter.user_key.startswith(ERASED),
        active=is_on(session),
        earned=earned or 0,
    )


def given_back(session: Session, order: Order, *, now: dt.datetime, actor: Actor) -> None:
    """The whole *order*, which is locked, was given back: what was earned for it is taken back with it."""
    ident = session.scalar(select(Referral.id).where(Referral.order_id == order.id))
    if ident is None:
        return
    row = locks.lock(session, Referral, ident)
    _end(session, row, "refunded", TAKEN_BACK, now=now, actor=actor)


def refuse(session: Session, *, referral_id: int, reason: str, now: dt.datetime, actor: Actor) -> Referral:
    """An admin ends one that waits, or takes the points of one back; the inviter reads the reason beside the line.

    Raises:
        Invalid: on field ``reason`` without one, where points are taken back.
        NotFound: when there is none.
        Conflict: when nothing is left to end.
    """
    row = locks.lock(session, Referral, referral_id)
    if row.state not in ("pending", "earned"):
        raise Conflict(N_("Nothing is left to end here."))
    _end(session, row, "admin", reason, now=now, actor=actor)
    store.record(
        session, actor=actor, action="referrals.refuse", target=f"referral:{row.id}", now=now,
        details={"member_id": row.by_member_id, "reason": reason},
    )  # fmt: skip
    return row


def _end(session: Session, row: Referral, why: str, reason: str, *, now: dt.datetime, actor: Actor) -> None:
    if row.state == "pending":
        row.state, row.why, row.due_at, row.decided_at = "void", why, None, now
    elif row.state == "earned":
        row.state, row.why, row.decided_at = "taken_back", why, now
        if row.entry_id is not None and not points.is_reversed(session, row.entry_id):
            points.reverse(session, entry_id=row.entry_id, reason=reason, actor=actor, now=now)
    session.flush()


def forget_code(session: Session, *, member_id: int) -> None:
    """Whoever leaves the club has no link any more."""
    session.execute(delete(ReferralCode).where(ReferralCode.member_id == member_id))
