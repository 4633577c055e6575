"""Transfers for tests: the settings switched on, orders that wait, proofs."""

from __future__ import annotations

from typing import Any

from qunclub.kernel import Actor
from qunclub.members.models import Member
from qunclub.orders import services_proofs, services_transfers, transfer_settings
from qunclub.orders.models import Order
from qunclub.orders.models_money import TransferProof
from qunclub.orders.rules_transfers import TransferSettings
from qunclub.orders.services_proofs import KeptFile
from qunclub.passes.models import Plan
from tests.factories import Make


def transfers_on(make: Make, **changes: Any) -> TransferSettings:
    """Transfers in yuan, three days, to one account."""
    values: dict[str, Any] = {
        "on": True,
        "text": {"zh": "请备注**订单号**。", "en": "Write the **code**."},
        "account": "Reading Club\nBank of Lakes\n6222 0000 1111",
        "days": 3,
        "currencies": ("CNY",),
    }
    return transfer_settings.save(
        make.session, **{**values, **changes}, now=make.now, actor=Actor.system("test")
    )


def transfer_order(make: Make, plan: Plan | None = None, of: Member | None = None, **values: Any) -> Order:
    """A pending order that waits for its transfer."""
    make.transfers_on()
    placed: Order = make.order(plan, of, **values)
    return services_transfers.choose(
        make.session, order_code=placed.code, now=make.now, actor=Actor.system("buyer")
    )


def proof(make: Make, of: Order, *, digest: str = "", **values: Any) -> TransferProof:
    """A proof that waits for an admin; its file is nowhere."""
    serial = make.next()
    file = KeptFile(
        key=f"transfers/none-{serial}",
        content_type=values.pop("content_type", "image/png"),
        size=9,
        sha256=digest or f"{serial:064d}",
    )
    return services_proofs.submit(
        make.session,
        order_code=of.code,
        file=file,
        note=values.pop("note", "from Lin"),
        now=values.pop("now", make.now),
        actor=Actor("buyer", "Lin", member_id=of.member_id),
    )
