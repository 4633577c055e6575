"""What buyers and admins do with claim codes: say whom they are for, send, replace and revoke them.

Each takes the order's lock first, as a claim and a refund do.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Conflict, Invalid, NotFound, ids

from . import rules_claims, services
from .models import Order, OrderLine
from .models_selling import ClaimCode
from .rules_claims import OPEN, REVOKED, UNPAID
from .services_claims import GONE, codes_of, locked_code, mail_out, revoke

REVOKED_NOTE = N_("A claim code was revoked; its pass is back on sale.")
RENEWED_NOTE = N_("A claim code was replaced by a new one.")
BY_BUYER = N_("Revoked by the buyer.")


def revoke_code(
    session: Session,
    *,
    code_id: int,
    member_id: int | None,
    reason: str = BY_BUYER,
    now: dt.datetime,
    actor: Actor,
) -> ClaimCode:
    """End one open code; no money goes back by this. The same again changes nothing.

    Args:
        member_id: the buyer; None when an admin does it, which is audited.

    Raises:
        NotFound: when there is no such code, or it is somebody else's.
        Conflict: when it was claimed.
    """
    order, found = _own(session, code_id, member_id)
    if found.state == REVOKED:
        return found
    if found.state != OPEN:
        raise Conflict(GONE[found.state])
    revoke(session, order, [found], reason=reason, now=now)
    _tell_story(session, order, found, "code.revoke", REVOKED_NOTE, member_id, actor=actor, now=now)
    return found


def renew(
    session: Session, *, code_id: int, member_id: int | None, seen: str, now: dt.datetime, actor: Actor
) -> ClaimCode:
    """A new code in the place of an open one that went astray: the old link stops working, the pass stays bought.

    Args:
        seen: the code as the page showed it: a second click does not replace the new one too.
    """
    order, found = _own(session, code_id, member_id)
    if found.code != seen:
        return found
    if found.state != OPEN:
        raise Conflict(GONE[found.state])
    found.code, found.sent_at = ids.code(rules_claims.CODE_LENGTH), None
    _tell_story(session, order, found, "code.renew", RENEWED_NOTE, member_id, actor=actor, now=now)
    return found


def name_recipient(
    session: Session,
    *,
    code_id: int,
    member_id: int | None,
    name: str,
    email: str,
    message: str,
    now: dt.datetime,
    actor: Actor,
) -> ClaimCode:
    """Say whom an open code is for; nothing is sent by this.

    Raises:
        Invalid: on ``email``.
        Conflict: when the code is not open any more.
    """
    order, found = _own(session, code_id, member_id)
    if found.state not in (OPEN, UNPAID):
        raise Conflict(GONE[found.state])
    if email and not rules_claims.is_email(email):
        raise Invalid(N_("This is not an e-mail address."), field="email")
    if email != found.recipient_email:
        found.sent_at = None
    found.recipient_name = name[: rules_claims.NAME_LENGTH]
    found.recipient_email, found.message = email, message[: rules_claims.MESSAGE_LENGTH]
    if member_id is None:
        services.audit(session, order, "code.name", actor=actor, now=now, details={"unit": found.unit})
    session.flush()
    return found


def send(
    session: Session, *, code_id: int, member_id: int | None, seen: str, now: dt.datetime, actor: Actor
) -> bool:
    """Send an open code to its recipient; False when a click before this one did so.

    Args:
        seen: when the page said it was sent last; a second click on the same page sends nothing.

    Raises:
        Invalid: when nobody is named.
        Conflict: when it is not open, or was sent a moment ago.
    """
    order, found = _own(session, code_id, member_id)
    if found.state != OPEN:
        raise Conflict(GONE[found.state])
    if not found.recipient_email:
        raise Invalid(N_("Write an e-mail address first."), field="email")
    if seen != mark(found):
        return False
    if not rules_claims.may_send(found.sent_at, now):
        raise Conflict(N_("It was sent a moment ago. Wait ten minutes before sending it again."))
    line = session.get_one(OrderLine, found.line_id)
    mail_out(session, order, line, found, now=now)
    if member_id is None:
        services.audit(session, order, "code.send", actor=actor, now=now, details={"unit": found.unit})
    session.flush()
    return True


def send_all(session: Session, *, order_code: str, member_id: int, now: dt.datetime) -> int:
    """Send every open code that has a recipient and was never sent; gives how many."""
    order = services.locked(session, order_code)
    if order.member_id != member_id:
        raise NotFound()
    lines = {line.id: line for line in services.lines_of(session, order)}
    waiting = [
        code
        for code in codes_of(session, order.id)
        if code.state == OPEN and code.recipient_email and code.sent_at is None
    ]
    for code in waiting:
        mail_out(session, order, lines[code.line_id], code, now=now)
    session.flush()
    return len(waiting)


def mark(code: ClaimCode) -> str:
    """The last sending of a code, for a form to carry."""
    return code.sent_at.isoformat() if code.sent_at else ""


def _own(session: Session, code_id: int, member_id: int | None) -> tuple[Order, ClaimCode]:
    order, found = locked_code(session, code_id=code_id)
    if member_id is not None and order.member_id != member_id:
        raise NotFound()
    return order, found


def _tell_story(
    session: Session,
    order: Order,
    code: ClaimCode,
    action: str,
    text: str,
    member_id: int | None,
    *,
    actor: Actor,
    now: dt.datetime,
) -> None:
    services.note(session, order, actor=actor, now=now, text=text)
    if member_id is None:
        services.audit(session, order, action, actor=actor, now=now, details={"unit": code.unit})
    session.flush()
