"""Renewals: the gateway's invoices become orders of their own, exactly once; failed ones start the grace."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.kernel import N_, Actor, ids
from qunclub.kernel.payments import Invoice, RecurringState
from qunclub.passes.models import Pass, Plan

from . import rules, services
from . import rules_subscriptions as own
from . import services_subscriptions as subscriptions
from .models import Order, OrderLine
from .models_selling import Subscription
from .services_fulfil import fulfil
from .services_payments import payment_row

RENEWED_NOTE = N_("The membership was renewed; the pass is extended.")
PLACED_NOTE = N_("The payment service charged the next period of a membership.")
FAILED_NOTE = N_("A renewal could not be charged; the pass stays open for a time of grace.")


def sync(
    session: Session,
    *,
    state: RecurringState,
    invoice: Invoice | None,
    now: dt.datetime,
    actor: Actor,
    provider: str = subscriptions.GATEWAY,
) -> str:
    """Bring a membership in line with what the gateway says of it and of its newest charge.

    Returns:
        What became of it: ``renewed``, ``already``, ``past_due``, ``ended``, ``updated``, ``attention``;
        ``waiting`` when its first payment has not arrived here; ``unknown_order`` when it is none of ours.
    """
    found = subscriptions.by_ref(session, provider, state.ref)
    if found is None:
        return _not_here(session, state.order_code)
    found.checked_at = now
    outcome = "updated"
    if invoice is not None and not invoice.first and invoice.subscription_ref == state.ref:
        if invoice.status == "paid":
            outcome = renewal(session, invoice=invoice, now=now, actor=actor, provider=provider)
        elif state.status == "past_due" and invoice.status in ("open", "uncollectible"):
            outcome = failed(session, found, invoice=invoice, now=now, actor=actor)
    if state.status == "ended":
        if found.state != own.ENDED:
            lapsed = found.state == own.PAST_DUE
            reason = own.END_LAPSED if lapsed else own.END_GATEWAY
            reason = own.END_CANCELLED if found.cancel_at_end else reason
            subscriptions.end(
                session, found, reason=reason, now=state.ended_at or now, at_gateway=False, actor=actor
            )
            outcome = "ended"
    elif (
        found.state in own.LIVE
        and state.cancel_at_end != found.cancel_at_end
        and not subscriptions.wish_pending(session, found)
    ):
        found.cancel_at_end = state.cancel_at_end
        found.cancelled_at = now if state.cancel_at_end else None
        text = subscriptions.CANCELLED_NOTE if state.cancel_at_end else subscriptions.RESUMED_NOTE
        subscriptions.tell_story(session, found, text=text, actor=actor, now=now)
        subscriptions.tell_pass(session, found, now=now)
    found.customer_ref = state.customer_ref or found.customer_ref
    session.flush()
    return outcome


def _not_here(session: Session, order_code: str) -> str:
    known = session.execute(select(Order.subscription_id).where(Order.code == order_code)).one_or_none()
    return "unknown_order" if known is None or known.subscription_id is None else "waiting"


def renewal(
    session: Session,
    *,
    invoice: Invoice,
    now: dt.datetime,
    actor: Actor,
    provider: str = subscriptions.GATEWAY,
) -> str:
    """Record the money of a paid charge after the first: an order, its payment, and more time for the pass, once.

    Money for a pass that has ended is kept and put before an admin.

    Returns:
        ``renewed``, ``already``, ``attention``, or as :func:`sync` when the membership is not here.
    """
    found = subscriptions.by_ref(session, provider, invoice.subscription_ref or "")
    if found is None:
        return _not_here(session, invoice.order_code)
    # The membership's lock is held: two tellings of one charge come one after the other.
    if session.execute(select(Order.id).where(Order.invoice_ref == invoice.ref)).first() is not None:
        return "already"
    founding = subscriptions.founding_order(session, found)
    if found.pass_id is None and founding.state in (rules.PENDING, rules.EXPIRED):
        return "waiting"
    order = _order(session, found, founding, invoice, actor=actor, now=now)
    payment = payment_row(
        order,
        provider=provider,
        ref=invoice.payment_ref or invoice.ref,
        method=invoice.method or "",
        amount=invoice.amount,
        currency=invoice.currency,
        now=now,
        actor=actor,
    )
    session.add(payment)
    session.flush()
    held = None if found.pass_id is None else session.get(Pass, found.pass_id, populate_existing=True)
    if held is None or held.state not in ("active", "suspended"):
        services.move(session, order, rules.ATTENTION, actor=actor, now=now, text=own.NO_PASS)
        notices.letter(
            session,
            member=order.member_id,
            to=order.email,
            template="order_attention",
            context={"code": order.code, "reason": own.NO_PASS},
            locale=order.locale,
            key=f"order_attention:{payment.id}",
            now=now,
        )
        session.flush()
        return "attention"
    payment.fulfils = True
    fulfil(
        session,
        order,
        services.lines_of(session, order),
        text=RENEWED_NOTE,
        now=now,
        actor=actor,
        period_ends_at=invoice.period_ends_at,
        method=payment.method or provider,
    )
    found.period_ends_at = held.ends_at
    if found.state == own.PAST_DUE and _covers(found, now):
        found.state = own.ACTIVE
        found.past_due_since = found.grace_until = None
        found.pay_url = ""
    session.flush()
    subscriptions.tell_pass(session, found, now=now)
    return "renewed"


def _covers(found: Subscription, now: dt.datetime) -> bool:
    """Whether the time paid for is not over: an old charge that is paid late may not be the one that failed."""
    return found.period_ends_at is None or found.period_ends_at > now


def _order(
    session: Session,
    found: Subscription,
    founding: Order,
    invoice: Invoice,
    *,
    actor: Actor,
    now: dt.datetime,
) -> Order:
    plan = session.get_one(Plan, found.plan_id)
    line = OrderLine(
        plan_id=plan.id,
        title=plan.title,
        quantity=1,
        unit_price=invoice.amount,
        kind="renewal",
        pass_id=found.pass_id,
        refund_days=plan.refund_days,
        refund_progress=plan.refund_progress,
    )
    order = Order(
        code=ids.code(services.CODE_LENGTH),
        member_id=found.member_id,
        state=rules.PENDING,
        currency=invoice.currency.upper(),
        total=invoice.amount,
        kind="renewal",
        plan_id=plan.id,
        subscription_id=found.id,
        invoice_ref=invoice.ref,
        buyer_name=founding.buyer_name,
        email=founding.email,
        locale=founding.locale,
        holds_stock=False,
        created_at=now,
        expires_at=None,
        lines=[line],
    )
    session.add(order)
    session.flush()
    services.note(session, order, actor=actor, now=now, text=PLACED_NOTE, before="")
    return order


def failed(session: Session, found: Subscription, *, invoice: Invoice, now: dt.datetime, actor: Actor) -> str:
    """A renewal could not be charged: the pass stays open for the grace, and the member is told. *found* is locked.

    Returns:
        ``past_due``; ``already`` when this is known, or the charge is for time that is paid for.
    """
    if found.state not in own.LIVE or found.period_ends_at is None:
        return "already"
    if session.execute(select(Order.id).where(Order.invoice_ref == invoice.ref)).first() is not None:
        return "already"
    if found.state == own.PAST_DUE:
        found.pay_url = _safe(invoice.pay_url) or found.pay_url
        return "already"
    if invoice.period_ends_at is not None and invoice.period_ends_at <= found.period_ends_at:
        return "already"
    plan = session.get_one(Plan, found.plan_id)
    found.state, found.past_due_since = own.PAST_DUE, now
    found.grace_until = own.grace_end(found.period_ends_at, plan.grace_days)
    found.pay_url = _safe(invoice.pay_url)
    session.flush()
    subscriptions.tell_pass(session, found, now=now)
    subscriptions.tell_story(session, found, text=FAILED_NOTE, actor=actor, now=now)
    remind(session, found, now=now)
    return "past_due"


def _safe(url: str | None) -> str:
    return url if url is not None and url.startswith(("https://", "http://")) else ""


def remind(session: Session, found: Subscription, *, now: dt.datetime) -> bool:
    """Send the notice of a failed renewal that is due, each once; *found* is locked. False when none is."""
    if found.state != own.PAST_DUE or found.past_due_since is None or found.grace_until is None:
        return False
    step, _next = own.notice_due(past_due_since=found.past_due_since, grace_until=found.grace_until, now=now)
    founding = subscriptions.founding_order(session, found)
    if step is None:
        return False
    plan = session.get_one(Plan, found.plan_id)
    notices.letter(
        session,
        member=found.member_id,
        to=founding.email,
        template="renewal_failed" if step == "first" else "renewal_reminder",
        context={
            "title": plan.title,
            "amount": found.amount,
            "currency": found.currency,
            "until": found.grace_until.isoformat(),
            "pay_url": found.pay_url,
            "membership": found.id,
            "last": step == "last",
        },
        locale=founding.locale,
        key=notice_key(found.id, found.past_due_since, step),
        now=now,
    )
    return True


def notice_key(ident: int, past_due_since: dt.datetime, step: own.Step | None) -> str:
    """Each notice of each failed renewal is one mail."""
    return f"renewal:{ident}:{past_due_since:%Y%m%d%H%M%S}:{step}"


def lapse(session: Session, *, subscription_id: int, now: dt.datetime, actor: Actor) -> bool:
    """End a membership whose grace has passed unpaid; False when there is nothing to end."""
    found = subscriptions.locked(session, subscription_id)
    if found.state != own.PAST_DUE or found.grace_until is None or found.grace_until > now:
        return False
    subscriptions.end(session, found, reason=own.END_LAPSED, now=now, actor=actor)
    return True
