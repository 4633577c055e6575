"""What the path tells of a member elsewhere: the badge of their level."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from qunclub.kernel import Actor
from qunclub.kernel.ports import Part

from .models import MemberLevel
from .rules import EDITABLE


def of_member(session: Session, *, number: int, actor: Actor | None) -> list[Part]:
    """The badge beside the name: one statement. The core has one of its own, and participants are all."""
    level = session.scalar(
        select(MemberLevel.level).where(MemberLevel.number == number, MemberLevel.level.in_(EDITABLE))
    )
    return [Part("qunclub/levels/_badge.html", level, beside=True)] if level else []
