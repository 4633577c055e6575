"""Claim codes: passes bought to give away. Whoever claims a code gets its pass, once.

The order's lock stands before every change of its codes: a claim, a revocation and a refund go one after the other.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from qunclub import members, passes
from qunclub.kernel import N_, Actor, Conflict, NotFound, ids, locks, mail
from qunclub.members.models import Member
from qunclub.passes.models import Pass, Plan

from . import rules_claims, services
from .models import Order, OrderLine
from .models_selling import ClaimCode
from .rules_claims import CLAIMED, OPEN, REVOKED, UNPAID, Named

CLAIMED_NOTE = N_("A pass was claimed with its code.")
GONE = {
    CLAIMED: N_("This code was used already."),
    REVOKED: N_("This code was revoked; it gives no pass any more."),
    UNPAID: N_("This code is not paid for yet."),
}
DISPUTED = N_("The payment for this code is being looked into. Until that is done it cannot be used.")
HELD_ALREADY = N_("You hold this pass already, for as long as this code would give. The code stays open.")


def write_down(
    session: Session, order: Order, line: OrderLine, recipients: Sequence[Named], now: dt.datetime
) -> list[ClaimCode]:
    """One code for each unit of a gift line, not yet open; the first are for *recipients*, in their order."""
    people = [*recipients[: line.quantity]]
    made = []
    for unit in range(1, line.quantity + 1):
        person = people[unit - 1] if unit <= len(people) else None
        made.append(
            ClaimCode(
                order_id=order.id,
                line_id=line.id,
                unit=unit,
                code=ids.code(rules_claims.CODE_LENGTH),
                state=UNPAID,
                recipient_name=person.name if person else "",
                recipient_email=person.email if person else "",
                message=person.message if person else "",
                created_at=now,
            )
        )
    session.add_all(made)
    session.flush()
    return made


def same_people(session: Session, order: Order, recipients: Sequence[Named]) -> bool:
    """Whether an order to give away is for these people: then it is not another one."""
    kept = [(code.recipient_name, code.recipient_email, code.message) for code in codes_of(session, order.id)]
    wanted = [(person.name, person.email, person.message) for person in recipients]
    return kept[: len(wanted)] == wanted and not any(any(said) for said in kept[len(wanted) :])


def open_codes(
    session: Session, order: Order, line: OrderLine, now: dt.datetime, actor: Actor
) -> list[ClaimCode]:
    """The order is paid: its codes open, and those with an e-mail go out. Under the order's lock.

    An order that is fulfilled again, after a refund had ended its codes and then failed, opens what the refund ended.
    """
    opened = []
    for code in codes_of(session, order.id, line_id=line.id):
        if code.state == OPEN or (code.state == CLAIMED and not _ended(session, code)):
            continue
        code.state, code.ended_at, code.end_reason = OPEN, None, ""
        code.claimed_by = code.claimed_at = code.pass_id = None
        opened.append(code)
    session.flush()
    for code in opened:
        if code.recipient_email:
            mail_out(session, order, line, code, now=now)
    session.flush()
    return opened


def codes_of(session: Session, order_id: int, *, line_id: int | None = None) -> list[ClaimCode]:
    """The codes of an order, or of one of its lines, as they are now."""
    query = (
        select(ClaimCode).where(ClaimCode.order_id == order_id).order_by(ClaimCode.line_id, ClaimCode.unit)
    )
    if line_id is not None:
        query = query.where(ClaimCode.line_id == line_id)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def _ended(session: Session, code: ClaimCode) -> bool:
    held = session.get(Pass, code.pass_id) if code.pass_id else None
    return held is None or held.state == "revoked"


def redeem(session: Session, *, code: str, member_id: int, now: dt.datetime, actor: Actor) -> Pass:
    """Claim a code: a pass, or more time for the one the member holds. Whoever did so before gets the same again.

    Locks, in order: the order, the plan, the pass, then what issuing locks.

    Raises:
        NotFound: when there is no such code.
        Conflict: when it is used, revoked or disputed, or would give this member nothing.
    """
    order, found = locked_code(session, code=code)
    if found.state == CLAIMED and found.claimed_by == member_id and found.pass_id is not None:
        return session.get_one(Pass, found.pass_id)
    if found.state != OPEN:
        raise Conflict(GONE[found.state])
    if order.disputed:
        raise Conflict(DISPUTED)
    plan_id = session.execute(select(OrderLine.plan_id).where(OrderLine.id == found.line_id)).scalar_one()
    # Before looking at what the member holds: two codes of two orders claimed at once extend each other.
    plan = locks.lock(session, Plan, plan_id)
    source = _source(session, found)
    step, held = rules_claims.claim_step(
        _held(session, member_id, plan_id, now),
        validity_days=plan.validity_days,
        valid_until=plan.valid_until,
    )
    if step == "nothing":
        raise Conflict(HELD_ALREADY)
    if step == "extend":
        assert isinstance(held, Pass)  # it came from _held
        passes.unsell(session, plan_id=plan_id, quantity=1, now=now)
        given = passes.extend(
            session, pass_id=held.id, source=source, now=now, actor=actor, ends_at=plan.valid_until
        )
    else:
        given = passes.issue(
            session, member_id=member_id, plan_id=plan_id, source=source, now=now, actor=actor
        )
    found.state, found.claimed_by, found.claimed_at, found.pass_id = CLAIMED, member_id, now, given.id
    services.note(session, order, actor=actor, now=now, text=CLAIMED_NOTE)
    session.flush()
    return given


def _source(session: Session, code: ClaimCode) -> str:
    """What the pass of this code names as its source; another one when the order was fulfilled again."""
    # Fulfilment opens codes and so knows this module.
    from .services_fulfil import MOST_TIMES, source_of

    line = session.get_one(OrderLine, code.line_id)
    sources = [source_of(line, code.unit, again) for again in range(1, MOST_TIMES + 1)]
    used = passes.with_sources(session, sources)
    return next((source for source in sources if source not in used), sources[-1])


def is_own(session: Session, given: Pass, *, code: str) -> bool:
    """Whether a claimed code brought this pass, and not more time for one that was there before."""
    line_id = session.execute(
        select(ClaimCode.line_id).where(ClaimCode.code == ids.normalise_code(code))
    ).scalar_one_or_none()
    return line_id is not None and given.source.startswith(f"order:{line_id}:")


def _held(session: Session, member_id: int, plan_id: int, now: dt.datetime) -> list[Pass]:
    """The passes of the plan that the member holds now."""
    return list(
        session.scalars(
            select(Pass)
            .where(
                Pass.member_id == member_id,
                Pass.plan_id == plan_id,
                Pass.state.in_(("active", "suspended")),
                or_(Pass.ends_at.is_(None), Pass.ends_at > now),
            )
            .order_by(Pass.id)
            .execution_options(populate_existing=True)
        )
    )


def revoke(
    session: Session,
    order: Order,
    codes: Sequence[ClaimCode],
    *,
    reason: str,
    now: dt.datetime,
) -> list[ClaimCode]:
    """End those of the codes that are open and put their passes back on sale; gives what ended.

    Under the order's lock, which the caller holds; the caller writes the story too.
    """
    ended = [code for code in codes if code.state == OPEN]
    plans = dict(
        session.execute(select(OrderLine.id, OrderLine.plan_id).where(OrderLine.order_id == order.id)).all()
    )
    gone = Counter(plans[code.line_id] for code in ended)
    for plan_id in sorted(gone):
        passes.unsell(session, plan_id=plan_id, quantity=gone[plan_id], now=now)
    for code in ended:
        code.state, code.ended_at, code.end_reason = REVOKED, now, reason
    session.flush()
    return ended


def locked_code(session: Session, *, code: str = "", code_id: int = 0) -> tuple[Order, ClaimCode]:
    """A code by what stands on it, or by its id, under the lock of its order.

    Raises:
        NotFound: when there is none.
    """
    wanted = ClaimCode.id == code_id if code_id else ClaimCode.code == ids.normalise_code(code)
    order_id = session.execute(select(ClaimCode.order_id).where(wanted)).scalar_one_or_none()
    if order_id is None:
        raise NotFound()
    order = locks.lock(session, Order, order_id)
    found = session.scalars(
        select(ClaimCode).where(wanted).execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        # Replaced by a new one while the order's lock was waited for.
        raise NotFound()
    return order, found


def mail_out(session: Session, order: Order, line: OrderLine, code: ClaimCode, *, now: dt.datetime) -> None:
    """Send a code to its recipient, and remember when."""
    giver = members.get(session, order.member_id)
    mail.send(
        session,
        to=code.recipient_email,
        template="gift",
        context={
            "name": code.recipient_name,
            "giver": giver_of(order, giver),
            "title": line.title,
            "message": code.message,
            "code": code.code,
            "spaced": rules_claims.spaced(code.code),
        },
        locale=order.locale,
        key=f"gift:{code.id}:{code.code[:6]}:{int(now.timestamp())}",
        now=now,
    )
    code.sent_at = now


def giver_of(order: Order, buyer: Member) -> str:
    """Whom a gift is from: the name on the order, or the member's."""
    return order.buyer_name or buyer.shown_name
