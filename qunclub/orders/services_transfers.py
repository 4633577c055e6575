"""Money that no gateway reports: transfers an admin saw arrive, and orders that cost nothing.

A buyer may choose to pay by transfer instead of the pay page, and change their mind, until the money is on its way.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.kernel import N_, Actor, Conflict, Invalid
from qunclub.passes.models import Pass

from . import rules, services, transfer_settings
from . import rules_transfers as transfers
from .models import Order, OrderLine, Payment
from .models_money import TransferProof
from .services_fulfil import pass_source
from .services_payments import FREE, OFFLINE, Outcome, payment_row, receive, record_payment

CHOSEN = N_("The buyer pays by transfer; the order waits for it.")
CHOSEN_BACK = N_("The buyer pays on the pay page after all.")


def offered(session: Session, *, currency: str, interval: str = "", total: int = 1) -> bool:
    """Whether a purchase may be paid by transfer, as the club's settings stand."""
    return transfers.offered(
        transfer_settings.load(session), currency=currency, interval=interval, total=total
    )


def choose(
    session: Session, *, order_code: str, now: dt.datetime, actor: Actor, days: int | None = None
) -> Order:
    """A pending order is to be paid by transfer: it waits for so many days since it was placed, its pay page is closed.

    Choosing again changes nothing.

    Args:
        days: as the club's settings say, unless given.

    Raises:
        Conflict: when it is not pending, when transfers are not taken for it, or when its days are over.
    """
    order = services.locked(session, order_code)
    if order.state != rules.PENDING:
        raise Conflict(rules.BLOCKED[order.state])
    settings = transfer_settings.load(session)
    until = transfers.waits_until(order.created_at, settings.days if days is None else days)
    if order.pay_by == transfers.TRANSFER and (order.expires_at is None or order.expires_at >= until):
        return order
    recurring = "month" if order.subscription_id is not None else ""
    if not transfers.offered(settings, currency=order.currency, interval=recurring, total=order.total):
        raise Conflict(N_("This order cannot be paid by transfer."))
    if until <= now:
        raise Conflict(N_("It is too late to pay this order by transfer. Order again."))
    order.pay_by, order.expires_at = transfers.TRANSFER, until
    services.close_checkout(session, order, now=now)
    # A page that was paid in the same moment is found when it is closed; its payment names the order by code.
    order.checkout_ref, order.checkout_url = None, ""
    services.note(session, order, actor=actor, now=now, text=CHOSEN)
    notices.letter(
        session,
        member=order.member_id,
        to=order.email,
        template="transfer_how",
        context={
            "code": order.code,
            "total": order.total,
            "currency": order.currency,
            "until": until.isoformat(),
        },
        locale=order.locale,
        key=f"transfer_how:{order.code}",
        now=now,
    )
    session.flush()
    return order


def choose_gateway(
    session: Session, *, order_code: str, now: dt.datetime, actor: Actor, hold_minutes: int
) -> Order:
    """The buyer of a pending order pays on the pay page after all, within *hold_minutes*.

    Raises:
        Conflict: when it is not pending, or a proof of a transfer waits to be looked at.
    """
    order = services.locked(session, order_code)
    if order.state != rules.PENDING:
        raise Conflict(rules.BLOCKED[order.state])
    if order.pay_by != transfers.TRANSFER:
        return order
    waits = select(TransferProof.id).where(
        TransferProof.order_id == order.id, TransferProof.state == transfers.SUBMITTED
    )
    if session.execute(waits.limit(1)).one_or_none() is not None:
        raise Conflict(N_("Your transfer is being checked. Wait for the answer before you pay another way."))
    order.pay_by, order.expires_at = transfers.GATEWAY, now + dt.timedelta(minutes=hold_minutes)
    services.note(session, order, actor=actor, now=now, text=CHOSEN_BACK)
    session.flush()
    return order


def by_transfer(order: Order) -> None:
    """Refuse an order that is not to be paid by transfer.

    Raises:
        Conflict: when it is paid on the pay page.
    """
    if order.pay_by != transfers.TRANSFER:
        raise Conflict(N_("This order is not to be paid by transfer."))


def mark_confirmed(session: Session, order: Order, *, now: dt.datetime, actor: Actor) -> None:
    """Money is recorded: every proof that waited for it is decided."""
    session.execute(
        update(TransferProof)
        .where(TransferProof.order_id == order.id, TransferProof.state == transfers.SUBMITTED)
        .values(state=transfers.CONFIRMED, decided_at=now, decided_by=actor.name[:120])
    )


def remind(session: Session, *, order_code: str, now: dt.datetime, actor: Actor) -> bool:
    """Tell the buyer, once, that the order ends soon; False when there is nothing to tell."""
    order = services.locked(session, order_code)
    due = order.expires_at
    if order.state != rules.PENDING or order.pay_by != transfers.TRANSFER or order.reminded_at is not None:
        return False
    if due is None or not transfers.remind_from(order.created_at, due) <= now < due:
        return False
    order.reminded_at = now
    notices.letter(
        session,
        member=order.member_id,
        to=order.email,
        template="transfer_reminder",
        context={
            "code": order.code,
            "total": order.total,
            "currency": order.currency,
            "until": due.isoformat(),
        },
        locale=order.locale,
        key=f"transfer_reminder:{order.code}",
        now=now,
    )
    services.note(session, order, actor=actor, now=now, text=N_("The buyer was reminded of the transfer."))
    session.flush()
    return True


def expire(session: Session, *, order_code: str, now: dt.datetime, actor: Actor) -> bool:
    """End an order whose transfer did not come, and tell the buyer; False when it is not due any more."""
    order = services.locked(session, order_code)
    if order.state != rules.PENDING or order.pay_by != transfers.TRANSFER:
        return False
    if order.expires_at is None or order.expires_at > now:
        return False
    services.expire_order(session, order_code=order_code, now=now, actor=actor)
    notices.letter(
        session,
        member=order.member_id,
        to=order.email,
        template="transfer_expired",
        context={"code": order.code, "total": order.total, "currency": order.currency},
        locale=order.locale,
        key=f"transfer_expired:{order.code}",
        now=now,
    )
    session.flush()
    return True


def buy_offline(
    session: Session,
    *,
    member_id: int,
    plan_id: int,
    ref: str,
    now: dt.datetime,
    actor: Actor,
    email: str = "",
) -> Pass:
    """Order and pay by transfer in one go; *ref* names the transfer, and the same one again gives the same pass."""
    line_id = session.execute(
        select(OrderLine.id)
        .join(Payment, Payment.order_id == OrderLine.order_id)
        .where(Payment.provider == OFFLINE, Payment.ref == ref)
    ).scalar_one_or_none()
    if line_id is not None:
        return session.scalars(select(Pass).where(Pass.source == pass_source(line_id, 1))).one()
    order = services.new_order(
        session,
        member_id=member_id,
        plan_id=plan_id,
        email=email,
        locale="",
        now=now,
        actor=actor,
        expires_at=None,
    )
    payment = payment_row(
        order,
        provider=OFFLINE,
        ref=ref,
        method="transfer",
        amount=order.total,
        currency=order.currency,
        now=now,
        actor=actor,
    )
    # Nobody else sees this order before the commit: it needs no lock.
    return receive(session, order, order.lines, payment, now=now, actor=actor).passes[0]


def take_free(session: Session, *, order_code: str, now: dt.datetime, actor: Actor) -> Outcome:
    """Fulfil an order that costs nothing.

    Raises:
        Conflict: when it does cost something.
    """
    order = services.locked(session, order_code)
    if order.total != 0:
        raise Conflict(rules.BLOCKED[rules.PENDING])
    return record_payment(
        session,
        order_code=order_code,
        provider=FREE,
        ref=order_code,
        method=FREE,
        amount=0,
        currency=order.currency,
        now=now,
        actor=actor,
    )


def record_transfer(
    session: Session,
    *,
    order_code: str,
    ref: str,
    method: str,
    amount: int,
    now: dt.datetime,
    actor: Actor,
) -> Outcome:
    """An admin's word that a transfer came for an order, in the order's currency.

    Raises:
        Invalid: without a reference, without money, or for a reference that is recorded already.
    """
    ref = ref.strip()
    if not ref or len(ref) > 100:
        raise Invalid(N_("Write the transfer's reference, as the bank or the app shows it."), field="ref")
    if amount <= 0:
        raise Invalid(N_("Write how much arrived."), field="amount")
    order = services.locked(session, order_code)
    known = session.scalars(
        select(Payment.id).where(Payment.provider == OFFLINE, Payment.ref == ref)
    ).one_or_none()
    if known is not None:
        raise Invalid(N_("A transfer with this reference is recorded already."), field="ref")
    outcome = record_payment(
        session,
        order_code=order_code,
        provider=OFFLINE,
        ref=ref,
        method=method,
        amount=amount,
        currency=order.currency,
        now=now,
        actor=actor,
    )
    mark_confirmed(session, order, now=now, actor=actor)
    details: dict[str, object] = {"ref": ref, "amount": amount, "outcome": outcome.kind}
    services.audit(session, order, "order.transfer", actor=actor, now=now, details=details)
    session.flush()
    return outcome
