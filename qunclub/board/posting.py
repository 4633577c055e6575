"""Whether somebody may write on a board now: the one question that every writing verb and page asks."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from qunclub.kernel import Forbidden

from . import rules
from .models import BoardPost
from .queries import Place
from .rules import Verdict


def may_post(
    session: Session,
    *,
    place: Place,
    now: dt.datetime,
    zone: dt.tzinfo,
    answering: BoardPost | None = None,
) -> Verdict:
    """Whether the reader of *place* may write a post there or, with *answering*, an answer to that post.

    Args:
        session: what else decides is read with it, in the transaction that writes.
        now: aware UTC.
        zone: the club's time zone, in which hours of the day are meant.
    """
    return rules.decide(
        staff=place.staff,
        seated=place.seated,
        covenant_due=place.covenant_due,
        posting=place.posting,
        answering=answering is not None,
        open_answers=answering.open_answers if answering is not None else True,
    )


def check_may_post(
    session: Session,
    *,
    place: Place,
    now: dt.datetime,
    zone: dt.tzinfo,
    answering: BoardPost | None = None,
) -> None:
    """The same, as a refusal.

    Raises:
        Forbidden: saying why.
    """
    verdict = may_post(session, place=place, now=now, zone=zone, answering=answering)
    if not verdict.allowed:
        raise Forbidden(verdict.reason, **verdict.params)
