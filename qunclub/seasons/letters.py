"""Letters about seasons to those who run them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session

from qunclub import notices
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
    """Tell every admin, once for each *key*; returns how many.

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
            Member.id != (without or 0),
        )
        .order_by(Member.id)
    )
    admins = session.scalars(reached).all()
    told = [
        notices.Letter(one.id, {"name": one.shown_name, **about(one)}, f"{key}:{one.id}") for one in admins
    ]
    notices.letters(session, told, template=template, now=now)
    return len(admins)
