"""The doctor's look at members: promise 1 on the live database, and that whoever is numbered has a date."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from qunclub.kernel import Finding

from .models import Member, ReservedNumber
from .services import current_number

SHOWN = 20


def check(session: Session, now: dt.datetime) -> list[Finding]:
    """Findings about numbers, in a constant number of aggregate statements.

    Uniqueness is the database's own constraint; here we look for gaps, for numbers beyond the counter, and for
    numbers without a date.
    """
    last = current_number(session)
    found: list[Finding] = []
    queued, undated = session.execute(
        select(
            func.count(Member.number).filter(Member.number <= last),
            func.count(Member.number).filter(Member.numbered_at.is_(None)),
        )
    ).one()
    kept = session.execute(
        select(func.count(ReservedNumber.number))
        .outerjoin(Member, Member.number == ReservedNumber.number)
        .where(ReservedNumber.number <= last, Member.id.is_(None))
    ).scalar_one()
    if queued + kept != last:
        found.append(
            Finding(
                1,
                f"the counter stands at {last}, but {queued} numbers are given and {kept} kept back up to there",
                {"counter": last, "given": queued, "kept": kept},
            )
        )
    # A number above the counter is in order only when it was kept back and given by hand.
    strays = session.scalars(
        select(Member.number)
        .outerjoin(ReservedNumber, ReservedNumber.number == Member.number)
        .where(Member.number > last, ReservedNumber.number.is_(None))
        .order_by(Member.number)
        .limit(SHOWN)
    ).all()
    if strays:
        found.append(
            Finding(
                1,
                f"numbers beyond the counter ({last}): {', '.join(map(str, strays))}",
                {"counter": last, "numbers": list(strays)},
            )
        )
    doubles = session.execute(
        select(Member.number, func.count())
        .where(Member.number.is_not(None))
        .group_by(Member.number)
        .having(func.count() > 1)
        .limit(SHOWN)
    ).all()
    if doubles:
        numbers = [number for number, _count in doubles]
        found.append(
            Finding(
                1, f"numbers held by several members: {', '.join(map(str, numbers))}", {"numbers": numbers}
            )
        )
    if undated:
        found.append(Finding(1, f"{undated} numbers have no date of giving", {"count": undated}))
    return found
