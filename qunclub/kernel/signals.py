"""Signals a host may listen to. They fire after the commit; nothing of the club depends on them."""

from __future__ import annotations

from typing import Any

from blinker import NamedSignal, Namespace
from sqlalchemy.orm import Session

_space = Namespace()

member_numbered = _space.signal("qunclub.member_numbered")
pass_issued = _space.signal("qunclub.pass_issued")
pass_revoked = _space.signal("qunclub.pass_revoked")
order_paid = _space.signal("qunclub.order_paid")
payment_refunded = _space.signal("qunclub.payment_refunded")
submission_received = _space.signal("qunclub.submission_received")
submission_reviewed = _space.signal("qunclub.submission_reviewed")
season_published = _space.signal("qunclub.season_published")
season_undone = _space.signal("qunclub.season_undone")
core_seat_taken = _space.signal("qunclub.core_seat_taken")
core_seat_ended = _space.signal("qunclub.core_seat_ended")
season_closed = _space.signal("qunclub.season_closed")

_PENDING = "qunclub_signals"


def after_commit(session: Session, signal: NamedSignal, **facts: Any) -> None:
    """Remember to send *signal* with plain *facts* once this transaction has committed."""
    session.info.setdefault(_PENDING, []).append((signal, facts))


def pending(session: Session) -> list[tuple[NamedSignal, dict[str, Any]]]:
    """Take the remembered signals off the session (the unit of work calls this)."""
    taken: list[tuple[NamedSignal, dict[str, Any]]] = session.info.pop(_PENDING, [])
    return taken
