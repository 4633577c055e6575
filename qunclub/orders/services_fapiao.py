"""Fapiao (发票): a buyer asks for one, an admin issues it elsewhere and writes its number down, or says why not."""

from __future__ import annotations

import datetime as dt
import re

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.kernel import N_, Actor, Conflict, Invalid, NotFound, Stale, locks, store

from . import rules_papers as papers
from . import services
from .models import Order, Payment
from .models_selling import Fapiao
from .rules_papers import PapersSettings

SETTINGS = "orders.papers"
NUMBER = re.compile(r"^[0-9A-Za-z-]{4,60}$")
ASKED = N_("The buyer asked for a fapiao.")
WRITTEN = N_("The fapiao was issued.")
REFUSED = N_("The fapiao was refused; the buyer was told why.")
PUT_RIGHT = N_("The fapiao was put right after money had gone back.")


def load(session: Session) -> PapersSettings:
    """Who issues the papers."""
    return papers.settings_from(store.get_value(session, SETTINGS))


def save(
    session: Session,
    *,
    issuer: str,
    address: str,
    contact: str,
    tax_id: str,
    footer: str,
    fapiao: bool,
    now: dt.datetime,
    actor: Actor,
) -> PapersSettings:
    """Change what stands on receipts, and whether buyers may ask for a fapiao."""
    before = store.get_value(session, SETTINGS) or {}
    after = {
        "issuer": issuer.strip(),
        "address": address.strip(),
        "contact": contact.strip(),
        "tax_id": tax_id.strip(),
        "footer": footer.strip(),
        "fapiao": fapiao,
    }
    if after != before:
        store.set_value(session, SETTINGS, after)
        changed = [key for key in after if before.get(key) != after[key]]
        details = {key: {"before": before.get(key), "after": after[key]} for key in changed}
        store.record(
            session, actor=actor, action="papers.update", target="settings:papers", now=now, details=details
        )
    return papers.settings_from(after)


def net_of(session: Session, order_id: int) -> int:
    """What was paid for an order, less what was given back."""
    query = select(func.sum(Payment.amount - Payment.refunded)).where(Payment.order_id == order_id)
    return int(session.execute(query).scalar_one() or 0)


def ask(
    session: Session,
    *,
    order_code: str,
    kind: str,
    title: str,
    tax_no: str,
    email: str,
    on: bool,
    now: dt.datetime,
    actor: Actor,
) -> Fapiao:
    """The buyer asks for a fapiao, or changes what was asked for while it is not issued.

    Args:
        on: whether the club issues any.

    Raises:
        NotFound: when it is not the buyer's order.
        Conflict: when there can be none, or it is issued.
        Invalid: naming the field.
    """
    order = services.locked(session, order_code)
    if order.member_id != actor.member_id:
        raise NotFound()
    found = session.scalars(select(Fapiao).where(Fapiao.order_id == order.id)).one_or_none()
    if found is not None:
        found = locks.lock(session, Fapiao, found.id)
        if found.state == papers.ISSUED:
            raise Conflict(N_("The fapiao is issued already. Write to an admin if something in it is wrong."))
    reason = papers.why_no_fapiao(
        on=on,
        state=order.state,
        currency=order.currency,
        total=order.total,
        net=net_of(session, order.id),
    )
    if reason is not None:
        raise Conflict(reason)
    title, email = " ".join(title.split()), email.strip()
    if kind not in (papers.PERSONAL, papers.COMPANY):
        raise Invalid(N_("Say who the fapiao is for."), field="kind")
    if not title or len(title) > 160:
        raise Invalid(N_("Write the name that the fapiao is made out to."), field="title")
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email) or len(email) > 254:
        raise Invalid(N_("Write the e-mail address that the fapiao goes to."), field="email")
    number = papers.check_tax_no(tax_no) if kind == papers.COMPANY else ""
    if found is None:
        found = Fapiao(order_id=order.id, requested_at=now)
        session.add(found)
    found.kind, found.title, found.tax_no, found.email = kind, title, number, email
    found.state, found.note = papers.REQUESTED, ""
    found.requested_at, found.decided_at, found.decided_by = now, None, ""
    services.note(session, order, actor=actor, now=now, text=ASKED)
    session.flush()
    return found


def _open(session: Session, fapiao_id: int) -> tuple[Order, Fapiao]:
    """A fapiao and its order, both locked, the order first."""
    order_id = session.execute(select(Fapiao.order_id).where(Fapiao.id == fapiao_id)).scalar_one_or_none()
    if order_id is None:
        raise NotFound()
    order = locks.lock(session, Order, order_id)
    return order, locks.lock(session, Fapiao, fapiao_id)


def _asked(found: Fapiao, seen: dt.datetime) -> None:
    if found.state != papers.REQUESTED:
        raise Conflict(N_("This fapiao is decided already."))
    if found.requested_at != seen:
        raise Stale(N_("The buyer has changed the request meanwhile. Look at it again."))


def issue(
    session: Session, *, fapiao_id: int, number: str, seen: dt.datetime, now: dt.datetime, actor: Actor
) -> Fapiao:
    """Write down that it was issued, for what is left of the money.

    Args:
        seen: when what the admin read was asked for.

    Raises:
        Invalid: without a number.
        Conflict: when it is decided already, or no money is left; Stale when the buyer changed it meanwhile.
    """
    order, found = _open(session, fapiao_id)
    _asked(found, seen)
    found.number = _number(number)
    found.amount = net_of(session, order.id)
    if found.amount <= 0:
        raise Conflict(papers.ALL_BACK)
    found.state, found.decided_at, found.decided_by = papers.ISSUED, now, actor.name[:120]
    services.note(session, order, actor=actor, now=now, text=WRITTEN)
    details: dict[str, object] = {"number": found.number, "amount": found.amount}
    services.audit(session, order, "fapiao.issue", actor=actor, now=now, details=details)
    _write(session, order, found, "fapiao_issued", key=f"fapiao:{found.id}:{found.number}", now=now)
    session.flush()
    return found


def reject(
    session: Session, *, fapiao_id: int, reason: str, seen: dt.datetime, now: dt.datetime, actor: Actor
) -> Fapiao:
    """Say why it is not issued; the buyer can put it right and ask again.

    Raises:
        Invalid: without a reason.
        Conflict: when it is decided already; Stale when the buyer changed it meanwhile.
    """
    order, found = _open(session, fapiao_id)
    _asked(found, seen)
    if not reason.strip():
        raise Invalid(N_("Say what is wrong: the buyer reads it."), field="reason")
    found.state, found.note = papers.REJECTED, reason.strip()
    found.decided_at, found.decided_by = now, actor.name[:120]
    services.note(session, order, actor=actor, now=now, text=REFUSED)
    services.audit(session, order, "fapiao.reject", actor=actor, now=now, details={"reason": reason.strip()})
    _write(session, order, found, "fapiao_rejected", key=f"fapiao:{found.id}:{now:%Y%m%d%H%M%S%f}", now=now)
    session.flush()
    return found


def put_right(session: Session, *, fapiao_id: int, number: str, now: dt.datetime, actor: Actor) -> Fapiao:
    """Write down that the red-letter one (冲红) was issued after money had gone back.

    Raises:
        Invalid: without a number.
        Conflict: when nothing has to be put right.
    """
    order, found = _open(session, fapiao_id)
    net = net_of(session, order.id)
    if not papers.needs_red(found.state, found.amount, net):
        raise Conflict(N_("This fapiao fits what was paid; nothing has to be put right."))
    red = _number(number)
    before, found.amount = found.amount, net
    found.note = f"{found.note}\n{red}".strip()
    services.note(session, order, actor=actor, now=now, text=PUT_RIGHT)
    details: dict[str, object] = {"number": red, "before": before, "after": net}
    services.audit(session, order, "fapiao.red", actor=actor, now=now, details=details)
    session.flush()
    return found


def _number(text: str) -> str:
    number = "".join(text.split())
    if not NUMBER.match(number):
        raise Invalid(N_("Write the number of the fapiao: letters, digits and hyphens."), field="number")
    return number


def _write(
    session: Session, order: Order, found: Fapiao, template: str, *, key: str, now: dt.datetime
) -> None:
    context = {
        "code": order.code,
        "title": found.title,
        "number": found.number,
        "amount": found.amount or 0,
        "currency": order.currency,
        "reason": found.note,
    }
    notices.letter(
        session,
        member=order.member_id,
        to=found.email,
        template=template,
        context=context,
        locale=order.locale,
        key=key,
        now=now,
    )
