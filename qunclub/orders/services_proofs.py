"""Proofs of transfers: a buyer shows that the money was sent, an admin confirms that it came or says what is wrong.

While a proof waits, its order has no end: nobody loses a place because an admin sleeps.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import filetype
from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub import notices
from qunclub.kernel import N_, Actor, Conflict, Invalid, NotFound, Stale, ids
from qunclub.kernel.ports import FileStore
from qunclub.kernel.uploads import PICTURES, Checked, reencode

from . import rules, services
from . import rules_transfers as transfers
from .models import Order
from .models_money import TransferProof
from .services_payments import Outcome
from .services_transfers import by_transfer, record_transfer

MAX_BYTES = 10_000_000
PDF = "application/pdf"
ACCEPT = ".jpg,.jpeg,.png,.webp,.pdf"
RECEIVED = N_("The buyer sent a proof of the transfer; the order is kept until an admin has looked at it.")
TURNED_DOWN = N_("An admin rejected the proof of the transfer; the buyer was told why and can send another.")


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A proof's file, as it lies in the file store."""

    key: str
    content_type: str
    size: int
    sha256: str


def check_file(data: bytes, *, most: int = MAX_BYTES) -> Checked:
    """A proof as it will be kept: pictures decoded and written anew, PDFs as they are.

    The type is what the content says; the name it came with is forgotten.

    Raises:
        Invalid: on field ``file``.
    """
    if not data:
        raise Invalid(N_("This file is empty."), field="file")
    if len(data) > most:
        raise Invalid(
            N_("This file is larger than %(limit)s MB."), field="file", limit=max(1, most // 1_000_000)
        )
    kind = filetype.guess_mime(data)
    if kind in PICTURES:
        content_type, clean = reencode(data, kind, "proof", field="file")
        return Checked("proof", content_type, clean)
    if kind == PDF:
        return Checked("proof", PDF, data)
    raise Invalid(N_("Send a picture (JPG, PNG or WebP) or a PDF."), field="file")


@contextmanager
def stored(store: FileStore, checked: Checked) -> Iterator[KeptFile]:
    """Keep the bytes under a random key before the transaction that names them; forget them when it fails."""
    kept = KeptFile(
        key=f"transfers/{ids.token(24)}",
        content_type=checked.content_type,
        size=len(checked.data),
        sha256=hashlib.sha256(checked.data).hexdigest(),
    )
    try:
        store.put(kept.key, checked.data)
        yield kept
    except BaseException:
        store.delete(kept.key)
        raise


def proofs_of(session: Session, order_id: int) -> list[TransferProof]:
    """All proofs of an order, the oldest first, as they are now."""
    query = select(TransferProof).where(TransferProof.order_id == order_id).order_by(TransferProof.id)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def submit(
    session: Session, *, order_code: str, file: KeptFile, note: str, now: dt.datetime, actor: Actor
) -> TransferProof:
    """The buyer shows that the transfer was sent. The order waits without an end until an admin has looked.

    An order whose time ran out takes proofs too: the money may be here all the same.

    Raises:
        NotFound: when it is not the buyer's order.
        Conflict: when it is not to be paid by transfer, or ended.
        Invalid: when too many wait already, or this one waits already.
    """
    order = services.locked(session, order_code)
    if order.member_id != actor.member_id:
        raise NotFound()
    by_transfer(order)
    if order.state not in (rules.PENDING, rules.EXPIRED):
        raise Conflict(rules.BLOCKED[order.state])
    there = proofs_of(session, order.id)
    waiting = [proof for proof in there if proof.state == transfers.SUBMITTED]
    if any(proof.sha256 == file.sha256 for proof in waiting):
        raise Invalid(N_("You sent this very file already."), field="file")
    if len(waiting) >= transfers.MOST_WAITING or len(there) >= transfers.MOST_PROOFS:
        raise Invalid(N_("That is enough: an admin looks at what you sent."), field="file")
    proof = TransferProof(
        order_id=order.id,
        file_key=file.key,
        content_type=file.content_type,
        size=file.size,
        sha256=file.sha256,
        note=note.strip(),
        state=transfers.SUBMITTED,
        submitted_at=now,
    )
    session.add(proof)
    if order.state == rules.PENDING:
        order.expires_at = None
    services.note(session, order, actor=actor, now=now, text=RECEIVED)
    session.flush()
    return proof


def confirm(
    session: Session,
    *,
    order_code: str,
    ref: str,
    method: str,
    amount: int,
    seen: Sequence[int],
    now: dt.datetime,
    actor: Actor,
) -> Outcome:
    """An admin found the money: it is recorded, and the right amount gives what was bought.

    Args:
        seen: the proofs that waited when the admin looked.

    Raises:
        Conflict: when the order has got its money already, so that two admins cannot both record one transfer.
        Stale: when another admin decided these proofs meanwhile.
        Invalid: as :func:`record_transfer` says.
    """
    order = services.locked(session, order_code)
    by_transfer(order)
    if order.state not in (rules.PENDING, rules.EXPIRED, rules.CANCELLED):
        raise Conflict(
            N_(
                "Money was recorded for this order already. A further transfer is recorded on the order's page."
            )
        )
    _still_waiting(session, order, seen)
    # Recording money decides every proof of its order.
    return record_transfer(
        session, order_code=order_code, ref=ref, method=method, amount=amount, now=now, actor=actor
    )


def reject(
    session: Session,
    *,
    order_code: str,
    seen: Sequence[int],
    reason: str,
    days: int,
    now: dt.datetime,
    actor: Actor,
) -> Order:
    """An admin says what is wrong with the proofs; the buyer has *days* from now to put it right.

    Raises:
        Invalid: without a reason.
        Conflict: when no proof waits.
        Stale: when another admin decided meanwhile.
    """
    reason = reason.strip()
    if not reason:
        raise Invalid(N_("Say what is wrong: the buyer reads it."), field="reason")
    order = services.locked(session, order_code)
    if not seen:
        raise Conflict(N_("No proof of this order waits for a decision."))
    waiting = _still_waiting(session, order, seen)
    rejected = [proof for proof in waiting if proof.id in set(seen)]
    for proof in rejected:
        proof.state, proof.reason = transfers.REJECTED, reason
        proof.decided_at, proof.decided_by = now, actor.name[:120]
    if order.state == rules.PENDING and len(rejected) == len(waiting):
        order.expires_at = now + dt.timedelta(days=days)
    services.note(session, order, actor=actor, now=now, text=TURNED_DOWN)
    services.audit(
        session,
        order,
        "order.proof_reject",
        actor=actor,
        now=now,
        details={"proofs": [proof.id for proof in rejected], "reason": reason},
    )
    until = order.expires_at if order.state == rules.PENDING else None
    notices.letter(
        session,
        member=order.member_id,
        to=order.email,
        template="transfer_rejected",
        context={"code": order.code, "reason": reason, "until": until.isoformat() if until else ""},
        locale=order.locale,
        key=f"transfer_rejected:{rejected[-1].id}",
        now=now,
    )
    session.flush()
    return order


def _still_waiting(session: Session, order: Order, seen: Sequence[int]) -> list[TransferProof]:
    """The proofs that wait; all that the admin looked at must be among them."""
    waiting = [proof for proof in proofs_of(session, order.id) if proof.state == transfers.SUBMITTED]
    if not set(seen) <= {proof.id for proof in waiting}:
        raise Stale(N_("Another admin decided this a moment ago. Look at it again."))
    return waiting


def twins_of(session: Session, proofs: Sequence[TransferProof], *, limit: int = 20) -> dict[str, list[str]]:
    """By digest, the codes of other orders for which the very same file was sent."""
    digests = {proof.sha256 for proof in proofs}
    own = {proof.order_id for proof in proofs}
    found: dict[str, list[str]] = {}
    rows = session.execute(
        select(TransferProof.sha256, Order.code)
        .join(Order, Order.id == TransferProof.order_id)
        .where(TransferProof.sha256.in_(digests), TransferProof.order_id.not_in(own))
        .order_by(TransferProof.id)
        .limit(limit)
    )
    for digest, code in rows:
        found.setdefault(digest, []).append(code)
    return found
