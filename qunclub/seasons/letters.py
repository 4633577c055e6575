"""Letters about seasons to those who run them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session

from qunclub.kernel import mail
from qunclub.members import ERASED
from qunclub.members.models import Member


def to_admins(
    session: Session,
    *,
    template: str,
    key: str,
    about: Callable[[Member], dict[str, object]],
    now: dt.datetime,
    without: int | None = None,
) -> int:
    """Write to every admin who can be reached, once for each *key*; returns to how many.

    Args:
        about: what a letter says to one of them beside their name.
        without: a member who gets none, because it is about themselves.
    """
    reached = (
        select(Member)
        .where(
            cast(Member.roles, Text).contains('"admin"'),
            Member.suspended_at.is_(None),
            Member.user_key.not_like(ERASED + "%"),
            Member.email != "",
            Member.id != (without or 0),
        )
        .order_by(Member.id)
    )
    admins = session.scalars(reached).all()
    for one in admins:
        mail.send(
            session, to=one.email, template=template, context={"name": one.shown_name, **about(one)},
            locale=one.locale, key=f"{key}:{one.id}", now=now,
        )  # fmt: skip
    return len(admins)
