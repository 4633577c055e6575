"""One order with everything that happened to it, in a constant number of statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from qunclub.kernel import NotFound
from qunclub.kernel.outbox import OutboxMessage
from qunclub.kernel.store import AuditEntry
from qunclub.members.models import Member
from qunclub.passes.models import Pass, PassTerm, Plan

from . import queries
from .models import GatewayEvent, Order, OrderEvent, OrderLine, Payment, Refund
from .models_money import Dispute, TransferProof
from .models_selling import ClaimCode, Coupon, CouponUse, Fapiao, Subscription
from .queries import OrderView
from .services_fulfil import pass_sources

MOST = 200
MOST_SOURCES = 1_000
DISPUTE_MAILS = ("dispute_opened",)


@dataclass(frozen=True, slots=True)
class Given:
    """A stretch of time that the order gave, and the pass it is part of."""

    term: PassTerm
    held: Pass


@dataclass(frozen=True, slots=True)
class Story:
    """Everything about one order.

    Attributes:
        coupons: each use with the coupon's code.
        from_titles: of the passes that lines renew or upgrade, by the pass's id: the plan's title.
        mails: outbox rows of the mails this order caused.
    """

    view: OrderView
    member: Member
    events: Sequence[OrderEvent]
    coupons: Sequence[tuple[CouponUse, str]] = ()
    given: Sequence[Given] = ()
    from_titles: dict[int, str] = field(default_factory=dict)
    codes: Sequence[ClaimCode] = ()
    subscription: Subscription | None = None
    disputes: Sequence[Dispute] = ()
    proofs: Sequence[TransferProof] = ()
    fapiao: Fapiao | None = None
    mails: Sequence[OutboxMessage] = ()
    notifications: Sequence[GatewayEvent] = ()
    acts: Sequence[AuditEntry] = ()

    @property
    def order(self) -> Order:
        """The order."""
        return self.view.order

    @property
    def subtotal(self) -> int:
        """What the lines cost before anything is taken off."""
        return sum(line.unit_price * line.quantity for line in self.view.lines)

    def refunds_of(self, payment: Payment) -> list[Refund]:
        """The refunds of one payment."""
        return [refund for refund in self.view.refunds if refund.payment_id == payment.id]


def story(session: Session, code: str) -> Story:
    """One order with everything that happened to it.

    Raises:
        NotFound: when there is none.
    """
    order = session.scalars(
        select(Order)
        .where(Order.code == code)
        .options(
            joinedload(Order.member),
            selectinload(Order.lines).joinedload(OrderLine.plan),
            selectinload(Order.payments),
        )
        .execution_options(populate_existing=True)
    ).one_or_none()
    if order is None:
        raise NotFound()
    view = queries.view(session, order)
    paid = [payment.id for payment in view.payments]
    codes = _all(session, select(ClaimCode).where(ClaimCode.order_id == order.id).order_by(ClaimCode.id))
    disputes = _all(session, select(Dispute).where(Dispute.payment_id.in_(paid)).order_by(Dispute.id))
    proofs = _all(session, select(TransferProof).where(TransferProof.order_id == order.id))
    about = select(GatewayEvent).where(GatewayEvent.order_code == code).order_by(GatewayEvent.id)
    return Story(
        view=view,
        member=order.member,
        events=_all(
            session, select(OrderEvent).where(OrderEvent.order_id == order.id).order_by(OrderEvent.id)
        ),
        coupons=_coupons(session, order),
        given=_given(session, order),
        from_titles=_from_titles(session, order),
        codes=codes,
        subscription=_subscription(session, order),
        disputes=disputes,
        proofs=sorted(proofs, key=lambda proof: proof.id),
        fapiao=session.scalars(select(Fapiao).where(Fapiao.order_id == order.id)).one_or_none(),
        mails=_mails(session, view, codes, disputes, proofs),
        notifications=_all(session, about),
        acts=_all(
            session, select(AuditEntry).where(AuditEntry.target == f"order:{code}").order_by(AuditEntry.id)
        ),
    )


def _all(session: Session, query: Any) -> list[Any]:
    return list(session.scalars(query.limit(MOST)))


def _coupons(session: Session, order: Order) -> list[tuple[CouponUse, str]]:
    query = (
        select(CouponUse, Coupon.code)
        .join(Coupon, Coupon.id == CouponUse.coupon_id)
        .where(CouponUse.order_id == order.id)
        .order_by(CouponUse.id)
    )
    return [(use, code) for use, code in session.execute(query)]


def _given(session: Session, order: Order) -> list[Given]:
    sources = [source for line in order.lines for source in pass_sources(line.id, line.quantity)]
    query = (
        select(PassTerm, Pass)
        .join(Pass, Pass.id == PassTerm.pass_id)
        .where(PassTerm.source.in_(sources[:MOST_SOURCES]))
        .options(joinedload(Pass.plan))
        .order_by(PassTerm.id)
    )
    return [Given(term, held) for term, held in session.execute(query)]


def _from_titles(session: Session, order: Order) -> dict[int, str]:
    named = {line.pass_id for line in order.lines if line.pass_id is not None}
    query = select(Pass.id, Plan.title).join(Plan, Plan.id == Pass.plan_id).where(Pass.id.in_(named))
    return {ident: title for ident, title in session.execute(query)}


def _subscription(session: Session, order: Order) -> Subscription | None:
    if order.subscription_id is None:
        return None
    query = select(Subscription).where(Subscription.id == order.subscription_id)
    return session.scalars(query.options(joinedload(Subscription.plan))).one_or_none()


def _mails(
    session: Session,
    view: OrderView,
    codes: Sequence[ClaimCode],
    disputes: Sequence[Dispute],
    proofs: Sequence[TransferProof],
) -> list[OutboxMessage]:
    """The mails by the keys under which they were queued; of a code's mails the last one."""
    about = ("receipt", "transfer_how", "transfer_reminder", "transfer_expired")
    keys = [f"{template}:{view.order.code}" for template in about]
    keys += [f"order_attention:{payment.id}" for payment in view.payments]
    keys += [f"refund:{refund.id}" for refund in view.refunds]
    keys += [f"transfer_rejected:{proof.id}" for proof in proofs]
    for dispute in disputes:
        keys += [f"{template}:{dispute.provider}:{dispute.ref}" for template in DISPUTE_MAILS]
        if dispute.closed_at is not None:
            keys.append(f"dispute_over:{view.order.code}:{dispute.closed_at:%Y%m%d%H%M%S}")
    keys += [
        f"gift:{code.id}:{code.code[:6]}:{int(code.sent_at.timestamp())}" for code in codes if code.sent_at
    ]
    query = select(OutboxMessage).where(
        OutboxMessage.key.in_([f"mail:{key}" for key in keys]), OutboxMessage.kind == "mail"
    )
    return _all(session, query.order_by(OutboxMessage.id))
