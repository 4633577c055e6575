"""How the club takes transfers: kept in the database, changed by admins, audited."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace

import filetype
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import N_, Actor, Conflict, Invalid, NotFound, outbox, render_markdown, store
from qunclub.kernel.uploads import PICTURES, reencode

from . import rules_transfers as transfers
from .rules_transfers import Picture, TransferSettings

NAME = "orders.transfer"
MOST_PICTURE_BYTES = 5_000_000
PICTURE_SIDE = 1_200
LABEL_LENGTH = 40


def load(session: Session) -> TransferSettings:
    """The settings as they are now."""
    return transfers.settings_from(store.get_value(session, NAME))


def _locked(session: Session) -> TransferSettings:
    """The same for who is about to change them: two admins at once change one after the other."""
    session.execute(select(store.KeyValue.name).where(store.KeyValue.name == NAME).with_for_update())
    return load(session)


def save(
    session: Session,
    *,
    on: bool,
    text: Mapping[str, str],
    account: str,
    days: int,
    currencies: Sequence[str],
    now: dt.datetime,
    actor: Actor,
) -> TransferSettings:
    """Change all but the pictures.

    Raises:
        Invalid: naming the field; while it is on, a buyer must find somewhere to send the money.
    """
    account = account.strip()
    wanted = tuple(dict.fromkeys(one.strip().upper() for one in currencies if one.strip()))
    if any(not transfers.CURRENCY.match(one) for one in wanted):
        raise Invalid(N_("Write currencies as three letters, such as CNY."), field="currencies")
    if not 1 <= days <= transfers.MOST_DAYS:
        raise Invalid(N_("An order can wait for 1 to %(most)s days."), field="days", most=transfers.MOST_DAYS)
    before = _locked(session)
    if on and not wanted:
        raise Invalid(N_("Name the currencies that can be paid by transfer."), field="currencies")
    if on and not (account or before.pictures):
        raise Invalid(
            N_("Write the account that the money goes to, or add a collection code first."), field="account"
        )
    after = replace(
        before,
        on=on,
        text={key: value.strip() for key, value in text.items()},
        html={key: render_markdown(value) if value.strip() else "" for key, value in text.items()},
        account=account,
        days=days,
        currencies=wanted,
    )
    _keep(session, before, after, action="transfers.update", now=now, actor=actor)
    return after


def check_picture(data: bytes) -> bytes:
    """A collection code as it will be kept: a PNG of our own writing.

    Raises:
        Invalid: on ``picture``.
    """
    if not data:
        raise Invalid(N_("This file is empty."), field="picture")
    if len(data) > MOST_PICTURE_BYTES:
        raise Invalid(
            N_("This file is larger than %(limit)s MB."),
            field="picture",
            limit=MOST_PICTURE_BYTES // 1_000_000,
        )
    kind = filetype.guess_mime(data)
    if kind not in PICTURES:
        raise Invalid(N_("Send a picture: JPG, PNG or WebP."), field="picture")
    _type, clean = reencode(data, kind, "picture", field="picture")
    with Image.open(io.BytesIO(clean)) as picture:
        picture.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
        out = io.BytesIO()
        picture.save(out, "PNG")
    return out.getvalue()


def add_picture(
    session: Session, *, key: str, label: str, now: dt.datetime, actor: Actor
) -> TransferSettings:
    """Show one more collection code; its PNG lies in the file store under *key*.

    Raises:
        Invalid: without a label, or when there are enough.
    """
    label = label.strip()
    if not label or len(label) > LABEL_LENGTH:
        raise Invalid(N_("Say what the code is for, such as WeChat."), field="label")
    before = _locked(session)
    if len(before.pictures) >= transfers.MOST_PICTURES:
        raise Invalid(
            N_("There can be %(most)s codes. Take one away first."),
            field="picture",
            most=transfers.MOST_PICTURES,
        )
    after = replace(before, pictures=(*before.pictures, Picture(key, label)))
    _keep(session, before, after, action="transfers.picture", now=now, actor=actor)
    return after


def drop_picture(session: Session, *, key: str, now: dt.datetime, actor: Actor) -> TransferSettings:
    """Take a collection code away; its file is deleted after the commit.

    Raises:
        NotFound: when there is none of that key.
        Conflict: when buyers would be left without any way to pay.
    """
    before = _locked(session)
    if before.picture(key) is None:
        raise NotFound()
    left = tuple(one for one in before.pictures if one.key != key)
    if before.on and not left and not before.account:
        raise Conflict(N_("Buyers would not know where to send the money. Write an account first."))
    after = replace(before, pictures=left)
    _keep(session, before, after, action="transfers.picture", now=now, actor=actor)
    outbox.put(session, kind="file_delete", key=f"file:{key}", payload={"storage_key": key}, now=now)
    return after


def _keep(
    session: Session,
    before: TransferSettings,
    after: TransferSettings,
    *,
    action: str,
    now: dt.datetime,
    actor: Actor,
) -> None:
    old, new = transfers.kept_as(before), transfers.kept_as(after)
    if old == new:
        return
    store.set_value(session, NAME, new)
    changed = [key for key in new if key != "html" and old[key] != new[key]]
    store.record(
        session,
        actor=actor,
        action=action,
        target="settings:transfers",
        now=now,
        # Who changed the account that money goes to must be found again, with what it was.
        details={key: {"before": old[key], "after": new[key]} for key in changed},
    )
