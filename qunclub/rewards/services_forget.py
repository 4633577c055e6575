"""Forgetting a member in this room: words about the person go, what was paid and given stays."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from qunclub.kernel import Actor

from . import services
from .models import TuitionCase


def forget(session: Session, *, member_id: int, actor: Actor, now: dt.datetime) -> None:
    """Give what is earned by now, end what is not, and take the words out of what an admin wrote.

    The case, its order, amount and state stay: they belong to the books. Who had it is a member without a name.
    """
    session.execute(update(TuitionCase).where(TuitionCase.member_id == member_id).values(reason=""))
    running = select(TuitionCase.id).where(
        TuitionCase.member_id == member_id, TuitionCase.state == "in_progress"
    )
    for case_id in session.scalars(running.order_by(TuitionCase.id)).all():
        if services.consider(session, case_id=case_id, actor=actor, now=now) == "in_progress":
            services.end_case(session, case_id=case_id, now=now)
