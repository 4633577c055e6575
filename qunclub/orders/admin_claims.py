"""What an admin can do with the claim codes of an order; the order's page shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Conflict, Invalid, NotFound
from qunclub.web import _, allow, current_actor, explain, flash, now, see_other, transact

from . import services_codes
from .models import Order
from .models_selling import ClaimCode

bp = Blueprint("codes_admin", __name__, url_prefix="/admin/orders/<code>/codes/<int:code_id>")
BY_CLUB = N_("Revoked by the club.")


def _act(code: str, code_id: int, command: Callable[[Session], object], said: str) -> Any:
    def whole(session: Session) -> None:
        order_id = session.execute(
            select(Order.id)
            .join(ClaimCode, ClaimCode.order_id == Order.id)
            .where(Order.code == code, ClaimCode.id == code_id)
        ).scalar_one_or_none()
        if order_id is None:
            raise NotFound()
        command(session)

    try:
        transact(whole)
    except (Conflict, Invalid) as refused:
        flash(explain(refused), "warning")
    else:
        flash(said)
    return see_other("qunclub.orders_admin.show", code=code, _anchor="codes")


@bp.post("/revoke")
@allow("admin")
def revoke(code: str, code_id: int) -> Any:
    """End an open code."""
    actor = current_actor()
    return _act(
        code,
        code_id,
        lambda session: services_codes.revoke_code(
            session, code_id=code_id, member_id=None, reason=BY_CLUB, now=now(), actor=actor
        ),
        _("The code is revoked. Nobody can claim a pass with it any more."),
    )


@bp.post("/send")
@allow("admin")
def send(code: str, code_id: int) -> Any:
    """Send a code to its recipient once more."""
    actor, seen = current_actor(), request.form.get("seen", "")
    return _act(
        code,
        code_id,
        lambda session: services_codes.send(
            session, code_id=code_id, member_id=None, seen=seen, now=now(), actor=actor
        ),
        _("The code is on its way by mail."),
    )
